//! The sans-IO core: `handle(now, input) → effects`.
//!
//! A [`Machine`] is one call of one flow. It is told everything that happens ([`Input`]) and answers with
//! everything that is to be done ([`Effect`]). It has no tokio, no HTTP and no `async`; it reads no clock
//! and no environment. The same machine is run on live calls, tested on a virtual clock, explored and
//! replayed.
//!
//! # The loop around it
//! Whoever runs a machine owns the clock. Three rules make the loop: tell what happens, do what is asked
//! and tell what came of it, and wake the machine at its deadline.
//!
//! ```
//! use callflow::check::{EnvMode, check};
//! use callflow::machine::{CallInfo, Effect, Input, Machine, Millis, Outcome};
//! use callflow::{plan, source::SourceFile};
//!
//! let flow = "{callflow: 1, name: hello, start: greet, states: {greet: {end: Hello and goodbye.}}}";
//! let checked = check(&SourceFile::new("hello.yaml", flow.to_owned()), EnvMode::Unknown);
//! let plan = plan::compile(checked.flow.expect("no errors"));
//! let info = CallInfo { id: "1".into(), from: None, to: None, started_at: 0 };
//! let mut machine = Machine::new(plan, info);
//!
//! let mut happened = vec![(Millis(0), Input::CallerJoined), (Millis(0), Input::Start)];
//! let mut effects = Vec::new();
//! let mut heard = Vec::new();
//! while !machine.is_over() {
//!     // Live: whichever comes first of the next event and the deadline.
//!     let (now, input) = happened.pop().unwrap_or_else(|| {
//!         let (at, _why) = machine.next_deadline().expect("a call that is not over has a deadline");
//!         (at, Input::Timeout)
//!     });
//!     machine.handle(now, input, &mut effects);
//!     for effect in effects.drain(..) {
//!         // Live: hand it to a vendor, whose answer becomes an input.
//!         if let Effect::Say { utterance, text, .. } = effect {
//!             heard.push(text.text().to_owned());
//!             happened.push((Millis(now.0 + 1_500), Input::Said { utterance, heard_all: true }));
//!         }
//!     }
//! }
//! assert_eq!(heard, ["Hello and goodbye."]);
//! assert_eq!(machine.outcome(), Some(Outcome::Completed));
//! ```
//!
//! # What can be relied on
//! * Deadlines that have passed are handled before the input, in order: an answer at the instant of the
//!   ring limit is late.
//! * A call that is not over has a deadline, and deadlines alone end every call.
//! * Every command carries an id, and its answer brings it back. An answer with a stale id changes
//!   nothing, and so does the second of the same. An answered phone that nobody waits for is hung up.
//! * An effect that fails comes back as an input. Nothing is lost if an answer never comes: sentences,
//!   replies, dial and stop commands all have a deadline of the machine's own.
//! * [`Effect::End`] is the last effect; before it every leg that is ours has been told to stop.
//!
//! # Where the language leaves it open
//! * What the caller says while a `say` is spoken, or in answer to a `confirm`, is kept: a `converse` that
//!   follows answers it. A sentence on the way there (`say:` of a branch) is the answer instead.
//! * In `first: auto`, the path has just spoken if its last word was a `say` or a branch's `say:`; a
//!   question, an announcement or a conversation before does not count.
//! * An intent that has led on leaves its reply's words to be heard; a key, a timer or a turn cuts them.
//! * `caller.silent(20s)` counts from the last sound of either side, the prompts of the ladder excepted.
//!   The ladder does not end the call while such an edge is still to come.
//! * A failed reply is excused once ([`Input::ReplyFailed`]); the next in a row is `service.failed`.
//! * A service that fails while it rings does not stop the ringing. The next `converse` or `confirm` fails.
//! * `call.max_duration` and `service.failed` edges are bounded: a minute later, and after three failures,
//!   the call ends.
//! * The last failure of a `dial` takes the edge of its own name, else `targets.exhausted`, else `otherwise`.
//! * With `accept:`, who picks up is not the operator until they press the key. Hanging up on the question is
//!   `rejected`; a question that nobody answers was put to a machine, `voicemail`. The key also counts while the
//!   question is still being said.
//! * What the model wants of its tools is done at once, all together; it is asked again when the last of them is
//!   done, or when the caller has finished speaking. In the fifth round of a turn, and after arguments that did
//!   not fit twice, it is offered no tools and has to answer.
//! * A turn of the caller gives up the tools that are not to be finished. For the others it waits, and is
//!   answered together with them.
//! * `notify` is sent once for each target that rings. What becomes of it changes nothing.
//! * `timeout:` without an edge is the state's own failure: `failed`, `exhausted`, `no_answer`, the end of
//!   the ladder.

mod abstraction;
mod bridged;
mod call;
mod collecting;
mod confirming;
mod consulting;
mod conversing;
mod counter;
mod dialing;
mod driver;
mod edges;
mod effect;
mod ending;
mod gate;
mod input;
mod leg;
mod requesting;
mod saying;
mod signal;
mod speech;
mod states;
mod timer;
mod tools;
mod values;

pub use abstraction::{Bounds, Parts};
pub use bridged::LEFT_ALONE;
pub use conversing::ONCE_MORE;
pub use counter::Counter;
pub use driver::Machine;
pub use edges::APOLOGY;
pub use effect::{Effect, Outcome};
pub use input::{Input, Known, LegCause, LegEvent, LegOutcome, Service};
pub use states::{SHUTTING_DOWN, TIME_IS_UP};
pub use timer::{Millis, Timer, Timers};
pub use tools::{Proposal, ProposedCall, ToolFailure, ToolResult};

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::pii::PhoneNumber;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
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
    /// One request of one tool.
    ToolCallId;
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
    /// What whoever runs the bot can change, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// Attempts made in this call.
    pub attempts: u32,
    /// How long the last attempt rang (until it was picked up, or until its end), milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ring_ms: Option<u64>,
    /// How long who had picked up was asked whether they take the call, milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gate_ms: Option<u64>,
}
