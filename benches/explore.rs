//! How long it takes to explore a flow, and how that grows with its states.

use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;

use callflow::check::{EnvMode, check};
use callflow::explore::{Limits, explore};
use callflow::plan::{self, Plan};
use callflow::source::SourceFile;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

fn plan(text: &str) -> Arc<Plan> {
    let source = SourceFile::new("flow.yaml", text.to_owned());
    plan::compile(check(&source, EnvMode::Unknown).flow.expect("the flow has no errors"))
}

/// A menu of so many states: conversations, questions and sentences, one after the other.
fn generated(states: usize) -> String {
    let mut text = String::from(
        "callflow: 1\nstart: s0\nintents:\n  on: {when: The caller wants to go on., examples: [go on]}\nstates:\n",
    );
    for index in 0..states {
        let next = if index + 1 < states { format!("s{}", index + 1) } else { "bye".to_owned() };
        let line = match index % 3 {
            0 => format!("  s{index}: {{say: Step {index}., next: {next}}}\n"),
            1 => format!(
                "  s{index}: {{converse: Be brief., on: {{intent.on: {next}, caller.dtmf(\"0\"): bye}}}}\n"
            ),
            _ => format!(
                "  s{index}: {{confirm: Shall I?, on: {{accepted: {next}, declined: {next}, exhausted: bye}}}}\n"
            ),
        };
        text.write_str(&line).expect("writing to a string does not fail");
    }
    text + "  bye: {end: Goodbye.}\n"
}

fn benches(c: &mut Criterion) {
    let mut group = c.benchmark_group("explore");
    group.sample_size(10);
    let shipped = [
        ("cold_transfer", include_str!("../flows/cold_transfer.yaml")),
        ("business_hours", include_str!("../flows/business_hours.yaml")),
    ];
    for (name, text) in shipped {
        let plan = plan(text);
        group.bench_function(name, |b| b.iter(|| black_box(explore(&plan, &Limits::default(), &mut |_| {}))));
    }
    for states in [25, 50, 100, 200] {
        let plan = plan(&generated(states));
        let id = BenchmarkId::new("generated", states);
        group.bench_with_input(id, &plan, |b, plan| {
            b.iter(|| black_box(explore(plan, &Limits::default(), &mut |_| {})));
        });
    }
    group.finish();
}

criterion_group!(exploring, benches);
criterion_main!(exploring);
