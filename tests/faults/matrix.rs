//! Each kind of vendor × each way to fail, at one of three moments of a call, with somebody to step in: how long the
//! caller's phone heard nothing.

use std::fmt::Write as _;
use std::time::Duration;

use callflow::sandbox::faults::{Fault, Injection, Service};
use callflow::sandbox::phone::PhoneEvent;
use tokio::time::Instant;

use crate::place::Place;

const MOMENTS: [&str; 3] = ["before the greeting", "mid-reply", "mid-turn"];
/// How long the caller may hear nothing: three seconds after the fault shows, which is when the turn has ended.
const DEAD_AIR: Duration = Duration::from_millis(3_500);

fn faults() -> [(&'static str, Fault); 7] {
    let refuse = |status| Fault::Refuse { status, info: None };
    [
        ("slow", Fault::Slow { ms: 6_000 }),
        ("silent", Fault::Silent),
        ("disconnect", Fault::Disconnect),
        ("garbage", Fault::Garbage),
        ("401", refuse(401)),
        ("429", refuse(429)),
        ("503", refuse(503)),
    ]
}

/// What one call was like.
struct Trial {
    /// The longest time without a sound while the bot was to speak.
    dead_air: Duration,
    line: String,
}

/// The vendor fails from that moment on, for good.
async fn trial(
    place: &mut Place,
    service: Service,
    fault: &Fault,
    moment: usize,
    with_fallback: bool,
) -> Trial {
    place.sandbox.faults().clear();
    let inject = |place: &Place| {
        let injection = Injection { service, fault: fault.clone(), on: None, times: None };
        place.sandbox.faults().inject(injection).unwrap();
    };
    if moment == 0 {
        inject(place);
    }
    let vendors = place.vendors(with_fallback);
    let mut call = place.call(vendors, "c-1").await;
    let wait = Duration::from_secs(15);
    let mut waits = Vec::new();
    call.until(wait, |event| *event == PhoneEvent::Connected).await;
    let connected = Instant::now();
    call.hears(wait).await;
    waits.push((connected, 0));
    for (turn, words) in
        ["I have a question about my bill", "And what about my router"].into_iter().enumerate()
    {
        if call.over {
            break;
        }
        if moment == 2 && turn == 1 {
            call.phone.say(words).unwrap();
            call.until(Duration::from_millis(400), |_| false).await;
            inject(place);
            call.until(wait, |event| *event == PhoneEvent::FinishedSaying).await;
        } else {
            call.says(words).await;
        }
        let (asked, before) = (Instant::now(), call.heard.len());
        if moment == 1 && turn == 0 {
            call.until(wait, |event| *event == PhoneEvent::SoundBegan).await;
            call.until(Duration::from_millis(300), |_| false).await;
            inject(place);
        }
        call.hears(wait).await;
        // What comes in pieces comes within this.
        call.until(Duration::from_secs(2), |_| false).await;
        waits.push((asked, before));
    }
    let dead_air = waits.iter().map(|(since, before)| match call.heard.get(*before) {
        Some(heard) => heard.began.duration_since(*since),
        None => wait,
    });
    // The greeting is what is first heard; before it nothing was asked.
    let dead_air = dead_air.max().unwrap_or_default();
    let texts: Vec<_> = call
        .heard
        .iter()
        .map(|heard| {
            let at = heard.began.duration_since(connected).as_millis() as f64 / 1000.0;
            format!("{at:.1} {:?}", heard.text)
        })
        .collect();
    let record = call.record().await;
    place.sandbox.faults().clear();
    Trial { dead_air, line: format!("{:?}: {}", record.outcome, texts.join(", ")) }
}

/// Every fault of one kind of vendor, each at another moment in turn.
async fn rows(kind: &str, service: Service, with_fallback: bool) -> (String, Vec<String>) {
    let mut place = Place::new().await;
    let (mut text, mut late) = (String::new(), Vec::new());
    for (index, (name, fault)) in faults().into_iter().enumerate() {
        let moment = index % MOMENTS.len();
        let when = MOMENTS[moment];
        let trial = trial(&mut place, service, &fault, moment, with_fallback).await;
        let seconds = trial.dead_air.as_millis() as f64 / 1000.0;
        eprintln!("{kind}, {name}, {when}: waits {seconds:.1}: {}", trial.line);
        writeln!(text, "{name}, {when}: {}", trial.line).unwrap();
        if trial.dead_air > DEAD_AIR {
            late.push(format!("{name}, {when}: {seconds:.1} s"));
        }
    }
    (text, late)
}

#[tokio::test]
async fn a_failing_recogniser_is_no_more_than_three_seconds_of_silence() {
    let (text, late) = rows("hearing", Service::Deepgram, true).await;
    assert_eq!(late, [""; 0], "{text}");
}

#[tokio::test]
async fn a_failing_model_is_no_more_than_three_seconds_of_silence() {
    let (text, late) = rows("model", Service::Openai, true).await;
    assert_eq!(late, [""; 0], "{text}");
}

#[tokio::test]
async fn a_failing_voice_is_no_more_than_three_seconds_of_silence() {
    let (text, late) = rows("voice", Service::Cartesia, true).await;
    assert_eq!(late, [""; 0], "{text}");
}
