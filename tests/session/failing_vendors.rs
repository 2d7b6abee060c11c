//! Voices and recognisers that fail, and what never suffers from it: the call, and its cadence.

use std::sync::atomic::Ordering;
use std::time::Duration;

use callflow::machine::Outcome;
use callflow::speech::SttEvent;
use tokio::time::{Instant, sleep};

use crate::fakes::{Opening, Step, broken};
use crate::world::{APOLOGY, GREETING, LEFT_ALONE, ONCE_MORE, SORRY, World, bot_said};

#[tokio::test(start_paused = true)]
async fn a_reply_that_the_voice_refuses_is_not_spoken_further() {
    let mut world = World::greeted().await;
    world.tts.refuses("Fine.");
    world.llm.will(&[
        Step::Text("Fine. "),
        Step::Wait(500),
        Step::Text("And more. "),
        Step::Wait(500),
        Step::Text("And more of it. "),
    ]);
    world.caller_says("hello").await;
    world.until(&bot_said(ONCE_MORE)).await;
    sleep(Duration::from_secs(2)).await;
    world.times("speak And more", 0);
    world.times("llm dropped", 1);
    world.caller_says("again").await;
    world.until(&bot_said("Sure.")).await;
    world.caller_hangs_up();
    world.over().await;
}

#[tokio::test(start_paused = true)]
async fn a_greeting_that_the_voice_refuses_leaves_the_beginning_to_the_model() {
    let mut world = World::new();
    world.tts.refuses("Hello");
    world.get_greeted().await;
    world.until(&bot_said("Sure.")).await;
    world.caller_hangs_up();
    let record = world.over().await;
    assert!(record.turns[0].heard.is_blank());
}

#[tokio::test(start_paused = true)]
async fn a_voice_that_is_mute_for_one_answer_speaks_the_next() {
    let mut world = World::greeted().await;
    world.tts.is_mute_on("Well then.");
    world.llm.will(&[Step::Text("Well then.")]);
    world.caller_says("hello").await;
    let asked = world.until("speak Well then.").await;
    let heard = world.until(&bot_said(ONCE_MORE)).await;
    assert!(heard - asked < Duration::from_secs(15), "{}", world.log.text());
    world.caller_says("again").await;
    world.until(&bot_said("Sure.")).await;
    world.caller_hangs_up();
    world.over().await;
}

#[tokio::test(start_paused = true)]
async fn a_mute_announcement_delays_the_dial_but_does_not_prevent_it() {
    let mut world = World::asked().await;
    world.tts.is_mute_on("transferring");
    world.caller_says("yes").await;
    let yes = world.until("entered dialing_operator").await;
    let dialled = world.until("start leg-1").await;
    assert!(dialled - yes < Duration::from_secs(12), "{}", world.log.text());
    world.rings(1).await;
    world.answers(1);
    world.until("bot left").await;
    world.operator_hangs_up(1);
    world.until(&bot_said(LEFT_ALONE)).await;
    world.over().await;
}

#[tokio::test(start_paused = true)]
async fn a_mute_apology_does_not_mute_the_bot_for_ever() {
    let mut world = World::ringing().await;
    world.tts.is_mute_on("couldn't reach");
    world.until(&format!("speak {SORRY}")).await;
    world.until("bot said I'm sorry, I couldn't").await;
    world.caller_says("my bill").await;
    world.until(&bot_said("Sure.")).await;
    world.caller_hangs_up();
    world.over().await;
}

