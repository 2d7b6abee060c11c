//! The texts of the WebSocket room: Daily's names and fields, one JSON object a message.

use serde::Deserialize;
use serde_json::json;

use crate::telephony::prose::prose;
use crate::telephony::{LegId, RoomEvent};

/// Bytes of the session id in front of a participant's audio: a UUID as text.
const ID_BYTES: usize = 36;
/// Bytes of 20 ms of audio.
const FRAME_BYTES: usize = crate::audio::FRAME_SAMPLES * 2;

/// What one text of the room says.
#[derive(Debug, PartialEq)]
pub(super) enum Said {
    /// We are in; the id is our own.
    Joined(Option<LegId>),
    /// We may not come in.
    Refused(String),
    /// We are out: the answer to our leaving, or the room ended.
    Out,
    /// Something happened.
    Event(RoomEvent),
    /// An action that does not concern us, as Daily has many.
    Other,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Action {
    action: String,
    session_id: Option<String>,
    participant: Option<Participant>,
    participants: Option<Participants>,
    sip_endpoint: Option<String>,
    error_msg: Option<String>,
    message: Option<String>,
    tone: Option<String>,
}

#[derive(Deserialize)]
struct Participant {
    session_id: String,
}

#[derive(Deserialize)]
struct Participants {
    local: Option<Participant>,
}

impl Action {
    fn leg(&self) -> Option<LegId> {
        let of_participant = || self.participant.as_ref().map(|participant| participant.session_id.as_str());
        let id = self.session_id.as_deref().or_else(of_participant).filter(|id| !id.is_empty());
        id.map(LegId::new)
    }

    fn needed_leg(&self) -> Result<LegId, String> {
        self.leg().ok_or_else(|| format!("`{}` without a session id", prose(&self.action)))
    }

