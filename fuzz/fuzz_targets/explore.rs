//! A flow of any make that is good, explored for a while: the machine itself panics at nothing, keeps its own
//! properties whatever the flow, and tells a story for what does not hold. The twin is `tests/hostile/flows.rs`.

#![no_main]

use callflow::check::{EnvMode, check};
use callflow::diagnostic::Rule;
use callflow::explore::{Limits, explore, holds};
use callflow::plan::compile;
use callflow::source::SourceFile;
use libfuzzer_sys::fuzz_target;

/// What a flow can break by what it says; the rest, the machine keeps.
const OF_FLOWS: [Rule; 3] = [Rule::Inevitable, Rule::LeftAlone, Rule::MustPrecede];

fuzz_target!(|text: &str| {
    let Some(flow) = check(&SourceFile::new("nowhere/x.yaml", text), EnvMode::Unknown).flow else { return };
    let plan = compile(flow);
    let report = explore(&plan, &Limits { configurations: 300, findings: 5 }, &mut |_| {});
    for finding in &report.findings {
        assert!(OF_FLOWS.contains(&finding.violation.rule), "{:?}", finding.violation);
        assert!(!finding.trace.in_a_line(&plan).is_empty());
        let _ = (finding.trace.story(&plan), finding.trace.written(&plan));
    }
    // What the search that does not count finds nothing in, there is nothing in.
    assert!(report.findings.is_empty() || !holds(&plan, 300));
});
