//! docs/from-pipecat-flows.md: what it shows is what the checker says, and the flows written anew are right.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use callflow::check::{Checked, EnvMode, check};
use callflow::diagnostic::{Style, render_human};
use callflow::plan;
use callflow::source::SourceFile;

const PAGE: &str = include_str!("../docs/from-pipecat-flows.md");

fn blocks(language: &str) -> Vec<&'static str> {
    let begin = format!("```{language}\n");
    PAGE.split(&*begin).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

#[test]
fn the_shapes_of_the_originals_get_the_findings_that_are_shown() {
    let (flows, said) = (blocks("yaml"), blocks("text"));
    assert_eq!((flows.len(), said.len()), (3, 3));
    for (flow, said) in flows.into_iter().zip(said) {
        let name = flow.lines().next().unwrap().trim_start_matches("# ");
        let source = SourceFile::new(name, flow);
        let found = render_human(&source, &check(&source, EnvMode::Unknown).diagnostics, Style::Plain);
        assert_eq!(found.trim_end(), said.trim_end(), "{name}");
    }
}

#[test]
fn the_flows_written_anew_have_no_findings() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/from-pipecat");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !name.ends_with(".yaml") || name.ends_with(".test.yaml") {
            continue;
        }
        count += 1;
        assert!(PAGE.contains(&format!("examples/from-pipecat/{name}")), "the page does not name {name}");
        let source = SourceFile::new(&path, std::fs::read_to_string(&path).unwrap());
        let Checked { flow, diagnostics, .. } = check(&source, EnvMode::Unknown);
        assert!(diagnostics.is_empty(), "{}", render_human(&source, &diagnostics, Style::Plain));
        let _ = plan::compile(flow.unwrap());
    }
    assert_eq!(count, 3);
}
