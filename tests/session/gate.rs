//! The accept gate, done to the world: who hears what, and what becomes of it when the vendor does not do as told.

use std::time::Duration;

use callflow::machine::{Known, LegOutcome, Outcome};
use callflow::telephony::{RoomEvent, TelephonyError};
use tokio::time::sleep;

use crate::fakes::Answer;
use crate::world::{SORRY, World, bot_said, caller, leg, shipped_flow, states};

const QUESTION: &str = "A caller is waiting. Press 1 to take the call.";
/// As the voice says it.
const SPOKEN: &str = "A caller is waiting. Press one to take the call.";
const HIDDEN: &str = "hearing caller: all -leg-1";
const APART: &str = "hearing caller: all -leg-1 -keeper, leg-1: none +keeper";
const TOGETHER: &str = "hearing caller: all -keeper +leg-1, leg-1: all -keeper";

fn gated_flow() -> String {
    let accept = format!("      accept: {{say: \"{QUESTION}\", timeout: 5s}}\n      ring: 30s\n");
    let flow = shipped_flow().replace("      ring: 30s\n", &accept);
    flow.replace("      answered: handed_off\n", "      accepted: handed_off\n")
}

async fn ringing() -> World {
    let mut world = World::with_flow(&gated_flow());
    world.get_greeted().await;
    world.ask_for_a_person().await;
    world.caller_says("yes").await;
    world.until("started leg-1").await;
    world.rings(1).await;
    world
}

fn presses(world: &World, tone: char) {
    world.room.event(RoomEvent::Dtmf { id: Some(leg(1)), tone });
}

#[tokio::test(start_paused = true)]
async fn only_who_is_asked_hears_the_question_and_only_the_key_connects() {
    let mut world = ringing().await;
    world.in_order(&["start leg-1", "started leg-1", HIDDEN]);
    world.times("keeper joined", 1);
    let since = tokio::time::Instant::now();
    world.answers(1);
    world.until("answered").await;
    sleep(Duration::from_secs(4)).await;
    world.in_order(&[HIDDEN, APART]);
    assert_eq!(world.room.whispered(), [SPOKEN]);
    assert!(world.room.understood_since(since).is_empty(), "the caller hears the hold tone");
    let loud = world.room.frames_since(since).iter().filter(|f| f.samples().iter().any(|s| *s > 500)).count();
    assert!(loud > 0, "the hold tone goes on");
    world.times("bot left", 0);
    world.room.event(RoomEvent::Dtmf { id: None, tone: '1' });
    world.room.event(RoomEvent::Dtmf { id: Some(caller()), tone: '1' });
    sleep(Duration::from_secs(1)).await;
    world.times(TOGETHER, 0);
    presses(&world, '1');
    world.until("bot left 0").await;
    world.in_order(&[APART, "accepted", TOGETHER, "entered handed_off", "bot left"]);
    world.times("keeper dropped", 1);
    sleep(Duration::from_secs(60)).await;
    world.operator_hangs_up(1);
    let record = world.over().await;
    let transfer = record.transfer.as_ref().unwrap();
    assert_eq!((transfer.outcome, transfer.known), (LegOutcome::Answered, Known::Reported));
    assert!((4_900..5_200).contains(&transfer.gate_ms.unwrap()), "{transfer:?}");
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_answers_is_left_and_the_caller_comes_back() {
    let mut world = ringing().await;
    world.answers(1);
    world.until("stop leg-1").await;
    assert_eq!(world.room.whispered(), [SPOKEN, SPOKEN]);
    world.until(&bot_said(SORRY)).await;
    world.caller_hangs_up();
    let record = world.over().await;
    assert_eq!(states(&record).last(), Some(&"converse"));
    let transfer = record.transfer.as_ref().unwrap();
    assert_eq!((transfer.outcome, transfer.known), (LegOutcome::Voicemail, Known::Inferred));
}

#[tokio::test(start_paused = true)]
async fn who_declines_is_hung_up() {
    let mut world = ringing().await;
    world.answers(1);
    sleep(Duration::from_secs(2)).await;
    presses(&world, '2');
    world.until("stop leg-1").await;
    world.until(&bot_said(SORRY)).await;
    world.caller_hangs_up();
    let record = world.over().await;
    let transfer = record.transfer.as_ref().unwrap();
    assert_eq!((transfer.outcome, transfer.known), (LegOutcome::Rejected, Known::Reported));
}

#[tokio::test(start_paused = true)]
async fn what_the_vendor_refuses_keeps_strangers_apart_and_is_told() {
    let ill = || TelephonyError::Refused("permissions are not for you".to_owned());
    // The first command hides the leg from the caller, the second keeps the two apart, the third connects.
    for refused in [2, 3] {
        let mut world = ringing().await;
        world.phone.hearings.lock().unwrap().extend(vec![Answer::Ok; refused - 2]);
        world.phone.hearings.lock().unwrap().push_back(Answer::Err(ill()));
        world.answers(1);
        sleep(Duration::from_secs(3)).await;
        presses(&world, '1');
        world.until("stop leg-1").await;
        world.until(&bot_said(SORRY)).await;
        world.times("bot left", 0);
        world.caller_hangs_up();
        let record = world.over().await;
        let transfer = record.transfer.as_ref().unwrap();
        assert_eq!(transfer.outcome, LegOutcome::Failed);
        assert_eq!(transfer.raw.as_deref(), Some("permissions are not for you"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_gatekeeper_who_cannot_join_or_is_lost_connects_nobody() {
    for joins in [true, false] {
        let mut world = World::with_flow(&gated_flow());
        if !joins {
            let gone = TelephonyError::Unreachable("no second place".to_owned());
            *world.room.keeping.lock().unwrap() = Answer::Err(gone);
        }
        world.get_greeted().await;
        world.ask_for_a_person().await;
        world.caller_says("yes").await;
        world.until("started leg-1").await;
        if joins {
            world.rings(1).await;
            world.answers(1);
            sleep(Duration::from_secs(1)).await;
            world.room.lose_keeper();
        }
        world.until("stop leg-1").await;
        world.until(&bot_said(SORRY)).await;
        world.caller_hangs_up();
        assert_eq!(world.over().await.transfer.as_ref().unwrap().outcome, LegOutcome::Failed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_leg_that_is_never_seen_to_join_is_asked_a_moment_later() {
    let mut world = ringing().await;
    world.room.event(RoomEvent::DialoutAnswered { id: leg(1) });
    let answered = world.until("answered").await;
    let apart = world.until(APART).await;
    assert!((apart - answered).as_millis().abs_diff(2_000) < 100, "{}", world.log.text());
    world.until("stop leg-1").await;
    assert_eq!(world.room.whispered().first().map(String::as_str), Some(SPOKEN));
    world.caller_hangs_up();
    world.over().await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_vendor_delays_the_question_and_a_caller_who_leaves_ends_it() {
    let world = ringing().await;
    world.phone.hearings.lock().unwrap().push_back(Answer::after_ms(3_000, Answer::Ok));
    world.answers(1);
    sleep(Duration::from_secs(2)).await;
    assert!(world.room.whispered().is_empty(), "asked before the two were apart");
    sleep(Duration::from_secs(2)).await;
    world.caller_hangs_up();
    let log = world.log.clone();
    let record = world.over().await;
    assert_eq!(record.outcome, Outcome::CallerLeft);
    assert_eq!(record.transfer.as_ref().unwrap().outcome, LegOutcome::Cancelled);
    assert_eq!((log.count("stop leg-1"), log.count("keeper dropped")), (1, 1), "{}", log.text());
}
