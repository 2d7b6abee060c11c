//! The explorer is worth what it finds: machines with one guard, timer or answer taken out, each of which must
//! be caught, or shown to be masked by something else.

use callflow::diagnostic::Rule;
use callflow::machine::{AttemptId, Effect, Input, LegEvent, Outcome, Timer, UtteranceId};
use callflow::pii::Utterance;
use callflow::plan::HandoffMode;

use crate::rig::{Fault, SOUND, rules, told, with_fault};

/// One person to reach, with a word before the handoff.
const DESK: &str = "callflow: 1
start: ring
targets: {desk: {phone: \"+15550100123\"}}
states:
  ring:
    dial: {to: desk, announce: One moment., ring: 20s, hold: {say: Still trying., say_every: 7s}}
    on: {answered: {to: talk, say: Here you are.}, otherwise: sorry}
  talk: {handoff: keep_room}
  sorry: {end: Nobody is free. Goodbye.}
";

/// Two people, one after the other, the first of them twice.
const HUNT: &str = "callflow: 1
start: ring
targets: {one: {phone: \"+15550100001\"}, two: {phone: \"+15550100002\"}}
states:
  ring:
    dial: {to: [one, two], retry: {times: 1, wait: 3s}}
    on: {answered: talk, otherwise: sorry}
  talk: {handoff: keep_room}
  sorry: {end: Nobody is free. Goodbye.}
";

/// Somebody who is asked before they are put through.
const GATE: &str = "callflow: 1
start: ring
targets: {desk: {phone: \"+15550100123\"}}
states:
  ring:
    dial: {to: desk, accept: {say: A call for you., tries: 1}}
    on: {accepted: talk, otherwise: sorry}
  talk: {handoff: keep_room}
  sorry: {end: Nobody is free. Goodbye.}
";

/// Two conversations, and a question.
const TALK: &str = "callflow: 1
start: chat
intents:
  more: {when: The caller wants more., examples: [more please]}
  leave: {when: The caller says goodbye., examples: [bye]}
states:
  chat: {converse: Be brief., on: {intent.more: [{to: again, max_visits: 2}, {to: sure}], intent.leave: bye}}
  again: {converse: Be briefer., on: {intent.more: [{to: chat, max_visits: 2}, {to: sure}], intent.leave: bye}}
  sure: {confirm: Are you sure?, on: {accepted: bye, declined: bye, exhausted: bye}}
  bye: {end: Goodbye.}
";

/// A greeting and no more.
const GREETING: &str = "callflow: 1
start: greet
states:
  greet: {say: Hello., next: bye}
  bye: {end: Goodbye.}
";

fn caught(name: &str, flow: &str, fault: Fault, by: Rule) {
    let report = with_fault(flow, fault);
    assert!(rules(&report).contains(&by), "{name}: {}", told(flow, &report));
}

fn masked(name: &str, flow: &str, fault: Fault) {
    let report = with_fault(flow, fault);
    assert!(report.complete && report.findings.is_empty(), "{name}: {}", told(flow, &report));
}

fn deaf(timers: &'static [Timer]) -> Fault {
    Fault { deaf_to: timers, ..SOUND }
}

fn hears(hears: fn(&crate::rig::Memory, Input) -> Vec<Input>) -> Fault {
    Fault { hears, ..SOUND }
}

fn does(does: fn(&crate::rig::Memory, Effect) -> Vec<Effect>) -> Fault {
    Fault { does, ..SOUND }
}

#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    for flow in [DESK, HUNT, GATE, TALK, GREETING] {
        masked("a sound machine", flow, SOUND);
    }
}

// ---------------------------------------------------------------- the six of the first experiment

#[test]
fn without_a_latch_a_discarded_tool_call_leads_on() {
    let fault = hears(|memory, input| match (input, memory.reply) {
        (Input::IntentProposed { intent, slots, .. }, Some(reply)) => {
            vec![Input::IntentProposed { reply, intent, slots }]
        }
        (input, _) => vec![input],
    });
    caught("no latch", TALK, fault, Rule::DiscardedTurn);
}

#[test]
fn without_a_ring_timer_it_rings_for_ever() {
    caught("no ring timer", DESK, deaf(&[Timer::Ring]), Rule::Completion);
}

#[test]
fn a_caller_who_has_left_is_not_forgotten() {
    let fault = hears(|_, input| if input == Input::CallerLeft { Vec::new() } else { vec![input] });
    caught("caller.left ignored", GREETING, fault, Rule::CallerLeft);
}

#[test]
fn without_a_goodbye_the_caller_is_left_alone() {
    let fault = does(|_, effect| match effect {
        Effect::Say { ref text, .. } if text.text().ends_with("Goodbye.") => Vec::new(),
        effect => vec![effect],
    });
    caught("no goodbye", DESK, fault, Rule::LeftAlone);
}

#[test]
fn a_late_answer_that_is_ignored_leaves_somebody_on_the_line() {
    let fault = hears(|memory, input| match input {
        Input::Leg { attempt, event: LegEvent::Answered } if memory.stopping == Some(attempt) => Vec::new(),
        input => vec![input],
    });
    caught("late answer ignored", HUNT, fault, Rule::Crossing);
}

/// A refused command that nobody hears of is found by the deadline of the command: only without both is the
/// caller on hold for ever. So both are kept. What is seen of the first alone is that a leg which is known to be
/// refused still means something.
#[test]
fn a_refusal_that_is_ignored_is_masked_by_the_deadline_of_the_command() {
    let ignores = |_: &crate::rig::Memory, input| match input {
        Input::Leg { event: LegEvent::Refused { .. }, .. } => Vec::new(),
        input => vec![input],
    };
    let alone = rules(&with_fault(DESK, Fault { hears: ignores, ..SOUND }));
    assert!(!alone.contains(&Rule::Inevitable) && !alone.contains(&Rule::LeftAlone), "{alone:?}");
    assert!(alone.contains(&Rule::Duplicate), "{alone:?}");
    let deaf_to = &[Timer::DialCommand, Timer::Ring];
    caught("and no timer", DESK, Fault { hears: ignores, deaf_to, ..SOUND }, Rule::Inevitable);
}

// ---------------------------------------------------------------- timers

#[test]
fn a_timer_that_never_comes_is_missed() {
    caught("join", GREETING, deaf(&[Timer::Join]), Rule::Inevitable);
    caught("speech", GREETING, deaf(&[Timer::Speech]), Rule::Completion);
    caught("reply", TALK, deaf(&[Timer::Reply]), Rule::Completion);
    caught("silence", TALK, deaf(&[Timer::Silence]), Rule::Inevitable);
    caught("dial command", DESK, deaf(&[Timer::DialCommand]), Rule::Completion);
    caught("stop command", HUNT, deaf(&[Timer::StopCommand]), Rule::Completion);
    caught("retry", HUNT, deaf(&[Timer::Retry]), Rule::Inevitable);
    caught("gate", GATE, deaf(&[Timer::Gate]), Rule::Completion);
    caught("handoff", DESK, deaf(&[Timer::Handoff]), Rule::Inevitable);
    caught("max duration", TALK, deaf(&[Timer::MaxDuration]), Rule::Inevitable);
}

#[test]
fn the_answer_timer_of_a_question_is_missed() {
    caught("answer", TALK, deaf(&[Timer::Answer]), Rule::Inevitable);
}

/// An announcement that is not waited for any longer is a lost sentence anyway, and a word over the hold audio
/// is only comfort: the audio goes on.
#[test]
fn the_timers_of_the_announcement_and_of_words_on_hold_are_masked() {
    masked("announce", DESK, deaf(&[Timer::Announce]));
    masked("hold say", DESK, deaf(&[Timer::HoldSay]));
}

// ---------------------------------------------------------------- answers

/// A sentence whose end is not told counts as lost, after its deadline; without that too, nothing goes on.
#[test]
fn a_lost_said_is_masked_by_its_deadline() {
    let ignores = |_: &crate::rig::Memory, input| match input {
        Input::Said { .. } => Vec::new(),
        input => vec![input],
    };
    let alone = rules(&with_fault(GREETING, Fault { hears: ignores, ..SOUND }));
    assert_eq!(alone, [Rule::Duplicate], "a sentence that was heard still means something");
    let fault = Fault { hears: ignores, deaf_to: &[Timer::Speech], ..SOUND };
    caught("and no deadline", GREETING, fault, Rule::Inevitable);
}

#[test]
fn an_operator_who_leaves_unnoticed_leaves_the_caller_alone() {
    let fault = hears(|memory, input| match input {
        Input::Leg { event: LegEvent::Stopped, .. } if memory.answered => Vec::new(),
        input => vec![input],
    });
    caught("operator left ignored", HUNT, fault, Rule::LeftAlone);
}

#[test]
fn ringing_is_no_answer() {
    let fault = hears(|_, input| match input {
        Input::Leg { attempt, event: LegEvent::Ringing } => {
            vec![Input::Leg { attempt, event: LegEvent::Answered }]
        }
        input => vec![input],
    });
    caught("ringing taken for an answer", HUNT, fault, Rule::HandoffUnanswered);
}

#[test]
fn a_second_answer_means_nothing() {
    let fault = hears(|memory, input| match input {
        Input::Leg { attempt, event: LegEvent::Answered } if memory.answered => {
            vec![Input::Leg { attempt, event: LegEvent::Stopped }]
        }
        input => vec![input],
    });
    caught("second answer acted on", DESK, fault, Rule::Duplicate);
}

#[test]
fn a_caller_who_has_left_hears_no_goodbye() {
    let fault = hears(|_, input| match input {
        Input::CallerLeft => vec![Input::RoomExpiring],
        input => vec![input],
    });
    caught("caller.left taken for the end of the room", GREETING, fault, Rule::CallerLeft);
}

// ---------------------------------------------------------------- effects

#[test]
fn a_leg_that_is_never_stopped_is_left_alive() {
    let swallows = |_: &crate::rig::Memory, effect| match effect {
        Effect::StopDial { .. } => Vec::new(),
        effect => vec![effect],
    };
    let report = with_fault(DESK, does(swallows));
    assert!(rules(&report).contains(&Rule::CallerLeft), "{}", told(DESK, &report));
}

#[test]
fn no_second_leg_while_the_first_is_alive() {
    caught("impatient", HUNT, Fault { impatient: true, ..SOUND }, Rule::SecondLeg);
}

#[test]
fn what_is_asked_for_twice_or_under_the_id_of_another_is_found() {
    let twice = does(|_, effect| match effect {
        Effect::Say { .. } => vec![effect.clone(), effect],
        effect => vec![effect],
    });
    caught("said twice", GREETING, twice, Rule::Completion);
    let one_id = does(|_, effect| match effect {
        Effect::Say { text, interruptible, .. } => {
            vec![Effect::Say { utterance: UtteranceId(1), text, audio: None, interruptible, aside: false }]
        }
        effect => vec![effect],
    });
    caught("one id for all sentences", GREETING, one_id, Rule::Completion);
    let one_attempt = does(|_, effect| match effect {
        Effect::Dial { target, method, apart, .. } => {
            vec![Effect::Dial { attempt: AttemptId(1), target, method, apart }]
        }
        effect => vec![effect],
    });
    caught("one id for all attempts", HUNT, one_attempt, Rule::Completion);
}

#[test]
fn a_reply_that_is_not_cancelled_is_found() {
    let fault = does(|_, effect| match effect {
        Effect::CancelReply { .. } => Vec::new(),
        effect => vec![effect],
    });
    caught("CancelReply swallowed", TALK, fault, Rule::Completion);
}

#[test]
fn the_bot_is_out_of_it_when_it_hands_over() {
    let hold = does(|_, effect| match effect {
        Effect::Hold { on: false, .. } => Vec::new(),
        effect => vec![effect],
    });
    caught("hold audio left on", HUNT, hold, Rule::BotSpeaks);
    let early = does(|_, effect| match effect {
        Effect::Say { ref text, .. } if text.text() == "Here you are." => {
            vec![effect, Effect::Handoff { mode: HandoffMode::KeepRoom }]
        }
        effect => vec![effect],
    });
    caught("handed over before the words were heard", DESK, early, Rule::BotSpeaks);
    let hears_on = "callflow: 1
start: ring
targets: {desk: {phone: \"+15550100123\"}}
intents: {leave: {when: The caller says goodbye., examples: [bye]}}
states:
  ring: {dial: {to: desk, listen: [leave]}, on: {answered: talk, intent.leave: sorry, otherwise: sorry}}
  talk: {handoff: keep_room}
  sorry: {end: Nobody is free. Goodbye.}
";
    let listens = does(|_, effect| match effect {
        Effect::Listen { on: false } => Vec::new(),
        effect => vec![effect],
    });
    caught("listens on", hears_on, listens, Rule::BotSpeaks);
}

#[test]
fn nothing_comes_after_the_end() {
    let fault = does(|_, effect| match effect {
        Effect::End { outcome: Outcome::Completed } => vec![
            effect,
            Effect::Say {
                utterance: UtteranceId(99),
                text: Utterance::new("One more thing."),
                audio: None,
                interruptible: false,
                aside: false,
            },
        ],
        effect => vec![effect],
    });
    caught("words after the end", GREETING, fault, Rule::AfterEnd);
}
