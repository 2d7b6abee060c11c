//! Commands for legs as requests of a client: what the native library is told, and what it answers.
//!
//! Keys are those of daily-python's `types.rst` and, but for `permissions`, REST's. A refusal comes as the error
//! of the request and as no event; its text is the library's own and mostly says little.

use std::collections::HashMap;

use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::super::{leg_refusal, wire};
use crate::pii::Address;
use crate::telephony::{LegCommand, LegId, LegRefusal, TelephonyError};

/// Commands that may be unanswered at a time; a call has one or two.
const MOST_PENDING: usize = 16;

/// The function that a command is a request of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum LegFunction {
    Start,
    Stop,
    Keys,
    Transfer,
    Refer,
}

/// A request, ready for the library.
#[derive(Debug)]
pub(super) struct LegRequest {
    pub(super) function: LegFunction,
    /// JSON, but for a stop: that takes the bare id.
    pub(super) text: String,
}

impl LegRequest {
    /// Writes a command down.
    ///
    /// # Errors
    /// A command that cannot succeed.
    pub(super) fn new(command: &LegCommand) -> Result<Self, TelephonyError> {
        let (function, text) = match command {
            LegCommand::Start(request) => {
                let mut properties = wire::dial_out(request);
                if request.deaf {
                    properties["permissions"] = json!({"canReceive": {"base": false}});
                }
                (LegFunction::Start, properties.to_string())
            }
            LegCommand::Stop(leg) => (LegFunction::Stop, leg.0.to_string()),
            LegCommand::Keys(leg, tones) => (LegFunction::Keys, wire::dtmf(leg, tones).to_string()),
            LegCommand::Transfer(leg, to) => (LegFunction::Transfer, wire::sip_transfer(leg, to).to_string()),
            LegCommand::Refer(_, Address::Phone(_)) => return Err(wire::refer_to_a_number()),
            LegCommand::Refer(leg, to) => (LegFunction::Refer, wire::sip_refer(leg, to).to_string()),
        };
        Ok(Self { function, text })
    }
}

/// Where the answer to a command goes.
type Answer = oneshot::Sender<Result<Option<LegId>, TelephonyError>>;

/// Commands that are not answered yet, by the number of their request.
#[derive(Debug, Default)]
pub(super) struct Pending(HashMap<u64, (LegFunction, Answer)>);

impl Pending {
    /// Whether another command may be given.
    pub(super) fn has_place(&self) -> bool {
        self.0.len() < MOST_PENDING
    }

    /// Keeps the place of an answer.
    pub(super) fn expect(&mut self, request: u64, function: LegFunction, answer: Answer) {
        self.0.insert(request, (function, answer));
    }

    /// Whether a request is one of these.
    pub(super) fn awaits(&self, request: u64) -> bool {
        self.0.contains_key(&request)
    }

    /// Passes on what a request brought. Gives a leg that was started for nobody: whoever wanted it has given it
    /// up.
    pub(super) fn take(&mut self, request: u64, outcome: Result<Value, String>) -> Option<LegId> {
        let (function, answer) = self.0.remove(&request)?;
        let result = match (outcome, function) {
            (Ok(success), LegFunction::Start) => started(&success).map(Some),
            (Ok(_), _) => Ok(None),
            (Err(reason), _) => Err(refused(reason)),
        };
        answer.send(result).err().and_then(|untaken| untaken.ok().flatten())
    }
}

/// The session id of a new leg. Whether it comes bare or in an object is not documented.
fn started(success: &Value) -> Result<LegId, TelephonyError> {
    let in_object = || ["sessionId", "session_id", "id"].iter().find_map(|name| success.get(name)?.as_str());
    let id = success.as_str().or_else(in_object).filter(|id| !id.is_empty());
    let id = id.ok_or_else(|| TelephonyError::Protocol("the dial-out has no session id".to_owned()))?;
    Ok(LegId::new(id))
}

