//! A call on a virtual clock: the machine, and a world around it that does what is plausible.
//!
//! Left alone, sentences are heard to their end, the model answers as the offline stand-in does, a phone that
//! is dialled rings and is not picked up, and a leg that is stopped is gone. What is different, a script or a
//! fault says. There is no network, no tokio and no clock: time is a number.

mod enact;
mod legs;
mod story;

use std::sync::Arc;
use std::time::Duration;

use crate::machine::{CallInfo, Input, Machine, Millis, ProposedCall, Service, Timer, ToolCallId};
use crate::pii::{PhoneNumber, Utterance};
use crate::plan::{IntentId, Plan, StateId, TargetId, ToolId};

use super::document::Command;
use super::faults::Fault;
use super::model::Played;
use super::rules::Rulebook;
use crate::explore::Situation;
pub(super) use legs::cause;
pub use legs::{Leg, LegStage};
pub use story::{Line, Who, tell};

/// Monday 5 January 2026, 10:00 in New York: when a call begins that does not say.
pub const DEFAULT_AT: i64 = 1_767_625_200;
/// Inputs of one call. A call that needs more goes in circles.
const MOST_INPUTS: usize = 20_000;

/// A call and everything around it. A clone goes its own way.
#[derive(Clone)]
pub struct World {
    plan: Arc<Plan>,
    machine: Machine,
    now: Millis,
    pending: Vec<Pending>,
    sequence: u64,
    inputs: usize,
    legs: Vec<Leg>,
    pub(super) gone: bool,
    pub(super) faults: Vec<Fault>,
    pub(super) rules: Rulebook,
    story: Vec<Line>,
    tally: Tally,
    meant: Option<Meant>,
    failing_reply: Option<Service>,
    /// The tool that the model will want in its next reply.
    wanted: Option<ProposedCall>,
    /// Requests of tools that are under way.
    requests: Vec<Request>,
    /// What the machine was told, if it is recorded.
    told: Option<Vec<(Millis, Input)>>,
    info: CallInfo,
    /// The model, if a real one is asked.
    pub(super) played: Option<Played>,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("now", &self.now).field("state", &self.state_name()).finish()
    }
}

/// Something that will happen unless something else comes first.
#[derive(Clone, Debug)]
struct Pending {
    at: Millis,
    sequence: u64,
    input: Input,
    /// It is the end of something that sounds.
    sounds: bool,
}

/// What the caller will have meant with their next words.
#[derive(Clone, Debug)]
struct Meant {
    intent: IntentId,
    slots: Vec<(String, Utterance)>,
}

/// A request of a tool that is under way.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its id.
    pub call: ToolCallId,
    /// The tool.
    pub tool: ToolId,
    /// When its time is up.
    pub until: Millis,
    /// The state that asked.
    state: StateId,
}

/// What was commanded so far.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    counts: Vec<(Command, u32)>,
    /// Everybody who was dialled, in order.
    pub dialled: Vec<TargetId>,
    /// Everybody whose leg was stopped, in order.
    pub stopped: Vec<TargetId>,
    /// How attempts of each state ended, in order.
    pub transfers: Vec<(StateId, crate::machine::LegOutcome)>,
    /// What came of tools that were asked, by state: whether they answered well.
    pub tools: Vec<(StateId, bool)>,
}

impl Tally {
    /// How often a command was given.
    #[must_use]
    pub fn count(&self, command: Command) -> u32 {
        self.counts.iter().find(|(known, _)| *known == command).map_or(0, |(_, count)| *count)
    }

    fn add(&mut self, command: Command) {
        match self.counts.iter_mut().find(|(known, _)| *known == command) {
            Some((_, count)) => *count += 1,
            None => self.counts.push((command, 1)),
        }
    }
}

/// Who calls whom, and when.
#[derive(Clone, Debug, Default)]
pub struct Circumstances {
    /// When it is, in seconds since 1970.
    pub at: Option<i64>,
    /// The caller's number; `Some(None)` if it is withheld.
    pub from: Option<Option<PhoneNumber>>,
    /// The number called.
    pub to: Option<PhoneNumber>,
}

