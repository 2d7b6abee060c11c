//! Inputs become signals in one place, and here stale ones end: what has an id of nothing that is pending,
//! and speech that was not asked for, is dropped.

use super::call::{Presence, Step};
use super::leg::LegNews;
use super::{Effect, Input, ProposedCall, ReplyId, Timer, ToolFailure, ToolResult, UtteranceId};
use crate::pii::Utterance;
use crate::plan::IntentId;

/// What a state is told.
#[derive(Clone, Copy, Debug)]
pub(super) enum Signal<'a> {
    /// The state was just entered; it may lead on at once.
    Entered,
    /// A deadline of the state or the call has passed. `Speech`, `Reply`, `Tool` and `StopCommand` never come as
    /// such, but as the failed answer that they stand for.
    Due(Timer),
    Start,
    CallerJoined,
    CallerLeft,
    Dtmf(char),
    SpeechStarted,
    TurnEnded(&'a Utterance),
    /// Comes with a live reply only.
    IntentProposed {
        reply: ReplyId,
        intent: IntentId,
        slots: &'a [(String, Utterance)],
    },
    /// Comes with a live reply only, and once.
    ToolsProposed {
        reply: ReplyId,
        calls: &'a [ProposedCall],
    },
    /// A request for which the state waits came to its end.
    ToolDone(&'a ToolResult),
    ReplyDone,
    ReplyFailed,
    Said(UtteranceId),
    SayFailed(UtteranceId),
    Leg(LegNews),
    ServiceFailed,
    RoomExpiring,
    RoomClosed,
    Shutdown,
}

impl Step<'_> {
    /// What an input means now, its bookkeeping done. `None` if it means nothing.
    pub(super) fn admit<'i>(&mut self, input: &'i Input) -> Option<Signal<'i>> {
        let now = self.now;
        let speech = &mut self.call.speech;
        Some(match input {
            Input::Start => Signal::Start,
            Input::CallerJoined if self.call.caller == Presence::Awaited => {
                self.call.caller = Presence::Here;
                Signal::CallerJoined
            }
            Input::CallerLeft if self.call.caller != Presence::Gone => {
                self.call.caller = Presence::Gone;
                Signal::CallerLeft
            }
            Input::Dtmf { digit } => Signal::Dtmf(*digit),
            Input::SpeechStarted if self.call.listening => {
                self.call.speaking = true;
                Signal::SpeechStarted
            }
            Input::TurnEnded { text } if self.call.listening => {
                self.call.speaking = false;
                Signal::TurnEnded(text)
            }
            Input::IntentProposed { reply, intent, slots } if speech.is_live(*reply) => {
                Signal::IntentProposed { reply: *reply, intent: *intent, slots }
            }
            Input::ToolsProposed { reply, calls } if speech.takes_tools(*reply) => {
                Signal::ToolsProposed { reply: *reply, calls }
            }
            Input::ToolDone { call, result } => return self.tool_done(*call, result),
            Input::ReplyDone { reply, .. } => {
                speech.replied(*reply, now)?;
                Signal::ReplyDone
            }
            Input::ReplyFailed { reply, .. } => match speech.replied(*reply, now)? {
                true => Signal::ReplyFailed,
                false => Signal::ReplyDone,
            },
            Input::Said { utterance, .. } if speech.said(*utterance, now) => Signal::Said(*utterance),
            Input::SayFailed { utterance } if speech.said(*utterance, now) => Signal::SayFailed(*utterance),
            Input::Leg { attempt, event } => Signal::Leg(self.observe_leg(*attempt, event)?),
            Input::ServiceFailed { service } => {
                self.call.broken = Some(*service);
                Signal::ServiceFailed
            }
            Input::RoomExpiring => Signal::RoomExpiring,
            // Either way there is nowhere to meet.
            Input::RoomClosed | Input::CallerUnreachable => Signal::RoomClosed,
            Input::Shutdown => Signal::Shutdown,
            // The second of its kind, an answer to nothing, speech unasked for, or no more than a wake-up.
            Input::CallerJoined
            | Input::CallerLeft
            | Input::SpeechStarted
            | Input::TurnEnded { .. }
            | Input::IntentProposed { .. }
            | Input::ToolsProposed { .. }
            | Input::Said { .. }
            | Input::SayFailed { .. }
            | Input::Timeout => return None,
        })
    }

    /// What a deadline that has passed means.
    pub(super) fn expire(&mut self, timer: Timer) -> Option<Signal<'static>> {
        let speech = &mut self.call.speech;
        match timer {
            Timer::Speech => {
                let utterance = speech.first_sentence()?;
                speech.said(utterance, self.now);
                Some(Signal::SayFailed(utterance))
            }
            Timer::Reply => {
                let reply = speech.first_reply()?;
                let was_live = speech.replied(reply, self.now)?;
                self.emit(Effect::CancelReply { reply });
                Some(if was_live { Signal::ReplyFailed } else { Signal::ReplyDone })
            }
            Timer::Tool => {
                let call = self.call.tools.overdue(self.now)?;
                self.emit(Effect::CancelTool { call });
                self.tool_done(call, &ToolResult::Failed { cause: ToolFailure::Timeout })
            }
            Timer::StopCommand => self.drop_leg().map(|_| Signal::Leg(LegNews::Cleared)),
            timer => Some(Signal::Due(timer)),
        }
    }
}
