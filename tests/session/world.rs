//! A call of the shipped flow and everybody around it.

use std::collections::{HashSet, VecDeque};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use callflow::audio::{FRAME_MS, FRAME_SAMPLES, Frame};
use callflow::check::{EnvMode, check};
use callflow::machine::CallInfo;
use callflow::pii::{ApiKey, PhoneNumber};
use callflow::plan::{self, Plan};
use callflow::sandbox::voice::encode;
use callflow::session::{self, CallEvent, CallRecord, CallSetup, CallStatus, Journal, Vendors, Watch};
use callflow::source::SourceFile;
use callflow::speech::prompts::PromptCache;
use callflow::telephony::{DialIn, DialLimits, LegId, Room, RoomEvent};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::fakes::{FakeLlm, FakeRoom, FakeStt, FakeTts, Log, Phone};

pub const GREETING: &str = "Hello, this is Hailey from customer support. What can I help you with today?";
pub const QUESTION: &str = "I can connect you with a supervisor. Shall I do that now?";
pub const ANNOUNCEMENT: &str = "I'm transferring you to a supervisor now. Please hold.";
pub const SORRY: &str = "I'm sorry, I couldn't reach a supervisor. Is there anything else I can help with?";
pub const LEFT_ALONE: &str = "The other person has left the call. Goodbye.";
pub const ONCE_MORE: &str = "I'm sorry, I didn't catch that. Could you say that again?";
pub const APOLOGY: &str = "I'm sorry, something went wrong on our side. Please call again later.";

/// Longer than anything in a call of these tests.
const PATIENCE: Duration = Duration::from_secs(3 * 3_600);

pub struct World {
    pub log: Log,
    pub phone: Arc<Phone>,
    pub room: Arc<FakeRoom>,
    pub stt: Arc<FakeStt>,
    pub llm: Arc<FakeLlm>,
    pub tts: Arc<FakeTts>,
    pub caller: Caller,
    pub shutdown: CancellationToken,
    pub kill: CancellationToken,
    pub status: watch::Receiver<CallStatus>,
    setup: Option<CallSetup>,
    call: Option<JoinHandle<Arc<CallRecord>>>,
    spectator: AbortOnDropHandle<()>,
    /// Lines that were waited for, and when the last of them happened.
    seen: HashSet<usize>,
    seen_at: Duration,
}

impl World {
    /// The shipped flow; the call has not begun.
    pub fn new() -> Self {
        Self::with_flow(&shipped_flow())
    }

    pub fn with_flow(yaml: &str) -> Self {
        Self::with_flow_at(Path::new("flow.yaml"), yaml)
    }

    /// A flow that lies somewhere, with what it needs beside it.
    pub fn with_flow_at(path: &Path, yaml: &str) -> Self {
        let log = Log::new();
        let room = Arc::new(FakeRoom::new(&log));
        let phone = Arc::new(Phone::new(&log, &room));
        let stt = Arc::new(FakeStt::new(&log));
        let llm = Arc::new(FakeLlm::new(&log));
        let tts = Arc::new(FakeTts::new(&log));
        let (watch, status, events) = Watch::new(256);
        let (shutdown, kill) = (CancellationToken::new(), CancellationToken::new());
        let number = |text| PhoneNumber::parse(text).unwrap();
        let setup = CallSetup {
            plan: plan_at(path, yaml),
            info: CallInfo {
                id: "c-1".into(),
                from: Some(number("+15550100001")),
                to: Some(number("+15550100002")),
                started_at: 1_700_000_000,
            },
            room: Room {
                name: "room-1".to_owned(),
                url: "http://rooms.test/room-1".to_owned(),
                token: ApiKey::new("token"),
                sip_endpoint: None,
                expires_at: None,
            },
            dial_in: Some(DialIn {
                call_id: "held-1".to_owned(),
                call_domain: "domain-1".to_owned(),
                from: None,
                to: None,
                sip_headers: serde_json::Map::default(),
            }),
            vendors: Vendors {
                telephony: Arc::clone(&phone) as _,
                rooms: Arc::clone(&room) as _,
                stt: Arc::clone(&stt) as _,
                llm: Arc::clone(&llm) as _,
                tts: Arc::clone(&tts) as _,
                prompts: Arc::default(),
            },
            dial_limits: Arc::default(),
            watch,
            journal: None,
            shutdown: shutdown.clone(),
            kill: kill.clone(),
        };
        let caller = Caller::new(&room, &stt);
        let spectator = AbortOnDropHandle::new(tokio::spawn(chronicle(log.clone(), events)));
        let (setup, call) = (Some(setup), None);
        Self {
            log,
            phone,
            room,
            stt,
            llm,
            tts,
            caller,
            shutdown,
            kill,
            status,
            setup,
            call,
            spectator,
            seen: HashSet::new(),
            seen_at: Duration::ZERO,
        }
    }

