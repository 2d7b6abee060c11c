//! `callflow doctor` against the sandbox: everything as it should be, and then one thing after the other not.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{any, get};
use callflow::cli::doctor::{DoctorArgs, Examination, Verdict, visit};
use callflow::pii::{ApiKey, PhoneNumber};
use callflow::sandbox::clock::Metronome;
use callflow::sandbox::faults::{Fault, Injection, Service};
use callflow::sandbox::phone::Phone;
use callflow::sandbox::{Sandbox, SandboxOptions};
use callflow::telephony::daily::account::{Account, DialInSettings};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

const OURS: &str = "+15550100777";
const SECRET: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// An account, a folder, and an environment in which a doctor finds nothing wrong.
struct Patient {
    sandbox: Sandbox,
    account: Account,
    folder: PathBuf,
    env: Vec<(&'static str, String)>,
    args: DoctorArgs,
    /// Where the webhook server would run.
    server: String,
}

impl Patient {
    async fn new() -> Self {
        Self::with(SandboxOptions { numbers: vec![phone(OURS)], ..SandboxOptions::default() }).await
    }

    async fn with(options: SandboxOptions) -> Self {
        let sandbox = Sandbox::start(options).await.unwrap();
        let folder = std::env::temp_dir().join(format!("callflow-doctor-{}", uuid::Uuid::new_v4()));
        fs::create_dir(&folder).unwrap();
        let account = Account::new(&sandbox.urls().daily, ApiKey::new("key")).unwrap();
        let port = free_port();
        let server = format!("http://127.0.0.1:{port}");
        let urls = sandbox.urls().clone();
        let key = || "key".to_owned();
        let env = vec![
            ("DAILY_API_URL", urls.daily),
            ("DAILY_API_KEY", key()),
            ("DEEPGRAM_URL", urls.deepgram),
            ("DEEPGRAM_API_KEY", key()),
            ("OPENAI_BASE_URL", urls.openai),
            ("OPENAI_API_KEY", key()),
            ("CARTESIA_URL", urls.cartesia),
            ("CARTESIA_API_KEY", key()),
            ("OPERATOR_NUMBER", "+14155550199".to_owned()),
            ("LOCAL_SERVER_URL", server.clone()),
            ("CALLFLOW_PORT", port.to_string()),
            ("CALLFLOW_WEBHOOK_SECRET", SECRET.to_owned()),
        ];
        Self { sandbox, account, folder, env, args: DoctorArgs::default(), server }
    }

    /// With the number pointed at our server.
    async fn routed() -> Self {
        let patient = Self::new().await;
        patient.route(&format!("{}/start", patient.server), SECRET).await;
        patient
    }

    async fn route(&self, webhook: &str, secret: &str) {
        let settings = DialInSettings {
            number: Some(phone(OURS)),
            webhook: Some(webhook.to_owned()),
            secret: Some(ApiKey::new(secret)),
            ..DialInSettings::default()
        };
        self.account.create_dial_in(&settings).await.unwrap();
    }

    fn set(&mut self, name: &'static str, value: Option<&str>) {
        self.env.retain(|(known, _)| *known != name);
        self.env.extend(value.map(|value| (name, value.to_owned())));
    }

    fn fail(&self, service: Service, request: &str, fault: Fault) {
        self.sandbox.faults().inject(Injection::once(service, fault).on(request)).unwrap();
    }

    fn env_file(&self) -> PathBuf {
        self.folder.join(".env")
    }

    async fn examine(&self) -> Examination {
        let get =
            |name: &str| self.env.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
        visit(&self.args, &get, &self.env_file()).await.unwrap()
    }

    /// What one check says.
    async fn check(&self, id: &str) -> Verdict {
        self.examine().await.of(id).unwrap().clone()
    }

    /// One check fails, and says these words.
    async fn fails(&self, id: &str, words: &str) {
        let verdict = self.check(id).await;
        assert_eq!(verdict.word(), "failed", "{id}: {verdict:?}");
        let (what, fix) = verdict.text();
        assert!(what.contains(words) || fix.unwrap().contains(words), "{id}: {verdict:?}");
    }
}

impl Drop for Patient {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.folder).unwrap();
    }
}

fn phone(number: &str) -> PhoneNumber {
    PhoneNumber::parse(number).unwrap()
}

/// A port that nobody has. Not one of those that the system gives to connections, of which other tests make
/// many meanwhile.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 20_000 + u16::try_from(std::process::id() % 100).unwrap() * 100;
    loop {
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed);
        if std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

fn refusal(status: u16, info: &str) -> Fault {
    Fault::Refuse { status, info: Some(info.to_owned()) }
}

