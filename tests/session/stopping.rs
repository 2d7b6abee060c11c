//! Calls that are ended from outside: shutdown, kill, a room that is lost.

use std::sync::atomic::Ordering;
use std::time::Duration;

use callflow::machine::Outcome;
use callflow::telephony::{CloseReason, RoomEvent, TelephonyError};
use tokio::time::{Instant, sleep};

use crate::fakes::{Answer, Step};
use crate::world::{World, bot_said, settle};

const TIME_IS_UP: &str = "I'm sorry, we have reached the time limit of this call. Goodbye.";
const SHUTTING_DOWN: &str = "I'm sorry, we have to end this call now. Goodbye.";

#[tokio::test(start_paused = true)]
async fn a_shutdown_is_said_to_the_caller() {
    let mut world = World::greeted().await;
    world.llm.will(&[Step::Text("A long answer that goes on and on and on.")]);
    world.caller_says("hello").await;
    world.until("speak A long").await;
    world.shutdown.cancel();
    world.until(&bot_said(SHUTTING_DOWN)).await;
    assert_eq!(world.over().await.outcome, Outcome::Failed);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_while_it_rings_stops_the_leg_and_is_said_to_the_caller() {
    let mut world = World::ringing().await;
    world.shutdown.cancel();
    world.until("stop leg-1").await;
    world.until(&bot_said(SHUTTING_DOWN)).await;
    let log = world.log.clone();
    assert_eq!(world.over().await.outcome, Outcome::Failed);
    assert_eq!(log.count("stop leg-1"), 1, "{}", log.text());
}

#[tokio::test(start_paused = true)]
async fn people_who_were_handed_to_each_other_outlast_a_shutdown() {
    let mut world = World::bridged().await;
    world.shutdown.cancel();
    sleep(Duration::from_secs(120)).await;
    world.times("delete", 0);
    world.caller_hangs_up();
    world.until("ended").await;
    assert_eq!(world.over().await.outcome, Outcome::Transferred);
}

#[tokio::test(start_paused = true)]
async fn a_killed_call_is_torn_down_at_once_wherever_it_is() {
    let mut worlds = vec![World::greeted().await];
    worlds[0].kill.cancel();
    let record = worlds.remove(0).over().await;
    assert_eq!(record.outcome, Outcome::Failed);

    let world = World::ringing().await;
    let log = world.log.clone();
    world.kill.cancel();
    let killed = Instant::now();
    assert_eq!(world.over().await.outcome, Outcome::Failed);
    assert!(killed.elapsed() < Duration::from_millis(100));
    assert_eq!(log.count("stop leg-1"), 1, "{}", log.text());

    let world = World::bridged().await;
    let log = world.log.clone();
    world.kill.cancel();
    assert_eq!(world.over().await.outcome, Outcome::Transferred);
    assert_eq!(log.count("stop leg-1"), 1, "{}", log.text());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_killed_mid_sentence_records_what_was_heard() {
    let mut world = World::greeted().await;
    world.llm.will(&[Step::Text("One two three four five six seven eight.")]);
    world.caller_says("count").await;
    world.until("speak One").await;
    sleep(Duration::from_millis(1_200)).await;
    world.kill.cancel();
    let record = world.over().await;
    let last = record.turns.last().unwrap();
    assert!(last.heard.text().starts_with("One") && !last.heard.text().contains("eight"));
}

#[tokio::test(start_paused = true)]
async fn a_lost_room_ends_the_call_and_the_leg() {
    for vanishes in [false, true] {
        let world = World::ringing().await;
        if vanishes {
            world.room.vanish();
        } else {
            world.room.event(RoomEvent::Closed { reason: CloseReason::Lost("gone".to_owned()) });
        }
        let log = world.log.clone();
        assert_eq!(world.over().await.outcome, Outcome::Failed);
        assert_eq!((log.count("stop leg-1"), log.count("leave")), (1, 0), "{}", log.text());
    }
}

#[tokio::test(start_paused = true)]
async fn a_room_that_ends_after_the_handoff_was_a_transfer() {
    let world = World::bridged().await;
    world.room.event(RoomEvent::Closed { reason: CloseReason::Ended });
    assert_eq!(world.over_having_left_the_room(0).await.outcome, Outcome::Transferred);
}

#[tokio::test(start_paused = true)]
async fn people_who_were_handed_to_each_other_outlast_the_bot_s_connection() {
    for vanishes in [false, true] {
        let world = World::bridged().await;
        sleep(Duration::from_secs(60)).await;
        if vanishes {
            world.room.vanish();
        } else {
            world.room.event(RoomEvent::Closed { reason: CloseReason::Lost("gone".to_owned()) });
        }
        let log = world.log.clone();
        let record = world.over_having_left_the_room(0).await;
        assert_eq!(record.outcome, Outcome::Transferred);
        assert_eq!(
            (log.count("stop leg-1"), log.count("leave"), log.count("bot left")),
            (0, 0, 1),
            "{}",
            log.text()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn audio_that_ends_before_the_room_does_stops_neither_the_call_nor_the_clock() {
    let mut world = World::greeted().await;
    world.room.close_audio();
    world.room.event(RoomEvent::Dtmf { id: Some(crate::world::caller()), tone: '0' });
    world.until("entered confirm_transfer").await;
    sleep(Duration::from_secs(2)).await;
    world.caller_hangs_up();
    assert_eq!(world.over().await.outcome, Outcome::CallerLeft);
}

#[tokio::test(start_paused = true)]
async fn an_end_that_nobody_confirms_comes_all_the_same() {
    let world = World::new();
    world.room.silent_leave.store(true, Ordering::SeqCst);
    let ill = TelephonyError::Vendor { status: 500, info: "ill".to_owned() };
    world.phone.deletes.lock().unwrap().push_back(Answer::Err(ill));
    world.phone.stops.lock().unwrap().push_back(Answer::Never);
    let mut world = world;
    world.get_greeted().await;
    world.ask_for_a_person().await;
    world.caller_says("yes").await;
    world.until("started leg-1").await;
    world.rings(1).await;
    world.caller_hangs_up();
    let left = Instant::now();
    assert_eq!(world.over().await.outcome, Outcome::CallerLeft);
    assert!(left.elapsed() < Duration::from_secs(30), "{:?}", left.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_stood_still_does_not_rush_afterwards() {
    let mut world = World::greeted().await;
    settle().await;
    // The process was suspended: nothing ran, and five seconds have passed.
    tokio::time::advance(Duration::from_secs(5)).await;
    let woke = Instant::now();
    settle().await;
    let burst = world.room.frames_since(woke).len();
    assert!(burst <= 12, "{burst} frames at once");
    world.caller_says("hello").await;
    world.until(&bot_said("Sure.")).await;
    world.caller_hangs_up();
    world.over().await;
}

#[tokio::test(start_paused = true)]
async fn a_killed_call_does_not_wait_long_for_a_vendor_that_does_not_answer() {
    let world = World::ringing().await;
    world.phone.stops.lock().unwrap().push_back(Answer::Never);
    world.caller_hangs_up();
    sleep(Duration::from_secs(1)).await;
    world.kill.cancel();
    let killed = Instant::now();
    assert_eq!(world.over().await.outcome, Outcome::CallerLeft);
    assert!(killed.elapsed() < Duration::from_secs(3), "{:?}", killed.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_breaks_is_cleared_away() {
    let mut world = World::greeted().await;
    world.llm.will(&[Step::Panic]);
    world.caller.says("hello");
    world.until("deleted").await;
    let record = world.over().await;
    assert_eq!(record.outcome, Outcome::Failed);
    assert!(record.duration_ms > 4_000);
}

#[tokio::test(start_paused = true)]
async fn people_who_talk_for_two_hours_are_parted() {
    let mut world = World::bridged().await;
    world.caller.is_there(false);
    let bridged = world.log.elapsed();
    let ended = world.until("ended Transferred").await;
    assert!((ended - bridged).as_secs().abs_diff(7_200) < 2, "{ended:?}");
    world.in_order(&["bot left", "stopped leg-1", "leave", "delete room-1"]);
    world.over().await;
}

#[tokio::test(start_paused = true)]
async fn a_room_that_is_about_to_expire_is_told_to_the_caller_while_they_still_can_hear_it() {
    let mut world = World::new();
    world.room_expires_after(75);
    world.get_greeted().await;
    world.caller_says("go on").await;
    let told = world.until(&bot_said(TIME_IS_UP)).await;
    let ended = world.until("ended Completed").await;
    assert!((Duration::from_secs(15)..Duration::from_secs(22)).contains(&told), "{told:?}");
    assert!(ended < Duration::from_secs(25), "{ended:?}");
    world.over().await;
}

#[tokio::test(start_paused = true)]
async fn people_who_were_handed_to_each_other_talk_until_their_room_ends() {
    let mut world = World::new();
    world.room_expires_after(300);
    world.get_greeted().await;
    world.ask_for_a_person().await;
    world.caller_says("yes").await;
    world.until("started leg-1").await;
    world.rings(1).await;
    world.answers(1);
    world.until("bot left").await;
    sleep(Duration::from_secs(290)).await;
    world.times("ended", 0);
    world.times("microphone true", 1);
    world.room.event(RoomEvent::Closed { reason: CloseReason::Ended });
    assert_eq!(world.over_having_left_the_room(0).await.outcome, Outcome::Transferred);
}

#[tokio::test(start_paused = true)]
async fn a_room_that_has_ended_already_is_told_at_once() {
    let mut world = World::new();
    world.room_expires_after(-5);
    world.begin();
    world.until("joined").await;
    world.until("ended").await;
    world.over().await;
}
