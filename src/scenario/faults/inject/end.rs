//! After the handoff, and after the end.

use super::super::super::world::World;
use super::super::Fault;
use crate::machine::{AttemptId, Input, LegEvent, Service, Timer, UtteranceId};
use crate::pii::Utterance;

/// An hour and five minutes, in milliseconds.
const OVER_AN_HOUR: u64 = 65 * 60 * 1_000;

/// The caller is handed over.
pub(in crate::scenario) fn on_handoff(world: &mut World) {
    let attempt = world.live_leg().map(|leg| leg.attempt);
    if let Some(attempt) = attempt.filter(|_| world.suffers(Fault::OperatorLeaves)) {
        world.leg_later(attempt, 30_000, LegEvent::Stopped);
    }
    if world.suffers(Fault::CallerLeavesOperator) {
        world.later(30_000, Input::CallerLeft);
    }
    if world.suffers(Fault::HoursTogether) {
        world.later(OVER_AN_HOUR, Input::CallerLeft);
    }
    if world.suffers(Fault::RoomClosesBridged) {
        world.later(1_500, Input::RoomClosed);
    }
    if world.suffers(Fault::RoomExpiresBridged) {
        world.later(60_000, Input::RoomExpiring);
    }
}

/// The call is over.
pub(in crate::scenario) fn on_end(world: &mut World) {
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
