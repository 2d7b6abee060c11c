//! Until the caller is greeted.

use std::time::Duration;

use callflow::audio::Frame;
use callflow::machine::Outcome;
use callflow::telephony::{RoomEvent, TelephonyError};
use tokio::time::sleep;

use crate::fakes::{Answer, Opening};
use crate::world::{GREETING, World, bot_said, caller, settle, shipped_flow};

#[tokio::test(start_paused = true)]
async fn a_room_that_cannot_be_joined_is_deleted_and_the_call_failed() {
    let mut world = World::new();
    *world.room.joining.lock().unwrap() =
        Answer::after_ms(500, Answer::Err(TelephonyError::Unreachable("no".to_owned())));
    world.begin();
    let record = world.over().await;
    assert_eq!(record.outcome, Outcome::Failed);
    assert!(record.states.is_empty() && record.turns.is_empty() && record.transfer.is_none());
    assert_eq!(record.duration_ms, 500);
}

#[tokio::test(start_paused = true)]
async fn a_call_can_be_killed_while_the_room_is_being_joined() {
    let mut world = World::new();
    *world.room.joining.lock().unwrap() = Answer::Never;
    world.begin();
    sleep(Duration::from_secs(1)).await;
    world.kill.cancel();
    assert_eq!(world.over().await.outcome, Outcome::Failed);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_before_the_room_is_joined_is_not_forgotten() {
    let mut world = World::new();
    *world.room.joining.lock().unwrap() = Answer::after_ms(1_000, Answer::Ok);
    world.begin();
    world.shutdown.cancel();
    assert_eq!(world.over().await.outcome, Outcome::Failed);
}

#[tokio::test(start_paused = true)]
async fn the_caller_is_forwarded_once_whatever_the_vendor_repeats() {
    let mut world = World::new();
    world.begin();
    world.until("joined").await;
    for endpoint in ["sip:one@rooms.test", "sip:one@rooms.test", "sip:two@rooms.test"] {
        world.room.event(RoomEvent::DialinReady { sip_endpoint: endpoint.to_owned() });
    }
    world.caller_arrives_unforwarded();
    world.until(&bot_said(GREETING)).await;
    world.times("forward", 1);
    world.times("forward held-1 to sip:one@rooms.test", 1);
    world.caller_hangs_up();
    world.over().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_said_before_the_caller_is_there() {
    let mut world = World::new();
    world.begin();
    world.until("joined").await;
    sleep(Duration::from_secs(5)).await;
    world.times("bot said", 0);
    assert!(world.room.recording().iter().all(|(_, frame)| *frame == Frame::silence()));
    assert!(world.status.borrow().state.is_empty());
    world.caller_arrives().await;
    world.until("entered greet").await;
    world.until(&bot_said(GREETING)).await;
    world.times("microphone true", 1);
    world.times("subscribe true", 1);
    settle().await;
    assert!(world.status.borrow().listening && !world.status.borrow().bot_busy);
    world.caller_hangs_up();
    world.over().await;
}

#[tokio::test(start_paused = true)]
async fn a_caller_whose_leg_joins_before_it_is_announced_is_greeted_at_once() {
    let mut world = World::new();
    world.begin();
    world.until("joined").await;
    world.room.event(RoomEvent::ParticipantJoined { id: caller() });
    world.room.event(RoomEvent::DialinConnected { id: caller() });
    let entered = world.until("entered greet").await;
    assert!(entered < Duration::from_secs(1), "{entered:?}");
    world.caller_hangs_up();
    world.over().await;
}

#[tokio::test(start_paused = true)]
async fn the_callers_audio_is_proof_enough_that_they_are_there() {
    let mut world = World::new();
    world.begin();
    world.until("joined").await;
    world.room.event(RoomEvent::DialinConnected { id: caller() });
    sleep(Duration::from_millis(300)).await;
    world.times("entered greet", 0);
    world.caller.is_there(true);
    world.until("entered greet").await;
    world.caller_hangs_up();
    world.over().await;
}

#[tokio::test(start_paused = true)]
async fn the_caller_is_forwarded_and_greeted_while_the_recogniser_still_opens() {
    let mut world = World::new();
    *world.stt.opening.lock().unwrap() = Opening::After(Duration::from_secs(5));
    world.begin();
    world.until("joined").await;
    world.caller_arrives().await;
    let entered = world.until("entered greet").await;
    assert!(entered < Duration::from_millis(100), "{entered:?}");
    sleep(Duration::from_millis(4_000)).await;
    world.caller.says("hello there");
    world.until("stt opened").await;
    world.until("caller said hello there").await;
    world.until(&bot_said("Sure.")).await;
    assert!(world.stt.frames() > 100, "what was said before it opened is heard");
    world.caller_hangs_up();
    world.over().await;
}

#[tokio::test(start_paused = true)]
async fn the_model_s_connection_is_made_before_the_caller_is_there_and_again_when_it_may_have_gone_cold() {
    let patient = shipped_flow();
    let (before, rest) = patient.split_once("converse: |\n").unwrap();
    let (_, after) = rest.split_once("    on:\n").unwrap();
    let converse = "converse: {prompt: Be kind., silence: [{after: 5m, say: Hello?}, {after: 5m}]}";
    let mut world = World::with_flow(&format!("{before}{converse}\n    on:\n{after}"));
    world.get_greeted().await;
    world.in_order(&["joined", "warm", "forward held-1", "entered greet"]);
    world.times("warm", 1);
    for (pause, connections) in [(0, 1), (50, 2), (10, 2)] {
        sleep(Duration::from_secs(pause)).await;
        world.caller_says("hello there").await;
        world.until(&bot_said("Sure.")).await;
        world.times("warm", connections);
    }
    world.caller_hangs_up();
    world.over().await;
}

#[tokio::test(start_paused = true)]
async fn a_greeting_waits_for_the_voice_to_open() {
    let mut world = World::new();
    *world.tts.opening.lock().unwrap() = Opening::After(Duration::from_secs(3));
    world.begin();
    world.until("joined").await;
    world.caller_arrives().await;
    world.until("tts opened").await;
    world.until(&bot_said(GREETING)).await;
    world.caller_hangs_up();
    assert_eq!(world.over().await.outcome, Outcome::CallerLeft);
}
