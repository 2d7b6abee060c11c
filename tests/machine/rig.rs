//! A call whose world is the test.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use callflow::check::{Checked, EnvMode, check};
use callflow::diagnostic::{Style, render_human};
use callflow::machine::{
    AttemptId, CallInfo, Effect, Input, LegCause, LegEvent, LegOutcome, Machine, Millis, Outcome, ReplyId,
    Timer, UtteranceId,
};
use callflow::pii::{PhoneNumber, Utterance};
use callflow::plan::{self, Plan};
use callflow::source::SourceFile;

/// Compiles a flow; panics with the findings if there are errors.
pub fn plan_of(text: &str) -> Arc<Plan> {
    let source = SourceFile::new("test.yaml", text.to_owned());
    let env = |name: &str| (name == "OPERATOR_NUMBER").then(|| "+15550100123".to_owned());
    let Checked { flow, diagnostics, .. } = check(&source, EnvMode::Known(&env));
    match flow {
        Some(flow) => plan::compile(flow),
        None => panic!("{}", render_human(&source, &diagnostics, Style::Plain)),
    }
}

/// A flow that the project ships.
pub fn shipped(name: &str) -> Arc<Plan> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows").join(name);
    plan_of(&std::fs::read_to_string(path).unwrap())
}

/// States of a flow under a usual head: two targets, two intents.
pub fn flow(states: &str) -> Arc<Plan> {
    with("", states)
}

