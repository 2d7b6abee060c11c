//! A search that is quicker since it does not count: how often an edge was taken, a state entered, a reply failed, somebody
//! dialled.
//!
//! Where a step depends on a count, it is taken once for every count there can be. And which service fails is all one to
//! the machine; but a voice that is gone excuses that nothing is said, so it is another one here. So more can happen than
//! in [the exact search](super::search), and what is not found here is not found there. What is found here may be owed
//! to counts that do not come together, or be excused: then the exact search decides, and tells the story. Nothing is
//! measured.

use std::collections::VecDeque;
use std::sync::Arc;

use super::events::Environment;
use super::search::{Seen, begin};
use super::start::starts;
use super::subject::Subject;
use super::violation::Violations;
use super::world::{Happening, Wishes, World};
use super::{alone, probe};
use crate::machine::{Bounds, CallInfo, Counter, Effect, Parts, Service};
use crate::plan::Plan;

/// Ways of one step. With more, it is not for this search.
const MOST_WAYS: usize = 256;

/// Something was found, or cannot be found out without counting.
pub(super) struct Unsure;

pub(super) struct Coarse<'p> {
    plan: &'p Arc<Plan>,
    bounds: Bounds,
    uncounted: Bounds,
    environment: Environment<'p>,
    wishes: Option<Arc<Wishes>>,
    parts: Parts,
    effects: Vec<Effect>,
}

impl<'p> Coarse<'p> {
    pub(super) fn new(plan: &'p Arc<Plan>) -> Self {
        let bounds = Bounds::of(plan);
        Self {
            plan,
            uncounted: bounds.without_counts(),
            bounds,
            environment: Environment::new(plan, &[Service::Llm]),
            wishes: Wishes::of(plan),
            parts: Parts::default(),
            effects: Vec::new(),
        }
    }

    /// The configurations that can be reached, if everything holds in all of them.
    pub(super) fn holds<S: Subject>(
        mut self,
        make: impl Fn(&Arc<Plan>, CallInfo) -> S,
        configurations: usize,
    ) -> Option<Seen> {
        let mut seen = Seen::default();
        let mut queue = VecDeque::new();
        for start in starts(self.plan, &self.bounds) {
            // Calls that go round and round until an office closes are told from shorter ones by what they count.
            if !start.stays_open(self.plan, &self.bounds) {
                return None;
            }
            let world = begin(self.plan, &make, self.wishes.clone(), &start);
            self.arrive(&world, None, &mut seen, &mut queue).ok()?;
        }
        let mut happenings = Vec::new();
        let (mut left, mut scratch) = (None, None);
        while let Some(world) = queue.pop_front() {
            if seen.len() >= configurations {
                return None;
            }
            self.ends_alone(&world, &mut left, &mut scratch).ok()?;
            happenings.clear();
            self.environment.happenings(&world, &mut happenings);
            for happening in &happenings {
                let arrive = |search: &mut Self, next: &World<S>, _| {
                    search.arrive(next, Some(happening), &mut seen, &mut queue)
                };
                self.ways(&world, happening, &mut scratch, arrive).ok()?;
            }
        }
        Some(seen)
    }

    /// Notes a configuration, and looks at it closely if it is new.
    fn arrive<S: Subject>(
        &mut self,
        world: &World<S>,
        happening: Option<&Happening>,
        seen: &mut Seen,
        queue: &mut VecDeque<World<S>>,
    ) -> Result<(), Unsure> {
        if !seen.insert(world.fingerprint(&self.uncounted, &mut self.parts)) {
            return Ok(());
        }
        let mut world = world.clone();
        world.subject.forget_counts();
        world.subject.set_count(Counter::Attempts, world.ledger.last_attempt);
        let mut violations = Violations::default();
        let mut asked = probe::stale(&world, self.plan, &mut violations);
        if let Some(happening) = happening {
            asked |= probe::again(&world, happening, &mut violations);
        }
        // With so many attempts that no more are made, fewer cannot be tried any more.
        let fewer = self.bounds.counts(Counter::Attempts, world.ledger.last_attempt);
        if asked || fewer.is_none_or(|fewer| fewer.is_empty()) || !violations.0.is_empty() {
            return Err(Unsure);
        }
        if !world.ledger.ended {
            queue.push_back(world);
        }
        Ok(())
    }

    /// Lets something happen, whatever has been counted, and shows what that leads to, and whether that was the last:
    /// it is then in `scratch`.
    fn ways<S: Subject>(
        &mut self,
        world: &World<S>,
        happening: &Happening,
        scratch: &mut Option<World<S>>,
        mut arrive: impl FnMut(&mut Self, &World<S>, bool) -> Result<(), Unsure>,
    ) -> Result<(), Unsure> {
        // What is fixed of the counts, and is not that of the world.
        let mut open: Vec<Vec<(Counter, u32)>> = Vec::new();
        let mut fixed = Vec::new();
        for _ in 0..MOST_WAYS {
            let next = world.copied(scratch);
            fixed.iter().for_each(|(counter, count)| next.subject.set_count(*counter, *count));
            let mut violations = Violations::default();
            self.effects.clear();
            let asked = next.step(happening, &mut self.effects, &mut violations);
            if !violations.0.is_empty() {
                return Err(Unsure);
            }
            for counter in asked {
                if fixed.iter().any(|(known, _)| *known == counter) {
                    continue;
                }
                let present = world.subject.count(counter);
                for other in self.bounds.counts(counter, present).ok_or(Unsure)? {
                    open.push(fixed.iter().copied().chain([(counter, other)]).collect());
                }
                fixed.push((counter, present));
            }
            // An edge that was taken twice at once would have been asked for counts that were not tried.
            let twice = |(counter, count): &(Counter, u32)| {
                matches!(counter, Counter::Taken(_)) && next.subject.count(*counter) > count + 1
            };
            if fixed.iter().any(twice) {
                return Err(Unsure);
            }
            arrive(self, next, open.is_empty())?;
            match open.pop() {
                Some(other) => fixed = other,
                None => return Ok(()),
            }
        }
        Err(Unsure)
    }

