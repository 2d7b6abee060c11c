//! Whole calls over the sandbox's telephone network, on virtual time: what callers and operators hear, see and
//! press, for everything that a `dial` can do. The clients, the session and the machine are the real ones; only
//! the vendors are emulated.

#![allow(clippy::unwrap_used, reason = "a test panics when it fails")]

mod catalogue;
#[path = "../dial_ins/mod.rs"]
mod dial_ins;
mod dialling;
mod gate;
mod moving;
mod person;
mod world;
