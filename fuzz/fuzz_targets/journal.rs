//! A journal of any make: read, replayed through a flow that it may be of, and drawn over it. The twin is
//! `tests/hostile/journals.rs`.

#![no_main]

use std::sync::{Arc, LazyLock};

use callflow::check::{EnvMode, check};
use callflow::plan::graph::{Graph, Trace};
use callflow::plan::{Plan, compile};
use callflow::replay::{Numbers, read, replay};
use callflow::source::SourceFile;
use libfuzzer_sys::fuzz_target;

static PLAN: LazyLock<Arc<Plan>> = LazyLock::new(|| {
    let flow = include_str!("../../flows/cold_transfer.yaml");
    let checked = check(&SourceFile::new("cold_transfer.yaml", flow), EnvMode::Unknown);
    compile(checked.flow.expect("the shipped flow is good"))
});

fuzz_target!(|text: &str| {
    for call in read(text).iter().flatten() {
        let replayed = replay(call, &PLAN, Numbers::default());
        assert!(replayed.same + usize::from(replayed.divergence.is_some()) <= call.steps.len());
    }
    if let Ok(trace) = Trace::read(text, &PLAN) {
        let mut graph = Graph::of(&PLAN, true);
        graph.overlay(&trace);
        let _ = (graph.svg(), graph.dot(), graph.mermaid());
    }
});
