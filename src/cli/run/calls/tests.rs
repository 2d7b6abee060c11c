//! Calls at once through the whole path, and a shutdown that comes at a bad moment.

use std::sync::Mutex;

use tokio::sync::Notify;

use super::*;
use crate::cli::run::flow_file::EnvLookup;
use crate::cli::run::routes::Routes;
use crate::pii::{Address, ApiKey, PhoneNumber};
use crate::sandbox::clock::Metronome;
use crate::sandbox::phone::{Phone, PhoneEvent};
use crate::sandbox::{Sandbox, SandboxOptions, Urls};
use crate::server::{Server, ServerOptions};
use crate::settings::DialRules;
use crate::speech::cartesia::Cartesia;
use crate::speech::deepgram::Deepgram;
use crate::speech::openai::{OpenAi, http_client};
use crate::telephony::daily::Daily;
use crate::telephony::ws_room::WsRooms;
use crate::telephony::{DialOut, Hearing, LegId, Telephony, TelephonyError};

type Answer<'a, T> = BoxFuture<'a, Result<T, TelephonyError>>;

/// Makes rooms when it is let, and notes which are deleted.
#[derive(Default)]
struct SlowRooms {
    asked: Notify,
    let_go: Notify,
    deleted: Mutex<Vec<String>>,
}

impl Telephony for SlowRooms {
    fn create_room(&self, _: RoomRequest) -> Answer<'_, Room> {
        async {
            self.asked.notify_one();
            self.let_go.notified().await;
            let url = "http://127.0.0.1:9/room-1".to_owned();
            Ok(Room {
                name: "room-1".to_owned(),
                url,
                token: ApiKey::new("t"),
                sip_endpoint: None,
                expires_at: None,
            })
        }
        .boxed()
    }

    fn delete_room<'a>(&'a self, name: &'a str) -> Answer<'a, ()> {
        self.deleted.lock().unwrap().push(name.to_owned());
        async { Ok(()) }.boxed()
    }

    fn forward_caller<'a>(&'a self, _: &'a DialIn, _: &'a str) -> Answer<'a, ()> {
        unreachable!("no call begins")
    }

    fn start_dial_out<'a>(&'a self, _: &'a str, _: &'a DialOut) -> Answer<'a, LegId> {
        unreachable!("no call begins")
    }

    fn stop_dial_out<'a>(&'a self, _: &'a str, _: &'a LegId) -> Answer<'a, ()> {
        unreachable!("no call begins")
    }

    fn send_dtmf<'a>(&'a self, _: &'a str, _: &'a LegId, _: &'a str) -> Answer<'a, ()> {
        unreachable!("no call begins")
    }

    fn set_hearing<'a>(&'a self, _: &'a str, _: &'a [Hearing]) -> Answer<'a, ()> {
        unreachable!("no call begins")
    }

    fn sip_transfer<'a>(&'a self, _: &'a str, _: &'a LegId, _: &'a DialOut) -> Answer<'a, ()> {
        unreachable!("no call begins")
    }

    fn sip_refer<'a>(&'a self, _: &'a str, _: &'a LegId, _: &'a Address) -> Answer<'a, ()> {
        unreachable!("no call begins")
    }
}

/// Calls of the shipped flow, with speech at one place and telephony at another.
fn calls(telephony: Arc<dyn Telephony>, speech: &Urls) -> Arc<Calls> {
    let key = || ApiKey::new("k");
    let http = http_client(&speech.openai).unwrap();
    let vendors = Vendors {
        telephony,
        rooms: Arc::new(WsRooms::new()),
        stt: Arc::new(Deepgram::new(&speech.deepgram, key()).unwrap()),
        llm: Arc::new(OpenAi::new(&speech.openai, key(), http).unwrap()),
        tts: Arc::new(Cartesia::new(&speech.cartesia, key()).unwrap()),
        prompts: Arc::default(),
    };
    let env: EnvLookup = Arc::new(|name| (name == "OPERATOR_NUMBER").then(|| "+15550100100".to_owned()));
    let flow = concat!(env!("CARGO_MANIFEST_DIR"), "/flows/cold_transfer.yaml").parse().unwrap();
    let (flows, _) = Flows::open(Routes::chosen(&[flow], None).unwrap(), Some(&env)).unwrap();
    let limits = DialLimits::new(&DialRules::default(), []);
    Calls::new(Arc::new(flows), vendors, None, Arc::new(limits), 10).0
}

/// Calls, and says goodbye after the greeting or hangs up. What was heard, and whether it was whole.
async fn converse(origin: String, number: usize, is_polite: bool) -> Vec<(String, bool)> {
    let number = PhoneNumber::parse(&format!("+1555010020{number}")).unwrap();
    let (phone, mut events) = Phone::call(&origin, &number, &number).await.unwrap();
    let mut heard = Vec::new();
    while let Some(event) = timeout(Duration::from_secs(120), events.recv()).await.unwrap() {
        if let PhoneEvent::Heard { text, intact, .. } = event {
            heard.push((text.text().to_owned(), intact));
            match is_polite {
                true if heard.len() == 1 => phone.say("that's all, bye").unwrap(),
                true => {}
                false => phone.hang_up().unwrap(),
            }
        }
    }
    heard
}

