//! F019, F033: no circle can be run for ever without the caller wanting it.
//!
//! A circle is bounded by an edge with `max_visits`, or by an edge whose guard counts the entries of a
//! state *on that circle*. The search leaves such edges out and looks for circles in what remains.

use std::collections::{BTreeSet, HashMap, VecDeque};

use super::graph::{Bound, Cause, Edge, Graph};
use crate::diagnostic::{Diagnostic, Rule};
use crate::flow::{Event, Kind, Plain};

/// Steps of the search; entangled counters could double it with each state.
const BUDGET: u32 = 2_000;

pub(super) fn check(graph: &Graph<'_>, out: &mut Vec<Diagnostic>) {
    let is_dial = |&state: &usize| matches!(graph.state(state).kind.value, Kind::Dial(_) | Kind::CallApi(_));
    // The engine itself bounds what happens when services fail or the call runs out of time.
    let ordinary: Vec<usize> = (0..graph.edges.len()).filter(|&e| !graph.edges[e].is_abnormal()).collect();
    let mut search = Search { graph, budget: BUDGET };
    // Dialling in a circle costs money and rings somebody's phone, and requests load a server: that the caller
    // wishes it is no bound.
    let dialling = search.circles(ordinary.clone(), &|part| part.iter().any(is_dial));
    for part in &dialling {
        let Some(circle) = graph.circle(part, part.states.iter().copied().find(is_dial)) else {
            continue;
        };
        let dials =
            circle.iter().any(|&e| matches!(graph.state(graph.edges[e].from).kind.value, Kind::Dial(_)));
        let what = if dials { "dial" } else { "call a tool" };
        let message = format!("{} can {what} again and again, without a bound", graph.shown(&circle));
        let help =
            "give an edge of the circle `max_visits: 2`, and put a branch behind it for what comes then";
        out.push(Diagnostic::error(Rule::Unbounded, graph.edges[circle[0]].span, message).help(help));
    }
    let uncaused = ordinary.into_iter().filter(|&e| !graph.edges[e].is_callers()).collect();
    for part in search.circles(uncaused, &|states| !states.iter().any(is_dial)) {
        let Some(circle) = graph.circle(&part, None) else { continue };
        let (rule, what) = match circle.iter().any(|&edge| graph.edges[edge].waits()) {
            true => (Rule::Unbounded, "can go round for ever without the caller doing anything"),
            false => (Rule::Livelock, "goes round for ever: nothing from outside is waited for"),
        };
        let message = format!("{} {what}", graph.shown(&circle));
        let help =
            "bound an edge of the circle with `max_visits`, or let the caller decide whether it goes on";
        out.push(Diagnostic::error(rule, graph.edges[circle[0]].span, message).help(help));
    }
}

/// States that can all be reached from each other over these edges.
pub(super) struct Part {
    pub states: BTreeSet<usize>,
    pub edges: Vec<usize>,
}

struct Search<'g, 'd> {
    graph: &'g Graph<'d>,
    budget: u32,
}

impl Search<'_, '_> {
    /// Parts of the graph with a circle that nothing bounds.
    fn circles(&mut self, edges: Vec<usize>, wanted: &dyn Fn(&BTreeSet<usize>) -> bool) -> Vec<Part> {
        let open =
            edges.into_iter().filter(|&e| !matches!(self.graph.edges[e].bound, Bound::Visits(_))).collect();
        let parts = self.graph.parts(open);
        parts.into_iter().filter_map(|part| self.unbounded(part, wanted)).collect()
    }

    /// A circle is bounded by the counter of a state if it visits that state and takes an edge that the
    /// counter closes. So the others are looked for: those without such an edge, and those without the
    /// state.
    fn unbounded(&mut self, part: Part, wanted: &dyn Fn(&BTreeSet<usize>) -> bool) -> Option<Part> {
        if !wanted(&part.states) {
            return None;
        }
        let counters = |&edge: &usize| match self.graph.edges[edge].bound {
            Bound::Counter(name, _) => {
                part.states.iter().copied().find(|&s| self.graph.state(s).name.value == name)
            }
            _ => None,
        };
        let Some(counted) = part.edges.iter().find_map(counters) else { return Some(part) };
        let Some(left) = self.budget.checked_sub(1) else { return Some(part) };
        self.budget = left;
        let name = self.graph.state(counted).name.value.as_str();
        let without_edges = part
            .edges
            .iter()
            .copied()
            .filter(|&e| !matches!(self.graph.edges[e].bound, Bound::Counter(of, _) if of == name));
        let without_state = part.edges.iter().copied().filter(|&e| {
            let edge = &self.graph.edges[e];
            edge.from != counted && edge.to != counted
        });
        let remaining = [without_edges.collect(), without_state.collect()];
        let parts = remaining.into_iter().flat_map(|edges| self.graph.parts(edges)).collect::<Vec<_>>();
        parts.into_iter().find_map(|part| self.unbounded(part, wanted))
    }
}

