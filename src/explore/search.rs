//! The search: every configuration that can be reached, the nearest first.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::time::Duration;

use super::events::{Environment, SERVICES};
use super::question::{Broken, Question, Situation};
use super::start::{Start, starts};
use super::subject::Subject;
use super::trace::Trace;
use super::violation::{Violation, Violations};
use super::world::{Happening, Wishes, World};
use super::{Finding, Limits, Measure, Report, alone, probe};
use crate::machine::{Bounds, CallInfo, Effect, Input, Parts};
use crate::plan::{Plan, StateId};

/// How often progress is told, in configurations.
const TELL_EVERY: usize = 2_048;

/// What comes before a beginning.
const NOWHERE: u32 = u32::MAX;

/// How a configuration was reached first.
#[derive(Clone, Copy)]
struct Node {
    /// Index of the one before; [`NOWHERE`] for a beginning.
    parent: u32,
    /// Which of the happenings there led here; for a beginning, which.
    choice: u32,
}

/// Fingerprints that were seen.
pub(super) type Seen = HashSet<u128, BuildHasherDefault<AsItIs>>;

/// Fingerprints are hashes already.
#[derive(Default)]
pub(super) struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.0 ^= u64::from_ne_bytes(word);
        }
    }

    fn write_u128(&mut self, value: u128) {
        #[expect(clippy::cast_possible_truncation, reason = "half of a hash is a hash")]
        {
            self.0 = value as u64;
        }
    }
}

pub(super) struct Search<'p, S, F> {
    plan: &'p Arc<Plan>,
    bounds: Bounds,
    /// Memory for the parts of a fingerprint.
    parts: Parts,
    environment: Environment<'p>,
    make: F,
    wishes: Option<Arc<Wishes>>,
    starts: Vec<Start>,
    nodes: Vec<Node>,
    seen: Seen,
    queue: VecDeque<(u32, World<S>)>,
    steps: usize,
    findings: Vec<(Violation, Vec<u32>)>,
    silence: Option<(Duration, u32)>,
    time: Option<(Duration, u32)>,
    entered: Vec<bool>,
    question: Option<Question<'p>>,
    broken: Vec<(usize, Vec<u32>)>,
}

impl<'p, S: Subject, F: Fn(&Arc<Plan>, CallInfo) -> S> Search<'p, S, F> {
    pub(super) fn new(plan: &'p Arc<Plan>, make: F) -> Self {
        let bounds = Bounds::of(plan);
        Self {
            starts: starts(plan, &bounds),
            environment: Environment::new(plan, SERVICES),
            bounds,
            parts: Parts::default(),
            wishes: Wishes::of(plan),
            plan,
            make,
            nodes: Vec::new(),
            seen: Seen::default(),
            queue: VecDeque::new(),
            steps: 0,
            findings: Vec::new(),
            silence: None,
            time: None,
            entered: vec![false; plan.states.len()],
            question: None,
            broken: Vec::new(),
        }
    }

    /// From the middle of a call on.
    pub(super) fn from(plan: &'p Arc<Plan>, make: F, so_far: &Situation, question: Question<'p>) -> Self {
        let search = Self::new(plan, make);
        Self { starts: vec![Start::within(so_far)], question: Some(question), ..search }
    }

    pub(super) fn run(mut self, limits: &Limits, progress: &mut dyn FnMut(usize)) -> Report {
        let mut complete = true;
        for index in 0..self.starts.len() {
            let world = self.begin(&self.starts[index]);
            self.discover(&world, Node { parent: NOWHERE, choice: narrow(index) }, None);
        }
        let mut happenings = Vec::new();
        let mut effects = Vec::new();
        // Where the next step is tried: most lead to what is known.
        let mut scratch: Option<World<S>> = None;
        while let Some((id, world)) = self.queue.pop_front() {
            if self.seen.len() >= limits.configurations
                || self.findings.len() + self.broken.len() >= limits.findings
            {
                complete = false;
                break;
            }
            self.measure(id, &world);
            happenings.clear();
            self.happenings(&world, &mut happenings);
            for (choice, happening) in happenings.iter().enumerate() {
                self.steps += 1;
                let next = world.copied(&mut scratch);
                let mut violations = Violations::default();
                effects.clear();
                next.step(happening, &mut effects, &mut violations);
                self.note_entered(&effects);
                let node = Node { parent: id, choice: narrow(choice) };
                self.report(violations, node);
                self.ask(&effects, next.ledger.state, node);
                if self.discover(next, node, Some(happening)) && self.nodes.len().is_multiple_of(TELL_EVERY) {
                    progress(self.nodes.len());
                }
            }
        }
        self.finish(complete)
    }

    fn begin(&self, start: &Start) -> World<S> {
        begin(self.plan, &self.make, self.wishes.clone(), start)
    }

