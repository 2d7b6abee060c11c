//! What outlives a state: the data of one call, and the view of it that a single step works on.
//! Data that is valid in one state only lives in that state.

use std::sync::Arc;
use std::time::Duration;

use super::counter::Asked;
use super::leg::Leg;
use super::speech::Speech;
use super::tools::Tools;
use super::values::Vars;
use super::{CallInfo, Effect, Millis, Outcome, Service, Timers, TransferReport};
use crate::pii::Utterance;
use crate::plan::{Event, Plan, Sensitivity, StateId};

/// A turn of the caller ends within this, or its end was lost.
pub(super) const TURN_WITHIN: Duration = Duration::from_secs(60);

/// The data of one call.
#[derive(Clone, PartialEq, Hash, Debug)]
pub(super) struct Call {
    pub info: Arc<CallInfo>,
    pub state: StateId,
    pub record: Arc<Record>,
    pub timers: Timers,
    pub vars: Vars,
    pub speech: Speech,
    pub way: Way,
    pub caller: Presence,
    /// Whether the caller is in the middle of a turn.
    pub speaking: bool,
    /// Whether the caller's speech is wanted.
    pub listening: bool,
    /// How readily they are taken to speak, and to be done.
    pub sensitivity: Sensitivity,
    /// Requests that are under way.
    pub tools: Tools,
    pub leg: Option<Leg>,
    /// Dial attempts made.
    pub attempts: u32,
    pub transfer: Option<Arc<TransferReport>>,
    /// The caller is with a person, or on the way there, and the bot is out of it.
    pub handed_off: bool,
    /// Replies that failed since the last one that did not.
    pub failed_replies: u32,
    /// A vendor that is gone for good.
    pub broken: Option<Service>,
    /// How often a service failure was acted on.
    pub service_failures: u32,
    /// `call.max_duration` has passed once.
    pub overtime: bool,
    pub outcome: Option<Outcome>,
}

/// Where a call has been. Copies of a machine share it until one of them goes on: the explorer makes many copies, and
/// most steps lead to no other state.
#[derive(Clone, PartialEq, Hash, Debug)]
pub(super) struct Record {
    /// Every state in the order entered.
    pub path: Vec<StateId>,
    /// How often each state has been entered.
    pub entered: Vec<u32>,
    /// How often each edge has been taken.
    pub taken: Vec<u32>,
    /// What states came to, in order.
    pub completed: Vec<(StateId, Event)>,
}

/// Whether the caller is there.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Presence {
    Awaited,
    Here,
    Gone,
}

/// What a state finds when it is entered: what was said on the way to it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Way {
    /// `say:` of the branch that is being taken.
    pub say: Option<Utterance>,
    /// The bot was the last to speak.
    pub spoken: bool,
    /// What the caller said last and nobody has answered yet.
    pub heard: Option<Utterance>,
}

impl Call {
    pub(super) fn new(plan: &Plan, info: CallInfo) -> Self {
        Self {
            info: Arc::new(info),
            state: plan.start,
            record: Arc::new(Record {
                path: Vec::new(),
                entered: vec![0; plan.states.len()],
                taken: vec![0; plan.edges.len()],
                completed: Vec::new(),
            }),
            timers: Timers::default(),
            vars: Vars::new(plan),
            speech: Speech::default(),
            way: Way::default(),
            caller: Presence::Awaited,
            speaking: false,
            listening: false,
            sensitivity: Sensitivity::Normal,
            tools: Tools::default(),
            leg: None,
            attempts: 0,
            transfer: None,
            handed_off: false,
            failed_replies: 0,
            broken: None,
            service_failures: 0,
            overtime: false,
            outcome: None,
        }
    }
}

impl Call {
    /// A clone in the memory that there is. Every field is named, so that a new one is not forgotten.
    pub(super) fn copy_from(&mut self, other: &Self) {
        let Self {
            info,
            state,
            record,
            timers,
            vars,
            speech,
            way,
            caller,
            speaking,
            listening,
            sensitivity,
            tools,
            leg,
            attempts,
            transfer,
            handed_off,
            failed_replies,
            broken,
            service_failures,
            overtime,
            outcome,
        } = self;
        share(info, &other.info);
        share(record, &other.record);
        timers.clone_from(&other.timers);
        vars.copy_from(&other.vars);
        speech.copy_from(&other.speech);
        way.clone_from(&other.way);
        tools.copy_from(&other.tools);
        leg.clone_from(&other.leg);
        transfer.clone_from(&other.transfer);
        (*state, *caller, *speaking, *listening) =
            (other.state, other.caller, other.speaking, other.listening);
        (*sensitivity, *attempts, *handed_off) = (other.sensitivity, other.attempts, other.handed_off);
        (*failed_replies, *broken, *service_failures) =
            (other.failed_replies, other.broken, other.service_failures);
        (*overtime, *outcome) = (other.overtime, other.outcome);
    }
}

/// Shares what another one has, unless it is shared already.
pub(super) fn share<T>(own: &mut Arc<T>, other: &Arc<T>) {
    if !Arc::ptr_eq(own, other) {
        own.clone_from(other);
    }
}

/// One step of the machine: the call, the time, and where effects go.
pub(super) struct Step<'a> {
    pub plan: &'a Plan,
    pub call: &'a mut Call,
    pub now: Millis,
    pub effects: &'a mut Vec<Effect>,
    pub asked: Asked<'a>,
    /// A state was entered in this step; it will be told, since entering cannot lead on by itself.
    pub entered: bool,
}

impl Step<'_> {
    /// To note where the call has come to.
    pub(super) fn record(&mut self) -> &mut Record {
        Arc::make_mut(&mut self.call.record)
    }

    pub(super) fn emit(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// Changes how readily the caller is taken to speak, if that is a change.
    pub(super) fn attend(&mut self, level: Sensitivity) {
        if self.call.sensitivity != level {
            self.call.sensitivity = level;
            self.emit(Effect::Sensitivity { level });
        }
    }

    /// Turns the caller's speech input on or off, if that is a change.
    pub(super) fn listen(&mut self, on: bool) {
        if self.call.listening != on {
            self.call.listening = on;
            self.call.speaking = false;
            self.emit(Effect::Listen { on });
        }
    }
}
