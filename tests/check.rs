//! The shipped flows are right, and what is wrong is said.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;

use callflow::check::{Checked, EnvMode, check};
use callflow::diagnostic::{Rule, Style, render_human};
use callflow::plan::{self, Event, Kind};
use callflow::source::SourceFile;

fn read(path: &str) -> SourceFile {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    SourceFile::new(path, text)
}

fn env(name: &str) -> Option<String> {
    (name == "OPERATOR_NUMBER").then(|| "+15550100123".to_owned())
}

fn plan_of(source: &SourceFile) -> std::sync::Arc<callflow::plan::Plan> {
    let Checked { flow, diagnostics, .. } = check(source, EnvMode::Known(&env));
    assert!(diagnostics.is_empty(), "{}", render_human(source, &diagnostics, Style::Plain));
    plan::compile(flow.unwrap())
}

#[test]
fn the_cold_transfer_compiles_to_what_it_says() {
    let plan = plan_of(&read("flows/cold_transfer.yaml"));
    assert_eq!(&*plan.name, "cold_transfer");
    assert_eq!(plan.start, plan.state_named("greet").unwrap());
    assert_eq!(plan.states.len(), 6);
    assert_eq!(plan.targets[0].address.reveal(), "+15550100123");
    let dialing = plan.state(plan.state_named("dialing_operator").unwrap());
    let Kind::Dial(dial) = &dialing.kind else { panic!("not a dial: {dialing:?}") };
    assert_eq!(dial.ring.as_secs(), 30);
    assert_eq!(dialing.on[0].event, Event::OperatorAnswered);
    assert_eq!(dialing.on[1].event, Event::Otherwise);
    assert_eq!(dialing.on[1].branches[0].max_visits, Some(2));
    let greet = plan.state(plan.start);
    assert_eq!(greet.on.iter().map(|on| on.event).collect::<Vec<_>>(), [Event::Said, Event::Failed]);
    let converse = plan.state_named("converse").unwrap();
    assert_eq!(plan.intents_of(converse).len(), 2);
    for (index, edge) in plan.edges.iter().enumerate() {
        let Some(from) = edge.from else { continue };
        let on = plan.state(from).on.iter().find(|on| Some(on.event) == edge.event).unwrap();
        assert!(on.branches.iter().any(|b| b.edge.index() == index && b.to == edge.to));
    }
}

#[test]
fn a_flow_is_checked_without_its_environment_but_not_run_without_it() {
    let source = read("flows/cold_transfer.yaml");
    assert!(check(&source, EnvMode::Unknown).flow.is_some());
    let checked = check(&source, EnvMode::Known(&|_| None));
    assert!(checked.flow.is_none());
    assert_eq!(checked.diagnostics.len(), 1);
    let text = render_human(&source, &checked.diagnostics, Style::Plain);
    assert!(text.contains("error[F028]: `OPERATOR_NUMBER` is not set"), "{text}");
    assert!(text.contains("OPERATOR_NUMBER=+1555"), "{text}");
}

#[test]
fn a_wrong_number_in_the_environment_is_reported_and_not_repeated() {
    let source = read("flows/cold_transfer.yaml");
    let checked = check(&source, EnvMode::Known(&|_| Some("0555 867 5309".into())));
    assert!(checked.flow.is_none());
    let text = render_human(&source, &checked.diagnostics, Style::Plain);
    assert!(text.contains("F028") && !text.contains("5309"), "{text}");
}

#[test]
fn every_shipped_flow_is_right() {
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("flows")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "yaml") && !path.to_string_lossy().ends_with(".test.yaml") {
            plan_of(&SourceFile::new(&path, std::fs::read_to_string(&path).unwrap()));
        }
    }
}

/// What the flows under `tests/` see: `MISSING…` is not set, `WRONG…` is not a number.
fn test_env(name: &str) -> Option<String> {
    match name {
        n if n.starts_with("MISSING") => None,
        n if n.starts_with("WRONG") => Some("call me".into()),
        "SHOP" => Some("the shop".into()),
        _ => Some("+15550100123".into()),
    }
}

fn files(folder: &str) -> Vec<(String, SourceFile)> {
    let mut files: Vec<_> = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), path))
        .map(|(stem, path)| {
            let text = std::fs::read_to_string(path).unwrap();
            let source = SourceFile::new(format!("{stem}.yaml"), text);
            (stem, source)
        })
        .collect();
    files.sort_by(|a, b| a.0.cmp(&b.0));
    files
}

#[test]
fn good_flows_have_no_findings() {
    for (name, source) in files("tests/flows/ok") {
        let Checked { flow, diagnostics, .. } = check(&source, EnvMode::Known(&test_env));
        assert!(diagnostics.is_empty(), "{name}\n{}", render_human(&source, &diagnostics, Style::Plain));
        let _ = plan::compile(flow.unwrap());
        let unknown = check(&source, EnvMode::Unknown);
        assert!(unknown.diagnostics.is_empty());
        let _ = plan::compile(unknown.flow.unwrap());
    }
}

#[test]
fn every_mistake_is_said_in_full() {
    for (name, source) in files("tests/flows/err") {
        let Checked { diagnostics, .. } = check(&source, EnvMode::Known(&test_env));
        let code = name.split('_').next().unwrap().to_uppercase();
        assert!(diagnostics.iter().any(|d| d.id.code() == code), "{name} does not show {code}");
        let text = render_human(&source, &diagnostics, Style::Plain);
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name, text);
        });
    }
}

#[test]
fn every_rule_has_a_flow_that_breaks_it() {
    /// Decided by exploring a flow, by its tests, or by its lock: see `tests/explore`, `tests/scenario`, `cli::lock`.
    const ELSEWHERE: [&str; 14] = [
        "F037", "F051", "F052", "F053", "F054", "F055", "F056", "F057", "F058", "F059", "F070", "F071",
        "F072", "F074",
    ];
    let names: Vec<String> = files("tests/flows/err").into_iter().map(|(name, _)| name).collect();
    for rule in Rule::ALL.iter().filter(|rule| !ELSEWHERE.contains(&rule.code())) {
        let prefix = rule.code().to_lowercase();
        assert!(names.iter().any(|name| name.starts_with(&prefix)), "no flow breaks {rule}");
    }
}

#[test]
fn every_error_says_how_it_can_be_mended() {
    for (name, source) in files("tests/flows/err") {
        for d in check(&source, EnvMode::Known(&test_env)).diagnostics {
            let first = d.message.chars().next().unwrap();
            assert!(!first.is_uppercase() || d.message.starts_with('F'), "{name}: {}", d.message);
            assert!(d.primary.span.end as usize <= source.text().len(), "{name}: {}", d.message);
        }
    }
}

#[test]
fn every_rule_is_documented() {
    let page =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/flow-language.md")).unwrap();
    for rule in Rule::ALL {
        assert!(page.contains(&format!("| {rule} |")), "docs/flow-language.md says nothing about {rule}");
    }
}
