//! A phone that speaks the documented JSON literally, without the project's own types.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use callflow::audio::g711;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::socket::Socket;
use crate::world::{PATIENCE, World};

pub struct RawPhone {
    pub socket: Socket,
    /// Samples at 8 kHz, as they came.
    pub heard: Vec<i16>,
}

impl RawPhone {
    pub async fn call(world: &World, from: &str, to: &str) -> Self {
        Self::start(world, json!({"from": from, "to": to})).await
    }

    pub async fn wait(world: &World, number: &str) -> Self {
        let before = world.sandbox.state().waiting_phones;
        let phone = Self::start(world, json!({"number": number})).await;
        while world.sandbox.state().waiting_phones == before {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        phone
    }

    async fn start(world: &World, parameters: Value) -> Self {
        let socket = Socket::connect(&format!("{}/phone", world.sandbox.urls().phone)).await;
        socket.send(json!({"event": "connected", "protocol": "Call", "version": "1.0.0"})).await;
        socket
            .send(json!({"event": "start", "sequenceNumber": "1", "streamSid": "MZ1", "start": {
                "streamSid": "MZ1", "callSid": "CA1", "customParameters": parameters,
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}}}))
            .await;
        Self { socket, heard: Vec::new() }
    }

    pub async fn send(&self, event: &str, more: Value) {
        let mut message = json!({"event": event, "streamSid": "MZ1"});
        message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.socket.send(message).await;
    }

    pub async fn say(&self, samples: &[i16]) {
        let payload = STANDARD.encode(g711::encode_ulaw(samples));
        self.send("media", json!({"media": {"payload": payload}})).await;
    }

    /// The next message that is not audio; `None` at the end.
    pub async fn next(&mut self) -> Option<Value> {
        timeout(PATIENCE, self.whenever()).await.expect("nothing came")
    }

    async fn whenever(&mut self) -> Option<Value> {
        loop {
            let message = self.socket.next_text(|_| panic!("binary to a phone")).await?;
            if message["event"] != "media" {
                return Some(message);
            }
            self.hear(&message);
        }
    }

    /// The next message that is not audio, which must be this one.
    pub async fn event(&mut self, name: &str) -> Value {
        let message = self.next().await.unwrap_or_else(|| panic!("closed before {name}"));
        assert_eq!(message["event"], name, "{message}");
        message
    }

    /// As [`event`](Self::event), for what takes long.
    pub async fn patient_event(&mut self, name: &str, patience: Duration) -> Value {
        let message = timeout(patience, self.whenever()).await.expect("nothing came").expect("closed");
        assert_eq!(message["event"], name, "{message}");
        message
    }

    /// Listens for a while, in which nothing but audio may come.
    pub async fn listen(&mut self, ms: u64) {
        if let Ok(message) = timeout(Duration::from_millis(ms), self.whenever()).await {
            panic!("not only audio: {message:?}");
        }
    }

    /// The loudest sample of what was heard lately.
    pub fn peak_of_last(&self, ms: usize) -> i32 {
        let from = self.heard.len().saturating_sub(8 * ms);
        self.heard[from..].iter().map(|&sample| i32::from(sample).abs()).max().unwrap_or(0)
    }

    fn hear(&mut self, message: &Value) {
        let payload = STANDARD.decode(message["media"]["payload"].as_str().unwrap()).unwrap();
        assert_eq!(payload.len(), 160, "20 ms of µ-law");
        self.heard.extend(g711::decode_ulaw(&payload));
    }
}
