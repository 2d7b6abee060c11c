//! The gatekeeper: a second participant of ours in the room, which speaks to the person called and to nobody else.
//!
//! The bot's own microphone goes on playing hold audio to the caller meanwhile. Who hears whom is not decided
//! here: the keeper joins, says what it is given, and is gone when it is dropped.

use std::sync::Arc;

use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

use super::cadence::Cadence;
use super::voice::DOWNSTREAM;
use crate::audio::{FRAME_SAMPLES, Frame};
use crate::telephony::{LegId, Room, RoomClient, RoomCommand, RoomEvent, RoomSession, TelephonyError};

/// Sentences that may wait.
const SENTENCES: usize = 4;
const NEWS: usize = 8;

/// What the keeper tells.
#[derive(Debug)]
pub(super) enum KeeperNews {
    /// It is in the room, as this participant.
    Joined(Option<LegId>),
    /// A sentence was heard to its end.
    Said,
    /// It is not in the room, or not any more.
    Lost(TelephonyError),
}

pub(super) struct Keeper {
    sentences: Sender<Arc<[i16]>>,
    news: Receiver<KeeperNews>,
    _task: AbortOnDropHandle<()>,
}

impl Keeper {
    /// Sends a keeper into a room.
    pub(super) fn send(rooms: Arc<dyn RoomClient>, room: Room) -> Self {
        let (sentences, to_say) = channel(SENTENCES);
        let (tell, news) = channel(NEWS);
        let staying = async move {
            let end = match rooms.join(&room).await {
                Ok(session) => stay(session, to_say, &tell).await,
                Err(error) => error,
            };
            let _dropped = tell.send(KeeperNews::Lost(end)).await;
        };
        let task = tokio::spawn(staying.in_current_span());
        Self { sentences, news, _task: AbortOnDropHandle::new(task) }
    }

    /// The next news; never resolves after the last.
    pub(super) async fn news(&mut self) -> KeeperNews {
        match self.news.recv().await {
            Some(news) => news,
            None => std::future::pending().await,
        }
    }

    /// Says something, instead of what is being said. Nothing at all is silence.
    pub(super) fn say(&self, sentence: Arc<[i16]>) {
        // A full queue holds newer sentences than are wanted; a closed one has told that the keeper is lost.
        if self.sentences.try_send(sentence).is_err() {
            tracing::debug!("the gatekeeper was not given a sentence");
        }
    }
}

/// Stays until the room is gone; why it is.
async fn stay(
    session: RoomSession,
    mut to_say: Receiver<Arc<[i16]>>,
    tell: &Sender<KeeperNews>,
) -> TelephonyError {
    let RoomSession { own_id, mut events, mut audio, commands, legs: _, task: _task } = session;
    let gone = || TelephonyError::Unreachable("the second connection to the room ended".to_owned());
    if commands.send(RoomCommand::Microphone(true)).await.is_err()
        || tell.send(KeeperNews::Joined(own_id)).await.is_err()
    {
        return gone();
    }
    let mut cadence = Cadence::new();
    let mut mouth = Mouth::default();
    loop {
        tokio::select! {
            biased;
            sentence = to_say.recv() => match sentence {
                Some(sentence) => mouth.begin(sentence),
                None => return gone(),
            },
            event = events.recv() => if matches!(event, None | Some(RoomEvent::Closed { .. })) {
                return gone();
            },
            // Nobody's audio is subscribed.
            Some(_) = audio.recv() => {}
            () = cadence.beat() => {
                let (frame, finished) = mouth.next_frame();
                if commands.try_send(RoomCommand::Audio(frame)).is_err() {
                    tracing::debug!("20 ms of the gatekeeper's audio were dropped");
                }
                if finished && tell.send(KeeperNews::Said).await.is_err() {
                    return gone();
                }
            }
        }
    }
}

/// A sentence, frame by frame.
#[derive(Default)]
struct Mouth {
    sentence: Option<Arc<[i16]>>,
    position: usize,
    /// Frames that are still to be heard after the last that was played.
    downstream: u64,
}

impl Mouth {
    fn begin(&mut self, sentence: Arc<[i16]>) {
        self.sentence = (!sentence.is_empty()).then_some(sentence);
        self.position = 0;
        self.downstream = DOWNSTREAM;
    }

    /// The next 20 ms, and whether the sentence has been heard with it.
    fn next_frame(&mut self) -> (Frame, bool) {
        let Some(sentence) = &self.sentence else { return (Frame::silence(), false) };
        if self.position < sentence.len() {
            let end = (self.position + FRAME_SAMPLES).min(sentence.len());
            let frame = Frame::from_samples(&sentence[self.position..end]);
            self.position = end;
            return (frame, false);
        }
        self.downstream = self.downstream.saturating_sub(1);
        let heard = self.downstream == 0;
        if heard {
            self.sentence = None;
        }
        (Frame::silence(), heard)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_said_once_and_heard_a_moment_later() {
        let mut mouth = Mouth::default();
        assert_eq!(mouth.next_frame(), (Frame::silence(), false));
        mouth.begin(vec![7; FRAME_SAMPLES + 1].into());
        let frames: Vec<_> = (0..20).map(|_| mouth.next_frame()).collect();
        assert_eq!(frames[0].0, Frame::from_samples(&[7; FRAME_SAMPLES]));
        assert_eq!(frames[1].0, Frame::from_samples(&[7]));
        assert!(frames[2..].iter().all(|(frame, _)| *frame == Frame::silence()));
        let heard: Vec<usize> = (0..20).filter(|&n| frames[n].1).collect();
        assert_eq!(heard, [1 + usize::try_from(DOWNSTREAM).unwrap()]);
    }

    #[test]
    fn a_new_sentence_takes_the_place_of_the_one_being_said_and_none_is_silence() {
        let mut mouth = Mouth::default();
        mouth.begin(vec![7; 3 * FRAME_SAMPLES].into());
        mouth.next_frame();
        mouth.begin(vec![8; FRAME_SAMPLES].into());
        assert_eq!(mouth.next_frame().0, Frame::from_samples(&[8; FRAME_SAMPLES]));
        mouth.begin(Arc::from([]));
        assert!((0..20).map(|_| mouth.next_frame()).all(|next| next == (Frame::silence(), false)));
    }
}