#[tokio::test(start_paused = true)]
async fn a_voice_that_dies_ends_the_call_without_silence() {
    let world = World::greeted().await;
    world.tts.dies();
    let ended = Instant::now();
    assert_eq!(world.over().await.outcome, Outcome::Failed);
    assert!(ended.elapsed() < Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_voice_that_dies_while_it_rings_does_not_prevent_the_transfer() {
    let mut world = World::ringing().await;
    world.tts.dies();
    sleep(Duration::from_secs(2)).await;
    world.answers(1);
    world.until("bot left").await;
    sleep(Duration::from_secs(10)).await;
    world.operator_hangs_up(1);
    world.until(&bot_said(LEFT_ALONE)).await;
    assert_eq!(world.over().await.outcome, Outcome::Transferred);
}

#[tokio::test(start_paused = true)]
async fn a_voice_that_cannot_be_opened_ends_the_call_soon() {
    let mut world = World::new();
    *world.tts.opening.lock().unwrap() = Opening::Fails;
    world.begin();
    world.until("joined").await;
    sleep(Duration::from_secs(1)).await;
    world.caller_arrives().await;
    let begun = Instant::now();
    assert_eq!(world.over().await.outcome, Outcome::Failed);
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_recogniser_that_dies_is_apologised_for() {
    let mut world = World::greeted().await;
    world.stt.event(SttEvent::Closed(Err(broken())));
    world.until(&bot_said(APOLOGY)).await;
    assert_eq!(world.over().await.outcome, Outcome::Failed);
}

#[tokio::test(start_paused = true)]
async fn a_caller_is_not_left_on_hold_by_a_recogniser_that_cannot_be_opened() {
    let mut world = World::new();
    *world.stt.opening.lock().unwrap() = Opening::Fails;
    world.begin();
    world.until("joined").await;
    sleep(Duration::from_secs(1)).await;
    world.caller_arrives().await;
    world.until(&bot_said(APOLOGY)).await;
    assert_eq!(world.over().await.outcome, Outcome::Failed);
}

#[tokio::test(start_paused = true)]
async fn a_recogniser_that_dies_while_it_rings_does_not_prevent_the_transfer() {
    let mut world = World::ringing().await;
    world.stt.event(SttEvent::Closed(Err(broken())));
    sleep(Duration::from_secs(2)).await;
    world.answers(1);
    world.until("bot left").await;
    world.caller_hangs_up();
    assert_eq!(world.over().await.outcome, Outcome::Transferred);
}

#[tokio::test(start_paused = true)]
async fn slow_vendors_never_delay_the_cadence() {
    let mut world = World::greeted().await;
    let since = Instant::now();
    world.tts.is_slow_by(700);
    world.llm.will(&[
        Step::Wait(1_500),
        Step::Text("Slow, "),
        Step::Wait(900),
        Step::Text("very slow. "),
        Step::Wait(900),
        Step::Text("Done."),
    ]);
    world.caller_says("hello").await;
    world.until("bot said Slow").await;
    world
        .phone
        .starts
        .lock()
        .unwrap()
        .push_back(crate::fakes::Answer::after_ms(5_000, crate::fakes::Answer::Ok));
    world.llm.will(&[Step::Tool("dial_operator")]);
    world.caller_says("a manager").await;
    world.until("bot said I can connect").await;
    world.caller_says("yes").await;
    world.until("started leg-1").await;
    let mut sent = world.room.recording();
    sent.retain(|(at, _)| *at >= since);
    for pair in sent.windows(2) {
        let [(at, frame), (next, _)] = pair else { unreachable!() };
        // Sound is never broken off; what follows silence may follow at any time.
        assert!((*next - *at).as_millis() == 20 || frame.is_silence(), "{}", world.log.text());
    }
    world.caller_hangs_up();
    world.over().await;
}

#[tokio::test(start_paused = true)]
async fn a_room_that_is_stuck_still_hears_that_the_bot_is_out() {
    let mut world = World::ringing().await;
    world.room.stuck.store(true, Ordering::SeqCst);
    sleep(Duration::from_secs(2)).await;
    world.answers(1);
    world.until("bot left").await;
    sleep(Duration::from_secs(1)).await;
    world.room.stuck.store(false, Ordering::SeqCst);
    sleep(Duration::from_secs(1)).await;
    world.times("microphone false", 1);
    world.times("subscribe false", 1);
    world.caller_hangs_up();
    world.over().await;
}

#[tokio::test(start_paused = true)]
async fn the_first_words_of_the_record_are_the_greeting_even_if_the_voice_is_slow() {
    let mut world = World::new();
    world.tts.is_slow_by(2_500);
    world.get_greeted().await;
    world.caller_hangs_up();
    let record = world.over().await;
    assert_eq!(record.turns[0].heard.text(), GREETING);
    assert!(record.turns[0].start_ms >= 2_500);
}
