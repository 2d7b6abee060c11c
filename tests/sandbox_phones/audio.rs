//! Who hears whom, and that what arrives is what was said.

use std::time::Duration;

use callflow::audio::{DtmfDetector, Frame};
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval};

use crate::bot::Bot;
use crate::call::{Call, OPERATOR};
use crate::raw_phone::RawPhone;
use crate::world::World;

/// A frame that is like no other: its number, over and over.
fn numbered(n: usize) -> [i16; 320] {
    [1_000 + n as i16; 320]
}

/// The frames that were heard of somebody, without the silence around them.
fn frames_of(bot: &Bot, id: &str) -> Vec<Frame> {
    let frames =
        bot.heard.iter().filter(|(from, _)| from == id).map(|(_, bytes)| Frame::from_le_bytes(bytes));
    frames.filter(|frame| frame.samples()[0] != 0).collect()
}

#[tokio::test]
async fn a_client_hears_another_bit_for_bit_and_only_while_its_microphone_is_on() {
    let world = World::start().await;
    let (_, token) = world.room("r").await;
    let speaker = Bot::join(&world, "r", &token).await;
    let mut listener = Bot::join(&world, "r", &token).await;
    listener.event("participant-joined").await;
    listener.subscribe(true).await;
    let mut ticks = interval(Duration::from_millis(20));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    for n in 0..300 {
        ticks.tick().await;
        match n {
            50 => speaker.microphone(true).await,
            250 => speaker.microphone(false).await,
            _ => {}
        }
        speaker.say(&numbered(n)).await;
    }
    listener.event("dialin-ready").await;
    listener.silent(300).await;
    let heard: Vec<i16> = frames_of(&listener, &speaker.id).iter().map(|frame| frame.samples()[0]).collect();
    // Switching the microphone off drops what had not been played: two frames of buffer.
    let expected: Vec<i16> = (50..250).map(|n| numbered(n)[0]).collect();
    assert!(heard.len() >= 196, "{} of 200 frames", heard.len());
    assert_eq!(heard, expected[..heard.len()]);
}

#[tokio::test]
async fn a_burst_is_played_in_order_and_without_a_gap() {
    let world = World::start().await;
    let (_, token) = world.room("r").await;
    let speaker = Bot::join(&world, "r", &token).await;
    let mut listener = Bot::join(&world, "r", &token).await;
    speaker.microphone(true).await;
    listener.subscribe(true).await;
    for action in ["participant-joined", "dialin-ready"] {
        listener.event(action).await;
    }
    for n in 0..10 {
        speaker.say(&numbered(n)).await;
    }
    listener.silent(500).await;
    let of_speaker: Vec<&Vec<u8>> =
        listener.heard.iter().filter(|(from, _)| *from == speaker.id).map(|(_, bytes)| bytes).collect();
    let first = of_speaker.iter().position(|bytes| bytes[0] != 0).expect("heard nothing");
    for n in 0..10 {
        let sent = Frame::from_samples(&numbered(n)).to_le_bytes();
        assert!(*of_speaker[first + n] == sent, "frame {n} is not what was said");
    }
}

