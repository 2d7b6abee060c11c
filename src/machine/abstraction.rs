//! What the explorer needs to see of a machine and nobody else: its timers, and which of its configurations
//! are the same.
//!
//! Two configurations count as the same if they differ only in what cannot be told apart later, or in what
//! this module hides on purpose: absolute times, ids (only their order is kept), the path and the record,
//! what was said (only whether), counters past the last value that anything compares them with, and variables
//! that no guard reads (only whether they are set). `docs/explorer.md` says what that leaves out. Nothing here
//! changes what a machine does, except [`Machine::move_deadline`], which no call uses.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};

use twox_hash::XxHash3_128;

use super::call::{Call, Record};
use super::dialing::ATTEMPTS;
use super::leg::Leg;
use super::speech::Speech;
use super::states::State;
use super::{Counter, Machine, Millis, Timer, UtteranceId};
use crate::plan::{Event, Expr, HoursId, Kind, On, Op, Plan, Text, Value};

/// A counter that is compared with something else than a number counts up to here.
const UNKNOWN_BOUND: u32 = 20;
/// Counts of one counter that are tried one by one.
const MOST_COUNTS: usize = 8;

/// How far counters and variables of a flow matter: the values that its guards and bounds compare them with.
#[derive(Debug, Clone)]
pub struct Bounds {
    entered: Vec<u32>,
    taken: Vec<u32>,
    vars: Vec<VarBound>,
    hours: Vec<HoursId>,
    /// Some edge waits for the caller's silence, so that it matters how long it has lasted.
    silent: bool,
    /// Counts matter.
    counting: bool,
}

/// What of a variable matters.
#[derive(Debug, Clone, Copy, PartialEq)]
enum VarBound {
    /// Whether it is set.
    Set,
    /// Its value; a number only within these limits.
    Value(f64, f64),
}