    /// The room ends so many seconds after the call has begun.
    pub fn room_expires_after(&mut self, seconds: i64) {
        let setup = self.setup.as_mut().unwrap();
        setup.room.expires_at = Some(setup.info.started_at + seconds);
    }

    pub fn write_journal(&mut self, path: &Path) {
        self.setup.as_mut().unwrap().journal = Some(Journal::create(path).unwrap());
    }

    /// The server dials within these limits.
    pub fn limit_dialling(&mut self, limits: Arc<DialLimits>) {
        self.setup.as_mut().unwrap().dial_limits = limits;
    }

    /// The session begins; nobody is there yet.
    pub fn begin(&mut self) {
        self.call = Some(tokio::spawn(session::run(self.setup.take().unwrap())));
    }

    /// The caller comes, as a caller of Daily does.
    pub async fn caller_arrives(&mut self) {
        self.room.event(RoomEvent::DialinReady { sip_endpoint: "sip:room-1@rooms.test".to_owned() });
        self.until("forward held-1 to sip:room-1@rooms.test").await;
        self.caller_arrives_unforwarded();
    }

    /// The caller's leg is in the room.
    pub fn caller_arrives_unforwarded(&self) {
        self.room.event(RoomEvent::DialinConnected { id: caller() });
        self.room.event(RoomEvent::ParticipantJoined { id: caller() });
        self.caller.is_there(true);
    }

    /// A call in which the greeting has been heard.
    pub async fn greeted() -> Self {
        let mut world = Self::new();
        world.get_greeted().await;
        world
    }

    pub async fn get_greeted(&mut self) {
        self.begin();
        self.until("joined").await;
        self.caller_arrives().await;
        self.until("entered converse").await;
    }

    /// A call in which the caller is asked whether they want to be connected.
    pub async fn asked() -> Self {
        let mut world = Self::greeted().await;
        world.ask_for_a_person().await;
        world
    }

    pub async fn ask_for_a_person(&mut self) {
        self.llm.will(&[crate::fakes::Step::Tool("dial_operator")]);
        self.caller_says("I want to speak to a manager").await;
        self.until(&bot_said(QUESTION)).await;
    }

    /// A call in which the operator is dialled, and the command has been answered.
    pub async fn dialling() -> Self {
        let mut world = Self::asked().await;
        world.caller_says("yes").await;
        world.until("started leg-1").await;
        world
    }

    /// A call in which the operator's phone rings.
    pub async fn ringing() -> Self {
        let mut world = Self::dialling().await;
        world.rings(1).await;
        world
    }

    /// A call in which caller and operator talk to each other.
    pub async fn bridged() -> Self {
        let mut world = Self::ringing().await;
        world.answers(1);
        world.until("bot left").await;
        world
    }

    pub async fn rings(&mut self, number: u32) {
        self.room.event(RoomEvent::DialoutConnected { id: leg(number) });
        self.until("ringing").await;
    }

    pub fn answers(&self, number: u32) {
        self.room.event(RoomEvent::ParticipantJoined { id: leg(number) });
        self.room.event(RoomEvent::DialoutAnswered { id: leg(number) });
    }

