//! A room's session: it starts with the first participant, runs the mixing clock, and ends.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::member::{Ears, Member, audio_message};
use super::mix::Mix;
use super::{Inside, Room, event};
use crate::audio::{FRAME_MS, Frame};

/// From the first join to `dialin-ready`: the SIP worker registers.
const SIP_REGISTRATION: Duration = Duration::from_millis(150);
/// Frames that are mixed in one go at most, besides the regular one.
const MOST_EXTRA_TICKS: usize = 3;

impl Room {
    /// Starts the session if none runs: the mixing clock, and the SIP worker's registration.
    pub(super) fn ensure_session(self: &Arc<Self>) {
        let session = {
            let mut inside = self.lock();
            if inside.session.is_some() {
                return;
            }
            let session = CancellationToken::new();
            inside.session = Some(session.clone());
            inside.meeting = Uuid::new_v4();
            session
        };
        let (clock, worker) = (Arc::clone(self), Arc::clone(self));
        self.tasks.spawn(session.clone().run_until_cancelled_owned(async move { clock.run_clock().await }));
        if !self.endpoints.is_empty() {
            self.tasks.spawn(session.run_until_cancelled_owned(async move { worker.register_sip().await }));
        }
    }

    /// Ends the session: everybody is out. The room can be joined again.
    pub(super) fn end_session(&self) {
        let mut inside = self.lock();
        let ended = event::meeting_ended().to_string();
        inside.tell_but_to(None, &ended);
        // Dropping a member closes its queue: sockets and legs see the end of it.
        inside.members.clear();
        inside.ready = false;
        inside.kept_back = None;
        if let Some(session) = inside.session.take() {
            session.cancel();
        }
    }

    /// The room is deleted: everybody is out and nobody can join.
    pub(super) fn close(&self) {
        self.gone.cancel();
        self.end_session();
    }

    /// The room expires: nobody can join, and if it says so everybody is out.
    pub(super) fn expire(&self) {
        self.gone.cancel();
        if self.settings.eject_at_room_exp {
            self.end_session();
        }
    }

    async fn register_sip(self: Arc<Self>) {
        sleep(SIP_REGISTRATION).await;
        self.lock().ready = true;
        for endpoint in &self.endpoints {
            self.announce(&event::dialin_ready(endpoint, self.provider()));
        }
    }

    async fn run_clock(self: Arc<Self>) {
        let mut ticks = interval(Duration::from_millis(FRAME_MS));
        // Ticks that were missed are not made up for blindly: talkers in this process were late as well,
        // and a burst would play their queues empty.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            ticks.tick().await;
            self.lock().tick();
        }
    }
}

impl Inside {
    /// A tick of the clock: one frame from everybody. It is left out while somebody's frame is late, so that
    /// everybody hears it later rather than damaged; and there are more of them while somebody's frames pile
    /// up, if that interrupts nobody.
    fn tick(&mut self) {
        if self.members.iter_mut().any(|member| member.playout.holds_up()) {
            return;
        }
        self.mix_frame();
        for _ in 0..MOST_EXTRA_TICKS {
            let behind = self.members.iter().any(|member| member.playout.is_long());
            if !behind || self.members.iter().any(|member| member.playout.is_short()) {
                return;
            }
            self.mix_frame();
        }
    }

    /// 20 ms: a frame from everybody, the mix to the phones, each single voice to the clients.
    fn mix_frame(&mut self) {
        let frames: Vec<Option<Frame>> =
            self.members.iter_mut().map(|member| member.playout.pull()).collect();
        let mix = Mix::of(&frames);
        for (member, own) in self.members.iter().zip(&frames) {
            let Ears::Phone { queue } = &member.ears else { continue };
            let heard = match member.hearing.is_unlimited() {
                true => mix.without(own.as_ref()),
                false => self.heard_by(member, &frames),
            };
            if queue.try_send(heard).is_err() {
                tracing::debug!("a frame was lost: the phone's leg is slow or leaving");
            }
        }
        for (talker, frame) in self.members.iter().zip(&frames).filter(|(talker, _)| talker.is_heard()) {
            let message = audio_message(talker.id, frame.as_ref());
            let listeners = self.members.iter().filter(|listener| listener.id != talker.id);
            for listener in listeners.filter(|listener| listener.hearing.allows(talker.id)) {
                listener.pass_audio(&message);
            }
        }
    }

    /// The mix for a phone that may not hear everybody.
    fn heard_by(&self, listener: &Member, frames: &[Option<Frame>]) -> Frame {
        let others = self.members.iter().zip(frames).filter(|(talker, _)| talker.id != listener.id);
        let heard = others.filter(|(talker, _)| listener.hearing.allows(talker.id));
        Mix::of(heard.map(|(_, frame)| frame)).without(None)
    }
}
