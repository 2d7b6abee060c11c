//! `callflow test`: calls told step by step, run through the real machine on a virtual clock.
//!
//! A test file stands beside its flow. [`parse`] reads it, [`names::check`] holds its names against the flow,
//! [`run`] runs one test in one order of its races, [`coverage`] adds up what was reached, [`generate`] writes
//! the tests that are missing, and [`faults`] is the catalogue of edge cases that can be injected.
//! Nothing here speaks, dials or waits: there is no tokio and no network, and time is a number.

pub mod coverage;
mod document;
mod explored;
pub mod faults;
mod flow;
pub mod generate;
mod judge;
mod model;
pub mod names;
mod parse;
mod phone;
mod played;
mod rules;
mod run;
mod schema;
mod tools;
mod world;

pub use document::{
    Action, Answer, Assigned, Command, Expectation, Expected, Explore, Given, Part, Phone, Step, Suite, Test,
};
pub use explored::Explored;
pub use flow::Subject;
pub use judge::{leg_outcome_name, outcome_name};
pub use model::{Asked, Exchange, Model, Move, Replied, Shared, Verdict};
pub use parse::parse;
pub use run::{Failure, Ran, orders, perform, run, run_played, run_with};
pub use schema::{json_schema, json_schema_text};
pub use world::{Circumstances, Line, Who, World, tell};
