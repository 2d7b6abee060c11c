//! Requests of tools that are under way: commanded and not yet answered, each with a deadline.
//!
//! What nobody waits for any more is given up, or finished without anybody waiting, as the tool says.

use std::hash::Hash as _;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::abstraction::Fold;
use super::call::Step;
use super::signal::Signal;
use super::{Effect, Millis, ReplyId, Timer, Timers, ToolCallId};
use crate::pii::{Payload, Utterance};
use crate::plan::{ToolArgs, ToolId};

/// The session has the same deadline, and knows better what went wrong: it is waited for a little longer.
const SLACK: Duration = Duration::from_millis(500);
/// More of an answer the model is not told.
const MOST_TOLD: usize = 8 * 1024;
/// Requests under way at once; more are not begun.
const MOST_RUNNING: usize = 16;

/// One call of a tool that the model proposed: the reply, and its place in it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Proposal {
    /// The reply.
    pub reply: ReplyId,
    /// Its place among the calls of the reply, from 0.
    pub index: u32,
}

/// What the model wants of a tool.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ProposedCall {
    /// The tool; absent if it was not offered one of this name.
    pub tool: Option<ToolId>,
    /// What it is to be called with; absent if it is no JSON map.
    pub args: Option<Payload>,
}

/// What came of a request.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "answer")]
pub enum ToolResult {
    /// The server answered well.
    Ok {
        /// Its answer; `null` if it was empty.
        value: Payload,
    },
    /// It did not.
    Failed {
        /// Why.
        cause: ToolFailure,
    },
}

/// Why a request failed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "why")]
pub enum ToolFailure {
    /// No answer within its time.
    #[error("no answer in time")]
    Timeout,
    /// The server could not be reached, or the connection broke.
    #[error("the server cannot be reached")]
    Unreachable,
    /// The name of the server leads into a private network that the flow does not name.
    #[error("the server's name leads to a private address")]
    PrivateAddress,
    /// The server refused it (4xx).
    #[error("the server refused it (HTTP {status})")]
    Refused {
        /// The status.
        status: u16,
    },
    /// The server failed (5xx), or cannot now (429).
    #[error("the server failed (HTTP {status})")]
    Failed {
        /// The status.
        status: u16,
    },
    /// The server sends us elsewhere (3xx), where we do not go.
    #[error("the server redirects (HTTP {status}), which is not followed")]
    Redirected {
        /// The status.
        status: u16,
    },
    /// The answer is too long.
    #[error("the answer is too long")]
    TooLong,
    /// The answer is no JSON.
    #[error("the answer is not JSON")]
    NotJson,
    /// The request could not be made of its arguments.
    #[error("the arguments do not make a request")]
    BadRequest,
}

impl ToolFailure {
    /// Whether trying again can help.
    #[must_use]
    pub fn may_pass(self) -> bool {
        matches!(self, Self::Timeout | Self::Unreachable | Self::Failed { .. })
    }
}

/// Who waits for a request.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Whose {
    /// The state.
    State,
    /// The model, which is asked again when it is done.
    Model(Proposal),
    /// Nobody, but the model is told.
    Left(Proposal),
    /// Nobody.
    Nobody,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Running {
    call: ToolCallId,
    tool: ToolId,
    whose: Whose,
    until: Millis,
}

/// All requests under way.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Tools {
    running: Vec<Running>,
    last: u32,
}

impl Tools {
    /// A clone in the memory that there is.
    pub(super) fn copy_from(&mut self, other: &Self) {
        let Self { running, last } = self;
        running.clone_from(&other.running);
        *last = other.last;
    }

    /// Whether the model waits for one of them.
    pub(super) fn model_waits(&self) -> bool {
        self.running.iter().any(|running| matches!(running.whose, Whose::Model(_)))
    }

    /// The earliest deadline becomes the timer `Tool`.
    pub(super) fn arm(&self, timers: &mut Timers) {
        timers.set(Timer::Tool, self.running.iter().map(|running| running.until).min());
    }

    /// One whose time is up.
    pub(super) fn overdue(&self, now: Millis) -> Option<ToolCallId> {
        self.running.iter().filter(|running| running.until <= now).map(|running| running.call).min()
    }

