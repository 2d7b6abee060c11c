//! A flow file of any bytes: checked, shown, and if it is good compiled and drawn. Nothing panics, nothing hangs, and
//! every finding has its place within the text. The twin in the suite is `tests/hostile/flows.rs`.

#![no_main]

use callflow::check::{EnvMode, check};
use callflow::diagnostic::{
    Diagnostic, Style, render_github, render_human, render_json, render_sarif, render_short,
};
use callflow::plan::compile;
use callflow::plan::graph::Graph;
use callflow::source::SourceFile;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    // In a folder that is not there: `use:` and `prompt_file:` take in nothing.
    let checked = check(&SourceFile::new("nowhere/x.yaml", text), EnvMode::Unknown);
    let (source, found) = (checked.source, checked.diagnostics);
    for diagnostic in &found {
        let places = diagnostic.secondary.iter().map(|label| label.span).chain([diagnostic.primary.span]);
        for place in places {
            assert!(place.start <= place.end && place.end as usize <= source.text().len(), "{diagnostic:?}");
            assert!(source.text().is_char_boundary(place.start as usize), "{diagnostic:?}");
            assert!(source.text().is_char_boundary(place.end as usize), "{diagnostic:?}");
        }
    }
    assert_eq!(checked.flow.is_none(), found.iter().any(Diagnostic::is_error));
    let _ = render_human(&source, &found, Style::Plain);
    assert_eq!(render_short(&source, &found).lines().count(), found.len());
    assert_eq!(render_github(&source, &found).lines().count(), found.len());
    let findings = [(source, found)];
    let _ = (render_json(&findings), render_sarif(&findings));
    if let Some(flow) = checked.flow {
        let graph = Graph::of(&compile(flow), true);
        let _ = (graph.mermaid(), graph.dot(), graph.svg());
    }
});
