//! The native library's events: JSON in, values out.
//!
//! The library and Daily's documents spell some fields differently (`sessionId` and `session_id`, `errorMsg`
//! and `message`); both are read. What is unknown or of an unknown shape is no error unless it is needed: a
//! newer library says more. No text is matched: the wording of errors changes from version to version.

use serde_json::Value;

use crate::telephony::prose::prose;
use crate::telephony::{LegId, RoomEvent};

/// What one event says.
#[derive(Debug, PartialEq)]
pub(super) enum Said {
    /// A request was done, or refused with a reason. Every request ends in exactly one of these.
    Completed {
        /// Its number.
        request: u64,
        /// What it brought; the vendor's text if it failed.
        outcome: Result<Value, String>,
    },
    /// We are out of the room; with the vendor's text if something went wrong.
    Out(Option<String>),
    /// Somebody came. Also for those who are there already.
    Came(Person),
    /// Somebody left.
    Left(LegId),
    /// Something else happened.
    Event(RoomEvent),
    /// Something that does not concern a call.
    Other,
}

/// A participant, as far as it concerns a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Person {
    /// Its session id.
    pub(super) id: LegId,
    /// Whether it is ourselves.
    pub(super) is_local: bool,
    /// Its name, if it has one.
    pub(super) name: Option<String>,
}

/// Reads one event. An error says what is wrong with it, without repeating it.
pub(super) fn read(json: &[u8]) -> Result<Said, String> {
    let event: Value = serde_json::from_slice(json)
        .map_err(|error| format!("not an event: {:?} error", error.classify()))?;
    let event = Event(&event);
    let action = event.text(&["action"]).ok_or("an event without `action`")?;
    let leg = || event.leg().ok_or_else(|| format!("`{action}` without a session id"));
    let happened = match action {
        "request-completed" => return event.completed(),
        "call-state-updated" => return Ok(event.state()),
        "participant-joined" => {
            let person = event.0.get("participant").and_then(person);
            return Ok(Said::Came(person.ok_or("`participant-joined` without a session id")?));
        }
        "participant-left" => return Ok(Said::Left(leg()?)),
        "dialin-ready" => {
            let endpoint = event.text(&["sipEndpoint", "sip_endpoint"]);
            let endpoint = endpoint.ok_or("`dialin-ready` without `sipEndpoint`")?;
            RoomEvent::DialinReady { sip_endpoint: endpoint.to_owned() }
        }
        "dialin-connected" => RoomEvent::DialinConnected { id: leg()? },
        "dialin-stopped" => RoomEvent::DialinStopped { id: leg()? },
        "dialin-error" => RoomEvent::DialinError { id: event.leg(), message: event.message() },
        "dialout-connected" => RoomEvent::DialoutConnected { id: leg()? },
        "dialout-answered" => RoomEvent::DialoutAnswered { id: leg()? },
        "dialout-stopped" => RoomEvent::DialoutStopped { id: leg()? },
        "dialout-error" => RoomEvent::DialoutError { id: event.leg(), message: event.message() },
        "dialin-warning" | "dialout-warning" => RoomEvent::Warning { message: event.message() },
        "dtmf-event" => RoomEvent::Dtmf { id: event.leg(), tone: event.key()? },
        _ => return Ok(Said::Other),
    };
    Ok(Said::Event(happened))
}

/// Who is in the room, from what a join brought: `participants`, by id, ourselves under `local`.
pub(super) fn people(joined: &Value) -> Vec<Person> {
    let people = joined.get("participants").and_then(Value::as_object);
    let read = |(key, value): (&String, &Value)| {
        let is_local = key == "local";
        let by_key = || (!is_local).then(|| Person { id: LegId::new(key), is_local, name: None });
        let mut person = person(value).or_else(by_key)?;
        person.is_local |= is_local;
        Some(person)
    };
    people.into_iter().flatten().filter_map(read).collect()
}

fn person(participant: &Value) -> Option<Person> {
    let info = participant.get("info").unwrap_or(participant);
    let is_local = ["isLocal", "local"].iter().any(|name| info.get(name) == Some(&Value::Bool(true)));
    let id = LegId::new(field(participant, &["id", "session_id", "sessionId"])?);
    let name = field(info, &["userName", "user_name"]).map(str::to_owned);
    Some(Person { id, is_local, name })
}

/// The first of the fields that holds a text which is not empty.
fn field<'a>(object: &'a Value, names: &[&str]) -> Option<&'a str> {
    let texts = names.iter().filter_map(|name| object.get(name)?.as_str());
    texts.into_iter().find(|text| !text.is_empty())
}

