//! Rooms that an earlier process of this server left behind, found and deleted.
//!
//! A room is deleted only if its name has this server's mark, it is older than any call takes to begin, and
//! Daily says that nobody is in it. In doubt it stays: it has an expiry of its own.

use std::collections::HashSet;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::{Daily, gone_is_fine, wire};
use crate::telephony::TelephonyError;

/// How old a room must be, in seconds: its bot may be on its way, and Daily's word on who is in a room comes up
/// to 15 seconds late. Two clocks are compared here.
const OLD_ENOUGH: i64 = 600;
/// Rooms of one page, the most that Daily gives.
const PAGE: usize = 100;
/// Pages that are looked at, newest rooms first.
const PAGES: usize = 20;
/// Rooms that one sweep deletes at most.
const MOST_DELETED: usize = 100;
/// Daily takes about two deletions a second, and calls that end need theirs.
const DELETE_EVERY: Duration = Duration::from_secs(1);
/// How long a sweep may take.
const SWEEP_WITHIN: Duration = Duration::from_secs(180);
/// How long one request may take, retries included.
const REQUEST_WITHIN: Duration = Duration::from_secs(8);

/// What a sweep found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sweep {
    /// Rooms of this server that an earlier process left behind.
    pub found: usize,
    /// Those of them that were deleted.
    pub deleted: usize,
    /// Those that stayed because somebody is in them.
    pub occupied: usize,
}

impl Daily {
    /// Deletes rooms of this server that nobody is in any more; see the module. `now` is in seconds since 1970.
    /// Bounded in requests and in time; a room that cannot be deleted is logged and left to expire.
    ///
    /// # Errors
    /// Any, when the rooms cannot be listed or Daily stops answering.
    pub async fn sweep(&self, now: i64) -> Result<Sweep, TelephonyError> {
        let end = Instant::now() + SWEEP_WITHIN;
        let orphans = self.left_behind(now, end).await?;
        let mut sweep = Sweep { found: orphans.len(), ..Sweep::default() };
        let mut next = Instant::now();
        for room in orphans.into_iter().take(MOST_DELETED) {
            if next >= end {
                break;
            }
            sleep_until(next).await;
            next = Instant::now() + DELETE_EVERY;
            if !self.is_empty(&room).await? {
                sweep.occupied += 1;
                continue;
            }
            match gone_is_fine(self.rest.delete(&["rooms", &room], Instant::now() + REQUEST_WITHIN).await) {
                Ok(()) => sweep.deleted += 1,
                Err(error) => tracing::warn!(room, %error, "a room that was left behind stays to expire"),
            }
        }
        Ok(sweep)
    }

    /// Names of old rooms of this server.
    async fn left_behind(&self, now: i64, end: Instant) -> Result<Vec<String>, TelephonyError> {
        let mut seen = HashSet::new();
        let mut names = Vec::new();
        let mut last: Option<String> = None;
        // Daily's documents contradict each other on which of the two leads to older rooms.
        let mut cursors = ["starting_after", "ending_before"].into_iter().peekable();
        for _ in 0..PAGES {
            let Some(&cursor) = cursors.peek() else { break };
            let size = PAGE.to_string();
            let mut query = vec![("limit", &*size)];
            query.extend(last.as_deref().map(|last| (cursor, last)));
            let answer = self.rest.get(&["rooms"], &query, end.min(Instant::now() + REQUEST_WITHIN)).await?;
            let page: wire::RoomList = wire::read(answer, "the list of rooms")?;
            let is_full = page.data.len() >= PAGE;
            let fresh: Vec<_> = page.data.into_iter().filter(|room| seen.insert(room.id.clone())).collect();
            let Some(oldest) = fresh.last() else {
                cursors.next();
                continue;
            };
            last = Some(oldest.id.clone());
            let ours = fresh.into_iter().filter(|room| self.server.named(&room.name));
            names.extend(ours.filter(|room| room.is_older_than(now - OLD_ENOUGH)).map(|room| room.name));
            if !is_full {
                break;
            }
        }
        Ok(names)
    }

    /// Whether Daily says that nobody is in a room. One that is gone has nobody to be thrown out.
    async fn is_empty(&self, room: &str) -> Result<bool, TelephonyError> {
        let answer = self.rest.get(&["rooms", room, "presence"], &[], Instant::now() + REQUEST_WITHIN).await;
        match answer {
            Ok(answer) => {
                let presence: wire::Presence = wire::read(answer, "who is in a room")?;
                Ok(presence.total_count == 0 && presence.data.is_empty())
            }
            Err(TelephonyError::NotFound(_)) => Ok(true),
            Err(error) => Err(error),
        }
    }
}