/// Checks that are neither `ok` nor one of these.
fn unexpected<'a>(examination: &'a Examination, skipped: &[&str]) -> Vec<&'a str> {
    let odd = examination.findings.iter().filter(|finding| {
        let word = finding.verdict.word();
        word != "ok" && !(word == "skipped" && skipped.contains(&finding.id))
    });
    odd.map(|finding| finding.id).collect()
}

/// A server that is not callflow's.
async fn stranger(status: StatusCode) -> (SocketAddr, AbortOnDropHandle<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let router =
        Router::new().route("/health", get(|| async { "well" })).fallback(any(move || async move { status }));
    let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (address, AbortOnDropHandle::new(serving))
}

#[tokio::test]
async fn an_installation_that_is_right_is_found_right_and_left_as_it_was() {
    let _time = Metronome::start(None);
    let patient = Patient::routed().await;
    let examination = patient.examine().await;
    // Rooms are emulated, and nothing was dialled yet.
    assert_eq!(unexpected(&examination, &["D04", "D29"]), [""; 0], "{}", examination.text());
    assert!(examination.is_fine());
    let state = patient.sandbox.state();
    assert!(state.is_quiet() && state.rooms.is_empty(), "the room was deleted: {state:?}");
    assert_eq!(patient.account.dial_ins().await.unwrap().len(), 1);
    assert!(!patient.env_file().exists());
    let shown = format!("{}{}", examination.text(), examination.json());
    assert!(!shown.contains(SECRET), "secrets are not shown");
    assert!(shown.contains(OURS) && shown.contains("put up for it"), "{shown}");
}

#[tokio::test]
async fn offline_the_doctor_shows_what_it_does() {
    let _time = Metronome::start(None);
    let args =
        DoctorArgs { offline: true, flow: Some("flows/cold_transfer.yaml".into()), ..DoctorArgs::default() };
    let examination = visit(&args, &|_| None, &PathBuf::from("no/such/.env")).await.unwrap();
    assert_eq!(unexpected(&examination, &["D04", "D29"]), [""; 0], "{}", examination.text());
    let json = examination.json();
    assert_eq!((&json["ok"], json["checks"].as_array().unwrap().len()), (&json!(true), 27));
    assert!(examination.text().contains("cold_transfer"));
}

#[tokio::test]
async fn a_key_that_daily_does_not_know_is_one_failure_and_not_twenty() {
    let _time = Metronome::start(None);
    let options = SandboxOptions { api_key: Some(ApiKey::new("another")), ..SandboxOptions::default() };
    let patient = Patient::with(options).await;
    let examination = patient.examine().await;
    let failed: Vec<&str> = examination
        .findings
        .iter()
        .filter(|finding| finding.verdict.word() == "failed")
        .map(|finding| finding.id)
        .collect();
    assert_eq!(failed, ["D21"], "{}", examination.text());
    assert!(!examination.is_fine());
}

#[tokio::test]
async fn settings_that_cannot_be_read_are_named() {
    let _time = Metronome::start(None);
    let mut patient = Patient::routed().await;
    patient.set("CALLFLOW_LOG_FORMAT", Some("xml"));
    patient.fails("D01", "CALLFLOW_LOG_FORMAT").await;
    patient.set("CARTESIA_API_KEY", None);
    patient.set("CARTESIA_URL", None);
    patient.fails("D01", "CARTESIA_API_KEY").await;
    patient.fails("D42", "CARTESIA_API_KEY is not set").await;
}

#[tokio::test]
async fn a_flow_s_own_voice_model_targets_and_caller_ids_are_looked_at() {
    let _time = Metronome::start(None);
    let mut patient = Patient::routed().await;
    let flow = patient.folder.join("support.yaml");
    let text = |caller_id: &str| {
        format!(
            "callflow: 1\nname: support\nstart: greet\nenv: {{OPERATOR_NUMBER: phone}}\n\
             services:\n  llm: {{provider: openai, model: gpt-none}}\n  tts: {{provider: cartesia, model: sonic-3, \
             voice: 00000000-0000-0000-0000-000000000000}}\n\
             targets:\n  desk: {{phone: \"{{{{ env.OPERATOR_NUMBER }}}}\", caller_id: {caller_id}}}\n\
             states:\n  greet: {{say: Hello., next: dial}}\n  dial:\n    dial: {{to: desk, announce: One moment.}}\n    \
             on: {{answered: talk, otherwise: bye}}\n  talk: {{handoff: keep_room}}\n  bye: {{end: Goodbye.}}\n"
        )
    };
    fs::write(&flow, text("not-ours")).unwrap();
    patient.args.flow = Some(flow.clone());
    patient.set("OPERATOR_NUMBER", Some("+442071838750"));
    let examination = patient.examine().await;
    let words = |id: &str| format!("{:?}", examination.of(id).unwrap());
    assert!(words("D03").contains("`support` has no errors"), "{}", words("D03"));
    assert!(words("D42").contains("no voice 0000"), "{}", words("D42"));
    assert!(words("D43").contains("may not use gpt-none"), "{}", words("D43"));
    assert!(words("D28").contains("outside of the US"), "{}", words("D28"));
    assert!(words("D30").contains("desk") && words("D30").contains("phone list"), "{}", words("D30"));

    let id = patient.account.purchased_numbers().await.unwrap()[0].id.clone();
    fs::write(&flow, text(&id)).unwrap();
    assert_eq!(patient.check("D30").await.word(), "ok");
    fs::write(&flow, "callflow: 1\n").unwrap();
    patient.fails("D03", "callflow check").await;
    patient.args.flow = Some("no/such/flow.yaml".into());
    patient.fails("D03", "cannot read it").await;
}

