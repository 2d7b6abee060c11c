//! A whole call with everything logged that can be: no key, no number and no word may be found in it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use callflow::sandbox::phone::{Phone, PhoneEvent};

use crate::engine::{CALLED, CARTESIA, DAILY, DEEPGRAM, Engine, OPENAI, OPERATOR, hears, number, until};
use crate::site::{SECRET, TOKEN};

const CALLER: &str = "+15550107771";

const FLOW: &str = r#"
callflow: 1
name: discreet
start: greet
env: {OPERATOR_NUMBER: phone}
targets: {operator: {phone: "{{ env.OPERATOR_NUMBER }}"}}
intents:
  person:
    when: The caller asks for a walrus.
    slots: {reason: {type: text, optional: true}}
    examples: [walrus please, I want a walrus]
states:
  greet: {say: Marigold speaking., next: talk}
  talk: {converse: Your favourite word is periwinkle., on: {intent.person: ring}}
  ring:
    dial: {to: operator, announce: Cinnamon hold., ring: 20s}
    # What is found in a flow is shown with its lines.
    allow: [F047: "they know our numbers", F049: "they pick up themselves"]
    on: {answered: done, otherwise: bye}
  done: {handoff: keep_room}
  bye: {end: Nutmeg farewell.}
"#;

/// Forged requests with numbers, a token and a body that means nothing.
async fn forge(webhook: &str) {
    let http = reqwest::Client::new();
    let body = format!("{{\"From\":\"{CALLER}\",\"To\":\"{CALLED}\",\"callId\":\"x\",\"callDomain\":\"y\"}}");
    for url in [webhook.to_owned(), webhook.replace("/start", "/start_bot")] {
        for body in [body.clone(), format!("{CALLER} zebra")] {
            let token = format!("{TOKEN}x");
            let request = http.post(&url).bearer_auth(token).header("X-Pinless-Signature", SECRET);
            assert!(request.body(body).send().await.unwrap().status().is_client_error());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_call_with_everything_logged_leaks_no_key_no_number_and_no_word() {
    let engine = Engine::start("leaks", FLOW, &["--once"]).await;
    forge(&engine.webhook).await;
    let (operator, mut at_operator) = Phone::wait(engine.phones(), OPERATOR).await.unwrap();
    let placed = Phone::call(engine.phones(), &number(CALLER), &number(CALLED)).await;
    let (caller, mut at_caller) = placed.unwrap();
    hears(&mut at_caller, "Marigold").await;
    caller.say("my zebra is four one one one").unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    caller.say("walrus please").unwrap();
    hears(&mut at_caller, "Cinnamon").await;
    until(&mut at_operator, "it rings", |event| matches!(event, PhoneEvent::Ringing { .. })).await;
    operator.answer().unwrap();
    operator.say("pangolin here").unwrap();
    hears(&mut at_caller, "pangolin").await;
    drop((caller, operator));

    let (engine, screen) = engine.ended().await;
    let log = engine.log();
    assert!(log.contains("TRACE") && log.contains("a request was sent away"), "{log}");
    assert!(log.contains("+1••••••7773"), "the number is logged, masked: {log}");
    assert!(screen.contains("bot hears") && screen.contains("done"), "{screen}");
    silent_about_secrets("the log", &log);
    silent_about_secrets("the screen that nobody sits at", &screen);
    what_a_journal_keeps(&engine.journal);
}

#[track_caller]
fn silent_about_secrets(what: &str, text: &str) {
    let text = text.to_lowercase();
    let keys = [DAILY, DEEPGRAM, OPENAI, CARTESIA, SECRET, TOKEN];
    let words = ["marigold", "periwinkle", "cinnamon", "zebra", "walrus", "pangolin", "four one one one"];
    let numbers = [CALLER, CALLED, OPERATOR].map(|number| &number[1..]);
    // A room's name and a meeting token open the call to whoever has them.
    let rooms = ["callflow-", "eyj"];
    for secret in keys.into_iter().chain(words).chain(numbers).chain(rooms) {
        let line = text.lines().find(|line| line.contains(&secret.to_lowercase()));
        assert_eq!(line, None, "{what} tells {secret}");
    }
}

/// It is asked for by name and exists to hold the words: they are in it, numbers and keys are not, and only its
/// owner may read it.
fn what_a_journal_keeps(path: &Path) {
    assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    let journal = fs::read_to_string(path).unwrap();
    assert!(journal.contains("zebra") && journal.contains("Cinnamon"), "{journal}");
    for secret in [CALLER, CALLED, OPERATOR, DAILY, DEEPGRAM, OPENAI, CARTESIA, SECRET, TOKEN] {
        assert!(!journal.contains(secret), "the journal tells {secret}");
    }
}