    /// Notes a configuration, and looks at it closely if it is new.
    fn discover(&mut self, world: &World<S>, node: Node, happening: Option<&Happening>) -> bool {
        if !self.seen.insert(world.fingerprint(&self.bounds, &mut self.parts)) {
            return false;
        }
        let id = narrow(self.nodes.len());
        self.nodes.push(node);
        let mut violations = Violations::default();
        probe::stale(world, self.plan, &mut violations);
        if let Some(happening) = happening {
            probe::again(world, happening, &mut violations);
        }
        self.report(violations, node);
        if !world.ledger.ended {
            self.queue.push_back((id, world.clone()));
        }
        true
    }

    /// Everything that can happen now and is not left out.
    fn happenings(&self, world: &World<S>, out: &mut Vec<Happening>) {
        self.environment.happenings(world, out);
        if let Some(question) = &self.question {
            out.retain(|happening| !question.without.iter().any(|kind| kind.is(happening, &world.ledger)));
        }
    }

    /// Notes the requirements that a step breaks, each once.
    fn ask(&mut self, effects: &[Effect], state: Option<StateId>, node: Node) {
        let Some(question) = self.question else { return };
        for requirement in (question.breaks)(effects, state) {
            if self.broken.iter().all(|(known, _)| *known != requirement) {
                let path = self.path(node);
                self.broken.push((requirement, path));
            }
        }
    }

    fn note_entered(&mut self, effects: &[Effect]) {
        for effect in effects {
            if let Effect::Enter { state } = effect {
                self.entered[state.index()] = true;
            }
        }
    }

    fn measure(&mut self, id: u32, world: &World<S>) {
        if !world.ledger.started {
            return;
        }
        match alone::until_the_end(world) {
            None => {
                let mut violations = Violations::default();
                violations.add(alone::no_end(world));
                self.report(violations, self.nodes[id as usize]);
            }
            Some(time) if world.ledger.handed_off.is_none() => keep_longest(&mut self.time, time, id),
            Some(_) => {}
        }
        keep_longest(&mut self.silence, alone::silence(world), id);
    }

    fn report(&mut self, violations: Violations, node: Node) {
        for violation in violations.0 {
            let known = |(other, _): &(Violation, _)| {
                (other.rule, &other.message, other.state)
                    == (violation.rule, &violation.message, violation.state)
            };
            if !self.findings.iter().any(known) {
                let path = self.path(node);
                self.findings.push((violation, path));
            }
        }
    }

    /// The choices that lead to a node: which beginning, and then which happening each time.
    fn path(&self, node: Node) -> Vec<u32> {
        let mut path = vec![node.choice];
        let mut parent = node.parent;
        while let Some(node) = self.nodes.get(parent as usize) {
            path.push(node.choice);
            parent = node.parent;
        }
        path.reverse();
        path
    }

    fn trace(&self, path: &[u32]) -> Trace {
        let (first, rest) = path.split_first().map_or((0, &[][..]), |(first, rest)| (*first as usize, rest));
        let start = &self.starts[first];
        let mut world = self.begin(start);
        let mut trace = Trace::new(start.clone());
        let mut happenings = Vec::new();
        for choice in rest {
            happenings.clear();
            self.happenings(&world, &mut happenings);
            let Some(happening) = happenings.get(*choice as usize) else { break };
            trace.step(&mut world, happening);
        }
        trace
    }

    fn measured(&self, longest: Option<(Duration, u32)>) -> Option<Measure> {
        let (time, id) = longest?;
        let trace = self.trace(&self.path(self.nodes[id as usize]));
        Some(Measure { time, trace })
    }

    fn finish(mut self, complete: bool) -> Report {
        let found = std::mem::take(&mut self.findings);
        let findings = found
            .into_iter()
            .map(|(violation, path)| Finding { trace: self.trace(&path), violation })
            .collect();
        let broken = std::mem::take(&mut self.broken).into_iter();
        let broken =
            broken.map(|(requirement, path)| Broken { requirement, trace: self.trace(&path) }).collect();
        let unentered = (0..self.entered.len()).filter(|i| !self.entered[*i]).map(StateId::from_index);
        Report {
            configurations: self.seen.len(),
            steps: self.steps,
            complete,
            findings,
            broken,
            longest_silence: self.measured(self.silence),
            longest_end: self.measured(self.time),
            unentered: unentered.collect(),
        }
    }
}

/// A call in its first moment: the bot is in the room, unless it is not ready yet.
pub(super) fn begin<S: Subject>(
    plan: &Arc<Plan>,
    make: &impl Fn(&Arc<Plan>, CallInfo) -> S,
    wishes: Option<Arc<Wishes>>,
    start: &Start,
) -> World<S> {
    let mut world = World::new(make(plan, start.info.clone()), wishes);
    if !start.inputs.is_empty() {
        start.inputs.iter().for_each(|(at, input)| world.replay(*at, input));
        world.now = start.now;
    } else if !start.unready {
        let mut ignored = Violations::default();
        world.step(&Happening::Input(Input::Start), &mut Vec::new(), &mut ignored);
    }
    world
}

fn keep_longest(longest: &mut Option<(Duration, u32)>, time: Duration, id: u32) {
    if longest.is_none_or(|(known, _)| time > known) && !time.is_zero() {
        *longest = Some((time, id));
    }
}

fn narrow(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