#[tokio::test]
async fn another_program_at_the_port_and_a_tunnel_that_leads_elsewhere_are_seen() {
    let _time = Metronome::start(None);
    let mut patient = Patient::routed().await;
    let (other, _serving) = stranger(StatusCode::OK).await;
    patient.set("CALLFLOW_PORT", Some(&other.port().to_string()));
    patient.fails("D06", "another program").await;

    let mut patient = Patient::routed().await;
    patient.set("LOCAL_SERVER_URL", Some(&format!("http://{other}")));
    patient.fails("D52", "no callflow server").await;
    patient.fails("D23", &format!("callflow phone route {OURS} --url http://{other}/start")).await;
    let (closed, _serving) = stranger(StatusCode::BAD_GATEWAY).await;
    patient.set("LOCAL_SERVER_URL", Some(&format!("http://{closed}")));
    patient.fails("D51", "502 instead of 200").await;
    patient.fails("D52", "does not lead to port").await;
    patient.set("LOCAL_SERVER_URL", Some(&format!("http://127.0.0.1:{}", free_port())));
    patient.fails("D51", "refused").await;
    patient.set("LOCAL_SERVER_URL", None);
    assert_eq!(patient.check("D51").await.word(), "skipped");
    assert_eq!(patient.check("D23").await.word(), "warning");
}

#[tokio::test]
async fn the_way_of_a_call_is_checked_number_by_number() {
    let _time = Metronome::start(None);
    let patient = Patient::new().await;
    patient.fails("D23", "goes nowhere").await;
    patient.route("https://old.example.com/start", "b3RoZXI=").await;
    patient.fails("D23", "https://old.example.com/start").await;
    assert_eq!(patient.check("D24").await.word(), "skipped");

    let patient = Patient::new().await;
    patient.route(&format!("{}/start", patient.server), "b3RoZXI=").await;
    assert_eq!(patient.check("D23").await.word(), "ok");
    patient.fails("D24", "another secret").await;

    let mut patient = Patient::routed().await;
    patient.args.number = Some(phone("+15550100999"));
    patient.fails("D22", "+15550100999").await;
    let patient = Patient::with(SandboxOptions::default()).await;
    patient.fails("D22", "phone buy").await;
}

#[tokio::test]
async fn what_daily_refuses_is_told_in_words_that_help() {
    let _time = Metronome::start(None);
    let patient = Patient::routed().await;
    let plan = "property 'enable_dialout' cannot be set to that value with your current plan";
    patient.fail(Service::Daily, "rooms", refusal(400, plan));
    patient.fails("D25", "credit card").await;
    patient.fail(Service::Daily, "meeting-tokens", refusal(400, "no such room"));
    patient.fails("D25", "no such room").await;
    assert!(patient.sandbox.state().rooms.is_empty(), "a room without a token is deleted, too");
    patient.fail(Service::Daily, "purchased-phone-numbers", refusal(403, "numbers need a paid plan"));
    patient.fails("D22", "paid plan").await;
    patient.fail(Service::Daily, "logs", refusal(403, "no logs for you"));
    patient.fails("D31", "no logs").await;
}

#[tokio::test]
async fn the_log_tells_of_failures_and_of_dial_outs_that_were_refused() {
    let _time = Metronome::start(None);
    let patient = Patient::routed().await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let dial = format!("{}/rooms/none/dialOut/start", patient.sandbox.urls().daily);
    let domain =
        "dial-out to PhoneNumber is not enabled for domain. Contact support to enable it for your domain";
    patient.fail(Service::Daily, "dialOut/start", refusal(400, domain));
    http.post(dial).bearer_auth("key").json(&json!({"phoneNumber": "+14155550199"})).send().await.unwrap();
    patient.fails("D29", "not approved").await;
    let log = patient.check("D31").await;
    let (what, _) = log.text();
    assert!(log.word() == "warning" && what.contains("rooms/…/dialOut/start: 400"), "{log:?}");
    assert!(!what.contains("none") && !what.contains("4155550199"), "{what}");

    // A call that cannot be delivered; that Daily tried the webhook when it was set is none.
    let network = &patient.sandbox.urls().phone;
    let (_phone, mut events) = Phone::call(network, &phone("+15551234567"), &phone(OURS)).await.unwrap();
    while events.recv().await.is_some() {}
    let log = patient.check("D31").await;
    assert!(log.text().0.contains("/start: no answer"), "{log:?}");
}

