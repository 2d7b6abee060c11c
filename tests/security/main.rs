//! What docs/security.md promises, attacked.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod access;
mod crowds;
mod forgery;
mod leaks;
mod site;
