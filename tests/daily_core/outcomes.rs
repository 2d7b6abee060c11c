//! Every way a cold transfer can end, through the C functions.

use std::time::Duration;

use callflow::machine::{Known, LegOutcome, Outcome};
use callflow::sandbox::faults::Fault;
use callflow::sandbox::phone::RejectReason;
use callflow::session::CallRecord;
use tokio::time::{Instant, sleep};

use crate::live::{
    ANNOUNCEMENT, Call, GREETING, LEFT_ALONE, OPERATOR, Person, QUESTION, SORRY, World, flow, plain,
};

pub const DESK: &str = "sip:desk@example.com";

fn states(record: &CallRecord) -> Vec<&str> {
    record.states.iter().map(|name| &**name).collect()
}

/// The caller is back with the bot, whom they hear and who hears them, and hangs up.
pub async fn goes_on_with_the_bot(call: &mut Call, expected: LegOutcome, known: Known) {
    call.until("entered converse").await;
    call.caller.hears(SORRY).await;
    call.caller.phone.say("a manager please").unwrap();
    call.until("heard a manager please").await;
    call.caller.hears(QUESTION).await;
    call.caller.phone.hang_up().unwrap();
    let record = call.ends(Outcome::CallerLeft).await;
    let transfer = record.transfer.as_ref().unwrap();
    assert_eq!((transfer.outcome, transfer.known), (expected, known), "{transfer:?}");
    assert_eq!(transfer.bot_left_ms, None);
    assert_eq!(states(&record), ["greet", "converse", "confirm", "dialing", "converse", "confirm"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn answered_and_the_bot_neither_heard_nor_hearing_from_then_on() {
    answered(World::new(&plain()).await).await;
}

/// The whole call, from the greeting to the sentence for the person left alone.
pub async fn answered(mut world: World) {
    let operator = world.person_at(OPERATOR).await;
    let mut call = world.call().await;
    call.caller.hears(GREETING).await;
    call.until("entered converse").await;
    world.bot_is(true, true).await;
    call.caller.phone.say("a manager please").unwrap();
    call.caller.hears(QUESTION).await;
    call.caller.phone.say("yes").unwrap();
    call.caller.hears(ANNOUNCEMENT).await;
    operator.rings().await;
    operator.phone.answer().unwrap();
    call.until("left").await;

    // The room was told by the library alone: its microphone is unpublished, it is subscribed to nobody.
    world.bot_is(false, false).await;
    operator.is_connected().await;
    operator.phone.say("this is Sam").unwrap();
    call.caller.hears("this is Sam").await;
    call.caller.phone.say("hello Sam").unwrap();
    operator.hears("hello Sam").await;
    world.bot_is(false, false).await;

    // A person left alone is told so: published once more.
    call.caller.phone.hang_up().unwrap();
    operator.hears(LEFT_ALONE).await;
    operator.is_hung_up().await;
    let record = call.ends(Outcome::Transferred).await;
    assert_eq!(states(&record), ["greet", "converse", "confirm", "dialing", "handed_off"]);
    let transfer = record.transfer.as_ref().unwrap();
    assert_eq!((transfer.outcome, transfer.known), (LegOutcome::Answered, Known::Reported));
    assert!(transfer.bot_left_ms.is_some_and(|ms| ms < 500), "{transfer:?}");
    assert!(record.turns.iter().all(|turn| turn.text.text() != "hello Sam"), "the bot listened");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_leaves_and_the_caller_is_told() {
    let mut world = World::new(&plain()).await;
    let operator = world.person_at(OPERATOR).await;
    let mut call = world.call().await;
    call.is_handed_to(&operator).await;
    world.bot_is(false, false).await;
    operator.phone.hang_up().unwrap();
    call.caller.hears(LEFT_ALONE).await;
    call.caller.is_hung_up().await;
    call.ends(Outcome::Transferred).await;
    world.end().await;
}

async fn rejected(reason: RejectReason, expected: LegOutcome) {
    let mut world = World::new(&plain()).await;
    let operator = world.person_at(OPERATOR).await;
    let mut call = world.call().await;
    call.rings_at(&operator).await;
    operator.phone.reject(reason).unwrap();
    goes_on_with_the_bot(&mut call, expected, Known::Inferred).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn busy() {
    rejected(RejectReason::Busy, LegOutcome::Busy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn turned_down_by_the_operator() {
    rejected(RejectReason::Rejected, LegOutcome::Rejected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_at_that_number() {
    let mut world = World::new(&plain()).await;
    let mut call = world.call().await;
    call.is_asked().await;
    call.caller.phone.press('1').unwrap();
    call.until("entered dialing").await;
    goes_on_with_the_bot(&mut call, LegOutcome::Unreachable, Known::Inferred).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_by_daily() {
    let mut world = World::new(&plain()).await;
    let info =
        "dial-out to PhoneNumber is not enabled for domain. Contact support to enable it for your domain";
    world.daily_will(Fault::Refuse { status: 400, info: Some(info.into()) }, "dialOut/start", 1);
    let mut call = world.call().await;
    call.is_asked().await;
    call.caller.phone.press('1').unwrap();
    call.until("entered dialing").await;
    goes_on_with_the_bot(&mut call, LegOutcome::Failed, Known::Reported).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_answers_within_the_ring_time() {
    let mut world = World::new(&plain()).await;
    let operator = world.person_at(OPERATOR).await;
    let mut call = world.call().await;
    call.rings_at(&operator).await;
    let rang = Instant::now();
    assert_eq!(operator.is_hung_up().await, "cancelled");
    assert!((5.0..8.0).contains(&rang.elapsed().as_secs_f64()), "{:?}", rang.elapsed());
    goes_on_with_the_bot(&mut call, LegOutcome::NoAnswer, Known::Inferred).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_comes_after_the_ring_time_is_hung_up() {
    let mut world = World::new(&plain()).await;
    let operator = world.person_at(OPERATOR).await;
    let mut call = world.call().await;
    // The order to stop takes a while, and the operator picks up in between.
    world.daily_will(Fault::Slow { ms: 2500 }, "dialOut/stop", 1);
    call.rings_at(&operator).await;
    sleep(Duration::from_millis(6800)).await;
    operator.phone.answer().unwrap();
    operator.is_connected().await;
    operator.is_hung_up().await;
    goes_on_with_the_bot(&mut call, LegOutcome::NoAnswer, Known::Inferred).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_caller_hangs_up_while_it_rings() {
    let mut world = World::new(&plain()).await;
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
async fn declined_by_the_caller() {
    let mut world = World::new(&plain()).await;
    let operator = world.person_at(OPERATOR).await;
    let mut call = world.call().await;
    call.is_asked().await;
    call.caller.phone.say("no").unwrap();
    call.until("entered converse").await;
    // Keys lead where words do.
    call.caller.phone.press('0').unwrap();
    call.until("entered confirm").await;
    call.caller.hears(QUESTION).await;
    call.caller.phone.press('2').unwrap();
    call.until("entered converse").await;
    call.caller.phone.hang_up().unwrap();
    let record = call.ends(Outcome::CallerLeft).await;
    assert!(record.transfer.is_none() && operator.heard().is_empty());
    world.end().await;
}

/// The caller's own leg is moved: the two talk without the room, which is empty.
pub async fn moved(mut world: World, operator_at: &str) {
    let operator: Person = world.person_at(operator_at).await;
    let mut call = world.call().await;
    call.is_asked().await;
    call.caller.phone.press('1').unwrap();
    call.caller.hears(ANNOUNCEMENT).await;
    let record = call.ends(Outcome::Transferred).await;
    let transfer = record.transfer.as_ref().unwrap();
    assert_eq!((transfer.outcome, transfer.known), (LegOutcome::Transferred, Known::Unobservable));
    operator.rings().await;
    operator.phone.answer().unwrap();
    operator.is_connected().await;
    operator.phone.say("this is Sam").unwrap();
    call.caller.hears("this is Sam").await;
    assert_eq!(world.bot(), None, "the bot is still there");
    operator.phone.hang_up().unwrap();
    call.caller.is_hung_up().await;
    world.end_but_for_the_room().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn moved_by_sip_transfer() {
    let dial = format!(r#"{{to: operator, method: sip_transfer, announce: "{ANNOUNCEMENT}"}}"#);
    moved(World::new(&flow(&dial, "leave")).await, OPERATOR).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn moved_by_sip_refer() {
    let dial = format!(r#"{{to: desk, method: sip_refer, announce: "{ANNOUNCEMENT}"}}"#);
    moved(World::new(&flow(&dial, "leave")).await, DESK).await;
}

/// The vendor refuses to move the caller's leg.
pub async fn not_moved(mut world: World, command: &str) {
    let info = Some("No SIP call in progress".to_owned());
    world.daily_will(Fault::Refuse { status: 400, info }, command, 1);
    let mut call = world.call().await;
    call.is_asked().await;
    call.caller.phone.press('1').unwrap();
    call.until("entered dialing").await;
    goes_on_with_the_bot(&mut call, LegOutcome::Failed, Known::Reported).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_that_daily_refuses_leaves_the_caller_with_the_bot() {
    let dial = format!(r#"{{to: operator, method: sip_transfer, announce: "{ANNOUNCEMENT}"}}"#);
    not_moved(World::new(&flow(&dial, "leave")).await, "sipCallTransfer").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extension_is_keyed_after_the_answer() {
    keyed(World::new(&to("switchboard")).await, OPERATOR).await;
}

/// Daily keys extensions behind telephone numbers only; behind a SIP address we do, over REST.
#[tokio::test(flavor = "multi_thread")]
async fn an_extension_behind_a_sip_address_is_keyed_by_us() {
    keyed(World::new(&to("sip_switchboard")).await, DESK).await;
}

/// Dialled out to a target.
pub fn to(target: &str) -> String {
    flow(&format!(r#"{{to: {target}, announce: "{ANNOUNCEMENT}"}}"#), "keep_room")
}

pub async fn keyed(mut world: World, operator_at: &str) {
    let operator = world.person_at(operator_at).await;
    let mut call = world.call().await;
    call.is_handed_to(&operator).await;
    operator.gets_key('4').await;
    operator.gets_key('2').await;
    // A key of the operator's is not the caller's, and nobody is there to take either.
    operator.phone.press('0').unwrap();
    call.caller.phone.press('0').unwrap();
    sleep(Duration::from_millis(500)).await;
    call.caller.phone.hang_up().unwrap();
    let record = call.ends(Outcome::Transferred).await;
    assert_eq!(states(&record).last(), Some(&"handed_off"));
    world.end().await;
}
