//! How long the shipped flows take to be read: parse with spans, check, compile. Target: check under 10 ms.

use std::hint::black_box;

use callflow::check::{EnvMode, check};
use callflow::plan;
use callflow::source::SourceFile;
use criterion::{Criterion, criterion_group, criterion_main};

const FLOWS: [(&str, &str); 2] = [
    ("cold_transfer", include_str!("../flows/cold_transfer.yaml")),
    ("business_hours", include_str!("../flows/business_hours.yaml")),
];

fn benches(c: &mut Criterion) {
    let env = |_: &str| Some("+15550100123".to_owned());
    for (name, text) in FLOWS {
        let source = SourceFile::new(format!("{name}.yaml"), text.to_owned());
        let read = || check(black_box(&source), EnvMode::Known(&env));
        c.bench_function(&format!("check/{name}"), |b| b.iter(read));
        c.bench_function(&format!("check and compile/{name}"), |b| {
            b.iter(|| plan::compile(read().flow.expect("the shipped flows have no errors")));
        });
    }
}

criterion_group!(flow, benches);
criterion_main!(flow);
