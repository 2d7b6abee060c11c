//! The operator's legs: attempts of the machine on one side, the vendor's leg ids on the other.
//!
//! Commands run as tasks of their own, so that a slow vendor never holds up the call; their answers come
//! back in order through one queue. Decides nothing.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::machine::{AttemptId, LegCause, LegEvent, LegOutcome};
use crate::plan::{DialMethod, Target};
use crate::telephony::daily::{InferredOutcome, infer_leg_outcome};
use crate::telephony::{DialOut, LegId, RoomEvent, Telephony, TelephonyError};

/// What became of a command.
#[derive(Debug)]
pub(super) enum Answer {
    Started(AttemptId, LegId),
    Transferred(AttemptId),
    Refused(AttemptId, TelephonyError),
    Stopped(AttemptId),
    StopFailed(AttemptId, TelephonyError),
    Forwarded,
    ForwardFailed(TelephonyError),
}

pub(super) struct Legs {
    telephony: Arc<dyn Telephony>,
    room: Arc<str>,
    legs: HashMap<LegId, AttemptId>,
    starting: Vec<(AttemptId, bool)>,
    /// Events of legs that are not known yet: the vendor's event can overtake the answer to our command.
    early: Vec<RoomEvent>,
    answers: (mpsc::Sender<Answer>, mpsc::Receiver<Answer>),
    tasks: JoinSet<()>,
}

/// More events than any vendor sends between its answer and the events that overtake it.
const MOST_EARLY: usize = 16;

impl Legs {
    pub(super) fn new(telephony: Arc<dyn Telephony>, room: &str) -> Self {
        Self {
            telephony,
            room: room.into(),
            legs: HashMap::new(),
            starting: Vec::new(),
            early: Vec::new(),
            answers: mpsc::channel(64),
            tasks: JoinSet::new(),
        }
    }

    pub(super) async fn answer(&mut self) -> Option<Answer> {
        self.answers.1.recv().await
    }

    /// The attempt of a leg, if it is one of ours.
    pub(super) fn attempt_of(&self, leg: &LegId) -> Option<AttemptId> {
        self.legs.get(leg).copied()
    }

    /// Starts an attempt.
    pub(super) fn dial(
        &mut self,
        attempt: AttemptId,
        target: &Target,
        method: DialMethod,
        caller: Option<LegId>,
    ) {
        let request = DialOut {
            to: target.address.clone(),
            display_name: Some(Arc::clone(&target.name)),
            caller_id: target.caller_id.clone(),
            extension: target.extension.clone(),
        };
        let (telephony, room, answers) =
            (Arc::clone(&self.telephony), Arc::clone(&self.room), self.answers.0.clone());
        if method == DialMethod::DialOut {
            self.starting.push((attempt, false));
        }
        self.tasks.spawn(async move {
            let answer = match method {
                DialMethod::DialOut => match telephony.start_dial_out(&room, &request).await {
                    Ok(leg) => Answer::Started(attempt, leg),
                    Err(error) => Answer::Refused(attempt, error),
                },
                DialMethod::SipTransfer | DialMethod::SipRefer => {
                    match transfer(&*telephony, &room, method, caller, &request).await {
                        Ok(()) => Answer::Transferred(attempt),
                        Err(error) => Answer::Refused(attempt, error),
                    }
                }
            };
            let _closed = answers.send(answer).await;
        });
    }

    /// Stops an attempt, also one whose start was not answered yet.
    pub(super) fn stop(&mut self, attempt: AttemptId) {
        if let Some(starting) = self.starting.iter_mut().find(|(id, _)| *id == attempt) {
            starting.1 = true;
            return;
        }
        let leg = self.legs.iter().find(|(_, id)| **id == attempt).map(|(leg, _)| leg.clone());
        let (telephony, room, answers) =
            (Arc::clone(&self.telephony), Arc::clone(&self.room), self.answers.0.clone());
        self.tasks.spawn(async move {
            let stopped = match leg {
                Some(leg) => telephony.stop_dial_out(&room, &leg).await,
                None => Ok(()),
            };
            let answer = match stopped {
                Ok(()) => Answer::Stopped(attempt),
                Err(error) => Answer::StopFailed(attempt, error),
            };
            let _closed = answers.send(answer).await;
        });
    }

