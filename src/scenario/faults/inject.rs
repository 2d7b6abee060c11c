//! How a fault disturbs the world: each function is called at one moment, and says whether what would have
//! happened by itself is replaced.

use std::sync::Arc;

use super::super::world::{LegStage, World, cause};
use super::Fault;
use crate::machine::{
    AttemptId, Input, LegEvent, LegOutcome, ReplyId, Service, Timer, ToolCallId, ToolFailure, ToolResult,
    UtteranceId,
};
use crate::pii::Utterance;
use crate::plan::{IntentId, Kind};

impl World {
    fn suffers(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    fn has_one(&self, faults: &[Fault]) -> bool {
        faults.iter().any(|fault| self.suffers(*fault))
    }

    fn is_dialing(&self) -> bool {
        matches!(self.plan().state(self.machine().state()).kind, Kind::Dial(_))
    }

    fn caller_talks(&mut self, after: u64) {
        self.caller_says(after, "hello, are you there?");
    }

    fn caller_says(&mut self, after: u64, text: &str) {
        self.later(after, Input::SpeechStarted);
        self.later(after + 400, Input::TurnEnded { text: Utterance::new(text) });
    }

    /// The caller no longer wants what is being done for them, if the flow listens to that.
    fn caller_takes_it_back(&mut self, after: u64) {
        let plan = Arc::clone(self.plan());
        let Kind::Dial(dial) = &plan.state(self.machine().state()).kind else { return };
        if let Some(intent) = dial.listen.first().map(|intent| plan.intent(*intent)) {
            self.caller_says(after, intent.examples.first().unwrap_or(&intent.when));
        }
    }
}

/// Whether more is told of a leg that is known to be gone.
pub(in super::super) fn tells_twice(world: &World) -> bool {
    world.has_one(&[Fault::StoppedTwice, Fault::RefusedAndFailed])
}

/// Whether something does not happen, since the caller says nothing.
pub(in super::super) fn is_silenced(world: &World, input: &Input) -> bool {
    let is_of_caller = matches!(input, Input::SpeechStarted | Input::TurnEnded { .. } | Input::Dtmf { .. });
    is_of_caller && world.suffers(Fault::SaysNothing)
}

/// Before the bot is there.
pub(in super::super) fn before(world: &mut World) {
    if world.suffers(Fault::GoneBefore) {
        world.deliver(Input::CallerLeft);
    }
}

/// A sentence is to be spoken.
pub(in super::super) fn on_say(world: &mut World, utterance: UtteranceId) -> bool {
    if world.suffers(Fault::NoVoice) && utterance == UtteranceId(1) {
        world.later(200, Input::ServiceFailed { service: Service::Tts });
        world.later(200, Input::SayFailed { utterance });
        return true;
    }
    if world.suffers(Fault::OldSentenceOver) && utterance.0 > 1 {
        world.later(10, Input::Said { utterance: UtteranceId(utterance.0 - 1), heard_all: true });
    }
    let is_ending = matches!(world.plan().state(world.machine().state()).kind, Kind::End(_));
    if is_ending && world.suffers(Fault::TalksOverGoodbye) {
        world.caller_talks(600);
    }
    // The first sentence of a `dial` is its announcement.
    if !world.is_dialing() || world.live_leg().is_some() {
        return false;
    }
    if world.suffers(Fault::TalksOverAnnouncement) {
        world.caller_talks(600);
    }
    if world.suffers(Fault::TakesBackAnnounced) {
        world.caller_takes_it_back(600);
    }
    if world.suffers(Fault::AnnouncementFails) {
        world.later(200, Input::SayFailed { utterance });
        return true;
    }
    world.suffers(Fault::AnnouncementLost)
}

/// The model is asked.
pub(in super::super) fn on_reply(world: &mut World, reply: ReplyId, offered: &[IntentId]) -> bool {
    if world.suffers(Fault::ReplyLost) {
        return true;
    }
    if world.suffers(Fault::OnlyWords) {
        world.talk(reply, 700);
        return true;
    }
    if world.suffers(Fault::AllIntentsAtOnce) {
        for intent in offered {
            world.later(700, Input::IntentProposed { reply, intent: *intent, slots: Vec::new() });
        }
        world.talk(reply, 700);
        return true;
    }
    if let Some(intent) = offered.first().filter(|_| world.suffers(Fault::InterruptedIntent)) {
        world.talk(reply, 300);
        // The turn that discards the reply comes first.
        if reply == ReplyId(1) {
            world.later(800, Input::SpeechStarted);
            world.later(1_100, Input::TurnEnded { text: Utterance::new("hold on a second") });
        }
        world.later(1_300, Input::IntentProposed { reply, intent: *intent, slots: Vec::new() });
        return true;
    }
    false
}

/// Somebody is dialled.
pub(in super::super) fn on_dial(world: &mut World, attempt: AttemptId) -> bool {
    let event = |world: &mut World, ms, event| world.leg_later(attempt, ms, event);
    let failed = |outcome| LegEvent::Failed { cause: cause(outcome) };
    let refused = || LegEvent::Refused { cause: cause(LegOutcome::Failed) };
    if world.suffers(Fault::CommandLost) {
        return true;
    }
    if world.has_one(&[Fault::Refused, Fault::NotPermitted]) {
        event(world, 200, refused());
        return true;
    }
    if world.suffers(Fault::RefusedAndFailed) {
        event(world, 200, refused());
        world.later(200, Input::Leg { attempt, event: failed(LegOutcome::Failed) });
        return true;
    }
    if world.suffers(Fault::EverybodyFails) {
        event(world, 900, failed(LegOutcome::Unreachable));
        return true;
    }
    if world.suffers(Fault::StaleAnswer) && attempt.0 > 1 {
        world.later(700, Input::Leg { attempt: AttemptId(attempt.0 - 1), event: LegEvent::Answered });
    }
    if world.suffers(Fault::AnsweredAtOnce) {
        event(world, 20, LegEvent::Started);
        event(world, 30, LegEvent::Answered);
        return true;
    }
    false
}

/// A tool is asked.
pub(in super::super) fn on_tool(world: &mut World, call: ToolCallId) -> bool {
    if world.suffers(Fault::ToolHangs) {
        return true;
    }
    let faults = [
        (Fault::ToolFails, ToolFailure::Failed { status: 503 }),
        (Fault::ToolTalksGarbage, ToolFailure::NotJson),
    ];
    let cause = faults.iter().find(|(fault, _)| world.suffers(*fault)).map(|(_, cause)| *cause);
    if let Some(cause) = cause {
        world.later(300, Input::ToolDone { call, result: ToolResult::Failed { cause } });
    }
    cause.is_some()
}

/// It rings.
pub(in super::super) fn on_ringing(world: &mut World, attempt: AttemptId) {
    let leg = |world: &mut World, ms, event| world.leg_later(attempt, ms, event);
    let fails = |outcome| LegEvent::Failed { cause: cause(outcome) };
    if world.has_one(&[Fault::LeavesWhileRinging, Fault::LeavesAsAnswered]) {
        world.later(2_000, Input::CallerLeft);
    }
    if world.suffers(Fault::Busy) {
        leg(world, 500, fails(LegOutcome::Busy));
    }
    if world.suffers(Fault::Machine) {
        leg(world, 3_000, LegEvent::Answered);
        let gated = world.live_leg().is_some_and(|leg| leg.apart);
        if !gated {
            leg(world, 3_400, LegEvent::Stopped);
        }
    }
    if world.suffers(Fault::StoppedUnasked) {
        leg(world, 1_500, LegEvent::Stopped);
    }
    if world.suffers(Fault::AnsweredTwice) {
        leg(world, 2_000, LegEvent::Answered);
        leg(world, 2_001, LegEvent::Answered);
    }
    if world.suffers(Fault::FailsAfterRinging) {
        leg(world, 1_500, fails(LegOutcome::Failed));
    }
    if world.suffers(Fault::RingsOnly)
        && world.live_leg().is_some_and(|leg| leg.rings_since == Some(world.now()))
    {
        (1..5).for_each(|n| leg(world, n * 1_000, LegEvent::Ringing));
    }
    if world.suffers(Fault::TalksWhileRinging) {
        world.caller_talks(1_000);
    }
    if world.suffers(Fault::TakesBackRinging) {
        world.caller_takes_it_back(1_000);
    }
    if world.suffers(Fault::TimeUpWhileRinging) {
        world.time_is_up(2_000);
    }
    if world.suffers(Fault::KeysWhileRinging) {
        (1..3).for_each(|n| world.later(n * 700, Input::Dtmf { digit: '0' }));
    }
    if world.has_one(&[Fault::OperatorLeaves, Fault::CallerLeavesOperator, Fault::RoomExpiresBridged]) {
        leg(world, 1_500, LegEvent::Answered);
    }
    if world.suffers(Fault::ShutdownWhileRinging) {
        world.later(1_000, Input::Shutdown);
    }
    if world.suffers(Fault::RoomClosesWhileRinging) {
        world.later(1_000, Input::RoomClosed);
    }
    if world.suffers(Fault::AnsweredAtLimit)
        && world.live_leg().is_some_and(|leg| leg.rings_since == Some(world.now()))
    {
        let limit = world.plan().states.iter().find_map(|state| match &state.kind {
            Kind::Dial(dial) if state.name.as_ref() == world.state_name() => Some(dial.ring),
            _ => None,
        });
        // The ring limit is counted from this very moment.
        let limit = limit.map_or(0, |limit| u64::try_from(limit.as_millis()).unwrap_or(u64::MAX));
        world.later(limit, Input::Leg { attempt, event: LegEvent::Answered });
    }
}

/// A leg is stopped.
pub(in super::super) fn on_stop(world: &mut World, attempt: AttemptId) -> bool {
    let stage = world.live_leg().map(|leg| leg.stage);
    if world.suffers(Fault::LeavesAsAnswered) && stage < Some(LegStage::Answered) {
        world.leg_later(attempt, 20, LegEvent::Answered);
        return true;
    }
    if world.suffers(Fault::AnsweredAtLimit) && stage < Some(LegStage::Answered) {
        world.leg_later(attempt, 0, LegEvent::Answered);
        return true;
    }
    if world.suffers(Fault::NothingToStop) {
        world.leg_later(attempt, 100, LegEvent::StopFailed);
        return true;
    }
    if world.suffers(Fault::SlowStop) {
        world.leg_later(attempt, 4_000, LegEvent::Stopped);
        return true;
    }
    if world.suffers(Fault::StoppedTwice) {
        for ms in [100, 130] {
            world.leg_later(attempt, ms, LegEvent::Stopped);
        }
        return true;
    }
    false
}

/// The caller is handed over.
pub(in super::super) fn on_handoff(world: &mut World) {
    let attempt = world.live_leg().map(|leg| leg.attempt);
    if let Some(attempt) = attempt.filter(|_| world.suffers(Fault::OperatorLeaves)) {
        world.leg_later(attempt, 30_000, LegEvent::Stopped);
    }
    if world.suffers(Fault::CallerLeavesOperator) {
        world.later(30_000, Input::CallerLeft);
    }
    if world.suffers(Fault::RoomExpiresBridged) {
        world.later(60_000, Input::RoomExpiring);
    }
}

/// The call is over.
pub(in super::super) fn on_end(world: &mut World) {
    if !world.suffers(Fault::AfterTheEnd) {
        return;
    }
    let attempt = AttemptId(1);
    for input in [
        Input::CallerJoined,
        Input::CallerLeft,
        Input::Dtmf { digit: '0' },
        Input::SpeechStarted,
        Input::TurnEnded { text: Utterance::new("hello?") },
        Input::Said { utterance: UtteranceId(1), heard_all: true },
        Input::Leg { attempt, event: LegEvent::Answered },
        Input::ServiceFailed { service: Service::Llm },
        Input::RoomExpiring,
        Input::Shutdown,
    ] {
        world.deliver(input);
    }
    let deadline: Option<Timer> = world.machine().next_deadline().map(|(_, timer)| timer);
    if deadline.is_some() {
        world.rules.breaks("a timer was left running at the end of the call".to_owned());
    }
}
