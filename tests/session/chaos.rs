//! Anything, in any order, at any time: a call still ends, no leg outlives it, nothing is left, and its journal
//! replays step for step.

use std::time::Duration;

use callflow::machine::Outcome;
use callflow::speech::SttEvent;
use callflow::telephony::{RoomEvent, TelephonyError};
use proptest::prelude::*;
use proptest::sample::select;
use tokio::time::sleep;

use crate::fakes::{Answer, Step, broken};
use crate::recording::{replayed, scratch};
use crate::world::{World, caller, leg, shipped_flow};

/// One thing that somebody does.
#[derive(Clone, Debug)]
enum Deed {
    Says(&'static str),
    Hums,
    Presses(char),
    Rings(u32),
    Answers(u32),
    Fails(u32, bool),
    HangsUp(u32),
    SttDies,
    TtsDies,
    LlmWill(&'static [Step]),
    StartWill(Answer),
    StopWill(Answer),
    RoomStuck(bool),
    RoomLost,
    CallerLeaves,
    Shutdown,
    Kill,
}

const SCRIPTS: [&[Step]; 7] = [
    &[Step::Tool("dial_operator")],
    &[Step::Text("Of course. "), Step::Wait(700), Step::Tool("dial_operator")],
    &[Step::Tool("terminate_call")],
    &[Step::Text("A longer answer, with "), Step::Wait(400), Step::Text("a pause. And a second sentence.")],
    &[Step::Fail],
    &[Step::Hang],
    &[Step::Text("Half of "), Step::Vanish],
];

fn deeds() -> impl Strategy<Value = Vec<(u64, Deed)>> {
    let answers = || {
        let refused = Answer::Err(TelephonyError::Refused("no".to_owned()));
        let late = |answer| Answer::after_ms(4_000, answer);
        select(vec![Answer::Ok, late(Answer::Ok), refused.clone(), late(refused), Answer::Never])
    };
    let number = || 1..3_u32;
    let deed = prop_oneof![
        8 => select(vec!["yes", "no", "I want to speak to a manager", "my bill"]).prop_map(Deed::Says),
        2 => Just(Deed::Hums),
        2 => select(vec!['0', '1', '2']).prop_map(Deed::Presses),
        4 => number().prop_map(Deed::Rings),
        4 => number().prop_map(Deed::Answers),
        1 => (number(), any::<bool>()).prop_map(|(leg, named)| Deed::Fails(leg, named)),
        3 => number().prop_map(Deed::HangsUp),
        1 => Just(Deed::SttDies),
        1 => Just(Deed::TtsDies),
        6 => select(SCRIPTS.to_vec()).prop_map(Deed::LlmWill),
        1 => answers().prop_map(Deed::StartWill),
        1 => answers().prop_map(Deed::StopWill),
        1 => any::<bool>().prop_map(Deed::RoomStuck),
        1 => Just(Deed::RoomLost),
        1 => Just(Deed::CallerLeaves),
        1 => Just(Deed::Shutdown),
        1 => Just(Deed::Kill),
    ];
    proptest::collection::vec((select(vec![0, 10, 300, 1_500, 4_000]), deed), 1..14)
}

fn happens(world: &World, deed: &Deed) {
    match deed {
        Deed::Says(words) => world.caller.says(words),
        Deed::Hums => world.caller.makes_sound("hm hm"),
        Deed::Presses(tone) => world.room.event(RoomEvent::Dtmf { id: Some(caller()), tone: *tone }),
        Deed::Rings(number) => world.room.event(RoomEvent::DialoutConnected { id: leg(*number) }),
        Deed::Answers(number) => world.answers(*number),
        Deed::Fails(number, named) => {
            let id = named.then(|| leg(*number));
            world.room.event(RoomEvent::DialoutError { id, message: "busy".to_owned() });
        }
        Deed::HangsUp(number) => world.operator_hangs_up(*number),
        Deed::SttDies => world.stt.event(SttEvent::Closed(Err(broken()))),
        Deed::TtsDies => world.tts.dies(),
        Deed::LlmWill(steps) => world.llm.will(steps),
        Deed::StartWill(answer) => world.phone.starts.lock().unwrap().push_back(answer.clone()),
        Deed::StopWill(answer) => world.phone.stops.lock().unwrap().push_back(answer.clone()),
        Deed::RoomStuck(stuck) => world.room.stuck.store(*stuck, std::sync::atomic::Ordering::SeqCst),
        Deed::RoomLost => world.room.vanish(),
        Deed::CallerLeaves => world.caller_hangs_up(),
        Deed::Shutdown => world.shutdown.cancel(),
        Deed::Kill => world.kill.cancel(),
    }
}

async fn call_with(deeds: Vec<(u64, Deed)>) {
    let journal = scratch("chaos");
    let mut world = World::new();
    world.write_journal(&journal);
    world.get_greeted().await;
    for (wait, deed) in &deeds {
        sleep(Duration::from_millis(*wait)).await;
        happens(&world, deed);
    }
    sleep(Duration::from_secs(3)).await;
    world.caller_hangs_up();
    world.until("ended").await;
    let lost = deeds.iter().any(|(_, deed)| matches!(deed, Deed::RoomLost));
    let handed_off = world.log.count("bot left") > 0;
    let (log, dialled) = (world.log.clone(), world.log.count("start leg"));
    for number in 1..=dialled {
        let started = log.count(&format!("started leg-{number}")) > 0;
        let asked_to_stop = log.count(&format!("stop leg-{number}")) > 0;
        let gone = deeds.iter().any(
            |(_, deed)| matches!(deed, Deed::HangsUp(n) | Deed::Fails(n, true) if *n as usize == number),
        );
        // Who was handed over is not the bot's to stop once it has lost its own connection.
        let is_theirs = handed_off && lost;
        assert!(!started || asked_to_stop || gone || is_theirs, "leg {number} is left:\n{}", log.text());
    }
    let deletions = log.count("delete room-1");
    assert!(deletions == 1 || (handed_off && lost), "{}", log.text());
    let record = world.over_having_left_the_room(deletions).await;
    assert_eq!(record.outcome == Outcome::Transferred, handed_off, "{}", log.text());
    for turn in &record.turns {
        assert!(
            turn.start_ms <= turn.end_ms && turn.end_ms <= record.duration_ms,
            "{turn:?}\n{}",
            log.text()
        );
    }
    let replayed = replayed(&journal, &shipped_flow());
    assert!(replayed.divergence.is_none(), "{replayed:?}\n{}", log.text());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_call_ends_and_leaves_nothing(deeds in deeds()) {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(call_with(deeds));
    }
}
