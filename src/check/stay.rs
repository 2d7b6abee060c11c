//! How long a call can stay in a state, by the flow's own timers.
//!
//! Speech is left out, and so are the seconds in which something starts and stops: what is reckoned here is the
//! least that the longest stay can come to. How long a caller talks is theirs to say.

use std::time::Duration;

use super::graph::{Cause, Edge, Graph};
use super::scope::Scope;
use crate::diagnostic::{Diagnostic, Rule};
use crate::flow::defaults::{
    ACCEPT_TRIES, ANSWER_WITHIN, COLLECT_TRIES, CONFIRM_TRIES, RETRY_WAIT, RING, SILENCE, TOOL_TIMEOUT,
};
use crate::flow::{
    CallApi, Converse, Dial, DialMethod, Document, Event, Kind, Plain, Retry, State, show_duration,
};
use crate::source::{Span, Spanned};

/// No pause between attempts is longer: the engine's own limit.
const LONGEST_PAUSE: Duration = Duration::from_secs(120);
/// The most dial attempts of one state that can be made: the engine's limit for a call.
const MOST_ATTEMPTS: u32 = 20;

/// The longest stay in a state that is left by this edge.
pub(super) fn until(graph: &Graph<'_>, scope: &Scope<'_>, edge: &Edge<'_>) -> Duration {
    let state = graph.state(edge.from);
    match (&state.kind.value, edge.cause) {
        (Kind::Converse(converse), Cause::Silence) => bounded(state, ladder(converse)),
        (Kind::Converse(_), Cause::Event(Event::CallerSilent(wait))) => bounded(state, *wait),
        (Kind::Converse(_), Cause::Event(Event::Plain(Plain::Timeout))) => {
            state.timeout.as_ref().map_or(Duration::ZERO, |timeout| timeout.value)
        }
        // The caller may say at once what they want.
        (Kind::Converse(_), _) => Duration::ZERO,
        _ => whole(graph.document, scope, state),
    }
}

/// The longest stay in a state that does not end with an edge of the flow.
pub(super) fn to_its_end(state: &State) -> Duration {
    match &state.kind.value {
        Kind::Converse(converse) if converse.silence.iter().flatten().all(|rung| rung.to.is_none()) => {
            bounded(state, ladder(converse))
        }
        _ => Duration::ZERO,
    }
}

/// The longest stay in a state that is no `converse`.
pub(super) fn whole(document: &Document, scope: &Scope<'_>, state: &State) -> Duration {
    let longest = match &state.kind.value {
        Kind::Confirm(confirm) => {
            confirm.answer_within.unwrap_or(ANSWER_WITHIN) * confirm.tries.unwrap_or(CONFIRM_TRIES)
        }
        Kind::Collect(collect) => {
            // A question that was answered in part begins anew with what is missing.
            let questions = u32::try_from(collect.slots.len()).unwrap_or(u32::MAX).max(1);
            let each = collect.answer_within.unwrap_or(ANSWER_WITHIN);
            each.saturating_mul(collect.tries.unwrap_or(COLLECT_TRIES)).saturating_mul(questions)
        }
        Kind::CallApi(api) => requests(document, scope, api),
        Kind::Dial(dial) => ringing(dial),
        _ => Duration::ZERO,
    };
    bounded(state, longest)
}

/// The state's own timer ends what would take longer.
fn bounded(state: &State, longest: Duration) -> Duration {
    state.timeout.as_ref().map_or(longest, |timeout| timeout.value.min(longest))
}

/// All attempts of a `call_api`.
pub(super) fn requests(document: &Document, scope: &Scope<'_>, api: &CallApi) -> Duration {
    let tool = api.tool.as_ref().and_then(|name| scope.tools.get(&name.value));
    let of_tool = tool.and_then(|index| document.tools[index].timeout.as_ref());
    let each = api.timeout.as_ref().or(of_tool).map_or(TOOL_TIMEOUT, |timeout| timeout.value);
    attempts(each, api.retry.as_ref().map(|retry| &retry.value))
}

/// All attempts of a `dial`, at every target.
pub(super) fn ringing(dial: &Dial) -> Duration {
    let ring = dial.ring.as_ref().map_or(RING, |ring| ring.value);
    let asking = match &dial.accept {
        Some(accept) if dial.method == DialMethod::DialOut => {
            let accept = &accept.value;
            accept.answer_within.unwrap_or(ANSWER_WITHIN) * accept.tries.unwrap_or(ACCEPT_TRIES)
        }
        _ => Duration::ZERO,
    };
    let targets = u32::try_from(dial.to.len()).unwrap_or(u32::MAX).min(MOST_ATTEMPTS);
    let retry = dial.retry.as_ref().map(|retry| &retry.value);
    let unanswered = retry.filter(|retry| repeats(retry, Plain::OperatorNoAnswer));
    let not_accepted = retry.filter(|retry| repeats(retry, Plain::OperatorVoicemail));
    // Who lets the question pass has let it ring to its end before. One that is not repeated ends the target.
    let each = match (unanswered, not_accepted) {
        (_, Some(_)) => attempts(ring.saturating_add(asking), not_accepted),
        (unanswered, None) => attempts(ring, unanswered).saturating_add(asking),
    };
    each.saturating_mul(targets)
}

fn repeats(retry: &Retry, event: Plain) -> bool {
    retry.on.is_empty() || retry.on.contains(&event)
}

/// So many attempts, each as long as it may take, and the pauses between them.
pub(super) fn attempts(each: Duration, retry: Option<&Retry>) -> Duration {
    let Some(retry) = retry else { return each };
    let (mut needed, mut wait) = (each, retry.wait.unwrap_or(RETRY_WAIT));
    for _ in 0..retry.times {
        needed = needed.saturating_add(wait.min(LONGEST_PAUSE)).saturating_add(each);
        wait = wait.mul_f64(retry.backoff.unwrap_or(1.0).clamp(1.0, 10.0));
    }
    Duration::from_millis(u64::try_from(needed.as_millis()).unwrap_or(u64::MAX))
}

/// F035: attempts that need longer than the timer of their state lets them.
pub(super) fn cut_off(
    whole: &Spanned<Duration>,
    retry: Span,
    needed: Duration,
    help: &'static str,
) -> Option<Diagnostic> {
    if needed <= whole.value {
        return None;
    }
    let (needed, ends) = (show_duration(needed), show_duration(whole.value));
    let message = format!("the attempts can take {needed}, and the state ends after {ends}");
    let error = Diagnostic::error(Rule::RetryBudget, retry, message);
    Some(error.also(whole.span, "this timer cuts them off").help(help))
}

/// The whole ladder of silence.
pub(super) fn ladder(converse: &Converse) -> Duration {
    match &converse.silence {
        Some(rungs) => {
            rungs.iter().map(|rung| rung.after.value).fold(Duration::ZERO, Duration::saturating_add)
        }
        None => SILENCE * 2,
    }
}
