//! The shipped flows are right, and what is wrong is said.

use std::path::Path;

use callflow::check::{Checked, EnvMode, check};
use callflow::diagnostic::{Style, render_human};
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
    let Checked { flow, diagnostics } = check(source, EnvMode::Known(&env));
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
