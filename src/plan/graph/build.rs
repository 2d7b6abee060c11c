//! From a plan to what is drawn.

use super::{Graph, Link, Mark, Node, Shape, Tone};
use crate::flow::show_duration;
use crate::plan::{Branch, Dial, DialMethod, DialRetry, EdgeId, Event, Kind, On, Plan, State, StateId, Text};

/// Longest text of a caption, in characters.
const CAPTION: usize = 34;

/// Node of the call's beginning; the states follow it.
const START: usize = 0;

impl Graph {
    /// What is to be drawn of a flow; `defaults` adds what the engine does by itself.
    #[must_use]
    pub fn of(plan: &Plan, defaults: bool) -> Self {
        let mut nodes = vec![Node::new("", "", Shape::Start)];
        nodes.extend(plan.states.iter().map(|state| node(plan, state)));
        let graph = Self { name: plan.name.to_string(), nodes, links: Vec::new(), traced: false, sums: None };
        let mut builder = Builder { plan, graph };
        builder.link(START, at(plan.start), Label::default(), Tone::Normal, None);
        for (index, state) in plan.states.iter().enumerate() {
            builder.state(index + 1, state);
        }
        builder.flow_wide(defaults);
        if defaults {
            builder.defaults();
        }
        builder.graph
    }
}

/// The node of a state.
pub(super) fn at(state: StateId) -> usize {
    state.index() + 1
}

impl Node {
    fn new(name: &str, caption: &str, shape: Shape) -> Self {
        Self { name: name.to_owned(), caption: caption.to_owned(), shape, visits: 0, mark: Mark::Uncounted }
    }
}

fn node(plan: &Plan, state: &State) -> Node {
    let (shape, caption) = match &state.kind {
        Kind::Say(say) => (Shape::Say, quoted(&say.text)),
        Kind::Converse(_) => (Shape::Converse, "conversation".to_owned()),
        Kind::Confirm(confirm) => (Shape::Confirm, quoted(&confirm.question)),
        Kind::Collect(collect) => (Shape::Collect, quoted(&collect.ask)),
        Kind::Choose(_) => (Shape::Choose, String::new()),
        Kind::CallApi(api) => (Shape::CallApi, format!("asks {}", plan.tool(api.tool).name)),
        Kind::Dial(dial) => (Shape::Dial, dialled(plan, dial)),
        Kind::Handoff(_) => (Shape::Handoff, "caller and operator talk".to_owned()),
        Kind::End(end) => (Shape::End, end.say.as_ref().map_or_else(|| "hangs up".to_owned(), quoted)),
    };
    Node::new(&state.name, &caption, shape)
}

fn dialled(plan: &Plan, dial: &Dial) -> String {
    let names: Vec<_> = dial.targets.iter().map(|target| &*plan.target(*target).name).collect();
    let verb = match dial.method {
        DialMethod::DialOut => "rings",
        DialMethod::SipTransfer => "moves the call to",
        DialMethod::SipRefer => "refers the call to",
    };
    short(&format!("{verb} {}", names.join(", then ")))
}

fn quoted(text: &Text) -> String {
    format!("“{}”", short(text.source()))
}

fn short(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(CAPTION) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text,
    }
}

/// A label, and the edges that it stands for.
#[derive(Default)]
struct Label {
    text: String,
    edges: Vec<EdgeId>,
}

impl Label {
    fn of(text: String, edge: EdgeId) -> Self {
        Self { text, edges: vec![edge] }
    }
}

impl From<String> for Label {
    /// Of what the engine adds.
    fn from(text: String) -> Self {
        Self { text, edges: Vec::new() }
    }
}

impl Link {
    fn new(from: usize, to: usize, tone: Tone) -> Self {
        let (labels, edges, marks, says) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { from, to, labels, edges, marks, tone, says, visits: 0 }
    }
}

struct Builder<'p> {
    plan: &'p Plan,
    graph: Graph,
}

