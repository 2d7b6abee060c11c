//! What a bot is started with, in both dialects in which it is told.
//!
//! The *flat* one is the original's: the dial-in webhook's fields beside `room_url` and `token`. We write it
//! and read it. The *nested* one is that of Pipecat Cloud's own dial-in webhook: `dialin_settings`, the key of
//! the platform's Daily domain, and the room in headers. We read it.

use serde_json::{Map, Value, json};

use crate::pii::{ApiKey, PhoneNumber};
use crate::telephony::DialIn;
use crate::telephony::daily::webhook::{self, WebhookError};

/// Longest name or hash of a flow that is believed, in bytes.
const LONGEST_NAME: usize = 128;

/// What a bot is started with: a held call, the room made for it, and the flow chosen for it.
#[derive(Clone, Debug)]
pub struct SessionArgs {
    /// Where to join.
    pub room_url: String,
    /// An owner token of the room.
    pub token: ApiKey,
    /// The held call.
    pub dial_in: DialIn,
    /// The flow that whoever started the bot chose; the bot chooses by the called number if absent.
    pub flow: Option<FlowRef>,
    /// The Daily domain that the call and its room belong to, if it is not the bot's own.
    pub daily: Option<DailyAccess>,
}

/// A flow, as one process names it to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowRef {
    /// `name:` of the flow.
    pub name: String,
    /// The hash of its text there; flows of the same name may differ between a server and an image.
    pub hash: Option<String>,
}

/// A Daily domain.
#[derive(Clone, Debug)]
pub struct DailyAccess {
    /// Base URL of the REST API, if it is not Daily's usual one.
    pub api_url: Option<String>,
    /// The domain's key.
    pub api_key: ApiKey,
}

/// A room that the platform made: the headers `x-daily-room-url` and `x-daily-room-token`.
#[derive(Clone, Debug)]
pub struct GivenRoom {
    /// Where to join.
    pub url: String,
    /// A token of the room.
    pub token: String,
}

impl SessionArgs {
    /// Reads either dialect. A room in the body counts before one that the platform made.
    ///
    /// # Errors
    /// [`WebhookError::Missing`] names everything that is missing; [`WebhookError::Wrong`] the first field
    /// that cannot be used. No value is repeated.
    pub fn read(body: &Map<String, Value>, room: Option<GivenRoom>) -> Result<Self, WebhookError> {
        let is_nested = body.contains_key("dialin_settings");
        let room_is_given = room.is_some() && !body.contains_key("room_url");
        let mut missing = Vec::new();
        if !room_is_given {
            missing.extend(["room_url", "token"].into_iter().filter(|field| !body.contains_key(*field)));
        }
        if !is_nested {
            missing.extend(["callId", "callDomain"].into_iter().filter(|field| !body.contains_key(*field)));
        }
        if !missing.is_empty() {
            return Err(WebhookError::Missing(missing));
        }
        let room = match room {
            Some(room) if room_is_given => room,
            _ => GivenRoom { url: text(body, "room_url", "a URL")?, token: text(body, "token", "a token")? },
        };
        if !is_http(&room.url) {
            return Err(WebhookError::Wrong { field: "room_url", expected: "a URL" });
        }
        Ok(Self {
            room_url: room.url,
            token: ApiKey::new(room.token),
            dial_in: if is_nested { nested_dial_in(body)? } else { webhook::dial_in(body)? },
            flow: flow(body)?,
            daily: daily(body)?,
        })
    }

    /// The flat dialect: the body of a start.
    #[must_use]
    pub fn write(&self) -> Value {
        let DialIn { call_id, call_domain, from, to, sip_headers } = &self.dial_in;
        let mut body = json!({
            "callId": call_id,
            "callDomain": call_domain,
            "room_url": self.room_url,
            "token": self.token.reveal(),
        });
        let numbers = [("From", from), ("To", to)].map(|(name, number)| (name, number.as_ref()));
        for (name, number) in numbers {
            add(&mut body, name, number.map(PhoneNumber::reveal));
        }
        if !sip_headers.is_empty() {
            body["sipHeaders"] = Value::Object(sip_headers.clone());
        }
        if let Some(flow) = &self.flow {
            add(&mut body, "flow", Some(&flow.name));
            add(&mut body, "flow_hash", flow.hash.as_deref());
        }
        if let Some(daily) = &self.daily {
            add(&mut body, "daily_api_key", Some(daily.api_key.reveal()));
            add(&mut body, "daily_api_url", daily.api_url.as_deref());
        }
        body
    }
}