    /// Forwards the held caller into the room.
    pub(super) fn forward(&mut self, dial_in: crate::telephony::DialIn, sip_uri: String) {
        let (telephony, answers) = (Arc::clone(&self.telephony), self.answers.0.clone());
        self.tasks.spawn(async move {
            let answer = match telephony.forward_caller(&dial_in, &sip_uri).await {
                Ok(()) => Answer::Forwarded,
                Err(error) => Answer::ForwardFailed(error),
            };
            let _closed = answers.send(answer).await;
        });
    }

    /// Takes the answer to a start: the leg is known now, and events that came too early are due.
    pub(super) fn started(&mut self, attempt: AttemptId, leg: LegId) -> Vec<RoomEvent> {
        let stop_now = self.settle(attempt);
        self.legs.insert(leg, attempt);
        if stop_now {
            self.stop(attempt);
        }
        std::mem::take(&mut self.early)
    }

    /// Takes the refusal of a start.
    pub(super) fn refused(&mut self, attempt: AttemptId) {
        self.settle(attempt);
        if self.starting.is_empty() {
            self.early.clear();
        }
    }

    /// Keeps an event of an unknown leg while a start is unanswered.
    pub(super) fn keep_early(&mut self, event: RoomEvent) {
        if !self.starting.is_empty() && self.early.len() < MOST_EARLY {
            self.early.push(event);
        } else {
            tracing::debug!("an event of an unknown leg was dropped");
        }
    }

    /// The only attempt that is being started, for errors that name no leg.
    pub(super) fn sole_attempt(&self) -> Option<AttemptId> {
        match (self.starting.as_slice(), self.legs.len()) {
            ([(attempt, _)], _) => Some(*attempt),
            ([], 1) => self.legs.values().next().copied(),
            _ => None,
        }
    }

    /// Stops every leg that may still be there; bounded by the vendor client's own deadlines.
    pub(super) async fn stop_all(&mut self) {
        self.tasks.abort_all();
        let stops = self.legs.keys().map(|leg| self.telephony.stop_dial_out(&self.room, leg));
        for stopped in futures_util::future::join_all(stops).await {
            if let Err(error) = stopped {
                tracing::debug!(%error, "a leg could not be stopped; the room's end will do it");
            }
        }
        self.legs.clear();
    }

    /// Forgets a leg that is gone.
    pub(super) fn gone(&mut self, leg: &LegId) {
        self.legs.remove(leg);
    }

    fn settle(&mut self, attempt: AttemptId) -> bool {
        match self.starting.iter().position(|(id, _)| *id == attempt) {
            Some(index) => self.starting.remove(index).1,
            None => false,
        }
    }
}

async fn transfer(
    telephony: &dyn Telephony,
    room: &str,
    method: DialMethod,
    caller: Option<LegId>,
    to: &DialOut,
) -> Result<(), TelephonyError> {
    let caller = caller.ok_or_else(|| TelephonyError::NotFound("the caller's leg".to_owned()))?;
    match method {
        DialMethod::SipRefer => telephony.sip_refer(room, &caller, &to.to).await,
        _ => telephony.sip_transfer(room, &caller, to).await,
    }
}

/// The vendor's refusal as the machine is told it.
pub(super) fn refusal(error: &TelephonyError) -> LegEvent {
    LegEvent::Refused { cause: cause(&error.to_string()) }
}

/// The vendor's free text as a cause. Daily reports none: anything but `failed` is inferred.
pub(super) fn cause(raw: &str) -> LegCause {
    let (inferred, _guessed) = infer_leg_outcome(raw);
    let outcome = match inferred {
        InferredOutcome::Busy => LegOutcome::Busy,
        InferredOutcome::Rejected => LegOutcome::Rejected,
        InferredOutcome::Unreachable => LegOutcome::Unreachable,
        InferredOutcome::NoAnswer => LegOutcome::NoAnswer,
        InferredOutcome::Failed => LegOutcome::Failed,
    };
    LegCause { outcome, raw: raw.to_owned() }
}