impl Bounds {
    /// Reads them from a flow.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let mut bounds = Self {
            entered: vec![0; plan.states.len()],
            taken: vec![0; plan.edges.len()],
            vars: vec![VarBound::Set; plan.vars.len()],
            hours: Vec::new(),
            silent: false,
            counting: true,
        };
        for on in plan.states.iter().flat_map(|state| &state.on).chain(&plan.always) {
            bounds.silent |= matches!(on.event, Event::CallerSilent(_));
            for branch in &on.branches {
                if let (Some(most), Some(bound)) =
                    (branch.max_visits, bounds.taken.get_mut(branch.edge.index()))
                {
                    *bound = most;
                }
            }
        }
        for guard in guards(plan) {
            bounds.read(guard);
        }
        bounds.read_assignments(plan);
        bounds.read_texts(plan);
        bounds
    }

    /// The same, but for what was counted: configurations that differ in nothing else are one.
    #[must_use]
    pub fn without_counts(&self) -> Self {
        Self { counting: false, ..self.clone() }
    }

    /// Whether what was counted matters.
    #[must_use]
    pub fn counting(&self) -> bool {
        self.counting
    }

    /// Counts beyond `from` that stand for all that a step can tell from it, and that is more than one time counted;
    /// `None` if they are too many to be tried.
    #[must_use]
    pub fn counts(&self, counter: Counter, from: u32) -> Option<Vec<u32>> {
        let bound = |bounds: &[u32], index: usize| bounds.get(index).copied().unwrap_or(0);
        let counts: Vec<u32> = match counter {
            // What counts is whether it may be taken, and whether it may be once more.
            Counter::Taken(edge) => {
                let most = bound(&self.taken, edge.index());
                vec![most.saturating_sub(1), most]
            }
            Counter::Entered(state) => (0..=bound(&self.entered, state.index())).collect(),
            Counter::FailedReplies => vec![1],
            Counter::Attempts => vec![ATTEMPTS],
        };
        let counts: Vec<u32> = counts.into_iter().filter(|count| *count > from).collect();
        (counts.len() <= MOST_COUNTS).then_some(counts)
    }

    /// The opening hours that some guard asks for.
    #[must_use]
    pub fn hours(&self) -> &[HoursId] {
        &self.hours
    }

    fn read(&mut self, guard: &Expr) {
        match guard {
            Expr::Binary(op, left, right) => {
                self.read(left);
                self.read(right);
                if !matches!(op, Op::And | Op::Or) {
                    self.compare(left, right);
                    self.compare(right, left);
                }
            }
            Expr::Not(inner) => self.read(inner),
            Expr::Within(hours) if !self.hours.contains(hours) => self.hours.push(*hours),
            Expr::Var(var) => self.widen(var.index(), None),
            Expr::Attempts(state) => {
                if let Some(bound) = self.entered.get_mut(state.index()) {
                    *bound = (*bound).max(1);
                }
            }
            Expr::Literal(_)
            | Expr::Within(_)
            | Expr::IsSet(_)
            | Expr::CallFrom
            | Expr::CallTo
            | Expr::FromIsSet
            | Expr::ToIsSet => {}
        }
    }

    fn compare(&mut self, left: &Expr, right: &Expr) {
        let number = match right {
            Expr::Literal(Value::Number(number)) => Some(*number),
            _ => None,
        };
        match left {
            Expr::Var(var) => self.widen(var.index(), number),
            Expr::Attempts(state) => {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
                let most = number.map_or(UNKNOWN_BOUND, |n| n.clamp(0.0, 10_000.0).ceil() as u32 + 1);
                if let Some(bound) = self.entered.get_mut(state.index()) {
                    *bound = (*bound).max(most);
                }
            }
            _ => {}
        }
    }

    fn widen(&mut self, var: usize, number: Option<f64>) {
        let Some(bound) = self.vars.get_mut(var) else { return };
        let (low, high) = match *bound {
            VarBound::Set => (f64::INFINITY, f64::NEG_INFINITY),
            VarBound::Value(low, high) => (low, high),
        };
        *bound = match number {
            Some(n) => VarBound::Value(low.min(n - 1.0), high.max(n + 1.0)),
            None => VarBound::Value(low, high),
        };
    }

    /// Of what a text names, the value matters.
    fn widen_named(&mut self, text: &Text, plan: &Plan) {
        for (index, var) in plan.vars.iter().enumerate() {
            if text.source().contains(&*var.name) && self.vars[index] == VarBound::Set {
                self.widen(index, None);
            }
        }
    }

    /// A text in which more is done with a variable than to write it down may fail by its value, or come out empty; so may
    /// one in which there is nothing else.
    fn read_texts(&mut self, plan: &Plan) {
        for text in texts(plan).filter(|text| !text.always_says_something()) {
            self.widen_named(text, plan);
        }
    }

    /// What another variable may be computed from matters with its value.
    fn read_assignments(&mut self, plan: &Plan) {
        let branches = plan.states.iter().flat_map(|state| &state.on).chain(&plan.always);
        let of_branches = branches.flat_map(|on| &on.branches).flat_map(|branch| &branch.set);
        let sets: Vec<_> = of_branches.chain(plan.states.iter().flat_map(|state| &state.set)).collect();
        for (_, text) in sets.iter().filter(|(_, text)| !text.is_fixed()) {
            self.widen_named(text, plan);
        }
    }
}

/// Every text that a state or an edge says or asks with. No wildcard: a new kind of state names its own.
fn texts(plan: &Plan) -> impl Iterator<Item = &Text> {
    let of_states = plan.states.iter().flat_map(|state| match &state.kind {
        Kind::Say(say) => vec![&say.text],
        Kind::Converse(converse) => {
            let ladder = converse.silence.steps.iter().filter_map(|step| step.say.as_ref());
            [&converse.prompt, &converse.fill].into_iter().chain(ladder).collect()
        }
        Kind::Confirm(confirm) => vec![&confirm.question],
        Kind::Collect(collect) => collect.slots.iter().map(|slot| &slot.ask).chain([&collect.ask]).collect(),
        Kind::CallApi(api) => api.fill.iter().collect(),
        Kind::Dial(dial) => {
            let question = dial.accept.as_ref().map(|accept| &accept.question);
            dial.announce.iter().chain(question).chain(dial.hold.say.as_ref().map(|(say, _)| say)).collect()
        }
        Kind::End(end) => end.say.iter().collect(),
        Kind::Choose(_) | Kind::Handoff(_) => Vec::new(),
    });
    let ons = plan.states.iter().flat_map(|state| &state.on).chain(&plan.always);
    of_states.chain(ons.flat_map(|on| &on.branches).filter_map(|branch| branch.say.as_ref()))
}

