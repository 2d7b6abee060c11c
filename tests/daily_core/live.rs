//! Whole calls as a live server takes them: the webhook, the vendors' clients, the session, and the stand-in
//! library for the media. Phones and vendors are the sandbox's. Real sockets, real threads, real time.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use callflow::check::{EnvMode, check};
use callflow::machine::{CallInfo, Outcome};
use callflow::pii::{ApiKey, PhoneNumber};
use callflow::plan::{self, Plan};
use callflow::sandbox::faults::{Fault, Injection, Service};
use callflow::sandbox::phone::{Phone, PhoneEvent};
use callflow::sandbox::{ParticipantState, Sandbox, SandboxOptions};
use callflow::server::{Calls, Server, ServerOptions, StartBot, StartError, Started};
use callflow::session::{self, CallEvent, CallRecord, CallSetup, Vendors, Watch};
use callflow::source::SourceFile;
use callflow::speech::cartesia::Cartesia;
use callflow::speech::deepgram::Deepgram;
use callflow::speech::openai::{self, OpenAi};
use callflow::telephony::daily::Daily;
use callflow::telephony::daily::core::DailyRooms;
use callflow::telephony::{DialIn, RoomRequest, Telephony};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::sync::{Semaphore, SemaphorePermit, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::process::wait_until;
use crate::{stand_in_library, within};

pub const GREETING: &str = "Hello, this is Hailey.";
pub const QUESTION: &str = "Shall I connect you?";
pub const ANNOUNCEMENT: &str = "One moment please.";
pub const SORRY: &str = "Nobody is there.";
pub const LEFT_ALONE: &str = "The other person has left the call. Goodbye.";
pub const CALLER: &str = "+15550100001";
pub const OPERATOR: &str = "+15550100100";

/// Calls in real time that run at once, each at a few per cent of a core: more of them would starve each other of audio on a
/// small machine.
static LINES: Semaphore = Semaphore::const_new(8);

/// The shipped flow in fewer words, so that calls in real time are short. `dial` is the map of that name.
pub fn flow(dial: &str, handoff: &str) -> String {
    let done = match dial {
        moved if moved.contains("method: sip_") => "transferred",
        gated if gated.contains("accept:") => "accepted",
        _ => "answered",
    };
    format!(
        r#"
callflow: 1
name: short
start: greet
targets:
  operator: {{phone: "{OPERATOR}"}}
  desk: {{sip: "sip:desk@example.com"}}
  switchboard: {{phone: "{OPERATOR}", extension: "42"}}
  sip_switchboard: {{sip: "sip:desk@example.com", extension: "w42"}}
intents:
  dial_operator: {{when: The caller asks for a manager., examples: ["a manager please"]}}
states:
  greet: {{say: "{GREETING}", next: converse}}
  converse:
    converse: Be brief.
    on:
      intent.dial_operator: confirm
      caller.dtmf("0"): confirm
  confirm:
    confirm: "{QUESTION}"
    on: {{accepted: dialing, declined: converse, exhausted: converse}}
  dialing:
    dial: {dial}
    on:
      {done}: handed_off
      otherwise:
        - {{to: converse, say: "{SORRY}", max_visits: 2}}
        - {{to: bye}}
  handed_off: {{handoff: {handoff}}}
  bye: {{end: "Goodbye."}}
"#
    )
}

/// Dialled out, and kept.
pub fn plain() -> String {
    flow(&format!(r#"{{to: operator, announce: "{ANNOUNCEMENT}", ring: 6s}}"#), "keep_room")
}

pub struct World {
    pub sandbox: Sandbox,
    pub rooms: DailyRooms,
    begun: mpsc::Receiver<Begun>,
    stop: CancellationToken,
    server: JoinHandle<()>,
    _line: SemaphorePermit<'static>,
}

/// A call that has begun, seen by those who look on.
struct Begun {
    events: mpsc::Receiver<CallEvent>,
    kill: CancellationToken,
}

/// Runs calls as the program does.
struct Runner {
    plan: Arc<Plan>,
    vendors: Vendors,
    begun: mpsc::Sender<Begun>,
}

impl Runner {
    async fn take(&self, dial_in: DialIn) -> Result<Started, StartError> {
        let now = unix_now();
        let lifetime = Duration::from_secs(7200);
        let request = RoomRequest { caller: dial_in.from.clone(), lifetime, now };
        let room = self.vendors.telephony.create_room(request).await?;
        let started = Started { room_url: room.url.clone(), token: None, call_id: dial_in.call_id.clone() };
        let (watch, _status, events) = Watch::new(256);
        let kill = CancellationToken::new();
        let setup = CallSetup {
            plan: Arc::clone(&self.plan),
            info: CallInfo {
                id: dial_in.call_id.as_str().into(),
                from: dial_in.from.clone(),
                to: dial_in.to.clone(),
                started_at: now,
            },
            room,
            dial_in: Some(dial_in),
            vendors: self.vendors.clone(),
            dial_limits: Arc::default(),
            watch,
            journal: None,
            shutdown: CancellationToken::new(),
            kill: kill.clone(),
        };
        self.begun.send(Begun { events, kill }).await.unwrap();
        tokio::spawn(session::run(setup));
        Ok(started)
    }
}

impl Calls for Runner {
    fn start(&self, dial_in: DialIn) -> BoxFuture<'_, Result<Started, StartError>> {
        self.take(dial_in).boxed()
    }

    fn start_bot(&self, _: StartBot) -> BoxFuture<'_, Result<Started, StartError>> {
        unreachable!("calls come by the webhook")
    }

    fn live(&self) -> usize {
        0
    }
}

#[expect(clippy::disallowed_methods, reason = "rooms expire at a time of day")]
fn unix_now() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs()).unwrap()
}

