//! The shipped flows are right, and what is wrong is said.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod sarif;

use std::path::Path;

use callflow::check::{Checked, EnvMode, check};
use callflow::diagnostic::{Rule, Style, render_human, render_sarif};
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

/// The flows of a folder, without the tests and locks beside some.
fn files(folder: &str) -> Vec<(String, SourceFile)> {
    let mut files: Vec<_> = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .filter(|path| !path.to_string_lossy().ends_with(".test.yaml"))
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

/// Rules that want more than the text of a flow: its calls explored, its tests run, its lock compared.
const WANTING_MORE: [&str; 6] = ["F053", "F059", "F070", "F071", "F072", "F074"];

/// The rule that a broken flow is about.
fn code_of(name: &str) -> String {
    name.split('_').next().unwrap().to_uppercase()
}

/// All that the program itself prints about a broken flow.
fn printed(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/flows/err");
    let mut check = std::process::Command::new(env!("CARGO_BIN_EXE_callflow"));
    let check = check.current_dir(folder).env_clear().args(["check", "--tests", &format!("{name}.yaml")]);
    let output = check.output().unwrap();
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

#[test]
fn every_mistake_is_said_in_full() {
    for (name, source) in files("tests/flows/err") {
        let code = code_of(&name);
        let text = if WANTING_MORE.contains(&&*code) {
            let text = printed(&name);
            assert!(text.contains(&format!("[{code}]: ")), "{name} does not show {code}");
            text
        } else {
            let Checked { diagnostics, .. } = check(&source, EnvMode::Known(&test_env));
            assert!(diagnostics.iter().any(|d| d.id.code() == code), "{name} does not show {code}");
            render_human(&source, &diagnostics, Style::Plain)
        };
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name, text);
        });
    }
}

