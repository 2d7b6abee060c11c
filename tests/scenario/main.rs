//! `callflow test`: what a test file means, what the shipped ones hold, and the catalogue of edge cases.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod cases;
mod command;
mod coverage;
mod document;
mod explore;
mod faults;
mod marks;
mod model;
mod reader;
mod shipped;
mod stage;
mod steps;
mod tools;