impl World {
    /// A call that has not begun. [`World::begin`] begins it.
    #[must_use]
    pub fn new(plan: Arc<Plan>, given: &Circumstances, faults: Vec<Fault>) -> Self {
        let number = |text| PhoneNumber::parse(text).ok();
        let info = CallInfo {
            id: "scenario".into(),
            from: given.from.clone().unwrap_or_else(|| number("+15550100199")),
            to: given.to.clone().or_else(|| number("+15550100100")),
            started_at: super::faults::begins_at(&plan, &faults, given.at.unwrap_or(DEFAULT_AT)),
        };
        Self {
            machine: Machine::new(Arc::clone(&plan), info.clone()),
            info,
            rules: Rulebook::default(),
            plan,
            now: Millis(0),
            pending: Vec::new(),
            sequence: 0,
            inputs: 0,
            legs: Vec::new(),
            gone: false,
            faults,
            story: Vec::new(),
            tally: Tally::default(),
            meant: None,
            failing_reply: None,
            wanted: None,
            requests: Vec::new(),
            told: None,
            played: None,
        }
    }

    /// The bot is in the room.
    pub fn begin(&mut self) {
        super::faults::before(self);
        self.deliver(Input::Start);
        super::faults::after_start(self);
    }

    /// Records what the machine is told from here on. To be called before [`World::begin`].
    pub fn record(&mut self) {
        self.told = Some(Vec::new());
    }

    /// The call so far, if it was recorded.
    #[must_use]
    pub fn so_far(&self) -> Option<Situation> {
        Some(Situation { info: self.info.clone(), inputs: self.told.clone()?, now: self.now })
    }

    /// The machine.
    #[must_use]
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// The flow.
    #[must_use]
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// The time since the call began.
    #[must_use]
    pub fn now(&self) -> Millis {
        self.now
    }

    /// What was commanded.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// What happened, in order.
    #[must_use]
    pub fn story(&self) -> &[Line] {
        &self.story
    }

    /// Rules of the call plane that were broken.
    #[must_use]
    pub fn broken_rules(&self) -> &[String] {
        self.rules.broken()
    }

    /// The name of the state that the call is in, or was in last.
    #[must_use]
    pub fn state_name(&self) -> &str {
        &self.plan.state(self.machine.state()).name
    }

    /// Names of the states entered, in order.
    pub fn path(&self) -> impl Iterator<Item = &str> {
        self.machine.path().iter().map(|id| &*self.plan.state(*id).name)
    }

    /// Whether something is being spoken, or about to be.
    #[must_use]
    pub fn is_sounding(&self) -> bool {
        self.pending.iter().any(|pending| pending.sounds)
    }

