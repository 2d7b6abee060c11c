//! What goes wrong before and after the conversation, through the C functions: joining, forwarding, leaving.

use std::time::Duration;

use callflow::machine::Outcome;
use callflow::sandbox::faults::Fault;
use callflow::telephony::daily::core::DailyRooms;
use callflow::telephony::{CloseReason, RoomClient, RoomCommand, RoomEvent};
use tokio::time::{Instant, sleep};

use crate::live::{Call, GREETING, OPERATOR, World, plain};
use crate::process::wait_until;
use crate::room::Site;
use crate::{stand_in_library, within};

/// The caller hears the whole greeting, and hangs up.
async fn is_greeted_all_the_same(mut call: Call, world: World) {
    call.until("entered greet").await;
    call.caller.hears(GREETING).await;
    call.until("entered converse").await;
    call.caller.phone.hang_up().unwrap();
    call.ends(Outcome::CallerLeft).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_greeting_waits_for_the_callers_media() {
    let mut world = World::new(&plain()).await;
    // The bot is in and ready for long before the caller is let in.
    world.daily_will(Fault::Slow { ms: 3000 }, "pinlessCallUpdate", 1);
    let mut call = world.call().await;
    world.bot_is(true, true).await;
    sleep(Duration::from_millis(1000)).await;
    assert!(world.bot().is_some() && call.caller.heard().is_empty());
    let entered = call.until("entered greet").await;
    call.caller.hears(GREETING).await;
    assert!(entered.elapsed() < Duration::from_secs(5));
    call.until("entered converse").await;
    call.caller.phone.hang_up().unwrap();
    let record = call.ends(Outcome::CallerLeft).await;
    let greeting = &record.turns[0];
    assert_eq!(greeting.heard.text(), GREETING);
    assert!(greeting.start_ms >= 2500, "said before the caller was there: {greeting:?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forwarding_is_tried_again_when_daily_is_ill() {
    let mut world = World::new(&plain()).await;
    world.daily_will(Fault::Refuse { status: 503, info: None }, "pinlessCallUpdate", 2);
    world.daily_will(Fault::Disconnect, "pinlessCallUpdate", 1);
    let call = world.call().await;
    is_greeted_all_the_same(call, world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_join_is_tried_again_while_the_caller_is_held() {
    let mut world = World::new(&plain()).await;
    world.daily_will(Fault::Refuse { status: 503, info: None }, "room", 2);
    let call = world.call().await;
    is_greeted_all_the_same(call, world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_join_that_is_not_answered_is_given_up_and_tried_again_while_the_caller_is_held() {
    let mut world = World::new(&plain()).await;
    world.daily_will(Fault::Silent, "room", 1);
    let mut call = world.call().await;
    let began = Instant::now();
    call.until("entered greet").await;
    let took = began.elapsed().as_secs_f64();
    assert!((9.5..14.0).contains(&took), "{took}");
    call.caller.phone.hang_up().unwrap();
    call.ends(Outcome::CallerLeft).await;
    // The client that was given up is still joining, and in nobody's way.
    assert!(world.rooms.clients() >= 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_cannot_be_joined_is_deleted() {
    let mut world = World::new(&plain()).await;
    world.daily_will(Fault::Refuse { status: 403, info: None }, "room", 3);
    let mut call = world.call().await;
    let record = call.ends(Outcome::Failed).await;
    assert!(record.states.is_empty());
    assert!(world.sandbox.state().rooms.is_empty(), "{:?}", world.sandbox.state());
    call.caller.phone.hang_up().unwrap();
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_in_mid_call_ends_it_and_leaves_nothing() {
    let mut world = World::new(&plain()).await;
    let mut call = world.call().await;
    call.until("entered converse").await;
    world.daily_will(Fault::Disconnect, "dtmf-event", 1);
    call.caller.phone.press('5').unwrap();
    call.ends(Outcome::Failed).await;
    call.caller.is_hung_up().await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_after_the_handoff_leaves_the_two_to_each_other() {
    let mut world = World::whose_rooms_stay(&plain()).await;
    let operator = world.person_at(OPERATOR).await;
    let mut call = world.call().await;
    call.is_handed_to(&operator).await;
    world.daily_will(Fault::Disconnect, "dtmf-event", 1);
    call.caller.phone.press('5').unwrap();
    call.ends(Outcome::Transferred).await;
    operator.phone.say("this is Sam").unwrap();
    call.caller.hears("this is Sam").await;
    call.caller.phone.say("hello Sam").unwrap();
    operator.hears("hello Sam").await;
    call.caller.phone.hang_up().unwrap();
    operator.phone.hang_up().unwrap();
    operator.is_hung_up().await;
    wait_until("the room is empty", || {
        world.sandbox.state().rooms.iter().all(|room| room.participants.is_empty())
    });
    world.end_but_for_the_room().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_killed_leaves_nothing() {
    let mut world = World::new(&plain()).await;
    let mut call = world.call().await;
    call.until("entered converse").await;
    call.kill.cancel();
    call.ends(Outcome::Failed).await;
    call.caller.is_hung_up().await;
    world.end().await;
}

/// The library may take long to let a room go: nobody waits for it, and in the end it does.
#[tokio::test(flavor = "multi_thread")]
async fn a_library_that_does_not_let_go_is_not_waited_for() {
    let rooms = DailyRooms::load(&stand_in_library()).unwrap();
    let site = Site::open().await;
    let room = site.room_that_holds();
    let (session, _guest) = tokio::join!(rooms.join(&room), site.guest());
    let mut session = session.unwrap();
    within(session.commands.send(RoomCommand::Leave)).await.unwrap();
    let left = Instant::now();
    assert_eq!(within(session.events.recv()).await, Some(RoomEvent::Closed { reason: CloseReason::Left }));
    let took = left.elapsed().as_secs_f64();
    assert!((2.5..4.0).contains(&took), "{took}");
    assert_eq!(rooms.clients(), 1, "its client should be leaving still");
    wait_until("the clients are destroyed", || rooms.clients() == 0);
}