fn plan_of(yaml: &str) -> Arc<Plan> {
    let source = SourceFile::new("flow.yaml", yaml);
    let checked = check(&source, EnvMode::Known(&|_| None));
    let style = callflow::diagnostic::Style::Plain;
    let found = || callflow::diagnostic::render_human(&source, &checked.diagnostics, style);
    plan::compile(checked.flow.unwrap_or_else(|| panic!("{}", found())))
}

impl World {
    pub async fn new(flow: &str) -> Self {
        Self::with(flow, |rooms| rooms).await
    }

    /// Legs are commanded by our client in the room: over REST, none would be started or moved.
    pub async fn by_client(flow: &str) -> Self {
        let world = Self::with(flow, DailyRooms::commanding_legs).await;
        for request in ["dialOut/start", "dialOut/sendDTMF", "sipCallTransfer", "sipRefer"] {
            world.daily_will(Fault::Refuse { status: 403, info: None }, request, 100);
        }
        world
    }

    async fn with(flow: &str, rooms: impl FnOnce(DailyRooms) -> DailyRooms) -> Self {
        let line = LINES.acquire().await.unwrap();
        let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
        let rooms = rooms(DailyRooms::load(&stand_in_library()).unwrap());
        let (urls, key) = (sandbox.urls(), || ApiKey::new("k"));
        let http = openai::http_client(&urls.openai).unwrap();
        let vendors = Vendors {
            telephony: Arc::new(Daily::new(&urls.daily, key()).unwrap()),
            rooms: Arc::new(rooms.clone()),
            stt: Arc::new(Deepgram::new(&urls.deepgram, key()).unwrap()),
            llm: Arc::new(OpenAi::new(&urls.openai, key(), http).unwrap()),
            tts: Arc::new(Cartesia::new(&urls.cartesia, key()).unwrap()),
            prompts: Arc::default(),
        };
        let (begun_in, begun) = mpsc::channel(4);
        let runner = Runner { plan: plan_of(flow), vendors, begun: begun_in };
        let options = ServerOptions::new(([127, 0, 0, 1], 0).into());
        let server = Server::bind(options, Arc::new(runner)).await.unwrap();
        sandbox.set_webhook(&format!("{}/start", server.url()), None).unwrap();
        let stop = CancellationToken::new();
        let server = tokio::spawn(server.run(stop.clone()));
        Self { sandbox, rooms, begun, stop, server, _line: line }
    }

    /// Daily does this to the next such request or event.
    pub fn daily_will(&self, fault: Fault, on: &str, times: u32) {
        let fault = Injection::once(Service::Daily, fault).on(on).times(times);
        self.sandbox.faults().inject(fault).unwrap();
    }

