//! The room server, in the place of Daily's closed media plane: who is in, who hears whom, what is told.
//!
//! Protocol: `docs/sandbox-protocol.md`, section "The room". A room *session* lasts from the first
//! participant to the last (or to the end of the owner's stay, see
//! [`SandboxOptions::room_ends_with_owner`](super::SandboxOptions)); the room itself lasts until it is
//! deleted or expires. Nothing here knows telephone numbers or REST bodies.

mod announce;
mod event;
mod hearing;
mod member;
mod mix;
mod playout;
mod registry;
mod seat;
mod session;
mod settings;
pub(crate) mod socket;

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub(crate) use hearing::HearingChange;
pub use member::ParticipantState;
pub(crate) use member::ToClient;
pub(crate) use mix::add;
pub(crate) use registry::Rooms;
pub(crate) use seat::{ClientSeat, EndpointLease};
pub(crate) use settings::RoomSettings;

use super::faults::Faults;
use super::tasks::Tasks;
use member::Member;

/// A room.
pub(crate) struct Room {
    pub(crate) name: String,
    pub(crate) id: Uuid,
    /// Whether guests without a token may join.
    pub(crate) public: bool,
    /// Seconds since 1970.
    pub(crate) created_at: f64,
    pub(crate) settings: RoomSettings,
    /// The properties as REST gives them back.
    pub(crate) config: Map<String, Value>,
    /// SIP endpoints as the REST answer has them: without scheme.
    pub(crate) endpoints: Vec<String>,
    /// Whether the session ends when its last owner leaves.
    ends_with_owner: bool,
    tasks: Tasks,
    faults: Faults,
    inside: Mutex<Inside>,
    /// Cancelled when the room is deleted or has expired.
    gone: CancellationToken,
}

/// What changes in a room.
#[derive(Default)]
struct Inside {
    members: Vec<Member>,
    /// Cancelled when the session ends; `None` while nobody is in.
    session: Option<CancellationToken>,
    /// The id of the session, or of the last one.
    meeting: Uuid,
    /// Whether callers can be forwarded: `dialin-ready` has been told in this session.
    ready: bool,
    /// Endpoints that a caller is on or on the way to.
    taken: BTreeSet<String>,
    /// An event that a fault keeps back until the next one has been told.
    kept_back: Option<String>,
    /// A fault's visitor is in, or on the way.
    visited: bool,
}

/// Who is in a room, as `GET /rooms/:name/presence` shows it.
#[derive(Debug)]
pub(crate) struct Present {
    pub(crate) id: Uuid,
    pub(crate) user_name: Option<String>,
    pub(crate) meeting: Uuid,
    /// Seconds since 1970.
    pub(crate) joined_at: f64,
}

/// A room as `GET /control/state` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RoomState {
    /// Its name.
    pub name: String,
    /// Who is in.
    pub participants: Vec<ParticipantState>,
}

impl Room {
    /// What events call the telephone provider.
    pub(crate) fn provider(&self) -> &'static str {
        match &self.settings.sip {
            Some(sip) if sip.own_provider => "daily",
            _ => "signalwire",
        }
    }

    /// Whether it can still be joined.
    pub(crate) fn is_open(&self) -> bool {
        !self.gone.is_cancelled()
    }

    /// Whether an owner is in.
    pub(crate) fn has_owner(&self) -> bool {
        self.lock().members.iter().any(|member| member.owner)
    }

    /// Whether a session id is that of a client rather than of a phone's leg.
    pub(crate) fn has_client(&self, id: Uuid) -> bool {
        self.lock().members.iter().any(|member| member.id == id && !member.is_phone())
    }

    /// Whether callers can be forwarded now.
    pub(crate) fn is_ready(&self) -> bool {
        self.lock().ready
    }

    /// The running session's end; `None` while nobody is in.
    pub(crate) fn session_end(&self) -> Option<CancellationToken> {
        self.lock().session.clone()
    }

    /// Who is in, in the order in which they came.
    pub(crate) fn present(&self) -> Vec<Present> {
        let inside = self.lock();
        let present = inside.members.iter().map(|member| Present {
            id: member.id,
            user_name: member.user_name.clone(),
            meeting: inside.meeting,
            joined_at: member.joined_at,
        });
        present.collect()
    }

    /// Its state, for inspection.
    pub(crate) fn state(&self) -> RoomState {
        let participants = self.lock().members.iter().map(Member::state).collect();
        RoomState { name: self.name.clone(), participants }
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        // No change is left half done by a panic: each is one push, removal or assignment.
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
