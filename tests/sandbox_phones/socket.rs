//! A WebSocket whose incoming messages are collected while nobody waits for them.

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::connect_async_with_config;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::task::AbortOnDropHandle;

use crate::world::PATIENCE;

pub struct Socket {
    outgoing: mpsc::Sender<Message>,
    incoming: mpsc::UnboundedReceiver<Message>,
    _task: AbortOnDropHandle<()>,
}

impl Socket {
    pub async fn connect(url: &str) -> Self {
        let url = url.replace("http://", "ws://");
        let (socket, _) = connect_async_with_config(url, None, true).await.unwrap();
        let (mut sink, mut stream) = socket.split();
        let (outgoing, mut to_send) = mpsc::channel::<Message>(64);
        let (received, incoming) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            loop {
                tokio::select! {
                    message = to_send.recv() => match message {
                        Some(message) => if sink.send(message).await.is_err() { return },
                        None => return,
                    },
                    message = stream.next() => match message {
                        Some(Ok(message)) => if received.send(message).is_err() { return },
                        _ => return,
                    },
                }
            }
        });
        Self { outgoing, incoming, _task: AbortOnDropHandle::new(task) }
    }

    pub async fn send(&self, message: Value) {
        self.send_raw(Message::Text(message.to_string().into())).await;
    }

    pub async fn send_raw(&self, message: Message) {
        timeout(PATIENCE, self.outgoing.send(message)).await.expect("not taken").unwrap();
    }

    /// The next message; `None` once the other side has closed.
    async fn next(&mut self) -> Option<Message> {
        match self.incoming.recv().await {
            Some(Message::Close(_)) | None => None,
            message => message,
        }
    }

    /// The next text message, with what is binary passed to `heard`.
    pub async fn next_text(&mut self, mut heard: impl FnMut(&[u8])) -> Option<Value> {
        loop {
            match self.next().await? {
                Message::Text(text) => {
                    return Some(serde_json::from_str(&text).unwrap_or(Value::String(text.to_string())));
                }
                Message::Binary(bytes) => heard(&bytes),
                _ => {}
            }
        }
    }
}
