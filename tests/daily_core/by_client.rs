//! Legs commanded by our client in the room: `start_dialout` and its like, through the C functions.
//!
//! Over REST, the sandbox refuses here to start, to key or to move anything.

use callflow::machine::{Known, LegOutcome, Outcome};
use callflow::sandbox::faults::Fault;
use callflow::sandbox::phone::RejectReason;
use tokio::time::{Duration, Instant, sleep};

use crate::live::{ANNOUNCEMENT, OPERATOR, World, flow, plain};
use crate::outcomes::{DESK, answered, goes_on_with_the_bot, keyed, moved, not_moved, to};

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_cold_transfer_by_our_client() {
    answered(World::by_client(&plain()).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_stops_a_leg_that_nobody_answers() {
    let mut world = World::by_client(&plain()).await;
    // Over REST, nothing would be stopped.
    world.daily_will(Fault::Refuse { status: 403, info: None }, "dialOut/stop", 100);
    let operator = world.person_at(OPERATOR).await;
    let mut call = world.call().await;
    call.rings_at(&operator).await;
    assert_eq!(operator.is_hung_up().await, "cancelled");
    goes_on_with_the_bot(&mut call, LegOutcome::NoAnswer, Known::Inferred).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_that_the_client_cannot_have_is_had_over_rest() {
    let mut world = World::by_client(&plain()).await;
    world.daily_will(Fault::Refuse { status: 400, info: Some("no".into()) }, "stopDialout", 1);
    let operator = world.person_at(OPERATOR).await;
    let mut call = world.call().await;
    call.rings_at(&operator).await;
    assert_eq!(operator.is_hung_up().await, "cancelled");
    goes_on_with_the_bot(&mut call, LegOutcome::NoAnswer, Known::Inferred).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn busy_is_told_by_an_event() {
    let mut world = World::by_client(&plain()).await;
    let operator = world.person_at(OPERATOR).await;
    let mut call = world.call().await;
    call.rings_at(&operator).await;
    operator.phone.reject(RejectReason::Busy).unwrap();
    goes_on_with_the_bot(&mut call, LegOutcome::Busy, Known::Inferred).await;
    world.end().await;
}

/// The library answers with an error, and no event tells of it (E26).
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_start_is_the_error_of_the_request_and_the_caller_hears_of_it_at_once() {
    let mut world = World::by_client(&plain()).await;
    world.daily_will(Fault::Refuse { status: 400, info: None }, "startDialout", 1);
    let operator = world.person_at(OPERATOR).await;
    let mut call = world.call().await;
    call.is_asked().await;
    call.caller.phone.press('1').unwrap();
    let dials = call.until("dials operator").await;
    call.until("entered converse").await;
    assert!(dials.elapsed() < Duration::from_secs(1), "{:?}", dials.elapsed());
    call.caller.phone.hang_up().unwrap();
    let record = call.ends(Outcome::CallerLeft).await;
    let transfer = record.transfer.as_ref().unwrap();
    assert_eq!((transfer.outcome, transfer.known), (LegOutcome::Failed, Known::Reported), "{transfer:?}");
    let record = serde_json::to_value(&*record).unwrap();
    let (raw, fix) = (&record["transfer"]["raw"], record["transfer"]["fix"].as_str().unwrap());
    assert_eq!(*raw, "Dialout(Properties(UnknownCallClientError))");
    assert!(fix.contains("`enable_dialout`") && fix.contains("owner") && fix.contains("approved"), "{fix}");
    assert!(operator.heard().is_empty());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_twice_changes_nothing() {
    let mut world = World::by_client(&plain()).await;
    for twice in ["startDialout", "dialout-connected", "dialout-answered"] {
        world.daily_will(Fault::Duplicate, twice, 1);
    }
    let operator = world.person_at(OPERATOR).await;
    let mut call = world.call().await;
    call.is_handed_to(&operator).await;
    world.bot_is(false, false).await;
    call.caller.phone.hang_up().unwrap();
    let record = call.ends(Outcome::Transferred).await;
    let states: Vec<_> = record.states.iter().map(|name| &**name).collect();
    assert_eq!(states, ["greet", "converse", "confirm", "dialing", "handed_off"]);
    world.end().await;
}

/// The start is done and its answer lost. The room tells of the leg all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_leg_whose_start_is_not_answered_is_known_by_its_events() {
    let mut world = World::by_client(&plain()).await;
    world.daily_will(Fault::Silent, "startDialout", 1);
    let operator = world.person_at(OPERATOR).await;
    let mut call = world.call().await;
    call.is_handed_to(&operator).await;
    // The client gives up waiting after eight seconds. By then the two have long been talking.
    sleep(Duration::from_millis(8500)).await;
    operator.phone.say("this is Sam").unwrap();
    call.caller.hears("this is Sam").await;
    call.caller.phone.hang_up().unwrap();
    let record = call.ends(Outcome::Transferred).await;
    assert_eq!(record.transfer.as_ref().unwrap().outcome, LegOutcome::Answered);
    world.end().await;
}

/// Nothing is heard of a start for so long that it is given up; then a leg comes up. Nobody waits for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_leg_that_comes_up_after_its_start_was_given_up_is_stopped() {
    let mut world = World::by_client(&plain()).await;
    world.daily_will(Fault::Slow { ms: 9500 }, "startDialout", 1);
    world.daily_will(Fault::Slow { ms: 600 }, "stopDialout", 1);
    let operator = world.person_at(OPERATOR).await;
    let mut call = world.call().await;
    call.is_asked().await;
    call.caller.phone.press('1').unwrap();
    call.until("entered dialing").await;
    let dialled = Instant::now();
    operator.rings().await;
    assert!(dialled.elapsed() > Duration::from_secs(9), "{:?}", dialled.elapsed());
    assert_eq!(operator.is_hung_up().await, "cancelled");
    call.caller.phone.hang_up().unwrap();
    call.ends(Outcome::CallerLeft).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_caller_hangs_up_while_a_leg_of_the_client_rings() {
    let mut world = World::by_client(&plain()).await;
    let operator = world.person_at(OPERATOR).await;
    let mut call = world.call().await;
    call.rings_at(&operator).await;
    call.caller.phone.hang_up().unwrap();
    assert_eq!(operator.is_hung_up().await, "cancelled");
    let record = call.ends(Outcome::CallerLeft).await;
    assert_eq!(record.transfer.as_ref().unwrap().outcome, LegOutcome::Cancelled);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn moved_by_the_clients_sip_call_transfer() {
    let dial = format!(r#"{{to: operator, method: sip_transfer, announce: "{ANNOUNCEMENT}"}}"#);
    moved(World::by_client(&flow(&dial, "leave")).await, OPERATOR).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn moved_by_the_clients_sip_refer() {
    let dial = format!(r#"{{to: desk, method: sip_refer, announce: "{ANNOUNCEMENT}"}}"#);
    moved(World::by_client(&flow(&dial, "leave")).await, DESK).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_that_the_library_refuses_leaves_the_caller_with_the_bot() {
    let dial = format!(r#"{{to: operator, method: sip_transfer, announce: "{ANNOUNCEMENT}"}}"#);
    not_moved(World::by_client(&flow(&dial, "leave")).await, "clientSipCallTransfer").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extension_is_keyed_by_daily_after_the_clients_dial_out() {
    keyed(World::by_client(&to("switchboard")).await, OPERATOR).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extension_behind_a_sip_address_is_keyed_by_our_client() {
    keyed(World::by_client(&to("sip_switchboard")).await, DESK).await;
}
