//! Cases of the catalogue of which no machine is told: the sandbox brings each about by its name, and the call is
//! the real one.

use std::sync::Arc;
use std::time::Duration;

use callflow::machine::{LegOutcome, Outcome};
use callflow::plan::Plan;
use callflow::sandbox::catalogue::faults_of;
use callflow::scenario::faults::{CATALOGUE, Place};
use callflow::session::CallRecord;
use tokio::time::timeout;

use crate::world::{DESK, World, flow};

const GREETING: &str = "Hello there.";
const LEFT: &str = "The other person has left the call. Goodbye.";

fn plan() -> Arc<Plan> {
    flow(&format!(
        "  begin: {{say: {GREETING}, next: ring}}
  ring: {{dial: {{to: desk, ring: 30s}}, on: {{answered: connected, otherwise: over}}}}
  connected: {{handoff: keep_room}}
  over: {{end: Goodbye.}}\n"
    ))
}

fn is_transferred_at_once(record: &CallRecord) {
    let transfer = record.transfer.as_ref().unwrap();
    assert_eq!(record.outcome, Outcome::Transferred);
    assert_eq!((transfer.outcome, transfer.attempts), (LegOutcome::Answered, 1));
}

/// The caller asks, somebody picks up if it rings, and everybody hangs up.
async fn lives_through(id: &str) {
    let mut world = World::new().await;
    world.brings_about(&format!("{{\"id\":\"{id}\"}}")).await;
    let mut operator = world.operator_at(DESK).await;
    let talks = flow(&format!(
        "  begin: {{say: {GREETING}, next: talk}}
  talk: {{converse: Help., on: {{intent.cancel: ring}}}}
  ring: {{dial: {{to: [desk, back], announce: One moment., ring: 6s}}, on: {{answered: connected, otherwise: over}}}}
  connected: {{handoff: keep_room}}
  over: {{end: Goodbye.}}\n"
    ));
    let mut call = world.call(&talks).await;
    // Whether the line is still open is a question of the case.
    let greeted = timeout(Duration::from_secs(6), call.caller.hears(GREETING)).await;
    let _said = call.caller.phone.say("never mind");
    let _answered = timeout(Duration::from_secs(10), operator.picks_up()).await;
    let _pressed = call.caller.phone.press('5');
    let _heard = timeout(Duration::from_secs(1), operator.hung_up()).await;
    let _gone = call.caller.phone.hang_up();
    let record = call.record().await;
    assert!(greeted.is_ok() || record.turns.len() <= 1, "{id}: {record:?}");
    drop(operator);
    world.nobody_left().await;
}

#[test]
fn a_call_lives_through_every_case_that_the_sandbox_brings_about_and_leaves_nobody_on_the_line() {
    // Those of the wire alone have tests of their own.
    let both = CATALOGUE.iter().filter(|case| case.is_injectable() && faults_of(case.id).is_some());
    let ids: Vec<_> = both.map(|case| case.id).collect();
    assert!(ids.len() > 12, "{ids:?}");
    let one_by_one = |ids: &[&str]| {
        for id in ids {
            // Each has a clock of its own.
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(lives_through(id));
        }
    };
    std::thread::scope(|threads| {
        for ids in ids.chunks(5) {
            threads.spawn(|| one_by_one(ids));
        }
    });
}

#[tokio::test]
async fn every_case_of_the_wire_is_one_that_the_sandbox_knows() {
    let world = World::new().await;
    for case in CATALOGUE {
        if let Place::Wire(body) = case.place {
            assert!(body.contains(case.id), "{}", case.id);
            world.brings_about(body).await;
        }
    }
}

#[tokio::test]
async fn a_warning_while_it_rings_is_no_outcome() {
    let mut world = World::new().await;
    world.brings_about(r#"{"id":"E29"}"#).await;
    let mut operator = world.operator_at(DESK).await;
    let mut call = world.call(&plan()).await;
    operator.rings().await;
    operator.listens(Duration::from_secs(2)).await;
    operator.phone.answer().unwrap();
    operator.listens(Duration::from_millis(600)).await;
    tokio::join!(operator.says("good morning"), call.caller.hears("good morning"));
    is_transferred_at_once(&*call.hangs_up().await);
    world.quiet().await;
}

#[tokio::test]
async fn somebody_else_who_leaves_while_it_rings_is_neither_the_caller_nor_the_operator() {
    let mut world = World::new().await;
    world.brings_about(r#"{"id":"E48"}"#).await;
    let mut operator = world.operator_at(DESK).await;
    let mut call = world.call(&plan()).await;
    operator.rings().await;
    // The bot, the caller and a visitor, who goes again.
    world.present(3).await;
    world.present(2).await;
    operator.listens(Duration::from_secs(1)).await;
    operator.phone.answer().unwrap();
    operator.listens(Duration::from_millis(600)).await;
    tokio::join!(operator.says("good morning"), call.caller.hears("good morning"));
    is_transferred_at_once(&*call.hangs_up().await);
    world.quiet().await;
}

#[tokio::test]
async fn a_third_person_who_comes_to_the_two_and_goes_ends_nothing() {
    let mut world = World::new().await;
    world.brings_about(r#"{"id":"E49"}"#).await;
    let mut operator = world.operator_at(DESK).await;
    let mut call = world.call(&plan()).await;
    operator.picks_up().await;
    // The keeper of the room, the two and a visitor, who goes again.
    world.present(4).await;
    world.present(3).await;
    tokio::join!(operator.says("good morning"), call.caller.hears("good morning"));
    tokio::join!(call.caller.says("hello"), operator.hears("hello"));
    operator.phone.hang_up().unwrap();
    call.caller.hears(LEFT).await;
    is_transferred_at_once(&*call.record().await);
    world.quiet().await;
}

#[tokio::test]
async fn a_room_that_is_ready_long_after_the_bot_has_the_caller_greeted_once() {
    let mut world = World::new().await;
    world.brings_about(r#"{"id":"E55"}"#).await;
    let mut operator = world.operator_at(DESK).await;
    let mut call = world.call(&plan()).await;
    call.caller.hears(GREETING).await;
    operator.picks_up().await;
    operator.phone.hang_up().unwrap();
    call.caller.hears(LEFT).await;
    assert_eq!(call.caller.heard, [GREETING, LEFT]);
    is_transferred_at_once(&*call.record().await);
    world.quiet().await;
}

#[tokio::test]
async fn a_bot_that_dies_while_it_rings_leaves_no_phone_ringing_and_nobody_on_the_line() {
    let mut world = World::new().await;
    let mut operator = world.operator_at(DESK).await;
    // As the sandbox brings it about, its room sees it: the socket breaks. A session that still lives says so.
    world.brings_about(r#"{"id":"E58"}"#).await;
    let mut call = world.call(&plan()).await;
    operator.rings().await;
    operator.hung_up().await;
    call.caller.hung_up().await;
    assert_eq!(call.record().await.outcome, Outcome::Failed);
    // And so it is if nothing of the bot is left.
    let call = world.call(&plan()).await;
    operator.rings().await;
    let mut caller = call.dies().await;
    operator.hung_up().await;
    caller.hung_up().await;
    drop(operator);
    world.nobody_left().await;
}