#[tokio::test]
async fn caller_operator_and_bot_hear_each_other_and_an_unsubscribed_bot_hears_nobody() {
    let mut call = Call::start().await;
    let mut operator = RawPhone::wait(&call.world, OPERATOR).await;
    call.world.dial("r", OPERATOR).await;
    operator.event("ringing").await;
    operator.send("answer", json!({})).await;
    for action in ["dialout-connected", "dialout-answered", "participant-joined"] {
        call.bot.event(action).await;
    }
    let mut ticks = interval(Duration::from_millis(20));
    for _ in 0..25 {
        ticks.tick().await;
        call.caller.say(&[3_000; 160]).await;
    }
    operator.listen(100).await;
    assert!((2_900..3_500).contains(&operator.peak_of_last(500)), "operator: {}", operator.peak_of_last(500));
    call.caller.listen(100).await;
    assert!(call.caller.peak_of_last(300) < 50, "the caller hears themselves");
    assert!(call.bot.heard.is_empty(), "the bot did not subscribe");

    call.bot.microphone(true).await;
    call.bot.subscribe(true).await;
    for _ in 0..25 {
        ticks.tick().await;
        call.bot.say(&[1_000; 320]).await;
        operator.say(&[2_000; 160]).await;
    }
    call.caller.listen(100).await;
    let both = call.caller.peak_of_last(400);
    assert!((2_800..3_600).contains(&both), "caller hears {both} of bot and operator");
    call.bot.silent(100).await;
    let level = call.bot.usual_level();
    assert!((1_950..2_100).contains(&level), "bot hears {level} of the operator");

    call.bot.microphone(false).await;
    for _ in 0..10 {
        ticks.tick().await;
        call.bot.say(&[1_000; 320]).await;
    }
    // The operator broke off in mid-sound and is waited for, for 300 ms.
    call.caller.listen(500).await;
    assert!(call.caller.peak_of_last(150) < 50, "the bot is heard with its microphone off");
    call.bot.subscribe(false).await;
    call.bot.silent(20).await;
    let heard_until = call.bot.heard.len();
    call.bot.silent(200).await;
    assert_eq!(call.bot.heard.len(), heard_until, "audio after unsubscribing");
    operator.send("stop", json!({})).await;
    call.end().await;
}

#[tokio::test]
async fn a_phone_hears_something_every_20_ms_even_in_silence() {
    let mut call = Call::start().await;
    call.caller.listen(100).await;
    let before = call.caller.heard.len();
    call.caller.listen(2_000).await;
    let frames = (call.caller.heard.len() - before) / 160;
    assert!((99..=101).contains(&frames), "{frames} frames in two seconds");
    call.end().await;
}

#[tokio::test]
async fn a_key_is_told_as_an_event_and_heard_as_tones_by_the_others() {
    let mut call = Call::start().await;
    call.bot.subscribe(true).await;
    call.caller.send("dtmf", json!({"dtmf": {"track": "inbound_track", "digit": "0"}})).await;
    let mut ticks = interval(Duration::from_millis(20));
    for _ in 0..20 {
        ticks.tick().await;
        call.caller.say(&[0; 160]).await;
    }
    let event = call.bot.event("dtmf-event").await;
    assert_eq!((&event["tone"], &event["sessionId"]), (&json!("0"), &json!(call.leg)));
    call.bot.silent(200).await;
    let mut detector = DtmfDetector::new();
    let mut keys = String::new();
    for (_, bytes) in &call.bot.heard {
        keys.extend(detector.push(Frame::from_le_bytes(bytes).samples()));
    }
    assert_eq!(keys, "0");
    call.end().await;
}

#[tokio::test]
async fn keys_sent_to_a_leg_and_an_extension_reach_its_phone() {
    let call = Call::start().await;
    let mut operator = RawPhone::wait(&call.world, OPERATOR).await;
    let dial = json!({"phoneNumber": OPERATOR, "extension": "42", "waitBeforeExtensionDialSec": 1});
    let (_, answer) = call.world.post("/rooms/r/dialOut/start", dial).await;
    let keys = json!({"sessionId": answer["sessionId"], "tones": "7#"});
    operator.event("ringing").await;
    assert_eq!(
        call.world.post("/rooms/r/dialOut/sendDTMF", keys.clone()).await.0,
        404,
        "nobody answered yet"
    );
    operator.send("answer", json!({})).await;
    operator.listen(800).await;
    for digit in ["4", "2"] {
        assert_eq!(operator.event("dtmf").await["dtmf"]["digit"], digit);
    }
    assert_eq!(call.world.post("/rooms/r/dialOut/sendDTMF", keys).await.0, 200);
    for digit in ["7", "#"] {
        assert_eq!(operator.event("dtmf").await["dtmf"]["digit"], digit);
    }
    operator.listen(1_000).await;
    let heard: Vec<i16> = callflow::audio::Resampler::new(8_000, 16_000).push(&operator.heard);
    let keys: String = DtmfDetector::new().push(&heard).iter().collect();
    assert_eq!(keys, "427#");
    call.end().await;
}
