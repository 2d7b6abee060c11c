//! Faults beyond the table: what the flow makes of them, and vendors that are not in it.

use std::sync::Arc;
use std::time::Duration;

use callflow::machine::{LegOutcome, Outcome};
use callflow::pii::ApiKey;
use callflow::sandbox::clock::Metronome;
use callflow::sandbox::faults::{Fault, Injection, Service};
use callflow::sandbox::phone::PhoneEvent;
use callflow::session::{CallRecord, Vendors, Who};
use callflow::speech::Stt;
use callflow::speech::failover::{Health, Member, SttChain};
use callflow::speech::flux::Flux;
use tokio::time::Instant;

use crate::call::Call;
use crate::place::{FLOW, PATIENCE, Place};

const DEAD_AIR: Duration = Duration::from_secs(3);

/// Who has a broken bot is given to a person.
fn flow() -> String {
    let transfer =
        "always: {service.failed: [{to: ring, say: Something is broken here., max_visits: 1}, {to: sorry}]}";
    FLOW.replace("always: {service.failed: sorry}", transfer)
}

fn inject(place: &Place, service: Service, fault: Fault) {
    place.sandbox.faults().inject(Injection { service, fault, on: None, times: None }).unwrap();
}

/// Flux hears, and nobody steps in for anybody.
fn with_flux_alone(place: &Place) -> Vendors {
    let flux: Arc<dyn Stt> =
        Arc::new(Flux::new(&place.sandbox.urls().deepgram, ApiKey::new("sandbox")).unwrap());
    let health = Arc::new(Health::new("test"));
    let alone = vec![Member { provider: flux, model: "flux-general-en".into(), voice: None, health }];
    Vendors { stt: Arc::new(SttChain::new(alone)), ..place.vendors(false) }
}

/// The caller asks, and asks again if they are told to.
async fn asks(call: &mut Call) -> Duration {
    let mut silence = Duration::ZERO;
    for words in ["And what about my router", "What about my router"] {
        call.says(words).await;
        let asked = Instant::now();
        let is_answer = |event: &PhoneEvent| matches!(event, PhoneEvent::Heard { text, .. } if !text.is_blank() && !text.text().starts_with("One moment"));
        assert!(call.until(Duration::from_secs(20), is_answer).await, "no answer");
        let wait = call.wait("question", asked, true);
        silence = silence.max(wait.silence);
        if !wait.asks_again() {
            assert!(wait.has_apology(), "{wait}");
            break;
        }
    }
    silence
}

/// The vendor fails in the middle of a call; the caller then speaks with the operator.
async fn transferred(service: Service, fault: Fault) -> Arc<CallRecord> {
    let mut place = Place::new().await;
    let vendors = place.vendors(false);
    let mut call = place.call_of(&flow(), vendors, "c-1").await;
    call.until(PATIENCE, |event| *event == PhoneEvent::Connected).await;
    call.answer("greeting", Instant::now(), PATIENCE).await;
    call.says("I have a question about my bill").await;
    call.answer("answer", Instant::now(), PATIENCE).await;
    inject(&place, service, fault.clone());
    let silence = asks(&mut call).await;
    assert!(silence <= DEAD_AIR, "{service:?}, {fault:?}: {silence:?}");
    let rings = |event: &PhoneEvent| matches!(event, PhoneEvent::Ringing { .. });
    assert!(call.operator_until(PATIENCE, rings).await, "{service:?}, {fault:?}: nobody is called");
    // Though the voice may be gone.
    assert!(call.was_told("Please hold."), "{service:?}, {fault:?}: it is not announced");
    call.operator.answer().unwrap();
    call.operator_until(PATIENCE, |event| *event == PhoneEvent::Connected).await;
    call.until(Duration::from_secs(1), |_| false).await;
    // The two have each other, and nothing of the bot lies over it.
    call.phone.say("Is anybody there").unwrap();
    let is_heard = |event: &PhoneEvent| matches!(event, PhoneEvent::Heard { text, .. } if text.text() == "Is anybody there");
    assert!(call.operator_until(PATIENCE, is_heard).await, "the operator does not hear the caller");
    call.operator.say("How can I help you").unwrap();
    let is_heard = |event: &PhoneEvent| matches!(event, PhoneEvent::Heard { text, .. } if text.text() == "How can I help you");
    assert!(call.until(PATIENCE, is_heard).await, "the caller does not hear the operator");
    call.record().await
}

#[tokio::test]
async fn when_a_vendor_has_failed_and_the_flow_says_so_the_caller_is_given_to_a_person() {
    let _clock = Metronome::start(None);
    let ill = Fault::Refuse { status: 503, info: None };
    for (service, fault) in
        [(Service::Openai, ill), (Service::Cartesia, Fault::Silent), (Service::Deepgram, Fault::Silent)]
    {
        let record = transferred(service, fault).await;
        let states: Vec<_> = record.states.iter().map(|name| &**name).collect();
        assert_eq!(states, ["greet", "talk", "ring", "over"], "{service:?}");
        assert_eq!(record.outcome, Outcome::Transferred, "{service:?}");
        assert_eq!(record.transfer.as_ref().unwrap().outcome, LegOutcome::Answered, "{service:?}");
    }
}