fn guards(plan: &Plan) -> impl Iterator<Item = &Expr> {
    let ons = plan.states.iter().flat_map(|state| &state.on).chain(&plan.always);
    let of_edges = ons.flat_map(|on: &On| &on.branches).filter_map(|branch| branch.guard.as_ref());
    let of_choices = plan.states.iter().filter_map(|state| match &state.kind {
        Kind::Choose(choose) => Some(&choose.choices),
        _ => None,
    });
    of_edges.chain(of_choices.flatten().filter_map(|choice| choice.guard.as_ref()))
}

/// Collects what a fingerprint is taken of, and hashes it at once: hashing many small parts takes several times longer.
#[derive(Debug, Default)]
pub struct Parts {
    bytes: Vec<u8>,
    /// What is open in a minute, by the minute since 1970: to ask a time zone takes longer than all else.
    open: HashMap<i64, Vec<bool>>,
}

impl Parts {
    /// Forgets all parts, and keeps the memory. Between fingerprints of different flows another one is to be made.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    /// 128 bits that are the same for the same parts, and for others differ except by an accident that is not to be
    /// expected in the life of the universe.
    #[must_use]
    pub fn fingerprint(&self) -> u128 {
        XxHash3_128::oneshot(&self.bytes)
    }
}

impl Hasher for Parts {
    fn finish(&self) -> u64 {
        #[expect(clippy::cast_possible_truncation, reason = "half of a hash is a hash")]
        {
            self.fingerprint() as u64
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }
}

/// Collects what makes a configuration what it is.
pub(super) struct Fold<'a> {
    parts: &'a mut Parts,
    now: Millis,
    speech: &'a Speech,
    silent: bool,
}

impl Hasher for Fold<'_> {
    fn finish(&self) -> u64 {
        self.parts.finish()
    }

    fn write(&mut self, bytes: &[u8]) {
        self.parts.write(bytes);
    }
}

impl Fold<'_> {
    /// A sentence by its place among those that are still to be heard.
    pub(super) fn sentence(&mut self, id: Option<UtteranceId>) {
        (id.is_some(), id.and_then(|id| self.speech.place_of(id))).hash(self);
    }

    /// How long something has lasted, if any edge asks for it.
    pub(super) fn since(&mut self, since: Option<Millis>) {
        since.map(|since| if self.silent { self.now.0.saturating_sub(since.0) } else { 0 }).hash(self);
    }
}

impl Machine {
    /// Every timer that is armed, and when it is due, the earliest first.
    #[must_use]
    pub fn armed(&self) -> Vec<(Millis, Timer)> {
        self.call().timers.armed()
    }

    /// Whether a timer is armed.
    #[must_use]
    pub fn is_armed(&self, timer: Timer) -> bool {
        self.call().timers.is_armed(timer)
    }

    /// Moves a deadline, if the timer is armed. For explorers: no call does this.
    pub fn move_deadline(&mut self, timer: Timer, at: Millis) {
        self.call_mut().timers.move_to(timer, at);
    }

    /// Adds the parts that are the same for configurations that count as the same, and differ for others.
    pub fn fold(&self, now: Millis, bounds: &Bounds, parts: &mut Parts) {
        let call = self.call();
        let mut fold = Fold { parts, now, speech: &call.speech, silent: bounds.silent };
        // The last words lead nowhere but to the end: what a flow decides by does not matter any more.
        let ends = matches!(self.kind(), State::Ending { .. } | State::Over { .. });
        fold_call(call, bounds, ends, &mut fold);
        self.fold_hours(now, bounds, &mut fold);
        fold_state(self.kind(), &mut fold);
    }

