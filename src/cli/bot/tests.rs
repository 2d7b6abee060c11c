//! Whole calls in production: caller, webhook server, emulated Pipecat Cloud, container, operator. Real
//! sockets, virtual time.

use std::time::Duration;

use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::*;
use crate::cli::run::calls::News;
use crate::cli::run::flow_file::EnvLookup;
use crate::cli::run::production::CloudCalls;
use crate::cloud::PipecatCloud;
use crate::machine::Outcome;
use crate::pii::{ApiKey, PhoneNumber};
use crate::sandbox::clock::Metronome;
use crate::sandbox::faults::{Fault, Injection, Service};
use crate::sandbox::phone::{Phone, PhoneEvent};
use crate::server::{Server, ServerOptions};
use crate::session::CallEvent;
use crate::telephony::daily::Daily;
use crate::telephony::ws_room::WsRooms;

const OPERATOR: &str = "+15550100100";
const CALLER: &str = "+15550100001";
const NUMBER: &str = "+15550100002";
const AGENT: &str = "my-agent";
const SOON: Duration = Duration::from_secs(60);

fn flows(files: &[&str], env: bool) -> Arc<Flows> {
    let args: Vec<_> = files
        .iter()
        .map(|file| {
            let (number, file) = file.split_once('=').map_or(("", *file), |(number, file)| (number, file));
            let path = format!("{}/{file}", env!("CARGO_MANIFEST_DIR"));
            let text = if number.is_empty() { path } else { format!("{number}={path}") };
            text.parse().unwrap()
        })
        .collect();
    let lookup: EnvLookup = Arc::new(|name| (name == "OPERATOR_NUMBER").then(|| OPERATOR.to_owned()));
    Arc::new(Flows::open(Routes::chosen(&args, None).unwrap(), env.then_some(&lookup)).unwrap().0)
}

/// The bot's container, in the same process.
struct Container {
    calls: Arc<Calls>,
    url: String,
    news: mpsc::Receiver<News>,
    _server: AbortOnDropHandle<()>,
}

struct World {
    sandbox: Sandbox,
    container: Container,
    server: Option<(Arc<CloudCalls>, String, AbortOnDropHandle<()>)>,
    _time: Metronome,
}

impl World {
    /// A container with these flows, and a server in production with those.
    async fn new(in_image: &[&str], at_server: &[&str]) -> Self {
        Self::with_args(in_image, at_server, &["callflow"]).await
    }

    async fn with_args(in_image: &[&str], at_server: &[&str], args: &[&str]) -> Self {
        let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
        let container = container(&sandbox, in_image, args).await;
        sandbox.deploy(AGENT, &container.url).unwrap();
        let mut world = Self { sandbox, container, server: None, _time: Metronome::start(None) };
        if !at_server.is_empty() {
            world.serve(at_server).await;
        }
        world
    }

    async fn serve(&mut self, files: &[&str]) {
        let urls = self.sandbox.urls();
        let daily = Arc::new(Daily::new(&urls.daily, ApiKey::new("k")).unwrap());
        let cloud = PipecatCloud::new(&urls.pipecat, AGENT, ApiKey::new("pk")).unwrap();
        let calls = Arc::new(CloudCalls::new(flows(files, false), daily, cloud));
        let options = ServerOptions::new(([127, 0, 0, 1], 0).into());
        let server = Server::bind(options, calls.clone()).await.unwrap();
        let url = server.url();
        self.sandbox.set_webhook(&format!("{url}/start"), None).unwrap();
        let task = AbortOnDropHandle::new(tokio::spawn(server.run(CancellationToken::new())));
        self.server = Some((calls, url, task));
    }

    async fn call(&self, to: &str) -> Line {
        let number = |text| PhoneNumber::parse(text).unwrap();
        let placed = Phone::call(&self.sandbox.urls().phone, &number(CALLER), &number(to)).await.unwrap();
        Line { phone: placed.0, events: placed.1 }
    }