#[tokio::test]
async fn a_voice_that_was_never_heard_ends_the_call_within_fifteen_seconds() {
    let _clock = Metronome::start(None);
    let mut place = Place::new().await;
    inject(&place, Service::Cartesia, Fault::Silent);
    let vendors = place.vendors(false);
    let mut call = place.call(vendors, "c-1").await;
    call.until(PATIENCE, |event| *event == PhoneEvent::Connected).await;
    let connected = Instant::now();
    let greeting = call.answer("greeting", connected, PATIENCE).await;
    assert!(greeting.silence <= DEAD_AIR, "{greeting}");
    assert!(call.over, "{greeting}");
    let took = connected.elapsed();
    assert!(took < Duration::from_secs(15), "the bundled apology takes 4 s of it: {took:?}");
}

#[tokio::test]
async fn a_silent_recogniser_that_ends_turns_is_no_more_than_three_seconds_of_silence() {
    let _clock = Metronome::start(None);
    let mut place = Place::new().await;
    let vendors = with_flux_alone(&place);
    let mut call = place.call(vendors, "c-1").await;
    call.until(PATIENCE, |event| *event == PhoneEvent::Connected).await;
    call.answer("greeting", Instant::now(), PATIENCE).await;
    inject(&place, Service::Flux, Fault::Silent);
    call.says("I have a question about my bill").await;
    let wait = call.answer("question", Instant::now(), Duration::from_secs(30)).await;
    assert!(wait.silence <= DEAD_AIR, "{:?}: {wait}", wait.silence);
    assert!(wait.has_apology(), "{wait}");
    call.record().await;
}

#[tokio::test]
async fn words_that_come_twice_or_in_the_wrong_order_are_remembered_once() {
    const WORDS: [&str; 3] = ["I have a question about my bill", "yes", "And what about my router"];
    let _clock = Metronome::start(None);
    for fault in [Fault::Duplicate, Fault::Reorder] {
        let mut place = Place::new().await;
        inject(&place, Service::Deepgram, fault.clone());
        let vendors = place.vendors(false);
        let mut call = place.call(vendors, "c-1").await;
        call.until(PATIENCE, |event| *event == PhoneEvent::Connected).await;
        call.answer("greeting", Instant::now(), PATIENCE).await;
        for words in WORDS {
            call.says(words).await;
            call.answer("answer", Instant::now(), PATIENCE).await;
        }
        let record = call.record().await;
        let caller = record.turns.iter().filter(|turn| turn.who == Who::Caller);
        assert_eq!(caller.map(|turn| turn.text.text()).collect::<Vec<_>>(), WORDS, "{fault:?}");
    }
}

#[tokio::test]
async fn one_message_that_nobody_understands_does_not_cost_the_caller_their_turn() {
    let _clock = Metronome::start(None);
    let mut place = Place::new().await;
    let once = Injection::once(Service::Deepgram, Fault::Garbage).on("final");
    place.sandbox.faults().inject(once).unwrap();
    let vendors = place.vendors(false);
    let mut call = place.call(vendors, "c-1").await;
    call.until(PATIENCE, |event| *event == PhoneEvent::Connected).await;
    call.answer("greeting", Instant::now(), PATIENCE).await;
    call.says("I have a question about my bill").await;
    let wait = call.answer("question", Instant::now(), Duration::from_secs(20)).await;
    assert!(wait.silence <= DEAD_AIR, "{:?}: {wait}", wait.silence);
    let record = call.record().await;
    let caller = record.turns.iter().filter(|turn| turn.who == Who::Caller);
    assert_eq!(caller.map(|turn| turn.text.text()).collect::<Vec<_>>(), ["I have a question about my bill"]);
}

#[tokio::test]
async fn a_voice_that_is_alone_and_cut_off_once_says_all_it_had_to_say() {
    let _clock = Metronome::start(None);
    let mut place = Place::new().await;
    let vendors = place.vendors(false);
    let mut call = place.call(vendors, "c-1").await;
    call.until(PATIENCE, |event| *event == PhoneEvent::Connected).await;
    call.answer("greeting", Instant::now(), PATIENCE).await;
    let once = Injection::once(Service::Cartesia, Fault::Disconnect).on("speak");
    place.sandbox.faults().inject(once).unwrap();
    call.says("I have a question about my bill").await;
    let wait = call.answer("question", Instant::now(), Duration::from_secs(20)).await;
    assert!(wait.silence <= DEAD_AIR && !wait.asks_again(), "{:?}: {wait}", wait.silence);
    let record = call.record().await;
    let last = record.turns.last().unwrap();
    assert_eq!((last.who, last.heard.text()), (Who::Bot, last.text.text()));
}

#[tokio::test]
async fn an_end_of_a_turn_that_is_lost_is_missed_soon() {
    let _clock = Metronome::start(None);
    for fault in [Fault::Garbage, Fault::Disconnect] {
        let mut place = Place::new().await;
        let vendors = with_flux_alone(&place);
        let mut call = place.call(vendors, "c-1").await;
        call.until(PATIENCE, |event| *event == PhoneEvent::Connected).await;
        call.answer("greeting", Instant::now(), PATIENCE).await;
        let once = Injection::once(Service::Flux, fault.clone()).on("end_of_turn");
        place.sandbox.faults().inject(once).unwrap();
        call.says("I have a question about my bill").await;
        let wait = call.answer("question", Instant::now(), Duration::from_secs(30)).await;
        assert!(wait.silence <= DEAD_AIR, "{fault:?}, {:?}: {wait}", wait.silence);
        let record = call.record().await;
        let caller = record.turns.iter().filter(|turn| turn.who == Who::Caller);
        assert_eq!(
            caller.map(|turn| turn.text.text()).collect::<Vec<_>>(),
            ["I have a question about my bill"]
        );
    }
}
