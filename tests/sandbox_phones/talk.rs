//! Phones that speak and hear: every word went through µ-law, the network and the room as audio.

use std::time::Duration;

use callflow::audio::{Frame, Framer};
use callflow::pii::PhoneNumber;
use callflow::sandbox::phone::{Phone, PhoneError, PhoneEvent, RejectReason};
use callflow::sandbox::voice::{Decoder, Heard, encode};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::{interval, timeout};

use crate::bot::Bot;
use crate::call::{CALLER, OPERATOR, OUR_NUMBER};
use crate::world::{PATIENCE, World};

type Events = mpsc::Receiver<PhoneEvent>;

/// The next event that is not partial hearing; `None` at the end.
async fn next(events: &mut Events) -> Option<PhoneEvent> {
    loop {
        match timeout(PATIENCE, events.recv()).await.expect("nothing happened") {
            Some(PhoneEvent::SoundBegan | PhoneEvent::SoundEnded | PhoneEvent::HearingNow(_)) => {}
            event => return event,
        }
    }
}

/// The next thing heard, as text, which must be whole.
async fn heard(events: &mut Events) -> String {
    loop {
        match next(events).await {
            Some(PhoneEvent::Heard { text, intact: true, cut: false }) => return text.text().to_owned(),
            Some(PhoneEvent::FinishedSaying) => {}
            other => panic!("{other:?}: {:?}", text_of(&other)),
        }
    }
}

fn text_of(event: &Option<PhoneEvent>) -> Option<&str> {
    match event {
        Some(PhoneEvent::Heard { text, .. }) => Some(text.text()),
        _ => None,
    }
}

/// The bot speaks as a session does: a frame every 20 ms.
async fn speak(bot: &Bot, text: &str) {
    let mut framer = Framer::new();
    framer.push(&encode(text));
    let mut ticks = interval(Duration::from_millis(20));
    while let Some(frame) = framer.next_frame().or_else(|| framer.flush()) {
        ticks.tick().await;
        bot.say(frame.samples()).await;
    }
}

async fn caller_in_room(world: &mut World) -> (Bot, Phone, Events) {
    let number = |text| PhoneNumber::parse(text).unwrap();
    let origin = world.sandbox.urls().phone.clone();
    let (phone, mut events) = Phone::call(&origin, &number(CALLER), &number(OUR_NUMBER)).await.unwrap();
    assert_eq!(next(&mut events).await, Some(PhoneEvent::Connected));
    let report = world.reported_call().await;
    let (_, token) = world.room("r").await;
    let mut bot = Bot::join(world, "r", &token).await;
    let ready = bot.event("dialin-ready").await;
    let forward = json!({"callId": report["callId"], "callDomain": report["callDomain"], "sipUri": ready["sipEndpoint"]});
    assert_eq!(world.post("/dialin/pinlessCallUpdate", forward).await.0, 200);
    bot.event("dialin-connected").await;
    bot.event("participant-joined").await;
    (bot, phone, events)
}

#[tokio::test]
async fn caller_bot_and_operator_understand_each_other_through_the_whole_path() {
    let mut world = World::start().await;
    let (mut bot, caller, mut caller_events) = caller_in_room(&mut world).await;
    bot.microphone(true).await;
    speak(&bot, "Hello, you have reached Example Telecom. How can I help?").await;
    assert_eq!(heard(&mut caller_events).await, "Hello, you have reached Example Telecom. How can I help?");

    bot.subscribe(true).await;
    caller.say("I need help with my bill").unwrap();
    assert_eq!(next(&mut caller_events).await, Some(PhoneEvent::FinishedSaying));
    bot.silent(500).await;
    let mut ears = Decoder::new(16_000);
    let texts: Vec<_> = bot
        .heard
        .drain(..)
        .flat_map(|(_, bytes)| ears.push(Frame::from_le_bytes(&bytes).samples()))
        .filter_map(|heard| match heard {
            Heard::Text { text, intact, .. } => Some((text, intact)),
            _ => None,
        })
        .collect();
    assert_eq!(texts, [("I need help with my bill".to_owned(), true)]);

    let origin = world.sandbox.urls().phone.clone();
    let (operator, mut operator_events) = Phone::wait(&origin, OPERATOR).await.unwrap();
    while world.sandbox.state().waiting_phones == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let leg = world.dial("r", OPERATOR).await;
    assert!(matches!(next(&mut operator_events).await, Some(PhoneEvent::Ringing { from: Some(_) })));
    operator.answer().unwrap();
    assert_eq!(next(&mut operator_events).await, Some(PhoneEvent::Connected));
    bot.microphone(false).await;
    bot.subscribe(false).await;
    operator.say("Support, what can I do for you?").unwrap();
    assert_eq!(heard(&mut caller_events).await, "Support, what can I do for you?");
    caller.say("My bill is wrong.").unwrap();
    assert_eq!(heard(&mut operator_events).await, "My bill is wrong.");
    operator.press('5').unwrap();

    caller.hang_up().unwrap();
    let over = PhoneEvent::HungUp { reason: "hung up".to_owned() };
    assert_eq!(next(&mut caller_events).await, Some(over));
    assert_eq!(next(&mut caller_events).await, None);
    assert_eq!(caller.say("anybody there?"), Err(PhoneError::Gone));
    assert_eq!(world.post("/rooms/r/dialOut/stop", json!({"sessionId": leg})).await.0, 200);
    let over = PhoneEvent::HungUp { reason: "hangup".to_owned() };
    assert_eq!(next(&mut operator_events).await, Some(over));
    drop(bot);
    world.request("DELETE", "/rooms/r", None).await;
    world.quiet().await;
    assert_eq!(world.sandbox.state().waiting_phones, 1, "the operator's phone waits on");
}