/// The error of a request. One that nothing is known of may still have a cause that can be mended.
fn refused(info: String) -> TelephonyError {
    match leg_refusal(&info) {
        Some(why) => TelephonyError::LegRefused { why, info },
        // The library's word for a room that was left.
        None if info.contains("NotInACall") => {
            TelephonyError::LegRefused { why: LegRefusal::NoSuchLeg, info }
        }
        None => TelephonyError::Refused(info),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telephony::DialOut;

    const ID: &str = "22b32b65-0000-4000-8000-000000000001";

    fn leg() -> LegId {
        LegId::new(ID)
    }

    fn dial_out(to: &str, deaf: bool) -> DialOut {
        DialOut {
            to: Address::parse(to).unwrap(),
            display_name: Some("operator".into()),
            caller_id: Some("c-1".into()),
            extension: Some("ww12".into()),
            deaf,
        }
    }

    fn written(command: &LegCommand) -> (LegFunction, Value) {
        let LegRequest { function, text } = LegRequest::new(command).unwrap();
        (function, serde_json::from_str(&text).unwrap())
    }

    #[test]
    fn commands_are_written_as_the_library_reads_them() {
        let (function, start) = written(&LegCommand::Start(dial_out("+15550100100", true)));
        assert_eq!(function, LegFunction::Start);
        let expected = json!({"phoneNumber": "+15550100100", "displayName": "operator", "callerId": "c-1",
            "extension": "12", "waitBeforeExtensionDialSec": 1, "permissions": {"canReceive": {"base": false}}});
        assert_eq!(start, expected);
        let (_, start) = written(&LegCommand::Start(dial_out("sip:desk@example.com", false)));
        assert!(start["sipUri"] == "sip:desk@example.com" && start.get("permissions").is_none(), "{start}");

        let stop = LegRequest::new(&LegCommand::Stop(leg())).unwrap();
        assert_eq!((stop.function, &*stop.text), (LegFunction::Stop, ID));
        let keys = written(&LegCommand::Keys(leg(), "1#".into()));
        assert_eq!(keys, (LegFunction::Keys, json!({"sessionId": ID, "tones": "1#"})));
        let (function, transfer) = written(&LegCommand::Transfer(leg(), dial_out("+15550100100", false)));
        assert_eq!((function, &transfer["toEndPoint"]), (LegFunction::Transfer, &json!("+15550100100")));
        let refer = LegCommand::Refer(leg(), Address::parse("sip:desk@example.com").unwrap());
        let expected = json!({"sessionId": ID, "toEndPoint": "sip:desk@example.com"});
        assert_eq!(written(&refer), (LegFunction::Refer, expected));
        let refused = LegRequest::new(&LegCommand::Refer(leg(), Address::parse("+15550100100").unwrap()));
        assert!(matches!(refused, Err(TelephonyError::Refused(_))), "{refused:?}");
    }

    #[test]
    fn every_form_of_a_session_id_is_read_and_none_is_an_error() {
        for success in [json!(ID), json!({"sessionId": ID}), json!({"session_id": ID}), json!({"id": ID})] {
            assert_eq!(started(&success), Ok(leg()), "{success}");
        }
        for nonsense in [json!(null), json!(""), json!(7), json!({"sessionId": 7}), json!([])] {
            assert!(matches!(started(&nonsense), Err(TelephonyError::Protocol(_))), "{nonsense}");
        }
    }

    #[test]
    fn a_request_is_answered_once_and_only_by_its_own_number() {
        let mut pending = Pending::default();
        let (answer, mut answered) = oneshot::channel();
        pending.expect(7, LegFunction::Start, answer);
        assert!(pending.awaits(7) && !pending.awaits(8));
        assert_eq!(pending.take(7, Ok(json!(ID))), None);
        assert_eq!(answered.try_recv().unwrap(), Ok(Some(leg())));
        assert!(!pending.awaits(7), "the same answer twice");

        // A refusal is the error of the request: no event tells of it.
        let (answer, mut answered) = oneshot::channel();
        pending.expect(9, LegFunction::Start, answer);
        let reason = "Dialout(Properties(UnknownCallClientError))";
        assert_eq!(pending.take(9, Err(reason.into())), None);
        let info = reason.to_owned();
        let refused = TelephonyError::LegRefused { why: LegRefusal::NotAllowed, info };
        assert_eq!(answered.try_recv().unwrap(), Err(refused));
    }

    #[test]
    fn a_leg_that_was_started_for_nobody_is_given_back_to_be_stopped() {
        let mut pending = Pending::default();
        for (request, function) in [(1, LegFunction::Start), (2, LegFunction::Stop)] {
            let (answer, given_up) = oneshot::channel();
            pending.expect(request, function, answer);
            drop(given_up);
        }
        assert_eq!(pending.take(1, Ok(json!(ID))), Some(leg()));
        assert_eq!(pending.take(2, Ok(Value::Null)), None);
    }
}
