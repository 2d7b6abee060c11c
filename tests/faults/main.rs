//! Vendors that fail, in whole calls against the sandbox, as the caller's phone hears it: with somebody to step
//! in, and with nobody.

mod beyond;
mod call;
#[path = "../dial_ins/mod.rs"]
mod dial_ins;
mod matrix;
mod place;
mod traces;
