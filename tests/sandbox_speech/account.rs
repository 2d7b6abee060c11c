//! Keys, voices and models as the speech clients ask about them.

use callflow::pii::ApiKey;
use callflow::sandbox::faults::{Fault, Injection, Service};
use callflow::speech::account::{AccountError, cartesia_voice, deepgram_projects, openai_models};
use serde_json::Value;

use super::place::Place;

const VOICE: &str = "b7d50908-b17c-442d-ad8d-810c63997ed9";

async fn json(place: &Place, url: String, header: (&str, &str)) -> Value {
    let request = place.http.get(url).header(header.0, header.1).header("cartesia-version", "2026-03-01");
    request.send().await.unwrap().json().await.unwrap()
}

/// The keys of an object, or of the first entry of its list.
fn shape(value: &Value) -> Vec<&String> {
    let object = value.as_object().unwrap();
    let list = object.values().find_map(|value| value.as_array()?.first()?.as_object());
    object.keys().chain(list.into_iter().flat_map(|entry| entry.keys())).collect()
}

#[tokio::test]
async fn answers_have_the_documented_shape() {
    let place = Place::start().await;
    let urls = place.sandbox.urls();
    let wire = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let projects = json(&place, format!("{}/v1/projects", urls.deepgram), ("authorization", "Token k")).await;
    assert_eq!(shape(&projects), shape(&wire(include_str!("../wire/deepgram/projects.json"))));
    let voice = json(&place, format!("{}/voices/{VOICE}", urls.cartesia), ("x-api-key", "k")).await;
    assert_eq!(shape(&voice), shape(&wire(include_str!("../wire/cartesia/voice.json"))));
    let models = json(&place, format!("{}/models", urls.openai), ("authorization", "Bearer k")).await;
    assert_eq!(shape(&models), shape(&wire(include_str!("../wire/openai/models.json"))));
}

#[tokio::test]
async fn good_keys_are_good_and_refused_ones_are_not() {
    let place = Place::start().await;
    let (urls, key) = (place.sandbox.urls(), ApiKey::new("k"));
    assert_eq!(deepgram_projects(&urls.deepgram, &key).await, Ok(1));
    assert_eq!(cartesia_voice(&urls.cartesia, &key, VOICE).await.unwrap().name, "Sandbox");
    assert!(openai_models(&urls.openai, &key).await.unwrap().iter().any(|model| model == "gpt-4o"));

    let nothing = cartesia_voice(&urls.cartesia, &key, "00000000-0000-0000-0000-000000000000").await;
    assert!(matches!(nothing, Err(AccountError::NotThere(_))), "{nothing:?}");
    for (service, request) in
        [(Service::Deepgram, "projects"), (Service::Cartesia, "voices"), (Service::Openai, "models")]
    {
        let refusal = Fault::Refuse { status: 401, info: None };
        place.sandbox.faults().inject(Injection::once(service, refusal).on(request)).unwrap();
    }
    assert_eq!(deepgram_projects(&urls.deepgram, &key).await, Err(AccountError::KeyRefused));
    assert_eq!(cartesia_voice(&urls.cartesia, &key, VOICE).await, Err(AccountError::KeyRefused));
    assert_eq!(openai_models(&urls.openai, &key).await, Err(AccountError::KeyRefused));
}

#[tokio::test]
async fn a_vendor_that_says_nothing_is_not_waited_for_for_ever() {
    let place = Place::start().await;
    place.sandbox.faults().inject(Injection::once(Service::Deepgram, Fault::Silent).on("projects")).unwrap();
    let silent = deepgram_projects(&place.sandbox.urls().deepgram, &ApiKey::new("k")).await;
    assert!(matches!(silent, Err(AccountError::Unreachable(_))), "{silent:?}");
}
