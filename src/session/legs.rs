//! The operator's legs: attempts of the machine on one side, the vendor's leg ids on the other.
//!
//! Commands run as tasks of their own, so that a slow vendor never holds up the call; their answers come
//! back through one queue. A start whose answer was lost may have started a leg all the same: it is stopped as
//! soon as the room tells of it. Decides nothing.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

use crate::machine::AttemptId;
use crate::pii::Address;
use crate::plan::{DialMethod, Target};
use crate::telephony::{DialIn, DialLimits, DialOut, LegId, RoomEvent, Telephony, TelephonyError};

/// More events than any vendor sends between its answer and the events that overtake it.
const MOST_EARLY: usize = 16;
/// Legs that nobody waits for, in one call, before they are left to the end of the room.
const MOST_STRAYS: usize = 8;
/// What each `w` before an extension's keys means.
const PAUSE: Duration = Duration::from_millis(500);
/// How long the end of all legs is waited for: a start that is still unanswered, and then its stop, each
/// bounded by the vendor's client.
const ALL_STOPPED_WITHIN: Duration = Duration::from_secs(20);

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
    /// Keys that we send ourselves.
    Keyed(Result<(), TelephonyError>),
    /// A leg that nobody waits for.
    StrayStopped(Result<(), TelephonyError>),
}

pub(super) struct Legs {
    telephony: Arc<dyn Telephony>,
    limits: Arc<DialLimits>,
    room: Arc<str>,
    legs: Vec<Leg>,
    /// Attempts whose start is not answered, and whether they are to be stopped when it is.
    starting: Vec<(AttemptId, bool)>,
    /// Events of legs that are not known yet: the vendor's event can overtake the answer to our command.
    early: Vec<RoomEvent>,
    /// Keys that are sent by us when an attempt is answered.
    keys: Vec<(AttemptId, Arc<str>)>,
    /// A start's answer was lost: a leg that is not known is one that nobody waits for.
    lost_one: bool,
    /// Such legs, told to stop.
    strays: Vec<LegId>,
    answers: (mpsc::Sender<Answer>, mpsc::Receiver<Answer>),
    commands: JoinSet<()>,
    forwarding: Option<AbortOnDropHandle<()>>,
}

/// A leg that has come up and is not known to be gone.
struct Leg {
    id: LegId,
    attempt: AttemptId,
    end: End,
}

/// How far the end of a leg has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Unwanted,
    Asked,
    /// The vendor has answered. Until it also says so in the room, somebody may still pick up.
    Done,
}

impl Legs {
    pub(super) fn new(telephony: Arc<dyn Telephony>, limits: Arc<DialLimits>, room: &str) -> Self {
        Self {
            telephony,
            limits,
            room: room.into(),
            legs: Vec::new(),
            starting: Vec::new(),
            early: Vec::new(),
            keys: Vec::new(),
            lost_one: false,
            strays: Vec::new(),
            answers: mpsc::channel(64),
            commands: JoinSet::new(),
            forwarding: None,
        }
    }

    /// The next answer to a command.
    pub(super) async fn answer(&mut self) -> Answer {
        match self.answers.1.recv().await {
            Some(answer) => answer,
            None => std::future::pending().await,
        }
    }

    /// The attempt of a leg, if it is one of ours.
    pub(super) fn attempt_of(&self, id: &LegId) -> Option<AttemptId> {
        self.legs.iter().find(|leg| leg.id == *id).map(|leg| leg.attempt)
    }

    /// The leg of an attempt, if it is known.
    pub(super) fn leg_of(&self, attempt: AttemptId) -> Option<&LegId> {
        self.legs.iter().find(|leg| leg.attempt == attempt).map(|leg| &leg.id)
    }

    /// Whether an attempt has a leg whose end nobody has asked for.
    pub(super) fn is_wanted(&self, attempt: AttemptId) -> bool {
        self.legs.iter().any(|leg| leg.attempt == attempt && leg.end == End::Unwanted)
    }

    /// Starts an attempt, within the limits of the server. `caller` is the leg that is moved by the methods that
    /// move it; a new leg that is to be kept `apart` hears nobody from its first moment, where that can be had.
    pub(super) fn dial(
        &mut self,
        attempt: AttemptId,
        target: &Target,
        method: DialMethod,
        caller: Option<LegId>,
        apart: bool,
    ) {
        let mut request = DialOut {
            to: target.address.clone(),
            display_name: Some(Arc::clone(&target.name)),
            caller_id: target.caller_id.clone(),
            extension: target.extension.clone(),
            deaf: apart,
        };
        if method == DialMethod::DialOut {
            self.starting.push((attempt, false));
            // The vendor keys an extension behind telephone numbers only.
            if matches!(request.to, Address::Sip(_)) {
                self.keys.extend(request.extension.take().map(|keys| (attempt, keys)));
            }
        }
        let allowed = self.limits.admit(&request.to);
        self.command(move |telephony, room| async move {
            if let Err(refusal) = allowed {
                return Answer::Refused(attempt, refusal.into());
            }
            let answer = match method {
                DialMethod::DialOut => {
                    telephony.start_dial_out(&room, &request).await.map(|leg| Answer::Started(attempt, leg))
                }
                DialMethod::SipTransfer | DialMethod::SipRefer => {
                    let moved = transfer(&*telephony, &room, method, caller, &request).await;
                    moved.map(|()| Answer::Transferred(attempt))
                }
            };
            answer.unwrap_or_else(|error| Answer::Refused(attempt, error))
        });
    }

