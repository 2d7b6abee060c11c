//! What passes the time when something is owed, and what does not.

use std::sync::Arc;
use std::time::Duration;

use callflow::machine::Outcome;
use callflow::pii::Utterance;
use callflow::speech::SttEvent;
use callflow::speech::prompts::PromptCache;
use tokio::time::{Instant, sleep};

use crate::fakes::Step;
use crate::world::{APOLOGY, GREETING, ONCE_MORE, World, bot_said};

const FILLER: &str = "One moment, please.";

/// How often the caller was asked for patience since then.
fn fillers(world: &World, since: Instant) -> usize {
    world.room.understood_since(since).iter().filter(|text| text.contains(FILLER)).count()
}

/// The longest time without a sound between two moments.
fn longest_silence(world: &World, from: Instant, until: Instant) -> Duration {
    let mut last = from;
    let mut longest = Duration::ZERO;
    for (at, frame) in world.room.recording() {
        if at > last && at <= until && frame.dbfs() > -60.0 {
            longest = longest.max(at - last);
            last = at;
        }
    }
    longest.max(until - last)
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_stops_in_the_middle_is_filled_once_and_with_music_until_it_goes_on() {
    let mut world = World::greeted().await;
    world.llm.will(&[Step::Text("Let me see. Well"), Step::Wait(14_000), Step::Text(", here it is.")]);
    world.caller_says("where is my order").await;
    let began = Instant::now();
    world.until(&bot_said("Let me see. Well, here it is.")).await;
    assert_eq!(fillers(&world, began), 1, "{:?}", world.room.understood_since(began));
    let silence = longest_silence(&world, began, Instant::now());
    assert!(silence < Duration::from_secs(3), "{silence:?}");
    world.caller_hangs_up();
    world.over().await;
}

#[tokio::test(start_paused = true)]
async fn a_noise_that_goes_on_does_not_keep_the_caller_from_being_asked_for_patience() {
    let mut world = World::greeted().await;
    world.llm.will(&[Step::Wait(12_000), Step::Text("Here it is.")]);
    world.caller_says("where is my order").await;
    let began = Instant::now();
    world.caller.makes_sound(&"la la la la la la la la ".repeat(12));
    sleep(Duration::from_secs(8)).await;
    assert_eq!(fillers(&world, began), 1, "{}", world.log.text());
    world.until(&bot_said("Here it is.")).await;
    world.caller_hangs_up();
    world.over().await;
}

#[tokio::test(start_paused = true)]
async fn after_an_answer_the_recogniser_owes_nothing_even_if_it_never_said_that_it_was_done() {
    let mut world = World::greeted().await;
    world.stt.answers_no_more();
    world.caller.makes_sound("I have a question about my bill");
    sleep(Duration::from_millis(1_500)).await;
    world.stt.event(SttEvent::Interim(Utterance::new("I have a question")));
    world.until(&bot_said("Sure.")).await;
    let answered = Instant::now();
    sleep(Duration::from_secs(6)).await;
    assert_eq!(fillers(&world, answered), 0, "it is the caller's turn:\n{}", world.log.text());
    world.caller_hangs_up();
    world.over().await;
}

#[tokio::test(start_paused = true)]
async fn a_cough_does_not_make_up_for_words_that_are_owed() {
    let world = World::greeted().await;
    world.stt.answers_no_more();
    let began = Instant::now();
    world.caller.makes_sound("I have a question about my bill");
    while world.stt.finalized() == 0 {
        sleep(Duration::from_millis(20)).await;
    }
    sleep(Duration::from_millis(1_200)).await;
    world.caller.makes_sound("m");
    sleep(Duration::from_secs(5)).await;
    assert_eq!((world.stt.finalized(), fillers(&world, began)), (2, 1), "{}", world.log.text());
    world.caller_hangs_up();
    world.over().await;
}

#[tokio::test(start_paused = true)]
async fn who_begins_to_speak_is_not_talked_over_with_words_that_pass_the_time() {
    let world = World::greeted().await;
    world.stt.answers_no_more();
    let began = Instant::now();
    world.caller.makes_sound("I have a question about my bill");
    while world.room.frames_since(began).iter().all(|frame| frame.dbfs() < -60.0) {
        sleep(Duration::from_millis(20)).await;
    }
    // The filler has begun.
    sleep(Duration::from_millis(200)).await;
    world.caller.makes_sound("hello are you still there or what is it that you are doing");
    sleep(Duration::from_millis(400)).await;
    world.stt.event(SttEvent::Interim(Utterance::new("hello are")));
    let spoke = Instant::now();
    sleep(Duration::from_millis(1_500)).await;
    let loud = world.room.frames_since(spoke).into_iter().filter(|frame| frame.dbfs() > -60.0).count();
    assert_eq!(loud, 0, "{} ms over the caller", loud * 20);
    world.caller_hangs_up();
    world.over().await;
}

#[tokio::test(start_paused = true)]
async fn a_voice_that_gives_no_sound_and_says_that_it_is_done_has_failed() {
    let mut world = World::greeted().await;
    world.tts.is_toneless_on("Well then.");
    world.llm.will(&[Step::Text("Well then.")]);
    world.caller_says("hello").await;
    world.until(&bot_said(ONCE_MORE)).await;
    world.caller_says("again").await;
    world.until(&bot_said("Sure.")).await;
    world.caller_hangs_up();
    world.over().await;
}

#[tokio::test(start_paused = true)]
async fn a_sentence_that_has_all_its_audio_has_not_failed_when_the_voice_dies() {
    let prompts = Arc::new(PromptCache::in_memory());
    let mut first = World::new();
    first.share_prompts(&prompts);
    first.get_greeted().await;
    first.caller_hangs_up();
    first.over().await;
    let journal = std::env::temp_dir().join(format!("callflow-{}-kept.jsonl", std::process::id()));
    let mut world = World::new();
    world.share_prompts(&prompts);
    world.write_journal(&journal);
    world.begin();
    world.until("joined").await;
    world.caller_arrives().await;
    world.until("entered greet").await;
    sleep(Duration::from_millis(500)).await;
    world.tts.dies();
    world.until(&bot_said(GREETING)).await;
    world.over().await;
    let written = std::fs::read_to_string(&journal).unwrap();
    std::fs::remove_file(&journal).unwrap();
    assert!(!written.contains("say_failed"), "{written}");
}

#[tokio::test(start_paused = true)]
async fn a_voice_that_was_never_heard_is_given_up_after_eight_seconds() {
    let mut world = World::new();
    world.tts.is_mute_on("");
    world.begin();
    world.until("joined").await;
    world.caller_arrives().await;
    let begun = Instant::now();
    world.until(&bot_said(APOLOGY)).await;
    assert!(begun.elapsed() < Duration::from_secs(15), "of which the apology takes 5: {:?}", begun.elapsed());
    assert_eq!(world.over().await.outcome, Outcome::Failed);
}