    /// Somebody calls, and the call begins.
    pub async fn call(&mut self) -> Call {
        let number = |text| PhoneNumber::parse(text).unwrap();
        let called = Phone::call(&self.sandbox.urls().phone, &number(CALLER), &number("+15550100002")).await;
        let (phone, events) = called.unwrap();
        let begun = within(self.begun.recv()).await.unwrap();
        let caller = Person::new(phone, events);
        Call { caller, events: begun.events, kill: begun.kill, seen: Vec::new() }
    }

    /// Somebody who waits for calls.
    pub async fn person_at(&self, address: &str) -> Person {
        let before = self.sandbox.state().waiting_phones;
        let (phone, events) = Phone::wait(&self.sandbox.urls().phone, address).await.unwrap();
        let waits = async {
            while self.sandbox.state().waiting_phones <= before {
                sleep(Duration::from_millis(10)).await;
            }
        };
        within(waits).await;
        Person::new(phone, events)
    }

    /// The bot as its room sees it.
    pub fn bot(&self) -> Option<ParticipantState> {
        let rooms = self.sandbox.state().rooms;
        rooms.into_iter().flat_map(|room| room.participants).find(|participant| !participant.phone)
    }

    /// Waits until the room sees the bot like this.
    pub async fn bot_is(&self, heard: bool, hears: bool) {
        let so = async {
            while self.bot().is_none_or(|bot| (bot.heard, bot.hears) != (heard, hears)) {
                sleep(Duration::from_millis(10)).await;
            }
        };
        if tokio::time::timeout(Duration::from_secs(10), so).await.is_err() {
            panic!("heard {heard}, hears {hears}: never; {:?}", self.sandbox.state());
        }
    }

    /// The end of a world whose bot may have left the room to others, who have gone since: then Daily keeps it
    /// until it expires, or a sweep finds it.
    pub async fn end_but_for_the_room(self) {
        let daily = Daily::new(&self.sandbox.urls().daily, ApiKey::new("k")).unwrap();
        for room in self.sandbox.state().rooms {
            assert!(room.participants.is_empty(), "{room:?}");
            daily.delete_room(&room.name).await.unwrap();
        }
        self.end().await;
    }

    /// The end of the world: of the calls in it nothing is left, neither at the vendors nor in the library.
    pub async fn end(self) {
        let quiet = async {
            while !self.sandbox.state().is_quiet() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(Duration::from_secs(20), quiet).await.is_err() {
            panic!("something is left: {:#?}", self.sandbox.state());
        }
        wait_until("the clients are destroyed", || self.rooms.clients() == 0);
        self.stop.cancel();
        within(self.server).await.unwrap();
        self.sandbox.shutdown().await;
    }
}

/// A call, and the person who placed it.
pub struct Call {
    pub caller: Person,
    pub kill: CancellationToken,
    events: mpsc::Receiver<CallEvent>,
    seen: Vec<String>,
}

impl Call {
    /// Waits for something that the call tells, and says when it told it.
    pub async fn until(&mut self, what: &str) -> Instant {
        loop {
            let event = tokio::time::timeout(Duration::from_secs(40), self.events.recv()).await;
            let Ok(Some(event)) = event else { panic!("never: {what}; seen: {:#?}", self.seen) };
            let told = match event {
                CallEvent::Entered { state } => format!("entered {state}"),
                CallEvent::CallerSaid { text } => format!("heard {}", text.text()),
                CallEvent::Dialing { target } => format!("dials {target}"),
                CallEvent::Ringing => "rings".to_owned(),
                CallEvent::Answered => "answered".to_owned(),
                CallEvent::BotLeft { .. } => "left".to_owned(),
                CallEvent::Ended(record) => {
                    panic!("ended before: {what}; {record:?}; seen: {:#?}", self.seen)
                }
                _ => continue,
            };
            let is_it = told.starts_with(what);
            self.seen.push(told);
            if is_it {
                return Instant::now();
            }
        }
    }

