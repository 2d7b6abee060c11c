//! Every request that a call makes of a vendor can be found there by the id of the call.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use callflow::pii::ApiKey;
use callflow::sandbox::faults::{Fault, Injection, Service};
use callflow::sandbox::phone::PhoneEvent;
use callflow::session::Vendors;
use callflow::speech::aura::Aura;
use callflow::speech::failover::{Health, LlmChain, Member, SttChain, TtsChain};
use callflow::speech::flux::Flux;
use callflow::speech::openai::{self, OpenAi};
use callflow::speech::openai_audio::{OpenAiEar, OpenAiVoice};
use callflow::speech::{Llm, Stt, Tts};

use crate::place::Place;

fn alone<P: ?Sized>(provider: Arc<P>, model: &str) -> Vec<Member<P>> {
    vec![Member { provider, model: model.into(), voice: None, health: Arc::new(Health::new("test")) }]
}

fn is_heard(event: &PhoneEvent) -> bool {
    matches!(event, PhoneEvent::Heard { .. })
}

/// A call in which the caller is heard and answered; whom it asked, and that each of these requests names it.
async fn asked_of(place: &mut Place, vendors: Vendors, id: &str) -> BTreeSet<&'static str> {
    let before = place.sandbox.traces().len();
    let mut call = place.call(vendors, id).await;
    let wait = Duration::from_secs(15);
    assert!(call.until(wait, |event| *event == PhoneEvent::Connected).await);
    assert!(call.until(wait, is_heard).await, "no greeting");
    call.says("I need help with my bill").await;
    assert!(call.until(wait, is_heard).await, "no answer");
    call.record().await;
    let traces = place.sandbox.traces().split_off(before);
    for trace in &traces {
        let named = trace.id.as_deref().and_then(|name| name.strip_prefix(id));
        let fits = named.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
        assert!(fits, "a request that nobody can find: {trace:?}");
    }
    traces.iter().map(|trace| trace.service).collect()
}

#[tokio::test]
async fn every_request_of_every_kind_of_provider_names_its_call() {
    let mut place = Place::new().await;
    let vendors = place.vendors(false);
    let asked = asked_of(&mut place, vendors, "call-1").await;
    assert_eq!(asked, BTreeSet::from(["cartesia", "deepgram", "openai"]));

    let (urls, key) = (place.sandbox.urls().clone(), || ApiKey::new("sandbox"));
    let flux: Arc<dyn Stt> = Arc::new(Flux::new(&urls.deepgram, key()).unwrap());
    let http = openai::http_client(&urls.llm).unwrap();
    let own: Arc<dyn Llm> = Arc::new(OpenAi::new(&urls.llm, key(), http).unwrap());
    let aura: Arc<dyn Tts> = Arc::new(Aura::new(&urls.deepgram, key()).unwrap());
    let vendors = place.vendors_of(
        Arc::new(SttChain::new(alone(flux, "flux-general-en"))),
        Arc::new(LlmChain::new(alone(own, "llama"))),
        Arc::new(TtsChain::new(alone(aura, "aura-2-thalia-en"))),
    );
    let asked = asked_of(&mut place, vendors, "call-2").await;
    assert_eq!(asked, BTreeSet::from(["aura", "compatible", "flux"]));

    let http = openai::http_client(&urls.openai).unwrap();
    let model: Arc<dyn Llm> = Arc::new(OpenAi::new(&urls.openai, key(), http).unwrap());
    let ear: Arc<dyn Stt> = Arc::new(OpenAiEar::new(&urls.openai, key()).unwrap());
    let voice: Arc<dyn Tts> = Arc::new(OpenAiVoice::new(&urls.openai, key()).unwrap());
    let vendors = place.vendors_of(
        Arc::new(SttChain::new(alone(ear, "whisper-1"))),
        Arc::new(LlmChain::new(alone(model, "gpt-4o"))),
        Arc::new(TtsChain::new(alone(voice, "gpt-4o-mini-tts"))),
    );
    let asked = asked_of(&mut place, vendors, "call-3").await;
    assert_eq!(asked, BTreeSet::from(["audio", "openai"]));
}

#[tokio::test]
async fn whoever_steps_in_and_whoever_is_reached_again_is_told_of_the_call_too() {
    let mut place = Place::new().await;
    for (service, on) in
        [(Service::Deepgram, "interim"), (Service::Openai, "chat"), (Service::Cartesia, "speak")]
    {
        let fault = Injection { service, fault: Fault::Disconnect, on: Some(on.to_owned()), times: None };
        place.sandbox.faults().inject(fault).unwrap();
    }
    let vendors = place.vendors(true);
    let asked = asked_of(&mut place, vendors, "call-4").await;
    for service in ["audio", "aura", "cartesia", "compatible", "deepgram", "openai"] {
        assert!(asked.contains(service), "{service} was not asked: {asked:?}");
    }
}