#[tokio::test]
async fn speech_that_is_cut_is_heard_as_cut() {
    let mut world = World::start().await;
    let (bot, _caller, mut events) = caller_in_room(&mut world).await;
    bot.microphone(true).await;
    let long =
        "This sentence is long enough to be interrupted somewhere in its middle, by anybody who likes.";
    let interrupted = timeout(Duration::from_millis(1_500), speak(&bot, long));
    assert!(interrupted.await.is_err());
    bot.microphone(false).await;
    match next(&mut events).await {
        Some(PhoneEvent::Heard { text, cut: true, .. }) => {
            assert!(!text.text().is_empty() && long.starts_with(text.text()), "{:?}", text.text());
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_lost_frame_is_heard_as_damage() {
    let mut world = World::start().await;
    let (mut bot, caller, _events) = caller_in_room(&mut world).await;
    bot.subscribe(true).await;
    caller.say("One frame of this is lost on the way").unwrap();
    bot.silent(800).await;
    let lost = r#"{"service":"phone","fault":"silent","on":"media","times":1}"#;
    world.sandbox.faults().inject(serde_json::from_str(lost).unwrap()).unwrap();
    bot.silent(2_500).await;
    let mut ears = Decoder::new(16_000);
    let heard: Vec<Heard> =
        bot.heard.iter().flat_map(|(_, bytes)| ears.push(Frame::from_le_bytes(bytes).samples())).collect();
    let damaged = heard.iter().any(|heard| matches!(heard, Heard::Text { intact: false, .. }));
    assert!(damaged, "{heard:?}");
}

#[tokio::test]
async fn a_waiting_phone_declines_misses_and_takes_one_call_after_another() {
    let world = World::start().await;
    let (_, token) = world.room("r").await;
    let mut bot = Bot::join(&world, "r", &token).await;
    bot.event("dialin-ready").await;
    let origin = world.sandbox.urls().phone.clone();
    let (operator, mut events) = Phone::wait(&origin, OPERATOR).await.unwrap();
    while world.sandbox.state().waiting_phones == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let over = |reason: &str| Some(PhoneEvent::HungUp { reason: reason.to_owned() });
    operator.answer().unwrap();

    world.dial("r", OPERATOR).await;
    assert!(matches!(next(&mut events).await, Some(PhoneEvent::Ringing { .. })));
    operator.reject(RejectReason::Busy).unwrap();
    assert_eq!(next(&mut events).await, over("rejected"));
    bot.event("dialout-connected").await;
    assert_eq!(bot.event("dialout-error").await["errorMsg"], "busy here");

    let leg = world.dial("r", OPERATOR).await;
    assert!(matches!(next(&mut events).await, Some(PhoneEvent::Ringing { .. })));
    world.post("/rooms/r/dialOut/stop", json!({"sessionId": leg})).await;
    assert_eq!(next(&mut events).await, over("cancelled"));

    world.dial("r", OPERATOR).await;
    assert!(matches!(next(&mut events).await, Some(PhoneEvent::Ringing { .. })));
    operator.answer().unwrap();
    assert_eq!(next(&mut events).await, Some(PhoneEvent::Connected));
    operator.hang_up().unwrap();
    assert_eq!(next(&mut events).await, over("hung up"));
    for action in [
        "dialout-connected",
        "dialout-stopped",
        "dialout-connected",
        "dialout-answered",
        "participant-joined",
        "participant-left",
        "dialout-stopped",
    ] {
        bot.event(action).await;
    }
    world.sandbox.shutdown().await;
    assert_eq!(next(&mut events).await, None, "an idle phone has nothing to say about a lost connection");
}