    /// Which of the opening hours in question it is within.
    fn fold_hours(&self, now: Millis, bounds: &Bounds, fold: &mut Fold<'_>) {
        let elapsed = i64::try_from(now.0 / 1000).unwrap_or(i64::MAX);
        let at = self.call().info.started_at.saturating_add(elapsed);
        if bounds.hours.is_empty() {
            return;
        }
        // Opening hours begin and end with a minute, in every time zone of today.
        let Parts { bytes, open } = &mut *fold.parts;
        let open = open.entry(at.div_euclid(60)).or_insert_with(|| {
            let hours = bounds.hours.iter().filter_map(|hours| self.plan().hours.get(hours.index()));
            hours.map(|hours| hours.is_open(at)).collect()
        });
        bytes.extend(open.iter().map(|open| u8::from(*open)));
    }
}

/// Every field is named, so that a new one asks whether it matters.
fn fold_call(call: &Call, bounds: &Bounds, ends: bool, fold: &mut Fold<'_>) {
    let Call {
        info,
        state,
        record,
        timers,
        vars,
        speech,
        tools,
        way,
        caller,
        speaking,
        listening,
        // The states say it, and nothing asks for it.
        sensitivity: _,
        leg,
        attempts,
        transfer: _,
        handed_off,
        failed_replies,
        broken,
        service_failures,
        overtime,
        outcome,
    } = call;
    let Record { path: _, completed: _, entered, taken } = &**record;
    timers.kinds().hash(fold);
    speech.fold(fold);
    tools.fold(fold);
    (caller, handed_off, outcome, leg.is_some()).hash(fold);
    if let Some(Leg { attempt: _, gated, stage, picked_up_at, .. }) = leg {
        (gated, stage, picked_up_at.is_some()).hash(fold);
    }
    if ends {
        return;
    }
    (&info.from, &info.to, state).hash(fold);
    for (value, bound) in vars.values().zip(&bounds.vars) {
        fold_var(value, *bound, fold);
    }
    if bounds.counting {
        let saturated = entered.iter().zip(&bounds.entered).chain(taken.iter().zip(&bounds.taken));
        for (count, bound) in saturated.filter(|(_, bound)| **bound > 0) {
            count.min(bound).hash(fold);
        }
        ((*failed_replies).min(2), *attempts >= ATTEMPTS).hash(fold);
    }
    (way.say.is_some(), way.spoken, way.heard.is_some()).hash(fold);
    (speaking, listening, overtime).hash(fold);
    // Which service it is is all one.
    (broken.is_some(), (*service_failures).min(4)).hash(fold);
}

fn fold_var(value: Option<&Value>, bound: VarBound, fold: &mut Fold<'_>) {
    value.is_some().hash(fold);
    match (value, bound) {
        (Some(Value::Number(number)), VarBound::Value(low, high)) if low <= high => {
            number.clamp(low, high).to_bits().hash(fold);
        }
        (Some(value), VarBound::Value(..)) => super::values::hash_value(Some(value), fold),
        _ => {}
    }
}

/// No wildcard: a new kind of state does not compile until somebody decides what matters of it.
fn fold_state(state: &State, fold: &mut Fold<'_>) {
    std::mem::discriminant(state).hash(fold);
    match state {
        State::Idle {} | State::Joining {} => {}
        State::Saying { saying } => saying.fold(fold),
        State::Conversing { conversing } => conversing.fold(fold),
        State::Confirming { confirming } => confirming.fold(fold),
        State::Collecting { collecting } => collecting.fold(fold),
        State::Choosing { place } => place.hash(fold),
        State::Requesting { requesting } => requesting.hash(fold),
        State::Dialing { dialing } => dialing.fold(fold),
        State::Bridged { bridged } => bridged.hash(fold),
        State::Ending { ending } => ending.hash(fold),
        State::Over { outcome } => outcome.hash(fold),
    }
}
