//! What a call carries has types that do not print: a value that strays into a log line or a panic says nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use callflow::cloud::DailyAccess;
use callflow::machine::{CallInfo, Effect, Input, ReplyId, UtteranceId};
use callflow::pii::{Address, ApiKey, PhoneNumber, SipUri, Utterance};
use callflow::plan::{ContextPolicy, IntentId, StateId};
use callflow::server::{StartBot, Started};
use callflow::session::{CallEvent, Turn, Who};
use callflow::settings::{Overrides, Settings, Vendor};
use callflow::speech::{ContextId, LlmEvent, LlmRequest, Message, SttEvent, TtsCommand, Word};
use callflow::telephony::daily::webhook::{Verifier, parse};
use callflow::telephony::{DialIn, DialOut, Room, RoomRequest};
use serde_json::json;

const WORDS: &str = "my zebra is striped";
const NUMBER: &str = "+15550107771";
const KEY: &str = "c2VjcmV0LWtleQ==";

/// Everything with words, numbers and keys in it, printed.
fn printed() -> Vec<String> {
    let words = || Utterance::new(WORDS);
    let number = || PhoneNumber::parse(NUMBER).unwrap();
    let key = || ApiKey::new(KEY);
    let mut dial_in = DialIn {
        call_id: "c".into(),
        call_domain: "d".into(),
        from: Some(number()),
        to: Some(number()),
        sip_headers: serde_json::Map::default(),
    };
    dial_in.sip_headers.insert("P-Asserted-Identity".into(), json!(NUMBER));
    let room = Room { name: "r".into(), url: "u".into(), token: key(), sip_endpoint: None, expires_at: None };
    let dial_out = DialOut {
        to: Address::Phone(number()),
        display_name: None,
        caller_id: None,
        extension: None,
        deaf: false,
    };
    let bot = StartBot {
        room_url: "u".into(),
        token: key(),
        dial_in: dial_in.clone(),
        flow: None,
        daily: Some(DailyAccess { api_url: None, api_key: key() }),
    };
    let started = Started { call_id: "c".into(), room_url: "u".into(), token: Some(key()) };
    let request = RoomRequest { caller: Some(number()), lifetime: Duration::ZERO, now: 0 };
    let info = CallInfo { id: "c".into(), from: Some(number()), to: Some(number()), started_at: 0 };
    let slots = vec![("reason".to_owned(), words())];
    let reply = ReplyId(1);
    let proposed = Input::IntentProposed { reply, intent: IntentId::from_index(0), slots };
    let asked = Effect::Reply {
        reply,
        state: StateId::from_index(0),
        prompt: words(),
        context: ContextPolicy::Append,
        user: Some(words()),
        intents: vec![],
        tools: vec![],
    };
    let said = Effect::Say {
        utterance: UtteranceId(1),
        text: words(),
        audio: None,
        interruptible: true,
        aside: false,
    };
    let messages = vec![
        Message::User(words()),
        Message::Assistant(words()),
        Message::Note(WORDS.into()),
        Message::ToolCall { id: "t".into(), name: "n".into(), arguments: WORDS.into(), result: WORDS.into() },
    ];
    let arguments = json!({"reason": WORDS}).as_object().cloned().unwrap();
    let called = |arguments| LlmEvent::ToolCall { id: "t".into(), name: "n".into(), arguments };
    let request_to_model = LlmRequest {
        model: "m".into(),
        system: WORDS.into(),
        messages: messages.clone(),
        tools: vec![],
        request_id: "c-1".into(),
    };
    let turn = Turn { who: Who::Caller, text: words(), heard: words(), start_ms: 0, end_ms: 1 };
    let word = Word { text: WORDS.into(), start: Duration::ZERO, end: Duration::ZERO };
    let spoken = TtsCommand::Speak { context: ContextId(1), text: words(), last: true };
    let variables: BTreeMap<_, _> = [
        ("OPENAI_API_KEY", KEY),
        ("CALLFLOW_WEBHOOK_SECRET", KEY),
        ("CALLFLOW_API_TOKEN", KEY),
        ("OPERATOR_NUMBER", NUMBER),
    ]
    .into();
    let get = |name: &str| variables.get(name).map(|&value| value.to_owned());
    let settings = Settings::from_env(&get, &Overrides::default()).unwrap();
    assert!(matches!(&settings.vendors.openai, Vendor::Real { key, .. } if key.reveal() == KEY));
    vec![
        format!("{dial_in:?}{room:?}{dial_out:?}{bot:?}{started:?}{request:?}{info:?}"),
        format!("{:?}{}", number(), number()),
        format!("{:?}", SipUri::parse("sip:15550107771@desk.example.com").unwrap()),
        format!("{:?}{proposed:?}{asked:?}{said:?}", Input::TurnEnded { text: words() }),
        format!(
            "{messages:?}{request_to_model:?}{:?}{:?}{:?}",
            LlmEvent::Text(WORDS.into()),
            called(Ok(arguments)),
            called(Err(WORDS.into()))
        ),
        format!("{turn:?}{word:?}{spoken:?}{:?}", CallEvent::CallerSaid { text: words() }),
        format!("{:?}", SttEvent::Interim(words())),
        format!("{settings:?}{:?}", Verifier::new(&key()).unwrap()),
        format!(
            "{:?}",
            parse(
                json!({"From": NUMBER, "To": NUMBER, "callId": "c", "callDomain": "d"})
                    .to_string()
                    .as_bytes()
            )
        ),
    ]
}

#[test]
fn nothing_that_a_call_carries_prints_what_it_is() {
    for text in printed() {
        for secret in [WORDS, "zebra", &NUMBER[1..], KEY] {
            assert!(!text.contains(secret), "{secret} is in {text}");
        }
    }
}
