//! Phones: the network's side of `/phone`, and [`Phone`], to be used by people, tests and load.
//!
//! Protocol: `docs/sandbox-protocol.md`, section "The phones". Audio is 8 kHz µ-law in frames of 20 ms.

mod audio;
mod client;
mod conversation;
mod mouth;
pub(crate) mod socket;
mod wire;

pub use client::{Phone, PhoneError, PhoneEvent};
pub use conversation::PAUSE_MS;
pub use wire::RejectReason;