impl Builder<'_> {
    /// Adds an edge to the link of these two nodes. What fails has a link of its own beside what works out.
    fn link(&mut self, from: usize, to: usize, label: Label, tone: Tone, say: Option<&Text>) {
        let links = &mut self.graph.links;
        let known = links.iter().position(|link| (link.from, link.to, link.tone) == (from, to, tone));
        let at = known.unwrap_or_else(|| {
            links.push(Link::new(from, to, tone));
            links.len() - 1
        });
        let link = &mut links[at];
        if !label.text.is_empty() {
            link.labels.push(label.text);
            link.edges.push(label.edges);
        }
        link.says.extend(say.map(|say| say.source().trim().to_owned()));
    }

    fn state(&mut self, from: usize, state: &State) {
        let next = next(state);
        if let Some((to, edges)) = next.clone() {
            self.link(from, at(to), Label { text: "next".to_owned(), edges }, Tone::Normal, None);
        }
        for on in
            state.on.iter().filter(|on| next.is_none() || !matches!(on.event, Event::Said | Event::Failed))
        {
            for branch in &on.branches {
                let label = Label::of(self.label(on, branch, Some(state)), branch.edge);
                self.link(from, at(branch.to), label, tone(on.event), branch.say.as_ref());
            }
        }
        match &state.kind {
            Kind::Choose(choose) => {
                for choice in &choose.choices {
                    let label = match &choice.guard {
                        Some(guard) => format!("if {}", self.plan.guard_text(guard)),
                        None => "else".to_owned(),
                    };
                    self.link(from, at(choice.to), Label::of(label, choice.edge), Tone::Normal, None);
                }
            }
            Kind::Converse(converse) => {
                if let Some((edge, to)) = converse.silence.then {
                    let label = Label::of(silence(&converse.silence.steps), edge);
                    self.link(from, at(to), label, Tone::Failure, None);
                }
            }
            _ => {}
        }
    }

    fn label(&self, on: &On, branch: &Branch, state: Option<&State>) -> String {
        let mut label = self.plan.event_text(on.event);
        if let Some(rest) = label.strip_prefix("operator.")
            && matches!(state.map(|s| &s.kind), Some(Kind::Dial(_)))
        {
            label = rest.to_owned();
        }
        if let Some(after) = self.after(on.event, state) {
            label = format!("{label} {after}");
        }
        if let Some(guard) = &branch.guard {
            label = format!("{label} if {}", self.plan.guard_text(guard));
        }
        if let Some(most) = branch.max_visits {
            label = format!("{label} ({most}× at most)");
        }
        label
    }

    /// The time after which an event happens by itself.
    fn after(&self, event: Event, state: Option<&State>) -> Option<String> {
        match event {
            Event::MaxDuration => Some(show_duration(self.plan.call.max_duration)),
            Event::Timeout => state?.timeout.map(show_duration),
            _ => waits(event, state?),
        }
    }

    fn flow_wide(&mut self, defaults: bool) {
        if self.plan.always.is_empty() && !defaults {
            return;
        }
        let anywhere = self.add("any state", "", Shape::Anywhere);
        let plan = self.plan;
        for on in &plan.always {
            for branch in &on.branches {
                let label = Label::of(self.label(on, branch, None), branch.edge);
                self.link(anywhere, at(branch.to), label, tone(on.event), branch.say.as_ref());
            }
        }
    }

    /// What the engine does where the flow says nothing.
    fn defaults(&mut self) {
        let plan = self.plan;
        let anywhere = self.graph.nodes.len() - 1;
        let ended = self.add("the call ends", "", Shape::Ended);
        let max = show_duration(plan.call.max_duration);
        let added = [
            (Event::CallerLeft, "caller.left".to_owned()),
            (Event::ServiceFailed, "service.failed: an apology".to_owned()),
            (Event::MaxDuration, format!("call.max_duration {max}")),
        ];
        for (event, label) in added {
            if !plan.always.iter().any(|on| on.event == event) {
                self.link(anywhere, ended, label.into(), Tone::Default, None);
            }
        }
        for (index, state) in plan.states.iter().enumerate() {
            match &state.kind {
                Kind::Converse(converse) if converse.silence.then.is_none() => {
                    let label = silence(&converse.silence.steps);
                    self.link(index + 1, ended, label.into(), Tone::Default, None);
                }
                Kind::Handoff(handoff) => {
                    if !state.on.iter().any(|on| on.event == Event::OperatorLeft) {
                        let label = "operator.left".to_owned();
                        self.link(index + 1, ended, label.into(), Tone::Default, None);
                    }
                    let max = format!("max {}", show_duration(handoff.max));
                    self.link(index + 1, ended, max.into(), Tone::Default, None);
                }
                _ => {}
            }
        }
    }

    fn add(&mut self, name: &str, caption: &str, shape: Shape) -> usize {
        self.graph.nodes.push(Node::new(name, caption, shape));
        self.graph.nodes.len() - 1
    }
}

