//! The client of Daily's REST API against a server that records what it is sent and answers as documented.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::Response;
use callflow::pii::{Address, ApiKey, PhoneNumber};
use callflow::sandbox::clock::Metronome;
use callflow::telephony::daily::Daily;
use callflow::telephony::daily::webhook::{Webhook, parse};
use callflow::telephony::{
    DialIn, DialOut, Hearing, LegId, LegRefusal, Room, RoomRequest, Telephony, TelephonyError,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

const SESSION: &str = "22b32b65-0000-4000-8000-000000000001";

fn wire(name: &str) -> Value {
    let path = format!("{}/tests/wire/daily/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// One request as received.
#[derive(Clone, Debug)]
struct Request {
    method: Method,
    path: String,
    authorization: String,
    body: Value,
    at: Duration,
}

/// One scripted answer.
enum Answer {
    Json(u16, Value),
    Limited(&'static str),
    Raw(u16, Vec<u8>),
    Redirect(String),
    Never,
}

fn ok(name: &str) -> Answer {
    Answer::Json(200, wire(name))
}

fn refused(status: u16, name: &str) -> Answer {
    Answer::Json(status, wire(name))
}

struct FakeDaily {
    requests: Arc<Mutex<Vec<Request>>>,
    answers: Arc<Mutex<VecDeque<Answer>>>,
    url: String,
    daily: Daily,
    _task: AbortOnDropHandle<()>,
}

impl FakeDaily {
    async fn new(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let answers = Arc::new(Mutex::new(VecDeque::from(answers)));
        let (seen, script, start) = (requests.clone(), answers.clone(), Instant::now());
        let router =
            Router::new().fallback(async move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
                let authorization =
                    headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
                let authorization = authorization.unwrap_or_default();
                let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() };
                let path = uri.path().to_owned();
                seen.lock().unwrap().push(Request { method, path, authorization, body, at: start.elapsed() });
                let answer = script.lock().unwrap().pop_front().unwrap_or(Answer::Raw(599, Vec::new()));
                respond(answer).await
            });
        let serve = async move { axum::serve(listener, router).await.unwrap() };
        let task = AbortOnDropHandle::new(tokio::spawn(serve));
        let daily = Daily::new(&url, ApiKey::new("k3y")).unwrap();
        Self { requests, answers, url, daily, _task: task }
    }

    fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// The only request, which must be a POST with our key.
    fn only_post(&self) -> (String, Value) {
        let [request] = &self.requests()[..] else { panic!("{:?}", self.requests()) };
        assert_eq!((&request.method, &*request.authorization), (&Method::POST, "Bearer k3y"));
        (request.path.clone(), request.body.clone())
    }
}

async fn respond(answer: Answer) -> Response {
    let response = Response::builder();
    let (response, body) = match answer {
        Answer::Json(status, body) => (response.status(status), Body::from(body.to_string())),
        Answer::Raw(status, body) => (response.status(status), Body::from(body)),
        Answer::Limited(retry_after) => (
            response.status(429).header("retry-after", retry_after),
            Body::from(wire("refused_429").to_string()),
        ),
        Answer::Redirect(to) => (response.status(StatusCode::FOUND).header("location", to), Body::empty()),
        Answer::Never => std::future::pending().await,
    };
    response.body(body).unwrap()
}

fn request() -> RoomRequest {
    let caller = PhoneNumber::parse("+15551234567").ok();
    RoomRequest { caller, lifetime: Duration::from_secs(7200), now: 1_795_364_581 }
}

fn dial_in() -> DialIn {
    match parse(wire("webhook_dial_in").to_string().as_bytes()) {
        Ok(Webhook::DialIn(dial_in)) => dial_in,
        other => panic!("{other:?}"),
    }
}

fn operator() -> DialOut {
    DialOut {
        to: Address::parse("+15557654321").unwrap(),
        display_name: Some("Operator".into()),
        caller_id: Some("0f5a3c1e-0000-4000-8000-00000000000c".into()),
        extension: Some("ww1234".into()),
        deaf: false,
    }
}

async fn room(answers: Vec<Answer>) -> (Result<Room, TelephonyError>, Vec<Request>) {
    let fake = FakeDaily::new(answers).await;
    let room = fake.daily.create_room(request()).await;
    (room, fake.requests())
}

#[tokio::test]
async fn a_room_has_exactly_the_original_s_seven_settings_and_an_end() {
    let (room, requests) = room(vec![ok("room"), ok("meeting_token")]).await;
    let room = room.unwrap();
    assert_eq!(room.name, "callflow-2a6718be");
    assert_eq!(room.url, "https://example.daily.co/callflow-2a6718be");
    assert_eq!(room.token.reveal(), "eyJhbGciOiJIUzI1NiJ9.e30.c2ln");
    assert_eq!(room.sip_endpoint.as_deref(), Some("sip:123456780.0@example.sip.daily.co"));

    let mut create = requests[0].body.clone();
    let name = create["name"].take();
    let name = name.as_str().unwrap();
    assert!(name.len() <= 128 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "{name}");
    create["name"] = "callflow-2a6718be".into();
    assert_eq!(create, wire("client_create_room"));
    assert_eq!(requests[1].body, wire("client_meeting_token"));
    let paths: Vec<_> = requests.iter().map(|request| &*request.path).collect();
    assert_eq!(paths, ["/v1/rooms", "/v1/meeting-tokens"]);
}

#[tokio::test]
async fn a_withheld_caller_is_unknown_and_two_rooms_never_share_a_name() {
    let fake = FakeDaily::new(vec![ok("room"), ok("meeting_token"), ok("room"), ok("meeting_token")]).await;
    for _ in 0..2 {
        fake.daily.create_room(RoomRequest { caller: None, ..request() }).await.unwrap();
    }
    let requests = fake.requests();
    assert_eq!(requests[0].body["properties"]["sip"]["display_name"], "unknown");
    assert_ne!(requests[0].body["name"], requests[2].body["name"]);
}

#[tokio::test]
async fn a_room_s_sip_endpoint_gets_its_scheme_once() {
    for (endpoint, normal) in [
        (json!("1@x.sip.daily.co"), Some("sip:1@x.sip.daily.co")),
        (json!("sip:1@x.sip.daily.co"), Some("sip:1@x.sip.daily.co")),
        (json!("SIP:1@x"), Some("SIP:1@x")),
        (json!(""), None),
        (Value::Null, None),
    ] {
        let mut answer = wire("room");
        answer["config"]["sip_uri"]["endpoint"] = endpoint;
        let (room, _) = room(vec![Answer::Json(200, answer), ok("meeting_token")]).await;
        assert_eq!(room.unwrap().sip_endpoint.as_deref(), normal);
    }
    let (room, _) = room(vec![ok("room_required_only"), ok("meeting_token")]).await;
    assert_eq!(room.unwrap().sip_endpoint, None);
}

#[tokio::test]
async fn a_room_whose_token_fails_is_deleted() {
    let (room, requests) = room(vec![ok("room"), refused(403, "refused_403"), ok("room_deleted")]).await;
    assert!(matches!(room, Err(TelephonyError::Refused(_))), "{room:?}");
    assert_eq!((&requests[2].method, &*requests[2].path), (&Method::DELETE, "/v1/rooms/callflow-2a6718be"));
}

#[tokio::test]
async fn commands_are_sent_as_documented() {
    let leg = LegId::new(SESSION);
    let sip = DialOut {
        to: Address::parse("sip:bob@desk.example.com").unwrap(),
        display_name: None,
        caller_id: None,
        extension: None,
        deaf: false,
    };

    let fake = FakeDaily::new(vec![ok("ok")]).await;
    fake.daily.forward_caller(&dial_in(), "123456780.0@example.sip.daily.co").await.unwrap();
    assert_eq!(fake.only_post(), ("/v1/dialin/pinlessCallUpdate".into(), wire("client_forward")));

    let fake = FakeDaily::new(vec![ok("dial_out")]).await;
    assert_eq!(fake.daily.start_dial_out("r", &operator()).await.unwrap(), leg);
    assert_eq!(fake.only_post(), ("/v1/rooms/r/dialOut/start".into(), wire("client_dial_out_phone")));

    let fake = FakeDaily::new(vec![ok("dial_out")]).await;
    fake.daily.start_dial_out("r", &sip).await.unwrap();
    assert_eq!(fake.only_post().1, wire("client_dial_out_sip"));

    let fake = FakeDaily::new(vec![ok("ok")]).await;
    fake.daily.stop_dial_out("r", &leg).await.unwrap();
    assert_eq!(fake.only_post(), ("/v1/rooms/r/dialOut/stop".into(), wire("client_dial_out_stop")));

    let fake = FakeDaily::new(vec![ok("ok")]).await;
    fake.daily.send_dtmf("r", &leg, "12#").await.unwrap();
    assert_eq!(fake.only_post(), ("/v1/rooms/r/dialOut/sendDTMF".into(), wire("client_send_dtmf")));

    for answer in [Answer::Raw(200, Vec::new()), ok("ok")] {
        let fake = FakeDaily::new(vec![answer]).await;
        let caller = LegId::new("11111111-0000-4000-8000-000000000001");
        let keeper = LegId::new("33333333-0000-4000-8000-000000000001");
        let apart = [
            Hearing { listener: caller, others: true, but: vec![(leg.clone(), false)] },
            Hearing { listener: leg.clone(), others: false, but: vec![(keeper, true)] },
        ];
        fake.daily.set_hearing("r", &apart).await.unwrap();
        let body = wire("client_update_permissions");
        assert_eq!(fake.only_post(), ("/v1/rooms/r/update-permissions".into(), body));
    }

    let fake = FakeDaily::new(vec![ok("ok")]).await;
    fake.daily.sip_transfer("r", &leg, &operator()).await.unwrap();
    assert_eq!(fake.only_post(), ("/v1/rooms/r/sipCallTransfer".into(), wire("client_sip_transfer")));

    let fake = FakeDaily::new(vec![ok("ok")]).await;
    fake.daily.sip_refer("r", &leg, &sip.to).await.unwrap();
    assert_eq!(fake.only_post(), ("/v1/rooms/r/sipRefer".into(), wire("client_sip_refer")));

    let fake = FakeDaily::new(vec![]).await;
    let to_a_phone = fake.daily.sip_refer("r", &leg, &operator().to).await;
    assert!(matches!(to_a_phone, Err(TelephonyError::Refused(_))));
    assert!(fake.requests().is_empty());
}

#[tokio::test]
async fn what_is_gone_already_counts_as_gone() {
    let fake = FakeDaily::new(vec![refused(404, "refused_404"), refused(404, "refused_404")]).await;
    fake.daily.delete_room("r").await.unwrap();
    fake.daily.stop_dial_out("r", &LegId::new(SESSION)).await.unwrap();
}

#[tokio::test]
async fn a_name_cannot_leave_its_place_in_the_path() {
    let fake = FakeDaily::new(vec![ok("ok")]).await;
    fake.daily.delete_room("a/../../x?y#z").await.unwrap();
    assert_eq!(fake.requests()[0].path, "/v1/rooms/a%2F..%2F..%2Fx%3Fy%23z");
}

#[tokio::test]
async fn refusals_say_what_to_change() {
    use LegRefusal::{Domain, International, Plan, Room};
    use TelephonyError::{NotFound, Refused, Unauthorized};
    let leg = |why, file: &str| TelephonyError::LegRefused {
        why,
        info: wire(file)["info"].as_str().unwrap().to_owned(),
    };
    for (status, file, error) in [
        (400, "refused_400_header", Unauthorized),
        (401, "refused_401", Unauthorized),
        (400, "refused_400_plan", leg(Plan, "refused_400_plan")),
        (400, "refused_400_room", leg(Room, "refused_400_room")),
        (403, "refused_400_domain", leg(Domain, "refused_400_domain")),
        (400, "refused_400_international", leg(International, "refused_400_international")),
        (400, "refused_400", Refused("Missing fields".into())),
        (403, "refused_403", Refused("the key may not do this".into())),
        (404, "refused_404", NotFound("Call Forwarding Failed".into())),
        (500, "refused_500", TelephonyError::Vendor { status: 500, info: "something broke".into() }),
    ] {
        let fake = FakeDaily::new(vec![refused(status, file)]).await;
        assert_eq!(fake.daily.start_dial_out("r", &operator()).await, Err(error.clone()), "{file}");
        assert_eq!(fake.requests().len(), 1, "{file} was tried again: somebody might be dialled twice");
    }
}

#[tokio::test]
async fn a_vendor_s_text_does_not_carry_numbers_into_errors() {
    let text =
        json!({"error": "invalid-request-error", "info": "cannot dial +1 555-765-4321 (sip:bob@x.example)"});
    let fake = FakeDaily::new(vec![Answer::Json(400, text)]).await;
    let error = fake.daily.start_dial_out("r", &operator()).await.unwrap_err().to_string();
    assert!(error.contains("cannot dial") && !error.contains("765") && !error.contains("bob"), "{error}");
}

#[tokio::test]
async fn hostile_answers_are_errors_and_nothing_worse() {
    let huge = format!("\"{}\"", "x".repeat(1 << 20)).into_bytes();
    let deep = "[".repeat(100_000).into_bytes();
    for raw in [
        huge,
        deep,
        b"<html>".to_vec(),
        b"{}".to_vec(),
        b"".to_vec(),
        b"{\"sessionId\":7}".to_vec(),
        b"{\"sessionId\":\"\"}".to_vec(),
    ] {
        let fake = FakeDaily::new(vec![Answer::Raw(200, raw)]).await;
        let error = fake.daily.start_dial_out("r", &operator()).await.unwrap_err();
        assert!(matches!(error, TelephonyError::Protocol(_)), "{error}");
        assert!(error.to_string().len() < 200);
    }
    for (status, raw) in [(502, "<html>bad gateway</html>"), (418, "\u{1b}[31m"), (400, "{\"error\":[]}")] {
        let fake = FakeDaily::new(vec![Answer::Raw(status, raw.into())]).await;
        let error = fake.daily.start_dial_out("r", &operator()).await.unwrap_err();
        assert!(error.to_string().contains(&status.to_string()), "{error}");
    }
}

#[tokio::test]
async fn the_key_does_not_follow_a_redirect() {
    let elsewhere = FakeDaily::new(vec![ok("ok")]).await;
    let fake = FakeDaily::new(vec![Answer::Redirect(elsewhere.url.clone())]).await;
    assert!(fake.daily.send_dtmf("r", &LegId::new(SESSION), "1").await.is_err());
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn forwarding_is_tried_again_while_daily_is_ill_but_not_when_the_caller_is_gone() {
    let fake = FakeDaily::new(vec![]).await;
    let _time = Metronome::start(None);
    fake.answers.lock().unwrap().extend([refused(500, "refused_500"), refused(503, "refused_500"), ok("ok")]);
    fake.daily.forward_caller(&dial_in(), "sip:1@x").await.unwrap();
    let requests = fake.requests();
    let gaps: Vec<_> = requests.windows(2).map(|pair| (pair[1].at - pair[0].at).as_millis()).collect();
    assert!(gaps[0].abs_diff(200) < 20 && gaps[1].abs_diff(500) < 20, "{gaps:?}");
    assert!(requests.iter().all(|request| request.body == requests[0].body));

    fake.answers.lock().unwrap().push_back(refused(404, "refused_404"));
    let gone = fake.daily.forward_caller(&dial_in(), "sip:1@x").await;
    assert_eq!(gone, Err(TelephonyError::NotFound("Call Forwarding Failed".into())));
    assert_eq!(fake.requests().len(), 4);
}

#[tokio::test]
async fn limits_are_waited_out_as_long_as_daily_wishes_and_not_for_ever() {
    let fake = FakeDaily::new(vec![]).await;
    let _time = Metronome::start(None);
    fake.answers.lock().unwrap().extend([Answer::Limited("2"), Answer::Limited("soon"), ok("dial_out")]);
    fake.daily.start_dial_out("r", &operator()).await.unwrap();
    let requests = fake.requests();
    assert!((requests[1].at - requests[0].at).as_millis().abs_diff(2000) < 20);
    assert!((requests[2].at - requests[1].at).as_millis().abs_diff(700) < 20);

    fake.answers.lock().unwrap().push_back(Answer::Limited("3600"));
    let limited = fake.daily.start_dial_out("r", &operator()).await;
    assert!(matches!(limited, Err(TelephonyError::RateLimited { retry_after: Some(_) })), "{limited:?}");
}

#[tokio::test]
async fn a_daily_that_never_answers_is_given_up_in_time() {
    let fake = FakeDaily::new((0..20).map(|_| Answer::Never).collect()).await;
    let _time = Metronome::start(None);
    let start = Instant::now();
    assert!(matches!(fake.daily.create_room(request()).await, Err(TelephonyError::Unreachable(_))));
    assert!(start.elapsed() <= Duration::from_secs(10), "{:?}", start.elapsed());
    assert_eq!(fake.requests().len(), 1, "a room may have been created; a second one would be left over");

    let start = Instant::now();
    assert!(fake.daily.forward_caller(&dial_in(), "sip:1@x").await.is_err());
    assert!(start.elapsed() <= Duration::from_millis(8100), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_server_that_is_not_there_is_said_to_be_unreachable_without_its_url() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let daily = Daily::new(&format!("http://127.0.0.1:{port}/v1"), ApiKey::new("k")).unwrap();
    let _time = Metronome::start(None);
    let error = daily.send_dtmf("secret-room", &LegId::new(SESSION), "1").await.unwrap_err();
    assert!(matches!(error, TelephonyError::Unreachable(_)), "{error}");
    assert!(!error.to_string().contains("secret-room"), "{error}");
}

#[test]
fn an_unusable_base_url_is_refused_at_once() {
    for url in ["", "daily", "mailto:x@y"] {
        assert!(matches!(Daily::new(url, ApiKey::new("k")), Err(TelephonyError::Refused(_))), "{url}");
    }
}