    pub fn operator_hangs_up(&self, number: u32) {
        self.room.event(RoomEvent::ParticipantLeft { id: leg(number) });
        self.room.event(RoomEvent::DialoutStopped { id: leg(number) });
    }

    pub fn caller_hangs_up(&self) {
        self.caller.is_there(false);
        self.room.event(RoomEvent::ParticipantLeft { id: caller() });
        self.room.event(RoomEvent::DialinStopped { id: caller() });
    }

    /// The caller says something, and it is understood. What happens meanwhile may be waited for afterwards: a reply
    /// is asked for before the turn is over.
    pub async fn caller_says(&mut self, words: &str) {
        let began = self.log.elapsed();
        self.caller.says(words);
        self.until(&format!("caller said {words}")).await;
        self.seen_at = began;
    }

    /// What other calls have had spoken is there.
    pub fn share_prompts(&mut self, prompts: &Arc<PromptCache>) {
        self.setup.as_mut().unwrap().vendors.prompts = Arc::clone(prompts);
    }

    /// Waits for something that begins so, not before what was waited for last, and says when it happened.
    /// What happens in the same millisecond has no order.
    pub async fn until(&mut self, line: &str) -> Duration {
        let deadline = Instant::now() + PATIENCE;
        let soon = Instant::now() + Duration::from_secs(120);
        loop {
            if let Some((index, at)) = self.log.find_since(self.seen_at, &self.seen, line) {
                self.seen.insert(index);
                self.seen_at = at;
                return at;
            }
            let (since, log) = (self.seen_at, self.log.text());
            assert!(Instant::now() < deadline, "never: {line}\nsince {since:?}:\n{log}");
            // Hours are waited for in larger steps.
            sleep(if Instant::now() < soon { Duration::from_millis(2) } else { Duration::from_secs(1) })
                .await;
        }
    }

    /// These happened, in this order.
    #[track_caller]
    pub fn in_order(&self, lines: &[&str]) {
        let mut from = 0;
        for line in lines {
            match self.log.find(from, line) {
                Some((index, _)) => from = index + 1,
                None => panic!("not in this order: {line}\n{}", self.log.text()),
            }
        }
    }

    #[track_caller]
    pub fn times(&self, line: &str, expected: usize) {
        assert_eq!(self.log.count(line), expected, "times of: {line}\n{}", self.log.text());
    }

    /// The call's record, and that nothing of the call is left.
    pub async fn over(self) -> Arc<CallRecord> {
        self.over_having_left_the_room(1).await
    }

    /// The same, for a room that is deleted so many times (once, or not at all).
    pub async fn over_having_left_the_room(mut self, deletions: usize) -> Arc<CallRecord> {
        let call = self.call.take().expect("the call has begun");
        let ended = timeout(PATIENCE, call).await;
        let record = ended.unwrap_or_else(|_| panic!("no end:\n{}", self.log.text())).unwrap();
        settle().await;
        self.times("ended", 1);
        assert!(self.status.borrow().over, "the status says that it is over");
        for (opened, dropped) in [
            ("stt opened", "stt dropped"),
            ("tts opened", "tts dropped"),
            ("joined", "room dropped"),
            ("keeper joined", "keeper dropped"),
        ] {
            self.times(dropped, self.log.count(opened));
        }
        self.times("llm dropped", self.log.count("ask"));
        self.times("delete room-1", deletions);
        assert!(self.log.count("leave") <= 1, "left more than once:\n{}", self.log.text());
        let World { log, caller, spectator, .. } = self;
        drop((caller, spectator));
        settle().await;
        let left = tokio::runtime::Handle::current().metrics().num_alive_tasks();
        assert_eq!(left, 0, "tasks are left:\n{}", log.text());
        record
    }
}

/// Lets everything that is due happen.
pub async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

pub fn caller() -> LegId {
    LegId::new("caller")
}

pub fn leg(number: u32) -> LegId {
    LegId::new(&format!("leg-{number}"))
}

