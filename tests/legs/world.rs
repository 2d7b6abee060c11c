//! The sandbox, our clients, and calls of a flow.

use std::sync::Arc;
use std::time::Duration;

use callflow::check::{EnvMode, check};
use callflow::diagnostic::{Style, render_human};
use callflow::machine::CallInfo;
use callflow::pii::ApiKey;
use callflow::plan::{self, Plan};
use callflow::sandbox::clock::Metronome;
use callflow::sandbox::{Sandbox, SandboxOptions};
use callflow::session::{self, CallEvent, CallRecord, CallSetup, Vendors, Watch};
use callflow::source::SourceFile;
use callflow::speech::cartesia::Cartesia;
use callflow::speech::deepgram::Deepgram;
use callflow::speech::openai::{self, OpenAi};
use callflow::telephony::daily::Daily;
use callflow::telephony::ws_room::WsRooms;
use callflow::telephony::{DialIn, DialLimits, RoomRequest};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::dial_ins;
use crate::person::{PATIENCE, Person};

pub const CALLER: &str = "+15550100001";
pub const OUR_NUMBER: &str = "+15550100002";
/// Where the targets `desk`, `back` and `pbx` are reached.
pub const DESK: &str = "+15550100101";
pub const BACK: &str = "+15550100102";
pub const PBX: &str = "sip:desk@pbx.example";

pub struct World {
    pub sandbox: Sandbox,
    vendors: Vendors,
    held: mpsc::Receiver<DialIn>,
    _webhook: AbortOnDropHandle<()>,
    _clock: Metronome,
}

/// A call in progress, with its caller.
pub struct Call {
    pub caller: Person,
    events: mpsc::Receiver<CallEvent>,
    task: JoinHandle<Arc<CallRecord>>,
}

impl World {
    pub async fn new() -> Self {
        Self::with(SandboxOptions::default()).await
    }

    pub async fn with(options: SandboxOptions) -> Self {
        callflow::speech::socket::install_tls();
        let clock = Metronome::start(None);
        let sandbox = Sandbox::start(options).await.unwrap();
        let (held, webhook) = dial_ins::of(&sandbox).await;
        let (urls, key) = (sandbox.urls(), || ApiKey::new("sandbox"));
        let http = openai::http_client(&urls.openai).unwrap();
        let vendors = Vendors {
            telephony: Arc::new(Daily::new(&urls.daily, key()).unwrap()),
            rooms: Arc::new(WsRooms::new()),
            stt: Arc::new(Deepgram::new(&urls.deepgram, key()).unwrap()),
            llm: Arc::new(OpenAi::new(&urls.openai, key(), http).unwrap()),
            tts: Arc::new(Cartesia::new(&urls.cartesia, key()).unwrap()),
            prompts: Arc::default(),
        };
        Self { sandbox, vendors, held, _webhook: webhook, _clock: clock }
    }

    /// Somebody who waits for a number to be dialled.
    pub async fn operator_at(&self, number: &str) -> Person {
        let before = self.sandbox.state().waiting_phones;
        let person = Person::waits(&self.sandbox.urls().phone, number).await;
        let waits = async {
            while self.sandbox.state().waiting_phones <= before {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, waits).await.expect("the phone does not wait");
        person
    }

    /// A caller in a call of this flow.
    pub async fn call(&mut self, plan: &Arc<Plan>) -> Call {
        let caller = Person::calls(&self.sandbox.urls().phone, CALLER, OUR_NUMBER).await;
        let dial_in = timeout(PATIENCE, self.held.recv()).await.expect("no webhook").unwrap();
        let now = unix_now();
        let lifetime = Duration::from_secs(7_200);
        let request = RoomRequest { caller: dial_in.from.clone(), lifetime, now };
        let room = self.vendors.telephony.create_room(request).await.unwrap();
        let (watch, _status, events) = Watch::new(1024);
        let info = CallInfo {
            id: "c-1".into(),
            from: dial_in.from.clone(),
            to: dial_in.to.clone(),
            started_at: now,
        };
        let setup = CallSetup {
            plan: Arc::clone(plan),
            info,
            room,
            dial_in: Some(dial_in),
            vendors: self.vendors.clone(),
            dial_limits: Arc::new(DialLimits::default()),
            watch,
            journal: None,
            shutdown: CancellationToken::new(),
            kill: CancellationToken::new(),
        };
        let task = tokio::spawn(Box::pin(session::run(setup)));
        Call { caller, events, task }
    }

    /// Has the sandbox bring about a case of the catalogue, as `callflow test --list-faults` says.
    pub async fn brings_about(&self, body: &str) {
        let url = format!("{}/control/faults", self.sandbox.urls().phone);
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = http.post(url).body(body.to_owned()).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 201, "{body}");
    }

