//! The register of live legs: who can be told to stop, to press keys, to go elsewhere.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::pii::Address;

/// Orders that may wait for a leg.
const QUEUE: usize = 8;

/// What a leg can be told.
#[derive(Debug)]
pub(crate) enum LegOrder {
    /// Hang up.
    Stop,
    /// Send keys to the phone.
    Keys(String),
    /// Leave the room for somebody else.
    Transfer(Transfer),
}

/// Where a leg goes.
#[derive(Debug)]
pub(crate) struct Transfer {
    pub(crate) to: Address,
    pub(crate) caller_id: Option<String>,
    pub(crate) extension: Option<Extension>,
}

/// Keys that are sent after the answer.
#[derive(Clone, Debug)]
pub(crate) struct Extension {
    pub(crate) keys: String,
    pub(crate) wait_seconds: f64,
}

/// Who placed the call of a leg.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// The caller.
    DialIn,
    /// We.
    DialOut,
}

/// How far a leg has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Progress {
    /// Being set up.
    Connecting,
    /// Ringing at the far end.
    Ringing,
    /// In the room.
    Talking,
    /// Out of the room, with somebody else or on the way to them.
    Transferred,
}

/// A leg as `GET /control/state` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LegState {
    /// Its session id.
    pub session_id: String,
    /// The room it is or was in.
    pub room: String,
    /// Who called.
    pub direction: Direction,
    /// How far it has come.
    pub progress: Progress,
}

struct Entry {
    room: String,
    direction: Direction,
    progress: Progress,
    orders: mpsc::Sender<LegOrder>,
}

/// The register.
#[derive(Clone, Default)]
pub(super) struct Legs {
    entries: Arc<Mutex<BTreeMap<Uuid, Entry>>>,
}

/// A registered leg; dropping it ends the registration.
pub(super) struct Leg {
    pub(super) id: Uuid,
    pub(super) orders: mpsc::Receiver<LegOrder>,
    legs: Legs,
}

impl Legs {
    /// Registers a new leg.
    pub(super) fn register(&self, room: &str, direction: Direction) -> Leg {
        let (sender, orders) = mpsc::channel(QUEUE);
        let entry =
            Entry { room: room.to_owned(), direction, progress: Progress::Connecting, orders: sender };
        let id = Uuid::new_v4();
        self.lock().insert(id, entry);
        Leg { id, orders, legs: self.clone() }
    }

    /// Gives an order; `false` if the leg is not in that room (any more), or takes no orders.
    pub(super) fn order(&self, id: Uuid, room: &str, order: LegOrder) -> bool {
        let entries = self.lock();
        let entry = entries.get(&id).filter(|entry| entry.room == room);
        entry.is_some_and(|entry| entry.orders.try_send(order).is_ok())
    }

    /// How far a leg has come.
    pub(super) fn progress(&self, id: Uuid) -> Option<Progress> {
        self.lock().get(&id).map(|entry| entry.progress)
    }

    /// Notes how far a leg has come.
    pub(super) fn note(&self, id: Uuid, progress: Progress) {
        if let Some(entry) = self.lock().get_mut(&id) {
            entry.progress = progress;
        }
    }

    /// How many legs were dialled into a room and are not over.
    pub(super) fn dialled_into(&self, room: &str) -> usize {
        let entries = self.lock();
        entries.values().filter(|entry| entry.direction == Direction::DialOut && entry.room == room).count()
    }

    /// All legs, for inspection.
    pub(super) fn states(&self) -> Vec<LegState> {
        let state = |(id, entry): (&Uuid, &Entry)| LegState {
            session_id: id.to_string(),
            room: entry.room.clone(),
            direction: entry.direction,
            progress: entry.progress,
        };
        self.lock().iter().map(state).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Uuid, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Leg {
    /// Notes how far it has come.
    pub(super) fn note(&self, progress: Progress) {
        self.legs.note(self.id, progress);
    }

    /// The next order. Waits for ever if none comes: the register keeps the other end.
    pub(super) async fn next_order(&mut self) -> LegOrder {
        match self.orders.recv().await {
            Some(order) => order,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Leg {
    fn drop(&mut self) {
        self.legs.lock().remove(&self.id);
    }
}
