//! What is left of a call: its record, its journal, and what a spectator saw.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use callflow::machine::Outcome;
use callflow::replay::{self, Difference, Divergence, JournalError, Numbers, Replayed};
use callflow::session::{RECORD_VERSION, Who};
use serde_json::Value;
use tokio::time::Instant;

use crate::fakes::Step;
use crate::world::{GREETING, QUESTION, World, bot_said, plan_of, shipped_flow, states};

#[tokio::test(start_paused = true)]
async fn a_record_has_every_turn_with_its_times_and_no_number_in_clear() {
    let began = Instant::now();
    let mut world = World::greeted().await;
    world.llm.will(&[Step::Text("One two three four five six seven eight nine ten.")]);
    world.caller_says("count for me").await;
    world.until("speak One").await;
    tokio::time::sleep(std::time::Duration::from_millis(900)).await;
    world.caller_says("goodbye then").await;
    world.until(&bot_said("Sure.")).await;
    world.llm.will(&[Step::Tool("terminate_call")]);
    world.caller_says("that's all").await;
    world.until(&bot_said("Thank you for calling. Goodbye.")).await;
    let log = world.log.clone();
    let record = world.over().await;

    assert_eq!((record.version, record.outcome), (RECORD_VERSION, Outcome::Completed));
    assert!(record.duration_ms <= u64::try_from(began.elapsed().as_millis()).unwrap());
    let (_, ended) = log.find(0, "leave").unwrap();
    assert!(u128::from(record.duration_ms) <= ended.as_millis() + 1);
    let who: Vec<Who> = record.turns.iter().map(|turn| turn.who).collect();
    assert_eq!(who, [Who::Bot, Who::Caller, Who::Bot, Who::Caller, Who::Bot, Who::Caller, Who::Bot]);
    for turn in &record.turns {
        assert!(turn.start_ms <= turn.end_ms && turn.end_ms <= record.duration_ms, "{turn:?}");
        assert!(turn.text.text().starts_with(turn.heard.text()), "{turn:?}");
    }
    for pair in record.turns.windows(2) {
        assert!(pair[0].start_ms <= pair[1].start_ms, "{pair:?}");
    }
    let json = serde_json::to_string(&*record).unwrap();
    assert!(!json.contains("555010"), "{json}");
    let value: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["outcome"], "completed");
    assert_eq!(value["flow"], "cold_transfer");
    assert_eq!(value["transfer"], Value::Null);
    assert_eq!(value["turns"][0]["text"], GREETING);
}

#[tokio::test(start_paused = true)]
async fn turns_lie_where_they_were_heard() {
    let mut world = World::greeted().await;
    let began = Instant::now() - world.log.elapsed();
    let spoke = began.elapsed().as_millis();
    world.caller.says("count for me");
    world.until("caller said").await;
    world.caller_hangs_up();
    let record = world.over().await;
    let turn = record.turns.iter().find(|turn| turn.who == Who::Caller).unwrap();
    // 21 characters a second, with a beginning and an end: "count for me" lasts about 0.9 s.
    assert!(u128::from(turn.start_ms).abs_diff(spoke) < 120, "{turn:?} {spoke}");
    let lasted = turn.end_ms - turn.start_ms;
    assert!((600..1_100).contains(&lasted), "{lasted}");
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_was_discarded_does_not_lend_its_beginning_to_the_next() {
    let mut world = World::asked().await;
    world.caller.says("yes");
    world.until("caller said yes").await;
    // In the middle of a word when the bot ceases to listen.
    world.caller.makes_sound("and one more thing that nobody hears");
    world.until("started leg-1").await;
    world.room.event(callflow::telephony::RoomEvent::DialoutStopped { id: crate::world::leg(1) });
    world.until("entered converse").await;
    world.until("bot said I'm sorry").await;
    world.caller_says("my bill").await;
    world.caller_hangs_up();
    let record = world.over().await;
    let turn = record.turns.iter().find(|turn| turn.text.text() == "my bill").unwrap();
    assert!(turn.end_ms - turn.start_ms < 1_500, "{turn:?}");
}

/// A file for one journal.
pub fn scratch(name: &str) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("callflow-{name}-{}-{count}.jsonl", std::process::id()))
}

/// What comes of the one call of a journal, which is then removed, in this flow.
pub fn replayed(journal: &Path, flow: &str) -> Replayed {
    let text = std::fs::read_to_string(journal).unwrap();
    std::fs::remove_file(journal).unwrap();
    let calls = replay::read(&text).unwrap();
    assert_eq!(calls.len(), 1);
    replay::replay(&calls[0], &plan_of(flow), Numbers::default())
}

