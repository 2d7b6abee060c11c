//! Requests of tools: one task each, owned by the call and gone with it, with a deadline; and what the record
//! says of them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::task::{AbortHandle, Id, JoinSet};
use tracing::Instrument as _;

use super::call::Call;
use super::tool_http;
use crate::machine::{CallInfo, Input, Millis, ToolCallId, ToolFailure, ToolResult};
use crate::pii::PhoneNumber;
use crate::plan::{Plan, ToolArgs, ToolId};

/// Requests that a record keeps.
const MOST_KEPT: usize = 200;
/// Turns that a notification tells of.
const TURNS_TOLD: usize = 6;

/// One request of a tool, for the record: no arguments, no answer.
#[derive(Clone, Debug, Serialize)]
pub struct ToolRecord {
    /// The tool.
    pub tool: Arc<str>,
    /// What came of it: `ok`, `cancelled`, or why it failed.
    pub outcome: Arc<str>,
    /// When it was sent, milliseconds since the call began.
    pub start_ms: u64,
    /// How long it took.
    pub took_ms: u64,
}

struct Running {
    tool: ToolId,
    since: Millis,
    task: AbortHandle,
}

/// The requests of one call. Dropping it gives all of them up.
#[derive(Default)]
pub(super) struct Tools {
    tasks: JoinSet<(ToolCallId, ToolResult)>,
    running: HashMap<ToolCallId, Running>,
    by_task: HashMap<Id, ToolCallId>,
    kept: Vec<ToolRecord>,
}

impl Tools {
    /// Whether a request is under way.
    pub(super) fn is_busy(&self) -> bool {
        !self.running.is_empty()
    }

    /// The next request that comes to its end; never resolves without one.
    pub(super) async fn done(&mut self) -> (ToolCallId, ToolResult) {
        loop {
            match self.tasks.join_next_with_id().await {
                Some(Ok((task, done))) => {
                    self.by_task.remove(&task);
                    return done;
                }
                Some(Err(error)) => {
                    let call = self.by_task.remove(&error.id());
                    if let Some(call) = call.filter(|_| !error.is_cancelled()) {
                        return (call, ToolResult::Failed { cause: ToolFailure::BadRequest });
                    }
                }
                None => return std::future::pending().await,
            }
        }
    }

    fn note(&mut self, plan: &Plan, call: ToolCallId, now: Millis, outcome: String) {
        let Some(Running { tool, since, .. }) = self.running.remove(&call) else { return };
        let took_ms = now.0.saturating_sub(since.0);
        let name = Arc::clone(&plan.tool(tool).name);
        tracing::info!(tool = %name, %outcome, took_ms, "a tool's request is over");
        if self.kept.len() < MOST_KEPT {
            self.kept.push(ToolRecord { tool: name, outcome: outcome.into(), start_ms: since.0, took_ms });
        }
    }

    /// The end of the call: what is under way is given up.
    pub(super) fn close(&mut self, plan: &Plan, now: Millis) -> Vec<ToolRecord> {
        let mut left: Vec<ToolCallId> = self.running.keys().copied().collect();
        left.sort_unstable();
        for call in left {
            self.note(plan, call, now, "cancelled".to_owned());
        }
        self.tasks.abort_all();
        std::mem::take(&mut self.kept)
    }
}

impl Call {
    pub(super) fn call_tool(
        &mut self,
        call: ToolCallId,
        tool: ToolId,
        args: ToolArgs,
        turns: bool,
        within: Duration,
    ) {
        let plan = Arc::clone(&self.plan);
        let spec = plan.tool(tool);
        let mut values = args.values;
        if turns {
            values.insert("turns".to_owned(), self.turns.recent(TURNS_TOLD).into());
        }
        let request = spec.request(&values, facts(&plan, &self.info));
        tracing::info!(tool = %spec.name, "asking a tool");
        let work = async move {
            let result = match request {
                Ok(request) => tool_http::send(request, within).await,
                Err(error) => {
                    tracing::warn!(%error, "a tool's request could not be made");
                    ToolResult::Failed { cause: ToolFailure::BadRequest }
                }
            };
            (call, result)
        };
        let task = self.tools.tasks.spawn(work.in_current_span());
        self.tools.by_task.insert(task.id(), call);
        self.tools.running.insert(call, Running { tool, since: self.now(), task });
    }

    pub(super) fn cancel_tool(&mut self, call: ToolCallId) {
        let now = self.now();
        if let Some(running) = self.tools.running.get(&call) {
            running.task.abort();
            self.tools.note(&self.plan, call, now, "cancelled".to_owned());
        }
    }

    pub(super) fn on_tool_done(&mut self, call: ToolCallId, result: ToolResult) {
        if !self.tools.running.contains_key(&call) {
            // It was given up while its answer was on the way here.
            return;
        }
        let outcome = match &result {
            ToolResult::Ok { .. } => "ok".to_owned(),
            ToolResult::Failed { cause } => {
                tracing::warn!(%cause, "a tool failed");
                cause.to_string()
            }
        };
        let now = self.now();
        self.tools.note(&self.plan, call, now, outcome);
        self.inbox.push_back(Input::ToolDone { call, result });
    }
}

/// What the texts of a request know besides its arguments.
fn facts(plan: &Plan, info: &CallInfo) -> Vec<(String, minijinja::Value)> {
    let number = |number: &Option<PhoneNumber>| {
        minijinja::Value::from(number.as_ref().map_or("", PhoneNumber::reveal))
    };
    let call = [
        ("id".to_owned(), minijinja::Value::from(&*info.id)),
        ("from".to_owned(), number(&info.from)),
        ("to".to_owned(), number(&info.to)),
    ];
    let env = plan.env.iter().map(|(name, value)| (name.to_string(), minijinja::Value::from(&**value)));
    let map = |entries: Vec<(String, minijinja::Value)>| -> minijinja::Value {
        entries.into_iter().collect::<std::collections::BTreeMap<_, _>>().into()
    };
    vec![("call".to_owned(), map(call.into())), ("env".to_owned(), map(env.collect()))]
}
