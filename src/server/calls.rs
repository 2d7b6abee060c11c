//! What the server asks of whoever runs calls.

use futures_util::future::BoxFuture;

use crate::cloud::CloudError;
pub use crate::cloud::SessionArgs as StartBot;
use crate::pii::ApiKey;
use crate::telephony::{DialIn, TelephonyError};

/// Runs calls.
pub trait Calls: Send + Sync {
    /// Takes a held call: creates its room and starts its bot. Resolves when the bot is on its way; the call
    /// goes on by itself. Dropped when it takes too long, which must leave nothing behind.
    fn start(&self, dial_in: DialIn) -> BoxFuture<'_, Result<Started, StartError>>;
    /// Starts a bot in a room that exists.
    fn start_bot(&self, body: StartBot) -> BoxFuture<'_, Result<Started, StartError>>;
    /// How many calls are being run.
    fn live(&self) -> usize;
}

/// A call that was started.
#[derive(Clone, Debug)]
pub struct Started {
    /// Our id of the call, as in logs and records.
    pub call_id: String,
    /// Its room.
    pub room_url: String,
    /// The token that the original's answer carries.
    pub token: Option<ApiKey>,
}

/// Why a call was not started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// The process is about to end.
    #[error("shutting down, no calls are taken")]
    Draining,
    /// As many calls are being run as may be.
    #[error("all {limit} lines are busy")]
    AtCapacity {
        /// How many may be.
        limit: usize,
    },
    /// The telephony vendor did not give us a room.
    #[error(transparent)]
    Telephony(#[from] TelephonyError),
    /// Pipecat Cloud did not start the bot.
    #[error(transparent)]
    Cloud(#[from] CloudError),
    /// A flow was asked for by a name that none has here.
    #[error("there is no flow `{name}` here, only {known}")]
    UnknownFlow {
        /// As asked for.
        name: String,
        /// The flows that are there.
        known: String,
    },
    /// It took too long.
    #[error("the call could not be started in time")]
    TimedOut,
    /// Something else; the text carries no personal data.
    #[error("{0}")]
    Failed(String),
}
