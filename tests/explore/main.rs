//! The explorer: what it finds in flows and in machines with something taken out of them.

mod before;
mod counting;
mod flows;
mod formats;
#[path = "../../benches/generated/mod.rs"]
mod generated;
mod mutants;
mod rig;
#[path = "../sarif/mod.rs"]
mod sarif;
mod shipped;