    /// Stops an attempt, also one whose start was not answered yet: then as soon as it is.
    pub(super) fn stop(&mut self, attempt: AttemptId) {
        if let Some(starting) = self.starting.iter_mut().find(|(id, _)| *id == attempt) {
            starting.1 = true;
            return;
        }
        let leg = self.legs.iter_mut().find(|leg| leg.attempt == attempt);
        let id = leg.map(|leg| {
            leg.end = End::Asked;
            leg.id.clone()
        });
        self.command(move |telephony, room| async move {
            let stopped = match id {
                Some(id) => telephony.stop_dial_out(&room, &id).await,
                None => Ok(()),
            };
            match stopped {
                Ok(()) => Answer::Stopped(attempt),
                Err(error) => Answer::StopFailed(attempt, error),
            }
        });
    }

    /// Forwards the held caller into the room.
    pub(super) fn forward(&mut self, dial_in: DialIn, sip_uri: String) {
        let (telephony, answers) = (Arc::clone(&self.telephony), self.answers.0.clone());
        let forwarding = async move {
            let answer = match telephony.forward_caller(&dial_in, &sip_uri).await {
                Ok(()) => Answer::Forwarded,
                Err(error) => Answer::ForwardFailed(error),
            };
            let _closed = answers.send(answer).await;
        };
        self.forwarding = Some(AbortOnDropHandle::new(tokio::spawn(forwarding.in_current_span())));
    }

    /// The attempt whose leg this must be: the room tells of a leg that comes up, and there is one start that is
    /// not answered yet. A vendor's slow answer must not keep two people waiting who hear each other already.
    pub(super) fn sole_start(&self, event: &RoomEvent) -> Option<AttemptId> {
        let comes_up =
            matches!(event, RoomEvent::DialoutConnected { .. } | RoomEvent::DialoutAnswered { .. });
        match self.starting.as_slice() {
            [(attempt, _)] if comes_up && !self.lost_one => Some(*attempt),
            _ => None,
        }
    }

    /// Whether the answer to a start is news: the leg may have come up before it, and even be gone again.
    pub(super) fn is_starting(&self, attempt: AttemptId) -> bool {
        self.starting.iter().any(|(id, _)| *id == attempt)
    }

    /// Takes the answer to a start: the leg is known now, and events that came too early are due.
    pub(super) fn started(&mut self, attempt: AttemptId, id: LegId) -> Vec<RoomEvent> {
        let stop_now = self.settle(attempt);
        self.legs.push(Leg { id, attempt, end: End::Unwanted });
        if stop_now {
            self.stop(attempt);
        }
        std::mem::take(&mut self.early)
    }

    /// Takes the refusal of a start, or that it was not answered.
    pub(super) fn refused(&mut self, attempt: AttemptId, error: &TelephonyError) {
        self.settle(attempt);
        self.keys.retain(|(of, _)| *of != attempt);
        self.lost_one |= may_have_been_done(error);
        if self.starting.is_empty() {
            for early in std::mem::take(&mut self.early) {
                self.keep_early(early);
            }
        }
    }

    /// Somebody has picked up: the keys that are ours to send are sent, once.
    pub(super) fn answered_by(&mut self, attempt: AttemptId) {
        let Some(index) = self.keys.iter().position(|(of, _)| *of == attempt) else { return };
        let (_, keys) = self.keys.swap_remove(index);
        let Some(leg) = self.leg_of(attempt).cloned() else { return };
        let tones = keys.trim_start_matches('w').to_owned();
        let pauses = u32::try_from(keys.len() - tones.len()).unwrap_or_default();
        self.command(move |telephony, room| async move {
            sleep(PAUSE * pauses).await;
            Answer::Keyed(telephony.send_dtmf(&room, &leg, &tones).await)
        });
    }

    /// Takes the answer to a stop.
    pub(super) fn stopped(&mut self, attempt: AttemptId, done: bool) {
        let end = if done { End::Done } else { End::Unwanted };
        for leg in self.legs.iter_mut().filter(|leg| leg.attempt == attempt) {
            leg.end = end;
        }
    }

