//! A raw client of the room, in the bot's place.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::socket::Socket;
use crate::world::World;

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
        let answer = socket.next_text(|_| {}).await.unwrap();
        let id = answer["participants"]["local"]["session_id"].as_str().unwrap_or_default().to_owned();
        (Self { socket, id, heard: Vec::new() }, answer)
    }

    /// The next event, whatever it is; `None` at the end.
    pub async fn next_event(&mut self) -> Option<Value> {
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
