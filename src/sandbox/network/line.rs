//! A line: one phone's connection in one call, as the network holds it.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use crate::audio::{self, FRAME_MS, FRAME_SAMPLES, Frame};

/// Messages that may wait in each direction; more than a second of audio.
const QUEUE: usize = 64;

/// What the network tells a phone.
#[derive(Debug)]
pub(crate) enum ToPhone {
    /// The placed call was taken by the network.
    Answered,
    /// Somebody calls.
    Ringing { from: String },
    /// 20 ms.
    Audio(Frame),
    /// The other side pressed a key.
    Key(char),
    /// The call is over, or has stopped ringing.
    Stop { reason: &'static str },
}

/// What a phone tells the network.
#[derive(Debug)]
pub(crate) enum FromPhone {
    /// 20 ms.
    Audio(Frame),
    /// A key was pressed.
    Key(char),
    /// The ringing phone was picked up.
    Answer,
    /// The ringing phone was not picked up.
    Reject(Rejection),
    /// The phone hung up.
    HangUp,
}

/// Why a ringing phone was not picked up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Rejection {
    /// In another call.
    Busy,
    /// Not wanted.
    Rejected,
    /// Out of reach.
    Unreachable,
}

impl Rejection {
    /// As an `errorMsg`: Daily documents free text only.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Busy => "busy here",
            Self::Rejected => "declined",
            Self::Unreachable => "not reachable",
        }
    }
}

/// The phone is gone.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct HungUp;

/// The network's end.
#[derive(Debug)]
pub(crate) struct Line {
    to_phone: mpsc::Sender<ToPhone>,
    from_phone: mpsc::Receiver<FromPhone>,
}

/// The phone's end. When either end is dropped the other sees it.
#[derive(Debug)]
pub(crate) struct PhoneEnd {
    pub(crate) incoming: mpsc::Receiver<ToPhone>,
    pub(crate) outgoing: mpsc::Sender<FromPhone>,
}

/// A new line with its two ends.
pub(crate) fn line() -> (Line, PhoneEnd) {
    let (to_phone, incoming) = mpsc::channel(QUEUE);
    let (outgoing, from_phone) = mpsc::channel(QUEUE);
    (Line { to_phone, from_phone }, PhoneEnd { incoming, outgoing })
}

impl Line {
    /// What the phone says next; a phone that is gone has hung up.
    pub(super) async fn recv(&mut self) -> FromPhone {
        self.from_phone.recv().await.unwrap_or(FromPhone::HangUp)
    }

    /// Plays a frame to the phone; a phone that does not read for a second loses it.
    pub(super) fn play(&self, frame: Frame) {
        self.tell(ToPhone::Audio(frame));
    }

    /// Tells the phone something.
    pub(super) fn tell(&self, message: ToPhone) {
        if self.to_phone.try_send(message).is_err() {
            tracing::debug!("a message to a phone was lost: it does not read, or has gone");
        }
    }

    /// Ends the call at the phone.
    pub(super) fn stop(self, reason: &'static str) {
        self.tell(ToPhone::Stop { reason });
    }

    /// Plays a tune to the phone until something else is there, or the phone is gone.
    pub(super) async fn hear<F: Future>(&mut self, tune: &mut Tune, until: F) -> Result<F::Output, HungUp> {
        let mut until = pin!(until);
        let mut ticks = interval(Duration::from_millis(FRAME_MS));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                output = &mut until => return Ok(output),
                said = self.recv() => if matches!(said, FromPhone::HangUp) {
                    return Err(HungUp);
                },
                _ = ticks.tick() => self.play(tune.next_frame()),
            }
        }
    }
}

/// A recording that is played over and over.
#[derive(Debug)]
pub(super) struct Tune {
    recording: Arc<[i16]>,
    position: usize,
}

impl Tune {
    /// What a held caller hears.
    pub(super) fn hold_music() -> Self {
        Self { recording: audio::hold_audio(), position: 0 }
    }

    /// What a caller hears who cannot be put through.
    pub(super) fn busy() -> Self {
        Self { recording: audio::busy(), position: 0 }
    }

    /// What a caller hears while the other side rings.
    pub(super) fn ringback() -> Self {
        Self { recording: audio::ringback(), position: 0 }
    }

    fn next_frame(&mut self) -> Frame {
        let end = (self.position + FRAME_SAMPLES).min(self.recording.len());
        let frame = Frame::from_samples(&self.recording[self.position..end]);
        self.position = if end == self.recording.len() { 0 } else { end };
        frame
    }
}
