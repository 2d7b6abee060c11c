//! What docs/security.md promises, attacked.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod access;
mod busy;
mod crowds;
mod dial_targets;
mod document;
mod engine;
mod forgery;
mod leaks;
#[path = "../named_tests/mod.rs"]
mod named_tests;
mod printing;
mod site;
mod supply;
