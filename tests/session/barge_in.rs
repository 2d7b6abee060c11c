//! The caller talks over the bot.

use std::time::Duration;

use callflow::session::Who;
use tokio::time::{Instant, sleep};

use crate::fakes::Step;
use crate::world::{SORRY, World, bot_said};

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
async fn the_bot_is_silent_within_two_frames() {
    let mut world = counting().await;
    world.caller.says("stop it please");
    world.until("cancel").await;
    let cut = Instant::now();
    sleep(Duration::from_millis(600)).await;
    assert!(last_sound(&world) <= cut + Duration::from_millis(40), "{:?}", last_sound(&world) - cut);
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
async fn a_turn_without_a_beginning_cuts_the_bot_and_the_model_knows_what_was_heard() {
    let mut world = World::greeted().await;
    world.caller_says("count for me").await;
    world.until(&bot_said("Sure.")).await;
    world.llm.will(&[Step::Text(COUNTING)]);
    world.caller_says("longer").await;
    world.until("speak One").await;
    sleep(Duration::from_millis(1_000)).await;
    // Words that come late are a turn of their own; nobody is heard to begin to speak.
    world.stt.says("please do");
    world.until("caller said please do").await;
    world.until(&bot_said("Sure.")).await;
    let told = world.llm.told();
    let [.., asked, counted, late] = &told[..] else { panic!("{told:?}") };
    assert_eq!((&**asked, &**late), ("caller: longer", "caller: please do"), "{told:?}");
    assert!(counted.starts_with("bot: One"), "{told:?}");
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
