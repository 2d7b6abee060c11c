//! A raw client of the room, in the bot's place.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use crate::socket::Socket;
use crate::world::{PATIENCE, World};

pub struct Bot {
    pub socket: Socket,
    pub id: String,
    /// What it heard: session id and 640 bytes.
    pub heard: Vec<(String, Vec<u8>)>,
}

impl Bot {
    pub async fn join(world: &World, room: &str, token: &str) -> Self {
        let (bot, answer) = Self::try_join(world, room, token).await;
        assert_eq!(answer["action"], "joined-meeting", "{answer}");
        bot
    }

    pub async fn try_join(world: &World, room: &str, token: &str) -> (Self, Value) {
        let mut socket = Socket::connect(&format!("{}/room/{room}", world.sandbox.urls().phone)).await;
        socket.send(json!({"type": "join", "token": token})).await;
        let answer = timeout(PATIENCE, socket.next_text(|_| {})).await.expect("no answer").unwrap();
        let id = answer["participants"]["local"]["session_id"].as_str().unwrap_or_default().to_owned();
        (Self { socket, id, heard: Vec::new() }, answer)
    }

    /// The next event, whatever it is; `None` at the end.
    pub async fn next_event(&mut self) -> Option<Value> {
        timeout(PATIENCE, self.event_whenever()).await.expect("nothing came")
    }

    async fn event_whenever(&mut self) -> Option<Value> {
        let heard = &mut self.heard;
        let keep = |bytes: &[u8]| {
            assert_eq!(bytes.len(), 676);
            heard.push((String::from_utf8(bytes[..36].to_vec()).unwrap(), bytes[36..].to_vec()));
        };
        self.socket.next_text(keep).await
    }

    /// The next event, which must be this one.
    pub async fn event(&mut self, action: &str) -> Value {
        let event = self.next_event().await.unwrap_or_else(|| panic!("closed before {action}"));
        assert_eq!(event["action"], action, "{event}");
        event
    }

    /// Waits for a while, in which no event may come.
    pub async fn silent(&mut self, ms: u64) {
        if let Ok(event) = timeout(Duration::from_millis(ms), self.event_whenever()).await {
            panic!("an event came: {event:?}");
        }
    }

    /// Cuts the connection without a word, and puts a bot outside the room in its place.
    pub async fn broken_off_and_replaced_by_guest(self, world: &World) -> Self {
        drop(self);
        world.post("/rooms", json!({"name": "elsewhere"})).await;
        Self::join(world, "elsewhere", "").await
    }

    /// How loud what it heard mostly was, where it was not silent.
    pub fn usual_level(&self) -> i32 {
        let samples = self.heard.iter().flat_map(|(_, bytes)| bytes.chunks_exact(2));
        let levels = samples.map(|pair| i32::from(i16::from_le_bytes([pair[0], pair[1]])).abs());
        let mut levels: Vec<i32> = levels.filter(|&level| level > 100).collect();
        levels.sort_unstable();
        levels.get(levels.len() / 2).copied().unwrap_or(0)
    }

    pub async fn say(&self, samples: &[i16; 320]) {
        let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        self.socket.send_raw(Message::Binary(bytes.into())).await;
    }

    pub async fn microphone(&self, on: bool) {
        self.socket.send(json!({"type": "microphone", "on": on})).await;
    }

    pub async fn subscribe(&self, on: bool) {
        self.socket.send(json!({"type": "subscribe", "audio": on})).await;
    }
}
