//! The cold transfer itself: the bot is out of it the moment the operator answers.

use std::time::Duration;

use callflow::machine::{Known, LegOutcome, Outcome};
use callflow::telephony::{RoomEvent, TelephonyError};
use tokio::time::{Instant, sleep};

use crate::fakes::{Answer, Step};
use crate::world::{
    ANNOUNCEMENT, GREETING, LEFT_ALONE, QUESTION, SORRY, World, bot_said, caller, leg, settle, shipped_flow,
    states,
};

#[tokio::test(start_paused = true)]
async fn a_caller_who_asks_for_a_person_is_handed_to_the_operator() {
    let mut world = World::greeted().await;
    world.llm.will(&[Step::Text("I can see "), Step::Text("your bill. What about it?")]);
    world.caller_says("I need help with my bill").await;
    world.until(&bot_said("I can see your bill. What about it?")).await;
    world.ask_for_a_person().await;
    world.caller_says("yes").await;
    world.until("started leg-1").await;
    world.rings(1).await;
    assert!(world.status.borrow().ringing);
    sleep(Duration::from_secs(4)).await;
    world.answers(1);
    world.until("bot left").await;
    assert!(world.status.borrow().handed_off && !world.status.borrow().ringing);
    settle().await;
    world.in_order(&[
        "microphone true",
        &bot_said(GREETING),
        &bot_said(QUESTION),
        "caller said yes",
        "entered dialing_operator",
        &bot_said(ANNOUNCEMENT),
        "start leg-1 to +15550100100",
        "ringing",
        "answered",
        "entered handed_off",
        "bot left",
        "microphone false",
    ]);
    world.times("subscribe false", 1);
    world.times("stt dropped", 1);
    world.times("tts dropped", 1);
    world.times("stop", 0);

    sleep(Duration::from_secs(60)).await;
    world.operator_hangs_up(1);
    let record = world.over().await;
    assert_eq!(record.outcome, Outcome::Transferred);
    assert_eq!(states(&record), ["greet", "converse", "confirm_transfer", "dialing_operator", "handed_off"]);
    let transfer = record.transfer.as_ref().unwrap();
    assert_eq!(
        (&*transfer.target, transfer.outcome, transfer.known),
        ("operator", LegOutcome::Answered, Known::Reported)
    );
    assert_eq!((transfer.attempts, transfer.bot_left_ms), (1, Some(0)));
    assert!((3_990..=4_100).contains(&transfer.ring_ms.unwrap()), "{:?}", transfer.ring_ms);
}

#[tokio::test(start_paused = true)]
async fn a_caller_left_alone_after_an_hour_hears_one_sentence_at_the_pace_of_speech() {
    let mut world = World::bridged().await;
    sleep(Duration::from_secs(3_600)).await;
    world.times("tts dropped", 1);
    let alone = Instant::now();
    world.operator_hangs_up(1);
    let room = std::sync::Arc::clone(&world.room);
    world.until(&bot_said(LEFT_ALONE)).await;
    assert_eq!(room.understood_since(alone), [LEFT_ALONE]);
    let times: Vec<Instant> =
        room.recording().into_iter().map(|(at, _)| at).filter(|at| *at >= alone).collect();
    let gaps = times.windows(2).map(|pair| pair[1] - pair[0]);
    assert!(gaps.clone().all(|gap| gap >= Duration::from_millis(19)), "{:?}", gaps.min());
    world.in_order(&["bot left", "microphone false", "microphone true", "leave", "delete room-1"]);
    world.times("stop", 0);
    assert_eq!(world.over().await.outcome, Outcome::Transferred);
}

#[tokio::test(start_paused = true)]
async fn an_operator_left_alone_hears_one_sentence_and_is_then_released() {
    let mut world = World::bridged().await;
    sleep(Duration::from_secs(30)).await;
    let alone = Instant::now();
    world.caller_hangs_up();
    world.until(&bot_said(LEFT_ALONE)).await;
    assert_eq!(world.room.understood_since(alone), [LEFT_ALONE]);
    world.until("deleted").await;
    world.in_order(&["microphone true", "bot said", "stop leg-1", "stopped leg-1", "leave", "delete room-1"]);
    world.times("stop leg-1", 1);
    assert_eq!(world.over().await.outcome, Outcome::Transferred);
}

