//! What can go wrong with the operator's leg.

use std::sync::atomic::Ordering;
use std::time::Duration;

use callflow::machine::{Known, LegOutcome, Outcome};
use callflow::telephony::{LegRefusal, RoomEvent, TelephonyError};
use tokio::time::sleep;

use crate::fakes::Answer;
use crate::world::{SORRY, World, bot_said, leg, states};

/// The caller has just said yes, and the command to dial is answered like this.
async fn dialling_with(start: Answer) -> World {
    let mut world = World::asked().await;
    world.phone.starts.lock().unwrap().push_back(start);
    world.caller_says("yes").await;
    world.until("start leg-1").await;
    world
}

/// The attempt has come to nothing: the apology, and back in the conversation.
async fn comes_to_nothing(world: &mut World) {
    let entered = world.until("entered converse").await;
    let heard = world.until(&bot_said(SORRY)).await;
    assert!(heard - entered < Duration::from_secs(6), "{}", world.log.text());
}

#[tokio::test(start_paused = true)]
async fn events_that_overtake_the_answer_to_the_dial_command_count() {
    let mut world = dialling_with(Answer::after_ms(900, Answer::Ok)).await;
    world.room.event(RoomEvent::DialoutConnected { id: leg(1) });
    world.answers(1);
    world.until("bot left").await;
    // Two people who hear each other do not wait for the answer to a command.
    world.until("started leg-1").await;
    world.in_order(&["start leg-1", "ringing", "answered", "bot left", "started leg-1"]);
    world.caller_hangs_up();
    let record = world.over().await;
    assert_eq!(record.outcome, Outcome::Transferred);
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_the_dial_command_that_comes_after_the_leg_is_gone_is_no_news() {
    let mut world = dialling_with(Answer::after_ms(4_000, Answer::Ok)).await;
    world.room.event(RoomEvent::DialoutConnected { id: leg(1) });
    let message = "Busy Here".to_owned();
    world.room.event(RoomEvent::DialoutError { id: Some(leg(1)), message });
    comes_to_nothing(&mut world).await;
    sleep(Duration::from_secs(5)).await;
    world.times("started leg-1", 1);
    world.caller_hangs_up();
    let log = world.log.clone();
    let record = world.over().await;
    assert_eq!(record.transfer.as_ref().unwrap().outcome, LegOutcome::Busy);
    assert_eq!(log.count("stop leg-1"), 0, "a leg that is gone was stopped:\n{}", log.text());
}

#[tokio::test(start_paused = true)]
async fn a_leg_whose_dial_command_is_never_answered_is_known_by_its_events() {
    let lost = TelephonyError::Unreachable("no answer in time".to_owned());
    let mut world = dialling_with(Answer::after_ms(5_000, Answer::Err(lost))).await;
    world.room.event(RoomEvent::DialoutConnected { id: leg(1) });
    sleep(Duration::from_secs(6)).await;
    world.answers(1);
    world.until("bot left").await;
    world.times("stop leg-1", 0);
    world.times("ringing", 1);
    world.caller_hangs_up();
    let record = world.over().await;
    assert_eq!(record.outcome, Outcome::Transferred);
}

#[tokio::test(start_paused = true)]
async fn a_leg_that_comes_up_after_its_dial_command_was_lost_is_stopped_once() {
    let lost = TelephonyError::Vendor { status: 504, info: "gateway".to_owned() };
    let mut world = dialling_with(Answer::Err(lost)).await;
    comes_to_nothing(&mut world).await;
    // Somebody's telephone rings that no attempt knows of, and they pick up.
    for _twice in 0..2 {
        world.room.event(RoomEvent::DialoutConnected { id: leg(1) });
        world.answers(1);
    }
    world.until("stop leg-1").await;
    sleep(Duration::from_secs(1)).await;
    world.times("stop leg-1", 1);
    world.times("bot left", 0);
    world.caller_hangs_up();
    assert_eq!(world.over().await.outcome, Outcome::CallerLeft);
}

#[tokio::test(start_paused = true)]
async fn after_a_refusal_a_leg_that_is_not_ours_is_left_alone() {
    let refusal = TelephonyError::Refused("the domain may not".to_owned());
    let mut world = dialling_with(Answer::Err(refusal)).await;
    comes_to_nothing(&mut world).await;
    world.room.event(RoomEvent::DialoutConnected { id: leg(7) });
    sleep(Duration::from_secs(1)).await;
    world.times("stop leg-7", 0);
    world.caller_hangs_up();
    assert_eq!(world.over().await.outcome, Outcome::CallerLeft);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_leaves_before_the_dial_command_is_answered_leaves_no_leg_behind() {
    let world = dialling_with(Answer::after_ms(3_000, Answer::Ok)).await;
    world.caller_hangs_up();
    let log = world.log.clone();
    let record = world.over().await;
    assert_eq!(record.outcome, Outcome::CallerLeft);
    for (before, after) in [("started leg-1", "stop leg-1"), ("stopped leg-1", "delete room-1")] {
        let before = log.find(0, before).unwrap_or_else(|| panic!("not {before}:\n{}", log.text()));
        assert!(log.find(before.0, after).is_some(), "{}", log.text());
    }
    assert_eq!(log.count("stop leg-1"), 1, "{}", log.text());
}

#[tokio::test(start_paused = true)]
async fn a_dial_command_that_is_answered_too_late_is_undone() {
    let mut world = dialling_with(Answer::after_ms(14_000, Answer::Ok)).await;
    world.until("entered converse").await;
    world.until("started leg-1").await;
    world.until("stop leg-1").await;
    world.until(&bot_said(SORRY)).await;
    world.answers(1);
    sleep(Duration::from_secs(1)).await;
    world.times("bot left", 0);
    world.caller_hangs_up();
    let record = world.over().await;
    assert_eq!(record.outcome, Outcome::CallerLeft);
    let transfer = record.transfer.as_ref().unwrap();
    assert_eq!((transfer.outcome, transfer.known), (LegOutcome::Failed, Known::Inferred));
}

#[tokio::test(start_paused = true)]
async fn a_refused_dial_command_is_told_to_the_caller_within_a_second() {
    let refusal = TelephonyError::Refused("the domain may not".to_owned());
    let mut world = dialling_with(Answer::after_ms(200, Answer::Err(refusal))).await;
    let refused = world.until("leg failed Failed").await;
    let entered = world.until("entered converse").await;
    assert!(entered - refused < Duration::from_millis(100));
    world.until(&bot_said(SORRY)).await;
    assert!(!world.status.borrow().ringing);
    world.times("stop", 0);
    world.caller_hangs_up();
    let record = world.over().await;
    let transfer = record.transfer.as_ref().unwrap();
    assert_eq!(transfer.outcome, LegOutcome::Failed);
    assert!(transfer.raw.as_ref().unwrap().contains("the domain may not"), "{transfer:?}");
}

#[tokio::test(start_paused = true)]
async fn a_leg_that_fails_is_told_to_the_caller_and_its_words_are_kept() {
    for named in [true, false] {
        let mut world = World::ringing().await;
        let id = named.then(|| leg(1));
        world.room.event(RoomEvent::DialoutError { id, message: "Busy Here".to_owned() });
        world.until("leg failed Busy").await;
        comes_to_nothing(&mut world).await;
        world.caller_hangs_up();
        let record = world.over().await;
        let transfer = record.transfer.as_ref().unwrap();
        assert_eq!((transfer.outcome, transfer.known), (LegOutcome::Busy, Known::Inferred));
        assert_eq!(transfer.raw.as_deref(), Some("Busy Here"));
    }
}

#[tokio::test(start_paused = true)]
async fn what_can_be_mended_is_said_in_the_record_whichever_way_the_vendor_says_it() {
    let why = LegRefusal::International;
    let info = "International dialout not supported".to_owned();
    for refused in [true, false] {
        let mut world = if refused {
            let error = TelephonyError::LegRefused { why, info: info.clone() };
            dialling_with(Answer::Err(error)).await
        } else {
            let world = World::ringing().await;
            world.room.event(RoomEvent::DialoutError { id: Some(leg(1)), message: info.clone() });
            world
        };
        comes_to_nothing(&mut world).await;
        world.caller_hangs_up();
        let record = world.over().await;
        let transfer = record.transfer.as_ref().unwrap();
        assert_eq!((transfer.outcome, transfer.known), (LegOutcome::Failed, Known::Reported));
        assert_eq!((transfer.raw.clone(), transfer.fix.clone()), (Some(info.clone()), Some(why.to_string())));
    }
}

#[tokio::test(start_paused = true)]
async fn a_leg_that_is_declined_counts_as_failed() {
    let mut world = World::ringing().await;
    world.room.event(RoomEvent::DialoutStopped { id: leg(1) });
    comes_to_nothing(&mut world).await;
    world.caller_hangs_up();
    let record = world.over().await;
    assert_eq!(record.transfer.as_ref().unwrap().outcome, LegOutcome::Failed);
}

#[tokio::test(start_paused = true)]
async fn a_phone_that_nobody_answers_stops_ringing_after_thirty_seconds() {
    let mut world = World::ringing().await;
    let (_, rang) = world.log.find(0, "ringing").unwrap();
    let stopped = world.until("stop leg-1").await;
    assert!((stopped - rang).as_millis().abs_diff(30_000) < 100, "{}", world.log.text());
    comes_to_nothing(&mut world).await;
    assert!(!world.status.borrow().ringing);
    world.caller_hangs_up();
    let record = world.over().await;
    assert_eq!(states(&record), ["greet", "converse", "confirm_transfer", "dialing_operator", "converse"]);
    let transfer = record.transfer.as_ref().unwrap();
    assert_eq!((transfer.outcome, transfer.known), (LegOutcome::NoAnswer, Known::Inferred));
    assert!(transfer.ring_ms.unwrap().abs_diff(30_000) < 100 && transfer.bot_left_ms.is_none());
}

#[tokio::test(start_paused = true)]
async fn an_answer_while_the_leg_is_being_stopped_is_hung_up() {
    let mut world = World::ringing().await;
    world.phone.reports_stops.store(false, Ordering::SeqCst);
    world.phone.stops.lock().unwrap().push_back(Answer::after_ms(3_000, Answer::Ok));
    world.until("stop leg-1").await;
    world.answers(1);
    world.until("stop leg-1").await;
    world.until(&bot_said(SORRY)).await;
    world.times("bot left", 0);
    world.caller_hangs_up();
    let record = world.over().await;
    assert_eq!(record.outcome, Outcome::CallerLeft);
    assert_eq!(record.transfer.as_ref().unwrap().outcome, LegOutcome::NoAnswer);
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_fails_leaves_the_call_going() {
    let mut world = World::ringing().await;
    let ill = TelephonyError::Vendor { status: 500, info: "ill".to_owned() };
    world.phone.stops.lock().unwrap().push_back(Answer::Err(ill));
    world.until("stop leg-1").await;
    comes_to_nothing(&mut world).await;
    world.caller_says("my bill then").await;
    world.until(&bot_said("Sure.")).await;
    world.caller_hangs_up();
    let log = world.log.clone();
    world.over().await;
    assert_eq!(log.count("stop leg-1"), 2, "what may still be there is stopped again\n{}", log.text());
}

#[tokio::test(start_paused = true)]
async fn events_that_come_twice_change_nothing() {
    let mut world = World::dialling().await;
    for _ in 0..2 {
        world.room.event(RoomEvent::DialoutConnected { id: leg(1) });
    }
    world.until("ringing").await;
    for _ in 0..2 {
        world.answers(1);
    }
    world.until("bot left").await;
    world.room.event(RoomEvent::DialoutConnected { id: leg(1) });
    world.answers(1);
    sleep(Duration::from_secs(5)).await;
    world.times("bot left", 1);
    assert!(!world.status.borrow().ringing, "{:?}", world.status.borrow());
    world.operator_hangs_up(1);
    world.operator_hangs_up(1);
    let record = world.over().await;
    assert_eq!(record.outcome, Outcome::Transferred);
    assert_eq!(record.transfer.as_ref().unwrap().bot_left_ms, Some(0));
}

#[tokio::test(start_paused = true)]
async fn the_second_attempt_is_reported_and_measured_from_its_own_answer() {
    let mut world = World::ringing().await;
    world.phone.reports_stops.store(false, Ordering::SeqCst);
    world.phone.stops.lock().unwrap().push_back(Answer::after_ms(3_000, Answer::Ok));
    world.until("stop leg-1").await;
    // Refused, and not the answer from which the handoff is measured.
    world.answers(1);
    comes_to_nothing(&mut world).await;
    sleep(Duration::from_secs(4)).await;
    world.ask_for_a_person().await;
    world.caller_says("yes").await;
    world.until("started leg-2").await;
    world.rings(2).await;
    world.answers(2);
    world.until("bot left").await;
    world.caller_hangs_up();
    let log = world.log.clone();
    let record = world.over().await;
    let transfer = record.transfer.as_ref().unwrap();
    assert_eq!(
        (transfer.attempts, transfer.outcome, transfer.bot_left_ms),
        (2, LegOutcome::Answered, Some(0))
    );
    assert_eq!((log.count("stop leg-1"), log.count("stop leg-2")), (2, 1), "{}", log.text());
}

#[tokio::test(start_paused = true)]
async fn legs_of_others_in_the_room_are_nobodys() {
    let world = World::ringing().await;
    world.room.event(RoomEvent::DialoutAnswered { id: leg(77) });
    world.room.event(RoomEvent::DialoutStopped { id: leg(77) });
    world.room.event(RoomEvent::ParticipantLeft { id: leg(77) });
    sleep(Duration::from_secs(1)).await;
    world.times("bot left", 0);
    world.times("entered", 4);
    world.caller_hangs_up();
    assert_eq!(world.over().await.outcome, Outcome::CallerLeft);
}

#[tokio::test(start_paused = true)]
async fn a_warning_of_the_vendor_changes_nothing() {
    let world = World::ringing().await;
    world.room.event(RoomEvent::Warning { message: "codec fallback".to_owned() });
    sleep(Duration::from_secs(1)).await;
    world.times("bot left", 0);
    world.times("stop leg-1", 0);
    world.times("entered", 4);
    world.caller_hangs_up();
    assert_eq!(world.over().await.outcome, Outcome::CallerLeft);
}

#[tokio::test(start_paused = true)]
async fn a_third_person_who_joins_and_leaves_is_nobody_to_the_call() {
    let mut world = World::bridged().await;
    world.room.event(RoomEvent::ParticipantJoined { id: leg(77) });
    sleep(Duration::from_secs(5)).await;
    world.room.event(RoomEvent::ParticipantLeft { id: leg(77) });
    sleep(Duration::from_secs(5)).await;
    world.times("stop leg-1", 0);
    world.operator_hangs_up(1);
    world.until(&crate::world::bot_said(crate::world::LEFT_ALONE)).await;
    assert_eq!(world.over().await.outcome, Outcome::Transferred);
}
