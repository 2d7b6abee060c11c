//! The caller leaves, at every point of a call.

use std::time::Duration;

use callflow::machine::{LegOutcome, Outcome};
use callflow::telephony::{RoomEvent, TelephonyError};
use tokio::time::sleep;

use crate::fakes::{Answer, Step};
use crate::world::{ANNOUNCEMENT, GREETING, World, caller, states};

/// The caller hangs up; everything ends at once.
async fn hangs_up(mut world: World) -> std::sync::Arc<callflow::session::CallRecord> {
    let lines = world.log.len();
    world.caller_hangs_up();
    let ended = world.until("ended CallerLeft").await;
    let (_, first) = world.log.find(lines, "").unwrap();
    assert!(ended - first < Duration::from_millis(500), "{}", world.log.text());
    world.in_order(&["leave", "delete room-1", "ended"]);
    let record = world.over().await;
    assert_eq!(record.outcome, Outcome::CallerLeft);
    record
}

#[tokio::test(start_paused = true)]
async fn during_the_greeting() {
    let mut world = World::new();
    world.begin();
    world.until("joined").await;
    world.caller_arrives().await;
    world.until("entered greet").await;
    sleep(Duration::from_millis(2_000)).await;
    let record = hangs_up(world).await;
    assert_eq!(states(&record), ["greet"]);
    let [greeting] = &record.turns[..] else { panic!("{:?}", record.turns) };
    assert_eq!(greeting.text.text(), GREETING);
    let heard = greeting.heard.text();
    assert!(!heard.is_empty() && heard.len() < GREETING.len() && GREETING.starts_with(heard), "{heard}");
}

#[tokio::test(start_paused = true)]
async fn while_the_bot_waits() {
    let record = hangs_up(World::greeted().await).await;
    assert_eq!(states(&record), ["greet", "converse"]);
}

#[tokio::test(start_paused = true)]
async fn while_the_model_thinks() {
    let mut world = World::greeted().await;
    world.llm.will(&[Step::Hang]);
    world.caller_says("hello there").await;
    world.until("ask c-1").await;
    hangs_up(world).await;
}

#[tokio::test(start_paused = true)]
async fn while_the_bot_answers() {
    let mut world = World::greeted().await;
    world.llm.will(&[Step::Text("One two three four five six seven eight nine ten eleven twelve.")]);
    world.caller_says("count for me").await;
    world.until("speak One").await;
    sleep(Duration::from_millis(1_500)).await;
    let record = hangs_up(world).await;
    let last = record.turns.last().unwrap();
    assert!(
        last.heard.text().starts_with("One two") && !last.heard.text().contains("twelve"),
        "{}",
        last.heard.text()
    );
}

#[tokio::test(start_paused = true)]
async fn in_mid_sentence() {
    let world = World::greeted().await;
    world.caller.makes_sound("I have a question and will not finish it because");
    world.stt.event(callflow::speech::SttEvent::Final {
        text: callflow::pii::Utterance::new("I have a question"),
        speech_final: false,
    });
    sleep(Duration::from_millis(600)).await;
    world.stt.event(callflow::speech::SttEvent::Interim(callflow::pii::Utterance::new("and will")));
    sleep(Duration::from_millis(100)).await;
    let record = hangs_up(world).await;
    assert_eq!(record.turns.last().unwrap().text.text(), "I have a question and will");
}

#[tokio::test(start_paused = true)]
async fn while_they_are_asked() {
    let mut world = World::greeted().await;
    world.llm.will(&[Step::Tool("dial_operator")]);
    world.caller_says("a manager please").await;
    world.until("entered confirm_transfer").await;
    let record = hangs_up(world).await;
    assert_eq!(states(&record), ["greet", "converse", "confirm_transfer"]);
}