#[tokio::test(start_paused = true)]
async fn a_recorded_call_replays_as_it_was_and_an_edit_shows_where_it_would_have_gone_another_way() {
    let record = |name: &'static str| async move {
        let path = scratch(name);
        let mut world = World::new();
        world.write_journal(&path);
        world.get_greeted().await;
        world.ask_for_a_person().await;
        world.caller_says("no").await;
        tokio::time::sleep(std::time::Duration::from_secs(3)).await;
        world.caller_hangs_up();
        (path, world.over().await)
    };
    let (path, call) = record("same").await;
    let same = replayed(&path, &shipped_flow());
    assert_eq!((same.divergence.is_none(), same.outcome), (true, Some(Outcome::CallerLeft)));
    assert_eq!(same.states, states(&call));

    // States and intents are told by name: one more of each before the others changes their numbers only.
    let more = shipped_flow()
        .replace("intents:\n", "intents:\n  more: {when: The caller wants more., examples: [more]}\n")
        .replace("states:\n", "states:\n  aside: {end: silent}\n")
        .replace("    on:\n      intent.dial", "    on:\n      intent.more: aside\n      intent.dial");
    let (path, _) = record("more").await;
    let more = replayed(&path, &more).divergence.unwrap();
    // Only the model is told of one more intent.
    let Difference::Effects(then, now) = &more.difference else { panic!("{more:?}") };
    assert_eq!((&then[0]["do"], &now[0]["do"]), (&"reply".into(), &"reply".into()));
    assert_eq!(now[0]["intents"], serde_json::json!(["more", "dial_operator", "terminate_call"]));

    let (path, _) = record("declined").await;
    let goodbye = shipped_flow().replace("declined: converse", "declined: goodbye");
    let other = replayed(&path, &goodbye);
    let Some(Divergence { difference: Difference::Effects(then, now), .. }) = other.divergence else {
        panic!("{other:?}")
    };
    assert!(then.contains(&serde_json::json!({"do": "enter", "state": "converse"})), "{then:?}");
    assert!(now.contains(&serde_json::json!({"do": "enter", "state": "goodbye"})), "{now:?}");
}

#[test]
fn what_is_no_journal_is_told_from_one_that_was_cut_off() {
    let begin = r#"{"journal":1,"call":"a","flow":"f","flow_hash":"0","started_at":0,"from":null,"to":null,"states":["s"],"intents":[],"targets":[]}"#;
    let step = r#"{"t":1,"call":"a","state":"s","input":{"type":"start"},"effects":[],"flow_hash":"0"}"#;
    let error = |text: &str| replay::read(text).unwrap_err();
    assert_eq!(error(""), JournalError::Empty);
    assert_eq!(error("hello\n"), JournalError::NotAJournal(1));
    assert_eq!(error(step), JournalError::NoBeginning(1));
    assert_eq!(error(&begin.replace(":1,", ":2,")), JournalError::Version(2));
    assert_eq!(error(&format!("{begin}\n{{\n{step}\n")), JournalError::NotAJournal(2));
    let cut = replay::read(&format!("{begin}\n{step}\n{}", &step[..30])).unwrap();
    assert_eq!((cut.len(), cut[0].steps.len(), cut[0].steps[0].line), (1, 1, 2));
    assert_eq!(replay::broken_off(&format!("{begin}\n{step}\n{}", &step[..30])), Some(3));
    for whole in
        [format!("{begin}\n{step}\n"), format!("{begin}\n{step}"), format!("{begin}\n  "), String::new()]
    {
        assert_eq!(replay::broken_off(&whole), None, "{whole}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_journal_has_a_line_of_json_for_every_step() {
    let path = scratch("steps");
    let mut world = World::new();
    world.write_journal(&path);
    world.get_greeted().await;
    world.ask_for_a_person().await;
    world.caller_says("yes").await;
    world.until("started leg-1").await;
    world.rings(1).await;
    world.answers(1);
    world.until("bot left").await;
    world.caller_hangs_up();
    let record = world.over().await;
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (begin, lines) = lines.split_first().unwrap();
    assert_eq!((&begin["journal"], &begin["flow"]), (&1.into(), &"cold_transfer".into()));
    assert_eq!((&begin["started_at"], &begin["states"][0]), (&1_700_000_000.into(), &"greet".into()));
    assert!(!begin.to_string().contains("5550100"), "{begin}");
    assert_eq!(lines[0]["input"]["type"], "start");
    let mut last = 0;
    for line in lines {
        assert_eq!((&line["call"], &line["flow_hash"]), (&"c-1".into(), &lines[0]["flow_hash"]));
        let t = line["t"].as_u64().unwrap();
        assert!(t >= last && line["state"].is_string());
        last = t;
    }
    let effects: Vec<&Value> = lines.iter().flat_map(|line| line["effects"].as_array().unwrap()).collect();
    let entered = effects.iter().filter(|effect| effect["do"] == "enter").count();
    assert_eq!(entered, record.states.len());
    assert_eq!(effects.iter().filter(|effect| effect["do"] == "end").count(), 1);
    assert_eq!(effects.last().unwrap()["do"], "end");
    assert!(effects.iter().any(|effect| effect["do"] == "handoff" && effect["mode"] == "keep_room"));
    assert!(effects.iter().any(|effect| effect["do"] == "say" && effect["text"] == QUESTION));
    assert!(
        lines
            .iter()
            .any(|line| line["input"]["type"] == "leg" && line["input"]["event"]["leg"] == "answered")
    );
}

#[tokio::test(start_paused = true)]
async fn the_status_says_when_it_is_the_callers_turn() {
    let mut world = World::greeted().await;
    crate::world::settle().await;
    let status = world.status.borrow().clone();
    assert_eq!((&*status.state, status.listening, status.bot_busy), ("converse", true, false));
    world.llm.will(&[Step::Wait(2_000), Step::Text("Here I am.")]);
    world.caller_says("hello").await;
    world.until("ask").await;
    let status = world.status.borrow().clone();
    assert_eq!((status.listening, status.bot_busy), (false, true));
    world.until("speak Here").await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let status = world.status.borrow().clone();
    assert_eq!((status.listening, status.bot_busy), (false, true));
    world.until(&bot_said("Here I am.")).await;
    crate::world::settle().await;
    let status = world.status.borrow().clone();
    assert_eq!((status.listening, status.bot_busy), (true, false));
    world.caller_hangs_up();
    world.over().await;
}
