//! How long one step of the machine takes. Target: under a microsecond for the common case.

use std::hint::black_box;
use std::sync::Arc;

use callflow::check::{EnvMode, check};
use callflow::machine::{
    AttemptId, CallInfo, Effect, Input, LegEvent, Machine, Millis, ReplyId, UtteranceId,
};
use callflow::pii::Utterance;
use callflow::plan::{self, IntentId, Plan};
use callflow::source::SourceFile;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};

fn plan() -> Arc<Plan> {
    let source =
        SourceFile::new("cold_transfer.yaml", include_str!("../flows/cold_transfer.yaml").to_owned());
    let env = |_: &str| Some("+15550100123".to_owned());
    plan::compile(check(&source, EnvMode::Known(&env)).flow.expect("the shipped flow has no errors"))
}

fn info() -> CallInfo {
    CallInfo { id: "bench".into(), from: None, to: None, started_at: 0 }
}

/// A whole call: greeting, one question, the wish for a person, yes, ringing, answer, the end.
fn call() -> Vec<Input> {
    let said = |id| Input::Said { utterance: UtteranceId(id), heard_all: true };
    let leg = |event| Input::Leg { attempt: AttemptId(1), event };
    vec![
        Input::Start,
        Input::CallerJoined,
        said(1),
        Input::SpeechStarted,
        Input::TurnEnded { text: Utterance::new("I need help with my bill") },
        Input::ReplyDone { reply: ReplyId(1), heard_all: true },
        Input::SpeechStarted,
        Input::TurnEnded { text: Utterance::new("I want to speak to a manager") },
        Input::IntentProposed { reply: ReplyId(2), intent: IntentId::from_index(0), slots: vec![] },
        Input::ReplyDone { reply: ReplyId(2), heard_all: true },
        said(2),
        Input::SpeechStarted,
        Input::TurnEnded { text: Utterance::new("yes") },
        said(3),
        leg(LegEvent::Started),
        leg(LegEvent::Ringing),
        leg(LegEvent::Answered),
        leg(LegEvent::Stopped),
        said(4),
    ]
}

/// The machine after so many inputs of [`call`].
fn after(plan: &Arc<Plan>, inputs: usize) -> Machine {
    let mut machine = Machine::new(Arc::clone(plan), info());
    let mut effects = Vec::new();
    for (now, input) in (0..).zip(call().into_iter().take(inputs)) {
        machine.handle(Millis(now), input, &mut effects);
    }
    machine
}

fn step(c: &mut Criterion, name: &str, machine: &Machine, input: &Input) {
    let effects: Vec<Effect> = Vec::with_capacity(16);
    c.bench_function(name, |b| {
        b.iter_batched_ref(
            || (machine.clone(), input.clone(), effects.clone()),
            |(machine, input, effects)| {
                machine.handle(Millis(100), std::mem::replace(input, Input::Timeout), effects);
                black_box(effects.len())
            },
            BatchSize::SmallInput,
        );
    });
}

fn benches(c: &mut Criterion) {
    let plan = plan();
    step(c, "step/nothing is due", &after(&plan, 3), &Input::Timeout);
    step(
        c,
        "step/a stale answer",
        &after(&plan, 6),
        &Input::Said { utterance: UtteranceId(1), heard_all: true },
    );
    step(c, "step/speech starts", &after(&plan, 3), &Input::SpeechStarted);
    step(c, "step/a turn is answered", &after(&plan, 4), &call()[4]);
    step(c, "step/an intent changes the state", &after(&plan, 8), &call()[8]);
    step(c, "step/it rings", &after(&plan, 15), &call()[15]);
    step(c, "step/somebody answers", &after(&plan, 16), &call()[16]);

    let inputs = call();
    c.bench_function("a whole call of 19 inputs", |b| {
        b.iter_batched(
            || inputs.clone(),
            |inputs| {
                let mut machine = Machine::new(Arc::clone(&plan), info());
                let mut effects = Vec::with_capacity(64);
                for (now, input) in (0..).zip(inputs) {
                    machine.handle(Millis(now), input, &mut effects);
                }
                assert!(machine.is_over());
                effects
            },
            BatchSize::SmallInput,
        );
    });
}

criterion_group!(machine, benches);
criterion_main!(machine);
