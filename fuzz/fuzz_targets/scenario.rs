//! A test file of any make, held against the shipped flow and run: it ends, and passes or says why not. The twin is
//! `tests/scenario/reader.rs`.

#![no_main]

use std::sync::LazyLock;

use callflow::diagnostic::{Diagnostic, Style, render_human};
use callflow::scenario::{Subject, names, orders, parse, run};
use callflow::source::SourceFile;
use libfuzzer_sys::fuzz_target;

static SUBJECT: LazyLock<Subject> = LazyLock::new(|| {
    let flow = include_str!("../../flows/cold_transfer.yaml");
    Subject::new(SourceFile::new("cold_transfer.yaml", flow)).expect("the shipped flow is good")
});

/// Runs of one file: what is looked for is in each of them, not in their number.
const MOST_RUNS: usize = 16;

fuzz_target!(|text: &str| {
    let source = SourceFile::new("x.test.yaml", text);
    let (suite, mut found) = parse(&source);
    if let Some(suite) = &suite {
        found.extend(names::check(suite, &SUBJECT));
    }
    for diagnostic in &found {
        let place = diagnostic.primary.span;
        assert!(place.start <= place.end && place.end as usize <= text.len(), "{diagnostic:?}");
    }
    let _ = render_human(&source, &found, Style::Plain);
    let Some(suite) = suite.filter(|_| !found.iter().any(Diagnostic::is_error)) else { return };
    let tests = suite.tests.iter().filter(|test| !test.needs_model() && test.explore.is_none());
    let runs = tests.flat_map(|test| orders(test).into_iter().map(move |order| (test, order)));
    for (test, order) in runs.take(MOST_RUNS) {
        let Some(plan) = SUBJECT.plan_of(test) else { continue };
        let ran = run(test, &plan, &order);
        assert!(!ran.world.is_exhausted(), "a call that goes in circles");
        assert!(ran.world.broken_rules().is_empty(), "{:?}", ran.world.broken_rules());
    }
});
