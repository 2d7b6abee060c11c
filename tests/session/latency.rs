//! How the time until an answer is kept short, and that it is told where it went.

use std::sync::Arc;
use std::time::Duration;

use callflow::pii::Utterance;
use callflow::session::{Guessing, Who};
use callflow::speech::SttEvent;
use callflow::speech::prompts::PromptCache;
use tokio::time::sleep;

use crate::fakes::Step;
use crate::world::{GREETING, World, bot_said, shipped_flow, states};

#[tokio::test(start_paused = true)]
async fn a_reply_is_asked_for_in_the_pause_and_used_when_the_turn_ends_with_these_words() {
    let mut world = World::greeted().await;
    world.llm.will(&[Step::Wait(200), Step::Text("Yes?")]);
    world.caller_says("hello there").await;
    let asked = world.until("ask c-1-1").await;
    let (_, said) = world.log.find(0, "caller said").unwrap();
    world.until(&bot_said("Yes?")).await;
    assert!(asked + Duration::from_millis(200) <= said, "{}", world.log.text());
    world.times("ask", 1);
    world.caller_hangs_up();
    let record = world.over().await;
    assert_eq!(record.guesses, Guessing { asked: 1, used: 1 });
    let [answer] = record.answers[..] else { panic!("{:?}", record.answers) };
    assert!(answer.guessed && answer.first_word_ms == 0.0, "the model's 200 ms were hidden: {answer:?}");
}

#[tokio::test(start_paused = true)]
async fn what_was_guessed_from_half_a_sentence_is_dropped_and_leads_nowhere() {
    let mut world = World::greeted().await;
    world.llm.will(&[Step::Tool("dial_operator")]);
    world.caller.says("I want to speak to a manager");
    world.until("ask c-1-1").await;
    world.caller.says("about my bill, or rather not");
    world.until("caller said I want to speak to a manager about my bill, or rather not").await;
    world.until(&bot_said("Sure.")).await;
    world.caller_hangs_up();
    let record = world.over().await;
    assert_eq!(states(&record), ["greet", "converse"]);
    assert_eq!(record.guesses, Guessing { asked: 2, used: 1 });
}

#[tokio::test(start_paused = true)]
async fn a_reply_is_asked_for_when_the_recogniser_expects_the_end_and_used_when_it_comes() {
    let mut world = World::greeted().await;
    world.llm.will(&[Step::Wait(200), Step::Text("Ten dollars.")]);
    world.caller.makes_sound("what is it that it costs please");
    sleep(Duration::from_millis(300)).await;
    world.stt.event(SttEvent::TurnStarted);
    world.stt.event(SttEvent::EagerEndOfTurn { text: Utterance::new("what does it cost") });
    world.until("ask c-1-1").await;
    world.times("caller said", 0);
    sleep(Duration::from_millis(400)).await;
    world.times("speak Ten", 0);
    world.stt.event(SttEvent::EndOfTurn { text: Utterance::new("What does it cost?") });
    world.until("caller said What does it cost?").await;
    world.until(&bot_said("Ten dollars.")).await;
    world.times("ask", 1);
    world.caller_hangs_up();
    let record = world.over().await;
    assert_eq!(record.guesses, Guessing { asked: 1, used: 1 });
}

#[tokio::test(start_paused = true)]
async fn where_the_flow_wants_no_guesses_the_model_is_asked_when_the_turn_is_over() {
    let flow = shipped_flow();
    let (before, rest) = flow.split_once("converse: |\n").unwrap();
    let (_, after) = rest.split_once("    on:\n").unwrap();
    let flow = format!("{before}converse: {{prompt: Be kind., guesses: false}}\n    on:\n{after}");
    let mut world = World::with_flow(&flow);
    world.get_greeted().await;
    world.caller_says("hello there").await;
    let asked = world.until("ask c-1-1").await;
    let (_, said) = world.log.find(0, "caller said").unwrap();
    assert!(asked >= said, "{}", world.log.text());
    world.until(&bot_said("Sure.")).await;
    world.caller_hangs_up();
    let record = world.over().await;
    assert_eq!(record.guesses, Guessing::default());
    assert!(!record.answers[0].guessed, "{:?}", record.answers);
}

