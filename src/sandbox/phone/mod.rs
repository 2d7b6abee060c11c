//! Phones: the network's side of `/phone`, and a phone to be used by people, tests and load.

mod audio;
pub(crate) mod socket;
mod wire;

pub use wire::RejectReason;
