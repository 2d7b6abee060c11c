//! What happens in the room, as inputs of the machine: who is the caller, who is the operator.

use super::call::Call;
use super::legs;
use super::watch::CallEvent;
use crate::machine::{AttemptId, Input, LegEvent};
use crate::telephony::{CloseReason, LegId, RoomEvent};

impl Call {
    pub(super) fn on_room(&mut self, event: Option<RoomEvent>) {
        let Some(event) = event else {
            return self.room_closed(&CloseReason::Lost("the room's stream ended".to_owned()));
        };
        match event {
            RoomEvent::DialinReady { sip_endpoint } => self.forward_caller(sip_endpoint),
            RoomEvent::DialinConnected { id } => {
                self.people.caller.get_or_insert(id);
            }
            RoomEvent::DialinStopped { id } => self.caller_left(&id),
            RoomEvent::DialinError { id, message } => {
                tracing::warn!(%message, "the dial-in failed");
                if id.is_none() || id == self.people.caller {
                    self.inbox.push_back(Input::CallerLeft);
                }
            }
            RoomEvent::ParticipantJoined { id } => {
                if self.people.caller.as_ref() == Some(&id) {
                    self.caller_is_here();
                }
            }
            RoomEvent::ParticipantLeft { id } => self.participant_left(&id),
            RoomEvent::DialoutConnected { ref id } => match self.legs.attempt_of(id) {
                Some(attempt) => self.leg(attempt, LegEvent::Ringing),
                None => self.legs.keep_early(event),
            },
            RoomEvent::DialoutAnswered { ref id } => match self.legs.attempt_of(id) {
                Some(attempt) => self.leg(attempt, LegEvent::Answered),
                None => self.legs.keep_early(event),
            },
            RoomEvent::DialoutStopped { ref id } => match self.legs.attempt_of(id) {
                Some(attempt) => {
                    self.legs.gone(id);
                    self.leg(attempt, LegEvent::Stopped);
                }
                None => self.legs.keep_early(event),
            },
            RoomEvent::DialoutError { ref id, ref message } => {
                let attempt = match id {
                    Some(id) => self.legs.attempt_of(id),
                    None => self.legs.sole_attempt(),
                };
                match attempt {
                    Some(attempt) => {
                        let cause = legs::cause(message);
                        if let Some(id) = id {
                            self.legs.gone(id);
                        }
                        self.leg(attempt, LegEvent::Failed { cause });
                    }
                    None => self.legs.keep_early(event),
                }
            }
            RoomEvent::Dtmf { id, tone } => {
                // Keys of the operator's leg are not the caller's.
                if id.is_none() || id == self.people.caller {
                    self.inbox.push_back(Input::Dtmf { digit: tone });
                }
            }
            RoomEvent::Warning { message } => tracing::warn!(%message, "the telephony vendor warns"),
            RoomEvent::Closed { reason } => self.room_closed(&reason),
        }
    }

    /// The caller can hear us now: their leg is in the room, or its first audio came.
    pub(super) fn caller_is_here(&mut self) {
        if !self.people.caller_here {
            self.people.caller_here = true;
            self.inbox.push_back(Input::CallerJoined);
        }
    }

    fn forward_caller(&mut self, sip_endpoint: String) {
        // Once: the vendor repeats the event for every endpoint.
        if let Some(dial_in) = self.people.dial_in.take() {
            self.legs.forward(dial_in, sip_endpoint);
        }
    }

    fn participant_left(&mut self, id: &LegId) {
        if let Some(attempt) = self.legs.attempt_of(id) {
            self.legs.gone(id);
            self.leg(attempt, LegEvent::Stopped);
        } else {
            self.caller_left(id);
        }
    }

    /// The vendor reports it twice (participant and leg); the machine is told once.
    fn caller_left(&mut self, id: &LegId) {
        if self.people.caller.as_ref() == Some(id) && !self.people.caller_gone {
            self.people.caller_gone = true;
            self.inbox.push_back(Input::CallerLeft);
        }
    }

    fn leg(&mut self, attempt: AttemptId, event: LegEvent) {
        match &event {
            LegEvent::Ringing => {
                self.stage.ringing = true;
                self.watch.event(CallEvent::Ringing);
            }
            LegEvent::Answered => {
                self.stage.ringing = false;
                let now = self.now();
                self.stage.answered_at.get_or_insert(now);
                self.watch.event(CallEvent::Answered);
            }
            LegEvent::Failed { cause } => {
                self.stage.ringing = false;
                let (outcome, raw) = (cause.outcome, cause.raw.clone());
                self.watch.event(CallEvent::LegFailed { outcome, raw });
            }
            LegEvent::Stopped => self.stage.ringing = false,
            LegEvent::Started | LegEvent::Refused { .. } | LegEvent::StopFailed => {}
        }
        self.inbox.push_back(Input::Leg { attempt, event });
    }

    fn room_closed(&mut self, reason: &CloseReason) {
        if !self.stage.room_closed {
            tracing::info!(?reason, "out of the room");
            self.stage.room_closed = true;
            self.inbox.push_back(Input::RoomClosed);
        }
    }
}
