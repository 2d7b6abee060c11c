//! The step `caller.plays`, and `judge:`: a model plays the caller, and says whether something is so.

use std::time::Duration;

use crate::machine::Input;
use crate::source::{Span, Spanned};

use super::document::Part;
use super::model::Move;
use super::run::{Failure, PATIENCE, speak, where_it_is};
use super::world::World;

/// A bot that speaks longer than this at a stretch is not listened to any further.
const SPEAKS_AT_MOST: Duration = Duration::from_secs(120);

/// Has a model play the caller: turn by turn, until the call is over or elsewhere, or they hang up.
pub(super) fn plays(world: &mut World, part: &Part, span: Span) -> Result<(), Failure> {
    let there = |world: &World| {
        part.until.as_ref().is_some_and(|until| world.path().any(|state| state == until.value))
    };
    let done = |world: &World| world.machine().is_over() || there(world);
    for _ in 0..part.turns {
        world.pass_while(SPEAKS_AT_MOST, |world| world.is_sounding() && !done(world));
        world.pass_while(PATIENCE, |world| !world.machine().accepts_speech() && !done(world));
        if done(world) || !world.machine().accepts_speech() {
            break;
        }
        match world.next_move(&part.role.value) {
            Some(Move::Says(words)) if !words.is_blank() => speak(world, words.text()),
            Some(Move::HangsUp) => {
                world.deliver(Input::CallerLeft);
                break;
            }
            Some(Move::Says(_)) | None => break,
        }
        world.pass_while(SPEAKS_AT_MOST, |world| !world.is_settled() && !done(world));
    }
    intact(world, span)?;
    match &part.until {
        Some(until) if !there(world) => {
            let turns = part.turns;
            let message = format!("`{}` was not entered within {turns} turns of the caller", until.value);
            Err(Failure::new(until.span, message).help(where_it_is(world)))
        }
        _ => Ok(()),
    }
}

/// The first of the criteria that is not so.
pub(super) fn judge(criteria: &[Spanned<String>], world: &World) -> Option<Failure> {
    criteria.iter().find_map(|criterion| match world.verdict(&criterion.value)? {
        Ok(verdict) if verdict.holds => None,
        Ok(verdict) => {
            Some(Failure::new(criterion.span, "the judge says that this is not so").help(verdict.why))
        }
        Err(why) => Some(Failure::new(criterion.span, format!("there is no verdict: {why}"))),
    })
}

/// That the model could be asked.
pub(super) fn intact(world: &World, span: Span) -> Result<(), Failure> {
    match world.broken_model() {
        Some(why) => Err(Failure::new(span, format!("the model could not be asked: {why}"))),
        None => Ok(()),
    }
}
