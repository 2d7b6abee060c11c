//! Flows, and how they are explored: whole, or with something taken out of the machine.

use std::sync::Arc;

use callflow::check::{Checked, EnvMode, check};
use callflow::diagnostic::{Rule, Style, render_human};
use callflow::explore::{Limits, Report, Subject, explore, explore_with, holds, holds_with};
use callflow::machine::{AttemptId, Bounds, Counter, Effect, Input, Machine, Millis, Parts, ReplyId, Timer};
use callflow::plan::{self, Event, Plan, StateId};
use callflow::source::SourceFile;

/// Far more than any flow of these tests needs.
pub const LIMITS: Limits = Limits { configurations: 200_000, findings: 20 };

/// Compiles a flow; panics with the findings if there are errors.
pub fn plan_of(text: &str) -> Arc<Plan> {
    let source = SourceFile::new("test.yaml", text.to_owned());
    let Checked { flow, diagnostics, .. } = check(&source, EnvMode::Unknown);
    match flow {
        Some(flow) => plan::compile(flow),
        None => panic!("{}", render_human(&source, &diagnostics, Style::Plain)),
    }
}

pub fn explored(text: &str) -> Report {
    let plan = plan_of(text);
    let report = explore(&plan, &LIMITS, &mut |_| {});
    assert!(
        report.findings.is_empty() || !holds(&plan, LIMITS.configurations),
        "the coarse search does not see it"
    );
    report
}

/// The rules that do not hold, in the order found.
pub fn rules(report: &Report) -> Vec<Rule> {
    let mut rules: Vec<_> = report.findings.iter().map(|finding| finding.violation.rule).collect();
    rules.dedup();
    rules
}

/// What was found, for people.
pub fn told(flow: &str, report: &Report) -> String {
    let plan = plan_of(flow);
    let line = |f: &callflow::explore::Finding| {
        format!("{}: {}: {}\n", f.violation.rule, f.violation.message, f.trace.in_a_line(&plan))
    };
    format!("complete: {}\n{}", report.complete, report.findings.iter().map(line).collect::<String>())
}

/// What is wrong with a machine.
#[derive(Clone, Copy)]
pub struct Fault {
    /// What it is told in place of an input.
    pub hears: fn(&Memory, Input) -> Vec<Input>,
    /// What it does in place of an effect.
    pub does: fn(&Memory, Effect) -> Vec<Effect>,
    /// Timers that never wake it.
    pub deaf_to: &'static [Timer],
    /// It takes a leg for gone as soon as it has told it to stop.
    pub impatient: bool,
}

/// A machine with nothing wrong.
pub const SOUND: Fault =
    Fault { hears: |_, input| vec![input], does: |_, effect| vec![effect], deaf_to: &[], impatient: false };

/// What a fault may know of the call.
#[derive(Clone, Copy, Default)]
pub struct Memory {
    pub stopping: Option<AttemptId>,
    pub reply: Option<ReplyId>,
    pub answered: bool,
}

/// A machine with something wrong.
#[derive(Clone)]
pub struct Mutant {
    machine: Machine,
    fault: Fault,
    memory: Memory,
}

impl PartialEq for Mutant {
    fn eq(&self, other: &Self) -> bool {
        self.machine == other.machine
    }
}

impl Mutant {
    fn turn_deaf(&mut self) {
        for timer in self.fault.deaf_to {
            self.machine.move_deadline(*timer, Millis(u64::MAX));
        }
    }

    fn note(&mut self, effect: &Effect) {
        match effect {
            Effect::StopDial { attempt } => self.memory.stopping = Some(*attempt),
            Effect::Reply { reply, .. } => self.memory.reply = Some(*reply),
            _ => {}
        }
    }
}

impl Subject for Mutant {
    fn handle(&mut self, now: Millis, input: Input, effects: &mut Vec<Effect>) -> Vec<Counter> {
        self.turn_deaf();
        let mut raw = Vec::new();
        let answered = matches!(&input, Input::Leg { event: callflow::machine::LegEvent::Answered, .. });
        let heard = (self.fault.hears)(&self.memory, input);
        let mut asked = self.machine.handle_noting(now, Input::Timeout, &mut raw);
        for input in heard {
            asked.extend(self.machine.handle_noting(now, input, &mut raw));
        }
        self.memory.answered |= answered;
        let stops: Vec<_> = raw
            .iter()
            .filter_map(|effect| match effect {
                Effect::StopDial { attempt } => Some(*attempt),
                _ => None,
            })
            .collect();
        for attempt in stops.into_iter().filter(|_| self.fault.impatient) {
            let event = callflow::machine::LegEvent::Stopped;
            asked.extend(self.machine.handle_noting(now, Input::Leg { attempt, event }, &mut raw));
        }
        for effect in raw {
            self.note(&effect);
            effects.extend((self.fault.does)(&self.memory, effect));
        }
        self.turn_deaf();
        asked
    }

    fn armed(&self) -> Vec<(Millis, Timer)> {
        let armed = self.machine.armed().into_iter();
        armed.filter(|(_, timer)| !self.fault.deaf_to.contains(timer)).collect()
    }

    fn move_deadline(&mut self, timer: Timer, at: Millis) {
        self.machine.move_deadline(timer, at);
    }

    fn state(&self) -> StateId {
        self.machine.state()
    }

    fn completed(&self) -> &[(StateId, Event)] {
        self.machine.completed()
    }

    fn is_over(&self) -> bool {
        self.machine.is_over()
    }

    fn is_armed(&self, timer: Timer) -> bool {
        !self.fault.deaf_to.contains(&timer) && self.machine.is_armed(timer)
    }

    fn fold(&self, now: Millis, bounds: &Bounds, parts: &mut Parts) {
        self.machine.fold(now, bounds, parts);
    }

    fn count(&self, counter: Counter) -> u32 {
        self.machine.count(counter)
    }

    fn set_count(&mut self, counter: Counter, count: u32) {
        self.machine.set_count(counter, count);
    }

    fn forget_counts(&mut self) {
        self.machine.forget_counts();
    }
}

/// Explores a flow with a faulty machine, up to a few findings.
pub fn with_fault(flow: &str, fault: Fault) -> Report {
    let make = |plan: &Arc<Plan>, info| Mutant {
        machine: Machine::new(Arc::clone(plan), info),
        fault,
        memory: Memory::default(),
    };
    let limits = Limits { configurations: 60_000, findings: 10 };
    let plan = plan_of(flow);
    let report = explore_with(&plan, make, &limits, &mut |_| {});
    let holds = holds_with(&plan, make, limits.configurations);
    assert!(report.findings.is_empty() || !holds, "the coarse search does not see it");
    report
}
