//! Vendors that fail, in whole calls against the sandbox, as the caller's phone hears it: with somebody to step
//! in, and with nobody.

mod beyond;
mod call;
mod matrix;
mod place;
mod traces;