#[tokio::test(start_paused = true)]
async fn nobody_listens_to_the_pair() {
    let world = World::bridged().await;
    let (frames, lines) = (world.stt.frames(), world.log.len());
    world.caller.says("my card is four one one one");
    world.stt.says("my card is four one one one");
    for _ in 0..50 {
        world.room.audio(&leg(1), callflow::audio::Frame::from_samples(&[9_000; 320]));
        sleep(Duration::from_millis(20)).await;
    }
    world.room.event(RoomEvent::Dtmf { id: Some(caller()), tone: '0' });
    world.shutdown.cancel();
    sleep(Duration::from_secs(20)).await;
    assert_eq!(world.stt.frames(), frames);
    assert_eq!(world.log.len(), lines, "{}", world.log.text());
    assert_eq!(world.log.count("ask"), 1, "{}", world.log.text());
    world.caller_hangs_up();
    let record = world.over().await;
    assert_eq!(record.turns.iter().filter(|turn| turn.who == callflow::session::Who::Caller).count(), 2);
}

#[tokio::test(start_paused = true)]
async fn before_the_answer_the_operators_leg_is_not_heard_and_its_keys_are_not_the_callers() {
    let mut world = World::ringing().await;
    let frames = world.stt.frames();
    for _ in 0..100 {
        world.room.audio(&leg(1), callflow::audio::Frame::from_samples(&[9_000; 320]));
        sleep(Duration::from_millis(20)).await;
    }
    world.room.event(RoomEvent::Dtmf { id: Some(leg(1)), tone: '0' });
    sleep(Duration::from_secs(1)).await;
    assert_eq!(world.stt.frames(), frames);
    world.times("entered", 4);
    world.caller_hangs_up();
    world.until("ended CallerLeft").await;
    world.over().await;
}

#[tokio::test(start_paused = true)]
async fn a_bot_that_leaves_stops_no_leg_and_deletes_no_room() {
    let mut world = World::with_flow(&shipped_flow().replace("{handoff: keep_room}", "{handoff: leave}"));
    world.get_greeted().await;
    world.ask_for_a_person().await;
    world.caller_says("yes").await;
    world.until("started leg-1").await;
    world.rings(1).await;
    world.answers(1);
    let log = world.log.clone();
    let record = world.over_having_left_the_room(0).await;
    assert_eq!(record.outcome, Outcome::Transferred);
    assert_eq!(record.transfer.as_ref().unwrap().bot_left_ms, Some(0));
    assert_eq!((log.count("stop"), log.count("leave")), (0, 1), "{}", log.text());
}

#[tokio::test(start_paused = true)]
async fn hold_audio_plays_while_it_rings_and_ends_with_the_answer() {
    let mut world = World::ringing().await;
    let ringing = Instant::now();
    sleep(Duration::from_secs(2)).await;
    let frames = world.room.frames_since(ringing);
    assert!(frames.len() >= 99 && frames.iter().all(|frame| frame.dbfs() > -60.0));
    world.answers(1);
    world.until("bot left").await;
    sleep(Duration::from_secs(1)).await;
    let after = world.room.recording().last().unwrap().0;
    assert!(Instant::now() - after > Duration::from_millis(950), "the microphone is silent");
    world.caller_hangs_up();
    world.over().await;
}

#[tokio::test(start_paused = true)]
async fn a_recording_of_the_flows_folder_is_played_instead_of_the_bundled_tone() {
    let flow = shipped_flow().replace("ring: 30s", "ring: 30s\n      hold: {audio: tests/audio/hold.wav}");
    let mut world = World::with_flow(&flow);
    world.get_greeted().await;
    world.ask_for_a_person().await;
    world.caller_says("yes").await;
    world.until("started leg-1").await;
    world.rings(1).await;
    let ringing = Instant::now();
    // It lasts half a second and is repeated.
    sleep(Duration::from_secs(2)).await;
    let frames = world.room.frames_since(ringing);
    assert!(frames.len() >= 99, "{}", frames.len());
    // It fades in for a moment.
    let levels: Vec<f32> = frames[12..].iter().map(callflow::audio::Frame::dbfs).collect();
    // The bundled tone is below -18 dBFS throughout.
    assert!(levels.iter().all(|level| (-12.0..-6.0).contains(level)), "{levels:?}");
    world.caller_hangs_up();
    world.over().await;
}

