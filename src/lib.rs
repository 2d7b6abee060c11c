//! callflow: a declarative call-flow engine for phone bots.
//!
//! A call flows through the house in one direction; decisions and effects never share a room.
//!
//! ```text
//! flows/*.yaml ─▶ source ─▶ flow (spanned document) ─▶ check (rules) ─▶ plan (compiled)
//!                                                                         │
//! phone ─▶ telephony ─▶ session ─▶ machine.handle(now, input) ─▶ effects ─▶ session ─▶ speech · telephony ─▶ phone
//! ```
// Two modules may: `telephony::daily::core::abi`, the C functions of Daily's media library, and `cli::run::memory`, one of
// the C library.
#![deny(unsafe_code)]
// Here and not in Cargo.toml: tests may unwrap, also outside of test functions.
#![deny(clippy::unwrap_used)]
#![warn(clippy::large_futures)]

pub mod access;
pub mod audio;
pub mod check;
pub mod cli;
pub mod cloud;
pub mod diagnostic;
pub mod explore;
pub mod flow;
pub mod machine;
pub mod matcher;
pub mod pii;
pub mod plan;
pub mod replay;
pub mod sandbox;
pub mod scenario;
pub mod server;
pub mod session;
pub mod settings;
pub mod source;
pub mod speech;
pub mod telemetry;
pub mod telephony;
