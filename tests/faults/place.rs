//! The sandbox, chains of providers, and one caller at a time who writes down what is heard and when.

use std::sync::Arc;
use std::time::Duration;

use callflow::check::{EnvMode, check};
use callflow::machine::CallInfo;
use callflow::pii::{ApiKey, PhoneNumber};
use callflow::plan::{self, Plan};
use callflow::sandbox::phone::Phone;
use callflow::sandbox::{Sandbox, SandboxOptions};
use callflow::session::{self, CallSetup, Vendors, Watch};
use callflow::source::SourceFile;
use callflow::speech::aura::Aura;
use callflow::speech::cartesia::Cartesia;
use callflow::speech::deepgram::Deepgram;
use callflow::speech::failover::{Health, LlmChain, Member, SttChain, TtsChain};
use callflow::speech::openai::{self, OpenAi};
use callflow::speech::openai_audio::OpenAiEar;
use callflow::speech::{Llm, Stt, Tts};
use callflow::telephony::daily::Daily;
use callflow::telephony::ws_room::WsRooms;
use callflow::telephony::{DialIn, DialLimits, RoomRequest};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::call::Call;
use crate::dial_ins;

/// How long anything may take, in virtual time.
pub const PATIENCE: Duration = Duration::from_secs(120);

pub const OPERATOR: &str = "+15550100100";

pub const FLOW: &str = r#"callflow: 1
name: faults
start: greet
always: {service.failed: sorry}
targets:
  operator: {phone: "+15550100100"}
intents:
  person: {when: The caller asks for a person., examples: [I want to speak to a person]}
  goodbye: {when: The caller says goodbye., examples: [goodbye]}
states:
  greet: {say: Welcome to the shop., next: talk}
  talk:
    converse: Help the caller.
    on: {intent.person: ring, intent.goodbye: bye}
  ring:
    dial: {to: operator, announce: Please hold., ring: 20s}
    on:
      answered: over
      otherwise:
        - {to: talk, say: Nobody is free. What else can I do for you?, max_visits: 2}
        - {to: sorry}
  over: {handoff: keep_room}
  sorry: {end: Something is broken here. Please call again.}
  bye: {end: Goodbye.}
"#;

pub struct Place {
    pub sandbox: Sandbox,
    telephony: Arc<Daily>,
    held: mpsc::Receiver<DialIn>,
    _webhook: AbortOnDropHandle<()>,
}

impl Place {
    pub async fn new() -> Self {
        callflow::speech::socket::install_tls();
        let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
        let (held, webhook) = dial_ins::of(&sandbox).await;
        let telephony = Arc::new(Daily::new(&sandbox.urls().daily, ApiKey::new("sandbox")).unwrap());
        Self { sandbox, telephony, held, _webhook: webhook }
    }

    /// Providers of which nothing is known yet, with or without somebody behind each.
    pub fn vendors(&self, with_fallback: bool) -> Vendors {
        let (urls, key) = (self.sandbox.urls(), || ApiKey::new("sandbox"));
        let model = |url: &str| OpenAi::new(url, key(), openai::http_client(url).unwrap()).unwrap();
        let mut stt: Vec<Member<dyn Stt>> =
            vec![member(Arc::new(Deepgram::new(&urls.deepgram, key()).unwrap()), "nova-3-general", None)];
        let mut llm: Vec<Member<dyn Llm>> = Vec::new();
        let mut tts: Vec<Member<dyn Tts>> = vec![member(
            Arc::new(Cartesia::new(&urls.cartesia, key()).unwrap()),
            "sonic-3",
            Some("b7d50908-b17c-442d-ad8d-810c63997ed9"),
        )];
        if with_fallback {
            stt.push(member(Arc::new(OpenAiEar::new(&urls.openai, key()).unwrap()), "whisper-1", None));
            llm.push(member(Arc::new(model(&urls.openai).asking_once()), "gpt-4o", None));
            llm.push(member(Arc::new(model(&urls.llm)), "llama", None));
            tts.push(member(Arc::new(Aura::new(&urls.deepgram, key()).unwrap()), "aura-2-thalia-en", None));
        } else {
            llm.push(member(Arc::new(model(&urls.openai)), "gpt-4o", None));
        }
        Vendors {
            telephony: Arc::clone(&self.telephony) as _,
            rooms: Arc::new(WsRooms::new()),
            stt: Arc::new(SttChain::new(stt)),
            llm: Arc::new(LlmChain::new(llm)),
            tts: Arc::new(TtsChain::new(tts)),
            prompts: Arc::default(),
        }
    }

    /// The same telephone with others who hear, think and speak.
    pub fn vendors_of(&self, stt: Arc<dyn Stt>, llm: Arc<dyn Llm>, tts: Arc<dyn Tts>) -> Vendors {
        Vendors { stt, llm, tts, ..self.vendors(false) }
    }

    pub async fn call(&mut self, vendors: Vendors, id: &str) -> Call {
        self.call_of(FLOW, vendors, id).await
    }

    /// A call of some flow.
    pub async fn call_of(&mut self, flow: &str, vendors: Vendors, id: &str) -> Call {
        let number = |text| PhoneNumber::parse(text).unwrap();
        let origin = &self.sandbox.urls().phone;
        let operator = Phone::wait(origin, OPERATOR).await.unwrap();
        let (phone, events) =
            Phone::call(origin, &number("+15550100001"), &number("+15550100002")).await.unwrap();
        let dial_in = timeout(PATIENCE, self.held.recv()).await.expect("no webhook").unwrap();
        let request = RoomRequest {
            caller: dial_in.from.clone(),
            lifetime: Duration::from_secs(7_200),
            now: unix_now(),
        };
        let room = vendors.telephony.create_room(request).await.unwrap();
        let (watch, _status, _events) = Watch::new(1024);
        let info = CallInfo {
            id: id.into(),
            from: dial_in.from.clone(),
            to: dial_in.to.clone(),
            started_at: unix_now(),
        };
        let setup = CallSetup {
            plan: plan_of(flow),
            info,
            room,
            dial_in: Some(dial_in),
            vendors,
            dial_limits: Arc::new(DialLimits::default()),
            watch,
            journal: None,
            shutdown: CancellationToken::new(),
            kill: CancellationToken::new(),
        };
        let task = AbortOnDropHandle::new(tokio::spawn(Box::pin(session::run(setup))));
        Call::new((phone, events), operator, task)
    }
}

fn member<P: ?Sized>(provider: Arc<P>, model: &str, voice: Option<&str>) -> Member<P> {
    Member {
        provider,
        model: model.into(),
        voice: voice.map(Into::into),
        health: Arc::new(Health::new("test")),
    }
}

pub fn plan_of(text: &str) -> Arc<Plan> {
    let source = SourceFile::new("faults.yaml", text);
    plan::compile(check(&source, EnvMode::Known(&|_| None)).flow.expect("the flow is right"))
}

#[expect(clippy::disallowed_methods, reason = "rooms expire at a time of day")]
fn unix_now() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs()).unwrap()
}