/// The shipped flow, but the caller's own leg is moved.
fn moving_flow() -> String {
    shipped_flow()
        .replace("      ring: 30s\n", "      method: sip_transfer\n")
        .replace("      answered: handed_off\n", "      transferred: handed_off\n")
        .replace("{handoff: keep_room}", "{handoff: leave}")
}

#[tokio::test(start_paused = true)]
async fn a_callers_own_leg_is_moved_and_nobody_knows_more() {
    // The vendor may say that the caller left the room before it answers the command, or never.
    for leaves_first in [false, true] {
        let mut world = World::with_flow(&moving_flow());
        world.get_greeted().await;
        world.ask_for_a_person().await;
        world.phone.starts.lock().unwrap().push_back(Answer::after_ms(500, Answer::Ok));
        world.caller_says("yes").await;
        world.until("transfer caller to +15550100100").await;
        if leaves_first {
            world.caller_hangs_up();
        }
        let log = world.log.clone();
        let record = world.over_having_left_the_room(usize::from(leaves_first)).await;
        assert_eq!(record.outcome, Outcome::Transferred, "{}", log.text());
        let transfer = record.transfer.as_ref().unwrap();
        assert_eq!(
            (transfer.outcome, transfer.known, transfer.bot_left_ms),
            (LegOutcome::Transferred, Known::Unobservable, None)
        );
        assert_eq!(log.count("stop"), 0, "{}", log.text());
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_whose_leg_cannot_be_moved_is_told_so() {
    let mut world = World::with_flow(&moving_flow());
    world.get_greeted().await;
    world.ask_for_a_person().await;
    let refusal = TelephonyError::Refused("invalid sessionId".to_owned());
    world.phone.starts.lock().unwrap().push_back(Answer::Err(refusal));
    world.caller_says("yes").await;
    world.until(&bot_said(SORRY)).await;
    world.caller_hangs_up();
    assert_eq!(world.over().await.outcome, Outcome::CallerLeft);
}

#[tokio::test(start_paused = true)]
async fn who_is_in_the_middle_of_a_word_when_the_dial_has_failed_is_heard_from_its_beginning() {
    let mut world = World::ringing().await;
    let before = world.stt.frames();
    world.caller.says("hello are you still there");
    sleep(Duration::from_millis(400)).await;
    assert_eq!(world.stt.frames(), before, "nobody listens while it rings");
    world.room.event(RoomEvent::DialoutStopped { id: leg(1) });
    sleep(Duration::from_millis(40)).await;
    let given = world.stt.frames() - before;
    assert!((20..=40).contains(&given), "{given} frames for the 400 ms that were missed");
    world.until("caller said hello are you still there").await;
    world.until(&bot_said("Sure.")).await;
    world.caller_hangs_up();
    let record = world.over().await;
    assert_eq!(states(&record).last(), Some(&"converse"));
}

#[tokio::test(start_paused = true)]
async fn what_was_said_to_the_hold_music_is_not_answered() {
    let mut world = World::ringing().await;
    let before = world.stt.frames();
    world.caller.makes_sound("hello");
    sleep(Duration::from_millis(2_000)).await;
    world.room.event(RoomEvent::DialoutStopped { id: leg(1) });
    sleep(Duration::from_millis(40)).await;
    let given = world.stt.frames() - before;
    assert!(given <= 3, "{given}");
    world.until(&bot_said(SORRY)).await;
    world.caller_hangs_up();
    world.over().await;
}

#[tokio::test(start_paused = true)]
async fn words_held_back_from_before_the_dial_are_not_heard_after_it() {
    let mut world = World::asked().await;
    world.caller.says("yes");
    world.until("caller said yes").await;
    // Still speaking when the bot ceases to listen: the recogniser is asked for it at once.
    let asked = world.stt.finalized();
    world.caller.makes_sound("and hurry up now please");
    world.until("started leg-1").await;
    assert!(world.stt.finalized() >= asked, "{asked}");
    world.stt.says("and hurry up now please");
    world.rings(1).await;
    world.room.event(RoomEvent::DialoutStopped { id: leg(1) });
    world.until(&bot_said(SORRY)).await;
    world.caller_says("my bill").await;
    world.until(&bot_said("Sure.")).await;
    world.times("caller said and hurry", 0);
    world.caller_hangs_up();
    world.over().await;
}