impl Edge<'_> {
    /// Whether only the caller can take it.
    fn is_callers(&self) -> bool {
        match self.cause {
            Cause::Event(Event::Intent(_) | Event::CallerDtmf(_)) => true,
            Cause::Event(Event::Plain(event)) => {
                matches!(event, Plain::Accepted | Plain::Declined | Plain::Filled | Plain::CallerInterrupted)
            }
            _ => false,
        }
    }

    /// Whether something from outside, if only time, must pass before it is taken.
    fn waits(&self) -> bool {
        match self.cause {
            Cause::Choice => false,
            Cause::Event(Event::Plain(event)) => {
                !matches!(event, Plain::Said | Plain::Failed | Plain::Otherwise)
            }
            Cause::Silence | Cause::Event(_) => true,
        }
    }
}

impl Graph<'_> {
    /// The strongly connected parts over some edges that hold a circle (Kosaraju's two passes).
    pub(super) fn parts(&self, edges: Vec<usize>) -> Vec<Part> {
        let mut out: HashMap<usize, Vec<usize>> = HashMap::new();
        let mut into: HashMap<usize, Vec<usize>> = HashMap::new();
        for &edge in &edges {
            let edge = &self.edges[edge];
            out.entry(edge.from).or_default().push(edge.to);
            into.entry(edge.to).or_default().push(edge.from);
        }
        let states: BTreeSet<usize> = edges.iter().map(|&edge| self.edges[edge].from).collect();
        let mut seen = BTreeSet::new();
        let mut order = Vec::new();
        for &state in &states {
            post_order(state, &out, &mut seen, &mut order);
        }
        let mut part_of = HashMap::new();
        let mut seen = BTreeSet::new();
        for (part, &state) in order.iter().rev().enumerate() {
            let mut members = Vec::new();
            post_order(state, &into, &mut seen, &mut members);
            part_of.extend(members.into_iter().map(|member| (member, part)));
        }
        let mut parts: HashMap<usize, Part> = HashMap::new();
        for edge in edges {
            let Edge { from, to, .. } = self.edges[edge];
            if part_of.get(&from) == part_of.get(&to)
                && let Some(&id) = part_of.get(&from)
            {
                let part =
                    parts.entry(id).or_insert_with(|| Part { states: BTreeSet::new(), edges: Vec::new() });
                part.states.extend([from, to]);
                part.edges.push(edge);
            }
        }
        let mut parts: Vec<_> = parts.into_values().collect();
        parts.sort_by_key(|part| part.states.first().copied());
        parts
    }

    /// A shortest circle of a part, as edges, through a state or its first one.
    fn circle(&self, part: &Part, through: Option<usize>) -> Option<Vec<usize>> {
        let start = through.or_else(|| part.states.first().copied())?;
        let mut came: HashMap<usize, usize> = HashMap::new();
        let mut work = VecDeque::from([start]);
        while let Some(state) = work.pop_front() {
            for &edge in part.edges.iter().filter(|&&edge| self.edges[edge].from == state) {
                let to = self.edges[edge].to;
                if came.contains_key(&to) {
                    continue;
                }
                came.insert(to, edge);
                if to == start {
                    return Some(self.traced(start, &came));
                }
                work.push_back(to);
            }
        }
        None
    }

    fn traced(&self, start: usize, came: &HashMap<usize, usize>) -> Vec<usize> {
        let mut circle = Vec::new();
        let mut state = start;
        while let Some(&edge) = came.get(&state) {
            circle.push(edge);
            state = self.edges[edge].from;
            if state == start {
                break;
            }
        }
        circle.reverse();
        circle
    }

    /// `a → b → a`, for a message.
    fn shown(&self, circle: &[usize]) -> String {
        let name = |state: usize| self.state(state).name.value.as_str();
        let mut names: Vec<_> = circle.iter().map(|&edge| name(self.edges[edge].from)).collect();
        names.extend(circle.last().map(|&edge| name(self.edges[edge].to)));
        format!("`{}`", names.join(" → "))
    }
}

/// States in the order in which a walk over `next` leaves them; no recursion, flows can be long.
fn post_order(
    start: usize,
    next: &HashMap<usize, Vec<usize>>,
    seen: &mut BTreeSet<usize>,
    order: &mut Vec<usize>,
) {
    if !seen.insert(start) {
        return;
    }
    let mut stack = vec![(start, 0)];
    while let Some((state, index)) = stack.pop() {
        match next.get(&state).and_then(|to| to.get(index)) {
            Some(&to) => {
                stack.push((state, index + 1));
                if seen.insert(to) {
                    stack.push((to, 0));
                }
            }
            None => order.push(state),
        }
    }
}