/// The same with more sections before the states.
pub fn with(sections: &str, states: &str) -> Arc<Plan> {
    plan_of(&format!(
        "callflow: 1
name: test
start: begin
targets:
  first: {{phone: \"+15550100001\"}}
  second: {{phone: \"+15550100002\"}}
intents:
  person: {{when: The caller wants a person., examples: [get me a person]}}
  leave: {{when: The caller says goodbye., examples: [bye]}}
{sections}states:
{states}"
    ))
}

pub fn info() -> CallInfo {
    CallInfo {
        id: "test".into(),
        from: Some(PhoneNumber::parse("+15550100199").unwrap()),
        to: None,
        started_at: 1_767_625_200, // Monday 2026-01-05 15:00 UTC
    }
}

pub struct Rig {
    pub plan: Arc<Plan>,
    pub machine: Machine,
    pub now: u64,
    /// Everything that was ever asked for.
    pub log: Vec<Effect>,
}

impl Rig {
    pub fn new(plan: Arc<Plan>) -> Self {
        let machine = Machine::new(Arc::clone(&plan), info());
        Self { plan, machine, now: 0, log: Vec::new() }
    }

    /// A call whose caller is there.
    pub fn joined(plan: Arc<Plan>) -> Self {
        let mut rig = Self::new(plan);
        rig.tell(Input::Start);
        rig.tell(Input::CallerJoined);
        rig
    }

    /// Tells the machine something; gives what it asked for in answer.
    pub fn tell(&mut self, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.machine.handle(Millis(self.now), input, &mut effects);
        self.log.extend(effects.iter().cloned());
        effects
    }

    /// Lets time pass, waking the machine when it asks for it.
    pub fn wait(&mut self, time: Duration) -> Vec<Effect> {
        let until = self.now + u64::try_from(time.as_millis()).unwrap();
        let mut effects = Vec::new();
        while let Some((at, _)) = self.machine.next_deadline().filter(|(at, _)| at.0 <= until) {
            self.now = at.0;
            effects.extend(self.tell(Input::Timeout));
        }
        self.now = until;
        effects
    }

    pub fn wait_ms(&mut self, ms: u64) -> Vec<Effect> {
        self.wait(Duration::from_millis(ms))
    }

    /// Lets only timers happen until the call is over.
    pub fn let_time_end_it(&mut self) -> Outcome {
        for _ in 0..10_000 {
            let Some((at, timer)) = self.machine.next_deadline() else { break };
            assert!(at.0 > self.now, "{timer:?} is due in the past");
            self.now = at.0;
            self.tell(Input::Timeout);
        }
        self.machine.outcome().expect("timers alone must end every call")
    }

    /// The state's name.
    pub fn state(&self) -> &str {
        &self.plan.state(self.machine.state()).name
    }

    pub fn path(&self) -> Vec<&str> {
        self.machine.path().iter().map(|id| &*self.plan.state(*id).name).collect()
    }

    /// All sentences that were asked for, in order.
    pub fn said(&self) -> Vec<&str> {
        said(&self.log)
    }

    pub fn last_utterance(&self) -> UtteranceId {
        let last = self.log.iter().rev().find_map(|e| match e {
            Effect::Say { utterance, .. } => Some(*utterance),
            _ => None,
        });
        last.expect("something was said")
    }

    pub fn last_reply(&self) -> ReplyId {
        let last = self.log.iter().rev().find_map(|e| match e {
            Effect::Reply { reply, .. } => Some(*reply),
            _ => None,
        });
        last.expect("the model was asked")
    }

    pub fn last_attempt(&self) -> AttemptId {
        let last = self.log.iter().rev().find_map(|e| match e {
            Effect::Dial { attempt, .. } => Some(*attempt),
            _ => None,
        });
        last.expect("somebody was dialled")
    }

    /// The last sentence was heard to its end.
    pub fn heard(&mut self) -> Vec<Effect> {
        let utterance = self.last_utterance();
        self.tell(Input::Said { utterance, heard_all: true })
    }

    /// The caller says something.
    pub fn caller_says(&mut self, text: &str) -> Vec<Effect> {
        let mut effects = self.tell(Input::SpeechStarted);
        effects.extend(self.tell(Input::TurnEnded { text: Utterance::new(text) }));
        effects
    }

    pub fn press(&mut self, digit: char) -> Vec<Effect> {
        self.tell(Input::Dtmf { digit })
    }

    /// The model asks for an intent in its last reply.
    pub fn propose(&mut self, intent: &str) -> Vec<Effect> {
        self.propose_with(intent, &[])
    }

    pub fn propose_with(&mut self, intent: &str, slots: &[(&str, &str)]) -> Vec<Effect> {
        let intent = self.plan.intent_named(intent).expect("an intent of the flow");
        let slots = slots.iter().map(|(k, v)| ((*k).to_owned(), Utterance::new(*v))).collect();
        self.tell(Input::IntentProposed { reply: self.last_reply(), intent, slots })
    }

    pub fn replied(&mut self) -> Vec<Effect> {
        let reply = self.last_reply();
        self.tell(Input::ReplyDone { reply, heard_all: true })
    }

    /// Something of the last attempt.
    pub fn leg(&mut self, event: LegEvent) -> Vec<Effect> {
        let attempt = self.last_attempt();
        self.tell(Input::Leg { attempt, event })
    }

    pub fn deadline_of(&self, timer: Timer) -> Option<u64> {
        self.machine.next_deadline().filter(|(_, t)| *t == timer).map(|(at, _)| at.0)
    }

    pub fn attempts(&self) -> usize {
        self.log.iter().filter(|e| matches!(e, Effect::Dial { .. })).count()
    }
}

/// The sentences among effects.
pub fn said(effects: &[Effect]) -> Vec<&str> {
    effects
        .iter()
        .filter_map(|e| match e {
            Effect::Say { text, .. } => Some(text.text()),
            _ => None,
        })
        .collect()
}

/// The attempts that were to be stopped.
pub fn stops(effects: &[Effect]) -> Vec<u32> {
    effects
        .iter()
        .filter_map(|e| match e {
            Effect::StopDial { attempt } => Some(attempt.0),
            _ => None,
        })
        .collect()
}

/// Where among effects the first one of a kind is.
pub fn position(effects: &[Effect], is: impl Fn(&Effect) -> bool) -> usize {
    effects.iter().position(is).unwrap_or_else(|| panic!("not among {effects:?}"))
}

/// The end of a call.
pub fn end(outcome: Outcome) -> Effect {
    Effect::End { outcome }
}

pub fn cause(outcome: LegOutcome) -> LegCause {
    LegCause { outcome, raw: "the vendor's words".to_owned(), fix: None }
}