/// Where `next:` leads: to one place, whether it was said or not.
fn next(state: &State) -> Option<(StateId, Vec<EdgeId>)> {
    let to = |event: Event| match state.on.iter().find(|on| on.event == event)?.branches.as_slice() {
        [Branch { edge, to, guard: None, max_visits: None, say: None, .. }] => Some((*edge, *to)),
        _ => None,
    };
    let ((said, there), (failed, where_else)) = (to(Event::Said)?, to(Event::Failed)?);
    (there == where_else).then(|| (there, vec![said, failed]))
}

/// How long the command of a state waits before it comes to this event. `otherwise` stands for the event that has
/// no edge of its own.
fn waits(event: Event, state: &State) -> Option<String> {
    let is_taken =
        |own: Event| event == own || event == Event::Otherwise && !state.on.iter().any(|on| on.event == own);
    let (tries, each) = match &state.kind {
        Kind::Dial(dial) if dial.method == DialMethod::DialOut => {
            let ring = show_duration(dial.ring);
            return match event {
                Event::OperatorNoAnswer => Some(ring),
                Event::TargetsExhausted => Some(format!("· ring {}", times(rings(dial), &ring))),
                // Whatever else may have happened, the phone has not rung for longer.
                Event::Otherwise
                    if is_taken(Event::OperatorNoAnswer) && is_taken(Event::TargetsExhausted) =>
                {
                    Some(format!("· ring {}", times(rings(dial), &ring)))
                }
                _ => None,
            };
        }
        Kind::Confirm(confirm) if is_taken(Event::Exhausted) => (confirm.tries, confirm.answer_within),
        Kind::Collect(collect) if is_taken(Event::Exhausted) => (collect.tries, collect.answer_within),
        Kind::CallApi(api) if is_taken(Event::Failed) => (attempts(api.retry.as_ref()), api.timeout),
        _ => return None,
    };
    Some(times(tries, &show_duration(each)))
}

/// How many calls a `dial` makes at most.
fn rings(dial: &Dial) -> u32 {
    let targets = u32::try_from(dial.targets.len()).unwrap_or(u32::MAX);
    targets.saturating_mul(attempts(dial.retry.as_ref()))
}

fn attempts(retry: Option<&DialRetry>) -> u32 {
    retry.map_or(1, |retry| retry.times.saturating_add(1))
}

fn times(count: u32, each: &str) -> String {
    if count == 1 { each.to_owned() } else { format!("{count} × {each}") }
}

fn silence(steps: &[crate::plan::SilenceStep]) -> String {
    let whole = steps.iter().map(|step| step.after).sum();
    format!("silent {}", show_duration(whole))
}

/// Whether an event is one that nobody hoped for.
fn tone(event: Event) -> Tone {
    match event {
        Event::Failed
        | Event::Exhausted
        | Event::OperatorNoAnswer
        | Event::OperatorBusy
        | Event::OperatorRejected
        | Event::OperatorUnreachable
        | Event::OperatorVoicemail
        | Event::OperatorFailed
        | Event::TargetsExhausted
        | Event::Otherwise
        | Event::Timeout
        | Event::MaxDuration
        | Event::ServiceFailed
        | Event::RoomExpiring
        | Event::Shutdown
        | Event::CallerSilent(_) => Tone::Failure,
        Event::CallerJoined
        | Event::CallerLeft
        | Event::CallerDtmf(_)
        | Event::CallerInterrupted
        | Event::Intent(_)
        | Event::Said
        | Event::Accepted
        | Event::Declined
        | Event::Filled
        | Event::Ok
        | Event::OperatorRinging
        | Event::OperatorAnswered
        | Event::OperatorAccepted
        | Event::OperatorLeft
        | Event::Transferred => Tone::Normal,
    }
}
