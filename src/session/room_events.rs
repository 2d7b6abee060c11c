//! What happens in the room, as inputs of the machine: who is the caller, who is the operator.

use super::call::Call;
use crate::audio::Frame;
use crate::machine::{Input, LegEvent};
use crate::telephony::{LegId, RoomEvent};

/// People remembered until it is known whether they are the caller.
const MOST_STRANGERS: usize = 8;

impl Call {
    pub(super) fn on_room(&mut self, event: RoomEvent) {
        let raw = event.clone();
        match event {
            RoomEvent::DialinReady { sip_endpoint } => self.forward_caller(sip_endpoint),
            RoomEvent::DialinConnected { id } => self.caller_is(id),
            RoomEvent::DialinStopped { id } => self.caller_left(&id),
            RoomEvent::DialinError { id, message } => {
                tracing::warn!(reason = %message, "the dial-in failed");
                if id.is_none() || self.is_caller(id.as_ref()) {
                    self.inbox.push_back(Input::CallerLeft);
                }
            }
            RoomEvent::ParticipantJoined { id } => self.joined(id),
            RoomEvent::ParticipantLeft { id } => self.left(&id, raw),
            RoomEvent::DialoutConnected { id } => self.on_dial_out(&id, LegEvent::Ringing, raw),
            RoomEvent::DialoutAnswered { id } => self.on_dial_out(&id, LegEvent::Answered, raw),
            RoomEvent::DialoutStopped { id } => self.on_dial_out(&id, LegEvent::Stopped, raw),
            RoomEvent::DialoutError { id, message } => self.on_dial_out_error(id.as_ref(), &message, raw),
            RoomEvent::Dtmf { id, tone } => {
                // A key that names no leg is the caller's: it must not open the gate of another.
                if id.is_none() || self.is_caller(id.as_ref()) {
                    self.inbox.push_back(Input::Dtmf { digit: tone });
                } else if let Some(attempt) = id.and_then(|id| self.legs.attempt_of(&id)) {
                    self.on_key(attempt, tone);
                }
            }
            RoomEvent::Warning { message } => tracing::warn!(reason = %message, "the telephony vendor warns"),
            RoomEvent::Closed { reason } => {
                tracing::info!(?reason, "out of the room");
                self.inbox.push_back(Input::RoomClosed);
            }
        }
    }

    /// Only the caller is listened to.
    pub(super) fn on_audio(&mut self, leg: &LegId, frame: Frame) {
        if self.is_caller(Some(leg)) {
            self.caller_is_here();
            self.ears.hear(self.began.elapsed(), frame);
        }
    }

    fn is_caller(&self, id: Option<&LegId>) -> bool {
        id.is_some() && self.people.caller.as_ref() == id
    }

    /// The vendor names the caller's leg. The first one stays.
    fn caller_is(&mut self, id: LegId) {
        if self.people.caller.is_some() {
            return;
        }
        let is_in_room = self.people.strangers.contains(&id);
        self.people.caller = Some(id);
        self.people.strangers.clear();
        if is_in_room {
            self.caller_is_here();
        }
    }

    fn joined(&mut self, id: LegId) {
        if let Some(gate) = &mut self.gate {
            gate.joined(&id);
        }
        if self.is_caller(Some(&id)) {
            self.caller_is_here();
        } else if self.people.caller.is_none() && self.people.strangers.len() < MOST_STRANGERS {
            self.people.strangers.push(id);
        }
    }

    fn left(&mut self, id: &LegId, raw: RoomEvent) {
        self.people.strangers.retain(|stranger| stranger != id);
        if self.is_caller(Some(id)) {
            self.caller_left(id);
        } else {
            self.on_dial_out(id, LegEvent::Stopped, raw);
        }
    }

    /// The caller can hear us now: their leg is in the room, or its first audio came.
    fn caller_is_here(&mut self) {
        if !self.people.caller_here {
            self.people.caller_here = true;
            tracing::info!("the caller is here");
            self.inbox.push_back(Input::CallerJoined);
        }
    }

    fn forward_caller(&mut self, sip_endpoint: String) {
        // Once: the vendor repeats the event for every endpoint.
        if let Some(dial_in) = self.people.dial_in.take() {
            tracing::info!("the room is ready; the caller is forwarded to it");
            self.legs.forward(dial_in, sip_endpoint);
        }
    }

    /// A dial-in leg is gone. Before the vendor named the caller's, it can be nobody else's. The vendor
    /// reports it twice, as a leg and as a participant; the machine is told once.
    fn caller_left(&mut self, id: &LegId) {
        let is_theirs = self.people.caller.is_none() || self.is_caller(Some(id));
        if is_theirs && !self.people.caller_gone {
            self.people.caller_gone = true;
            self.inbox.push_back(Input::CallerLeft);
        }
    }
}
