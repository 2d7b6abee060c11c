//! The longest walk that a call can make through a flow, over time.
//!
//! An edge with `max_visits` is taken so often at most, one that a counter closes until it is closed, and between
//! two of those no circle is closed: how often a caller goes round for the sake of it has no bound, and is not
//! counted. Other conditions may hold or not. So every walk that is found is one that the edges allow.
//!
//! What is searched are states together with the counts of their part of the flow (states that can all be reached
//! from each other): as many as states where nothing is counted. Where counts would make too many, they are
//! followed less far, and the walk that is found is shorter than the longest.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::graph::{Bound, Graph};
use crate::source::Span;

/// The most states with counts in one part of a flow.
const MOST: usize = 5_000;
/// The most steps of a search, over all parts.
const MOST_STEPS: usize = 300_000;

/// How long each step takes.
pub(super) struct Costs {
    /// From entering a state until leaving it by this edge.
    pub edges: Vec<Duration>,
    /// From entering a state until the call ends in it.
    pub ends: Vec<Duration>,
}

/// A walk from the start.
pub(super) struct Walk {
    pub time: Duration,
    /// The edges that are taken, in order.
    pub edges: Vec<usize>,
    /// Where it ends.
    pub last: usize,
}

/// More than any walk takes; near it only for small flows. Cheap, and most flows are far below their limit.
pub(super) fn at_most(graph: &Graph<'_>, edges: &[usize], costs: &Costs) -> Duration {
    let mut longest = costs.ends.clone();
    let (mut visits, mut counters, mut closable) = (HashMap::new(), HashMap::new(), 0_u32);
    for &edge in edges {
        let of = &graph.edges[edge];
        longest[of.from] = longest[of.from].max(costs.edges[edge]);
        match of.bound {
            Bound::Visits(most) => {
                visits.insert(of.span, most);
            }
            Bound::Counter(state, most) => {
                closable += 1;
                let slot = counters.entry(state).or_insert(0_u32);
                *slot = most.max(*slot);
            }
            Bound::None => {}
        }
    }
    // A bounded edge begins a stretch without a circle. No two of them begin at the same place with the same counts.
    let counts = visits.values().chain(counters.values()).fold(1_u32, |sum, most| sum.saturating_add(*most));
    let stretches = counts.saturating_mul(closable.saturating_add(1));
    longest.iter().fold(Duration::ZERO, |sum, time| sum.saturating_add(*time)).saturating_mul(stretches)
}

/// The longest walk over these edges.
pub(super) fn longest(graph: &Graph<'_>, start: usize, edges: &[usize], costs: &Costs) -> Walk {
    let mut search = Search::new(graph, edges, costs);
    let begin = search.arrival(start);
    search.solve(begin.clone());
    let mut walk = Walk { time: Duration::ZERO, edges: Vec::new(), last: start };
    let mut at = begin;
    while let Some(Found { time, by }) = search.found.get(&at) {
        walk.time = walk.time.max(*time);
        let Some(edge) = *by else { break };
        walk.edges.push(edge);
        walk.last = graph.edges[edge].to;
        let Some(next) = search.after(&at, edge) else { break };
        at = next;
    }
    walk
}

/// A state with what has been counted on the way to it.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Place {
    state: usize,
    /// Where the stretch without a circle began.
    since: usize,
    counts: Vec<u32>,
}

/// The longest walk from a place on, and the edge with which it begins. Without an edge: the end of the call.
struct Found {
    time: Duration,
    by: Option<usize>,
}

/// States that can all be reached from each other, and what is counted there.
#[derive(Default)]
struct Part {
    counts: usize,
    edges: usize,
    /// The bounded edges: what counts, and how far.
    bounded: HashMap<usize, (usize, u32)>,
    /// The states that a counter counts, and up to where it matters.
    counted: HashMap<usize, (usize, u32)>,
    /// The edges that nothing bounds, by the state that they leave.
    open: HashMap<usize, Vec<usize>>,
}

struct Search<'g, 'd> {
    graph: &'g Graph<'d>,
    costs: &'g Costs,
    out: Vec<Vec<usize>>,
    parts: Vec<Part>,
    part_of: Vec<Option<usize>>,
    /// By the state at which a stretch begins: the edges that would close a circle.
    closing: HashMap<usize, HashSet<usize>>,
    found: HashMap<Place, Found>,
    /// So many more steps are taken; then nothing new is gone into.
    steps: usize,
}

impl<'g, 'd> Search<'g, 'd> {
    fn new(graph: &'g Graph<'d>, edges: &[usize], costs: &'g Costs) -> Self {
        let mut out = vec![Vec::new(); graph.out.len()];
        for &edge in edges {
            out[graph.edges[edge].from].push(edge);
        }
        let mut part_of = vec![None; graph.out.len()];
        let mut parts = Vec::new();
        for (index, part) in graph.parts(edges.to_vec()).iter().enumerate() {
            part.states.iter().for_each(|&state| part_of[state] = Some(index));
            parts.push(Part::new(graph, part));
        }
        let steps = MOST_STEPS;
        Self { graph, costs, out, parts, part_of, closing: HashMap::new(), found: HashMap::new(), steps }
    }

    /// A state that is entered from outside its part.
    fn arrival(&self, state: usize) -> Place {
        let counts = self.part_of[state].map_or(0, |part| self.parts[part].counts);
        let mut place = Place { state, since: state, counts: vec![0; counts] };
        self.count(&mut place);
        place
    }

    fn count(&self, place: &mut Place) {
        let Some(part) = self.part_of[place.state] else { return };
        if let Some(&(slot, most)) = self.parts[part].counted.get(&place.state) {
            place.counts[slot] = place.counts[slot].saturating_add(1).min(most);
        }
    }

