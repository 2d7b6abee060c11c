//! The phone that is being reached, and the caller meanwhile.

use std::sync::Arc;

use super::super::super::world::{LegStage, World, cause};
use super::super::Fault;
use crate::machine::{AttemptId, Input, LegEvent, LegOutcome};
use crate::plan::{DialMethod, Kind};

/// Somebody is dialled.
pub(in crate::scenario) fn on_dial(world: &mut World, attempt: AttemptId) -> bool {
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
    let moves = world.live_leg().is_some_and(|leg| leg.method != DialMethod::DialOut);
    if moves && world.suffers(Fault::MoveFails) {
        event(world, 300, LegEvent::Started);
        world.later(700, Input::Leg { attempt, event: failed(LegOutcome::Unreachable) });
        world.later(1_200, Input::CallerLeft);
        return true;
    }
    if !moves && world.suffers(Fault::RingingMistold) {
        if attempt == AttemptId(1) {
            event(world, 8_000, LegEvent::Answered);
        } else {
            for (ms, told) in [(100, LegEvent::Ringing), (200, LegEvent::Started), (2_000, LegEvent::Ringing)]
            {
                event(world, ms, told.clone());
                event(world, ms + 1, told);
            }
        }
        return true;
    }
    if world.suffers(Fault::AnsweredAtOnce) {
        event(world, 20, LegEvent::Started);
        event(world, 30, LegEvent::Answered);
        return true;
    }
    false
}

/// It rings.
pub(in crate::scenario) fn on_ringing(world: &mut World, attempt: AttemptId) {
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
    if world.has_one(&[
        Fault::OperatorLeaves,
        Fault::CallerLeavesOperator,
        Fault::RoomExpiresBridged,
        Fault::RoomClosesBridged,
        Fault::HoursTogether,
    ]) {
        leg(world, 1_500, LegEvent::Answered);
    }
    if world.suffers(Fault::BridgeUntold) && world.live_leg().is_some_and(|leg| leg.apart) {
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

/// Whoever picked up is asked, and has heard the question after so long.
pub(in crate::scenario) fn on_ask(world: &mut World, attempt: AttemptId, asked_in: u64) {
    let plan = Arc::clone(world.plan());
    let Kind::Dial(dial) = &plan.state(world.machine().state()).kind else { return };
    if let Some(accept) = dial.accept.as_ref().filter(|_| world.suffers(Fault::BridgeUntold)) {
        world.leg_later(attempt, asked_in + 800, LegEvent::Key { digit: accept.key });
    }
}

/// The two are to hear each other.
pub(in crate::scenario) fn on_bridge(world: &mut World, attempt: AttemptId) -> bool {
    let suffers = world.suffers(Fault::BridgeUntold);
    if suffers && attempt.0.is_multiple_of(2) {
        world.leg_later(attempt, 9_000, LegEvent::Bridged);
    }
    suffers
}

/// A leg is stopped.
pub(in crate::scenario) fn on_stop(world: &mut World, attempt: AttemptId) -> bool {
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