    /// Whether deadlines alone end this call, whatever has been counted. See [`alone::until_the_end`].
    fn ends_alone<S: Subject>(
        &mut self,
        world: &World<S>,
        left: &mut Option<World<S>>,
        scratch: &mut Option<World<S>>,
    ) -> Result<(), Unsure> {
        if !world.ledger.started {
            return Ok(());
        }
        alone::leave(world.copied(left));
        let mut others = Vec::new();
        for _ in 0..alone::DEADLINES {
            let Some(present) = left.as_ref().filter(|present| !alone::is_over(present, world)) else {
                match others.pop() {
                    Some(other) => *left = Some(other),
                    None => return Ok(()),
                }
                continue;
            };
            let deadline = alone::next(present).ok_or(Unsure)?;
            self.ways(present, &deadline, scratch, |_, then, is_last| {
                if !is_last {
                    others.push(then.clone());
                }
                Ok(())
            })?;
            std::mem::swap(left, scratch);
        }
        Err(Unsure)
    }
}

#[cfg(test)]
mod tests {
    use super::super::events::SERVICES;
    use super::*;
    use crate::check::{EnvMode, check};
    use crate::machine::Machine;
    use crate::plan::compile;
    use crate::source::SourceFile;

    /// Counts of every kind, in edges that lead on, are offered and are only looked at.
    const COUNTING: &str = "
callflow: 1
start: talk
targets: {desk: {phone: '+15550100123'}}
intents:
  person: {when: They want a person., examples: [a person]}
  again: {when: They want it again., examples: [again]}
states:
  talk:
    converse: Help.
    on:
      intent.person: [{to: ring, max_visits: 2}, {to: bye, max_visits: 1}, {to: sorry}]
      intent.again: [{to: talk, max_visits: 3}, {to: bye}]
      caller.dtmf(\"1\"): [{to: many, max_visits: 2}, {to: sorry}]
  many:
    choose: [{if: attempts(ring) > 1, to: sorry}, {if: attempts(many) < 2, to: talk}, {else: bye}]
  ring:
    dial: desk
    on: {answered: over, otherwise: [{to: talk, max_visits: 1}, {to: sorry}]}
  over: {handoff: keep_room}
  sorry: {end: Sorry.}
  bye: {end: Goodbye.}
";

    fn plan_of(flow: &str) -> Arc<Plan> {
        compile(
            check(&SourceFile::new("f.yaml", flow), EnvMode::Unknown).flow.expect("a flow without errors"),
        )
    }

    fn make(plan: &Arc<Plan>, info: CallInfo) -> Machine {
        Machine::new(Arc::clone(plan), info)
    }

    /// Every configuration of the exact search, without its counts; and how many there are with them.
    fn counted(plan: &Arc<Plan>) -> (Seen, usize) {
        let (bounds, mut parts) = (Bounds::of(plan), Parts::default());
        let (uncounted, environment) = (bounds.without_counts(), Environment::new(plan, SERVICES));
        let (mut known, mut seen, mut queue) = (Seen::default(), Seen::default(), VecDeque::new());
        queue.extend(starts(plan, &bounds).iter().map(|start| begin(plan, &make, Wishes::of(plan), start)));
        while let Some(world) = queue.pop_front() {
            if !seen.insert(world.fingerprint(&bounds, &mut parts)) {
                continue;
            }
            known.insert(world.fingerprint(&uncounted, &mut parts));
            let mut happenings = Vec::new();
            if !world.ledger.ended {
                environment.happenings(&world, &mut happenings);
            }
            queue.extend(happenings.iter().map(|happening| {
                let mut next = world.clone();
                next.step(happening, &mut Vec::new(), &mut Violations::default());
                next
            }));
        }
        (known, seen.len())
    }

    #[test]
    fn whatever_can_happen_in_a_call_is_seen_without_counting() {
        let shipped = |name: &str| std::fs::read_to_string(format!("flows/{name}.yaml")).unwrap();
        let flows = ["cold_transfer", "business_hours", "order_status", "table_booking"].map(shipped);
        for flow in flows.iter().map(String::as_str).chain([COUNTING]) {
            let plan = plan_of(flow);
            let coarse = Coarse::new(&plan).holds(make, 20_000).expect("every property holds");
            let (known, all) = counted(&plan);
            let missed = known.difference(&coarse).count();
            assert_eq!(missed, 0, "{flow}\n{} of {all} are seen", coarse.len());
            assert!(coarse.len() <= all, "{flow}\n{} of {all} are seen", coarse.len());
        }
    }
}
