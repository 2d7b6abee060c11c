//! Each kind of vendor × each way to fail × three moments of a call, with and without somebody to step in: what the
//! caller's phone heard and when, and how the call ended.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use callflow::machine::{APOLOGY, Outcome};
use callflow::sandbox::clock::Metronome;
use callflow::sandbox::faults::{Fault, Injection, Service};
use callflow::sandbox::phone::{PhoneEvent, RejectReason};
use callflow::session::Who;
use futures_util::future::join_all;
use tokio::time::Instant;

use crate::call::{Call, Wait};
use crate::place::Place;

/// The longest that the caller may hear nothing when the bot is to say something.
const DEAD_AIR: Duration = Duration::from_secs(3);
/// How long a caller of these tests waits for an answer before they give up.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// Before the call comes: every request and stream meets the fault.
    SetUp,
    /// In the middle of the bot's first answer.
    Talk,
    /// While the operator's phone rings; the operator then declines, and the bot takes the caller back.
    Transfer,
}

const MOMENTS: [(&str, Moment); 3] =
    [("set-up", Moment::SetUp), ("mid-answer", Moment::Talk), ("transfer", Moment::Transfer)];

fn faults() -> [(&'static str, Fault); 7] {
    let refuse = |status| Fault::Refuse { status, info: None };
    [
        ("slow by 6 s", Fault::Slow { ms: 6_000 }),
        ("silent", Fault::Silent),
        ("disconnect", Fault::Disconnect),
        ("garbage", Fault::Garbage),
        ("401", refuse(401)),
        ("429", refuse(429)),
        ("503", refuse(503)),
    ]
}

/// What the caller lived through after the fault.
struct Trial {
    waits: Vec<Wait>,
    /// The last words were the bundled apology, which phones of the sandbox hear as a sound without words.
    bundled: bool,
    bot_ended_it: bool,
    outcome: Outcome,
}

impl Trial {
    fn longest_silence(&self) -> Duration {
        self.waits.iter().map(|wait| wait.silence).max().unwrap_or_default()
    }

    fn line(&self) -> String {
        let waits: Vec<_> = self.waits.iter().map(|wait| wait.to_string()).collect();
        let who = if self.bot_ended_it { "the bot" } else { "the caller" };
        let bundled = if self.bundled { "the bundled apology, " } else { "" };
        let end =
            format!("{bundled}{who}, {}", serde_json::to_value(self.outcome).unwrap().as_str().unwrap());
        format!("{} | {end}", waits.join(" · "))
    }
}

/// The vendor fails from that moment on, for good.
async fn trial(service: Service, fault: &Fault, moment: Moment, fallback: bool) -> Trial {
    let mut place = Place::new().await;
    let inject = |place: &Place| {
        let injection = Injection { service, fault: fault.clone(), on: None, times: None };
        place.sandbox.faults().inject(injection).unwrap();
    };
    if moment == Moment::SetUp {
        inject(&place);
    }
    let vendors = place.vendors(fallback);
    let mut call = place.call(vendors, "c-1").await;
    let mut waits = Vec::new();
    call.until(PATIENCE, |event| *event == PhoneEvent::Connected).await;
    let greeting = call.answer("greeting", Instant::now(), PATIENCE).await;
    match moment {
        Moment::SetUp => {
            waits.push(greeting);
        }
        Moment::Talk => {
            call.says("I have a question about my bill").await;
            call.until(PATIENCE, |event| *event == PhoneEvent::SoundBegan).await;
            call.until(Duration::from_millis(300), |_| false).await;
            inject(&place);
            waits.push(call.rest_of_answer("the rest", Instant::now()).await);
        }
        Moment::Transfer => {
            call.says("I want to speak to a person").await;
            let rings = |event: &PhoneEvent| matches!(event, PhoneEvent::Ringing { .. });
            assert!(call.operator_until(PATIENCE, rings).await, "nobody is called");
            inject(&place);
            call.until(Duration::from_millis(500), |_| false).await;
            call.operator.reject(RejectReason::Busy).unwrap();
            waits.push(call.answer("back", Instant::now(), PATIENCE).await);
        }
    }
    let asked = ask(&mut call, "question", "And what about my router").await;
    let again = asked.as_ref().is_some_and(Wait::asks_again);
    waits.extend(asked);
    if again {
        waits.extend(ask(&mut call, "again", "What about my router").await);
    }
    let bot_ended_it = call.over;
    let record = call.record().await;
    let last = record.turns.iter().rev().find(|turn| turn.who == Who::Bot);
    let bundled =
        last.is_some_and(|turn| turn.heard.text() == APOLOGY) && !waits.iter().any(Wait::has_apology);
    Trial { waits, bundled, bot_ended_it, outcome: record.outcome }
}

/// The caller asks, if the bot is still there.
async fn ask(call: &mut Call, what: &'static str, words: &str) -> Option<Wait> {
    if call.over {
        return None;
    }
    let asked = Instant::now();
    call.says(words).await;
    // A bot that ends the call meanwhile says so meanwhile.
    let due = if call.over { asked } else { Instant::now() };
    Some(call.answer(what, due, PATIENCE).await)
}

/// Every fault of one kind of vendor at every moment: each a world of its own, all on one clock.
async fn rows(kind: &str, service: Service, fallback: bool) {
    let _clock = Metronome::start(None);
    let faults = faults();
    let cells: Vec<_> =
        faults.iter().flat_map(|fault| MOMENTS.iter().map(move |moment| (fault, moment))).collect();
    let trials =
        join_all(cells.iter().map(|((_, fault), (_, moment))| trial(service, fault, *moment, fallback)));
    let (mut text, mut late) = (String::new(), Vec::new());
    for (((name, _), (when, _)), trial) in cells.iter().zip(trials.await) {
        let silence = trial.longest_silence();
        eprintln!("{kind}, {fallback}, {name}, {when}: {silence:?}: {}", trial.line());
        writeln!(text, "| {name} | {when} | {} |", trial.line()).unwrap();
        if silence > DEAD_AIR {
            late.push(format!("{name}, {when}: {silence:?}"));
        }
    }
    assert_eq!(late, [""; 0], "{text}");
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        let alone = if fallback { "with_another" } else { "alone" };
        let name = format!("faults_{kind}_{alone}");
        let text = steady(&text, &written(&name));
        insta::assert_snapshot!(name, text);
    });
}

