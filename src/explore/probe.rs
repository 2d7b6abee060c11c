//! What must change nothing: answers to nothing, the second of the same, and whatever comes after the end.

use super::subject::Subject;
use super::violation::{Violation, Violations};
use super::world::{Happening, World};
use crate::diagnostic::Rule;
use crate::machine::{AttemptId, Effect, Input, LegEvent, LegOutcome, ReplyId, Service, UtteranceId};
use crate::plan::{IntentId, Plan};

/// Tells a copy of the call everything stale, and looks whether that was all one to it. What it returns is whether any
/// counter was asked for.
pub(super) fn stale<S: Subject>(world: &World<S>, plan: &Plan, violations: &mut Violations) -> bool {
    if !world.ledger.started {
        return false;
    }
    let stale =
        || if world.ledger.ended { after_the_end(world, plan) } else { answers_to_nothing(world, plan) };
    let inputs = stale();
    let mut copy = world.subject.clone();
    let mut effects = Vec::new();
    let mut asked = false;
    let expected = inputs.iter().filter(|input| must_be_hung_up(world, input)).count();
    for input in inputs {
        asked |= !copy.handle(world.now, input, &mut effects).is_empty();
    }
    let stops = effects.iter().filter(|effect| matches!(effect, Effect::StopDial { .. })).count();
    let quiet = copy == world.subject && stops == effects.len();
    if quiet && (stops >= expected || world.ledger.ended) && (!world.ledger.ended || effects.is_empty()) {
        return asked;
    }
    // Something was not all one to it: which?
    for input in stale() {
        one(world, &input, violations);
    }
    asked
}

fn one<S: Subject>(world: &World<S>, input: &Input, violations: &mut Violations) {
    let mut copy = world.subject.clone();
    let mut effects = Vec::new();
    copy.handle(world.now, input.clone(), &mut effects);
    let changed = copy != world.subject;
    let acted = effects.iter().any(|effect| !matches!(effect, Effect::StopDial { .. }));
    let mut add = |rule, message: String| {
        let (from, state) = (world.ledger.from, world.ledger.state);
        violations.add(Violation { rule, message, from, state, wish: None });
    };
    let what = name(input);
    if world.ledger.ended {
        if changed || !effects.is_empty() {
            add(Rule::AfterEnd, format!("{what} after the end of the call has an effect"));
        }
    } else if changed || acted {
        match input {
            Input::IntentProposed { .. } => {
                add(Rule::DiscardedTurn, "a tool call of a reply that was discarded leads on".to_owned());
            }
            _ => add(Rule::Duplicate, format!("{what} that answers nothing changes something")),
        }
    } else if must_be_hung_up(world, input) && effects.is_empty() {
        add(
            Rule::Crossing,
            "somebody answers an attempt that was given up, and is left on the line".to_owned(),
        );
    }
}

/// Tells a copy of the call the same thing once more. What it returns is whether any counter was asked for.
pub(super) fn again<S: Subject>(
    world: &World<S>,
    happening: &Happening,
    violations: &mut Violations,
) -> bool {
    let Happening::Input(input) = happening else { return false };
    let repeats = matches!(
        input,
        Input::CallerJoined
            | Input::CallerLeft
            | Input::IntentProposed { .. }
            | Input::ReplyDone { .. }
            | Input::ReplyFailed { .. }
            | Input::Said { .. }
            | Input::SayFailed { .. }
            | Input::Leg { .. }
            | Input::RoomClosed
    );
    // A key may be pressed twice, and an intent that leads nowhere may be asked for twice.
    let key = matches!(input, Input::Leg { event: LegEvent::Key { .. } | LegEvent::Asked, .. });
    if !repeats || key {
        return false;
    }
    let mut copy = world.subject.clone();
    let mut effects = Vec::new();
    let asked = copy.handle(world.now, input.clone(), &mut effects);
    let acted = effects.iter().any(|effect| !matches!(effect, Effect::StopDial { .. }));
    if copy != world.subject || acted {
        let (rule, message) = match input {
            Input::IntentProposed { .. } => {
                (Rule::DiscardedTurn, "the second tool call of a reply leads on as well".to_owned())
            }
            _ => (Rule::Duplicate, format!("the second {} changes something", name(input))),
        };
        let (from, state) = (world.ledger.from, world.ledger.state);
        violations.add(Violation { rule, message, from, state, wish: None });
    }
    !asked.is_empty()
}

