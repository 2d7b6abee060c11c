//! What becomes of dial attempts, as inputs of the machine: the vendor's answers, and what happens in the room.

use std::sync::Arc;

use super::call::Call;
use super::gate::{Gate, GateNews};
use super::legs::{Answer, warn_unless};
use super::watch::CallEvent;
use crate::machine::{AttemptId, Input, LegCause, LegEvent, LegOutcome};
use crate::telephony::daily::{InferredOutcome, infer_leg_outcome, leg_refusal};
use crate::telephony::{LegId, RoomEvent, TelephonyError};

impl Call {
    /// Takes the answer to a command.
    pub(super) fn on_answer(&mut self, answer: Answer) {
        match answer {
            Answer::Started(attempt, _) if !self.legs.is_starting(attempt) => {
                tracing::debug!("a leg had come up before its dial-out was answered");
            }
            Answer::Started(attempt, leg) => self.started(attempt, leg),
            Answer::Refused(attempt, error) if self.legs.leg_of(attempt).is_some() => {
                tracing::warn!(%error, "a leg has come up, though its dial-out was not answered");
            }
            Answer::Transferred(attempt) => self.leg(attempt, LegEvent::Started),
            Answer::Refused(attempt, error) => {
                tracing::warn!(%error, "the dial-out was refused");
                self.legs.refused(attempt, &error);
                self.leg(attempt, LegEvent::Refused { cause: refusal(&error) });
            }
            Answer::Stopped(attempt) => {
                self.legs.stopped(attempt, true);
                self.leg(attempt, LegEvent::Stopped);
            }
            Answer::StopFailed(attempt, error) => {
                tracing::warn!(%error, "a leg could not be stopped");
                self.legs.stopped(attempt, false);
                self.leg(attempt, LegEvent::StopFailed);
            }
            Answer::Keyed(done) | Answer::StrayStopped(done) => warn_unless(done),
            Answer::Forwarded => tracing::info!("the caller is on the way"),
            Answer::ForwardFailed(error) => {
                tracing::warn!(%error, "the caller could not be forwarded");
                self.inbox.push_back(match error {
                    TelephonyError::NotFound(_) => Input::CallerLeft,
                    _ => Input::CallerUnreachable,
                });
            }
        }
    }

    fn started(&mut self, attempt: AttemptId, leg: LegId) {
        self.leg(attempt, LegEvent::Started);
        if let Some(gate) = self.gate.as_mut().filter(|gate| gate.attempt == attempt) {
            gate.leg_is(leg.clone());
        }
        for early in self.legs.started(attempt, leg) {
            self.on_room(early);
        }
    }

    /// Takes an event of a dial-out leg, or keeps it until the leg is known.
    pub(super) fn on_dial_out(&mut self, id: &LegId, event: LegEvent, raw: RoomEvent) {
        if self.legs.attempt_of(id).is_none()
            && let Some(attempt) = self.legs.sole_start(&raw)
        {
            self.started(attempt, id.clone());
        }
        let Some(attempt) = self.legs.attempt_of(id) else { return self.legs.keep_early(raw) };
        if matches!(event, LegEvent::Stopped | LegEvent::Failed { .. }) {
            self.legs.gone(id);
        }
        self.leg(attempt, event);
    }

    /// Takes an error of a dial-out leg that may not be named.
    pub(super) fn on_dial_out_error(&mut self, id: Option<&LegId>, message: &str, raw: RoomEvent) {
        let cause = cause(message);
        tracing::warn!(reason = %message, fix = cause.fix, "a leg failed");
        let event = LegEvent::Failed { cause };
        match (id, self.legs.sole_attempt()) {
            (Some(id), _) => self.on_dial_out(id, event, raw),
            (None, Some(attempt)) => self.leg(attempt, event),
            (None, None) => tracing::debug!(reason = %message, "an error of an unknown leg was dropped"),
        }
    }

    /// Tells the machine, and whoever looks on, of an attempt.
    fn leg(&mut self, attempt: AttemptId, event: LegEvent) {
        match &event {
            LegEvent::Ringing => self.it_rings(attempt),
            LegEvent::Answered => self.somebody_answered(attempt),
            LegEvent::Failed { cause } | LegEvent::Refused { cause } => {
                self.rings_no_more(attempt);
                let LegCause { outcome, raw, fix } = cause.clone();
                self.watch.event(CallEvent::LegFailed { outcome, raw, fix });
            }
            LegEvent::Stopped | LegEvent::StopFailed => self.rings_no_more(attempt),
            LegEvent::GateFailed { cause } => {
                let LegCause { outcome, raw, fix } = cause.clone();
                self.watch.event(CallEvent::LegFailed { outcome, raw, fix });
            }
            LegEvent::Started | LegEvent::Asked | LegEvent::Key { .. } | LegEvent::Bridged => {}
        }
        self.inbox.push_back(Input::Leg { attempt, event });
    }

