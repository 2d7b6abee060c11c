//! `accept`: whoever picks up is asked, and until they press the key neither hears the other.

use std::sync::Arc;
use std::time::Duration;

use callflow::machine::{Known, LegOutcome, Outcome};
use callflow::plan::Plan;
use callflow::session::CallEvent;

use crate::person::Person;
use crate::world::{Call, DESK, World, flow};

const ANNOUNCEMENT: &str = "One moment, please.";
const QUESTION: &str = "A call about your bill. Press 1 to take it, 2 to decline.";
/// As it is spoken.
const HEARD: &str = "A call about your bill. Press one to take it, two to decline.";
const SORRY: &str = "Nobody is there right now.";

fn gated(accept: &str) -> Arc<Plan> {
    flow(&format!(
        "  begin:
    dial: {{to: desk, announce: \"{ANNOUNCEMENT}\", ring: 30s, accept: {{say: \"{QUESTION}\"{accept}}}, listen: [cancel]}}
    on:
      accepted: connected
      intent.cancel: {{to: over, say: I have stopped calling.}}
      otherwise: {{to: over, say: \"{SORRY}\"}}
  connected: {{handoff: keep_room}}
  over: {{end: Goodbye.}}\n"
    ))
}

/// The operator has picked up and heard the question.
async fn asked(world: &mut World, accept: &str) -> (Call, Person) {
    let mut operator = world.operator_at(DESK).await;
    let mut call = world.call(&gated(accept)).await;
    call.caller.hears(ANNOUNCEMENT).await;
    operator.picks_up().await;
    operator.hears(HEARD).await;
    (call, operator)
}

#[tokio::test]
async fn neither_hears_the_other_before_the_key_and_both_do_after_it() {
    let mut world = World::new().await;
    let (mut call, mut operator) = asked(&mut world, "").await;
    tokio::join!(operator.says("hello who is there"), call.caller.says("is anybody there"));
    let a_while = Duration::from_secs(2);
    tokio::join!(operator.listens(a_while), call.caller.listens(a_while));
    assert_eq!(operator.heard, [HEARD]);
    assert_eq!(call.caller.heard, [ANNOUNCEMENT]);

    operator.phone.press('1').unwrap();
    operator.listens(Duration::from_millis(600)).await;
    tokio::join!(operator.says("this is jane"), call.caller.hears("this is jane"));
    tokio::join!(call.caller.says("good morning jane"), operator.hears("good morning jane"));
    assert_eq!(operator.heard, [HEARD, "good morning jane"], "and no hold tone, no bot");
    let told = call.told();
    let place = |is: fn(&CallEvent) -> bool| told.iter().position(is).unwrap_or_else(|| panic!("{told:?}"));
    let accepted = place(|event| matches!(event, CallEvent::Accepted));
    assert!(place(|event| matches!(event, CallEvent::Answered)) < accepted);
    assert!(accepted < place(|event| matches!(event, CallEvent::BotLeft { .. })));

    let record = call.hangs_up().await;
    assert_eq!(record.outcome, Outcome::Transferred);
    let transfer = record.transfer.as_ref().unwrap();
    assert_eq!((transfer.outcome, transfer.known), (LegOutcome::Answered, Known::Reported));
    assert!(transfer.gate_ms.unwrap() > 4_000, "{transfer:?}");
    assert!(transfer.bot_left_ms.unwrap() < 1_000, "{transfer:?}");
    world.quiet().await;
}

#[tokio::test]
async fn who_declines_is_not_connected() {
    let mut world = World::new().await;
    let (mut call, mut operator) = asked(&mut world, "").await;
    operator.phone.press('2').unwrap();
    operator.hung_up().await;
    call.caller.hears(SORRY).await;
    let record = call.record().await;
    let transfer = record.transfer.as_ref().unwrap();
    assert_eq!((transfer.outcome, transfer.known), (LegOutcome::Rejected, Known::Reported));
    world.quiet().await;
}

#[tokio::test]
async fn an_answering_machine_talks_to_itself() {
    let mut world = World::new().await;
    let mut machine = world.operator_at(DESK).await;
    let mut call = world.call(&gated(", timeout: 4s")).await;
    call.caller.hears(ANNOUNCEMENT).await;
    machine.picks_up().await;
    machine.says("please leave a message after the tone").await;
    machine.hung_up().await;
    assert!(machine.heard.iter().filter(|heard| **heard == HEARD).count() >= 1, "{:?}", machine.heard);
    call.caller.hears(SORRY).await;
    assert_eq!(call.caller.heard, [ANNOUNCEMENT, SORRY], "not a word of the machine");
    let record = call.record().await;
    let transfer = record.transfer.as_ref().unwrap();
    assert_eq!((transfer.outcome, transfer.known), (LegOutcome::Voicemail, Known::Inferred));
    world.quiet().await;
}

#[tokio::test]
async fn a_caller_who_changes_their_mind_while_somebody_is_asked_is_heard() {
    let mut world = World::new().await;
    let (mut call, mut operator) = asked(&mut world, "").await;
    call.caller.says("never mind").await;
    operator.hung_up().await;
    call.caller.hears("I have stopped calling.").await;
    assert_eq!(operator.heard, [HEARD]);
    let record = call.record().await;
    assert_eq!(record.transfer.as_ref().unwrap().outcome, LegOutcome::Cancelled);
    world.quiet().await;
}

#[tokio::test]
async fn a_caller_who_hangs_up_while_somebody_is_asked_leaves_nobody_in_the_room() {
    let mut world = World::new().await;
    let (call, mut operator) = asked(&mut world, "").await;
    let record = call.hangs_up().await;
    operator.hung_up().await;
    assert_eq!(record.outcome, Outcome::CallerLeft);
    world.quiet().await;
}
