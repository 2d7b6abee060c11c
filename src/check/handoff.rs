//! F043, F044: a handoff is entered only when somebody is there to take over, and leaves them a room.
//!
//! For every state it is worked out how the operator can stand when a call comes there: not reached, on the
//! line, or the caller's leg moved. Between the answer and the handoff there may be a `say` or a `choose`.

use super::graph::{Cause, Edge, Graph};
use crate::diagnostic::{Diagnostic, Rule};
use crate::flow::{Event, Handoff, HandoffMode, Kind, Plain};

/// How the operator can stand when a state is entered.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Operator {
    absent: bool,
    answered: bool,
    transferred: bool,
}

impl Operator {
    const ABSENT: Self = Self { absent: true, answered: false, transferred: false };
    const ANSWERED: Self = Self { absent: false, answered: true, transferred: false };
    const TRANSFERRED: Self = Self { absent: false, answered: false, transferred: true };

    fn or(self, other: Self) -> Self {
        Self {
            absent: self.absent || other.absent,
            answered: self.answered || other.answered,
            transferred: self.transferred || other.transferred,
        }
    }
}

pub(super) fn check(graph: &Graph<'_>, out: &mut Vec<Diagnostic>) {
    let Some(start) = graph.start else { return };
    let operator = flow(graph, start);
    let reachable = graph.reachable();
    if let Kind::Handoff(_) = graph.state(start).kind.value {
        let name = &graph.state(start).name;
        let message = format!("a call cannot begin with the handoff `{}`", name.value);
        out.push(
            Diagnostic::error(Rule::HandoffUnanswered, name.span, message)
                .help("begin with a `say`, and `dial` first"),
        );
    }
    out.extend(left_rooms(graph, &operator));
    let mut seen = std::collections::HashSet::new();
    for edge in graph.edges.iter().filter(|edge| reachable[edge.from]) {
        if !seen.insert((edge.span, edge.from)) {
            continue;
        }
        let arriving = after(graph, edge, operator[edge.from]);
        match &graph.state(edge.to).kind.value {
            Kind::Handoff(handoff) => out.extend(wrong_handoff(graph, edge, handoff, arriving)),
            Kind::Converse(_) | Kind::Confirm(_) | Kind::Collect(_) | Kind::Dial(_) => {
                out.extend(wrong_dialogue(graph, edge, arriving))
            }
            _ => {}
        }
    }
}

fn flow(graph: &Graph<'_>, start: usize) -> Vec<Operator> {
    let mut operator = vec![Operator::default(); graph.out.len()];
    operator[start] = Operator::ABSENT;
    let mut work = vec![start];
    while let Some(state) = work.pop() {
        for edge in graph.edges_of(state) {
            let merged = operator[edge.to].or(after(graph, edge, operator[state]));
            if merged != operator[edge.to] {
                operator[edge.to] = merged;
                work.push(edge.to);
            }
        }
    }
    operator
}

/// How the operator stands once an edge has been taken.
fn after(graph: &Graph<'_>, edge: &Edge<'_>, before: Operator) -> Operator {
    match (&graph.state(edge.from).kind.value, edge.cause) {
        (Kind::Dial(_), Cause::Event(Event::Plain(Plain::OperatorAnswered | Plain::OperatorAccepted))) => {
            Operator::ANSWERED
        }
        (Kind::Dial(_), Cause::Event(Event::Plain(Plain::Transferred))) => Operator::TRANSFERRED,
        // Every other way out of a `dial` stops the leg.
        (Kind::Dial(_), _) => Operator::ABSENT,
        // A dialogue with an operator on the line is reported where it begins.
        (Kind::Converse(_) | Kind::Confirm(_) | Kind::Collect(_), _) => Operator::ABSENT,
        _ => before,
    }
}

fn wrong_handoff(
    graph: &Graph<'_>,
    edge: &Edge<'_>,
    handoff: &Handoff,
    arriving: Operator,
) -> Option<Diagnostic> {
    let name = &graph.state(edge.to).name.value;
    let (message, help) = if arriving.absent {
        let help = "hand over on `answered` (after `dial_out`; with `accept:` on `accepted`) or `transferred` (after the other methods)";
        (format!("`{name}` can be entered here although nobody has answered"), help)
    } else if arriving.transferred && handoff.mode == HandoffMode::KeepRoom {
        let help = "the caller has left the room with the transfer: write `handoff: leave`";
        (format!("`{name}` keeps a room in which nobody is left"), help)
    } else {
        return None;
    };
    let error = Diagnostic::error(Rule::HandoffUnanswered, edge.span, message);
    Some(error.also(graph.state(edge.to).kind.span, "the bot leaves the conversation here").help(help))
}

/// F044, once for each handoff: where to waive it is the handoff.
fn left_rooms<'g>(
    graph: &'g Graph<'_>,
    operator: &'g [Operator],
) -> impl Iterator<Item = Diagnostic> + use<'g> {
    let reachable = graph.reachable();
    graph.document.states.iter().enumerate().filter_map(move |(index, state)| {
        let Kind::Handoff(Handoff { mode: HandoffMode::Leave, .. }) = &state.kind.value else { return None };
        let answer = graph.edges.iter().find(|edge| {
            let arriving = after(graph, edge, operator[edge.from]);
            edge.to == index && reachable[edge.from] && arriving == Operator::ANSWERED
        })?;
        let message = format!("`{}` leaves a room that is said to end with the bot", state.name.value);
        let warning = Diagnostic::warning(Rule::LeavesRoom, state.kind.span, message);
        let warning = warning.also(answer.span, "caller and operator are both in that room");
        Some(
            warning.help(
                "write `handoff: keep_room`; if something else keeps the room, waive this with `allow:`",
            ),
        )
    })
}

fn wrong_dialogue(graph: &Graph<'_>, edge: &Edge<'_>, arriving: Operator) -> Option<Diagnostic> {
    if !(arriving.answered || arriving.transferred) {
        return None;
    }
    let (state, name) = (graph.state(edge.to), &graph.state(edge.to).name.value);
    let (message, help) = if arriving.transferred {
        (
            format!("the caller has been transferred, and `{name}` would talk to nobody"),
            "lead it to `handoff: leave` or to an `end`",
        )
    } else {
        let help = "lead it to a `handoff`; a briefing of the operator (a warm transfer) is not part of the language";
        (format!("the operator is on the line, and `{name}` does not hand the call over"), help)
    };
    let error = Diagnostic::error(Rule::HandoffUnanswered, edge.span, message);
    Some(error.also(state.kind.span, "the bot goes on talking here").help(help))
}
