//! What an enemy, a broken disk or a careless editor may put before a reader: no panic, no hang, bounded memory.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod flows;
mod guards;
mod journals;
mod memory;
