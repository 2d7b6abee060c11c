//! A condition and a text with `{{ … }}` of any make, in a flow that is good otherwise: what the template scanner and
//! the guard checker make of them. The two are divided by the first NUL. The twin is `tests/hostile/flows.rs`.

#![no_main]

use callflow::check::{EnvMode, check};
use callflow::plan::compile;
use callflow::source::SourceFile;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    let (condition, text) = input.split_once('\0').unwrap_or(("topic is set", input));
    let quoted = |text: &str| serde_json::to_string(text).expect("a text is JSON");
    let flow = format!(
        "callflow: 1\nstart: a\nenv: {{SHOP: text}}\nvars: {{topic: text, count: {{type: int, default: 0}}}}\n\
         hours: {{office: {{tz: Europe/Berlin, open: [\"Mon-Fri 09:00-17:00\"]}}}}\nstates:\n  \
         a:\n    choose:\n      - {{if: {}, to: b}}\n      - {{else: b}}\n  b: {{end: {}}}\n",
        quoted(condition),
        quoted(text),
    );
    let checked = check(&SourceFile::new("nowhere/x.yaml", flow), EnvMode::Unknown);
    for diagnostic in &checked.diagnostics {
        let place = diagnostic.primary.span;
        assert!(
            place.start <= place.end && place.end as usize <= checked.source.text().len(),
            "{diagnostic:?}"
        );
    }
    if let Some(flow) = checked.flow {
        let _ = compile(flow);
    }
});
