//! `properties:`: what must have happened before something else, found broken wherever a part of a flow or of the
//! machine that holds it is taken out.

use callflow::check::{EnvMode, check};
use callflow::cli::explore::in_check;
use callflow::diagnostic::{Rule, Style, render_human};
use callflow::machine::Input;
use callflow::source::SourceFile;

use crate::rig::{Fault, SOUND, explored, plan_of, rules, told, with_fault};

/// A notice that must be heard, a question that must be accepted, and then somebody is dialled.
const CONSENT: &str = "callflow: 1
start: notice
targets: {desk: {phone: \"+15550100123\"}}
properties:
  - before: {dial: notice}
  - before: {handoff: [notice, agree]}
states:
  notice:
    say: This call is recorded.
    on: {said: agree, failed: sorry}
  agree:
    confirm: Is that all right?
    on: {accepted: ring, declined: sorry, exhausted: sorry}
  ring:
    dial: desk
    on: {answered: talk, otherwise: sorry}
  talk: {handoff: keep_room}
  sorry: {end: Nobody is free. Goodbye.}
";

fn without(part: &str, instead: &str) -> String {
    assert!(CONSENT.contains(part), "{part}");
    CONSENT.replace(part, instead)
}

/// The message, and the way there, of everything that is found.
fn found(flow: &str) -> Vec<(String, String)> {
    let (plan, report) = (plan_of(flow), explored(flow));
    assert!(rules(&report).iter().all(|rule| *rule == Rule::MustPrecede), "{}", told(flow, &report));
    let one = |f: &callflow::explore::Finding| (f.violation.message.clone(), f.trace.in_a_line(&plan));
    report.findings.iter().map(one).collect()
}

#[test]
fn a_flow_in_which_everything_comes_in_its_order_is_proved() {
    let report = explored(CONSENT);
    assert!(report.complete && report.findings.is_empty(), "{}", told(CONSENT, &report));
}

#[test]
fn a_sentence_that_cannot_be_spoken_has_not_been_heard() {
    let flow = without("failed: sorry", "failed: agree");
    let found = found(&flow);
    let [(ring, way), (talk, _)] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(ring, "a call comes to `ring` before `notice` has been heard to its end");
    assert_eq!(way, "caller.joined → (sentence failed) → caller.dtmf(\"1\")");
    assert_eq!(talk, "a call comes to `talk` before `notice` has been heard to its end");
}

#[test]
fn a_sentence_that_the_caller_cuts_has_not_been_heard_although_it_is_said() {
    let cut = "say: {text: This call is recorded., interruptible: true}";
    let found = found(&without("say: This call is recorded.", cut));
    assert!(found.iter().any(|(message, _)| message.contains("`ring` before `notice`")), "{found:?}");
}

#[test]
fn a_question_that_is_declined_is_not_accepted() {
    let found = found(&without("declined: sorry", "declined: ring"));
    let [(talk, way)] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(talk, "a call comes to `talk` before `agree` has been accepted");
    assert_eq!(way, "caller.joined → said → caller.dtmf(\"2\") → operator.answered");
}

#[test]
fn a_key_of_the_whole_flow_that_leads_round_the_notice_is_found() {
    let flow = without(
        "states:\n",
        "always: {caller.dtmf(\"0\"): [{to: ring, max_visits: 1}, {to: sorry}]}\nstates:\n",
    );
    let found = found(&flow);
    assert!(
        found.contains(&(
            "a call comes to `ring` before `notice` has been heard to its end".to_owned(),
            "caller.joined → caller.dtmf(\"0\")".to_owned()
        )),
        "{found:?}"
    );
}

#[test]
fn a_state_cannot_come_before_itself() {
    // By its own name it is refused beforehand; as one of its kind it is found.
    let found = found(&without("{dial: notice}", "{say: notice}"));
    assert_eq!(found[0].1, "caller.joined");
    let source = SourceFile::new("test.yaml", without("{dial: notice}", "{notice: notice}"));
    let refused = check(&source, EnvMode::Unknown).diagnostics;
    assert_eq!(refused[0].message, "`notice` cannot come before itself");
}

/// Of two ways that a group shares an edge for, only the one through the state that is meant counts.
#[test]
fn an_edge_that_a_group_shares_counts_for_the_state_that_is_left() {
    let flow = "callflow: 1
start: one
groups: {asking: {on: {accepted: hub, declined: hub, exhausted: hub}}}
properties: [{before: {after: two}}]
states:
  one: {confirm: One?, group: asking}
  hub: {confirm: Again?, on: {accepted: two, declined: after, exhausted: bye}}
  two: {confirm: Two?, group: asking}
  after: {say: After., next: bye}
  bye: {end: Goodbye.}
";
    let found = found(flow);
    let [(message, way)] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(message, "a call comes to `after` before `two` has been accepted");
    assert_eq!(way, "caller.joined → said → caller.dtmf(\"1\") → caller.dtmf(\"2\")");
}

#[test]
fn what_no_call_can_do_is_no_way() {
    // As a graph, `ring` can be reached past the notice; the guard keeps every call from it.
    let flow = "callflow: 1
start: first
vars: {told: {type: bool, default: false}}
targets: {desk: {phone: \"+15550100123\"}}
properties: [{before: {dial: notice}}]
states:
  first: {choose: [{if: told, to: ring}, {else: notice}]}
  notice: {say: This call is recorded., on: {said: {to: first, set: {told: true}, max_visits: 1}, failed: sorry}}
  ring: {dial: desk, on: {answered: talk, otherwise: sorry}}
  talk: {handoff: keep_room}
  sorry: {end: Nobody is free. Goodbye.}
";
    // The last entry has no condition.
    let flow = flow.replace(
        "said: {to: first, set: {told: true}, max_visits: 1}",
        "said: [{to: first, set: {told: true}, max_visits: 1}, {to: sorry}]",
    );
    assert_eq!(found(&flow), []);
}

#[test]
fn a_machine_that_takes_a_failed_sentence_for_a_heard_one_is_found() {
    let failed = Fault {
        hears: |_, input| match input {
            Input::SayFailed { utterance } => vec![Input::Said { utterance, heard_all: true }],
            input => vec![input],
        },
        ..SOUND
    };
    let report = with_fault(CONSENT, failed);
    assert!(rules(&report).contains(&Rule::MustPrecede), "{}", told(CONSENT, &report));
}

/// Which key means yes is the machine's to know: what it takes for one is one to whoever looks at the edges. The
/// tests of the machine hold that.
#[test]
fn a_machine_that_takes_a_no_for_a_yes_is_masked() {
    let fault = Fault {
        hears: |_, input| match input {
            Input::Dtmf { digit: '2' } => vec![Input::Dtmf { digit: '1' }],
            input => vec![input],
        },
        ..SOUND
    };
    let report = with_fault(CONSENT, fault);
    assert!(report.complete && report.findings.is_empty(), "{}", told(CONSENT, &report));
}

#[test]
fn what_is_found_is_told_with_its_place_the_wish_and_a_test() {
    let flow = without("failed: sorry", "failed: agree");
    let source = SourceFile::new("consent.yaml", flow.clone());
    let (diagnostics, complete) = in_check(check(&source, EnvMode::Unknown).flow.unwrap());
    assert!(complete);
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("f059_before", render_human(&source, &diagnostics, Style::Plain));
    });
    let plan = plan_of(&flow);
    let script = explored(&flow).findings[0].trace.script(&plan, "F059");
    assert_eq!(
        script,
        "  - name: \"F059\"
    script:
      - caller.joined
      - expect: {state: notice}
      - say.failed
      - expect: {state: agree}
      - caller.dtmf: \"1\"
      - expect: {state: ring}
"
    );
}

/// What a state came to counts, not the name of the edge that this took.
#[test]
fn an_answer_that_takes_otherwise_is_an_answer() {
    let flow = "callflow: 1\nstart: ask\ntools: {t: {http: {url: \"https://api.example.com/\"}, timeout: 2s}}\n\
                properties:\n  - before: {told: ask}\nstates:\n  ask:\n    call_api: t\n    \
                on: {failed: bye, otherwise: told}\n  told: {end: It is so.}\n  bye: {end: Goodbye.}\n";
    assert_eq!(found(flow), []);
    let one_way = flow.replace("{failed: bye, otherwise: told}", "{otherwise: told}");
    let found = found(&one_way.replace("  bye: {end: Goodbye.}\n", ""));
    let [(message, _)] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(message, "a call comes to `told` before `ask` has its answer");
}