#[test]
fn every_rule_has_a_flow_that_breaks_it() {
    /// What no flow can break, and what keeps it; the tests take that out, or try to write it.
    const KEPT: [(&str, &str); 10] = [
        ("F037", "the machine arms a deadline for whatever it waits for: tests/explore/mutants.rs"),
        ("F048", "`late_answer` has a default and no word for none: a_late_answer_has_a_policy… below"),
        ("F04B", "a room's life is no key of the language: a_flow_has_no_key_for_the_life_of_a_room below"),
        ("F051", "the machine has room for one leg: tests/explore/mutants.rs"),
        ("F052", "the machine ends its own sentences before a handoff: tests/explore/mutants.rs"),
        ("F054", "the machine drops answers with ids that are over: tests/explore/mutants.rs"),
        ("F055", "the machine gives every command an id and a deadline: tests/explore/mutants.rs"),
        ("F056", "the machine hangs up whoever answers for nobody: tests/explore/mutants.rs"),
        ("F057", "a machine that is over does nothing: tests/explore/mutants.rs"),
        ("F058", "the machine lets a discarded reply propose nothing: tests/explore/mutants.rs"),
    ];
    let shown: Vec<String> = files("tests/flows/err").iter().map(|(name, _)| code_of(name)).collect();
    for rule in Rule::ALL {
        let kept = KEPT.iter().any(|(code, _)| *code == rule.code());
        assert_ne!(shown.iter().any(|code| code == rule.code()), kept, "{rule}");
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

fn checked(text: &str) -> Checked {
    check(&SourceFile::new("flow.yaml", text), EnvMode::Unknown)
}

fn codes(checked: &Checked) -> Vec<&'static str> {
    checked.diagnostics.iter().map(|d| d.id.code()).collect()
}

const A_DIAL: &str = r#"callflow: 1
start: ring
targets: {desk: {sip: "sip:desk@example.com"}}
states:
  ring:
    dial: {to: desk, accept: Press 1 to take the call.}
    on: {accepted: done, otherwise: bye}
  done: {handoff: keep_room}
  bye: {end: Goodbye.}
"#;

/// F048: there is a default, and no way to write something that is none.
#[test]
fn a_late_answer_has_a_policy_even_where_none_is_written() {
    let plan = plan::compile(checked(A_DIAL).flow.unwrap());
    let Kind::Dial(dial) = &plan.states[0].kind else { panic!("not a dial") };
    assert_eq!(dial.late_answer, plan::LateAnswer::HangUp);
    for none in ["maybe", "\"\"", "null", "[]"] {
        let text = A_DIAL.replace("{to: desk,", &format!("{{to: desk, late_answer: {none},"));
        assert_eq!(codes(&checked(&text)), ["F005"], "{none}");
    }
}

/// F04B: how long a room lives is not the flow's.
#[test]
fn a_flow_has_no_key_for_the_life_of_a_room() {
    let text = A_DIAL.replace("start: ring\n", "start: ring\ncall: {max_duration: 1h, room_lifetime: 10m}\n");
    assert_eq!(codes(&checked(&text)), ["F003"]);
}

/// F036: what is left out is the ladder, and behind its end is an end.
#[test]
fn silence_in_a_converse_is_handled_where_nothing_is_written() {
    let text = "callflow: 1\nstart: talk\nstates:\n  talk: {converse: Be kind., on: {caller.dtmf(\"0\"): bye}}\n  bye: {end: Bye.}\n";
    let found = checked(text);
    assert_eq!(codes(&found), [""; 0]);
    let plan = plan::compile(found.flow.unwrap());
    let Kind::Converse(converse) = &plan.states[0].kind else { panic!("not a converse") };
    assert_eq!(converse.silence.steps.len(), 2);
    assert!(converse.silence.steps[0].say.is_some() && converse.silence.steps[1].say.is_none());
}

/// F032 against every walk: flows whose circles are all bounded, and in which each state takes a time of its own.
#[test]
fn the_longest_way_is_the_longest_of_all_that_there_are() {
    /// One state: how long it takes; where it goes on; where it goes back to, and how often.
    struct State {
        seconds: u64,
        on: usize,
        back: usize,
        times: u32,
        otherwise: usize,
    }
    fn longest(states: &[State], at: usize, left: &mut [u32]) -> u64 {
        let Some(state) = states.get(at) else { return 0 };
        let mut most = longest(states, state.on, left).max(longest(states, state.otherwise, left));
        if left[at] > 0 {
            left[at] -= 1;
            most = most.max(longest(states, state.back, left));
            left[at] += 1;
        }
        state.seconds + most
    }
    let mut seed = 7_u64;
    let mut random = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    for _ in 0..300 {
        let count = 1 + random(5) as usize;
        let mut further = |at: usize| at + 1 + random((count - at) as u64) as usize;
        let ways: Vec<(usize, usize)> = (0..count).map(|at| (further(at), further(at))).collect();
        let states: Vec<State> = ways
            .into_iter()
            .map(|(on, otherwise)| State {
                seconds: 11 + random(49),
                on,
                back: random(count as u64) as usize,
                times: 1 + random(2) as u32,
                otherwise,
            })
            .collect();
        let mut text = "callflow: 1\nstart: s0\ncall: {max_duration: 10s}\ntools: {t: {http: {url: \"https://api.example.com/\"}}}\nstates:\n".to_owned();
        for (at, state) in states.iter().enumerate() {
            let State { seconds, on, back, times, otherwise } = state;
            text += &format!(
                "  s{at}:\n    call_api: {{tool: t, timeout: {seconds}s}}\n    on: {{ok: s{on}, failed: [{{to: s{back}, max_visits: {times}}}, s{otherwise}]}}\n"
            );
        }
        text += &format!("  s{count}: {{end: Goodbye.}}\n");
        let mut left: Vec<u32> = states.iter().map(|state| state.times).collect();
        let seconds = longest(&states, 0, &mut left);
        let found = checked(&text).diagnostics;
        let found = found.iter().find(|d| d.id == Rule::WorstCase).map(|d| d.message.as_str());
        let time = callflow::flow::show_duration(std::time::Duration::from_secs(seconds));
        let expected = format!("a call can take {time}, and `max_duration` is 10s");
        assert_eq!(found, Some(&*expected), "{text}");
    }
}

/// Every finding of every broken flow, in one run, and of flows without any.
#[test]
fn what_is_found_is_sarif_as_the_standard_wants_it() {
    let found = |name: &str| {
        let all = files(name).into_iter().map(|(_, source)| check(&source, EnvMode::Known(&test_env)));
        all.map(|checked| (checked.source, checked.diagnostics)).collect::<Vec<_>>()
    };
    for findings in [found("tests/flows/err"), found("tests/flows/ok"), Vec::new()] {
        let sarif: serde_json::Value = serde_json::from_str(&render_sarif(&findings)).unwrap();
        let count = findings.iter().map(|(_, found)| found.len()).sum::<usize>();
        assert_eq!(sarif["runs"][0]["results"].as_array().unwrap().len(), count);
        assert_eq!(sarif::errors(&sarif), [""; 0]);
    }
}

/// Names of files that are no URIs as they stand.
#[test]
fn any_name_of_a_file_is_sarif_as_the_standard_wants_it() {
    for name in
        ["a b.yaml", "ä/ö.yaml", "a#b?c%20.yaml", "c:d.yaml", "[x]^`{y}|.yaml", "./-.yaml", "//a/b.yaml"]
    {
        let checked = check(&SourceFile::new(name, "callflow: 1\nstart: \u{1f600}\n"), EnvMode::Unknown);
        let sarif = render_sarif(&[(checked.source, checked.diagnostics)]);
        let sarif: serde_json::Value = serde_json::from_str(&sarif).unwrap();
        assert_eq!(sarif::errors(&sarif), [""; 0], "{name}");
        let uri =
            &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
        let uri = uri.as_str().unwrap();
        // Neither a scheme nor a host is read into it.
        assert!(!uri.starts_with("//") && !uri.split('/').next().unwrap().contains(':'), "{uri}");
    }
}

#[test]
fn the_schema_of_the_standard_refuses_what_is_no_sarif() {
    let good: serde_json::Value = serde_json::from_str(&render_sarif(&[])).unwrap();
    assert_eq!(sarif::errors(&good), [""; 0]);
    for (key, value) in [("version", "2.0.0".into()), ("runs", serde_json::Value::Null), ("more", 1.into())] {
        let mut bad = good.clone();
        bad[key] = value;
        assert!(!sarif::errors(&bad).is_empty(), "{key}");
    }
}

/// The finding stands at an intent, which is in no state; the state that offers both may say that it is meant so.
#[test]
fn two_intents_that_are_meant_to_be_alike_are_waived_where_both_are_offered() {
    let flow = |first: &str, second: &str| {
        format!(
            "callflow: 1\nstart: talk\nintents:\n  billing: {{when: The caller has a question about an invoice.}}\n  \
             invoices: {{when: The caller asks a question about the invoice.}}\nstates:\n  talk:\n    converse: Be brief.\n    \
             {first}\n    on: {{intent.billing: more, intent.invoices: bye}}\n  more:\n    converse: Be kind.\n    {second}\n    \
             on: {{intent.billing: bye, intent.invoices: bye}}\n  bye: {{end: Goodbye.}}\n"
        )
    };
    let waiver = "allow: [F061: \"told apart by the invoice's number\"]";
    assert_eq!(codes(&checked(&flow("", ""))), ["F061"]);
    assert_eq!(codes(&checked(&flow(waiver, ""))), [""; 0]);
    assert_eq!(codes(&checked(&flow("", waiver))), ["F061", "F073"]);
    let found = checked(&flow("", ""));
    let places: Vec<_> = found.diagnostics[0].secondary.iter().map(|l| found.source.slice(l.span)).collect();
    assert_eq!(places[1], "converse");
}

/// A timer that is due when it is set, or an event that never comes.
#[test]
fn no_time_at_all_is_refused() {
    let flow = |timeout: &str, silent: &str| {
        format!(
            "callflow: 1\nstart: a\nstates:\n  a:\n    converse: Talk.\n    timeout: {timeout}\n    \
             on: {{timeout: bye, caller.silent({silent}): bye}}\n  bye: {{end: Bye.}}\n"
        )
    };
    assert_eq!(codes(&checked(&flow("20s", "5s"))), [""; 0]);
    assert_eq!(codes(&checked(&flow("0m", "5s"))), ["F005"]);
    assert_eq!(codes(&checked(&flow("20s", "0ms"))), ["F009"]);
}

/// What a condition uses that cannot be read is not known, and no second finding.
#[test]
fn what_stands_where_a_condition_could_not_be_read_is_not_called_unused() {
    let flow = |guard: &str| {
        format!(
            "callflow: 1\nstart: a\nvars: {{count: {{type: int, default: 0}}}}\nintents: {{more: {{when: More., slots: {{count: int}}}}}}\n\
             states:\n  talk:\n    converse: Talk.\n    on: {{intent.more: a}}\n  a:\n    choose:\n      \
             - {{if: {guard}, to: talk}}\n      - else: bye\n  bye: {{end: Bye.}}\n"
        )
    };
    assert_eq!(codes(&checked(&flow("count > 3"))), [""; 0]);
    assert_eq!(codes(&checked(&flow("count > 1e3"))), ["F021"]);
    assert_eq!(codes(&checked(&flow("attempts(a) > 1e3"))), ["F013", "F021"]);
}

#[test]
fn nothing_comes_before_itself() {
    let flow = |wish: &str| {
        format!(
            "callflow: 1\nstart: a\nproperties: [{{before: {{{wish}}}}}]\nstates:\n  a: {{say: Hi., on: {{said: b, failed: b}}}}\n  \
             b: {{say: Ho., next: bye}}\n  bye: {{end: Bye.}}\n"
        )
    };
    assert_eq!(codes(&checked(&flow("b: a"))), [""; 0]);
    assert_eq!(codes(&checked(&flow("b: b"))), ["F005"]);
}
