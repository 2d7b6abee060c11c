//! What is in a sandbox at a moment, so that a test can see that nothing is left.

use std::collections::BTreeMap;

use serde::Serialize;

use super::network::LegState;
use super::room::RoomState;
use super::world::World;

/// The answer to `GET /control/state`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SandboxState {
    /// Rooms that exist, and who is in them.
    pub rooms: Vec<RoomState>,
    /// Live legs.
    pub legs: Vec<LegState>,
    /// Callers that hear hold music.
    pub held_calls: usize,
    /// Phones that wait to be rung.
    pub waiting_phones: usize,
    /// Open streams by service; room sockets count as `daily`.
    pub streams: BTreeMap<&'static str, usize>,
}

impl SandboxState {
    pub(super) fn of(world: &World) -> Self {
        Self {
            rooms: world.rooms.states(),
            legs: world.network.legs(),
            held_calls: world.network.held_calls(),
            waiting_phones: world.network.waiting_phones(),
            streams: world.site.streams.counts(),
        }
    }

    /// Whether no call is on: no room, no leg, nobody held, and no stream open but those of waiting phones.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        let busy_streams: usize = self.streams.values().sum();
        self.rooms.is_empty()
            && self.legs.is_empty()
            && self.held_calls == 0
            && busy_streams == self.waiting_phones
    }
}
