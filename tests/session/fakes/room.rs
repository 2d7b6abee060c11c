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
    /// How a second participant of ours gets in.
    pub keeping: Mutex<Answer>,
    /// What the person called hears of it.
    whispered: Arc<Mutex<Recording>>,
    keeper: Mutex<Option<Ends>>,
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
            keeping: Mutex::new(Answer::Ok),
            whispered: Arc::default(),
            keeper: Mutex::new(None),
        }
    }

    /// The second participant of ours is out of the room.
    pub fn lose_keeper(&self) {
        *self.keeper.lock().unwrap() = None;
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
        understood(&self.frames_since(since))
    }

    /// What the gatekeeper was understood to say.
    pub fn whispered(&self) -> Vec<String> {
        let recording = self.whispered.lock().unwrap().clone();
        understood(&recording.into_iter().map(|(_, frame)| frame).collect::<Vec<_>>())
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

fn understood(frames: &[Frame]) -> Vec<String> {
    let mut ear = Decoder::new(16_000);
    let mut heard: Vec<Heard> = Vec::new();
    for frame in frames {
        heard.extend(ear.push(frame.samples()));
    }
    heard.extend(ear.finish());
    let text = |heard| match heard {
        Heard::Text { text, .. } => Some(text),
        _ => None,
    };
    heard.into_iter().filter_map(text).collect()
}

impl FakeRoom {
    /// The bot, or its gatekeeper.
    async fn admit(
        &self,
        who: &str,
        answer: Answer,
        place: &Mutex<Option<Ends>>,
        recording: &Arc<Mutex<Recording>>,
    ) -> Result<RoomSession, TelephonyError> {
        answer.pass().await?;
        let is_bot = who == "bot";
        self.log.add(if is_bot { "joined room-1".to_owned() } else { format!("{who} joined") });
        let (events, events_out) = mpsc::channel(64);
        let (audio, audio_out) = mpsc::channel(10);
        let (commands, commands_in) = mpsc::channel(32);
        let log = if is_bot { self.log.clone() } else { Log::new() };
        let obey = Self::obey(
            self.log.on_drop(if is_bot { "room dropped" } else { "keeper dropped" }),
            log,
            commands_in,
            events.downgrade(),
            Arc::clone(recording),
            Arc::clone(&self.stuck),
            self.silent_leave.load(Ordering::SeqCst),
        );
        *place.lock().unwrap() = Some(Ends { events, audio: Some(audio) });
        let task = AbortOnDropHandle::new(tokio::spawn(obey));
        let own_id = Some(LegId::new(who));
        Ok(RoomSession { own_id, events: events_out, audio: audio_out, commands, legs: None, task })
    }
}

impl RoomClient for FakeRoom {
    fn join<'a>(&'a self, _room: &'a Room) -> BoxFuture<'a, Result<RoomSession, TelephonyError>> {
        async move {
            let bot_is_there = self.ends.lock().unwrap().is_some();
            if bot_is_there {
                let answer = self.keeping.lock().unwrap().clone();
                self.admit("keeper", answer, &self.keeper, &self.whispered).await
            } else {
                let answer = self.joining.lock().unwrap().clone();
                self.admit("bot", answer, &self.ends, &self.recording).await
            }
        }
        .boxed()
    }
}
