//! Steps of the phone that is being reached: when each can happen, and what it is.

use std::time::Duration;

use crate::machine::{AttemptId, Input};
use crate::plan::{Accept, DialMethod, Kind};
use crate::source::Span;

use super::document::Phone;
use super::run::{Failure, PATIENCE, where_it_is};
use super::world::{Leg, LegStage, World};

/// It is picked up, or comes to nothing, so long after it began to ring.
const AFTER_RINGING: Duration = Duration::from_secs(1);
/// Nobody waits longer than this for a phone that nobody answers.
const RINGS_AT_MOST: Duration = Duration::from_secs(300);

/// Waits until the phone can do something; which attempt it is.
pub(super) fn await_moment(world: &mut World, phone: Phone, span: Span) -> Result<AttemptId, Failure> {
    let ready = |leg: &Leg| match phone {
        Phone::Refused => leg.stage == LegStage::Commanded,
        Phone::Transferred => leg.method != DialMethod::DialOut,
        Phone::Fails(_) if leg.method != DialMethod::DialOut => leg.stage == LegStage::Commanded,
        Phone::Ringing | Phone::Answered | Phone::Accepted | Phone::Declined | Phone::Fails(_) => {
            leg.stage == LegStage::Ringing && !leg.stopping
        }
        Phone::NoAnswer => leg.stage <= LegStage::Ringing && !leg.stopping,
        Phone::Key(_) => leg.stage >= LegStage::Answered && leg.apart && !leg.stopping,
        Phone::Left => leg.stage >= LegStage::Answered,
    };
    let is_ready = |world: &World| world.live_leg().is_some_and(ready);
    if world.pass_while(PATIENCE, |world| !is_ready(world))
        && let Some(leg) = world.live_leg()
    {
        return Ok(leg.attempt);
    }
    let message = match phone {
        Phone::Left => "nobody is there who could hang up",
        Phone::Key(_) => "nobody was asked to press a key",
        Phone::Transferred => "the caller's leg is not being moved",
        _ => "nobody is being dialled here",
    };
    Err(Failure::new(span, message).help(where_it_is(world)))
}

pub(super) fn perform(world: &mut World, phone: Phone, span: Span) -> Result<(), Failure> {
    if let Phone::Accepted | Phone::Declined = phone {
        return at_gate(world, phone, span);
    }
    let attempt = await_moment(world, phone, span)?;
    match phone {
        // It has been told already.
        Phone::Ringing => {}
        Phone::NoAnswer => {
            let ended =
                |world: &World| world.live_leg().is_none_or(|leg| leg.attempt != attempt || leg.stopping);
            if !world.pass_while(RINGS_AT_MOST, |world| !ended(world)) {
                return Err(Failure::new(span, "it rings for ever").help(where_it_is(world)));
            }
        }
        Phone::Answered | Phone::Fails(_) => {
            if world.live_leg().is_some_and(|leg| leg.method == DialMethod::DialOut) {
                world.pass(AFTER_RINGING);
            }
            tell(world, attempt, phone);
        }
        Phone::Transferred | Phone::Refused => {
            world.forget_leg(attempt);
            tell(world, attempt, phone);
        }
        Phone::Key(_) | Phone::Left => tell(world, attempt, phone),
        Phone::Accepted | Phone::Declined => {}
    }
    Ok(())
}

fn tell(world: &mut World, attempt: AttemptId, phone: Phone) {
    if let Some(event) = phone.leg_event() {
        world.deliver(Input::Leg { attempt, event });
    }
}

/// Picks up, hears the question, and presses a key.
fn at_gate(world: &mut World, phone: Phone, span: Span) -> Result<(), Failure> {
    let attempt = match world.live_leg().filter(|leg| leg.stage >= LegStage::Answered && !leg.stopping) {
        Some(leg) => leg.attempt,
        None => {
            let attempt = await_moment(world, phone, span)?;
            world.pass(AFTER_RINGING);
            tell(world, attempt, Phone::Answered);
            attempt
        }
    };
    let Some((key, decline)) = gate(world).map(|accept| (accept.key, accept.decline)) else {
        let message = "nobody is asked whether they take the call here";
        return Err(
            Failure::new(span, message).help("the `dial` has no `accept:`; write `operator.answered`")
        );
    };
    let asked =
        |world: &World| world.live_leg().is_some_and(|leg| leg.stage == LegStage::Asked && !leg.stopping);
    if !world.pass_while(PATIENCE, |world| !asked(world)) {
        return Err(Failure::new(span, "the question was never heard").help(where_it_is(world)));
    }
    let key = if phone == Phone::Accepted { key } else { decline };
    tell(world, attempt, Phone::Key(key));
    Ok(())
}

/// The accept gate of the state that dials.
fn gate(world: &World) -> Option<&Accept> {
    match &world.plan().state(world.machine().state()).kind {
        Kind::Dial(dial) => dial.accept.as_ref(),
        _ => None,
    }
}
