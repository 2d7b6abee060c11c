//! The machine against its contract: what each state does, what a cold transfer may never do, and random
//! worlds. No clock, no network: a test says what happens and when.

#![allow(clippy::unwrap_used, reason = "a test panics when it fails")]

mod collecting;
mod conversation;
mod endings;
mod flows;
mod gate;
mod handoff;
mod language;
mod properties;
mod rig;
mod tools;
mod transfer;
