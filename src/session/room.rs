//! The joined room as the call sees it: what happens in it, who is heard, and what we want of it.
//!
//! Our audio is dropped rather than delayed when the room does not keep up. Wishes never are: they wait. Silence is
//! not sent on and on: a room is silent by itself, and sound that follows need not wait behind the silence.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::time::timeout;

use crate::audio::Frame;
use crate::telephony::{CloseReason, LegId, RoomCommand, RoomEvent, RoomSession};

/// How long a room may take to let us go.
const LEAVE_WITHIN: Duration = Duration::from_secs(2);
/// Frames of silence, 200 ms, after which no more are sent. Whatever the room keeps back is played by then.
const SILENCE: u32 = 10;

pub(super) struct JoinedRoom {
    session: RoomSession,
    /// What the room had no place for yet.
    wishes: VecDeque<RoomCommand>,
    /// Frames of silence that we had for the room in a row.
    silent: u32,
    audible: bool,
    closed: bool,
    leaving: bool,
}

/// What comes from a room.
#[derive(Debug)]
pub(super) enum RoomNews {
    Event(RoomEvent),
    Audio(LegId, Frame),
}

impl JoinedRoom {
    pub(super) fn new(session: RoomSession) -> Self {
        Self {
            session,
            wishes: VecDeque::new(),
            silent: SILENCE,
            audible: true,
            closed: false,
            leaving: false,
        }
    }

    /// The next news; never resolves when we are out. May be dropped and asked again at any time.
    pub(super) async fn next(&mut self) -> RoomNews {
        if self.closed {
            return std::future::pending().await;
        }
        loop {
            let RoomSession { events, audio, commands, .. } = &mut self.session;
            let event = tokio::select! {
                biased;
                place = commands.reserve(), if !self.wishes.is_empty() => {
                    match (place, self.wishes.pop_front()) {
                        (Ok(place), Some(wish)) => place.send(wish),
                        _ => self.wishes.clear(),
                    }
                    continue;
                }
                event = events.recv() => event,
                heard = audio.recv(), if self.audible => match heard {
                    Some((leg, frame)) => return RoomNews::Audio(leg, frame),
                    None => {
                        // Nobody will be heard any more. The room's last event says why.
                        self.audible = false;
                        continue;
                    }
                },
            };
            return RoomNews::Event(self.noted(event));
        }
    }

    /// Sends 20 ms of our audio, unless it is one silence of many.
    pub(super) fn play(&mut self, frame: Frame) {
        self.silent = if frame.is_silence() { self.silent.saturating_add(1) } else { 0 };
        if self.is_silent() {
            return;
        }
        let kept_up =
            self.wishes.is_empty() && self.session.commands.try_send(RoomCommand::Audio(frame)).is_ok();
        if !kept_up && !self.closed {
            tracing::debug!("the room does not keep up; 20 ms of our audio were dropped");
        }
    }

    /// Whether we send nothing: what comes next may come at any moment, not only 20 ms after the last.
    pub(super) fn is_silent(&self) -> bool {
        self.silent > SILENCE
    }

    /// Wants something of the room, now or as soon as it keeps up.
    pub(super) fn wish(&mut self, wish: RoomCommand) {
        self.leaving |= matches!(wish, RoomCommand::Leave);
        if !self.wishes.is_empty() {
            self.wishes.push_back(wish);
        } else if let Err(TrySendError::Full(wish)) = self.session.commands.try_send(wish) {
            self.wishes.push_back(wish);
        }
    }

    /// Leaves politely, if we have not left already; bounded. The connection ends with `self` in any case.
    pub(super) async fn leave(mut self) {
        if !self.leaving && !self.closed {
            self.wish(RoomCommand::Leave);
        }
        let out = async {
            while !self.closed {
                self.next().await;
            }
        };
        if timeout(LEAVE_WITHIN, out).await.is_err() {
            tracing::debug!("the room did not confirm that we left");
        }
    }

    fn noted(&mut self, event: Option<RoomEvent>) -> RoomEvent {
        let lost = || RoomEvent::Closed { reason: CloseReason::Lost("the room's stream ended".to_owned()) };
        let event = event.unwrap_or_else(lost);
        self.closed |= matches!(event, RoomEvent::Closed { .. });
        event
    }
}
