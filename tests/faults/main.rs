//! Vendors that fail, in whole calls against the sandbox, as the caller's phone hears it: with somebody to step
//! in.

mod matrix;
mod place;
mod traces;