fn add(body: &mut Value, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        body[name] = value.into();
    }
}

/// `dialin_settings`, as Pipecat's runner types have it, in the webhook's own words.
fn nested_dial_in(body: &Map<String, Value>) -> Result<DialIn, WebhookError> {
    let settings = match body.get("dialin_settings") {
        Some(Value::Object(settings)) => settings,
        _ => return Err(WebhookError::Wrong { field: "dialin_settings", expected: "an object" }),
    };
    let names = [("call_id", "dialin_settings.call_id"), ("call_domain", "dialin_settings.call_domain")];
    let missing = names.into_iter().filter(|(name, _)| !settings.contains_key(*name));
    let missing: Vec<_> = missing.map(|(_, full)| full).collect();
    if !missing.is_empty() {
        return Err(WebhookError::Missing(missing));
    }
    let renamed = settings.iter().map(|(name, value)| {
        let name = match name.as_str() {
            "call_id" => "callId",
            "call_domain" => "callDomain",
            "sip_headers" => "sipHeaders",
            other => other,
        };
        (name.to_owned(), value.clone())
    });
    webhook::dial_in(&renamed.collect())
}

fn flow(body: &Map<String, Value>) -> Result<Option<FlowRef>, WebhookError> {
    let read = |field: &'static str, expected| match body.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if (1..=LONGEST_NAME).contains(&text.len()) => Ok(Some(text.clone())),
        Some(_) => Err(WebhookError::Wrong { field, expected }),
    };
    let hash = read("flow_hash", "a flow's hash")?;
    Ok(read("flow", "a flow's name")?.map(|name| FlowRef { name, hash }))
}

fn daily(body: &Map<String, Value>) -> Result<Option<DailyAccess>, WebhookError> {
    if matches!(body.get("daily_api_key"), None | Some(Value::Null)) {
        // A URL alone would be sent our own key.
        return Ok(None);
    }
    let api_key = ApiKey::new(text(body, "daily_api_key", "a key")?);
    let api_url = match body.get("daily_api_url") {
        None | Some(Value::Null) => None,
        Some(_) => Some(text(body, "daily_api_url", "a URL")?),
    };
    if api_url.as_deref().is_some_and(|url| !is_http(url)) {
        return Err(WebhookError::Wrong { field: "daily_api_url", expected: "a URL" });
    }
    Ok(Some(DailyAccess { api_url, api_key }))
}

fn text(
    body: &Map<String, Value>,
    field: &'static str,
    expected: &'static str,
) -> Result<String, WebhookError> {
    let text = body.get(field).and_then(Value::as_str).filter(|text| !text.is_empty());
    text.map(str::to_owned).ok_or(WebhookError::Wrong { field, expected })
}