#[tokio::test(start_paused = true)]
async fn during_the_announcement_nobody_is_dialled() {
    let mut world = World::asked().await;
    world.caller_says("yes").await;
    world.until(&format!("speak {ANNOUNCEMENT}")).await;
    sleep(Duration::from_millis(500)).await;
    let log = world.log.clone();
    let record = hangs_up(world).await;
    assert!(record.transfer.is_none());
    assert_eq!(log.count("start "), 0);
}

#[tokio::test(start_paused = true)]
async fn while_it_rings_the_leg_is_stopped_first() {
    let world = World::ringing().await;
    let log = world.log.clone();
    let record = hangs_up(world).await;
    let at = |line| log.find(0, line).unwrap_or_else(|| panic!("never {line}:\n{}", log.text())).0;
    assert!(at("stopped leg-1") < at("leave") && at("leave") < at("delete room-1"), "{}", log.text());
    assert_eq!(log.count("stop leg-1"), 1, "{}", log.text());
    assert_eq!(record.transfer.as_ref().unwrap().outcome, LegOutcome::Cancelled);
}

#[tokio::test(start_paused = true)]
async fn after_a_failed_attempt_nothing_is_stopped_again() {
    let mut world = World::ringing().await;
    world.until("stopped leg-1").await;
    world.until("entered converse").await;
    let log = world.log.clone();
    hangs_up(world).await;
    assert_eq!(log.count("stop leg-1"), 1, "{}", log.text());
}

#[tokio::test(start_paused = true)]
async fn before_they_are_there() {
    let mut world = World::new();
    world.begin();
    world.until("joined").await;
    world.room.event(RoomEvent::DialinReady { sip_endpoint: "sip:room-1@rooms.test".to_owned() });
    world.until("forward").await;
    world.room.event(RoomEvent::DialinConnected { id: caller() });
    let record = hangs_up(world).await;
    assert!(record.states.is_empty() && record.turns.is_empty());
}

#[tokio::test(start_paused = true)]
async fn before_anybody_knew_of_their_leg() {
    let mut world = World::new();
    world.begin();
    world.until("joined").await;
    world.room.event(RoomEvent::DialinReady { sip_endpoint: "sip:room-1@rooms.test".to_owned() });
    world.until("forward").await;
    world.room.event(RoomEvent::DialinStopped { id: caller() });
    assert_eq!(world.over().await.outcome, Outcome::CallerLeft);
}

#[tokio::test(start_paused = true)]
async fn before_they_could_be_forwarded() {
    let mut world = World::new();
    let gone = TelephonyError::NotFound("No matching call found".to_owned());
    world.phone.forwards.lock().unwrap().push_back(Answer::Err(gone));
    world.begin();
    world.until("joined").await;
    world.room.event(RoomEvent::DialinReady { sip_endpoint: "sip:room-1@rooms.test".to_owned() });
    let record = world.over().await;
    assert_eq!(record.outcome, Outcome::CallerLeft);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_cannot_be_forwarded_did_not_leave() {
    let mut world = World::new();
    let ill = TelephonyError::Vendor { status: 500, info: "ill".to_owned() };
    world.phone.forwards.lock().unwrap().push_back(Answer::Err(ill));
    world.begin();
    world.until("joined").await;
    world.room.event(RoomEvent::DialinReady { sip_endpoint: "sip:room-1@rooms.test".to_owned() });
    assert_eq!(world.over().await.outcome, Outcome::Failed);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_never_comes_is_not_waited_for_for_ever() {
    let mut world = World::new();
    world.begin();
    world.until("joined").await;
    let ended = world.until("ended CallerLeft").await;
    assert!((Duration::from_secs(59)..Duration::from_secs(66)).contains(&ended), "{ended:?}");
    world.over().await;
}

#[tokio::test(start_paused = true)]
async fn an_error_of_their_leg_is_a_leaving() {
    for named in [true, false] {
        let mut world = World::greeted().await;
        let id = named.then(caller);
        world.room.event(RoomEvent::DialinError { id, message: "lost".to_owned() });
        world.until("ended CallerLeft").await;
        world.over().await;
    }
}
