//! Tests that need a real model: skipped without a key in every output, and played over HTTP with one. The model is
//! the sandbox's, on loopback, with replies that are fixed beforehand where one must be certain.

use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use callflow::pii::Utterance;
use callflow::sandbox::openai::Script;
use callflow::sandbox::{Sandbox, SandboxOptions};
use callflow::scenario::{Asked, Exchange, Model, Move, Replied, Verdict, run_played};
use serde_json::Value;

use super::stage::{findings, flow, shipped, suite};

const TESTS: &str = r#"tests:
  - name: a hurried caller is understood
    tags: [llm]
    script:
      - caller.plays: {as: You are in a hurry and want a human being., turns: 4, until: confirm_transfer}
      - "yes"
      - operator.answered
    expect: {state: handed_off}
    judge:
      - The bot promises no transfer before the caller has agreed.
      - The caller is greeted.
  - name: no model here
    script: ["that's all, bye"]
    expect: {outcome: completed}
"#;

const REPLIES: &str = r#"
- {when: What can I help you with, say: Get me a person now.}
- {when: Get me a person, calls: [{name: dial_operator, arguments: {reason: hurry}}]}
- {when: promises no transfer, calls: [{name: verdict, arguments: {holds: true, why: The question comes first.}}]}
- {when: is greeted, calls: [{name: verdict, arguments: {holds: HOLDS, why: The first sentence is a greeting.}}]}
"#;

/// Runs `callflow test` in a folder of its own, with this environment and no other settings.
fn test(name: &str, tests: &str, args: &[&str], env: &[(&str, &str)]) -> (Option<i32>, String, String) {
    test_flow(name, &std::fs::read_to_string("flows/cold_transfer.yaml").unwrap(), tests, args, env)
}

