//! Between the native library's threads and one room's task: what was said, and what was heard.
//!
//! The library is never kept waiting. Audio that nobody fetches is dropped, the oldest first. Events never
//! are; if far too many wait, nobody takes them any more, and the room is given up.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::event::{self, Said};
use super::listener::{Audio, Listener};
use crate::audio::{FRAME_SAMPLES, Frame, SAMPLE_RATE};
use crate::telephony::LegId;

/// Events that may wait. A call has some dozens from beginning to end.
const WAITING_EVENTS: usize = 1024;
/// Frames of audio that may wait, of all participants together.
const WAITING_AUDIO: usize = 40;

static NEXT_REQUEST: AtomicU64 = AtomicU64::new(1);

/// A number for a request or a renderer, unlike any other of this process.
pub(super) fn next_request() -> u64 {
    NEXT_REQUEST.fetch_add(1, Ordering::Relaxed)
}

/// Something for the room's task.
#[derive(Debug, PartialEq)]
pub(super) enum News {
    /// An event.
    Said(Said),
    /// Something that is not the library's protocol.
    Nonsense(String),
    /// Nobody took what was said.
    Overflow,
}

/// One client's line.
#[derive(Debug)]
pub(super) struct Line {
    inbox: Mutex<Inbox>,
    news: Notify,
    sound: Notify,
    is_out: Condvar,
    written: AtomicU64,
    /// The number of the request to join.
    pub(super) join: u64,
    /// The number of the request to leave.
    pub(super) leave: u64,
}

#[derive(Debug, Default)]
struct Inbox {
    said: VecDeque<News>,
    heard: VecDeque<(LegId, Frame)>,
    ears: HashMap<u64, Ear>,
    is_out: bool,
}

/// Audio of one participant on its way to whole frames: the library gives 10 ms at a time.
#[derive(Debug)]
struct Ear {
    id: LegId,
    samples: Vec<i16>,
    is_odd: bool,
}

impl Line {
    pub(super) fn new() -> Self {
        Self {
            inbox: Mutex::default(),
            news: Notify::new(),
            sound: Notify::new(),
            is_out: Condvar::new(),
            written: AtomicU64::new(0),
            join: next_request(),
            leave: next_request(),
        }
    }

    /// Waits for the next news. Nothing is lost if the wait is given up.
    pub(super) async fn said(&self) -> News {
        loop {
            let news = self.news.notified();
            let next = self.inbox().said.pop_front();
            match next {
                Some(next) => return next,
                None => news.await,
            }
        }
    }

    /// Waits for the next 20 ms of anybody. Nothing is lost if the wait is given up.
    pub(super) async fn heard(&self) -> (LegId, Frame) {
        loop {
            let sound = self.sound.notified();
            let next = self.inbox().heard.pop_front();
            match next {
                Some(next) => return next,
                None => sound.await,
            }
        }
    }

    /// From now on, what this renderer plays is this participant's voice.
    pub(super) fn listen(&self, renderer: u64, id: LegId) {
        let mut inbox = self.inbox();
        inbox.ears.retain(|_, ear| ear.id != id);
        inbox.ears.insert(renderer, Ear { id, samples: Vec::new(), is_odd: false });
    }

    /// From now on, nothing is heard of this participant.
    pub(super) fn stop_listening(&self, id: &LegId) {
        let mut inbox = self.inbox();
        inbox.ears.retain(|_, ear| ear.id != *id);
        inbox.heard.retain(|(of, _)| of != id);
    }

