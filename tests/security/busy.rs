//! More callers than lines: they wait a moment, are told, and are not forgotten.

use std::time::{Duration, Instant};

use callflow::sandbox::phone::{Phone, PhoneEvent};
use tokio::sync::mpsc;

use crate::engine::{CALLED, Engine, hears, number, until};

const FLOW: &str = "
callflow: 1
start: greet
intents: {leave: {when: The caller says goodbye.}}
states:
  greet: {say: Hello., next: talk}
  talk: {converse: Be friendly., on: {intent.leave: bye}}
  bye: {end: silent}
";

async fn call(engine: &Engine, from: &str) -> (Phone, mpsc::Receiver<PhoneEvent>) {
    Phone::call(engine.phones(), &number(from), &number(CALLED)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn when_all_lines_are_busy_a_held_caller_waits_for_one_and_is_then_refused_and_logged() {
    let engine = Engine::start("busy", FLOW, &["--max-calls", "1"]).await;
    let (first, mut at_first) = call(&engine, "+15550100001").await;
    hears(&mut at_first, "Hello").await;

    let (second, mut at_second) = call(&engine, "+15550100002").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    first.hang_up().unwrap();
    hears(&mut at_second, "Hello").await;

    #[expect(clippy::disallowed_methods, reason = "the program runs in real time")]
    let asked = Instant::now();
    let (_third, mut at_third) = call(&engine, "+15550100003").await;
    let ping = reqwest::Client::new().post(&engine.webhook).body(r#"{"Test":"test"}"#).send().await.unwrap();
    assert_eq!(ping.status(), 200, "a test of the webhook needs no line");
    until(&mut at_third, "the third is refused", |event| matches!(event, PhoneEvent::HungUp { .. })).await;
    let waited = asked.elapsed();
    assert!(waited > Duration::from_secs(6), "it was given up after {waited:?}");
    let log = engine.log();
    let told = log.lines().find(|line| line.contains("a held caller could not be taken"));
    assert!(told.is_some_and(|line| line.contains("all 1 lines are busy") && line.contains("WARN")), "{log}");
    drop(second);
}
