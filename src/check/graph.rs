//! The flow as a graph: every way from state to state, with what takes it.

use super::events;
use super::scope::Scope;
use super::walk;
use crate::flow::guard::{Expr, ExprKind, Op};
use crate::flow::{Branch, Document, Event, Kind, Literal, On, Plain, State};
use crate::source::Span;

/// All ways of a flow. States are indices into the document's list.
#[derive(Debug)]
pub(super) struct Graph<'d> {
    pub document: &'d Document,
    pub start: Option<usize>,
    pub edges: Vec<Edge<'d>>,
    /// The edges of each state, the flow-wide ones included.
    pub out: Vec<Vec<usize>>,
    /// Some way could not be read or names a state that does not exist: what follows from the ways that
    /// are known may be wrong.
    pub has_gaps: bool,
}

/// One way.
#[derive(Debug)]
pub(super) struct Edge<'d> {
    pub from: usize,
    pub to: usize,
    pub cause: Cause<'d>,
    /// What it was written as; absent for the end of a silence ladder.
    pub branch: Option<&'d Branch>,
    /// What keeps it from being taken for ever.
    pub bound: Bound<'d>,
    /// The name of the state it leads to.
    pub span: Span,
}

/// What takes an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause<'d> {
    /// An event.
    Event(&'d Event),
    /// A `choose`.
    Choice,
    /// The end of a silence ladder.
    Silence,
}

/// What keeps an edge from being taken for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound<'d> {
    /// Nothing.
    None,
    /// `max_visits`.
    Visits(u32),
    /// A guard that fails once this state has been entered so often.
    Counter(&'d str, u32),
}

impl<'d> Graph<'d> {
    pub(super) fn new(document: &'d Document, scope: &Scope<'d>) -> Self {
        let start = document.start.as_ref().and_then(|name| scope.states.meant(&name.value));
        let has_gaps = document.has_gaps || start.is_none();
        let mut graph = Self { document, start, edges: Vec::new(), out: Vec::new(), has_gaps };
        for (from, state) in document.states.iter().enumerate() {
            graph.out.push(Vec::new());
            graph.add_list(scope, from, Cause::Choice, walk::kind_branches(&state.kind.value));
            for on in state.on.iter().filter(|on| leads_on(document, scope, state, on)) {
                graph.add_list(scope, from, Cause::Event(&on.event.value), &on.branches);
            }
            for on in document.always.iter().filter(|on| inherits(document, state, &on.event.value)) {
                graph.add_list(scope, from, Cause::Event(&on.event.value), &on.branches);
            }
            if let Kind::Converse(converse) = &state.kind.value {
                for to in converse.silence.iter().flatten().filter_map(|rung| rung.to.as_ref()) {
                    graph.add(scope, from, &to.value, to.span, Cause::Silence, None, Bound::None);
                }
            }
        }
        graph
    }

    fn add_list(&mut self, scope: &Scope<'d>, from: usize, cause: Cause<'d>, branches: &'d [Branch]) {
        for (index, branch) in branches.iter().enumerate() {
            let bound = bound(branch, &branches[..index]);
            self.add(scope, from, &branch.to.value, branch.to.span, cause, Some(branch), bound);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of one edge, in one place")]
    fn add(
        &mut self,
        scope: &Scope<'d>,
        from: usize,
        to: &str,
        span: Span,
        cause: Cause<'d>,
        branch: Option<&'d Branch>,
        bound: Bound<'d>,
    ) {
        match scope.states.meant(to) {
            Some(to) => {
                self.out[from].push(self.edges.len());
                self.edges.push(Edge { from, to, cause, branch, bound, span });
            }
            None => self.has_gaps = true,
        }
    }

    pub(super) fn state(&self, index: usize) -> &'d State {
        &self.document.states[index]
    }

    pub(super) fn edges_of(&self, state: usize) -> impl Iterator<Item = &Edge<'d>> {
        self.out[state].iter().map(|&edge| &self.edges[edge])
    }