/// The log's line for a sentence that was heard to its end.
pub fn bot_said(text: &str) -> String {
    format!("bot said {text} / {text}")
}

pub fn states(record: &CallRecord) -> Vec<&str> {
    record.states.iter().map(|name| &**name).collect()
}

pub fn shipped_flow() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows/cold_transfer.yaml");
    std::fs::read_to_string(path).unwrap()
}

pub fn plan_of(yaml: &str) -> Arc<Plan> {
    plan_at(Path::new("flow.yaml"), yaml)
}

pub fn plan_at(path: &Path, yaml: &str) -> Arc<Plan> {
    let source = SourceFile::new(path, yaml);
    let env = |name: &str| (name == "OPERATOR_NUMBER").then(|| "+15550100100".to_owned());
    let checked = check(&source, EnvMode::Known(&env));
    let found = || {
        callflow::diagnostic::render_human(&source, &checked.diagnostics, callflow::diagnostic::Style::Plain)
    };
    match checked.flow {
        Some(flow) => plan::compile(flow),
        None => panic!("{}", found()),
    }
}

/// Writes what the watch tells into the log.
async fn chronicle(log: Log, mut events: mpsc::Receiver<CallEvent>) {
    while let Some(event) = events.recv().await {
        log.add(match event {
            CallEvent::Entered { state } => format!("entered {state}"),
            CallEvent::BotSaid { text, heard } => format!("bot said {} / {}", text.text(), heard.text()),
            CallEvent::CallerSaid { text } => format!("caller said {}", text.text()),
            CallEvent::Dialing { target } => format!("dialing {target}"),
            CallEvent::Ringing => "ringing".to_owned(),
            CallEvent::Answered => "answered".to_owned(),
            CallEvent::Accepted => "accepted".to_owned(),
            CallEvent::LegFailed { outcome, raw, .. } => format!("leg failed {outcome:?} {raw}"),
            CallEvent::BotLeft { after_ms } => format!("bot left {after_ms}"),
            CallEvent::Ended(record) => format!("ended {:?}", record.outcome),
        });
    }
}

/// Somebody at a phone: silence, or speech that is heard frame by frame.
pub struct Caller {
    stt: Arc<FakeStt>,
    there: Arc<AtomicBool>,
    speech: Arc<Mutex<VecDeque<i16>>>,
    _task: AbortOnDropHandle<()>,
}

impl Caller {
    fn new(room: &Arc<FakeRoom>, stt: &Arc<FakeStt>) -> Self {
        let there = Arc::new(AtomicBool::new(false));
        let speech: Arc<Mutex<VecDeque<i16>>> = Arc::default();
        let (room, is_there, queue) = (Arc::clone(room), Arc::clone(&there), Arc::clone(&speech));
        let task = async move {
            let mut ticker = tokio::time::interval(Duration::from_millis(FRAME_MS));
            loop {
                ticker.tick().await;
                if !is_there.load(Ordering::SeqCst) {
                    sleep(Duration::from_millis(10)).await;
                    ticker.reset_immediately();
                    continue;
                }
                let samples: Vec<i16> = {
                    let mut queue = queue.lock().unwrap();
                    let n = queue.len().min(FRAME_SAMPLES);
                    queue.drain(..n).collect()
                };
                room.audio(&caller(), Frame::from_samples(&samples));
            }
        };
        let task = AbortOnDropHandle::new(tokio::spawn(task));
        Self { stt: Arc::clone(stt), there, speech, _task: task }
    }

    /// Whether audio comes from them.
    pub fn is_there(&self, there: bool) {
        self.there.store(there, Ordering::SeqCst);
    }

    /// Says something that will be understood.
    pub fn says(&self, words: &str) {
        self.stt.will_hear(words);
        self.makes_sound(words);
    }

    /// Makes a sound as long as these words, that nobody understands.
    pub fn makes_sound(&self, words: &str) {
        self.speech.lock().unwrap().extend(encode(words));
    }
}
