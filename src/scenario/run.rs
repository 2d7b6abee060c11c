//! Runs one test in one order of its races: step by step, then what is expected.
//!
//! A step waits for its moment, as a line of a piped call does: what the caller says waits for their turn, an
//! answer for the phone to ring. Each wait is bounded, in the time of the call.

use std::sync::Arc;
use std::time::Duration;

use crate::machine::{Input, LegEvent, Millis};
use crate::pii::Utterance;
use crate::plan::{Event, Plan};
use crate::source::Span;

use super::document::{Action, Phone, Step, Test};
use super::explored::{self, Explored};
use super::faults::{self, Fault};
use super::judge;
use super::model::Shared;
use super::phone;
use super::played;
use super::tools;
use super::world::{Circumstances, World};

/// How long a step waits for its moment.
pub(super) const PATIENCE: Duration = Duration::from_secs(90);
/// A caller answers so soon, and says a character in so much time.
const ANSWERS_AFTER: Duration = Duration::from_millis(500);
const PER_CHARACTER: u32 = 40;
const LONGEST_TURN: u32 = 6_000;

/// Why a test failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The step or expectation.
    pub span: Span,
    /// What is wrong.
    pub message: String,
    /// What was found instead, or what to do.
    pub help: Option<String>,
    /// What follows the call up to there, line by line, if it was found by exploring.
    pub story: Vec<String>,
}

impl Failure {
    pub(super) fn new(span: Span, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), help: None, story: Vec::new() }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// What came of one run.
#[derive(Debug)]
pub struct Ran {
    /// Why it failed, if it did.
    pub failure: Option<Failure>,
    /// The call: as it stood when it was judged, or where it failed.
    pub world: World,
    /// How far `explore:` went, if the test has it.
    pub explored: Explored,
}

/// Runs a test once; `orders` says for each of its races in which order it happens.
#[must_use]
pub fn run(test: &Test, plan: &Arc<Plan>, orders: &[Vec<usize>]) -> Ran {
    let faults: Vec<Fault> =
        test.faults.iter().filter_map(|fault| faults::find(&fault.value)?.fault()).collect();
    run_with(test, plan, orders, faults)
}

/// [`run`] with these faults and no others.
#[must_use]
pub fn run_with(test: &Test, plan: &Arc<Plan>, orders: &[Vec<usize>], faults: Vec<Fault>) -> Ran {
    play(test, plan, orders, faults, None)
}

/// Runs a test with a model that is really asked: it is the bot, plays the caller, and judges.
#[must_use]
pub fn run_played(test: &Test, plan: &Arc<Plan>, orders: &[Vec<usize>], model: Shared) -> Ran {
    let faults = test.faults.iter().filter_map(|fault| faults::find(&fault.value)?.fault()).collect();
    play(test, plan, orders, faults, Some(model))
}

fn play(
    test: &Test,
    plan: &Arc<Plan>,
    orders: &[Vec<usize>],
    faults: Vec<Fault>,
    model: Option<Shared>,
) -> Ran {
    let given = &test.given;
    let circumstances = Circumstances { at: given.at, from: given.from.clone(), to: given.to.clone() };
    let disturbed = !faults.is_empty();
    let mut world = World::new(Arc::clone(plan), &circumstances, faults);
    if let Some(model) = model {
        world.be_played_by(model);
    }
    if test.explore.is_some() {
        world.record();
    }
    world.begin();
    let joins_by_itself = !test.script.iter().any(|step| matches!(step.action, Action::Joins));
    if joins_by_itself {
        world.deliver(Input::CallerJoined);
    }
    let mut orders = orders.iter();
    for step in &test.script {
        // A call that a fault has ended needs no further steps.
        if disturbed && world.machine().is_over() {
            break;
        }
        let done = match &step.action {
            Action::Race(racers) => race(&mut world, racers, orders.next().map_or(&[], |order| order)),
            _ => perform(&mut world, step),
        };
        match done {
            Ok(()) => {}
            // What a fault has made impossible is not the script's mistake.
            Err(_) if disturbed && !matches!(step.action, Action::Expect(_)) => {}
            Err(failure) => return Ran { failure: Some(failure), world, explored: Explored::default() },
        }
    }
    let explored = match test.explore.as_ref().map(|wanted| explored::explore(wanted, &world)) {
        Some(Err(failure)) => return Ran { failure: Some(failure), world, explored: Explored::default() },
        Some(Ok(explored)) => explored,
        None => Explored::default(),
    };
    world.settle();
    if test.expect.iter().any(|expected| expected.what.is_of_the_end()) || disturbed {
        world.run_to_its_end();
    }
    let failure = played::intact(&world, test.name.span).err();
    let failure = failure.or_else(|| judge::all(&test.expect, &world));
    let failure = failure.or_else(|| played::judge(&test.judge, &world));
    let failure = failure.or_else(|| judge::survival(test, world.clone()));
    Ran { failure, world, explored }
}

