//! Faults of the catalogue: each disturbs the call as it says, and every way through a flow survives each.

use callflow::machine::Outcome;
use callflow::scenario::coverage::Coverage;
use callflow::scenario::faults::{CATALOGUE, find};
use callflow::scenario::{Action, Command, Test, generate, run_with, tell};

use super::stage::{all_pass, play, shipped, suite};

#[test]
fn every_way_through_the_shipped_flows_survives_every_fault() {
    for name in ["cold_transfer.yaml", "business_hours.yaml", "table_booking.yaml"] {
        let subject = shipped(name);
        let (text, _) = generate::generate(subject.plan(), Coverage::of(subject.plan()));
        for way in suite(&text, &subject).tests {
            // Twenty minutes of small talk show nothing that shorter ways do not.
            if way.name.value.contains("max_duration") {
                continue;
            }
            let way = Test { expect: Vec::new(), ..way };
            let plan = subject.plan_of(&way).unwrap();
            for case in CATALOGUE.iter().filter(|case| case.is_injectable()) {
                let ran = run_with(&way, &plan, &[], case.fault().into_iter().collect());
                let story = tell(ran.world.story());
                assert!(
                    ran.failure.is_none(),
                    "{name} {} {}: {:?}\n{story}",
                    case.id,
                    way.name.value,
                    ran.failure
                );
                assert!(ran.world.machine().is_over());
            }
        }
    }
}

/// Every test of the order desk, with each fault on top.
#[test]
fn a_flow_with_tools_survives_every_fault() {
    let subject = shipped("order_status.yaml");
    let text = std::fs::read_to_string("flows/order_status.test.yaml").unwrap();
    let mut asked = 0;
    for way in suite(&text, &subject).tests {
        let mut way = Test { expect: Vec::new(), explore: None, ..way };
        way.script.retain(|step| !matches!(step.action, Action::Expect(_)));
        let plan = subject.plan_of(&way).unwrap();
        for case in CATALOGUE.iter().filter(|case| case.is_injectable()) {
            let ran = run_with(&way, &plan, &[vec![0, 1]], case.fault().into_iter().collect());
            let story = tell(ran.world.story());
            assert!(ran.failure.is_none(), "{} {}: {:?}\n{story}", case.id, way.name.value, ran.failure);
            asked += ran.world.tally().count(Command::CallTool);
        }
    }
    assert!(asked > 100, "{asked}");
}

/// Two faults at once, all pairs.
#[test]
fn a_call_survives_any_two_faults_together() {
    let subject = shipped("cold_transfer.yaml");
    let text =
        "tests:\n  - {name: x, script: [\"I want to speak to a manager\", \"yes\", operator.answered]}\n";
    let way = &suite(text, &subject).tests[0];
    let faults: Vec<_> = CATALOGUE.iter().filter_map(|case| Some((case.id, case.fault()?))).collect();
    for (one, first) in &faults {
        for (other, second) in &faults {
            let ran = run_with(way, subject.plan(), &[], vec![*first, *second]);
            let story = tell(ran.world.story());
            assert!(ran.failure.is_none(), "{one} and {other}: {:?}\n{story}", ran.failure);
        }
    }
}

/// A fault that changed nothing would prove nothing.
#[test]
fn a_fault_leaves_its_mark_on_the_call() {
    let subject = shipped("cold_transfer.yaml");
    let outcome = |fault: &str, script: &str| {
        let text = format!("tests:\n  - {{name: x, faults: [{fault}], script: [{script}]}}\n");
        let ran = play(&suite(&text, &subject).tests[0], &subject).pop().unwrap();
        (ran.world.machine().outcome().unwrap(), ran.world)
    };
    let asked = "\"I want to speak to a manager\", \"yes\"";
    for (fault, expected) in [
        ("E17", Outcome::CallerLeft),
        ("E18", Outcome::CallerLeft),
        ("E24", Outcome::Transferred),
        ("E41", Outcome::Transferred),
        ("E45", Outcome::Transferred),
        ("E57", Outcome::CallerLeft),
        ("E59", Outcome::Failed),
        ("E60", Outcome::Failed),
        ("E63", Outcome::Failed),
    ] {
        assert_eq!(outcome(fault, asked).0, expected, "{fault}");
    }
    let stops = |fault| outcome(fault, asked).1.tally().count(Command::StopDial);
    // An answer at the ring limit is hung up as well; a caller who leaves ends the call before it is told.
    assert_eq!((stops("E18"), stops("E19"), stops("E20"), stops("E26")), (1, 2, 0, 0));
    assert_eq!(outcome("E11", asked).1.tally().count(Command::Dial), 0);
    let failed = outcome("E37", asked).1;
    assert_eq!(failed.machine().transfer().unwrap().outcome, callflow::machine::LegOutcome::Unreachable);
}

/// Of a caller who takes it back, whose time is up, who says nothing, and who talks over the goodbye.
#[test]
fn a_caller_s_fault_leaves_its_mark_on_the_call() {
    let subject = shipped("business_hours.yaml");
    let ran = |fault: &str| {
        let script = "\"I want to talk to someone\"";
        let text = format!("tests:\n  - {{name: x, faults: [{fault}], script: [{script}]}}\n");
        play(&suite(&text, &subject).tests[0], &subject).pop().unwrap().world
    };
    let commands = |fault: &str| {
        let world = ran(fault);
        [Command::Dial, Command::StopDial].map(|command| world.tally().count(command))
    };
    let outcome = |fault: &str| ran(fault).machine().outcome().unwrap();
    // Taken back before anybody is dialled, and while it rings: both phones ring in vain without it.
    assert_eq!((commands("E04"), commands("E34"), commands("E30")), ([0, 0], [1, 1], [2, 2]));
    // The time is up at the first phone, and the flow has a goodbye for it.
    assert_eq!((commands("E52"), outcome("E52")), ([1, 1], Outcome::Completed));
    assert_eq!((commands("E62"), outcome("E62")), ([0, 0], Outcome::Completed));
    let goodbye = ran("E68");
    assert_eq!(goodbye.machine().outcome(), Some(Outcome::Completed));
    assert_eq!(goodbye.tally().count(Command::StopSpeaking), ran("E30").tally().count(Command::StopSpeaking));
    let story = tell(goodbye.story());
    let told = story.rfind("are you there?").zip(story.rfind("Thank you for calling."));
    assert!(told.is_some_and(|(caller, bot)| caller > bot), "{story}");
}

#[test]
fn a_case_that_is_not_of_the_machine_says_where_it_belongs() {
    assert!(find("E53").unwrap().place.how().contains(r#"POST {"id":"E53"} to its /control/faults"#));
    assert!(find("E13").unwrap().place.how().contains("F028 and F040 of `callflow check`"));
    assert!(find("E72").is_none());
    all_pass(
        "tests:\n  - {name: x, faults: [E19, E23, E69], script: [\"I want to speak to a manager\", \"yes\"]}\n",
        &shipped("cold_transfer.yaml"),
    );
}
