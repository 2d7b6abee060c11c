//! Where in the file the states and edges stand that a finding is about.

use std::collections::HashMap;

use crate::diagnostic::{Diagnostic, Rule};
use crate::explore::Finding;
use crate::flow::{Branch, Document, Kind};
use crate::plan::{Plan, StateId};
use crate::source::Span;

/// The places of a file.
pub(super) struct Places {
    start: Span,
    states: Vec<Span>,
    /// The first edge between two states, by their index.
    edges: HashMap<(usize, usize), Span>,
    /// `properties:`, wish by wish.
    wishes: Vec<Span>,
}

impl Places {
    pub(super) fn of(document: &Document) -> Self {
        let index: HashMap<_, _> =
            document.states.iter().enumerate().map(|(i, s)| (s.name.value.as_str(), i)).collect();
        let mut edges = HashMap::new();
        let mut add = |from: usize, branch: &Branch| {
            if let Some(to) = index.get(branch.to.value.as_str()) {
                edges.entry((from, *to)).or_insert(branch.to.span);
            }
        };
        for (from, state) in document.states.iter().enumerate() {
            state.on.iter().flat_map(|on| &on.branches).for_each(|branch| add(from, branch));
            if let Kind::Choose(branches) = &state.kind.value {
                branches.iter().for_each(|branch| add(from, branch));
            }
        }
        for from in 0..document.states.len() {
            document.always.iter().flat_map(|on| &on.branches).for_each(|branch| add(from, branch));
        }
        Self {
            start: document.start.as_ref().map_or_else(Span::default, |start| start.span),
            states: document.states.iter().map(|state| state.name.span).collect(),
            edges,
            wishes: document.properties.iter().map(|wish| wish.first.span).collect(),
        }
    }

    fn state(&self, state: StateId) -> Span {
        self.states.get(state.index()).copied().unwrap_or(self.start)
    }

    /// The edge that was taken last, else the state.
    pub(super) fn of_finding(&self, finding: &Finding) -> Span {
        let (from, state) = (finding.violation.from, finding.violation.state);
        match (from, state) {
            (Some(from), Some(to)) => {
                self.edges.get(&(from.index(), to.index())).copied().unwrap_or_else(|| self.state(to))
            }
            (None, Some(state)) => self.state(state),
            _ => self.start,
        }
    }

    pub(super) fn diagnostic(&self, plan: &Plan, finding: &Finding) -> Diagnostic {
        let violation = &finding.violation;
        let mut found =
            Diagnostic::error(violation.rule, self.of_finding(finding), violation.message.clone());
        if let Some(state) = violation.state {
            let name = &plan.state(state).name;
            found = found.label(match violation.from {
                Some(from) => format!("from `{}` to `{name}`", plan.state(from).name),
                None => format!("in `{name}`"),
            });
        }
        if let Some(wish) = violation.wish.and_then(|wish| self.wishes.get(wish)) {
            found = found.also(*wish, "this is to come first");
        }
        let way = format!("the shortest way there: {}", finding.trace.in_a_line(plan));
        let advice = advice(violation.rule).map(|advice| format!("{advice}; ")).unwrap_or_default();
        found.help(format!("{advice}{way}"))
    }
}

fn advice(rule: Rule) -> Option<&'static str> {
    match rule {
        Rule::LeftAlone => Some("say something first: give the `end` a sentence, or the edge a `say:`"),
        Rule::Inevitable => {
            Some("bound the circle with `max_visits`, or end the ladder of silence in an `end`")
        }
        Rule::MustPrecede => Some(
            "lead every way through the state that is to come first, and its failures past what must wait",
        ),
        _ => None,
    }
}
