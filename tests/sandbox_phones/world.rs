//! A sandbox with a webhook that only listens, and a REST client.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use callflow::sandbox::clock::Metronome;
use callflow::sandbox::{Sandbox, SandboxOptions};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

/// How long anything may take, in virtual time.
pub const PATIENCE: Duration = Duration::from_secs(10);

pub struct World {
    pub sandbox: Sandbox,
    pub http: reqwest::Client,
    pub webhook_url: String,
    pub webhooks: mpsc::Receiver<(HeaderMap, Bytes)>,
    _webhook: AbortOnDropHandle<()>,
    _clock: Metronome,
}

type Answers = (StatusCode, mpsc::Sender<(HeaderMap, Bytes)>);

async fn take(State((status, posts)): State<Answers>, headers: HeaderMap, body: Bytes) -> StatusCode {
    posts.send((headers, body)).await.unwrap();
    status
}

impl World {
    pub async fn start() -> Self {
        Self::with(SandboxOptions::default(), StatusCode::OK).await
    }

    pub async fn with(options: SandboxOptions, webhook_answer: StatusCode) -> Self {
        let clock = Metronome::start(None);
        let sandbox = Sandbox::start(options).await.unwrap();
        let (posts, webhooks) = mpsc::channel(64);
        let router = axum::Router::new().route("/start", post(take)).with_state((webhook_answer, posts));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/start", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        sandbox.set_webhook(&url, Some("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")).unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self {
            sandbox,
            http,
            webhook_url: url,
            webhooks,
            _webhook: AbortOnDropHandle::new(serving),
            _clock: clock,
        }
    }

    /// The ids of the call that the webhook reports next.
    pub async fn reported_call(&mut self) -> Value {
        let (_, body) = timeout(PATIENCE, self.webhooks.recv()).await.expect("no webhook").unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    pub async fn request(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let url = format!("{}{path}", self.sandbox.urls().daily);
        let mut request = self.http.request(method.parse().unwrap(), url).bearer_auth("any key");
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = timeout(PATIENCE, request.send()).await.expect("no answer").unwrap();
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap())
    }

    pub async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.request("POST", path, Some(body)).await
    }

    /// A room as pipecat's `configure()` asks for one, and an owner's token.
    pub async fn room(&self, name: &str) -> (Value, String) {
        let (status, room) = self
            .post(
                "/rooms",
                json!({"name": name, "privacy": "public", "properties": {
                    "exp": 4_000_000_000.5, "enable_chat": false, "eject_at_room_exp": true, "enable_dialout": true,
                    "sip": {"display_name": "+15551234567", "video": false, "sip_mode": "dial-in", "num_endpoints": 1},
                    "start_video_off": true}}),
            )
            .await;
        assert_eq!(status, 200, "{room}");
        (room, self.token(name, true).await)
    }

    pub async fn token(&self, room: &str, owner: bool) -> String {
        let properties = json!({"room_name": room, "is_owner": owner, "exp": 4_000_000_000_i64});
        let (status, token) = self.post("/meeting-tokens", json!({"properties": properties})).await;
        assert_eq!(status, 200, "{token}");
        token["token"].as_str().unwrap().to_owned()
    }

    pub async fn dial(&self, room: &str, number: &str) -> String {
        let body = json!({"phoneNumber": number, "userId": "op-1", "displayName": "Operator"});
        let (status, answer) = self.post(&format!("/rooms/{room}/dialOut/start"), body).await;
        assert_eq!((status, &answer["ok"]), (200, &json!("true")), "{answer}");
        answer["sessionId"].as_str().unwrap().to_owned()
    }

    /// Waits until no call is on, and fails if something stays.
    pub async fn quiet(&self) {
        for _ in 0..100 {
            if self.sandbox.state().is_quiet() {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
        panic!("something is left: {:#?}", self.sandbox.state());
    }
}