    /// Whether nothing will happen but by a clock, a person or a script.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.machine.is_over() || self.pending.is_empty()
    }

    /// Whether the call has taken more inputs than any call does.
    #[must_use]
    pub fn is_exhausted(&self) -> bool {
        self.inputs >= MOST_INPUTS
    }

    /// What the caller will have meant with their next words, whatever the words.
    pub fn mean(&mut self, intent: IntentId, slots: Vec<(String, Utterance)>) {
        self.meant = Some(Meant { intent, slots });
    }

    /// Whether what the caller meant is still to be understood.
    #[must_use]
    pub fn is_misunderstood(&self) -> bool {
        self.meant.is_some()
    }

    /// What the model will want with its next reply, whatever it is told.
    pub fn want_tool(&mut self, call: ProposedCall) {
        self.wanted = Some(call);
    }

    /// Whether it still is to want it.
    #[must_use]
    pub fn wants_tool(&self) -> bool {
        self.wanted.is_some()
    }

    /// Requests of tools that are under way.
    #[must_use]
    pub fn requests(&self) -> &[Request] {
        &self.requests
    }

    /// How many there have been.
    #[must_use]
    pub fn requested(&self) -> u32 {
        self.tally.count(Command::CallTool)
    }

    /// When a request is answered by itself, if it is.
    #[must_use]
    pub fn answer_of(&self, call: ToolCallId) -> Option<Millis> {
        let is_answer =
            |pending: &&Pending| matches!(pending.input, Input::ToolDone { call: done, .. } if done == call);
        self.pending.iter().find(is_answer).map(|pending| pending.at)
    }

    /// A request is not answered by itself.
    pub fn forget_answer(&mut self, call: ToolCallId) {
        self.pending
            .retain(|pending| !matches!(pending.input, Input::ToolDone { call: done, .. } if done == call));
    }

    /// Has the next reply of the model fail.
    pub fn fail_reply(&mut self, service: Service) {
        self.failing_reply = Some(service);
    }

    /// Whether a reply is still to fail.
    #[must_use]
    pub fn awaits_reply(&self) -> bool {
        self.failing_reply.is_some()
    }

    /// The sentences that are being spoken or wait to be.
    pub(super) fn sentences(&self) -> impl Iterator<Item = crate::machine::UtteranceId> {
        self.pending.iter().filter_map(|pending| match pending.input {
            Input::Said { utterance, .. } => Some(utterance),
            _ => None,
        })
    }

    /// Has something happen now. Deadlines that have passed come first.
    pub fn deliver(&mut self, input: Input) {
        if self.is_exhausted() || super::faults::is_prevented(self, &input) {
            return;
        }
        self.inputs += 1;
        self.note_input(&input);
        if let (Some(played), Input::TurnEnded { text }) = (&mut self.played, &input) {
            played.caller_said(text);
        }
        let answered = self.answered(&input);
        self.observe(&input);
        if let Some(told) = &mut self.told {
            told.push((self.now, input.clone()));
        }
        let mut effects = Vec::new();
        let witness = self.watch(&input);
        self.machine.handle(self.now, input, &mut effects);
        self.check_step(&witness, &effects);
        let mut late = answered.and_then(|attempt| Some((attempt, self.taken_late_at(attempt, &effects)?)));
        for (index, effect) in effects.into_iter().enumerate() {
            if let Some((attempt, _)) = late.take_if(|(_, at)| *at == index) {
                self.take_after_all(attempt);
            }
            self.enact(effect);
        }
        self.note_transfer();
    }

    /// The call may last no longer than so many milliseconds from now.
    pub(super) fn time_is_up(&mut self, ms: u64) {
        self.machine.move_deadline(Timer::MaxDuration, Millis(self.now.0 + ms));
    }

    /// Has something happen later.
    pub(super) fn later(&mut self, ms: u64, input: Input) {
        self.schedule(Millis(self.now.0 + ms), input, false);
    }

    fn schedule(&mut self, at: Millis, input: Input, sounds: bool) {
        self.sequence += 1;
        self.pending.push(Pending { at, sequence: self.sequence, input, sounds });
    }

    /// The next thing that happens by itself: what is pending, or a deadline of the machine.
    #[must_use]
    pub fn next_event(&self) -> Option<Millis> {
        let deadline = self.machine.next_deadline().map(|(at, _)| at);
        let pending = self.pending.iter().map(|pending| pending.at).min();
        [deadline, pending].into_iter().flatten().min()
    }

    /// Lets the next thing happen; false if nothing will.
    pub fn step(&mut self) -> bool {
        if self.machine.is_over() || self.is_exhausted() {
            return false;
        }
        let Some(at) = self.next_event() else { return false };
        self.now = self.now.max(at);
        let first = (0..self.pending.len())
            .filter(|index| self.pending[*index].at <= self.now)
            .min_by_key(|index| (self.pending[*index].at, self.pending[*index].sequence));
        match first {
            Some(index) => {
                let pending = self.pending.remove(index);
                self.deliver(pending.input);
            }
            None => self.deliver(Input::Timeout),
        }
        true
    }

    /// Lets time pass until a moment, and everything happen by itself that happens until then.
    pub fn pass_until(&mut self, moment: Millis) {
        while self.next_event().is_some_and(|at| at <= moment) && self.step() {}
        self.now = self.now.max(moment);
    }

    /// Lets so much time pass.
    pub fn pass(&mut self, time: Duration) {
        self.pass_until(self.now.after(time));
    }

    /// Lets time pass until something is so; false if it does not come to that in this much time.
    pub fn pass_while(&mut self, patience: Duration, not_yet: impl Fn(&Self) -> bool) -> bool {
        let limit = self.now.after(patience);
        while not_yet(self) {
            let soon_enough = self.next_event().is_some_and(|at| at <= limit);
            if !soon_enough || !self.step() {
                return false;
            }
        }
        true
    }

    /// Lets everything finish that has begun: sentences, replies, what phones do by themselves.
    pub fn settle(&mut self) {
        self.pass_while(Duration::from_secs(600), |world| !world.is_settled());
    }

    /// Lets time alone end the call; false if it does not.
    pub fn run_to_its_end(&mut self) -> bool {
        while self.step() {}
        self.machine.is_over()
    }
}