    /// The record of the call, whose end is waited for.
    pub async fn record(&mut self) -> Arc<CallRecord> {
        loop {
            let event = tokio::time::timeout(Duration::from_secs(40), self.events.recv()).await;
            match event {
                Ok(Some(CallEvent::Ended(record))) => return record,
                Ok(Some(_)) => {}
                _ => panic!("no end; seen: {:#?}", self.seen),
            }
        }
    }

    /// Until the question whether the caller wants to be connected has been put.
    pub async fn is_asked(&mut self) {
        self.until("entered converse").await;
        self.caller.phone.press('0').unwrap();
        self.caller.hears(QUESTION).await;
    }

    /// Until the operator's phone rings.
    pub async fn rings_at(&mut self, operator: &Person) {
        self.is_asked().await;
        self.caller.phone.press('1').unwrap();
        self.caller.hears(ANNOUNCEMENT).await;
        operator.rings().await;
        self.until("rings").await;
    }

    /// Until caller and operator are alone with each other.
    pub async fn is_handed_to(&mut self, operator: &Person) {
        self.rings_at(operator).await;
        operator.phone.answer().unwrap();
        self.until("left").await;
    }

    pub async fn ends(&mut self, outcome: Outcome) -> Arc<CallRecord> {
        let record = self.record().await;
        assert_eq!(record.outcome, outcome, "{record:?}");
        record
    }
}

/// Somebody with a telephone.
pub struct Person {
    pub phone: Phone,
    told: Arc<std::sync::Mutex<VecDeque<PhoneEvent>>>,
    _ear: AbortOnDropHandle<()>,
}

impl Person {
    pub fn new(phone: Phone, mut events: mpsc::Receiver<PhoneEvent>) -> Self {
        let told: Arc<std::sync::Mutex<VecDeque<PhoneEvent>>> = Arc::default();
        let ear = Arc::clone(&told);
        let listen = async move {
            while let Some(event) = events.recv().await {
                if !matches!(event, PhoneEvent::HearingNow(_)) {
                    ear.lock().unwrap().push_back(event);
                }
            }
        };
        Self { phone, told, _ear: AbortOnDropHandle::new(tokio::spawn(listen)) }
    }

    /// Waits for something that the phone tells; what comes before it is passed over.
    async fn until(&self, what: &str, is_it: impl Fn(&PhoneEvent) -> bool) -> PhoneEvent {
        let mut passed = Vec::new();
        let end = Instant::now() + Duration::from_secs(30);
        while Instant::now() < end {
            let next = self.told.lock().unwrap().pop_front();
            match next {
                Some(event) if is_it(&event) => return event,
                Some(event) => passed.push(event),
                None => sleep(Duration::from_millis(10)).await,
            }
        }
        panic!("never: {what}; passed over: {passed:#?}");
    }

    /// Waits until these words were heard. A machine that is busy with other tests may damage some of them.
    pub async fn hears(&self, words: &str) {
        let is_it = |event: &PhoneEvent| matches!(event, PhoneEvent::Heard { text, .. } if is_like(text.text(), words));
        self.until(words, is_it).await;
    }

    pub async fn rings(&self) {
        self.until("ringing", |event| matches!(event, PhoneEvent::Ringing { .. })).await;
    }

    pub async fn is_connected(&self) {
        self.until("connected", |event| matches!(event, PhoneEvent::Connected)).await;
    }

    pub async fn gets_key(&self, key: char) {
        self.until("a key", |event| *event == PhoneEvent::Dtmf(key)).await;
    }

    /// Waits until the other side, or the network, has ended the call, and tells how.
    pub async fn is_hung_up(&self) -> String {
        match self.until("the end", |event| matches!(event, PhoneEvent::HungUp { .. })).await {
            PhoneEvent::HungUp { reason } => reason,
            _ => unreachable!("that was waited for"),
        }
    }

    /// Everything heard so far that nobody has waited for.
    pub fn heard(&self) -> Vec<String> {
        let told = self.told.lock().unwrap();
        let words = told.iter().filter_map(|event| match event {
            PhoneEvent::Heard { text, .. } => Some(text.text().to_owned()),
            _ => None,
        });
        words.collect()
    }
}

/// Whether most of the words are there.
fn is_like(heard: &str, said: &str) -> bool {
    let there = said.split_whitespace().filter(|word| heard.contains(word)).count();
    2 * there > said.split_whitespace().count()
}
