//! One way through a call, step by step, as it was explored.

use std::time::Duration;

use super::start::Start;
use super::subject::Subject;
use super::violation::Violations;
use super::world::{Happening, World};
use crate::machine::{Effect, Input};
use crate::plan::StateId;

/// A way through a call from its beginning.
#[derive(Clone, Debug)]
pub struct Trace {
    /// How the call begins.
    pub start: Start,
    /// What happens.
    pub steps: Vec<Step>,
}

/// One step of a [`Trace`].
#[derive(Clone, Debug)]
pub struct Step {
    /// What happens.
    pub happening: Happening,
    /// How long after the step before.
    pub waited: Duration,
    /// A timer that comes before others that were due earlier.
    pub out_of_turn: bool,
    /// What the machine asks for.
    pub effects: Vec<Effect>,
    /// The bot is being heard after it.
    pub bot_speaks: bool,
    /// The leg that it tells of had been picked up, and was not being stopped.
    pub leg_was_answered: bool,
    /// The leg that it tells of was being stopped.
    pub leg_was_stopping: bool,
    /// The state of the flow after it, if there is one yet.
    pub state: Option<StateId>,
    /// The call is over after it.
    pub over: bool,
}

impl Trace {
    pub(super) fn new(start: Start) -> Self {
        Self { start, steps: Vec::new() }
    }

    /// Takes a step in a world and notes it.
    pub(super) fn step<S: Subject>(&mut self, world: &mut World<S>, happening: &Happening) {
        let before = world.now;
        let out_of_turn = match happening {
            Happening::Timer(timer) => world.subject.armed().first().is_some_and(|(_, first)| first != timer),
            Happening::Input(_) => false,
        };
        let leg = match happening {
            Happening::Input(Input::Leg { attempt, .. }) => world.ledger.leg(*attempt).copied(),
            _ => None,
        };
        let mut effects = Vec::new();
        world.step(happening, &mut effects, &mut Violations::default());
        self.steps.push(Step {
            happening: happening.clone(),
            waited: Duration::from_millis(world.now.0 - before.0),
            out_of_turn,
            effects,
            bot_speaks: !world.ledger.sentences.is_empty() || !world.ledger.replies.is_empty(),
            leg_was_answered: leg.is_some_and(|leg| leg.answered && !leg.stopping),
            leg_was_stopping: leg.is_some_and(|leg| leg.stopping),
            state: world.ledger.state,
            over: world.subject.is_over(),
        });
    }
}
