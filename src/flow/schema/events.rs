//! The keys of `on:` and `always:`, each with what an editor shows about it.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value};

use super::states::Destination;
use crate::flow::event::{Event, Plain};

/// A map of events and where they lead.
pub(super) struct Edges;

impl JsonSchema for Edges {
    fn schema_name() -> Cow<'static, str> {
        "Edges".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut leads = |about: &str| {
            let mut schema = generator.subschema_for::<Destination>();
            schema.insert("description".to_owned(), about.into());
            Value::from(schema)
        };
        let plain: Map<String, Value> = Event::names(true)
            .into_iter()
            .filter_map(|name| match Event::parse(name, true) {
                Ok(Event::Plain(event)) => Some((name.to_owned(), leads(about(event)))),
                _ => None,
            })
            .collect();
        let with_argument: Map<String, Value> =
            WITH_ARGUMENT.iter().map(|(pattern, about)| ((*pattern).to_owned(), leads(about))).collect();
        json_schema!({
            "type": "object",
            "description": "Events and where they lead.",
            "properties": plain,
            "patternProperties": with_argument,
            "additionalProperties": false
        })
    }
}

/// Events that name something, as patterns.
const WITH_ARGUMENT: [(&str, &str); 3] = [
    (
        r"^intent\.[A-Za-z_][A-Za-z0-9_]*$",
        "The caller wants this; the intent stands under `intents:`. The model is offered it here.",
    ),
    (r#"^caller\.dtmf\(["'][0-9*#]["']\)$"#, "The caller pressed this key: 0 to 9, * or #."),
    (
        r"^caller\.silent\([0-9hms]+\)$",
        "The caller has said nothing for so long, counted from the end of what the bot said.",
    ),
];

fn about(event: Plain) -> &'static str {
    match event {
        Plain::CallerJoined => "The caller is connected.",
        Plain::CallerLeft => {
            "The caller hung up. Needs no edge: the call ends; an edge chooses which silent `end`."
        }
        Plain::CallerInterrupted => "The caller began to speak while the bot did.",
        Plain::Said => "The state's sentence was heard to its end.",
        Plain::Accepted => {
            "A yes to the question; in a `dial` with `accept`, the person called took the call."
        }
        Plain::Declined => "A no to the question.",
        Plain::Filled => "Every value that was asked for is there.",
        Plain::Exhausted => "The question was asked as often as it may be, and nothing usable was answered.",
        Plain::Ok => "The request was answered.",
        Plain::Failed | Plain::OperatorFailed => {
            "What the state does failed, in a way that no other event tells."
        }
        Plain::OperatorRinging => "It rings at the person called.",
        Plain::OperatorAnswered => "The person called picked up.",
        Plain::OperatorAccepted => "The person called picked up and pressed the key of `accept`.",
        Plain::OperatorNoAnswer => "Nobody picked up within `ring`.",
        Plain::OperatorBusy => "The line is busy.",
        Plain::OperatorRejected => "The call was declined.",
        Plain::OperatorUnreachable => "There is no such number, or no way to it.",
        Plain::OperatorVoicemail => "A machine picked up.",
        Plain::OperatorLeft => "The operator hung up after the handoff.",
        Plain::Transferred => "The caller's own leg was moved (`sip_transfer`, `sip_refer`).",
        Plain::TargetsExhausted => "The last target of the list failed, however it did.",
        Plain::Otherwise => "Any end of what the state does that no other edge takes.",
        Plain::Timeout => "The time of the state's `timeout` (of a `handoff`: of `max`) is over.",
        Plain::MaxDuration => "The call has lasted as long as `call.max_duration` allows.",
        Plain::ServiceFailed => "The hearing, the model or the voice is gone for good.",
        Plain::RoomExpiring => "The room will be closed in a minute.",
        Plain::Shutdown => "The server is about to stop.",
    }
}