fn is_http(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: Value, room: Option<GivenRoom>) -> Result<SessionArgs, WebhookError> {
        let Value::Object(body) = body else { panic!("not an object") };
        SessionArgs::read(&body, room)
    }

    fn flat() -> Value {
        json!({
            "To": "+15559876543", "From": "+15551234567", "callId": "c-1", "callDomain": "d-1",
            "sipHeaders": {"X-A": "b"}, "room_url": "https://x.daily.co/r", "token": "jwt",
            "flow": "cold_transfer", "flow_hash": "abc",
        })
    }

    fn given() -> Option<GivenRoom> {
        Some(GivenRoom { url: "https://x.daily.co/given".to_owned(), token: "given".to_owned() })
    }

    #[test]
    fn what_is_written_is_read_back() {
        let args = read(flat(), None).unwrap();
        assert_eq!(args.write(), flat());
        assert_eq!(args.flow, Some(FlowRef { name: "cold_transfer".into(), hash: Some("abc".into()) }));
        let again = read(args.write(), None).unwrap();
        assert_eq!((again.dial_in, again.room_url), (args.dial_in, args.room_url));
        assert_eq!(again.token.reveal(), "jwt");
    }

    #[test]
    fn a_withheld_caller_travels_as_one() {
        let mut body = flat();
        body["From"] = json!("anonymous");
        let args = read(body, None).unwrap();
        assert!(args.dial_in.from.is_none() && args.write().get("From").is_none());
        assert!(read(args.write(), None).unwrap().dial_in.from.is_none());
    }

    #[test]
    fn the_managed_webhook_s_dialect_is_read_with_its_room_and_its_key() {
        let body = json!({
            "dialin_settings": {
                "call_id": "c-1", "call_domain": "d-1", "To": "+15559876543", "From": "+15551234567",
                "sip_headers": {"X-A": "b"},
            },
            "daily_api_key": "key", "daily_api_url": "https://api.daily.co/v1",
        });
        let args = read(body.clone(), given()).unwrap();
        assert_eq!((&*args.room_url, args.token.reveal()), ("https://x.daily.co/given", "given"));
        assert_eq!((&*args.dial_in.call_id, &*args.dial_in.call_domain), ("c-1", "d-1"));
        assert_eq!(args.dial_in.to.unwrap().reveal(), "+15559876543");
        assert_eq!(args.dial_in.sip_headers["X-A"], "b");
        let daily = args.daily.unwrap();
        assert_eq!(
            (daily.api_key.reveal(), daily.api_url.as_deref()),
            ("key", Some("https://api.daily.co/v1"))
        );
        assert_eq!(args.flow, None);
        assert_eq!(read(body, None).unwrap_err(), WebhookError::Missing(vec!["room_url", "token"]));
    }

    #[test]
    fn a_room_in_the_body_counts_before_the_platform_s() {
        assert_eq!(read(flat(), given()).unwrap().room_url, "https://x.daily.co/r");
    }

    #[test]
    fn all_that_is_missing_is_named_and_nothing_is_repeated() {
        let missing = |body, room| read(body, room).unwrap_err();
        let all = vec!["room_url", "token", "callId", "callDomain"];
        assert_eq!(missing(json!({}), None), WebhookError::Missing(all));
        assert_eq!(missing(json!({}), given()), WebhookError::Missing(vec!["callId", "callDomain"]));
        let nested = json!({"dialin_settings": {"To": "+15559876543"}});
        let names = vec!["dialin_settings.call_id", "dialin_settings.call_domain"];
        assert_eq!(missing(nested, given()), WebhookError::Missing(names));
        for (field, value) in [
            ("room_url", json!("secret")),
            ("token", json!("")),
            ("flow", json!(["secret"])),
            ("flow_hash", json!("secret".repeat(100))),
            ("daily_api_key", json!(7)),
            ("callId", json!({"secret": 1})),
        ] {
            let mut body = flat();
            body[field] = value;
            let error = missing(body, None);
            assert!(matches!(error, WebhookError::Wrong { field: named, .. } if named == field), "{error}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
        let mut body = flat();
        body["dialin_settings"] = json!("secret");
        assert!(matches!(missing(body, None), WebhookError::Wrong { field: "dialin_settings", .. }));
        let mut body = flat();
        (body["daily_api_key"], body["daily_api_url"]) = (json!("k"), json!("ftp://secret"));
        assert!(matches!(missing(body, None), WebhookError::Wrong { field: "daily_api_url", .. }));
    }

    #[test]
    fn a_foreign_url_without_its_own_key_is_not_used() {
        let mut body = flat();
        body["daily_api_url"] = json!("https://elsewhere.example");
        assert!(read(body, None).unwrap().daily.is_none());
    }

    #[test]
    fn arguments_do_not_print_numbers_or_keys() {
        let mut body = flat();
        body["daily_api_key"] = json!("dkey");
        let printed = format!("{:?}", read(body, None).unwrap());
        assert!(
            !printed.contains("5551234") && !printed.contains("jwt") && !printed.contains("dkey"),
            "{printed}"
        );
    }
}
