//! The model: its failures, its tools, and what it remembers.

use std::time::Duration;

use callflow::machine::Outcome;

use crate::fakes::Step;
use crate::world::{APOLOGY, GREETING, ONCE_MORE, QUESTION, World, bot_said, states};

#[tokio::test(start_paused = true)]
async fn a_model_that_fails_once_is_asked_again_by_the_caller() {
    for failure in [Step::Fail, Step::Vanish] {
        let mut world = World::greeted().await;
        world.llm.will(&[failure]);
        world.caller_says("what about my bill").await;
        world.until(&bot_said(ONCE_MORE)).await;
        world.caller_says("my bill").await;
        world.until(&bot_said("Sure.")).await;
        world.caller_hangs_up();
        assert_eq!(world.over().await.outcome, Outcome::CallerLeft);
    }
}

#[tokio::test(start_paused = true)]
async fn a_model_that_fails_twice_ends_the_call_with_an_apology() {
    let mut world = World::greeted().await;
    world.llm.will(&[Step::Fail]);
    world.llm.will(&[Step::Fail]);
    world.caller_says("what about my bill").await;
    world.until(&bot_said(ONCE_MORE)).await;
    world.caller_says("my bill").await;
    world.until(&bot_said(APOLOGY)).await;
    assert_eq!(world.over().await.outcome, Outcome::Failed);
}

#[tokio::test(start_paused = true)]
async fn a_model_that_hangs_is_given_up_and_dropped() {
    let mut world = World::greeted().await;
    world.llm.will(&[Step::Text("Let me see."), Step::Hang]);
    world.caller_says("what about my bill").await;
    let asked = world.until("ask c-1-1").await;
    assert!(world.status.borrow().bot_busy);
    let dropped = world.until("llm dropped").await;
    assert!(dropped - asked <= Duration::from_secs(31), "{}", world.log.text());
    world.until(&bot_said(ONCE_MORE)).await;
    world.caller_says("my bill").await;
    world.until(&bot_said("Sure.")).await;
    world.caller_hangs_up();
    world.over().await;
}

