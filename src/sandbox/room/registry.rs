//! All rooms of one sandbox: creation, look-up, expiry, deletion.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Inside, Room, RoomSettings, RoomState};
use crate::sandbox::clock::unix_now;
use crate::sandbox::faults::Faults;
use crate::sandbox::tasks::Tasks;

/// The domain in SIP addresses.
const DOMAIN: &str = "sandbox";
/// The first SIP user; each room has its own.
const FIRST_SIP_USER: u64 = 123_456_780;
/// An expiry further away than this (30 days) is taken for this.
const LONGEST_LIFE: f64 = 30.0 * 86_400.0;

/// The rooms by name.
pub(crate) struct Rooms {
    by_name: Arc<Mutex<BTreeMap<String, Arc<Room>>>>,
    created: AtomicU64,
    ends_with_owner: bool,
    tasks: Tasks,
    faults: Faults,
}

impl Rooms {
    /// No rooms yet.
    pub(crate) fn new(ends_with_owner: bool, tasks: Tasks, faults: Faults) -> Self {
        Self { by_name: Arc::default(), created: AtomicU64::new(0), ends_with_owner, tasks, faults }
    }

    /// Creates a room and starts the wait for its expiry; `None` if the name is taken.
    pub(crate) fn create(
        &self,
        name: String,
        public: bool,
        settings: RoomSettings,
        config: Map<String, Value>,
    ) -> Option<Arc<Room>> {
        let number = FIRST_SIP_USER + self.created.fetch_add(1, Ordering::Relaxed);
        let mut rooms = self.lock();
        if rooms.contains_key(&name) {
            return None;
        }
        let room = Arc::new(Room {
            id: Uuid::new_v4(),
            public,
            created_at: unix_now(),
            endpoints: endpoints(&name, number, &settings),
            ends_with_owner: self.ends_with_owner,
            tasks: self.tasks.clone(),
            faults: self.faults.clone(),
            inside: Mutex::new(Inside::default()),
            gone: CancellationToken::new(),
            name: name.clone(),
            settings,
            config,
        });
        rooms.insert(name, Arc::clone(&room));
        drop(rooms);
        self.await_expiry(&room);
        Some(room)
    }

    /// The room of that name.
    pub(crate) fn get(&self, name: &str) -> Option<Arc<Room>> {
        self.lock().get(name).cloned()
    }

    /// The room that has this SIP endpoint, with or without scheme; also the endpoint itself.
    pub(crate) fn at_endpoint(&self, sip_uri: &str) -> Option<(Arc<Room>, String)> {
        let address = sip_uri.strip_prefix("sip:").unwrap_or(sip_uri);
        let address = address.split([';', '?']).next().unwrap_or(address);
        self.lock().values().find_map(|room| {
            let endpoint = room.endpoints.iter().find(|endpoint| endpoint.eq_ignore_ascii_case(address))?;
            Some((Arc::clone(room), endpoint.clone()))
        })
    }

    /// Ends and forgets a room; `false` if there is none.
    pub(crate) fn delete(&self, name: &str) -> bool {
        let room = self.lock().remove(name);
        room.map(|room| room.close()).is_some()
    }

    /// All rooms, oldest name first.
    pub(crate) fn all(&self) -> Vec<Arc<Room>> {
        self.lock().values().cloned().collect()
    }

    /// Their states, for inspection.
    pub(crate) fn states(&self) -> Vec<RoomState> {
        self.all().iter().map(|room| room.state()).collect()
    }

    fn await_expiry(&self, room: &Arc<Room>) {
        let Some(exp) = room.settings.exp else { return };
        let left = Duration::from_secs_f64((exp - unix_now()).clamp(0.0, LONGEST_LIFE));
        let (room, rooms) = (Arc::clone(room), Arc::clone(&self.by_name));
        self.tasks.spawn(async move {
            tokio::select! {
                () = room.gone.cancelled() => return,
                () = tokio::time::sleep(left) => room.expire(),
            }
            // Without ejection people may talk on; nobody can join any more.
            if let Some(session) = room.session_end() {
                session.cancelled().await;
            }
            rooms.lock().unwrap_or_else(PoisonError::into_inner).remove(&room.name);
        });
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Room>>> {
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// SignalWire's endpoints count a number, Daily's own the room's name.
fn endpoints(name: &str, number: u64, settings: &RoomSettings) -> Vec<String> {
    let Some(sip) = &settings.sip else { return Vec::new() };
    (0..sip.num_endpoints)
        .map(|index| match sip.own_provider {
            true => format!("{name}.{index}@{DOMAIN}.sip-us.daily.co"),
            false => format!("{number}.{index}@{DOMAIN}.sip.daily.co"),
        })
        .collect()
}
