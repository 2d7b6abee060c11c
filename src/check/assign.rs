//! F020: a template uses a variable only where every way has given it a value.
//!
//! A variable has a value if it has a default, if a `set:` has passed on every way here, or if a guard on the
//! way found it set. A slot gives no certainty: models leave out even what they must fill in, and digits or
//! the matcher take an intent without slots. The slots of a `collect` that was `filled` have theirs. Guards themselves cope with variables that have no value.

use std::collections::HashMap;

use super::graph::{Cause, Edge, Graph};
use super::{tools, walk};
use crate::diagnostic::{Diagnostic, Rule};
use crate::flow::guard::{Expr, ExprKind};
use crate::flow::{Assignment, Document, Event, Kind, Plain, Template};

/// Which variables have a value, one bit each.
#[derive(Clone, PartialEq, Eq)]
struct Known(Vec<u64>);

impl Known {
    fn add(&mut self, var: usize) {
        self.0[var / 64] |= 1 << (var % 64);
    }

    fn has(&self, var: usize) -> bool {
        self.0[var / 64] & (1 << (var % 64)) != 0
    }

    /// Keeps what both have; whether anything was lost.
    fn meet(&mut self, other: &Self) -> bool {
        let mut changed = false;
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            changed |= *mine & !theirs != 0;
            *mine &= theirs;
        }
        changed
    }
}

pub(super) fn check(graph: &Graph<'_>, out: &mut Vec<Diagnostic>) {
    let rule = Assigned::new(graph.document);
    if rule.tracked.is_empty() {
        return;
    }
    let Some(start) = graph.start else { return };
    let entered = rule.flow(graph, start);
    for (index, known) in entered.iter().enumerate() {
        let Some(known) = known else { continue };
        let state = graph.state(index);
        let mut known = known.clone();
        rule.sets(&state.set, &mut known, out);
        for (_, template) in walk::kind_templates(&state.kind.value) {
            rule.uses(template, &known, out);
        }
        rule.arguments(graph, index, &known, out);
        for edge in graph.edges_of(index) {
            rule.leave(graph, edge, known.clone(), Some(out));
        }
    }
    // One text can be reached over several edges (`always:`, `next:`).
    let mut seen = std::collections::HashSet::new();
    out.retain(|d| d.id != Rule::Unset || seen.insert(d.primary.span));
}

struct Assigned<'d> {
    /// Variables without a default, with their bit.
    tracked: HashMap<&'d str, usize>,
}

impl<'d> Assigned<'d> {
    fn new(document: &'d Document) -> Self {
        let without = document.vars.iter().filter(|var| var.default.is_none());
        Self { tracked: without.enumerate().map(|(bit, var)| (var.name.value.as_str(), bit)).collect() }
    }

    /// What is known on entering each state; `None` for states that are never entered.
    fn flow(&self, graph: &Graph<'_>, start: usize) -> Vec<Option<Known>> {
        let mut entered: Vec<Option<Known>> = vec![None; graph.out.len()];
        entered[start] = Some(Known(vec![0; self.tracked.len().div_ceil(64)]));
        let mut work = std::collections::VecDeque::from([start]);
        while let Some(state) = work.pop_front() {
            let Some(mut known) = entered[state].clone() else { continue };
            self.sets(&graph.state(state).set, &mut known, &mut Vec::new());
            for edge in graph.edges_of(state) {
                let left = self.leave(graph, edge, known.clone(), None);
                let changed = match &mut entered[edge.to] {
                    Some(before) => before.meet(&left),
                    slot => {
                        *slot = Some(left);
                        true
                    }
                };
                if changed {
                    work.push_back(edge.to);
                }
            }
        }
        entered
    }

    /// What is known after an edge has been taken.
    fn leave(
        &self,
        graph: &Graph<'_>,
        edge: &Edge<'_>,
        mut known: Known,
        mut out: Option<&mut Vec<Diagnostic>>,
    ) -> Known {
        if let (Kind::Collect(collect), Cause::Event(Event::Plain(Plain::Filled))) =
            (&graph.state(edge.from).kind.value, edge.cause)
        {
            collect.slots.iter().for_each(|slot| self.learn(&slot.name.value, &mut known));
        }
        // What is to be saved and is not there is no `ok`.
        if let Kind::CallApi(api) = &graph.state(edge.from).kind.value
            && edge.cause == Cause::Event(&Event::Plain(Plain::Ok))
        {
            api.save.iter().for_each(|saved| self.learn(&saved.var.value, &mut known));
        }
        let Some(branch) = edge.branch else { return known };
        for part in branch.guard.iter().flat_map(Expr::conjuncts) {
            if let ExprKind::IsSet(name) = &part.kind {
                self.learn(&name.value, &mut known);
            }
        }
        let mut findings = Vec::new();
        self.sets(&branch.set, &mut known, &mut findings);
        if let Some(say) = &branch.say {
            self.uses(say, &known, &mut findings);
        }
        if let Some(out) = &mut out {
            out.append(&mut findings);
        }
        known
    }

    /// The variables that a tool's parameters take by name.
    fn arguments(&self, graph: &Graph<'_>, state: usize, known: &Known, out: &mut Vec<Diagnostic>) {
        let Kind::CallApi(api) = &graph.state(state).kind.value else { return };
        let Some(name) = &api.tool else { return };
        let Some(tool) = graph.document.tools.iter().find(|tool| tool.name.value == name.value) else {
            return;
        };
        for param in tools::implicit(tool, api).filter(|param| !param.optional).map(|param| &param.name) {
            if self.tracked.get(param.value.as_str()).is_some_and(|&bit| !known.has(bit)) {
                let message =
                    format!("`{}` needs `{}`, which may have no value here", name.value, param.value);
                let help = format!(
                    "give it a `default:` under `vars:`, `set:` it on every way here, ask whether `{} is set`, or make the parameter optional",
                    param.value
                );
                let error = Diagnostic::error(Rule::Unset, name.span, message);
                out.push(error.also(param.span, "the parameter").help(help));
            }
        }
    }

    fn learn(&self, name: &str, known: &mut Known) {
        if let Some(&bit) = self.tracked.get(name) {
            known.add(bit);
        }
    }

    fn sets(&self, set: &[Assignment], known: &mut Known, out: &mut Vec<Diagnostic>) {
        for assignment in set {
            self.uses(&assignment.value, known, out);
            self.learn(&assignment.var.value, known);
        }
    }

    fn uses(&self, template: &Template, known: &Known, out: &mut Vec<Diagnostic>) {
        for used in template.names.iter().filter(|name| !name.optional) {
            if self.tracked.get(used.name.as_str()).is_some_and(|&bit| !known.has(bit)) {
                let message = format!("`{}` may have no value here", used.name);
                let help = format!(
                    "give it a `default:` under `vars:`, `set:` it on every way here, or write `{{{{ {} | default('…') }}}}`",
                    used.name
                );
                out.push(Diagnostic::error(Rule::Unset, used.span, message).help(help));
            }
        }
    }
}
