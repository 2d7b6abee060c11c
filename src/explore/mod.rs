//! The explorer: every call that a flow can have, under an abstraction, and whether the properties hold in all.
//!
//! It runs the real machine, breadth first, in a world in which everything can happen at any moment: the
//! caller, the person called, the vendors, the room, and every timer. What it proves, it proves against that
//! model of the world; `docs/explorer.md` says what the model leaves out. It does no I/O and reads no clock, and
//! the same flow makes the same report.

mod alone;
mod coarse;
mod events;
mod ledger;
mod order;
mod probe;
mod question;
mod script;
mod search;
mod start;
mod story;
mod subject;
mod trace;
mod violation;
mod world;

use std::sync::Arc;
use std::time::Duration;

pub use events::{fillers, fillings, usual};
pub use question::{Absent, Breaks, Broken, Question, Situation};
pub use start::Start;
pub use story::{Sentence, span};
pub use subject::Subject;
pub use trace::{Step, Trace};
pub use violation::Violation;
pub use world::Happening;

use crate::machine::{CallInfo, Machine};
use crate::plan::{Plan, StateId};

/// How far an exploration goes.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Configurations after which it gives up.
    pub configurations: usize,
    /// Findings after which it has seen enough.
    pub findings: usize,
}

impl Default for Limits {
    /// Enough for a flow of some hundred states.
    fn default() -> Self {
        Self { configurations: 1_000_000, findings: 20 }
    }
}

/// What an exploration came to.
#[derive(Clone, Debug)]
pub struct Report {
    /// Configurations that were reached.
    pub configurations: usize,
    /// Steps of the machine that were taken between them.
    pub steps: usize,
    /// Whether these are all. If not, what holds so far may not hold in the rest.
    pub complete: bool,
    /// Properties that do not hold, the nearest first, each with one of its shortest stories.
    pub findings: Vec<Finding>,
    /// Requirements of a [`Question`] that do not hold, the nearest first.
    pub broken: Vec<Broken>,
    /// The longest that a caller hears nothing, once everybody has done what they do.
    pub longest_silence: Option<Measure>,
    /// The longest until the end of a call, before its handoff, in which nobody and no vendor does anything more.
    pub longest_end: Option<Measure>,
    /// States of the flow that were never entered.
    pub unentered: Vec<StateId>,
}

/// A property that does not hold, and how that comes about.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What does not hold.
    pub violation: Violation,
    /// One of the shortest ways there.
    pub trace: Trace,
}

/// A length of time, and the way to where it begins.
#[derive(Clone, Debug)]
pub struct Measure {
    /// How long.
    pub time: Duration,
    /// The way there.
    pub trace: Trace,
}

/// Explores a flow. `progress` is told from time to time how many configurations there are.
pub fn explore(plan: &Arc<Plan>, limits: &Limits, progress: &mut dyn FnMut(usize)) -> Report {
    explore_with(plan, |plan, info| Machine::new(Arc::clone(plan), info), limits, progress)
}

/// Whether [`explore`] would find nothing, found out by a coarser search that knows no counts: more can happen in it than
/// in any call. If it says no, which it also does with more configurations than this, only [`explore`] can tell.
#[must_use]
pub fn holds(plan: &Arc<Plan>, configurations: usize) -> bool {
    holds_with(plan, |plan, info| Machine::new(Arc::clone(plan), info), configurations)
}

/// [`holds`] with something else than the machine as it is: for tests of the explorer itself.
pub fn holds_with<S: Subject>(
    plan: &Arc<Plan>,
    make: impl Fn(&Arc<Plan>, CallInfo) -> S,
    configurations: usize,
) -> bool {
    coarse::Coarse::new(plan).holds(make, configurations).is_some()
}

/// Explores what can follow a call so far, with requirements of its own. Gives up at the first thing that does not
/// hold.
pub fn explore_from(plan: &Arc<Plan>, so_far: &Situation, question: Question<'_>, limits: &Limits) -> Report {
    let limits = Limits { findings: 1, ..*limits };
    let make = |plan: &Arc<Plan>, info| Machine::new(Arc::clone(plan), info);
    search::Search::from(plan, make, so_far, question).run(&limits, &mut |_| {})
}

/// Explores a flow with something else than the machine as it is: for tests of the explorer itself.
pub fn explore_with<S: Subject>(
    plan: &Arc<Plan>,
    make: impl Fn(&Arc<Plan>, CallInfo) -> S,
    limits: &Limits,
    progress: &mut dyn FnMut(usize),
) -> Report {
    search::Search::new(plan, make).run(limits, progress)
}