struct Event<'a>(&'a Value);

impl<'a> Event<'a> {
    fn text(&self, names: &[&str]) -> Option<&'a str> {
        field(self.0, names)
    }

    fn leg(&self) -> Option<LegId> {
        let of_participant = || person(self.0.get("participant")?).map(|person| person.id);
        self.text(&["sessionId", "session_id"]).map(LegId::new).or_else(of_participant)
    }

    fn message(&self) -> String {
        prose(self.text(&["errorMsg", "message"]).unwrap_or("no reason given"))
    }

    fn completed(&self) -> Result<Said, String> {
        let request = self.0.pointer("/requestId/id").and_then(Value::as_u64);
        let request = request.ok_or("`request-completed` of no request")?;
        let outcome = match self.reason("requestError") {
            Some(reason) => Err(reason),
            None => Ok(self.0.get("requestSuccess").cloned().unwrap_or_default()),
        };
        Ok(Said::Completed { request, outcome })
    }

    fn state(&self) -> Said {
        match self.text(&["state"]) {
            Some("left") => Said::Out(self.reason("error")),
            _ => Said::Other,
        }
    }

    /// The text of a failure, if there is one: a text, or an object with a text.
    fn reason(&self, name: &str) -> Option<String> {
        let failure = self.0.get(name).filter(|failure| !failure.is_null())?;
        let text = failure.as_str().or_else(|| field(failure, &["msg", "message", "errorMsg"]));
        Some(prose(text.unwrap_or("no reason given")))
    }

    fn key(&self) -> Result<char, String> {
        let tone = self.0.get("tone").map(|tone| match tone {
            Value::String(tone) => tone.clone(),
            other => other.to_string(),
        });
        let mut keys = tone.as_deref().unwrap_or_default().chars();
        match (keys.next(), keys.next()) {
            (Some(key @ ('0'..='9' | '*' | '#' | 'A'..='D')), None) => Ok(key),
            _ => Err("`dtmf-event` without a key".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const ID: &str = "22b32b65-0000-4000-8000-000000000001";

    fn said(json: Value) -> Said {
        read(json.to_string().as_bytes()).unwrap_or_else(|error| panic!("{json}: {error}"))
    }

    fn leg() -> LegId {
        LegId::new(ID)
    }

    /// Texts that the library of daily-python 0.32.0 and 0.36.0 was seen to send.
    #[test]
    fn what_the_library_was_seen_to_send_is_read() {
        let done = said(json!({"action": "request-completed", "requestId": {"id": 1}}));
        assert_eq!(done, Said::Completed { request: 1, outcome: Ok(Value::Null) });
        let refused = json!({"action": "request-completed",
            "requestError": {"msg": "Dialout(CallState(NotInACall))"}, "requestId": {"id": 4}});
        let reason = Err("Dialout(CallState(NotInACall))".to_owned());
        assert_eq!(said(refused), Said::Completed { request: 4, outcome: reason });
        let leaving = json!({"action": "call-state-updated", "callConfiguration": null, "state": "leaving"});
        assert_eq!(said(leaving), Said::Other);
        let left = json!({"action": "call-state-updated", "callConfiguration": null,
            "error": {"message": "Failed to fetch room information"}, "state": "left"});
        assert_eq!(said(left), Said::Out(Some("Failed to fetch room information".into())));
        assert_eq!(said(json!({"action": "call-state-updated", "state": "left"})), Said::Out(None));
        let updated = json!({"action": "participant-updated", "participant": {"id": ID,
            "info": {"isLocal": true, "isOwner": false, "joinedAt": 1_795_363_952_u32, "userName": "Bot"}}});
        assert_eq!(said(updated), Said::Other);
        assert_eq!(said(json!({"action": "error", "message": "Error handling join"})), Said::Other);
    }

    /// Fields as in daily-python's `types.rst`, and as in daily-js's `index.d.ts`.
    #[test]
    fn both_spellings_of_the_telephone_events_are_read() {
        let event = |json| match said(json) {
            Said::Event(event) => event,
            other => panic!("{other:?}"),
        };
        for id in ["sessionId", "session_id"] {
            let of = |action: &str| event(json!({"action": action, id: ID, "actionTraceId": "t"}));
            assert_eq!(of("dialin-connected"), RoomEvent::DialinConnected { id: leg() });
            assert_eq!(of("dialin-stopped"), RoomEvent::DialinStopped { id: leg() });
            assert_eq!(of("dialout-connected"), RoomEvent::DialoutConnected { id: leg() });
            assert_eq!(of("dialout-answered"), RoomEvent::DialoutAnswered { id: leg() });
            assert_eq!(of("dialout-stopped"), RoomEvent::DialoutStopped { id: leg() });
        }
        for text in ["message", "errorMsg"] {
            let failed = event(json!({"action": "dialout-error", "sessionId": ID, text: "no: +15557654321"}));
            assert_eq!(failed, RoomEvent::DialoutError { id: Some(leg()), message: "no: •••".into() });
            let nobody = event(json!({"action": "dialin-error", text: "no"}));
            assert_eq!(nobody, RoomEvent::DialinError { id: None, message: "no".into() });
        }
        let ready = event(json!({"action": "dialin-ready", "sipEndpoint": "1.0@x.sip.daily.co"}));
        assert_eq!(ready, RoomEvent::DialinReady { sip_endpoint: "1.0@x.sip.daily.co".into() });
        for tone in [json!("5"), json!(5)] {
            let key = event(json!({"action": "dtmf-event", "sessionId": ID, "tone": tone, "volume": -9}));
            assert_eq!(key, RoomEvent::Dtmf { id: Some(leg()), tone: '5' });
        }
    }

    #[test]
    fn participants_are_told_from_ourselves() {
        let native = json!({"id": ID, "info": {"isLocal": false, "userName": "+1555"}, "media": {}});
        let documented = json!({"session_id": ID, "user_name": "+1555", "local": false});
        for participant in [native, documented] {
            let came = said(json!({"action": "participant-joined", "participant": participant}));
            let person = Person { id: leg(), is_local: false, name: Some("+1555".into()) };
            assert_eq!(came, Said::Came(person));
        }
        let left = json!({"action": "participant-left", "participant": {"id": ID}, "leftReason": "leftCall"});
        assert_eq!(said(left), Said::Left(leg()));

        let joined = json!({"meetingSession": {"id": "m"}, "participants": {
            "local": {"id": "me", "info": {"isLocal": true}},
            ID: {"info": {"isLocal": false}},
            "other": {"id": "other-id"}}});
        let people = people(&joined);
        let ids: Vec<_> = people.iter().map(|person| (&*person.id.0, person.is_local)).collect();
        assert_eq!(ids, [("me", true), (ID, false), ("other-id", false)]);
        assert_eq!(super::people(&Value::Null), []);
    }

    #[test]
    fn what_is_needed_and_not_there_is_an_error_that_repeats_nothing() {
        for bad in [
            "",
            "[]",
            "{}",
            r#"{"action":7}"#,
            r#"{"action":"dialout-answered","callerId":"+15550100123"}"#,
            r#"{"action":"dialout-answered","sessionId":""}"#,
            r#"{"action":"dialout-answered","sessionId":5550100123}"#,
            r#"{"action":"dtmf-event","tone":"12"}"#,
            r#"{"action":"dtmf-event","sessionId":"x"}"#,
            r#"{"action":"participant-joined","participant":{"name":"+15550100123"}}"#,
            r#"{"action":"dialin-ready"}"#,
            r#"{"action":"request-completed","requestId":{"id":-1}}"#,
        ] {
            let error = read(bad.as_bytes()).expect_err(bad);
            assert!(!error.contains("555"), "{error}");
        }
    }

    #[test]
    fn an_unknown_event_of_any_shape_is_no_error() {
        for unknown in [
            json!({"action": "network-connection-status-updated", "event": {"type": 3}, "participant": 7}),
            json!({"action": "app-message", "msgData": [1], "from": ID, "message": {"a": 1}}),
            json!({"action": "from-the-future", "sessionId": 7, "requestId": "x", "state": {}, "error": 1}),
        ] {
            assert_eq!(said(unknown), Said::Other);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
        }

        #[test]
        fn no_event_with_odd_fields_makes_it_panic(
            action in "(participant-(joined|left)|dial(in|out)-(ready|error|connected)|dtmf-event|request-completed|call-state-updated)",
            name in "(participant|sessionId|requestId|requestError|state|error|message|tone|sipEndpoint)",
            value in prop_oneof![Just(json!(null)), Just(json!([1])), Just(json!({"id": 1})), Just(json!(""))],
        ) {
            let mut event = json!({"action": action});
            event[name] = value;
            let _ = read(event.to_string().as_bytes());
        }
    }
}
