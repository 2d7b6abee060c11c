//! The sandbox, chains of providers, and one caller at a time who writes down what is heard and when.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::StatusCode;
use axum::routing::post;
use callflow::check::{EnvMode, check};
use callflow::machine::CallInfo;
use callflow::pii::{ApiKey, PhoneNumber};
use callflow::plan::{self, Plan};
use callflow::sandbox::clock::Metronome;
use callflow::sandbox::phone::{Phone, PhoneEvent};
use callflow::sandbox::{Sandbox, SandboxOptions};
use callflow::session::{self, CallRecord, CallSetup, Vendors, Watch};
use callflow::source::SourceFile;
use callflow::speech::aura::Aura;
use callflow::speech::cartesia::Cartesia;
use callflow::speech::deepgram::Deepgram;
use callflow::speech::failover::{Health, LlmChain, Member, SttChain, TtsChain};
use callflow::speech::openai::{self, OpenAi};
use callflow::speech::openai_audio::OpenAiEar;
use callflow::speech::{Llm, Stt, Tts};
use callflow::telephony::daily::Daily;
use callflow::telephony::daily::webhook::{Webhook, parse};
use callflow::telephony::ws_room::WsRooms;
use callflow::telephony::{DialIn, DialLimits, RoomRequest};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// How long anything may take, in virtual time.
pub const PATIENCE: Duration = Duration::from_secs(120);

pub const FLOW: &str = "callflow: 1
name: faults
start: greet
always: {service.failed: sorry}
intents:
  goodbye: {when: The caller says goodbye., examples: [goodbye]}
states:
  greet: {say: Welcome to the shop., next: talk}
  talk:
    converse: Help the caller.
    on: {intent.goodbye: bye}
  sorry: {end: Something is broken here. Please call again.}
  bye: {end: Goodbye.}
";

pub struct Place {
    pub sandbox: Sandbox,
    telephony: Arc<Daily>,
    held: mpsc::Receiver<DialIn>,
    _webhook: AbortOnDropHandle<()>,
    _clock: Metronome,
}

impl Place {
    pub async fn new() -> Self {
        callflow::speech::socket::install_tls();
        let clock = Metronome::start(None);
        let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
        let (report, held) = mpsc::channel(8);
        let take = move |body: Bytes| {
            let report = report.clone();
            async move {
                if let Ok(Webhook::DialIn(dial_in)) = parse(&body) {
                    report.send(dial_in).await.unwrap();
                }
                StatusCode::OK
            }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/start", listener.local_addr().unwrap());
        let site = axum::Router::new().route("/start", post(take));
        let webhook = tokio::spawn(async move { axum::serve(listener, site).await.unwrap() });
        sandbox.set_webhook(&url, None).unwrap();
        let telephony = Arc::new(Daily::new(&sandbox.urls().daily, ApiKey::new("sandbox")).unwrap());
        Self { sandbox, telephony, held, _webhook: AbortOnDropHandle::new(webhook), _clock: clock }
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
        let number = |text| PhoneNumber::parse(text).unwrap();
        let origin = &self.sandbox.urls().phone;
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
            plan: plan_of(FLOW),
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
        Call { phone, events, task, heard: Vec::new(), began: None, over: false }
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

/// Something that was understood.
pub struct Heard {
    pub began: Instant,
    pub text: String,
}

/// A call, from the caller's side.
pub struct Call {
    pub phone: Phone,
    events: mpsc::Receiver<PhoneEvent>,
    task: AbortOnDropHandle<Arc<CallRecord>>,
    pub heard: Vec<Heard>,
    began: Option<Instant>,
    pub over: bool,
}

impl Call {
    /// The next thing at the phone, within so long.
    async fn next(&mut self, within: Duration) -> Option<PhoneEvent> {
        let event = timeout(within, self.events.recv()).await.ok()?;
        match &event {
            Some(PhoneEvent::SoundBegan) => self.began = Some(Instant::now()),
            Some(PhoneEvent::Heard { text, .. }) => {
                let began = self.began.take().unwrap_or_else(Instant::now);
                self.heard.push(Heard { began, text: text.text().to_owned() });
            }
            Some(PhoneEvent::HungUp { .. }) | None => self.over = true,
            Some(_) => {}
        }
        event
    }

    /// Until it is, or the call is over, or so long has passed.
    pub async fn until(&mut self, within: Duration, is: impl Fn(&PhoneEvent) -> bool) -> bool {
        let end = Instant::now() + within;
        while !self.over {
            match self.next(end.duration_since(Instant::now())).await {
                Some(event) if is(&event) => return true,
                Some(_) => {}
                None => return false,
            }
        }
        false
    }

    pub async fn hears(&mut self, within: Duration) -> bool {
        self.until(within, |event| matches!(event, PhoneEvent::Heard { .. })).await
    }

    pub async fn says(&mut self, words: &str) {
        if self.phone.say(words).is_ok() {
            self.until(PATIENCE, |event| *event == PhoneEvent::FinishedSaying).await;
        }
    }

    pub async fn record(mut self) -> Arc<CallRecord> {
        if !self.over {
            let _gone = self.phone.hang_up();
        }
        timeout(PATIENCE, &mut self.task).await.expect("the call does not end").unwrap()
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