/// The table of a snapshot as it is written; nothing if there is none yet.
fn written(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/faults/snapshots/{name}.snap"));
    let snapshot = std::fs::read_to_string(path).unwrap_or_default();
    snapshot.splitn(3, "---\n").nth(2).unwrap_or_default().to_owned()
}

/// A line as it is written, where its times are no more than a second off: clients wait a random while before they
/// try again. That may also decide whether the filler is just heard, or just not, and what comes is as much later.
fn steady(text: &str, written: &str) -> String {
    let line = |(new, old): (&str, &str)| {
        let other_fillers = new.matches("filler").count() != old.matches("filler").count();
        let same = alike(new, old, 1.0) || (other_fillers && alike(&unfilled(new), &unfilled(old), 1.5));
        let mut line = if same { old } else { new }.to_owned();
        line.push('\n');
        line
    };
    let old = written.lines().chain(std::iter::repeat(""));
    text.lines().zip(old).map(line).collect()
}

fn alike(new: &str, old: &str, most: f64) -> bool {
    let word = |(new, old): (&str, &str)| match (new.parse::<f64>(), old.parse::<f64>()) {
        (Ok(new), Ok(old)) => (new - old).abs() <= most,
        _ => new == old,
    };
    new.split(' ').count() == old.split(' ').count() && new.split(' ').zip(old.split(' ')).all(word)
}

/// Without the fillers that something else follows.
fn unfilled(line: &str) -> String {
    let mut pieces = line.split("filler ");
    let mut rest = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        match piece.split_once(" s, ") {
            Some((time, after)) if time.parse::<f64>().is_ok() => rest.push_str(after),
            _ => {
                rest.push_str("filler ");
                rest.push_str(piece);
            }
        }
    }
    rest
}

#[test]
fn times_may_differ_a_little_and_a_filler_may_just_be_heard() {
    let written = "| 503 | back: answer 0.5 s · question: apology 3.0 s | the bot |";
    let steadily = |new: &str| steady(new, written) == format!("{written}\n");
    assert!(steadily(&written.replace("3.0", "2.5")) && !steadily(&written.replace("3.0", "4.5")));
    assert!(steadily(&written.replace("apology 3.0", "filler 3.0 s, apology 4.0")));
    assert!(!steadily(&written.replace("apology", "answer")));
    assert!(!steadily(&written.replace("apology 3.0", "filler 3.0 s, apology 6.0")));
}

#[tokio::test]
async fn a_failing_recogniser_is_no_more_than_three_seconds_of_silence() {
    rows("hearing", Service::Deepgram, true).await;
}

#[tokio::test]
async fn a_failing_model_is_no_more_than_three_seconds_of_silence() {
    rows("model", Service::Openai, true).await;
}

#[tokio::test]
async fn a_failing_voice_is_no_more_than_three_seconds_of_silence() {
    rows("voice", Service::Cartesia, true).await;
}

#[tokio::test]
async fn a_failing_recogniser_that_nobody_replaces_is_no_more_than_three_seconds_of_silence() {
    rows("hearing", Service::Deepgram, false).await;
}

#[tokio::test]
async fn a_failing_model_that_nobody_replaces_is_no_more_than_three_seconds_of_silence() {
    rows("model", Service::Openai, false).await;
}

#[tokio::test]
async fn a_failing_voice_that_nobody_replaces_is_no_more_than_three_seconds_of_silence() {
    rows("voice", Service::Cartesia, false).await;
}

#[test]
fn the_document_shows_what_the_callers_heard() {
    let document = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/faults.md");
    let document = std::fs::read_to_string(document).unwrap();
    for kind in ["hearing", "model", "voice"] {
        for alone in ["alone", "with_another"] {
            let table = written(&format!("faults_{kind}_{alone}"));
            assert!(table.lines().count() == 21 && document.contains(&table), "{kind}, {alone}");
        }
    }
}