    /// Only who is asked whether they take the call has anything to say with keys.
    pub(super) fn on_key(&mut self, attempt: AttemptId, digit: char) {
        if self.gate.as_ref().is_some_and(|gate| gate.attempt == attempt) {
            self.leg(attempt, LegEvent::Key { digit });
        }
    }

    /// The gate of an attempt; opened anew if it was given up, because an answer that came late is welcome.
    pub(super) fn gate_of(&mut self, attempt: AttemptId) -> &mut Gate {
        if self.gate.as_ref().is_none_or(|gate| gate.attempt != attempt) {
            self.open_gate(attempt);
        }
        self.gate.as_mut().expect("it was opened just now")
    }

    pub(super) fn open_gate(&mut self, attempt: AttemptId) {
        let (telephony, rooms) = (Arc::clone(&self.vendors.telephony), Arc::clone(&self.vendors.rooms));
        let mut gate = Gate::open(attempt, self.people.caller.clone(), &self.place, telephony, rooms);
        if let Some(leg) = self.legs.leg_of(attempt) {
            gate.leg_is(leg.clone());
            gate.picked_up();
        }
        self.gate = Some(gate);
    }

    /// Takes what came of the gate.
    pub(super) fn on_gate(&mut self, news: GateNews) {
        let Some(attempt) = self.gate.as_ref().map(|gate| gate.attempt) else { return };
        let event = match news {
            GateNews::Asked => LegEvent::Asked,
            GateNews::Bridged => {
                self.gate = None;
                LegEvent::Bridged
            }
            GateNews::Failed(error) => {
                tracing::warn!(%error, "who picked up cannot be asked, or not be connected");
                self.gate = None;
                LegEvent::GateFailed { cause: refusal(&error) }
            }
        };
        self.leg(attempt, event);
    }

    fn it_rings(&mut self, attempt: AttemptId) {
        let is_news = self.legs.is_wanted(attempt)
            && self.stage.ringing != Some(attempt)
            && !self.was_answered(attempt);
        if is_news {
            self.stage.ringing = Some(attempt);
            tracing::info!("it rings");
            self.watch.event(CallEvent::Ringing);
        }
    }

    fn somebody_answered(&mut self, attempt: AttemptId) {
        self.rings_no_more(attempt);
        if let Some(gate) = self.gate.as_mut().filter(|gate| gate.attempt == attempt) {
            gate.picked_up();
        }
        self.legs.answered_by(attempt);
        if !self.was_answered(attempt) {
            self.stage.answered = Some((attempt, self.now()));
            tracing::info!("answered");
            self.watch.event(CallEvent::Answered);
        }
    }

    fn was_answered(&self, attempt: AttemptId) -> bool {
        self.stage.answered.is_some_and(|(answered, _)| answered == attempt)
    }

    pub(super) fn rings_no_more(&mut self, attempt: AttemptId) {
        self.stage.ringing.take_if(|ringing| *ringing == attempt);
    }
}

/// The vendor's free text as a cause. Daily reports none: anything but `failed` is inferred.
fn cause(raw: &str) -> LegCause {
    let (inferred, _guessed) = infer_leg_outcome(raw);
    let outcome = match inferred {
        InferredOutcome::Busy => LegOutcome::Busy,
        InferredOutcome::Rejected => LegOutcome::Rejected,
        InferredOutcome::Unreachable => LegOutcome::Unreachable,
        InferredOutcome::NoAnswer => LegOutcome::NoAnswer,
        InferredOutcome::Failed => LegOutcome::Failed,
    };
    LegCause { outcome, raw: raw.to_owned(), fix: leg_refusal(raw).map(|why| why.to_string()) }
}

/// A command that was refused. Only the vendor's own words say anything of the person called.
fn refusal(error: &TelephonyError) -> LegCause {
    match error {
        TelephonyError::Refused(info) => cause(info),
        TelephonyError::LegRefused { why, info } => {
            LegCause { outcome: LegOutcome::Failed, raw: info.clone(), fix: Some(why.to_string()) }
        }
        TelephonyError::NotAllowed(refusal) => LegCause {
            outcome: LegOutcome::Failed,
            raw: refusal.to_string(),
            fix: Some(refusal.fix().to_owned()),
        },
        other => LegCause { outcome: LegOutcome::Failed, raw: other.to_string(), fix: None },
    }
}