#[tokio::test(start_paused = true)]
async fn a_model_that_talks_for_more_than_a_minute_is_heard_to_its_end() {
    let story: &str = "And then it went on and on, as stories do. ".repeat(45).leak();
    let mut world = World::greeted().await;
    world.llm.will(&[Step::Text(story)]);
    world.caller_says("tell me a story").await;
    let asked = world.until("ask c-1-1").await;
    let heard = world.until(&bot_said(story.trim_end())).await;
    assert!(heard - asked > Duration::from_secs(80), "{asked:?} {heard:?}");
    world.times(&bot_said(ONCE_MORE), 0);
    world.caller_hangs_up();
    world.over().await;
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_breaks_off_has_said_what_it_said() {
    let mut world = World::greeted().await;
    world.llm.will(&[Step::Text("Your bill is due. It was "), Step::Wait(200), Step::Fail]);
    world.caller_says("what about my bill").await;
    world.until("bot said Your bill is due.").await;
    world.until(&bot_said(ONCE_MORE)).await;
    world.caller_says("again").await;
    world.until(&bot_said("Sure.")).await;
    let told = world.llm.told();
    assert!(told.iter().any(|line| line.trim_end() == "bot: Your bill is due."), "{told:?}");
    world.caller_hangs_up();
    world.over().await;
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_was_not_offered_does_nothing() {
    let mut world = World::greeted().await;
    world.llm.will(&[Step::Tool("transfer_money")]);
    world.caller_says("move my money").await;
    world.until(&bot_said(ONCE_MORE)).await;
    world.caller_says("hello").await;
    world.until(&bot_said("Sure.")).await;
    world.caller_hangs_up();
    let record = world.over().await;
    assert_eq!(states(&record), ["greet", "converse"]);
}

#[tokio::test(start_paused = true)]
async fn words_before_a_tool_call_are_heard_before_the_question() {
    let mut world = World::greeted().await;
    world.llm.will(&[Step::Text("Of course."), Step::Tool("dial_operator"), Step::Text("Never said.")]);
    world.caller_says("a manager").await;
    world.until(&bot_said("Of course.")).await;
    world.until(&bot_said(QUESTION)).await;
    world.times("speak Never", 0);
    world.caller_hangs_up();
    let record = world.over().await;
    assert_eq!(states(&record), ["greet", "converse", "confirm_transfer"]);
}

#[tokio::test(start_paused = true)]
async fn of_two_tool_calls_the_first_counts() {
    let mut world = World::greeted().await;
    world.llm.will(&[Step::Tool("dial_operator"), Step::Tool("terminate_call")]);
    world.caller_says("a manager, or goodbye").await;
    world.until(&bot_said(QUESTION)).await;
    world.times("entered goodbye", 0);
    world.caller_hangs_up();
    world.over().await;
}

#[tokio::test(start_paused = true)]
async fn a_tool_call_with_garbled_arguments_still_counts() {
    let mut world = World::greeted().await;
    world.llm.will(&[Step::Garbled("dial_operator")]);
    world.caller_says("a manager").await;
    world.until(&bot_said(QUESTION)).await;
    world.caller_says("no").await;
    world.until("ask").await;
    world.caller_hangs_up();
    world.over().await;
}

#[tokio::test(start_paused = true)]
async fn the_model_remembers_the_whole_call_in_order_and_nothing_twice() {
    let mut world = World::greeted().await;
    world.caller_says("hello").await;
    world.until(&bot_said("Sure.")).await;
    world.ask_for_a_person().await;
    world.caller_says("no, what about my bill").await;
    world.until(&bot_said("Sure.")).await;
    let expected = [
        format!("bot: {GREETING}"),
        "caller: hello".to_owned(),
        "bot: Sure.".to_owned(),
        "caller: I want to speak to a manager".to_owned(),
        "tool: dial_operator".to_owned(),
        format!("bot: {QUESTION}"),
        "caller: no, what about my bill".to_owned(),
    ];
    assert_eq!(world.llm.told(), expected);
    world.caller_hangs_up();
    world.over().await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_no_reply_answers_is_remembered() {
    let mut world = World::ringing().await;
    world.until("entered converse").await;
    world.until("bot said I'm sorry").await;
    world.caller_says("then my bill").await;
    world.until(&bot_said("Sure.")).await;
    let told = world.llm.told();
    let at = |line: &str| told.iter().position(|l| l == line).unwrap_or_else(|| panic!("{line}: {told:?}"));
    assert!(at("caller: yes") < at("caller: then my bill"), "{told:?}");
    world.caller_hangs_up();
    world.over().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_said_over_the_greeting_is_asked_once() {
    let mut world = World::with_flow(&flow_with_a_long_greeting());
    world.begin();
    world.until("joined").await;
    world.caller_arrives().await;
    world.until("entered greet").await;
    world.caller_says("my bill").await;
    world.until("entered converse").await;
    world.until(&bot_said("Sure.")).await;
    let told = world.llm.told();
    assert_eq!(told.iter().filter(|line| *line == "caller: my bill").count(), 1, "{told:?}");
    assert_eq!(told.last().unwrap(), "caller: my bill", "{told:?}");
    world.caller_hangs_up();
    world.over().await;
}

fn flow_with_a_long_greeting() -> String {
    let short = r#"say: "Hello, this is Hailey from customer support. What can I help you with today?""#;
    let long = r#"say: {text: "Hello, this is Hailey from customer support. Your call is important to us and may be recorded. What can I help you with today?", interruptible: false}"#;
    let flow = crate::world::shipped_flow();
    assert!(flow.contains(short));
    flow.replace(short, long)
}

#[tokio::test(start_paused = true)]
async fn a_state_may_begin_with_a_summary_of_the_call_or_with_nothing() {
    for (policy, first_line) in [("summary", "note: Earlier in this call:"), ("reset", "caller: no, my bill")]
    {
        let flow = crate::world::shipped_flow()
            .replace("declined: converse,", "declined: again,")
            .replace("  goodbye: {end", &format!("  again: {{converse: {{prompt: Go on., context: {policy}}}, on: {{intent.terminate_call: goodbye}}}}\n  goodbye: {{end"));
        let mut world = World::with_flow(&flow);
        world.get_greeted().await;
        world.ask_for_a_person().await;
        world.caller_says("no, my bill").await;
        world.until("entered again").await;
        world.until(&bot_said("Sure.")).await;
        let told = world.llm.told();
        assert!(told[0].starts_with(first_line), "{told:?}");
        assert_eq!(told.last().unwrap(), "caller: no, my bill", "{told:?}");
        if policy == "summary" {
            assert!(told[0].contains("The caller said: I want to speak to a manager"), "{told:?}");
            assert!(told[0].contains(&format!("You said: {QUESTION}")), "{told:?}");
        }
        world.caller_hangs_up();
        world.over().await;
    }
}