#[tokio::test]
async fn calls_at_once_go_their_own_ways_and_leave_nothing() {
    let _clock = Metronome::start(None);
    let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
    let urls = sandbox.urls().clone();
    let daily = Daily::new(&urls.daily, ApiKey::new("k")).unwrap();
    let calls = calls(Arc::new(daily), &urls);
    let options = ServerOptions::new(([127, 0, 0, 1], 0).into());
    let server = Server::bind(options, Arc::clone(&calls) as _).await.unwrap();
    sandbox.set_webhook(&format!("{}/start", server.url()), None).unwrap();
    let stop = CancellationToken::new();
    let serving = tokio::spawn(server.run(stop.clone()));

    let is_polite = |number: usize| !number.is_multiple_of(4);
    let people: Vec<_> =
        (0..8).map(|n| tokio::spawn(converse(urls.phone.clone(), n, is_polite(n)))).collect();
    for (number, person) in people.into_iter().enumerate() {
        let heard = person.await.unwrap();
        let expected = if is_polite(number) { 2 } else { 1 };
        assert_eq!(heard.len(), expected, "{number}: {heard:?}");
        assert!(heard.iter().all(|(_, intact)| *intact), "{number}: {heard:?}");
        assert!(heard.last().unwrap().0.contains("Goodbye") == is_polite(number), "{heard:?}");
    }
    calls.drain(Duration::from_secs(30)).await;
    assert_eq!(server::Calls::live(&*calls), 0);
    assert!(sandbox.state().rooms.is_empty() && sandbox.state().legs.is_empty());
    stop.cancel();
    serving.await.unwrap();
    sandbox.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_for_a_room_in_the_making_and_discards_it() {
    let telephony = Arc::new(SlowRooms::default());
    let nowhere = "http://127.0.0.1:9".to_owned();
    let urls =
        Urls { openai: nowhere.clone(), deepgram: nowhere.clone(), cartesia: nowhere, ..Urls::default() };
    let calls = calls(Arc::clone(&telephony) as _, &urls);
    let dial_in = DialIn {
        call_id: "c-1".to_owned(),
        call_domain: "d-1".to_owned(),
        from: None,
        to: None,
        sip_headers: serde_json::Map::new(),
    };
    let starting = Arc::clone(&calls);
    let started = tokio::spawn(async move { server::Calls::start(&*starting, dial_in).await.map(drop) });
    telephony.asked.notified().await;
    let drained = Arc::clone(&calls);
    let mut drained = tokio::spawn(async move { drained.drain(Duration::from_secs(60)).await });
    let early = tokio::time::timeout(Duration::from_secs(5), &mut drained).await;
    assert!(early.is_err(), "the shutdown did not wait");
    telephony.let_go.notify_one();
    drained.await.unwrap();
    assert_eq!(started.await.unwrap(), Err(StartError::Draining));
    assert_eq!(*telephony.deleted.lock().unwrap(), ["room-1"]);
    assert_eq!(server::Calls::live(&*calls), 0);
}

/// F04B: whatever a flow says about the call and the talk after the handoff.
#[test]
fn a_room_outlives_the_longest_call_and_the_longest_talk_after_it() {
    for (call, talks, most) in [
        ("", ["", ""], 20 * 60 + 2 * 3600),
        ("call: {max_duration: 1h}", ["max: 10m", "max: 30m"], 3600 + 30 * 60),
        ("call: {max_duration: 10m}", ["max: 4h", "max: 1h"], 600 + 4 * 3600),
    ] {
        let [first, second] = talks.map(|max| format!("{{mode: keep_room, {max}}}"));
        let text = format!(
            "callflow: 1\nstart: ring\n{call}\ntargets: {{desk: {{sip: \"sip:desk@example.com\"}}}}\nstates:\n  ring: {{dial: {{to: desk, accept: Press 1.}}, on: {{accepted: one, otherwise: again}}}}\n  again: {{dial: {{to: desk, accept: Press 1.}}, on: {{accepted: two, otherwise: bye}}}}\n  one: {{handoff: {first}}}\n  two: {{handoff: {second}}}\n  bye: {{end: Bye.}}\n"
        );
        let source = crate::source::SourceFile::new("flow.yaml", text);
        let flow = crate::check::check(&source, crate::check::EnvMode::Unknown).flow.unwrap();
        assert_eq!(lifetime(&crate::plan::compile(flow)), Duration::from_secs(most) + ROOM_SPARE);
    }
}
