//! `callflow test`: what a test file means, what the shipped ones hold, and the catalogue of edge cases.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../as_json/mod.rs"]
mod as_json;
mod cases;
mod command;
mod coverage;
mod document;
mod explore;
mod faults;
mod marks;
mod model;
#[path = "../named_tests/mod.rs"]
mod named_tests;
mod reader;
mod shipped;
mod stage;
mod steps;
mod tools;