fn answers_to_nothing<S: Subject>(world: &World<S>, plan: &Plan) -> Vec<Input> {
    let ledger = &world.ledger;
    let mut inputs = Vec::with_capacity(64);
    for id in [ledger.last_utterance, ledger.last_utterance.saturating_sub(1), ledger.last_utterance + 7] {
        let utterance = UtteranceId(id);
        if ledger.sentences.iter().all(|s| s.id != utterance) {
            inputs.push(Input::Said { utterance, heard_all: true });
            inputs.push(Input::SayFailed { utterance });
        }
    }
    for id in [ledger.last_reply, ledger.last_reply.saturating_sub(1), ledger.last_reply + 7] {
        let reply = ReplyId(id);
        let known = ledger.replies.iter().find(|r| r.id == reply);
        if known.is_none_or(|r| !r.live) {
            let intents = (0..plan.intents.len()).map(IntentId::from_index);
            inputs.extend(intents.map(|intent| Input::IntentProposed { reply, intent, slots: Vec::new() }));
        }
        if known.is_none() {
            inputs.push(Input::ReplyDone { reply, heard_all: true });
            inputs.push(Input::ReplyFailed { reply, service: Service::Llm });
        }
    }
    for id in [ledger.last_attempt, ledger.last_attempt.saturating_sub(1), ledger.last_attempt + 7] {
        if ledger.leg(AttemptId(id)).is_none() {
            inputs.extend(leg_events().map(|event| Input::Leg { attempt: AttemptId(id), event }));
        }
    }
    inputs
}

fn after_the_end<S: Subject>(world: &World<S>, plan: &Plan) -> Vec<Input> {
    let ledger = &world.ledger;
    let mut inputs = answers_to_nothing(world, plan);
    inputs.extend([
        Input::Start,
        Input::CallerJoined,
        Input::CallerLeft,
        Input::Dtmf { digit: '0' },
        Input::SpeechStarted,
        Input::RoomExpiring,
        Input::RoomClosed,
        Input::Shutdown,
        Input::Timeout,
        Input::ServiceFailed { service: Service::Tts },
    ]);
    for attempt in (1..=ledger.last_attempt).rev().take(2).map(AttemptId) {
        inputs.extend(leg_events().map(|event| Input::Leg { attempt, event }));
    }
    inputs
}

fn leg_events() -> impl Iterator<Item = LegEvent> {
    [
        LegEvent::Started,
        LegEvent::Ringing,
        LegEvent::Answered,
        LegEvent::Asked,
        LegEvent::Key { digit: '1' },
        LegEvent::Bridged,
        LegEvent::GateFailed { cause: super::events::cause(LegOutcome::Failed) },
        LegEvent::Failed { cause: super::events::cause(LegOutcome::Busy) },
        LegEvent::StopFailed,
        LegEvent::Stopped,
    ]
    .into_iter()
}

/// Whether this is somebody who picks up and whom nobody waits for.
fn must_be_hung_up<S: Subject>(world: &World<S>, input: &Input) -> bool {
    let ledger = &world.ledger;
    let Input::Leg { attempt, event: LegEvent::Answered } = input else { return false };
    (1..=ledger.last_attempt).contains(&attempt.0)
        && ledger.leg(*attempt).is_none()
        && !ledger.moved
        && ledger.handed_off.is_none()
}

fn name(input: &Input) -> &'static str {
    match input {
        Input::Start => "the start",
        Input::CallerJoined => "`caller.joined`",
        Input::CallerLeft => "`caller.left`",
        Input::CallerUnreachable => "an unreachable caller",
        Input::Dtmf { .. } => "a key",
        Input::SpeechStarted | Input::TurnEnded { .. } => "speech",
        Input::IntentProposed { .. } | Input::ToolsProposed { .. } => "a tool call",
        Input::ToolDone { .. } => "the answer of a tool",
        Input::ReplyDone { .. } | Input::ReplyFailed { .. } => "the end of a reply",
        Input::Said { .. } => "`said`",
        Input::SayFailed { .. } => "a failed sentence",
        Input::Leg { event, .. } => match event {
            LegEvent::Answered => "`operator.answered`",
            LegEvent::Ringing => "`operator.ringing`",
            _ => "news of a leg",
        },
        Input::ServiceFailed { .. } => "a failed service",
        Input::Timeout => "a wake-up",
        Input::RoomExpiring => "`room.expiring`",
        Input::RoomClosed => "a closed room",
        Input::Shutdown => "`shutdown`",
    }
}