#[tokio::test]
async fn the_speech_vendors_keys_are_tried() {
    let _time = Metronome::start(None);
    let patient = Patient::routed().await;
    for (service, request, id) in [
        (Service::Deepgram, "projects", "D41"),
        (Service::Cartesia, "voices", "D42"),
        (Service::Openai, "models", "D43"),
    ] {
        patient.fail(service, request, Fault::Refuse { status: 401, info: None });
        patient.fails(id, "refuses").await;
        patient.fail(service, request, Fault::Refuse { status: 429, info: None });
        patient.fails(id, "credit").await;
        assert_eq!(patient.check(id).await.word(), "ok");
    }
    patient.fail(Service::Deepgram, "projects", Fault::Refuse { status: 403, info: None });
    assert_eq!(patient.check("D41").await.word(), "warning");
}

#[tokio::test]
async fn vendors_that_are_gone_are_each_a_failure_and_the_doctor_comes_to_an_end() {
    let _time = Metronome::start(None);
    let patient = Patient::routed().await;
    let gone = format!("http://127.0.0.1:{}", free_port());
    let get = |name: &str| {
        let is_url = ["DAILY_API_URL", "DEEPGRAM_URL", "OPENAI_BASE_URL", "CARTESIA_URL"].contains(&name);
        let value = patient.env.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
        value.map(|value| if is_url { gone.clone() } else { value })
    };
    let examination = visit(&patient.args, &get, &patient.env_file()).await.unwrap();
    for id in ["D11", "D12", "D13", "D14", "D21", "D41", "D42", "D43"] {
        assert_eq!(examination.of(id).unwrap().word(), "failed", "{id}");
    }
    assert_eq!(examination.of("D15").unwrap().word(), "skipped");

    let began = Instant::now();
    for (service, request) in [
        (Service::Daily, "domain"),
        (Service::Deepgram, "projects"),
        (Service::Cartesia, "voices"),
        (Service::Openai, "models"),
    ] {
        patient
            .sandbox
            .faults()
            .inject(Injection::once(service, Fault::Silent).on(request).times(9))
            .unwrap();
    }
    let examination = patient.examine().await;
    for id in ["D21", "D41", "D42", "D43"] {
        assert_eq!(examination.of(id).unwrap().word(), "failed", "{id}");
    }
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
}

#[tokio::test]
async fn what_can_be_mended_safely_is_mended_and_nothing_else() {
    let _time = Metronome::start(None);
    let mut patient = Patient::new().await;
    patient.set("CALLFLOW_WEBHOOK_SECRET", None);
    patient.args.fix = true;
    fs::write(patient.env_file(), "# mine\n").unwrap();
    fs::set_permissions(patient.env_file(), fs::Permissions::from_mode(0o644)).unwrap();
    let examination = patient.examine().await;
    assert_eq!(unexpected(&examination, &["D04", "D29"]), [""; 0], "{}", examination.text());
    assert_eq!(examination.fixed.len(), 2, "{:?}", examination.fixed);
    assert_eq!(fs::metadata(patient.env_file()).unwrap().permissions().mode() & 0o777, 0o600);
    let [config] = patient.account.dial_ins().await.unwrap().try_into().unwrap();
    let secret = config.settings.secret.unwrap();
    let stored = fs::read_to_string(patient.env_file()).unwrap();
    assert_eq!(stored, format!("# mine\nCALLFLOW_WEBHOOK_SECRET={}\n", secret.reveal()));

    // Daily has a secret that we lost.
    fs::remove_file(patient.env_file()).unwrap();
    let examination = patient.examine().await;
    assert_eq!(examination.of("D24").unwrap().word(), "ok");
    assert!(fs::read_to_string(patient.env_file()).unwrap().contains(secret.reveal()));
    assert!(!format!("{:?}", examination).contains(secret.reveal()));

    // Calls that go elsewhere may be somebody's.
    let mut patient = Patient::new().await;
    patient.route("https://old.example.com/start", "b3RoZXI=").await;
    patient.args.fix = true;
    let examination = patient.examine().await;
    assert_eq!(examination.of("D23").unwrap().word(), "failed");
    assert!(examination.fixed.is_empty(), "{:?}", examination.fixed);
}
