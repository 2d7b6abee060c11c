//! One task per call: the only place that sees both a decision and a vendor.
//!
//! [`run`] joins the room, opens the vendors' streams, turns everything that happens into inputs of the
//! machine, enacts its effects, and tears everything down at the end, however the call ended. It decides
//! nothing about the call itself. A failed effect becomes an input, never a swallowed warning.

mod cadence;
mod call;
mod dead_air;
mod dialogue;
mod ears;
mod enact;
mod first_sound;
mod gate;
mod guess;
mod journal;
mod keeper;
mod leg_news;
mod legs;
mod line;
mod memory;
mod offer;
mod onset;
mod overheard;
mod prepared;
mod prompts;
mod record;
mod room;
mod room_events;
mod teardown;
mod tool_http;
mod tools;
mod voice;
mod watch;
mod waterfall;

pub use journal::{Journal, JournalError};
pub(crate) use memory::summary;
pub(crate) use offer::{intent_tool, tool};
pub use record::{CallRecord, Guessing, RECORD_VERSION, TransferRecord, Turn, Who};
pub use tools::ToolRecord;
pub use watch::{CallEvent, CallStatus, Watch};
pub use waterfall::Waterfall;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt as _;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::machine::CallInfo;
use crate::plan::Plan;
use crate::speech::prompts::PromptCache;
use crate::speech::{Llm, Stt, Tts};
use crate::telephony::{DialIn, DialLimits, Room, RoomClient, Telephony};

/// The vendors that calls are run with; shared by all calls of a process.
#[derive(Clone)]
pub struct Vendors {
    /// Rooms and legs.
    pub telephony: Arc<dyn Telephony>,
    /// Media.
    pub rooms: Arc<dyn RoomClient>,
    /// Hearing.
    pub stt: Arc<dyn Stt>,
    /// Thinking.
    pub llm: Arc<dyn Llm>,
    /// Speaking.
    pub tts: Arc<dyn Tts>,
    /// What has been spoken before and is the same in every call.
    pub prompts: Arc<PromptCache>,
}

/// Everything one call needs.
pub struct CallSetup {
    /// The flow, pinned for the whole call.
    pub plan: Arc<Plan>,
    /// What is known of the call.
    pub info: CallInfo,
    /// The room made for it.
    pub room: Room,
    /// The held caller to be forwarded; absent if the caller comes by other means.
    pub dial_in: Option<DialIn>,
    /// The vendors.
    pub vendors: Vendors,
    /// Where the server dials, and how often; shared by all its calls.
    pub dial_limits: Arc<DialLimits>,
    /// Who looks on.
    pub watch: Watch,
    /// Where steps are written.
    pub journal: Option<Journal>,
    /// Cancelled: finish or say so. A call that was handed off goes on.
    pub shutdown: CancellationToken,
    /// Cancelled: tear down at once, whatever the call is doing.
    pub kill: CancellationToken,
}

/// Runs one call to its end and returns its record. Leaves nothing behind, also if it broke: a bug in one
/// call is that call's end and nobody else's.
pub async fn run(setup: CallSetup) -> Arc<CallRecord> {
    let span = tracing::error_span!(target: "callflow", "call", id = %setup.info.id);
    async move {
        let wreckage = teardown::Wreckage::of(&setup, tokio::time::Instant::now());
        let record = match AssertUnwindSafe(Box::pin(call::run(setup))).catch_unwind().await {
            Ok(record) => record,
            Err(_panic) => wreckage.clear().await,
        };
        tracing::info!(
            outcome = ?record.outcome,
            states = record.states.len(),
            duration_ms = record.duration_ms,
            "call ended"
        );
        Arc::new(record)
    }
    .instrument(span)
    .await
}
