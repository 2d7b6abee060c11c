//! The caller talks over the bot.

use std::time::Duration;

use callflow::sandbox::voice::encode;
use callflow::session::Who;
use tokio::time::{Instant, sleep};

use crate::fakes::Step;
use crate::world::{QUESTION, SORRY, World, bot_said, states};

const COUNTING: &str = "One two three four five six seven eight nine ten eleven twelve thirteen fourteen.";

/// The bot is in the middle of a long answer.
async fn counting() -> World {
    let mut world = World::greeted().await;
    world.llm.will(&[
        Step::Text("One two three four five six seven eight nine ten "),
        Step::Text("eleven twelve thirteen fourteen."),
    ]);
    world.caller_says("count for me").await;
    world.until("speak One").await;
    sleep(Duration::from_millis(1_500)).await;
    world
}

/// When the bot last made a sound.
fn last_sound(world: &World) -> Instant {
    let loud = |(at, frame): (Instant, callflow::audio::Frame)| (frame.dbfs() > -60.0).then_some(at);
    world.room.recording().into_iter().rev().find_map(loud).unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_bot_is_silent_a_quarter_of_a_second_after_the_caller_begins() {
    let mut world = counting().await;
    world.caller.says("stop it please");
    let began = Instant::now();
    world.until("cancel").await;
    assert!(last_sound(&world) <= began + Duration::from_millis(200), "{:?}", last_sound(&world) - began);
    world.until("caller said stop it please").await;
    world.until(&bot_said("Sure.")).await;
    world.caller_hangs_up();
    world.over().await;
}

#[tokio::test(start_paused = true)]
async fn only_what_was_heard_is_remembered() {
    let mut world = counting().await;
    world.caller_says("stop it please").await;
    world.until(&bot_said("Sure.")).await;
    let told = world.llm.told();
    let [.., asked, counted, stopped] = &told[..] else { panic!("{told:?}") };
    assert_eq!((&**asked, &**stopped), ("caller: count for me", "caller: stop it please"));
    assert!(counted.starts_with("bot: One two") && !counted.contains("twelve"), "{counted}");
    world.caller_hangs_up();
    let record = world.over().await;
    let turn = record.turns.iter().find(|turn| turn.text.text().starts_with("One")).unwrap();
    assert_eq!((turn.who, turn.text.text()), (Who::Bot, COUNTING));
    assert_eq!(format!("bot: {}", turn.heard.text()), *counted);
}

#[tokio::test(start_paused = true)]
async fn words_that_come_late_belong_to_the_turn_and_do_not_cut_its_answer() {
    let mut world = World::greeted().await;
    world.caller_says("count for me").await;
    world.until(&bot_said("Sure.")).await;
    world.llm.will(&[Step::Text(COUNTING)]);
    world.caller_says("longer").await;
    world.until("speak One").await;
    sleep(Duration::from_millis(1_000)).await;
    // Nobody is heard to begin to speak.
    world.stt.says("please do");
    world.until("caller said please do").await;
    world.until(&bot_said(COUNTING)).await;
    world.caller_says("thanks").await;
    world.until(&bot_said("Sure.")).await;
    let told = world.llm.told();
    let [.., asked, counted, thanks] = &told[..] else { panic!("{told:?}") };
    assert_eq!((&**asked, &**thanks), ("caller: longer please do", "caller: thanks"), "{told:?}");
    assert_eq!(*counted, format!("bot: {COUNTING}"));
    world.times("cancel", 0);
    world.caller_hangs_up();
    let record = world.over().await;
    assert!(record.turns.iter().any(|turn| turn.text.text() == "longer please do"));
}

#[tokio::test(start_paused = true)]
async fn words_that_come_late_are_no_answer_to_the_question_that_is_being_asked() {
    // It is being heard, or its sound has not come yet.
    for slow_by in [0, 2_000] {
        let mut world = World::greeted().await;
        world.tts.is_slow_by(slow_by);
        world.llm.will(&[Step::Tool("dial_operator")]);
        world.caller_says("I want to speak to a manager").await;
        world.until("speak I can connect you").await;
        sleep(Duration::from_millis(700)).await;
        // Of the turn before it: nobody was heard to speak since.
        world.stt.says("yes please");
        world.until(&bot_said(QUESTION)).await;
        sleep(Duration::from_secs(1)).await;
        world.times("entered dialing", 0);
        world.caller_says("no, my bill").await;
        world.until(&bot_said("Sure.")).await;
        let told = world.llm.told();
        assert!(told.contains(&"caller: I want to speak to a manager yes please".to_owned()), "{told:?}");
        world.caller_hangs_up();
        let record = world.over().await;
        assert_eq!(states(&record), ["greet", "converse", "confirm_transfer", "converse"]);
    }
}

#[tokio::test(start_paused = true)]
async fn words_that_come_before_the_answer_is_heard_are_answered_with_the_rest() {
    let mut world = World::greeted().await;
    world.llm.will(&[Step::Wait(1_000), Step::Text("Never said.")]);
    world.caller_says("I need").await;
    world.stt.says("a manager");
    world.until("caller said a manager").await;
    world.until(&bot_said("Sure.")).await;
    let told = world.llm.told();
    assert_eq!(told.last().unwrap(), "caller: I need a manager", "{told:?}");
    world.times("ask", 2);
    world.times("speak Never", 0);
    world.caller_hangs_up();
    world.over().await;
}

#[tokio::test(start_paused = true)]
async fn a_cough_makes_the_bot_pause_and_it_says_all_it_had_to_say() {
    let mut world = counting().await;
    world.caller.makes_sound("hm");
    let coughed = Instant::now();
    sleep(Duration::from_millis(400)).await;
    assert!(last_sound(&world) <= coughed + Duration::from_millis(200), "it does not pause");
    world.until(&bot_said(COUNTING)).await;
    let sound = world.room.recording().into_iter().filter(|(_, frame)| frame.dbfs() > -60.0);
    let resumed = sound.map(|(at, _)| at).find(|at| *at > coughed + Duration::from_millis(300)).unwrap();
    assert!(resumed <= coughed + Duration::from_millis(1_600), "{:?}", resumed - coughed);
    world.times("cancel", 0);
    world.times("ask", 1);
    world.caller_says("thanks").await;
    world.until(&bot_said("Sure.")).await;
    assert!(world.llm.told().contains(&format!("bot: {COUNTING}")));
    world.caller_hangs_up();
    world.over().await;
}

#[tokio::test(start_paused = true)]
async fn a_cough_before_the_answer_does_not_cost_the_answer() {
    let mut world = World::greeted().await;
    world.llm.will(&[Step::Wait(600), Step::Text("Here it is.")]);
    world.caller_says("my bill please").await;
    world.caller.makes_sound("hm");
    world.until(&bot_said("Here it is.")).await;
    world.times("ask", 1);
    world.caller_hangs_up();
    world.over().await;
}

#[tokio::test(start_paused = true)]
async fn words_that_come_after_their_sound_was_dismissed_cut_the_bot_and_are_answered() {
    let mut world = counting().await;
    let words = "stop it please";
    world.caller.makes_sound(words);
    // The recogniser is asked and has no words, the turn is over, and the bot goes on.
    let sound = Duration::from_secs_f64(encode(words).len() as f64 / 16_000.0);
    sleep(sound + Duration::from_millis(1_000)).await;
    world.times("cancel", 0);
    let began = Instant::now();
    assert!(last_sound(&world) + Duration::from_millis(100) > began, "the bot does not go on");
    world.stt.says(words);
    world.until("caller said stop it please").await;
    world.until("cancel").await;
    world.until(&bot_said("Sure.")).await;
    let told = world.llm.told();
    let [.., asked, counted, stopped] = &told[..] else { panic!("{told:?}") };
    assert_eq!((&**asked, &**stopped), ("caller: count for me", "caller: stop it please"));
    assert!(counted.starts_with("bot: One two") && !counted.contains("fourteen"), "{counted}");
    world.caller_hangs_up();
    let record = world.over().await;
    let turn = record.turns.iter().find(|turn| turn.text.text() == words).unwrap();
    let length = turn.end_ms - turn.start_ms;
    assert!(length.abs_diff(sound.as_millis() as u64) <= 100, "it lies where it was spoken: {length}");
}

#[tokio::test(start_paused = true)]
async fn sound_that_goes_on_without_a_word_does_not_silence_the_bot_for_ever() {
    let mut world = counting().await;
    world.caller.makes_sound(&"la la la la la la la la ".repeat(8));
    world.until(&bot_said(COUNTING)).await;
    world.times("cancel", 0);
    world.caller_hangs_up();
    world.over().await;
}

#[tokio::test(start_paused = true)]
async fn what_must_be_heard_is_not_cut_even_when_an_answer_behind_it_is_superseded() {
    let mut world = World::ringing().await;
    world.until("entered converse").await;
    world.until(&format!("speak {SORRY}")).await;
    // Two turns while the apology is said: the answer to the first waits behind it, and is dropped.
    world.llm.will(&[Step::Text("The first answer.")]);
    world.llm.will(&[Step::Text("The second answer.")]);
    world.caller_says("oh").await;
    world.until("ask").await;
    world.caller_says("no").await;
    world.until(&bot_said(SORRY)).await;
    world.until(&bot_said("The second answer.")).await;
    world.times(&bot_said("The first answer."), 0);
    world.caller_hangs_up();
    world.over().await;
}

#[tokio::test(start_paused = true)]
async fn a_noise_stops_nothing_that_must_be_heard_and_asks_nothing() {
    let mut world = World::asked().await;
    world.caller_says("yes").await;
    world.until("speak I'm transferring").await;
    world.caller.makes_sound("hm hm hm");
    world.until("started leg-1").await;
    world.times("speak I'm transferring", 1);
    world.times("start leg", 1);
    world.in_order(&["bot said I'm transferring you to a supervisor now. Please hold. / I'm transferring you to a supervisor now. Please hold.", "start leg-1"]);
    world.caller_hangs_up();
    world.over().await;
}

#[tokio::test(start_paused = true)]
async fn a_call_goes_on_after_ten_interruptions() {
    let mut world = World::greeted().await;
    for _ in 0..10 {
        world.llm.will(&[Step::Text(COUNTING)]);
        world.caller_says("again").await;
        world.until("speak One").await;
        sleep(Duration::from_millis(700)).await;
    }
    world.caller_says("enough").await;
    world.until(&bot_said("Sure.")).await;
    world.caller_hangs_up();
    let record = world.over().await;
    assert_eq!(record.turns.iter().filter(|turn| turn.who == Who::Caller).count(), 11);
}