    /// Waits until so many are in the only room.
    pub async fn present(&self, count: usize) {
        let present = async {
            loop {
                let state = self.sandbox.state();
                if state.rooms.first().is_some_and(|room| room.participants.len() == count) {
                    return;
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, present).await.unwrap_or_else(|_| panic!("{count}: {:#?}", self.sandbox.state()));
    }

    /// The id of the n-th number that was bought.
    pub async fn purchased(&self, n: usize) -> String {
        let url = format!("{}/purchased-phone-numbers", self.sandbox.urls().daily);
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = http.get(url).bearer_auth("sandbox").send().await.unwrap();
        let numbers: serde_json::Value = answer.json().await.unwrap();
        numbers["data"][n]["id"].as_str().unwrap().to_owned()
    }

    /// Waits until nobody is on the telephone any more, or waits for a call.
    pub async fn nobody_left(&self) {
        let nobody = async {
            loop {
                let state = self.sandbox.state();
                let rooms_are_empty = state.rooms.iter().all(|room| room.participants.is_empty());
                if rooms_are_empty && state.legs.is_empty() && state.waiting_phones == 0 {
                    return;
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, nobody).await.unwrap_or_else(|_| panic!("left over: {:#?}", self.sandbox.state()));
    }

    /// Waits until nothing is left of any call.
    pub async fn quiet(&self) {
        let quiet = async {
            while !self.sandbox.state().is_quiet() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, quiet).await.unwrap_or_else(|_| panic!("left over: {:#?}", self.sandbox.state()));
    }
}

impl Call {
    /// What was told to whoever looks on, so far.
    pub fn told(&mut self) -> Vec<CallEvent> {
        std::iter::from_fn(|| self.events.try_recv().ok()).collect()
    }

    /// The bot is gone in the middle of whatever it does, and closes nothing.
    pub async fn dies(self) -> Person {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
        self.caller
    }

    /// The caller hangs up, and the record is written.
    pub async fn hangs_up(self) -> Arc<CallRecord> {
        self.caller.phone.hang_up().unwrap();
        self.record().await
    }

    /// The record, when the call is over.
    pub async fn record(self) -> Arc<CallRecord> {
        let record = timeout(PATIENCE, self.task).await.expect("the call does not end");
        record.unwrap()
    }
}

/// States of a flow under a usual head: three targets and two intents.
pub fn flow(states: &str) -> Arc<Plan> {
    flow_with("", states)
}

/// The same with more at the top.
pub fn flow_with(head: &str, states: &str) -> Arc<Plan> {
    compile(head, "", states)
}

/// The same with one target more.
pub fn flow_to(target: &str, states: &str) -> Arc<Plan> {
    compile("", target, states)
}

fn compile(head: &str, target: &str, states: &str) -> Arc<Plan> {
    let text = format!(
        "callflow: 1
name: legs
start: begin
{head}
targets:
  desk: {{phone: \"{DESK}\"}}
  back: {{phone: \"{BACK}\"}}
  pbx: {{sip: \"{PBX}\"}}
  {target}
intents:
  cancel: {{when: The caller no longer wants to wait., examples: [never mind]}}
states:
{states}"
    );
    let source = SourceFile::new("legs.yaml", text);
    let checked = check(&source, EnvMode::Known(&|_| None));
    match checked.flow {
        Some(flow) => plan::compile(flow),
        None => panic!("{}", render_human(&source, &checked.diagnostics, Style::Plain)),
    }
}

#[expect(clippy::disallowed_methods, reason = "rooms expire at a time of day")]
fn unix_now() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs()).unwrap()
}