#[tokio::test(start_paused = true)]
async fn a_model_that_stalls_in_its_first_clause_is_heard_up_to_there() {
    const FIRST: &str = "Let me have a look at the last ord";
    let mut world = World::greeted().await;
    world.llm.will(&[
        Step::Text(FIRST),
        Step::Wait(140),
        Step::Text("er of"),
        Step::Wait(800),
        Step::Text(" yours."),
    ]);
    world.caller_says("where is it").await;
    let asked = world.until("ask c-1-1").await;
    let spoken = world.until("speak Let me have a look at the last order").await;
    // 140 ms until it says more, and 150 ms in which it does not; it is asked in the pause, and heard from its end on.
    assert!(spoken >= asked + Duration::from_millis(290), "{asked:?} {spoken:?}");
    let (_, ended) = world.log.find(0, "caller said where is it").unwrap();
    assert!(spoken <= asked.max(ended) + Duration::from_millis(310), "{asked:?} {ended:?} {spoken:?}");
    world.until("speak of yours.").await;
    world.until(&bot_said("Let me have a look at the last order of yours.")).await;
    world.caller_hangs_up();
    let record = world.over().await;
    assert!(record.answers[0].first_text_ms <= 460.0, "{:?}", record.answers);
}

#[tokio::test(start_paused = true)]
async fn the_parts_of_each_answer_s_delay_add_up() {
    let mut world = World::greeted().await;
    for wait in [600, 50, 0] {
        world.llm.will(&[Step::Wait(wait), Step::Text("All is well.")]);
        world.caller_says("how is it").await;
        world.until(&bot_said("All is well.")).await;
    }
    world.caller_hangs_up();
    let record = world.over().await;
    assert_eq!(record.answers.len(), 3);
    let spoke: Vec<_> = record.turns.iter().filter(|turn| turn.who == Who::Caller).collect();
    for (answer, turn) in record.answers.iter().zip(spoke) {
        let parts = answer.turn_ms
            + answer.request_ms
            + answer.first_word_ms
            + answer.first_text_ms
            + answer.first_audio_ms
            + answer.sent_ms;
        assert!((parts - answer.total_ms).abs() < 0.1, "{answer:?}");
        assert!((answer.from_ms - turn.end_ms as f64).abs() <= 1.0, "{answer:?} {turn:?}");
    }
    assert!(record.answers[0].first_word_ms >= 300.0, "{:?}", record.answers[0]);
}

#[tokio::test(start_paused = true)]
async fn the_greeting_is_ready_before_the_caller_is_there() {
    let mut world = World::new();
    world.tts.is_slow_by(1_500);
    world.begin();
    world.until("joined").await;
    sleep(Duration::from_secs(3)).await;
    world.caller_arrives().await;
    let entered = world.until("entered greet").await;
    world.until(&bot_said(GREETING)).await;
    world.times("speak Hello", 1);
    world.caller_hangs_up();
    let record = world.over().await;
    let waited = record.turns[0].start_ms - u64::try_from(entered.as_millis()).unwrap();
    assert!(waited <= 160, "{waited} ms, of which 120 lie behind us");
}

#[tokio::test(start_paused = true)]
async fn a_fixed_sentence_is_spoken_by_the_voice_once_for_all_calls() {
    let prompts = Arc::new(PromptCache::in_memory());
    for asked in [1, 0] {
        let mut world = World::new();
        world.share_prompts(&prompts);
        world.get_greeted().await;
        world.until(&bot_said(GREETING)).await;
        world.ask_for_a_person().await;
        world.times("speak Hello", asked);
        world.times("speak I can connect you", asked);
        world.caller_hangs_up();
        world.over().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_another_voice_has_spoken_in_its_place_is_not_kept_for_other_calls() {
    let prompts = Arc::new(PromptCache::in_memory());
    for substituted in [true, false] {
        let mut world = World::new();
        if substituted {
            world.tts.is_substituted();
        }
        world.share_prompts(&prompts);
        world.get_greeted().await;
        world.until(&bot_said(GREETING)).await;
        world.times("speak Hello", 1);
        world.caller_hangs_up();
        world.over().await;
    }
}

#[tokio::test(start_paused = true)]
async fn numbers_are_spoken_as_words_and_remembered_as_written() {
    const WRITTEN: &str = "It costs $5.50, call 415-555-0132.";
    let mut world = World::greeted().await;
    world.llm.will(&[Step::Text(WRITTEN)]);
    world.caller_says("how much").await;
    world.until("speak It costs five dollars and fifty cents").await;
    world.until(&bot_said(WRITTEN)).await;
    world.caller_says("thanks").await;
    world.until(&bot_said("Sure.")).await;
    assert!(world.llm.told().contains(&format!("bot: {WRITTEN}")), "{:?}", world.llm.told());
    world.caller_hangs_up();
    world.over().await;
}
