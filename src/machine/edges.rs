//! Which way out a state takes, and what happens on the way.

use super::bridged::Bridged;
use super::call::Step;
use super::collecting::Collecting;
use super::confirming::Confirming;
use super::conversing::Conversing;
use super::counter::Counter;
use super::dialing::Dialing;
use super::ending::Ending;
use super::requesting::Requesting;
use super::saying::Saying;
use super::speech::Manner;
use super::states::State;
use super::{Effect, Outcome, Timer};
use crate::pii::Utterance;
use crate::plan::{Branch, EdgeId, Event, Kind, Plan, Sensitivity, StateId};

/// Service failures that a call survives if its flow deals with them; then it ends.
const SERVICE_FAILURES: u32 = 3;
/// Completions that are noted in a call.
const MOST_NOTED: usize = 4096;
/// Said when the flow does not deal with a failed service.
pub const APOLOGY: &str = "I'm sorry, something went wrong on our side. Please call again later.";

impl<'a> Step<'a> {
    /// The branch that an event takes: of the state's own edges, then of the flow's, the first that is
    /// neither guarded off nor used up.
    pub(super) fn edge(&self, event: Event) -> Option<&'a Branch> {
        self.branches(event).find(|branch| self.is_open(branch))
    }

    /// Whether [`Step::edge`] finds one. Counts are not asked for if they make no difference.
    pub(super) fn has_edge(&self, event: Event) -> bool {
        self.branches(event).any(|branch| branch.max_visits.is_none() && self.is_open(branch))
            || self.edge(event).is_some()
    }

    fn branches(&self, event: Event) -> impl Iterator<Item = &'a Branch> + use<'a> {
        let plan = self.plan;
        let all = plan.state(self.call.state).on.iter().chain(&plan.always);
        all.filter(move |on| on.event == event).flat_map(|on| &on.branches)
    }

    fn is_open(&self, branch: &Branch) -> bool {
        branch.guard.as_ref().is_none_or(|guard| guard.is_true(self))
            && branch.max_visits.is_none_or(|most| self.taken(branch.edge) < most)
    }

    /// How often an edge was taken.
    fn taken(&self, edge: EdgeId) -> u32 {
        self.asks(Counter::Taken(edge));
        self.call.record.taken.get(edge.index()).copied().unwrap_or(0)
    }

    /// The caller began to speak: the bot is cut, if it may be, and the flow may have a way out for that.
    pub(super) fn interrupt(&mut self) -> Option<&'a Branch> {
        if self.barge_in() { self.edge(Event::CallerInterrupted) } else { None }
    }

    /// Takes a branch. Its sentence is said once the present state has been left.
    pub(super) fn take(&mut self, branch: &Branch) -> State {
        self.count(branch.edge);
        self.assign(&branch.set);
        self.call.way.say = branch.say.as_ref().and_then(|say| self.sentence(say).ok());
        State::of(self.plan, branch.to)
    }

    /// Takes a branch if there is one.
    pub(super) fn follow(&mut self, branch: Option<&Branch>) -> statig::Outcome<State> {
        branch.map_or(statig::Outcome::Handled, |branch| statig::Outcome::Transition(self.take(branch)))
    }

    /// Keeps what the caller says for the `converse` that may follow.
    pub(super) fn keep(&mut self, text: &Utterance) {
        if !text.is_blank() {
            self.call.way.heard = Some(text.clone());
        }
    }

    /// Takes an edge that has nothing but a target.
    pub(super) fn take_plain(&mut self, edge: EdgeId, to: StateId) -> State {
        self.count(edge);
        State::of(self.plan, to)
    }

    /// Notes that an edge was taken.
    pub(super) fn count(&mut self, edge: EdgeId) {
        if let Some(taken) = self.record().taken.get_mut(edge.index()) {
            *taken += 1;
        }
    }

    /// Notes what the present state came to, whichever edge that takes. A call that goes in circles for hours must not
    /// hold more and more: what it comes to after so much is not noted.
    pub(super) fn note(&mut self, event: Event) {
        if self.call.record.completed.len() < MOST_NOTED {
            let state = self.call.state;
            self.record().completed.push((state, event));
        }
    }

    /// Leaves a state by the completion of its command: the first of these events that has an edge, else
    /// `otherwise`. A flow without a way out (the checker lets none through) is a failed service.
    pub(super) fn complete(&mut self, events: &[Event]) -> State {
        let named = events.iter().find_map(|event| Some((*event, self.edge(*event)?)));
        let event = named.map(|(event, _)| event).or(events.first().copied());
        event.into_iter().for_each(|event| self.note(event));
        match named.map(|(_, branch)| branch).or_else(|| self.edge(Event::Otherwise)) {
            Some(branch) => self.take(branch),
            None => self.fail(),
        }
    }

    /// A service that the state needs is gone: `service.failed`, else an apology and the end.
    pub(super) fn fail(&mut self) -> State {
        self.call.service_failures += 1;
        let branch = self.edge(Event::ServiceFailed);
        match branch {
            Some(branch) if self.call.service_failures <= SERVICE_FAILURES => self.take(branch),
            // Without a voice, too: the apology is rendered while there is one, and is refused if there never was.
            _ => State::from(Ending::engine(Some(APOLOGY), Outcome::Failed)),
        }
    }

    /// What entering any state of the flow has in common.
    pub(super) fn arrive(&mut self, id: StateId) {
        let state = self.plan.state(id);
        if let Some(text) = self.call.way.say.take() {
            self.say(text, Manner::Whole);
            self.call.way.spoken = true;
            self.call.way.heard = None;
        }
        self.call.state = id;
        self.record().path.push(id);
        if let Some(entered) = self.record().entered.get_mut(id.index()) {
            *entered += 1;
        }
        self.emit(Effect::Enter { state: id });
        self.attend(match &state.kind {
            Kind::Converse(converse) => converse.sensitivity,
            _ => Sensitivity::Normal,
        });
        self.assign(&state.set);
        self.call.timers.set(Timer::State, state.timeout.map(|timeout| self.now.after(timeout)));
        self.entered = true;
    }

    /// What leaving any state of the dialogue has in common.
    pub(super) fn depart(&mut self) {
        self.call.timers.clear_state();
        self.cancel_live_reply();
    }
}

impl State {
    /// The state that does what a state of the flow says.
    pub(super) fn of(plan: &Plan, id: StateId) -> Self {
        match &plan.state(id).kind {
            Kind::Say(_) => Self::Saying { saying: Saying::new(id) },
            Kind::Converse(_) => Self::Conversing { conversing: Conversing::new(id) },
            Kind::Confirm(_) => Self::Confirming { confirming: Confirming::new(id) },
            Kind::Collect(_) => Self::Collecting { collecting: Collecting::new(id) },
            Kind::Choose(_) => Self::Choosing { place: id },
            Kind::CallApi(_) => Self::Requesting { requesting: Requesting::new(id) },
            Kind::Dial(_) => Self::Dialing { dialing: Dialing::new(id) },
            Kind::Handoff(_) => Self::Bridged { bridged: Bridged::new(id) },
            Kind::End(_) => Self::from(Ending::of_flow(id)),
        }
    }
}