    /// Daily documents the field as `errorMsg` and as `message`.
    fn error(&self) -> String {
        prose(self.error_msg.as_deref().or(self.message.as_deref()).unwrap_or_default())
    }
}

/// Reads one text. An error says what is wrong with it, without repeating it.
pub(super) fn read(text: &str) -> Result<Said, String> {
    let action: Action =
        serde_json::from_str(text).map_err(|error| format!("not an event: {:?} error", error.classify()))?;
    let event = match action.action.as_str() {
        "joined-meeting" => {
            let local = action.participants.and_then(|participants| participants.local);
            return Ok(Said::Joined(local.map(|local| LegId::new(&local.session_id))));
        }
        "left-meeting" => return Ok(Said::Out),
        "error" => return Ok(Said::Refused(action.error())),
        "participant-joined" => RoomEvent::ParticipantJoined { id: action.needed_leg()? },
        "participant-left" => RoomEvent::ParticipantLeft { id: action.needed_leg()? },
        "dialin-ready" => {
            let endpoint = action.sip_endpoint.filter(|endpoint| !endpoint.is_empty());
            RoomEvent::DialinReady { sip_endpoint: endpoint.ok_or("`dialin-ready` without `sipEndpoint`")? }
        }
        "dialin-connected" => RoomEvent::DialinConnected { id: action.needed_leg()? },
        "dialin-stopped" => RoomEvent::DialinStopped { id: action.needed_leg()? },
        "dialin-error" => RoomEvent::DialinError { id: action.leg(), message: action.error() },
        "dialout-connected" => RoomEvent::DialoutConnected { id: action.needed_leg()? },
        "dialout-answered" => RoomEvent::DialoutAnswered { id: action.needed_leg()? },
        "dialout-stopped" => RoomEvent::DialoutStopped { id: action.needed_leg()? },
        "dialout-error" => RoomEvent::DialoutError { id: action.leg(), message: action.error() },
        "dialin-warning" | "dialout-warning" => RoomEvent::Warning { message: action.error() },
        "dtmf-event" => RoomEvent::Dtmf { id: action.leg(), tone: key(action.tone.as_deref())? },
        _ => return Ok(Said::Other),
    };
    Ok(Said::Event(event))
}

fn key(tone: Option<&str>) -> Result<char, String> {
    let mut keys = tone.unwrap_or_default().chars();
    match (keys.next(), keys.next()) {
        (Some(key @ ('0'..='9' | '*' | '#' | 'A'..='D')), None) => Ok(key),
        _ => Err("`dtmf-event` without a key".to_owned()),
    }
}

/// Reads one participant's 20 ms: whose they are, and the samples as little-endian bytes.
pub(super) fn read_audio(bytes: &[u8]) -> Result<(LegId, &[u8]), String> {
    let split = bytes.split_at_checked(ID_BYTES).filter(|(_, audio)| audio.len() == FRAME_BYTES);
    let (id, audio) = split.ok_or_else(|| format!("audio of {} bytes", bytes.len()))?;
    match std::str::from_utf8(id) {
        Ok(id) if id.is_ascii() => Ok((LegId::new(id), audio)),
        _ => Err("audio of nobody".to_owned()),
    }
}

/// The first text: who we are.
pub(super) fn join(token: &str) -> String {
    json!({"type": "join", "token": token}).to_string()
}

/// Publish or unpublish the microphone.
pub(super) fn microphone(on: bool) -> String {
    json!({"type": "microphone", "on": on}).to_string()
}

/// Hear everybody or nobody.
pub(super) fn subscribe(audio: bool) -> String {
    json!({"type": "subscribe", "audio": audio}).to_string()
}

/// Leave.
pub(super) fn leave() -> String {
    json!({"type": "leave"}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(text: &str) -> RoomEvent {
        match read(text) {
            Ok(Said::Event(event)) => event,
            other => panic!("{text}: {other:?}"),
        }
    }

    /// Fields as in daily-js 0.92.2 `index.d.ts`, with the ones we do not read.
    #[test]
    fn daily_s_events_are_read_with_daily_s_fields() {
        let id = LegId::new("22b32b65-0000-4000-8000-000000000001");
        let leg = r#""callClientId":"c","sessionId":"22b32b65-0000-4000-8000-000000000001","userId":"op-1","provider":"signalwire","sipCallId":"s""#;
        let text = |action: &str, more: &str| format!(r#"{{"action":"{action}",{leg}{more}}}"#);
        assert_eq!(event(&text("dialin-connected", "")), RoomEvent::DialinConnected { id: id.clone() });
        assert_eq!(event(&text("dialout-connected", "")), RoomEvent::DialoutConnected { id: id.clone() });
        assert_eq!(event(&text("dialout-answered", "")), RoomEvent::DialoutAnswered { id: id.clone() });
        assert_eq!(event(&text("dialout-stopped", "")), RoomEvent::DialoutStopped { id: id.clone() });
        let failed = RoomEvent::DialoutError { id: Some(id.clone()), message: "Busy: •••".into() };
        let details = r#","errorMsg":"Busy: +15557654321","details":{"destination":"+15557654321"}"#;
        assert_eq!(event(&text("dialout-error", details)), failed);
        assert_eq!(event(&text("dialout-error", r#","message":"Busy: +15557654321""#)), failed);
        let nameless = r#"{"action":"dialout-error","errorMsg":"no"}"#;
        assert_eq!(event(nameless), RoomEvent::DialoutError { id: None, message: "no".into() });
        let key = RoomEvent::Dtmf { id: Some(id), tone: '#' };
        assert_eq!(event(&text("dtmf-event", r##","tone":"#","volume":9,"method":"sip-info""##)), key);
        let ready = r#"{"action":"dialin-ready","sipEndpoint":"1.0@x.sip.daily.co","provider":"signalwire"}"#;
        assert_eq!(event(ready), RoomEvent::DialinReady { sip_endpoint: "1.0@x.sip.daily.co".into() });
    }

    #[test]
    fn what_is_not_the_protocol_is_an_error_that_does_not_repeat_it() {
        for bad in [
            "",
            "[]",
            "{}",
            "{\"action\":7}",
            r#"{"action":"dialout-answered"}"#,
            r#"{"action":"dialout-answered","sessionId":""}"#,
            r#"{"action":"dtmf-event","tone":"12"}"#,
            r#"{"action":"dtmf-event","sessionId":"x"}"#,
            r#"{"action":"participant-joined","participant":{"name":"+15550100123"}}"#,
            r#"{"action":"dialin-ready"}"#,
        ] {
            let error = read(bad).expect_err(bad);
            assert!(!error.contains("555"), "{error}");
        }
        assert_eq!(read(r#"{"action":"network-quality-change","threshold":"good"}"#), Ok(Said::Other));
    }

    #[test]
    fn audio_of_a_wrong_size_or_of_nobody_is_refused() {
        let mut audio = vec![b'a'; ID_BYTES + FRAME_BYTES];
        assert!(read_audio(&audio).is_ok());
        assert!(read_audio(&audio[1..]).is_err());
        assert!(read_audio(&[]).is_err());
        audio[0] = 0xff;
        assert!(read_audio(&audio).is_err());
    }
}
