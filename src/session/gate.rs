//! The accept gate of one attempt, done to the world: the caller and the person called do not hear each other,
//! and the person called is asked, until the machine lets them through.
//!
//! Daily keeps two telephone legs of one room apart by permissions (`canReceive`). From the moment the leg is
//! started the caller may not hear it. When somebody has picked up and is in the room, they may hear nobody but
//! our gatekeeper; until that is done, which takes one request, they can hear the caller.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::Instrument as _;

use super::keeper::{Keeper, KeeperNews};
use super::voice::{Rendering, Voice};
use crate::machine::AttemptId;
use crate::pii::Utterance;
use crate::telephony::{Hearing, LegId, Room, RoomClient, Telephony, TelephonyError};

/// People who joined before it was known who they are.
const MOST_STRANGERS: usize = 8;
/// How long it is waited for that the leg joins the room as a participant, after its answer.
const JOIN_WITHIN: Duration = Duration::from_secs(2);
/// How long the question may take to be rendered.
const SPEAK_WITHIN: Duration = Duration::from_secs(8);
/// Questions whose audio the voice failed to give, before nobody can be asked.
const RENDERINGS: u32 = 2;

/// What came of the gate.
#[derive(Debug)]
pub(super) enum GateNews {
    /// The question was heard.
    Asked,
    /// The two hear each other.
    Bridged,
    /// It cannot be done.
    Failed(TelephonyError),
}

/// Something that happened inside.
#[derive(Debug)]
enum Happened {
    Keeper(KeeperNews),
    Hidden(Result<(), TelephonyError>),
    Apart(Result<(), TelephonyError>),
    Bridged(Result<(), TelephonyError>),
}

pub(super) struct Gate {
    pub(super) attempt: AttemptId,
    telephony: Arc<dyn Telephony>,
    room: Arc<str>,
    caller: Option<LegId>,
    leg: Option<LegId>,
    keeper: Keeper,
    keeper_id: Option<LegId>,
    strangers: Vec<LegId>,
    present: bool,
    picked_up: Option<Instant>,
    apart: Apart,
    question: Option<Question>,
    /// The question was heard once.
    heard: bool,
    commands: JoinSet<()>,
    answers: (mpsc::Sender<Happened>, mpsc::Receiver<Happened>),
}

/// How far the two have been kept apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Apart {
    No,
    Commanded,
    Yes,
}

/// What is to be said as soon as it can be.
struct Question {
    text: Utterance,
    since: Instant,
    rendered: u32,
}

impl Gate {
    /// A gate for an attempt that is about to be made; the keeper goes to its place while it rings.
    pub(super) fn open(
        attempt: AttemptId,
        caller: Option<LegId>,
        room: &Room,
        telephony: Arc<dyn Telephony>,
        rooms: Arc<dyn RoomClient>,
    ) -> Self {
        Self {
            attempt,
            telephony,
            room: room.name.as_str().into(),
            caller,
            leg: None,
            keeper: Keeper::send(rooms, room.clone()),
            keeper_id: None,
            strangers: Vec::new(),
            present: false,
            picked_up: None,
            apart: Apart::No,
            question: None,
            heard: false,
            commands: JoinSet::new(),
            answers: mpsc::channel(16),
        }
    }

    /// The leg is known: the caller may not hear it, whenever it comes.
    pub(super) fn leg_is(&mut self, leg: LegId) {
        self.present |= self.strangers.contains(&leg);
        self.leg = Some(leg.clone());
        if let Some(caller) = self.caller.clone() {
            let hidden = vec![Hearing { listener: caller, others: true, but: vec![(leg, false)] }];
            self.command(hidden, Happened::Hidden);
        }
        self.keep_apart();
    }

    /// Somebody is in the room.
    pub(super) fn joined(&mut self, id: &LegId) {
        if self.leg.as_ref() == Some(id) {
            self.present = true;
            self.keep_apart();
        } else if self.strangers.len() < MOST_STRANGERS {
            self.strangers.push(id.clone());
        }
    }

    pub(super) fn picked_up(&mut self) {
        self.picked_up.get_or_insert_with(Instant::now);
        self.keep_apart();
    }

    /// Whether the question was heard to its end.
    pub(super) fn was_heard(&self) -> bool {
        self.heard
    }

    /// Asks, as soon as it can be heard by nobody else.
    pub(super) fn ask(&mut self, text: Utterance) {
        self.question = Some(Question { text, since: Instant::now(), rendered: 0 });
    }

