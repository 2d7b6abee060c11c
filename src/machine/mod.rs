//! The sans-IO core: `handle(now, input) → effects`.
//!
//! No tokio, no HTTP, no `async`; it reads no clock and no environment. The same machine is run on live
//! calls, tested on a virtual clock, explored and replayed.

mod bridged;
mod call;
mod confirming;
mod conversing;
mod dialing;
mod driver;
mod edges;
mod effect;
mod ending;
mod input;
mod leg;
mod saying;
mod signal;
mod speech;
mod states;
mod timer;
mod values;

pub use driver::Machine;
pub use effect::{Effect, Outcome};
pub use input::{Input, Known, LegCause, LegEvent, LegOutcome, Service};
pub use timer::{Millis, Timer, Timers};

use std::sync::Arc;

use serde::Serialize;

use crate::pii::PhoneNumber;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize)]
        #[serde(transparent)]
        pub struct $name(pub u32);
    )*};
}

ids! {
    /// One fixed sentence of a call.
    UtteranceId;
    /// One reply of the model.
    ReplyId;
    /// One attempt to reach one target.
    AttemptId;
}

/// What is known of a call when it begins.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct CallInfo {
    /// Our id for the call, in every log line and vendor request.
    pub id: Arc<str>,
    /// The caller's number, if it was not withheld.
    pub from: Option<PhoneNumber>,
    /// The number called.
    pub to: Option<PhoneNumber>,
    /// Wall-clock time at which it began, in seconds since 1970; `hours:` are judged by it.
    pub started_at: i64,
}

/// What is known of the transfer, for the record.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
pub struct TransferReport {
    /// Name of the target last dialled.
    pub target: Arc<str>,
    /// How the last attempt ended.
    pub outcome: LegOutcome,
    /// How that is known.
    pub known: Known,
    /// The vendor's own text, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw: Option<String>,
    /// Attempts made in this call.
    pub attempts: u32,
    /// How long the last attempt rang (from ringing to its end), milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ring_ms: Option<u64>,
}
