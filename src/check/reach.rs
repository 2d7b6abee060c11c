//! F015, F016: every state can be reached, and from every state an end can.

use super::graph::Graph;
use crate::diagnostic::{Diagnostic, Rule};

pub(super) fn check(graph: &Graph<'_>, out: &mut Vec<Diagnostic>) {
    let reachable = graph.reachable();
    for (index, _) in reachable.iter().enumerate().filter(|(_, reachable)| !**reachable) {
        let name = &graph.state(index).name;
        let message = format!("no way leads to `{}`", name.value);
        let help = "let an edge of another state lead to it, or remove it";
        out.push(Diagnostic::error(Rule::Unreachable, name.span, message).help(help));
    }
    no_end(graph, &reachable, out);
}

fn no_end(graph: &Graph<'_>, reachable: &[bool], out: &mut Vec<Diagnostic>) {
    let ends = ends_reachable(graph);
    let stuck: Vec<_> = (0..reachable.len()).filter(|&s| reachable[s] && !ends[s]).collect();
    let Some(&first) = stuck.first() else { return };
    let names: Vec<_> = stuck.iter().map(|&s| graph.state(s).name.value.as_str()).collect();
    let message = format!("no way leads from {} to an end", super::listed(&names));
    let mut error = Diagnostic::error(Rule::NoEnd, graph.state(first).name.span, message);
    /// More marks than this hide what they show.
    const MOST: usize = 4;
    for &other in stuck.iter().skip(1).take(MOST) {
        error = error.also(graph.state(other).name.span, "nor from here");
    }
    out.push(error.help("let one of them lead to an `end` or a `handoff`"));
}

/// From which states a final state can be reached in the ordinary course of a call.
fn ends_reachable(graph: &Graph<'_>) -> Vec<bool> {
    let mut into: Vec<Vec<usize>> = vec![Vec::new(); graph.out.len()];
    for edge in graph.edges.iter().filter(|edge| !edge.is_abnormal()) {
        into[edge.to].push(edge.from);
    }
    let is_final = |state: &usize| graph.state(*state).kind.value.is_final();
    let mut work: Vec<usize> = (0..graph.out.len()).filter(is_final).collect();
    let mut seen = vec![false; graph.out.len()];
    while let Some(state) = work.pop() {
        if !std::mem::replace(&mut seen[state], true) {
            work.extend(&into[state]);
        }
    }
    seen
}