/// Lets one step happen.
///
/// # Errors
/// [`Failure`] if its moment does not come, or if it is an expectation that does not hold.
pub fn perform(world: &mut World, step: &Step) -> Result<(), Failure> {
    match &step.action {
        Action::Wait(time) => world.pass(*time),
        Action::Said => return said(world, step.span),
        Action::Quiet => world.settle(),
        Action::Expect(expected) => {
            // What is on its way is waited for, and no longer.
            while judge::all(expected, world).is_some() && !world.is_settled() && world.step() {}
            return judge::all(expected, world).map_or(Ok(()), Err);
        }
        Action::Intent { name, slots } => {
            let intent = world.plan().intent_named(&name.value);
            let intent = intent.ok_or_else(|| Failure::new(name.span, "there is no such intent"))?;
            let known = world.plan().intent(intent);
            let words = known.examples.first().unwrap_or(&known.when).to_string();
            turn(world, step.span, &words)?;
            let slots =
                slots.iter().map(|slot| (slot.name.value.clone(), Utterance::new(&*slot.value.value)));
            world.mean(intent, slots.collect());
            speak(world, &words);
            return understood(world, step.span, &name.value);
        }
        Action::Says(words) => {
            turn(world, step.span, words)?;
            speak(world, words);
        }
        Action::Interrupts(words) => {
            if world.machine().is_over() {
                return Err(over(world, step.span));
            }
            world.deliver(Input::SpeechStarted);
            world.pass(ANSWERS_AFTER);
            world.deliver(Input::TurnEnded { text: Utterance::new(words.as_str()) });
        }
        Action::Plays(part) => return played::plays(world, part, step.span),
        Action::ToolAsked { name, args } => return tools::asks(world, name, args, step.span),
        Action::ToolAnswers(answer) => return tools::answer(world, answer, step.span),
        Action::Phone(phone) => return phone::perform(world, *phone, step.span),
        Action::ReplyFails(service) => {
            world.fail_reply(*service);
        }
        Action::TimeIsUp => return time_is_up(world, step.span),
        Action::Race(_) => {}
        Action::Joins
        | Action::Leaves
        | Action::Presses(_)
        | Action::ServiceFails(_)
        | Action::SayFails
        | Action::RoomExpires
        | Action::RoomCloses
        | Action::Shutdown => {
            if world.machine().is_over() {
                return Err(over(world, step.span));
            }
            // A key that is pressed into the middle of a sentence is a matter for a race.
            if matches!(step.action, Action::Presses(_)) {
                world.settle();
            }
            for input in inputs(world, step)? {
                world.deliver(input);
            }
        }
    }
    Ok(())
}

