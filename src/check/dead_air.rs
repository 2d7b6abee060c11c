//! F034: the caller hears something every ten seconds.
//!
//! For every state it is reckoned how long it can have been quiet when a call comes there, by the flow's own timers,
//! and what the state adds to it. Speech, hold audio and the model's turn end the quiet; so does the caller, by
//! talking. A circle is followed round twice: by then one that adds to the quiet has shown it.

use std::time::Duration;

use super::graph::{Cause, Edge, Graph};
use super::scope::Scope;
use super::stay;
use crate::diagnostic::{Diagnostic, Rule};
use crate::flow::defaults::{ANSWER_WITHIN, SILENCE};
use crate::flow::{CallApi, Converse, Event, First, Kind, Plain, State, show_duration};
use crate::source::Span;

/// A telephone that is quiet for longer sounds dead.
const LONGEST: Duration = Duration::from_secs(10);
/// A `call_api` that takes longer is talked over, once, if the flow has words for it.
const FILL_AFTER: Duration = Duration::from_secs(1);

pub(super) fn check(graph: &Graph<'_>, scope: &Scope<'_>, out: &mut Vec<Diagnostic>) {
    let Some(start) = graph.start else { return };
    let rule = DeadAir { graph, scope };
    let order = order(graph, start);
    let mut before = vec![Quiet::default(); graph.out.len()];
    for _ in 0..2 {
        for &state in &order {
            for edge in graph.edges_of(state).filter(|edge| !edge.is_abnormal()) {
                let after = rule.after(edge, before[state]);
                if after.time > before[edge.to].time {
                    before[edge.to] = after;
                }
            }
        }
    }
    let mut states = order;
    states.sort_unstable();
    out.extend(states.into_iter().filter_map(|state| rule.finding(state, before[state])));
}

/// How long it has been quiet, and where that began.
#[derive(Clone, Copy, Default)]
struct Quiet {
    time: Duration,
    since: Option<usize>,
}

impl Quiet {
    const NONE: Self = Self { time: Duration::ZERO, since: None };

    /// What has been reported is not reported again further on.
    fn unless_reported(self) -> Self {
        if self.time > LONGEST { Self::NONE } else { self }
    }
}

struct DeadAir<'r, 'd> {
    graph: &'r Graph<'d>,
    scope: &'r Scope<'d>,
}

impl DeadAir<'_, '_> {
    /// How long it has been quiet once an edge has been taken.
    fn after(&self, edge: &Edge<'_>, before: Quiet) -> Quiet {
        let says = edge.branch.is_some_and(|branch| branch.say.is_some());
        if says {
            return Quiet::NONE;
        }
        let state = self.graph.state(edge.from);
        let begun = |time: Duration| Quiet { time, since: Some(edge.from) }.unless_reported();
        match &state.kind.value {
            Kind::Choose(_) => before,
            Kind::CallApi(api) => {
                let whole = bounded(state, stay::requests(self.graph.document, self.scope, api));
                match said_meanwhile(api, whole) {
                    Some(after) => begun(whole.saturating_sub(after)),
                    None => Quiet {
                        time: before.time.saturating_add(whole),
                        since: before.since.or(Some(edge.from)),
                    }
                    .unless_reported(),
                }
            }
            Kind::Converse(converse) => match edge.cause {
                Cause::Silence => begun(last_quiet(converse)),
                Cause::Event(Event::CallerSilent(wait)) => begun((*wait).min(LONGEST)),
                _ => Quiet::NONE,
            },
            Kind::Confirm(confirm) if is_unanswered(edge) => {
                begun(confirm.answer_within.unwrap_or(ANSWER_WITHIN))
            }
            Kind::Collect(collect) if is_unanswered(edge) => {
                begun(collect.answer_within.unwrap_or(ANSWER_WITHIN))
            }
            _ => Quiet::NONE,
        }
    }

    fn finding(&self, index: usize, before: Quiet) -> Option<Diagnostic> {
        let state = self.graph.state(index);
        let help_of_answer = "ask again sooner: a shorter `timeout:` and more `tries:`";
        let (span, time, help) = match &state.kind.value {
            Kind::CallApi(api) => return self.request(state, api, before),
            Kind::Converse(converse) => {
                let (span, time) = self.longest_quiet(index, state, converse, before)?;
                (span, time, "let a step of `silence:` say something sooner")
            }
            Kind::Confirm(confirm) => {
                (state.kind.span, confirm.answer_within.unwrap_or(ANSWER_WITHIN), help_of_answer)
            }
            Kind::Collect(collect) => {
                (state.kind.span, collect.answer_within.unwrap_or(ANSWER_WITHIN), help_of_answer)
            }
            _ => return None,
        };
        (time > LONGEST).then(|| warning(state, span, time).help(help))
    }

