//! The client of Pipecat Cloud's start API: against a server that answers as told, and against the sandbox.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::Uri;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use callflow::cloud::{CloudError, FlowRef, PipecatCloud, SessionArgs};
use callflow::pii::ApiKey;
use callflow::sandbox::clock::Metronome;
use callflow::sandbox::faults::{Fault, Injection, Service};
use callflow::sandbox::{Sandbox, SandboxOptions};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

/// A platform that answers the nth request with the nth answer; the last one stays.
struct Platform {
    url: String,
    asked: Arc<Mutex<Vec<(String, String, Value)>>>,
    _task: AbortOnDropHandle<()>,
}

async fn platform(answers: &'static [(u16, &'static str)]) -> Platform {
    let asked: Arc<Mutex<Vec<_>>> = Arc::default();
    let log = Arc::clone(&asked);
    let answer = move |uri: Uri, headers: HeaderMap, body: Bytes| {
        let key = headers["authorization"].to_str().unwrap().to_owned();
        let mut log = log.lock().unwrap();
        let n = log.len().min(answers.len() - 1);
        log.push((uri.to_string(), key, serde_json::from_slice(&body).unwrap()));
        let (status, body) = answers[n];
        async move { (StatusCode::from_u16(status).unwrap(), body) }
    };
    let app = Router::new().fallback(post(answer));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    Platform { url, asked, _task: AbortOnDropHandle::new(task) }
}

fn client(url: &str) -> PipecatCloud {
    PipecatCloud::new(url, "my-agent", ApiKey::new("pk_1")).unwrap()
}

fn args() -> SessionArgs {
    let body = json!({
        "To": "+15559876543", "From": "+15551234567", "callId": "c-1", "callDomain": "d-1",
        "room_url": "https://x.daily.co/r", "token": "jwt",
    });
    let mut args = SessionArgs::read(body.as_object().unwrap(), None).unwrap();
    args.flow = Some(FlowRef { name: "cold_transfer".into(), hash: Some("abc".into()) });
    args
}

const STARTED: (u16, &str) = (200, include_str!("wire/pipecat/started.json"));
const BUSY: (u16, &str) = (429, include_str!("wire/pipecat/refused_429.json"));

#[tokio::test]
async fn a_start_is_asked_for_as_documented_with_the_flow_and_its_hash_in_the_body() {
    let platform = platform(&[STARTED]).await;
    let session = client(&platform.url).start(&args()).await.unwrap();
    assert_eq!(session.as_deref(), Some("639f91d8-0000-4000-8000-000000000001"));
    let (path, key, body) = platform.asked.lock().unwrap().remove(0);
    assert_eq!((&*path, &*key), ("/v1/public/my-agent/start", "Bearer pk_1"));
    let documented: Value = serde_json::from_str(include_str!("wire/pipecat/client_start.json")).unwrap();
    assert_eq!(body, documented);
}

#[tokio::test]
async fn at_capacity_it_is_tried_again_and_refusals_are_not() {
    let _time = Metronome::start(None);
    let busy_twice = platform(&[BUSY, BUSY, STARTED]).await;
    assert!(client(&busy_twice.url).start(&args()).await.is_ok());
    assert_eq!(busy_twice.asked.lock().unwrap().len(), 3);
    for (answers, error) in [
        (&[(401, include_str!("wire/pipecat/refused_401.json"))], CloudError::Unauthorized),
        (&[(400, include_str!("wire/pipecat/refused_not_ready.json"))], CloudError::NotReady),
        (&[(404, "{}")], CloudError::UnknownAgent { agent: "my-agent".into() }),
        (&[(502, "<html>")], CloudError::Platform { status: 502, info: "no reason given".into() }),
        (&[(200, "<html>")], CloudError::Protocol("not JSON".into())),
    ] {
        let platform = platform(answers).await;
        assert_eq!(client(&platform.url).start(&args()).await.unwrap_err(), error);
        assert_eq!(platform.asked.lock().unwrap().len(), 1, "{error}");
    }
}

#[tokio::test]
async fn it_is_given_up_within_its_time_whatever_the_platform_does() {
    let _time = Metronome::start(None);
    let busy = platform(&[BUSY]).await;
    let begin = Instant::now();
    assert_eq!(client(&busy.url).start(&args()).await.unwrap_err(), CloudError::AtCapacity);
    assert_eq!(busy.asked.lock().unwrap().len(), 5);
    assert!(begin.elapsed() < Duration::from_secs(8), "{:?}", begin.elapsed());

    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let begin = Instant::now();
    let error =
        client(&format!("http://{}/v1", silent.local_addr().unwrap())).start(&args()).await.unwrap_err();
    assert!(matches!(error, CloudError::Unreachable(_)), "{error}");
    assert!(begin.elapsed() < Duration::from_secs(8), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn nobody_there_is_said_with_the_setting_to_look_at() {
    let _time = Metronome::start(None);
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = client(&format!("http://{gone}/v1")).start(&args()).await.unwrap_err();
    assert!(matches!(error, CloudError::Unreachable(_)) && error.to_string().contains("PIPECAT_API_URL"));
    for bad in ["nowhere", "data:x"] {
        assert!(
            matches!(PipecatCloud::new(bad, "a", ApiKey::new("k")), Err(CloudError::Settings(_))),
            "{bad}"
        );
    }
}

#[tokio::test]
async fn the_sandbox_refuses_as_documented() {
    let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
    let _time = Metronome::start(None);
    let cloud = client(&sandbox.urls().pipecat);
    assert_eq!(
        cloud.start(&args()).await.unwrap_err(),
        CloudError::UnknownAgent { agent: "my-agent".into() }
    );
    for (fault, error) in [
        (Fault::Refuse { status: 400, info: Some("PCC-1001".into()) }, CloudError::NotReady),
        (Fault::Refuse { status: 400, info: Some("PCC-1004".into()) }, CloudError::Billing),
        (Fault::Refuse { status: 401, info: None }, CloudError::Unauthorized),
        (Fault::Garbage, CloudError::Protocol("not JSON".into())),
    ] {
        sandbox.faults().inject(Injection::once(Service::Pipecat, fault).on("start")).unwrap();
        assert_eq!(cloud.start(&args()).await.unwrap_err(), error);
    }
    // A container that takes the session and never answers keeps its instance.
    let container = TcpListener::bind("127.0.0.1:0").await.unwrap();
    sandbox.deploy("my-agent", &format!("http://{}", container.local_addr().unwrap())).unwrap();
    assert!(cloud.start(&args()).await.unwrap().is_some());
    assert_eq!(cloud.start(&args()).await.unwrap_err(), CloudError::AtCapacity);
    assert_eq!(sandbox.state().streams["pipecat"], 1);
    sandbox.shutdown().await;
}