/// The inputs of a step that happens at one moment, after waiting until it can.
fn inputs(world: &mut World, step: &Step) -> Result<Vec<Input>, Failure> {
    Ok(match &step.action {
        Action::Joins => vec![Input::CallerJoined],
        Action::Leaves => vec![Input::CallerLeft],
        Action::Presses(keys) => keys.chars().map(|digit| Input::Dtmf { digit }).collect(),
        Action::ServiceFails(service) => vec![Input::ServiceFailed { service: *service }],
        Action::RoomExpires => vec![Input::RoomExpiring],
        Action::RoomCloses => vec![Input::RoomClosed],
        Action::Shutdown => vec![Input::Shutdown],
        Action::Says(words) => {
            turn(world, step.span, words)?;
            vec![Input::SpeechStarted, Input::TurnEnded { text: Utterance::new(words.as_str()) }]
        }
        Action::Interrupts(words) => {
            vec![Input::SpeechStarted, Input::TurnEnded { text: Utterance::new(words.as_str()) }]
        }
        Action::SayFails => {
            if !world.pass_while(PATIENCE, |world| world.sentences().next().is_none()) {
                return Err(Failure::new(step.span, "no sentence was to be spoken"));
            }
            let utterances: Vec<_> = world.sentences().take(1).collect();
            utterances.into_iter().map(|utterance| Input::SayFailed { utterance }).collect()
        }
        Action::Phone(phone) => {
            let attempt = phone::await_moment(world, *phone, step.span)?;
            phone.leg_event().map(|event| Input::Leg { attempt, event }).into_iter().collect()
        }
        Action::ToolAnswers(answer) => vec![tools::await_request(world, answer, step.span)?],
        Action::Said
        | Action::Quiet
        | Action::Intent { .. }
        | Action::ToolAsked { .. }
        | Action::Plays(_)
        | Action::Wait(_)
        | Action::ReplyFails(_)
        | Action::TimeIsUp
        | Action::Expect(_)
        | Action::Race(_) => Vec::new(),
    })
}

/// Lets several things happen at one moment, in this order. What comes before a wait comes a millisecond
/// before its end, what comes after it, at its end and after whatever is due then.
fn race(world: &mut World, racers: &[Step], order: &[usize]) -> Result<(), Failure> {
    // All of them first wait until they can happen, so that no time passes between them.
    let mut bound = Vec::new();
    for racer in racers {
        bound.push(inputs(world, racer)?);
    }
    let wait = racers.iter().find_map(|racer| match racer.action {
        Action::Wait(time) => Some(time),
        _ => None,
    });
    let end = wait.map(|time| world.now().after(time));
    if let Some(end) = end {
        world.pass_until(Millis(end.0.saturating_sub(1)));
    }
    for index in order {
        match racers.get(*index).map(|racer| &racer.action) {
            Some(Action::Wait(_)) => world.pass_until(end.unwrap_or(world.now())),
            _ => bound.get(*index).into_iter().flatten().for_each(|input| world.deliver(input.clone())),
        }
    }
    Ok(())
}

fn said(world: &mut World, span: Span) -> Result<(), Failure> {
    if !world.is_sounding() {
        return Err(Failure::new(span, "nothing is being said here").help(where_it_is(world)));
    }
    if world.pass_while(PATIENCE, World::is_sounding) {
        return Ok(());
    }
    Err(Failure::new(span, "what is being said is never over").help(where_it_is(world)))
}

/// Waits for the caller's turn.
pub(super) fn turn(world: &mut World, span: Span, words: &str) -> Result<(), Failure> {
    if world.pass_while(PATIENCE, |world| !world.machine().accepts_speech()) {
        return Ok(());
    }
    let words = crate::flow::shortened(words);
    let message = format!("the caller never came to say “{words}”");
    Err(Failure::new(span, message).help(format!("nobody listens: {}", where_it_is(world))))
}

pub(super) fn speak(world: &mut World, words: &str) {
    world.pass(ANSWERS_AFTER);
    world.deliver(Input::SpeechStarted);
    let length = u32::try_from(words.chars().count()).unwrap_or(LONGEST_TURN);
    world.pass(Duration::from_millis(u64::from(length.saturating_mul(PER_CHARACTER).min(LONGEST_TURN))));
    world.deliver(Input::TurnEnded { text: Utterance::new(words) });
}

