//! What becomes of a call in which nobody does anything any more: how long it lasts, and how long it is silent.

use std::time::Duration;

use super::subject::Subject;
use super::violation::{Violation, Violations};
use super::world::{Happening, World};
use crate::diagnostic::Rule;
use crate::machine::{Effect, Millis, Timer};

/// Deadlines after which a call counts as going in circles.
pub(super) const DEADLINES: usize = 1_000;
/// Later than anything that happens, and still a deadline.
const NEVER: Millis = Millis(u64::MAX - 1);

/// Lets only timers happen, without the one that bounds every call, until the call is over or handed over.
///
/// How long that takes; `None` if it does not end, or only `call.max_duration` would end it.
pub(super) fn until_the_end<S: Subject>(world: &World<S>) -> Option<Duration> {
    let mut copy = world.clone();
    leave(&mut copy);
    let mut effects = Vec::new();
    let mut ignored = Violations::default();
    for _ in 0..DEADLINES {
        if is_over(&copy, world) {
            return Some(between(world.now, copy.now));
        }
        effects.clear();
        copy.step(&next(&copy)?, &mut effects, &mut ignored);
    }
    None
}

/// Only its deadlines go on with this call, and not the one that bounds every call.
pub(super) fn leave<S: Subject>(copy: &mut World<S>) {
    copy.subject.move_deadline(Timer::MaxDuration, NEVER);
}

/// Whether a call that was left alone is over or handed over.
pub(super) fn is_over<S: Subject>(copy: &World<S>, left: &World<S>) -> bool {
    copy.subject.is_over() || (copy.ledger.handed_off.is_some() && left.ledger.handed_off.is_none())
}

/// What happens to it next, if anything does.
pub(super) fn next<S: Subject>(copy: &World<S>) -> Option<Happening> {
    let armed = copy.subject.armed();
    let (_, timer) = *armed.first().filter(|(_, timer)| *timer != Timer::MaxDuration)?;
    Some(Happening::Timer(timer))
}

/// What is wrong if there is no such end.
pub(super) fn no_end<S: Subject>(world: &World<S>) -> Violation {
    Violation {
        rule: Rule::Inevitable,
        message: "if nobody does anything more, nothing but `call.max_duration` ends this call".to_owned(),
        from: world.ledger.from,
        state: world.ledger.state,
        wish: None,
    }
}

/// How long the caller hears nothing from here on, if nobody does anything. Zero if something is to be heard,
/// or if they are talking themselves.
pub(super) fn silence<S: Subject>(world: &World<S>) -> Duration {
    let is_quiet =
        |world: &World<S>| world.has_caller() && !world.ledger.is_audible() && !world.ledger.speaking;
    if !is_quiet(world) {
        return Duration::ZERO;
    }
    let mut copy = world.clone();
    let mut effects = Vec::new();
    let mut ignored = Violations::default();
    for _ in 0..DEADLINES {
        if !is_quiet(&copy) || copy.ledger.room_gone || copy.subject.is_over() || sounded(&effects) {
            break;
        }
        let Some((_, timer)) = copy.subject.armed().first().copied() else { break };
        effects.clear();
        copy.step(&Happening::Timer(timer), &mut effects, &mut ignored);
    }
    between(world.now, copy.now)
}

fn sounded(effects: &[Effect]) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::Say { .. } | Effect::Reply { .. }))
}

fn between(from: Millis, to: Millis) -> Duration {
    Duration::from_millis(to.0.saturating_sub(from.0))
}
