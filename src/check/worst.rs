//! F032: what a flow may take by its own timers fits into `call.max_duration`.

use std::time::Duration;

use super::graph::Graph;
use super::scope::Scope;
use super::stay;
use super::walks::{self, Costs, Walk};
use crate::diagnostic::{Diagnostic, Rule};
use crate::flow::defaults::MAX_DURATION;
use crate::flow::show_duration;

/// More marks than this hide what they show.
const MOST_MARKS: usize = 5;
/// The most states of a way that are named.
const MOST_NAMES: usize = 16;

pub(super) fn check(graph: &Graph<'_>, scope: &Scope<'_>, out: &mut Vec<Diagnostic>) {
    let Some(start) = graph.start else { return };
    let reachable = graph.reachable();
    let taken = |&edge: &usize| reachable[graph.edges[edge].from] && !graph.edges[edge].is_abnormal();
    let edges: Vec<usize> = (0..graph.edges.len()).filter(taken).collect();
    let costs = Costs {
        edges: graph.edges.iter().map(|edge| stay::until(graph, scope, edge)).collect(),
        ends: graph.document.states.iter().map(stay::to_its_end).collect(),
    };
    let written = graph.document.call.max_duration.as_ref();
    let most = written.map_or(MAX_DURATION, |most| most.value);
    if walks::at_most(graph, &edges, &costs) <= most {
        return;
    }
    let walk = walks::longest(graph, start, &edges, &costs);
    if walk.time <= most {
        return;
    }
    let stays = stays(graph, &costs, &walk);
    let longest = stays.iter().max_by_key(|stay| stay.time).map(|stay| stay.state);
    let span = written.map(|most| most.span).or(longest.map(|state| graph.state(state).kind.span));
    let Some(span) = span else { return };
    let left = if written.is_some() { "" } else { " where nothing else is said" };
    let message = format!(
        "a call can take {}, and `max_duration` is {}{left}",
        show_duration(whole_seconds(walk.time)),
        show_duration(most)
    );
    let mut error = Diagnostic::error(Rule::WorstCase, span, message);
    for stay in &stays {
        let time = show_duration(whole_seconds(stay.time));
        let text = match stay.times {
            1 => format!("up to {time}"),
            times => format!("{times} times, up to {time} in all"),
        };
        error = error.also(graph.state(stay.state).name.span, text);
    }
    out.push(error.help(format!(
        "the longest way, speech not counted: {}; give `call: {{max_duration: …}}` more, or let something take less",
        shown(graph, start, &walk)
    )));
}

/// What a walk spends in one state.
struct Stay {
    state: usize,
    times: u32,
    time: Duration,
}

/// The longest stays of a walk, in its order.
fn stays(graph: &Graph<'_>, costs: &Costs, walk: &Walk) -> Vec<Stay> {
    let mut stays: Vec<Stay> = Vec::new();
    let mut index_of = std::collections::HashMap::new();
    let steps = walk.edges.iter().map(|&edge| (graph.edges[edge].from, costs.edges[edge]));
    for (state, time) in steps.chain([(walk.last, costs.ends[walk.last])]).filter(|step| !step.1.is_zero()) {
        let index = *index_of.entry(state).or_insert_with(|| {
            stays.push(Stay { state, times: 0, time: Duration::ZERO });
            stays.len() - 1
        });
        stays[index].times += 1;
        stays[index].time = stays[index].time.saturating_add(time);
    }
    let mut times: Vec<Duration> = stays.iter().map(|stay| stay.time).collect();
    times.sort_unstable();
    if let Some(least) = times.len().checked_sub(MOST_MARKS).map(|index| times[index]) {
        stays.retain(|stay| stay.time >= least);
        stays.truncate(MOST_MARKS);
    }
    stays
}

/// `a → b → c`.
fn shown(graph: &Graph<'_>, start: usize, walk: &Walk) -> String {
    let name = |state: usize| graph.state(state).name.value.as_str();
    let rest = walk.edges.iter().map(|&edge| name(graph.edges[edge].to));
    let mut names: Vec<&str> = std::iter::once(name(start)).chain(rest).collect();
    if names.len() > MOST_NAMES {
        names.splice(MOST_NAMES / 2..names.len() - MOST_NAMES / 2, ["…"]);
    }
    format!("`{}`", names.join(" → "))
}

fn whole_seconds(time: Duration) -> Duration {
    Duration::from_secs(time.as_secs())
}