/// The caller keeps the conversation going until the call's time is up.
fn time_is_up(world: &mut World, span: Span) -> Result<(), Failure> {
    const SMALL_TALK: &str = "and then there is another thing";
    let end = Millis(0).after(world.plan().call.max_duration);
    while world.now() < end {
        if world.machine().is_over() || world.is_exhausted() {
            return Err(over(world, span));
        }
        if world.machine().accepts_speech() {
            speak(world, SMALL_TALK);
        } else if world.next_event().is_none_or(|at| at > end) {
            world.pass_until(end);
        } else {
            world.step();
        }
    }
    world.pass_until(end);
    Ok(())
}

/// An intent that was meant must have been offered to the model, and taken up by the state.
fn understood(world: &mut World, span: Span, name: &str) -> Result<(), Failure> {
    let Some(intent) = world.plan().intent_named(name) else { return Ok(()) };
    let before = world.machine().path().len();
    let state = world.machine().state();
    let handles = |world: &World| {
        let plan = world.plan();
        plan.state(state).on.iter().chain(&plan.always).any(|on| on.event == Event::Intent(intent))
    };
    world.pass_while(Duration::from_secs(5), |world| {
        world.machine().path().len() == before && world.is_sounding()
    });
    if world.is_misunderstood() && !handles(world) && world.machine().path().len() == before {
        let message = format!("`{name}` is not offered to the model in `{}`", world.plan().state(state).name);
        return Err(Failure::new(span, message).help("the state has no edge `intent.` for it"));
    }
    Ok(())
}

pub(super) fn over(world: &World, span: Span) -> Failure {
    Failure::new(span, "the call is over before this can happen").help(where_it_is(world))
}

/// Where the call is, in words.
pub(super) fn where_it_is(world: &World) -> String {
    let state = world.state_name();
    match world.machine().outcome() {
        Some(outcome) => format!("the call has ended in `{state}`: {}", judge::outcome_name(outcome)),
        None => format!("the call is in `{state}`"),
    }
}

/// Every order of the races of a test: for each race an order of its steps.
#[must_use]
pub fn orders(test: &Test) -> Vec<Vec<Vec<usize>>> {
    let races = test.script.iter().filter_map(|step| match &step.action {
        Action::Race(racers) => Some(racers.len()),
        _ => None,
    });
    races.fold(vec![Vec::new()], |all, racers| {
        let orders = permutations(racers);
        all.iter()
            .flat_map(|before| {
                orders.iter().map(move |order| before.iter().cloned().chain([order.clone()]).collect())
            })
            .collect()
    })
}

fn permutations(n: usize) -> Vec<Vec<usize>> {
    if n == 0 {
        return vec![Vec::new()];
    }
    let shorter = permutations(n - 1);
    let longer = shorter.iter().flat_map(|order| {
        (0..n).rev().map(move |place| {
            let mut order = order.clone();
            order.insert(place, n - 1);
            order
        })
    });
    longer.collect()
}

impl Phone {
    /// What the vendor tells of it.
    pub(super) fn leg_event(self) -> Option<LegEvent> {
        use super::world::cause;
        Some(match self {
            Self::Ringing => LegEvent::Ringing,
            Self::Answered => LegEvent::Answered,
            Self::Key(digit) => LegEvent::Key { digit },
            Self::Refused => LegEvent::Refused { cause: cause(crate::machine::LegOutcome::Failed) },
            Self::Fails(outcome) => LegEvent::Failed { cause: cause(outcome) },
            Self::Transferred => LegEvent::Started,
            Self::Left => LegEvent::Stopped,
            Self::Accepted | Self::Declined | Self::NoAnswer => return None,
        })
    }
}
