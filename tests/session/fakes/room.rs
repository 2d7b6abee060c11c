//! A room of which the test is the other side.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use callflow::audio::Frame;
use callflow::sandbox::voice::{Decoder, Heard};
use callflow::telephony::{
    CloseReason, LegId, Room, RoomClient, RoomCommand, RoomEvent, RoomSession, TelephonyError,
};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::log::{Log, Trace};
use super::phone::Answer;

/// What the bot sounded like, frame by frame.
pub type Recording = Vec<(Instant, Frame)>;

pub struct FakeRoom {
    log: Log,
    pub joining: Mutex<Answer>,
    /// Commands are not read: the network is stuck.
    pub stuck: Arc<AtomicBool>,
    /// Leaving is never confirmed.
    pub silent_leave: AtomicBool,
    recording: Arc<Mutex<Recording>>,
    ends: Mutex<Option<Ends>>,
}

#[derive(Clone)]
struct Ends {
    events: mpsc::Sender<RoomEvent>,
    audio: Option<mpsc::Sender<(LegId, Frame)>>,
}

impl FakeRoom {
    pub fn new(log: &Log) -> Self {
        Self {
            log: log.clone(),
            joining: Mutex::new(Answer::Ok),
            stuck: Arc::default(),
            silent_leave: AtomicBool::new(false),
            recording: Arc::default(),
            ends: Mutex::new(None),
        }
    }

    /// Something happens; after the end of the session nobody is told.
    pub fn event(&self, event: RoomEvent) {
        if let Some(ends) = &*self.ends.lock().unwrap() {
            let _gone = ends.events.try_send(event);
        }
    }

    pub fn audio(&self, leg: &LegId, frame: Frame) {
        if let Some(Ends { audio: Some(audio), .. }) = &*self.ends.lock().unwrap() {
            let _full = audio.try_send((leg.clone(), frame));
        }
    }

    /// No audio will come any more, though the room goes on.
    pub fn close_audio(&self) {
        if let Some(ends) = &mut *self.ends.lock().unwrap() {
            ends.audio = None;
        }
    }

    /// The connection ends without a word.
    pub fn vanish(&self) {
        *self.ends.lock().unwrap() = None;
    }

    /// Everything the bot sent.
    pub fn recording(&self) -> Recording {
        self.recording.lock().unwrap().clone()
    }

    /// The frames since a point in time.
    pub fn frames_since(&self, since: Instant) -> Vec<Frame> {
        self.recording().into_iter().filter(|(at, _)| *at >= since).map(|(_, frame)| frame).collect()
    }

    /// What a person in the room understood since a point in time, utterance by utterance.
    pub fn understood_since(&self, since: Instant) -> Vec<String> {
        let mut ear = Decoder::new(16_000);
        let mut heard: Vec<Heard> = Vec::new();
        for frame in self.frames_since(since) {
            heard.extend(ear.push(frame.samples()));
        }
        heard.extend(ear.finish());
        let text = |heard| match heard {
            Heard::Text { text, .. } => Some(text),
            _ => None,
        };
        heard.into_iter().filter_map(text).collect()
    }

    async fn obey(
        _trace: Trace,
        log: Log,
        mut commands: mpsc::Receiver<RoomCommand>,
        events: mpsc::WeakSender<RoomEvent>,
        recording: Arc<Mutex<Recording>>,
        stuck: Arc<AtomicBool>,
        silent_leave: bool,
    ) {
        loop {
            while stuck.load(Ordering::SeqCst) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let Some(command) = commands.recv().await else { break };
            match command {
                RoomCommand::Audio(frame) => recording.lock().unwrap().push((Instant::now(), frame)),
                RoomCommand::Microphone(on) => log.add(format!("microphone {on}")),
                RoomCommand::Subscribe(on) => log.add(format!("subscribe {on}")),
                RoomCommand::Leave => {
                    log.add("leave");
                    if let Some(events) = events.upgrade().filter(|_| !silent_leave) {
                        let _gone = events.try_send(RoomEvent::Closed { reason: CloseReason::Left });
                    }
                }
            }
        }
    }
}

impl RoomClient for FakeRoom {
    fn join<'a>(&'a self, room: &'a Room) -> BoxFuture<'a, Result<RoomSession, TelephonyError>> {
        let answer = self.joining.lock().unwrap().clone();
        async move {
            answer.pass().await?;
            self.log.add(format!("joined {}", room.name));
            let (events, events_out) = mpsc::channel(64);
            let (audio, audio_out) = mpsc::channel(10);
            let (commands, commands_in) = mpsc::channel(32);
            let obey = Self::obey(
                self.log.on_drop("room dropped"),
                self.log.clone(),
                commands_in,
                events.downgrade(),
                Arc::clone(&self.recording),
                Arc::clone(&self.stuck),
                self.silent_leave.load(Ordering::SeqCst),
            );
            *self.ends.lock().unwrap() = Some(Ends { events, audio: Some(audio) });
            let task = AbortOnDropHandle::new(tokio::spawn(obey));
            Ok(RoomSession { events: events_out, audio: audio_out, commands, task })
        }
        .boxed()
    }
}
