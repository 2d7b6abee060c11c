//! A connection that is opened again when it is needed, for voices: they may be silent for minutes, and their
//! vendors close what is silent.

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt};
use tokio_tungstenite::tungstenite::error::Error as WsError;
use tokio_tungstenite::tungstenite::protocol::Message;

use super::{Endpoint, Redial, Socket, hang_up};
use crate::speech::SpeechError;

/// The connection.
pub enum Line {
    /// Open.
    Up(Box<Socket>),
    /// Being opened.
    Connecting(BoxFuture<'static, (Redial, Result<Box<Socket>, SpeechError>)>),
    /// Not needed.
    Down,
}

/// What happened on the line.
pub enum Step {
    /// The socket gave this.
    Message(Option<Result<Message, WsError>>),
    /// Connecting ended. Gives back the count of attempts.
    Connected(Redial, Result<Box<Socket>, SpeechError>),
}

impl Line {
    /// Begins to connect, with the attempts that are left; `cause` is why, and the error if none is.
    #[must_use]
    pub fn connecting(endpoint: &Endpoint, mut redial: Redial, cause: SpeechError) -> Self {
        let endpoint = endpoint.clone();
        let connecting = async move {
            let result = redial.connect(&endpoint, cause).await.map(Box::new);
            (redial, result)
        };
        Self::Connecting(connecting.boxed())
    }

    /// Waits for the next thing to happen; may be dropped without losing it.
    pub async fn step(&mut self) -> Step {
        match self {
            Self::Up(socket) => Step::Message(socket.next().await),
            Self::Connecting(connecting) => {
                let (redial, result) = connecting.await;
                Step::Connected(redial, result)
            }
            Self::Down => std::future::pending().await,
        }
    }

    /// Says goodbye if the connection is open.
    pub async fn hang_up(self) {
        if let Self::Up(mut socket) = self {
            hang_up(&mut socket).await;
        }
    }
}