    /// Which states a call can come to.
    pub(super) fn reachable(&self) -> Vec<bool> {
        let mut seen = vec![false; self.document.states.len()];
        let mut work: Vec<usize> = self.start.into_iter().collect();
        while let Some(state) = work.pop() {
            if !std::mem::replace(&mut seen[state], true) {
                work.extend(self.edges_of(state).map(|edge| edge.to));
            }
        }
        seen
    }
}

impl Edge<'_> {
    /// Whether the event is the end of a call that nobody planned.
    pub(super) fn is_abnormal(&self) -> bool {
        let abnormal = [
            Plain::CallerLeft,
            Plain::MaxDuration,
            Plain::ServiceFailed,
            Plain::RoomExpiring,
            Plain::Shutdown,
        ];
        matches!(self.cause, Cause::Event(Event::Plain(event)) if abnormal.contains(event))
    }
}

/// Nothing leads on from a final state, except from a handoff to an end; what is written otherwise has been
/// reported and must not cause further findings.
fn leads_on(document: &Document, scope: &Scope<'_>, state: &State, on: &On) -> bool {
    let is_end = |branch: &Branch| {
        let to = scope.states.meant(&branch.to.value);
        to.is_some_and(|to| matches!(document.states[to].kind.value, Kind::End(_)))
    };
    match &state.kind.value {
        Kind::End(_) => false,
        Kind::Handoff(_) => on.branches.iter().all(is_end),
        _ => true,
    }
}

/// Whether a flow-wide edge can be taken in a state: its own edges of the same event come first, and their
/// last one is always open.
fn inherits(document: &Document, state: &State, event: &Event) -> bool {
    events::refusal(document, state, event).is_none() && !state.on.iter().any(|on| on.event.value == *event)
}

fn bound<'d>(branch: &'d Branch, earlier: &'d [Branch]) -> Bound<'d> {
    if let Some(most) = &branch.max_visits {
        return Bound::Visits(most.value);
    }
    // The edge is closed once the counter is high: by its own guard, or because an earlier one then takes it.
    let own = branch.guard.iter().flat_map(Expr::conjuncts).find_map(|part| counter(part, false));
    let taken_earlier = |earlier: &'d Branch| {
        let open = earlier.max_visits.is_none();
        open.then(|| earlier.guard.iter().flat_map(Expr::disjuncts).find_map(|part| counter(part, true)))?
    };
    let found = own.or_else(|| earlier.iter().find_map(taken_earlier));
    found.map_or(Bound::None, |(state, most)| Bound::Counter(state, most))
}

/// The state whose count decides a comparison, which holds for all high counts (`high`) or fails for all of
/// them; and from which count on.
fn counter(expr: &Expr, high: bool) -> Option<(&str, u32)> {
    if let ExprKind::Not(inner) = &expr.kind {
        return counter(inner, !high);
    }
    let ExprKind::Binary(op, a, b) = &expr.kind else { return None };
    let (state, op, count) = match (&a.kind, &b.kind) {
        (ExprKind::Attempts(state), ExprKind::Literal(Literal::Number(count))) => (state, *op, *count),
        (ExprKind::Literal(Literal::Number(count)), ExprKind::Attempts(state)) => {
            (state, mirrored(*op), *count)
        }
        _ => return None,
    };
    let decides = match op {
        Op::Ge | Op::Gt | Op::Ne => high,
        Op::Lt | Op::Le | Op::Eq => !high,
        _ => false,
    };
    // A whole number at which it is decided; fractions and what no call counts to are rounded.
    let from = match op {
        Op::Ge | Op::Lt => count.ceil(),
        _ => (count.floor() + 1.0).max(0.0),
    };
    decides.then_some((&state.value, from.clamp(0.0, 1e6) as u32))
}

fn mirrored(op: Op) -> Op {
    match op {
        Op::Lt => Op::Gt,
        Op::Le => Op::Ge,
        Op::Gt => Op::Lt,
        Op::Ge => Op::Le,
        other => other,
    }
}