    /// Where an edge leads; `None` if it is closed there.
    fn after(&mut self, at: &Place, edge: usize) -> Option<Place> {
        let to = self.graph.edges[edge].to;
        let part = match self.part_of[at.state] {
            Some(part) if self.part_of[to] == Some(part) => part,
            _ => return Some(self.arrival(to)),
        };
        let mut next = Place { state: to, since: at.since, counts: at.counts.clone() };
        if let Some(&(slot, most)) = self.parts[part].bounded.get(&edge) {
            if at.counts[slot] >= most {
                return None;
            }
            if matches!(self.graph.edges[edge].bound, Bound::Visits(_)) {
                next.counts[slot] += 1;
            }
            next.since = to;
        } else {
            if !self.closing.contains_key(&at.since) {
                self.steps = self.steps.checked_sub(self.parts[part].edges)?;
                let closing = closing(self.graph, &self.parts[part].open, at.since);
                self.closing.insert(at.since, closing);
            }
            if self.closing.get(&at.since).is_none_or(|closing| closing.contains(&edge)) {
                return None;
            }
        }
        self.count(&mut next);
        Some(next)
    }

    /// Finds the longest walk from a place on. Without recursion: a walk can be long.
    fn solve(&mut self, begin: Place) {
        let mut on_way: HashSet<Place> = HashSet::from([begin.clone()]);
        let mut stack = vec![(begin, 0)];
        while let Some((at, next)) = stack.last_mut() {
            let (here, index) = (at.clone(), *next);
            *next += 1;
            let Some(&edge) = self.out[here.state].get(index) else {
                let best = self.best(&here);
                on_way.remove(&here);
                self.found.insert(here, best);
                stack.pop();
                continue;
            };
            self.steps = self.steps.saturating_sub(1);
            let Some(to) = self.after(&here, edge).filter(|_| self.steps > 0) else { continue };
            // A counter that its own circle does not turn bounds nothing: such a circle is not closed either.
            if !self.found.contains_key(&to) && on_way.insert(to.clone()) {
                stack.push((to, 0));
            }
        }
    }

    fn best(&mut self, at: &Place) -> Found {
        let mut best = Found { time: self.costs.ends[at.state], by: None };
        for index in 0..self.out[at.state].len() {
            let edge = self.out[at.state][index];
            let Some(to) = self.after(at, edge) else { continue };
            let Some(then) = self.found.get(&to) else { continue };
            let time = self.costs.edges[edge].saturating_add(then.time);
            if time > best.time || (best.by.is_none() && time == best.time) {
                best = Found { time, by: Some(edge) };
            }
        }
        best
    }
}

impl Part {
    fn new(graph: &Graph<'_>, of: &super::cycles::Part) -> Self {
        let mut part = Self::default();
        let mut visits: HashMap<Span, usize> = HashMap::new();
        let mut sizes: Vec<u32> = Vec::new();
        let slot = |sizes: &mut Vec<u32>, most: u32| {
            sizes.push(most);
            sizes.len() - 1
        };
        for &index in &of.edges {
            let edge = &graph.edges[index];
            match edge.bound {
                // What was written once is counted once, for all states that share it.
                Bound::Visits(most) => {
                    let slot = *visits.entry(edge.span).or_insert_with(|| slot(&mut sizes, most));
                    part.bounded.insert(index, (slot, most));
                }
                Bound::Counter(name, most) => {
                    let counted = of.states.iter().copied().find(|&s| graph.state(s).name.value == name);
                    let Some(counted) = counted else {
                        part.open.entry(edge.from).or_default().push(index);
                        continue;
                    };
                    let slot = part.counted.entry(counted).or_insert_with(|| (slot(&mut sizes, most), most));
                    slot.1 = slot.1.max(most);
                    sizes[slot.0] = slot.1;
                    part.bounded.insert(index, (slot.0, most));
                }
                Bound::None => part.open.entry(edge.from).or_default().push(index),
            }
        }
        part.counts = sizes.len();
        part.edges = of.edges.len();
        part.limit(of.states.len(), &sizes);
        part
    }

    /// Counts less far where too many places would have to be looked at.
    fn limit(&mut self, states: usize, sizes: &[u32]) {
        let places = |cap: u32| {
            let counts = sizes.iter().map(|&most| most.min(cap) as usize + 1);
            counts.fold(states.saturating_mul(self.bounded.len() + 1), usize::saturating_mul)
        };
        let mut cap = sizes.iter().copied().max().unwrap_or(0);
        while cap > 0 && places(cap) > MOST {
            cap /= 2;
        }
        self.bounded.values_mut().chain(self.counted.values_mut()).for_each(|of| of.1 = of.1.min(cap));
    }
}

/// The edges that close a circle for a walk that begins at a state: those that lead back to where the search for
/// new states has come through.
fn closing(graph: &Graph<'_>, open: &HashMap<usize, Vec<usize>>, start: usize) -> HashSet<usize> {
    let mut closing = HashSet::new();
    let (mut seen, mut on_way) = (HashSet::from([start]), HashSet::from([start]));
    let mut stack = vec![(start, 0)];
    while let Some((state, next)) = stack.last_mut() {
        let (state, index) = (*state, *next);
        *next += 1;
        match open.get(&state).and_then(|edges| edges.get(index)) {
            Some(&edge) => {
                let to = graph.edges[edge].to;
                if on_way.contains(&to) {
                    closing.insert(edge);
                } else if seen.insert(to) {
                    on_way.insert(to);
                    stack.push((to, 0));
                }
            }
            None => {
                on_way.remove(&state);
                stack.pop();
            }
        }
    }
    closing
}