    /// For the explorer: ids matter by their order only, deadlines are among the timers.
    pub(super) fn fold(&self, fold: &mut Fold<'_>) {
        let Self { running, last: _ } = self;
        running.len().hash(fold);
        for Running { call: _, tool, whose, until: _ } in running {
            tool.hash(fold);
            std::mem::discriminant(whose).hash(fold);
        }
    }

    fn take(&mut self, call: ToolCallId) -> Option<Running> {
        let index = self.running.iter().position(|running| running.call == call)?;
        Some(self.running.remove(index))
    }
}

impl Step<'_> {
    /// Sends a request; `None` if too many are under way.
    pub(super) fn call_tool(
        &mut self,
        tool: ToolId,
        args: ToolArgs,
        turns: bool,
        within: Duration,
        whose: Whose,
    ) -> Option<ToolCallId> {
        if self.call.tools.running.len() >= MOST_RUNNING {
            return None;
        }
        self.call.tools.last += 1;
        let call = ToolCallId(self.call.tools.last);
        let until = self.now.after(within.saturating_add(SLACK));
        self.call.tools.running.push(Running { call, tool, whose, until });
        let timeout_ms = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
        self.emit(Effect::CallTool { call, tool, args, turns, timeout_ms });
        Some(call)
    }

    /// Takes a request out because it is done. `None` if nobody of this machine waits for it.
    pub(super) fn tool_done<'i>(&mut self, call: ToolCallId, result: &'i ToolResult) -> Option<Signal<'i>> {
        let running = self.call.tools.take(call)?;
        match running.whose {
            Whose::State => Some(Signal::ToolDone(result)),
            Whose::Model(proposal) => {
                self.tell_model(proposal, told(result));
                Some(Signal::ToolDone(result))
            }
            Whose::Left(proposal) => {
                self.tell_model(proposal, told(result));
                None
            }
            Whose::Nobody => None,
        }
    }

    pub(super) fn tell_model(&mut self, proposal: Proposal, text: impl Into<String>) {
        self.emit(Effect::ToolResult { proposal, text: Utterance::new(text) });
    }

    /// The caller goes on talking: what is not to be finished is given up.
    pub(super) fn interrupt_tools(&mut self) {
        self.give_up("cancelled: the caller went on talking", |_| {});
    }

    /// The state is left: what is to be finished goes on without it, the rest is given up.
    pub(super) fn leave_tools(&mut self) {
        self.give_up("cancelled: the conversation went on", |whose| match whose {
            Whose::Model(proposal) => *whose = Whose::Left(*proposal),
            Whose::State => *whose = Whose::Nobody,
            Whose::Left(_) | Whose::Nobody => {}
        });
    }

    /// Gives up what somebody waits for and is not to be finished; the rest may be changed.
    fn give_up(&mut self, why: &str, leave: impl Fn(&mut Whose)) {
        let mut index = 0;
        while let Some(running) = self.call.tools.running.get_mut(index) {
            let awaited = matches!(running.whose, Whose::State | Whose::Model(_));
            if !awaited || self.plan.tool(running.tool).finishes {
                leave(&mut running.whose);
                index += 1;
                continue;
            }
            let Running { call, whose, .. } = self.call.tools.running.remove(index);
            self.emit(Effect::CancelTool { call });
            if let Whose::Model(proposal) = whose {
                self.tell_model(proposal, why);
            }
        }
    }

    /// The call is over: nothing goes on.
    pub(super) fn end_tools(&mut self) {
        for running in std::mem::take(&mut self.call.tools.running) {
            self.emit(Effect::CancelTool { call: running.call });
        }
    }
}

/// What the model is told of a result.
fn told(result: &ToolResult) -> String {
    match result {
        ToolResult::Ok { value } => {
            let mut text = value.0.to_string();
            if text.len() > MOST_TOLD {
                let end = (0..=MOST_TOLD).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
                text.truncate(end);
                text.push_str(" … (cut off)");
            }
            text
        }
        ToolResult::Failed { cause } => format!("error: {cause}"),
    }
}