/// The same, of another flow.
fn test_flow(
    name: &str,
    flow: &str,
    tests: &str,
    args: &[&str],
    env: &[(&str, &str)],
) -> (Option<i32>, String, String) {
    let root = std::env::temp_dir().join(format!("callflow-model-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&root);
    std::fs::create_dir_all(&root).unwrap();
    std::fs::write(root.join("a.yaml"), flow).unwrap();
    std::fs::write(root.join("a.test.yaml"), tests).unwrap();
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_callflow"))
        .current_dir(&root)
        .args(["test", "a.yaml"])
        .args(args)
        .env_remove("OPENAI_API_KEY")
        .env_remove("OPENAI_BASE_URL")
        .envs(env.iter().copied())
        .output()
        .unwrap();
    let _ = std::fs::remove_dir_all(&root);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

/// The same, with the sandbox's model behind the key.
async fn with_model(name: &'static str, tests: &str, replies: &str) -> (Option<i32>, Value) {
    let script = Script::parse(replies).unwrap();
    let sandbox = Sandbox::start(SandboxOptions { script, ..SandboxOptions::default() }).await.unwrap();
    let (url, tests) = (sandbox.urls().openai.clone(), tests.to_owned());
    let ran = tokio::task::spawn_blocking(move || {
        let env = [("OPENAI_API_KEY", "k"), ("OPENAI_BASE_URL", url.as_str())];
        test(name, &tests, &["--format", "json"], &env)
    });
    let (status, out, err) = ran.await.unwrap();
    assert_eq!(err, "");
    (status, serde_json::from_str(&out).unwrap())
}

#[test]
fn without_a_key_they_are_skipped_with_the_reason_in_every_output() {
    let reason = "needs a real model, and OPENAI_API_KEY is not set";
    let (status, out, _) = test("human", TESTS, &[], &[]);
    assert_eq!(status, Some(0), "{out}");
    assert!(out.contains(&format!("a hurried caller is understood ({reason})")), "{out}");
    assert!(out.contains("1 passed, 1 skipped"), "{out}");
    let (_, out, _) = test("json", TESTS, &["--format", "json"], &[]);
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (&json["tests"][0]["result"], &json["tests"][0]["reason"]),
        (&"skipped".into(), &reason.into())
    );
    let (_, out, _) = test("junit", TESTS, &["--format", "junit"], &[]);
    assert!(out.contains(&format!("<skipped message=\"{reason}\"/>")), "{out}");
    let (_, out, _) = test("offline", TESTS, &["--offline"], &[("OPENAI_API_KEY", "k")]);
    assert!(out.contains("needs a real model, and --offline asks none"), "{out}");
    // An empty key is none.
    let (_, out, _) = test("empty", TESTS, &[], &[("OPENAI_API_KEY", " ")]);
    assert!(out.contains(reason), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_plays_the_caller_is_the_bot_and_judges() {
    let (status, json) = with_model("plays", TESTS, &REPLIES.replace("HOLDS", "true")).await;
    assert_eq!((status, &json["passed"]), (Some(0), &2.into()), "{json:#}");
    let (status, json) = with_model("judges", TESTS, &REPLIES.replace("HOLDS", "false")).await;
    let failed = &json["tests"][0];
    assert_eq!(
        (status, &failed["message"]),
        (Some(1), &"the judge says that this is not so".into()),
        "{json:#}"
    );
    assert_eq!(
        (&failed["help"], &failed["place"]["line"]),
        (&"The first sentence is a greeting.".into(), &11.into())
    );
    let story = failed["story"].to_string();
    assert!(
        story.contains("“Get me a person now.”") && story.contains("handed_off") || story.contains("hands"),
        "{story}"
    );
}

/// Left to itself, the sandbox's stand-in talks, and no part lasts longer than it may.
#[tokio::test(flavor = "multi_thread")]
async fn a_part_has_so_many_turns_and_no_more() {
    let tests =
        "tests:\n  - name: x\n    script:\n      - caller.plays: {as: You chat., turns: 3, until: goodbye}\n";
    let (status, json) = with_model("turns", tests, "[]").await;
    let failed = &json["tests"][0];
    assert_eq!(
        (status, &failed["message"]),
        (Some(1), &"`goodbye` was not entered within 3 turns of the caller".into()),
        "{json:#}"
    );
    let said = failed["story"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|line| line.as_str().unwrap().contains("caller  “"));
    assert_eq!(said.count(), 3, "{json:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_played_caller_may_hang_up() {
    let tests = "tests:\n  - name: x\n    script:\n      - caller.plays: You hang up at once.\n    expect: {outcome: caller_left}\n";
    let (status, json) = with_model("hangs-up", tests, "- {calls: [{name: hang_up}]}\n").await;
    assert_eq!((status, &json["passed"]), (Some(0), &1.into()), "{json:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_refuses_or_does_not_decide_fails_the_test_and_says_why() {
    let tests = "tests:\n  - name: x\n    script: [\"hello\"]\n    tags: [llm]\n";
    let (status, json) =
        with_model("refuses", tests, "- {error: {status: 401, message: no such key}}\n").await;
    let message = json["tests"][0]["message"].as_str().unwrap();
    assert_eq!(status, Some(1));
    assert!(message.starts_with("the model could not be asked: "), "{message}");
    let tests = "tests:\n  - name: x\n    script: []\n    judge: The caller is greeted.\n";
    let (status, json) = with_model("undecided", tests, "- {say: Who knows.}\n").await;
    let message = json["tests"][0]["message"].as_str().unwrap();
    assert_eq!((status, message), (Some(1), "there is no verdict: the judge did not decide"));
}

/// The flow's own tools are asked for by the model and answered by the script.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_listens_at_the_url_and_the_test_says_so() {
    let env = [("OPENAI_API_KEY", "k"), ("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")];
    let tests = "tests:\n  - name: x\n    script: [\"hello\"]\n    tags: [llm]\n";
    let (status, out, _) = test("nobody", tests, &[], &env);
    assert_eq!(status, Some(1));
    assert!(out.contains("the model could not be asked"), "{out}");
    let (status, _, err) =
        test("url", tests, &[], &[("OPENAI_API_KEY", "k"), ("OPENAI_BASE_URL", "nowhere")]);
    assert_eq!((status, err.as_str()), (Some(2), "error: OPENAI_BASE_URL is not a URL of a server\n"));
}

#[test]
fn what_is_wrong_with_a_part_is_told() {
    let text = "tests:\n  - name: x\n    script:\n      - caller.plays: {turns: 99, until: confirm}\n      - caller.plays\n      - race: [caller.plays: You, caller.left]\n";
    let found = findings(text, &shipped("cold_transfer.yaml"));
    let messages: Vec<_> = found.iter().map(|found| found.message.as_str()).collect();
    assert!(messages.iter().any(|m| m.contains("needs `as`")), "{messages:?}");
    assert!(messages.iter().any(|m| m.contains("`caller.plays` needs a value")), "{messages:?}");
    assert!(
        found.iter().any(|f| f.help.as_deref().is_some_and(|h| h.contains("does not happen at one moment"))),
        "{messages:?}"
    );
}

/// A flow with a model of its own is tested with that, and with no other.
#[tokio::test(flavor = "multi_thread")]
async fn a_flow_with_a_model_of_its_own_is_tested_with_that() {
    let script = Script::parse("- {say: \"Four people, of course.\", times: 9}\n").unwrap();
    let sandbox = Sandbox::start(SandboxOptions { script, ..SandboxOptions::default() }).await.unwrap();
    let url = sandbox.urls().llm.clone();
    let flow = "callflow: 1\nstart: talk\nenv: {MODEL_URL: text, MODEL_KEY: text}\n\
                services: {llm: {model: small, base_url: \"{{ env.MODEL_URL }}\", key: \"{{ env.MODEL_KEY }}\"}}\n\
                states:\n  talk: {converse: Talk., on: {caller.dtmf(\"0\"): bye}}\n  bye: {end: Bye.}\n";
    let tests =
        "tests:\n  - {name: x, tags: [llm], script: [\"a table for four\"], expect: {said: of course}}\n";
    let ran = tokio::task::spawn_blocking(move || {
        let run = |name, env: &[(&str, &str)]| test_flow(name, flow, tests, &["--format", "json"], env);
        // The vendor is not asked instead: nobody listens there.
        let vendor = [("OPENAI_API_KEY", "k"), ("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")];
        let own = [("MODEL_URL", url.as_str()), ("MODEL_KEY", "k")];
        (run("own", &own), run("both", &[vendor, own].concat()), run("vendor", &vendor))
    });
    let (own, both, vendor) = ran.await.unwrap();
    for (status, out, err) in [own, both] {
        assert_eq!((status, err.as_str()), (Some(0), ""), "{out}");
        assert!(out.contains("\"passed\":1"), "{out}");
    }
    let json: Value = serde_json::from_str(&vendor.1).unwrap();
    assert_eq!(
        json["tests"][0]["reason"],
        "needs a real model, and the environment does not say where the flow's own is"
    );
}

/// What each question was asked with, for tests of it.
#[derive(Default)]
struct Listening {
    bot: Vec<Vec<Exchange>>,
    caller: Vec<Vec<Exchange>>,
}

impl Model for Listening {
    fn reply(&mut self, asked: &Asked<'_>) -> Result<Replied, String> {
        self.bot.push(asked.exchange.to_vec());
        Ok(Replied { words: Utterance::new(format!("Answer {}.", self.bot.len())), calls: Vec::new() })
    }

    fn play(&mut self, _: &str, heard: &[Exchange]) -> Result<Move, String> {
        self.caller.push(heard.to_vec());
        Ok(Move::Says(Utterance::new(format!("Question {}?", self.caller.len()))))
    }

    fn judge(&mut self, _: &str, _: &str) -> Result<Verdict, String> {
        Err("not asked".to_owned())
    }
}

/// Who said what, in one line.
fn told(exchange: &[Exchange]) -> String {
    let one = |one: &Exchange| match one {
        Exchange::Caller(words) => format!("c:{}", words.text()),
        Exchange::Bot(words) => format!("b:{}", words.text()),
        Exchange::Call { name, .. } => format!("call:{name}"),
        Exchange::Earlier(all) => format!("[{}]", told(all)),
    };
    exchange.iter().map(one).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_bot_forgets_or_sums_up_as_its_flow_says_and_the_caller_remembers() {
    for (context, knows) in [
        ("append", "c:hello b:Answer 1. c:Question 1?"),
        ("reset", "c:Question 1?"),
        ("summary", "[c:hello b:Answer 1.] c:Question 1?"),
    ] {
        let subject = flow(&format!(
            "callflow: 1\nstart: talk\nstates:\n  talk: {{converse: {{prompt: Talk., first: caller}}, on: {{caller.dtmf(\"1\"): more}}}}\n  \
             more:\n    converse: {{prompt: Talk on., context: {context}, first: caller}}\n    on: {{caller.dtmf(\"0\"): bye}}\n  \
             bye: {{end: Bye.}}\n"
        ));
        let tests = "tests:\n  - name: x\n    script: [\"hello\", {caller.dtmf: \"1\"}, {caller.plays: {as: You ask., turns: 2}}]\n";
        let listening = Arc::new(Mutex::new(Listening::default()));
        let test = &suite(tests, &subject).tests[0];
        let ran = run_played(test, subject.plan(), &[], listening.clone());
        assert!(ran.failure.is_none(), "{context}: {:?}", ran.failure);
        let listening = listening.lock().unwrap();
        assert_eq!(told(&listening.bot[1]), knows, "{context}");
        assert!(told(&listening.caller[0]).starts_with("c:hello b:Answer 1."), "{context}");
        assert_eq!(told(&listening.caller[1]), "c:hello b:Answer 1. c:Question 1? b:Answer 2.", "{context}");
    }
}
