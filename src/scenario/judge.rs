//! What is expected, against what happened.

use crate::machine::{LegOutcome, Outcome};

use super::document::{Command, Expectation, Expected, Test};
use super::run::{Failure, where_it_is};
use super::world::{Who, World};

/// The first expectation that does not hold.
pub(super) fn all(expected: &[Expected], world: &World) -> Option<Failure> {
    expected.iter().find_map(|expected| judge(expected, world).err())
}

/// What holds for every test: the call ends by the clock alone, nothing is left running, and no rule of the
/// call plane was broken.
pub(super) fn survival(test: &Test, mut world: World) -> Option<Failure> {
    world.be_alone();
    let ended = world.run_to_its_end();
    let failure = |message: String| Failure::new(test.name.span, message).help(where_it_is(&world));
    if world.is_exhausted() {
        return Some(failure("the call goes in circles".to_owned()));
    }
    if !ended {
        return Some(failure("the call never comes to an end".to_owned()));
    }
    world.clone().check_silence_after_the_end();
    let broken = world.broken_rules().first();
    broken.map(|rule| failure(format!("a rule of every call was broken: {rule}")))
}

fn judge(expected: &Expected, world: &World) -> Result<(), Failure> {
    let fails = |message: String| Failure::new(expected.span, message);
    match &expected.what {
        Expectation::State(name) if world.machine().is_over() || world.state_name() != name => {
            Err(fails(format!("expected the call to be in `{name}`")).help(where_it_is(world)))
        }
        Expectation::Final(name) if !world.machine().is_over() || world.state_name() != name => {
            Err(fails(format!("expected the call to have ended in `{name}`")).help(where_it_is(world)))
        }
        Expectation::Outcome(outcome) if world.machine().outcome() != Some(*outcome) => {
            let wanted = outcome_name(*outcome);
            Err(fails(format!("expected the outcome {wanted}")).help(where_it_is(world)))
        }
        Expectation::States(names) => match missing_in_order(names, world) {
            Some(name) => {
                let path: Vec<_> = world.path().collect();
                let help = format!("the call went {}", path.join(" → "));
                Err(fails(format!("`{name}` was not entered in its turn")).help(help))
            }
            None => Ok(()),
        },
        Expectation::Said(text) if !was_said(text, world) => {
            let said = world.story().iter().rev().find(|line| line.who == Who::Bot);
            let help =
                said.map_or("nothing was said".to_owned(), |line| format!("last was said: {}", line.what));
            Err(fails(format!("expected the bot to have said “{text}”")).help(help))
        }
        Expectation::Count(command, wanted) => match world.tally().count(*command) {
            count if count == *wanted => Ok(()),
            count => Err(fails(format!("expected `{}` {}", command.name(), times(*wanted)))
                .help(format!("it was commanded {}", times(count)))),
        },
        Expectation::Targets(command, wanted) => targets(*command, wanted, world).map_err(|help| {
            fails(format!("expected `{}` of {}", command.name(), wanted.join(", "))).help(help)
        }),
        Expectation::Transfer(wanted) => match world.machine().transfer().map(|report| report.outcome) {
            Some(outcome) if outcome == *wanted => Ok(()),
            other => {
                let help = other.map_or("nobody was dialled".to_owned(), |outcome| {
                    format!("the last attempt ended as {}", leg_outcome_name(outcome))
                });
                let wanted = leg_outcome_name(*wanted);
                Err(fails(format!("expected the last attempt to end as {wanted}")).help(help))
            }
        },
        Expectation::Never(banned) => match banned.iter().find(|banned| has_happened(&banned.what, world)) {
            Some(banned) => Err(Failure::new(banned.span, format!("this happened: {}", words(&banned.what)))
                .help(where_it_is(world))),
            None => Ok(()),
        },
        Expectation::OneOf(lists) => {
            let failures: Vec<_> = lists.iter().map(|list| all(list, world)).collect();
            match failures.into_iter().collect::<Option<Vec<_>>>() {
                Some(failures) => {
                    let why: Vec<_> = failures.into_iter().map(|failure| failure.message).collect();
                    let message = format!("none of these is so: {}", why.join("; "));
                    Err(fails(message).help(where_it_is(world)))
                }
                None => Ok(()),
            }
        }
        Expectation::State(_) | Expectation::Final(_) | Expectation::Outcome(_) | Expectation::Said(_) => {
            Ok(())
        }
    }
}

fn has_happened(banned: &Expectation, world: &World) -> bool {
    match banned {
        Expectation::State(name) => world.path().any(|state| state == name),
        Expectation::Said(text) => was_said(text, world),
        Expectation::Count(command, least) => world.tally().count(*command) >= *least,
        Expectation::Outcome(outcome) => world.machine().outcome() == Some(*outcome),
        Expectation::Final(_)
        | Expectation::States(_)
        | Expectation::Targets(..)
        | Expectation::Transfer(_)
        | Expectation::Never(_)
        | Expectation::OneOf(_) => false,
    }
}

pub(super) fn words(banned: &Expectation) -> String {
    match banned {
        Expectation::State(name) => format!("the call was in `{name}`"),
        Expectation::Said(text) => format!("the bot said “{text}”"),
        Expectation::Count(command, _) => format!("`{}` was commanded", command.name()),
        Expectation::Outcome(outcome) => format!("the call ended as {}", outcome_name(*outcome)),
        _ => "it".to_owned(),
    }
}

fn was_said(text: &str, world: &World) -> bool {
    let wanted = text.to_lowercase();
    world.story().iter().any(|line| line.who == Who::Bot && line.what.to_lowercase().contains(&wanted))
}

fn missing_in_order<'n>(names: &'n [String], world: &World) -> Option<&'n String> {
    let mut path = world.path();
    names.iter().find(|name| !path.any(|state| state == **name))
}

fn targets(command: Command, wanted: &[String], world: &World) -> Result<(), String> {
    let plan = world.plan();
    let tally = world.tally();
    let ids = if command == Command::Dial { &tally.dialled } else { &tally.stopped };
    let names: Vec<_> = ids.iter().map(|id| &*plan.target(*id).name).collect();
    if names == *wanted {
        return Ok(());
    }
    Err(if names.is_empty() { "nobody was".to_owned() } else { format!("it was {}", names.join(", ")) })
}

fn times(count: u32) -> String {
    match count {
        0 => "never".to_owned(),
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        n => format!("{n} times"),
    }
}

/// As tests write it.
#[must_use]
pub fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Transferred => "transferred",
        Outcome::Completed => "completed",
        Outcome::CallerLeft => "caller_left",
        Outcome::Failed => "failed",
    }
}

/// As tests write it.
#[must_use]
pub fn leg_outcome_name(outcome: LegOutcome) -> &'static str {
    match outcome {
        LegOutcome::Answered => "answered",
        LegOutcome::NoAnswer => "no_answer",
        LegOutcome::Busy => "busy",
        LegOutcome::Rejected => "rejected",
        LegOutcome::Unreachable => "unreachable",
        LegOutcome::Voicemail => "voicemail",
        LegOutcome::Failed => "failed",
        LegOutcome::Cancelled => "cancelled",
        LegOutcome::Transferred => "transferred",
    }
}