    async fn operator(&self) -> Line {
        let (phone, events) = Phone::wait(&self.sandbox.urls().phone, OPERATOR).await.unwrap();
        Line { phone, events }
    }

    /// The next call of the container: its record, when it is over.
    async fn record(&mut self) -> Arc<CallRecord> {
        let over = async {
            loop {
                let Some(News::Began(mut call)) = self.container.news.recv().await else { continue };
                while let Some(event) = call.events.recv().await {
                    if let CallEvent::Ended(record) = event {
                        return record;
                    }
                }
            }
        };
        timeout(SOON * 10, over).await.expect("no call ends")
    }

    async fn quiet(&self) {
        let quiet = async {
            while !self.sandbox.state().is_quiet() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(SOON, quiet).await.unwrap_or_else(|_| panic!("left over: {:?}", self.sandbox.state()));
    }

    async fn post(&self, url: &str, body: &serde_json::Value) -> (u16, serde_json::Value) {
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        let answer = http.post(url).bearer_auth("k").json(body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }
}

async fn container(sandbox: &Sandbox, files: &[&str], args: &[&str]) -> Container {
    #[derive(clap::Parser)]
    struct Parsed {
        #[command(flatten)]
        args: BotArgs,
    }
    let args = <Parsed as clap::Parser>::parse_from(args).args;
    let urls = sandbox.urls().clone();
    let variables = [
        ("DAILY_API_URL", urls.daily),
        ("DEEPGRAM_URL", urls.deepgram),
        ("OPENAI_BASE_URL", urls.openai),
        ("CARTESIA_URL", urls.cartesia),
        ("DEEPGRAM_API_KEY", "k".to_owned()),
        ("OPENAI_API_KEY", "k".to_owned()),
        ("CARTESIA_API_KEY", "k".to_owned()),
    ];
    // `--mix` stands for "no key of Daily": the managed webhook brings one.
    let daily_key = (!args.mix).then(|| "k".to_owned());
    let get = |name: &str| match variables.iter().find(|(known, _)| *known == name) {
        Some((_, value)) => Some(value.clone()),
        None => daily_key.clone().filter(|_| name == "DAILY_API_KEY"),
    };
    let overrides =
        Overrides { port: Some(0), bind: Some([127, 0, 0, 1].into()), mix: true, ..Overrides::default() };
    let settings = Settings::for_bot(&get, &overrides).unwrap();
    let daily = Arc::new(app::daily(&settings, None).unwrap());
    let vendors = app::vendors(&settings, None, daily, Arc::new(WsRooms::new()));
    let flows = flows(files, true);
    let dial_limits = Arc::new(app::dial_limits(&settings, &flows));
    let (calls, news) = Calls::new(flows, vendors, None, dial_limits, args.max_calls as usize);
    let bots = CallBots::new(Arc::clone(&calls), &settings, &BotArgs { mix: false, ..args });
    let server = BotServer::bind(settings.listen, Arc::new(bots), calls.draining()).await.unwrap();
    let url = server.url();
    let task = tokio::spawn(server.run(CancellationToken::new()));
    Container { calls, url, news, _server: AbortOnDropHandle::new(task) }
}

/// A phone and what it tells.
struct Line {
    phone: Phone,
    events: mpsc::Receiver<PhoneEvent>,
}

impl Line {
    async fn until<T>(&mut self, what: &str, mut wanted: impl FnMut(PhoneEvent) -> Option<T>) -> T {
        let waiting = async {
            loop {
                let event =
                    self.events.recv().await.unwrap_or_else(|| panic!("the line closed before {what}"));
                if let Some(found) = wanted(event) {
                    return found;
                }
            }
        };
        timeout(SOON, waiting).await.unwrap_or_else(|_| panic!("no {what}"))
    }

    /// Waits for a sentence that holds these words.
    async fn hears(&mut self, words: &str) -> String {
        let heard = self.until(words, |event| match event {
            PhoneEvent::Heard { text, .. } if text.text().contains(words) => Some(text.text().to_owned()),
            _ => None,
        });
        heard.await
    }

    async fn rings(&mut self) {
        self.until("ringing", |event| matches!(event, PhoneEvent::Ringing { .. }).then_some(())).await;
    }

    async fn closes(&mut self) -> String {
        let closed = |event| match event {
            PhoneEvent::HungUp { reason } => Some(reason),
            _ => None,
        };
        self.until("the end of the line", closed).await
    }
}

#[tokio::test]
async fn a_cold_transfer_goes_through_server_platform_and_container() {
    let flow = ["flows/cold_transfer.yaml"];
    let mut world = World::new(&flow, &flow).await;
    let (mut caller, mut operator) = (world.call(NUMBER).await, world.operator().await);
    let talk = async {
        caller.hears("What can I help you with").await;
        caller.phone.say("I want to speak to a manager").unwrap();
        caller.hears("Shall I do that now?").await;
        assert_eq!(world.sandbox.state().streams["pipecat"], 1, "the request is open during the call");
        caller.phone.say("yes").unwrap();
        operator.rings().await;
        operator.phone.answer().unwrap();
        operator.phone.say("Hello this is Sam").unwrap();
        caller.hears("Hello this is Sam").await;
        assert_eq!(world.sandbox.state().streams["pipecat"], 1, "and while two people talk");
        caller.phone.hang_up().unwrap();
    };
    talk.await;
    let record = world.record().await;
    assert_eq!(record.outcome, Outcome::Transferred);
    assert_eq!((&*record.flow, record.states.last().unwrap().as_ref()), ("cold_transfer", "handed_off"));
    let reveal = |number: &Option<PhoneNumber>| number.as_ref().unwrap().reveal().to_owned();
    assert_eq!((reveal(&record.from), reveal(&record.to)), (CALLER.to_owned(), NUMBER.to_owned()));
    assert_eq!(record.transfer.as_ref().unwrap().target.as_ref(), "operator");
    world.quiet().await;
}

#[tokio::test]
async fn the_called_number_chooses_the_flow_and_the_choice_travels() {
    let flow = ["tests/flows/cloud/short.yaml", "+15550100003=tests/flows/cloud/caller.yaml"];
    // The image knows no routes: it does what it is told.
    let in_image = ["tests/flows/cloud/short.yaml", "tests/flows/cloud/caller.yaml"];
    let mut world = World::new(&in_image, &flow).await;
    let mut caller = world.call("+15550100003").await;
    let heard = caller.hears("Hello neighbour").await;
    // The voice is given a number as words.
    assert!(heard.contains("five five five, zero one zero, zero zero zero three"), "{heard}");
    let record = world.record().await;
    assert_eq!((&*record.flow, record.outcome), ("caller", Outcome::Completed));
    world.quiet().await;
    let mut caller = world.call(NUMBER).await;
    caller.hears("Please hold").await;
    caller.phone.hang_up().unwrap();
    assert_eq!(&*world.record().await.flow, "short");
    world.quiet().await;
}

#[tokio::test]
async fn a_withheld_number_is_not_set_and_reads_as_nothing() {
    let flow = ["tests/flows/cloud/caller.yaml"];
    let mut world = World::new(&flow, &flow).await;
    let number = PhoneNumber::parse(NUMBER).unwrap();
    let (phone, events) = Phone::call_withheld(&world.sandbox.urls().phone, &number).await.unwrap();
    let mut caller = Line { phone, events };
    caller.hears("and said nothing of yourself").await;
    let record = world.record().await;
    assert_eq!((record.states.last().unwrap().as_ref(), record.from.is_none()), ("withheld", true));
    world.quiet().await;
}

#[tokio::test]
async fn a_start_that_fails_leaves_no_room_and_no_waiting_caller() {
    let flow = ["tests/flows/cloud/short.yaml"];
    let world = World::new(&flow, &flow).await;
    for fault in [
        Fault::Refuse { status: 400, info: Some("PCC-1001".to_owned()) },
        Fault::Refuse { status: 503, info: None },
        Fault::Garbage,
        Fault::Disconnect,
        Fault::Silent,
    ] {
        world.sandbox.faults().inject(Injection::once(Service::Pipecat, fault).on("start")).unwrap();
        let mut caller = world.call(NUMBER).await;
        assert_eq!(caller.closes().await, "busy");
        world.quiet().await;
    }
}

#[tokio::test]
async fn while_all_instances_are_on_calls_the_next_caller_is_refused_and_then_taken() {
    let flow = ["flows/cold_transfer.yaml"];
    let mut world = World::new(&flow, &flow).await;
    let mut first = world.call(NUMBER).await;
    first.hears("What can I help you with").await;
    let mut second = world.call(NUMBER).await;
    assert_eq!(second.closes().await, "busy");
    first.phone.hang_up().unwrap();
    world.record().await;
    world.quiet().await;
    let mut third = world.call(NUMBER).await;
    third.hears("What can I help you with").await;
    third.phone.hang_up().unwrap();
    world.record().await;
    world.quiet().await;
}

#[tokio::test]
async fn the_platform_s_own_webhook_brings_room_key_and_number() {
    let in_image = ["tests/flows/cloud/short.yaml", "+15550100003=tests/flows/cloud/caller.yaml"];
    let mut world = World::with_args(&in_image, &[], &["callflow", "--mix"]).await;
    let webhook = format!("{}/public/webhooks/org/{AGENT}/dialin", world.sandbox.urls().pipecat);
    world.sandbox.set_webhook(&webhook, None).unwrap();
    let (mut caller, mut operator) = (world.call(NUMBER).await, world.operator().await);
    operator.rings().await;
    operator.phone.answer().unwrap();
    operator.phone.say("Hello this is Sam").unwrap();
    caller.hears("Hello this is Sam").await;
    caller.phone.hang_up().unwrap();
    assert_eq!(world.record().await.outcome, Outcome::Transferred);
    world.quiet().await;
    // Here the image's own routes choose.
    let mut caller = world.call("+15550100003").await;
    caller.hears("Hello neighbour").await;
    assert_eq!(&*world.record().await.flow, "caller");
    world.quiet().await;
}

#[tokio::test]
async fn a_session_that_the_platform_ends_says_so_and_leaves_nothing() {
    let flow = ["flows/cold_transfer.yaml"];
    let mut world = World::new(&flow, &flow).await;
    let mut caller = world.call(NUMBER).await;
    caller.hears("What can I help you with").await;
    world.sandbox.stop_sessions(AGENT);
    caller.closes().await;
    let record = world.record().await;
    assert_eq!(record.outcome, Outcome::Failed);
    world.quiet().await;
}

#[tokio::test]
async fn a_drained_container_finishes_its_call_and_takes_no_other() {
    let flow = ["tests/flows/cloud/short.yaml"];
    let mut world = World::new(&flow, &flow).await;
    let (mut caller, mut operator) = (world.call(NUMBER).await, world.operator().await);
    caller.hears("Please hold").await;
    let calls = Arc::clone(&world.container.calls);
    let drained = tokio::spawn(async move {
        calls.let_finish(Duration::from_secs(3600)).await;
        calls.drain(FINISH_WITHIN).await;
    });
    operator.rings().await;
    operator.phone.answer().unwrap();
    operator.phone.say("Hello this is Sam").unwrap();
    caller.hears("Hello this is Sam").await;
    let body = json!({"room_url": "http://127.0.0.1:1/r", "token": "t", "callId": "c", "callDomain": "d"});
    assert_eq!(world.post(&format!("{}/bot", world.container.url), &body).await.0, 503);
    assert!(!drained.is_finished());
    caller.phone.hang_up().unwrap();
    assert_eq!(world.record().await.outcome, Outcome::Transferred);
    timeout(SOON, drained).await.expect("the drain goes on").unwrap();
    world.quiet().await;
}

#[tokio::test]
async fn a_drain_is_not_patient_for_ever() {
    let flow = ["flows/cold_transfer.yaml"];
    let mut world = World::new(&flow, &flow).await;
    let mut caller = world.call(NUMBER).await;
    caller.hears("What can I help you with").await;
    let calls = Arc::clone(&world.container.calls);
    calls.let_finish(Duration::from_secs(1)).await;
    let drained = tokio::spawn(async move { calls.drain(FINISH_WITHIN).await });
    caller.closes().await;
    timeout(SOON, drained).await.expect("the drain goes on").unwrap();
    world.record().await;
    world.quiet().await;
}

#[tokio::test]
async fn a_flow_that_is_not_in_the_image_is_refused_and_its_room_deleted() {
    let mut world = World::new(&["tests/flows/cloud/caller.yaml"], &["tests/flows/cloud/short.yaml"]).await;
    let mut caller = world.call(NUMBER).await;
    assert_eq!(caller.closes().await, "busy");
    world.quiet().await;
    assert!(world.container.news.try_recv().is_err(), "a call was started");
}

/// What a container answers to a call whose flow has another hash at the server.
async fn answer_to_another_version(args: &[&str]) -> u16 {
    let world = World::with_args(&["tests/flows/cloud/short.yaml"], &[], args).await;
    let daily = &world.sandbox.urls().daily;
    let room =
        json!({"properties": {"sip": {"display_name": "x", "sip_mode": "dial-in", "num_endpoints": 1}}});
    let (_, room) = world.post(&format!("{daily}/rooms"), &room).await;
    let token = json!({"properties": {"room_name": room["name"], "is_owner": true}});
    let (_, token) = world.post(&format!("{daily}/meeting-tokens"), &token).await;
    let body = json!({
        "room_url": room["url"], "token": token["token"], "callId": "c", "callDomain": "d",
        "flow": "short", "flow_hash": "of another version",
    });
    let (answered, _) = world.post(&format!("{}/bot", world.container.url), &body).await;
    world.quiet().await;
    answered
}

#[tokio::test]
async fn another_version_of_the_flow_runs_as_it_is_in_the_image() {
    assert_eq!(answer_to_another_version(&["callflow"]).await, 200);
}

#[tokio::test]
async fn another_version_of_the_flow_is_refused_if_asked() {
    assert_eq!(answer_to_another_version(&["callflow", "--strict"]).await, 422);
}

#[tokio::test]
async fn without_any_key_of_daily_a_call_is_refused_clearly() {
    let world = World::with_args(&["tests/flows/cloud/short.yaml"], &[], &["callflow", "--mix"]).await;
    let body = json!({"room_url": "http://127.0.0.1:1/r", "token": "t", "callId": "c", "callDomain": "d"});
    let (status, answer) = world.post(&format!("{}/bot", world.container.url), &body).await;
    assert!(status == 422 && answer["error"].as_str().unwrap().contains("DAILY_API_KEY"), "{answer}");
}

#[tokio::test]
async fn a_bot_is_started_in_a_given_room_in_production_too() {
    let flow = ["tests/flows/cloud/caller.yaml", "tests/flows/cloud/short.yaml"];
    let world = World::new(&flow, &flow).await;
    let (_, url, _) = world.server.as_ref().unwrap();
    let start = |flow: &str| {
        json!({"createDailyRoom": false, "body": {
            "room_url": format!("{}/gone", world.sandbox.urls().phone), "token": "t",
            "callId": flow, "callDomain": "d", "flow": flow,
        }})
    };
    let (status, answer) = world.post(&format!("{url}/start_bot"), &start("short")).await;
    assert_eq!((status, &answer["call_id"]), (200, &json!("short")));
    let (status, answer) = world.post(&format!("{url}/start_bot"), &start("sales")).await;
    assert!(status == 422 && answer["error"].as_str().unwrap().contains("`caller`, `short`"), "{answer}");
    world.quiet().await;
}