    /// How many frames of the microphone have been played so far.
    pub(super) fn written_so_far(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Tells the room's task something that the library did not say.
    pub(super) fn tell(&self, said: Said) {
        self.push(News::Said(said));
    }

    /// Blocks until the library has said that we are out of the room, but not for long. For the client's
    /// own thread only.
    pub(super) fn wait_until_out(&self, patience: Duration) -> bool {
        let waited = self.is_out.wait_timeout_while(self.inbox(), patience, |inbox| !inbox.is_out);
        let (inbox, _) = waited.unwrap_or_else(PoisonError::into_inner);
        inbox.is_out
    }

    fn push(&self, news: News) {
        let mut inbox = self.inbox();
        match inbox.said.len() {
            ..WAITING_EVENTS => inbox.said.push_back(news),
            WAITING_EVENTS => inbox.said.push_back(News::Overflow),
            _ => {}
        }
        drop(inbox);
        self.news.notify_one();
    }

    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener for Line {
    fn event(&self, json: &[u8]) {
        let news = match event::read(json) {
            Ok(Said::Other) => return,
            Ok(said) => {
                let left = matches!(said, Said::Completed { request, .. } if request == self.leave);
                if left || matches!(said, Said::Out(_)) {
                    self.inbox().is_out = true;
                    self.is_out.notify_all();
                }
                News::Said(said)
            }
            Err(nonsense) => News::Nonsense(nonsense),
        };
        self.push(news);
    }

    fn audio(&self, renderer: u64, audio: Audio<'_>) {
        let mut inbox = self.inbox();
        let Inbox { ears, heard, said, .. } = &mut *inbox;
        let Some(ear) = ears.get_mut(&renderer) else { return };
        if audio.sample_rate != SAMPLE_RATE || audio.channels == 0 {
            if !std::mem::replace(&mut ear.is_odd, true) && said.len() < WAITING_EVENTS {
                said.push_back(News::Nonsense(format!("audio of {} Hz", audio.sample_rate)));
            }
        } else {
            ear.take(audio);
            while let Some(frame) = ear.frame() {
                if heard.len() >= WAITING_AUDIO {
                    heard.pop_front();
                }
                heard.push_back((ear.id.clone(), frame));
            }
        }
        drop(inbox);
        self.news.notify_one();
        self.sound.notify_one();
    }

    fn written(&self) {
        self.written.fetch_add(1, Ordering::Relaxed);
    }
}

impl Ear {
    fn take(&mut self, audio: Audio<'_>) {
        for moment in audio.bytes.chunks_exact(2 * audio.channels) {
            let channels =
                moment.chunks_exact(2).map(|pair| i32::from(i16::from_ne_bytes([pair[0], pair[1]])));
            let mean = channels.sum::<i32>() / i32::try_from(audio.channels).unwrap_or(i32::MAX);
            self.samples.push(i16::try_from(mean).unwrap_or_default());
        }
    }

    fn frame(&mut self) -> Option<Frame> {
        let frame = Frame::from_samples(self.samples.get(..FRAME_SAMPLES)?);
        self.samples.drain(..FRAME_SAMPLES);
        Some(frame)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    const RENDERER: u64 = 7;

    fn caller() -> LegId {
        LegId::new("22b32b65-0000-4000-8000-000000000001")
    }

    fn line() -> Line {
        let line = Line::new();
        line.listen(RENDERER, caller());
        line
    }

    fn play(line: &Line, channels: usize, samples: &[i16]) {
        let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_ne_bytes()).collect();
        line.audio(RENDERER, Audio { sample_rate: SAMPLE_RATE, channels, bytes: &bytes });
    }

    fn said(line: &Line) -> Option<News> {
        line.said().now_or_never()
    }

    fn heard(line: &Line) -> Vec<i16> {
        let mut heard = Vec::new();
        while let Some((id, frame)) = line.heard().now_or_never() {
            assert_eq!(id, caller());
            heard.extend(frame.samples());
        }
        heard
    }

    #[test]
    fn pieces_of_any_length_become_whole_frames_and_no_sample_is_lost() {
        let samples: Vec<i16> = (0..3200).collect();
        for piece in [1, 7, 160, 161, 319, 320, 480, 3200] {
            let line = line();
            for piece in samples.chunks(piece) {
                play(&line, 1, piece);
            }
            assert_eq!(heard(&line), samples, "{piece}");
        }
    }

    #[test]
    fn stereo_becomes_mono_and_an_odd_rate_is_told_once_and_not_played() {
        let line = line();
        let stereo: Vec<i16> = (0..320).flat_map(|_| [i16::MAX, i16::MAX]).collect();
        play(&line, 2, &stereo);
        assert_eq!(heard(&line), [i16::MAX; 320]);
        for _ in 0..3 {
            line.audio(RENDERER, Audio { sample_rate: 48_000, channels: 1, bytes: &[0; 960] });
        }
        assert_eq!(said(&line), Some(News::Nonsense("audio of 48000 Hz".into())));
        assert_eq!(said(&line), None);
    }

    #[test]
    fn only_those_we_listen_to_are_heard() {
        let line = line();
        line.audio(99, Audio { sample_rate: SAMPLE_RATE, channels: 1, bytes: &[0; 640] });
        assert!(heard(&line).is_empty());
        play(&line, 1, &[1; 320]);
        line.stop_listening(&caller());
        play(&line, 1, &[2; 320]);
        assert!(heard(&line).is_empty(), "heard after we stopped listening");
        line.listen(RENDERER, caller());
        line.listen(RENDERER + 1, caller());
        play(&line, 1, &[3; 320]);
        assert!(heard(&line).is_empty(), "the older of two renderers of one participant is heard");
    }

    #[test]
    fn audio_nobody_takes_is_dropped_the_oldest_first_and_events_pass_it() {
        let line = line();
        for n in 0..100 {
            play(&line, 1, &[n; 320]);
        }
        line.event(br#"{"action":"dialin-ready","sipEndpoint":"x"}"#);
        assert!(matches!(said(&line), Some(News::Said(Said::Event(_)))));
        let heard = heard(&line);
        assert_eq!(heard.len(), WAITING_AUDIO * 320);
        assert_eq!((heard[0], heard.last()), (60, Some(&99)));
    }

    #[test]
    fn events_nobody_takes_end_the_line_and_not_the_memory() {
        let line = line();
        for _ in 0..10 * WAITING_EVENTS {
            line.event(br#"{"action":"dialin-ready","sipEndpoint":"x"}"#);
        }
        let mut last = None;
        let mut count = 0;
        while let Some(news) = said(&line) {
            last = Some(news);
            count += 1;
        }
        assert_eq!((count, last), (WAITING_EVENTS + 1, Some(News::Overflow)));
    }

    #[test]
    fn waiting_to_be_out_ends_with_the_word_or_with_patience() {
        let line = line();
        assert!(!line.wait_until_out(Duration::from_millis(1)));
        line.event(
            format!(r#"{{"action":"request-completed","requestId":{{"id":{}}}}}"#, line.leave).as_bytes(),
        );
        assert!(line.wait_until_out(Duration::from_secs(60)));
    }
}