    /// Lets the two hear each other.
    pub(super) fn bridge(&mut self) {
        self.question = None;
        self.keeper.say(Arc::from([]));
        let (Some(caller), Some(leg)) = (self.caller.clone(), self.leg.clone()) else { return };
        let but_keeper = |more: Option<(LegId, bool)>| {
            let keeper = self.keeper_id.clone().map(|keeper| (keeper, false));
            keeper.into_iter().chain(more).collect()
        };
        let hearing = vec![
            Hearing { listener: caller, others: true, but: but_keeper(Some((leg.clone(), true))) },
            Hearing { listener: leg, others: true, but: but_keeper(None) },
        ];
        self.command(hearing, Happened::Bridged);
    }

    /// What can be done now is done; why nothing can be. To be called with every beat: some of it waits for
    /// time to pass, or for the voice.
    pub(super) fn beat(&mut self, voice: &mut Voice) -> Option<TelephonyError> {
        if self.picked_up.is_some() && self.caller.is_none() {
            return Some(TelephonyError::Protocol(
                "the room did not say which leg is the caller's".to_owned(),
            ));
        }
        self.keep_apart();
        if self.apart != Apart::Yes {
            return None;
        }
        let question = self.question.as_mut()?;
        match voice.rendering(&question.text) {
            Rendering::Ready(samples) => {
                self.keeper.say(samples);
                self.question = None;
                None
            }
            Rendering::Absent if question.rendered < RENDERINGS => {
                question.rendered += 1;
                voice.prepare(&question.text);
                None
            }
            Rendering::Coming if question.since.elapsed() < SPEAK_WITHIN => None,
            Rendering::Absent | Rendering::Coming => {
                Some(TelephonyError::Unreachable("the question could not be spoken".to_owned()))
            }
        }
    }

    /// What comes of it next. May be dropped and asked again at any time.
    pub(super) async fn news(&mut self) -> GateNews {
        loop {
            let happened = tokio::select! {
                biased;
                Some(answer) = self.answers.1.recv() => answer,
                news = self.keeper.news() => Happened::Keeper(news),
            };
            if let Some(news) = self.take(happened) {
                return news;
            }
        }
    }

    fn take(&mut self, happened: Happened) -> Option<GateNews> {
        match happened {
            Happened::Keeper(KeeperNews::Joined(Some(id))) => {
                self.keeper_id = Some(id);
                self.keep_apart();
                None
            }
            Happened::Keeper(KeeperNews::Joined(None)) => Some(GateNews::Failed(TelephonyError::Protocol(
                "the room did not say who we are in it".to_owned(),
            ))),
            Happened::Keeper(KeeperNews::Said) => {
                self.heard = true;
                Some(GateNews::Asked)
            }
            Happened::Keeper(KeeperNews::Lost(error)) => Some(GateNews::Failed(error)),
            Happened::Hidden(Ok(())) => None,
            Happened::Hidden(Err(error)) => {
                // It is part of what is commanded on the answer, and must succeed then.
                tracing::warn!(%error, "the caller may hear the person called for a moment");
                None
            }
            Happened::Apart(Ok(())) => {
                self.apart = Apart::Yes;
                None
            }
            Happened::Bridged(Ok(())) => Some(GateNews::Bridged),
            Happened::Apart(Err(error)) | Happened::Bridged(Err(error)) => Some(GateNews::Failed(error)),
        }
    }

    /// Once somebody has picked up, they hear the keeper and nobody else, and the caller neither of the two.
    fn keep_apart(&mut self) {
        let Some(since) = self.picked_up.filter(|_| self.apart == Apart::No) else { return };
        let there = self.present || since.elapsed() >= JOIN_WITHIN;
        let (Some(caller), Some(leg), Some(keeper)) = (&self.caller, &self.leg, &self.keeper_id) else {
            return;
        };
        if there {
            let apart = vec![
                Hearing {
                    listener: caller.clone(),
                    others: true,
                    but: vec![(leg.clone(), false), (keeper.clone(), false)],
                },
                Hearing { listener: leg.clone(), others: false, but: vec![(keeper.clone(), true)] },
            ];
            self.apart = Apart::Commanded;
            self.command(apart, Happened::Apart);
        }
    }

    fn command(
        &mut self,
        hearing: Vec<Hearing>,
        answer: impl FnOnce(Result<(), TelephonyError>) -> Happened + Send + 'static,
    ) {
        while self.commands.try_join_next().is_some() {}
        let (telephony, room) = (Arc::clone(&self.telephony), Arc::clone(&self.room));
        let answers = self.answers.0.clone();
        let commanded = async move {
            let result = telephony.set_hearing(&room, &hearing).await;
            let _gate_is_gone = answers.send(answer(result)).await;
        };
        self.commands.spawn(commanded.in_current_span());
    }
}