    /// Keeps an event of an unknown leg while a start is unanswered. After one whose answer was lost, a leg that
    /// comes up is stopped: somebody would pick up and be in the room, and the call would not know of them.
    pub(super) fn keep_early(&mut self, event: RoomEvent) {
        if !self.starting.is_empty() {
            if self.early.len() < MOST_EARLY {
                self.early.push(event);
            }
            return;
        }
        let (RoomEvent::DialoutConnected { id } | RoomEvent::DialoutAnswered { id }) = event else {
            return tracing::debug!("an event of an unknown leg was dropped");
        };
        if self.lost_one && self.strays.len() < MOST_STRAYS && !self.strays.contains(&id) {
            tracing::warn!("a leg came up whose dial-out was given up; it is stopped");
            self.strays.push(id.clone());
            self.command(move |telephony, room| async move {
                Answer::StrayStopped(telephony.stop_dial_out(&room, &id).await)
            });
        }
    }

    /// The only attempt that an error which names no leg can mean.
    pub(super) fn sole_attempt(&self) -> Option<AttemptId> {
        let mut wanted = self.legs.iter().filter(|leg| leg.end == End::Unwanted);
        match (self.starting.as_slice(), wanted.next(), wanted.next()) {
            ([(attempt, _)], None, _) => Some(*attempt),
            ([], Some(leg), None) => Some(leg.attempt),
            _ => None,
        }
    }

    /// Forgets a leg that is gone.
    pub(super) fn gone(&mut self, id: &LegId) {
        self.legs.retain(|leg| leg.id != *id);
    }

    /// Stops every leg that may still be there, those included whose start is not answered yet, and waits for
    /// that, bounded.
    pub(super) async fn stop_all(&mut self) {
        self.forwarding = None;
        for (_, stop) in &mut self.starting {
            *stop = true;
        }
        let left: Vec<AttemptId> =
            self.legs.iter().filter(|leg| leg.end == End::Unwanted).map(|leg| leg.attempt).collect();
        for attempt in left {
            self.stop(attempt);
        }
        self.finish().await;
    }

    /// Waits until what was commanded is done, bounded.
    pub(super) async fn finish(&mut self) {
        if timeout(ALL_STOPPED_WITHIN, self.answered()).await.is_err() {
            tracing::warn!("a leg may be left; the room's end will end it");
        }
    }

    /// Waits until every command was answered, and stops what comes up late.
    async fn answered(&mut self) {
        loop {
            tokio::select! {
                biased;
                Some(answer) = self.answers.1.recv() => match answer {
                    Answer::Started(attempt, id) if self.is_starting(attempt) => drop(self.started(attempt, id)),
                    Answer::Started(..) => {}
                    Answer::StopFailed(_, error) => {
                        tracing::warn!(%error, "a leg could not be stopped; the room's end will end it");
                    }
                    Answer::Refused(..) | Answer::Transferred(_) | Answer::Stopped(_) => {}
                    Answer::Forwarded | Answer::ForwardFailed(_) => {}
                    Answer::Keyed(done) | Answer::StrayStopped(done) => warn_unless(done),
                },
                command = self.commands.join_next() => match command {
                    Some(Ok(())) => {}
                    Some(Err(error)) => tracing::error!(%error, "a command to the telephony vendor broke"),
                    None => return,
                },
            }
        }
    }

    /// Runs a command as a task of its own.
    fn command<F, A>(&mut self, command: F)
    where
        F: FnOnce(Arc<dyn Telephony>, Arc<str>) -> A,
        A: Future<Output = Answer> + Send + 'static,
    {
        while self.commands.try_join_next().is_some() {}
        let answer = command(Arc::clone(&self.telephony), Arc::clone(&self.room));
        let answers = self.answers.0.clone();
        let answered = async move {
            let _closed = answers.send(answer.await).await;
        };
        self.commands.spawn(answered.in_current_span());
    }

    fn settle(&mut self, attempt: AttemptId) -> bool {
        match self.starting.iter().position(|(id, _)| *id == attempt) {
            Some(index) => self.starting.remove(index).1,
            None => false,
        }
    }
}

/// What could not be done with a leg and changes nothing for the call.
pub(super) fn warn_unless(done: Result<(), TelephonyError>) {
    if let Err(error) = done {
        tracing::warn!(%error, "keys could not be sent to a leg, or one that nobody waits for not be stopped");
    }
}

/// Whether a command may have been carried out although it failed.
fn may_have_been_done(error: &TelephonyError) -> bool {
    use TelephonyError::{Protocol, Unreachable, Vendor};
    matches!(error, Unreachable(_) | Vendor { .. } | Protocol(_))
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