    fn request(&self, state: &State, api: &CallApi, before: Quiet) -> Option<Diagnostic> {
        let span = api.tool.as_ref()?.span;
        let whole = bounded(state, stay::requests(self.graph.document, self.scope, api));
        let (time, help) = match said_meanwhile(api, whole) {
            Some(after) => (
                whole.saturating_sub(after).max(before.time.saturating_add(after)),
                "`fill:` is said once: wait less long, or try less often and `say` something before trying again",
            ),
            None => {
                (before.time.saturating_add(whole), "add `fill: \"One moment, please.\"`, or wait less long")
            }
        };
        if time <= LONGEST {
            return None;
        }
        let mut found = warning(state, span, time);
        if let Some(since) = before.since.filter(|_| time > whole) {
            found =
                found.also(self.graph.state(since).name.span, "quiet since the end of what was heard here");
        }
        Some(found.help(help))
    }

    /// The longest time between two steps of a ladder that say something, and its last step.
    fn longest_quiet(
        &self,
        index: usize,
        state: &State,
        converse: &Converse,
        before: Quiet,
    ) -> Option<(Span, Duration)> {
        let rungs = converse.silence.as_deref().unwrap_or_default();
        let entered = if converse.first == First::Caller { before.time } else { Duration::ZERO };
        let (mut quiet, mut longest, mut total) =
            (entered, (state.kind.span, Duration::ZERO), Duration::ZERO);
        for rung in rungs {
            quiet = quiet.saturating_add(rung.after.value);
            total = total.saturating_add(rung.after.value);
            if quiet > longest.1 {
                longest = (rung.after.span, quiet);
            }
            if rung.say.is_some() {
                quiet = Duration::ZERO;
            }
        }
        if rungs.is_empty() {
            (quiet, total) = (SILENCE, SILENCE * 2);
        }
        // The ladder's end waits for every `caller.silent(…)`.
        let waits = self.graph.edges_of(index).filter_map(|edge| match edge.cause {
            Cause::Event(Event::CallerSilent(wait)) => Some((*wait, edge.span)),
            _ => None,
        });
        if let Some((wait, span)) = waits.max_by_key(|wait| wait.0)
            && let Some(more) = wait.checked_sub(total)
            && quiet.saturating_add(more) > longest.1
        {
            longest = (self.event_span(index, wait).unwrap_or(span), quiet.saturating_add(more));
        }
        let limit = state.timeout.as_ref().map_or(Duration::MAX, |timeout| timeout.value);
        Some((longest.0, longest.1.min(limit)))
    }

    /// Where a state's own `caller.silent(…)` stands.
    fn event_span(&self, index: usize, wait: Duration) -> Option<Span> {
        let own = self.graph.state(index).on.iter().filter(|on| !on.of_group);
        own.filter(|on| on.event.value == Event::CallerSilent(wait)).map(|on| on.event.span).next()
    }
}

fn warning(state: &State, span: Span, time: Duration) -> Diagnostic {
    let time = show_duration(Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)));
    let message = format!("in `{}` the caller can hear nothing for {time}", state.name.value);
    Diagnostic::warning(Rule::DeadAir, span, message)
}

/// When the words for a long request are said, if it takes that long and there are any.
fn said_meanwhile(api: &CallApi, whole: Duration) -> Option<Duration> {
    (api.fill.is_some() && whole > FILL_AFTER).then_some(FILL_AFTER)
}

fn bounded(state: &State, whole: Duration) -> Duration {
    state.timeout.as_ref().map_or(whole, |timeout| timeout.value.min(whole))
}

/// The quiet at the end of a ladder: nobody has said anything since its last words.
fn last_quiet(converse: &Converse) -> Duration {
    let rungs = converse.silence.as_deref().unwrap_or_default();
    let since = rungs.iter().rposition(|rung| rung.say.is_some()).map_or(0, |last| last + 1);
    rungs[since..].iter().map(|rung| rung.after.value).fold(Duration::ZERO, Duration::saturating_add)
}

/// Whether the caller has said nothing, or nothing of use, when it is taken.
fn is_unanswered(edge: &Edge<'_>) -> bool {
    let quiet = [Plain::Exhausted, Plain::Timeout, Plain::Otherwise];
    matches!(edge.cause, Cause::Event(Event::Plain(event)) if quiet.contains(event))
}

/// The states that are reached, each after those that lead to it, as far as circles allow.
fn order(graph: &Graph<'_>, start: usize) -> Vec<usize> {
    let mut seen = vec![false; graph.out.len()];
    let mut left = Vec::new();
    seen[start] = true;
    let mut stack = vec![(start, 0)];
    while let Some((state, next)) = stack.last_mut() {
        let (state, index) = (*state, *next);
        *next += 1;
        match graph.out[state].get(index).map(|&edge| graph.edges[edge].to) {
            Some(to) if !std::mem::replace(&mut seen[to], true) => stack.push((to, 0)),
            Some(_) => {}
            None => {
                left.push(state);
                stack.pop();
            }
        }
    }
    left.reverse();
    left
}
