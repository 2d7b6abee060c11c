//! A room on this machine, as docs/sandbox-protocol.md has it, played by the test.

use callflow::pii::ApiKey;
use callflow::telephony::Room;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, accept_async};

use crate::within;

pub const BOT: &str = "22b32b65-0000-4000-8000-0000000000b0";
pub const CALLER: &str = "22b32b65-0000-4000-8000-000000000001";

/// Where rooms are joined.
pub struct Site(TcpListener);

impl Site {
    pub async fn open() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub fn room(&self) -> Room {
        let url = format!("http://{}/r-1", self.0.local_addr().unwrap());
        Room { name: "r-1".into(), url, token: ApiKey::new("t0ken"), sip_endpoint: None, expires_at: None }
    }

    /// A room that the stand-in library takes ten seconds to leave.
    pub fn room_that_holds(&self) -> Room {
        let url = format!("http://{}/holds", self.0.local_addr().unwrap());
        Room { url, ..self.room() }
    }

    /// A connection that nothing was said on yet.
    pub async fn knock(&self) -> TcpStream {
        within(self.0.accept()).await.unwrap().0
    }

    /// A client that has said who it is.
    pub async fn visitor(&self) -> Visitor {
        let mut visitor = Visitor(within(accept_async(self.knock().await)).await.unwrap());
        assert_eq!(visitor.text().await, json!({"type": "join", "token": "t0ken"}));
        visitor
    }

    /// A client that was let in, with its microphone published.
    pub async fn guest(&self) -> Visitor {
        let mut guest = self.visitor().await;
        guest.welcome().await;
        assert_eq!(guest.text().await, json!({"type": "microphone", "on": true}));
        guest
    }
}

/// A client, seen from the room.
pub struct Visitor(WebSocketStream<TcpStream>);

impl Visitor {
    pub async fn welcome(&mut self) {
        let local = json!({"session_id": BOT, "owner": true});
        self.say(json!({"action": "joined-meeting", "participants": {"local": local}})).await;
    }

    pub async fn say(&mut self, value: Value) {
        within(self.0.send(Message::text(value.to_string()))).await.unwrap();
    }

    pub async fn play(&mut self, id: &str, loudness: i16) {
        let mut bytes = id.as_bytes().to_vec();
        bytes.extend((0..320).flat_map(|_| loudness.to_le_bytes()));
        within(self.0.send(Message::binary(bytes))).await.unwrap();
    }

    /// The next text; audio is passed over.
    pub async fn text(&mut self) -> Value {
        loop {
            match within(self.0.next()).await.expect("the client has gone").unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                _ => continue,
            }
        }
    }

    /// The next 20 ms of the client's microphone.
    pub async fn audio(&mut self) -> Vec<i16> {
        loop {
            match within(self.0.next()).await.expect("the client has gone").unwrap() {
                Message::Binary(bytes) => {
                    let pairs = bytes.chunks_exact(2);
                    return pairs.map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
                }
                _ => continue,
            }
        }
    }

    /// Waits until the client has left or closed the connection.
    pub async fn farewell(mut self) {
        loop {
            match within(self.0.next()).await {
                Some(Ok(Message::Text(text))) if text.contains("leave") => {
                    self.say(json!({"action": "left-meeting"})).await;
                }
                Some(Ok(Message::Close(_))) | Some(Err(_)) | None => return,
                Some(Ok(_)) => {}
            }
        }
    }
}
