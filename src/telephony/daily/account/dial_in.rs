//! Dial-in configurations: which number calls which webhook, and the secret that signs it
//! (docs.daily.co, `domain-dialin-config`).

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::pii::{ApiKey, PhoneNumber};
use crate::telephony::TelephonyError;
use crate::telephony::daily::wire;

/// A dial-in configuration.
#[derive(Clone, Debug)]
pub struct DialInConfig {
    /// Its id.
    pub id: String,
    /// What it is for.
    pub kind: DialInKind,
    /// What was set.
    pub settings: DialInSettings,
}

/// What a dial-in configuration is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DialInKind {
    /// Calls go to a webhook.
    Pinless,
    /// Callers type the code of a room.
    Pin,
    /// Something that is not documented.
    Other(String),
}

/// The settings of a dial-in configuration.
#[derive(Clone, Debug, Default)]
pub struct DialInSettings {
    /// The number; none for a configuration that only has a SIP address.
    pub number: Option<PhoneNumber>,
    /// The webhook: `room_creation_api`.
    pub webhook: Option<String>,
    /// The secret that signs the webhook: `hmac`, base64.
    pub secret: Option<ApiKey>,
    /// A name for people: `name_prefix`.
    pub name: Option<String>,
    /// MP3 for the caller who is held, public, under 10 MB and 60 seconds; played twice: `hold_music_url`.
    pub hold_music: Option<String>,
    /// Said when the webhook does not answer in time: `timeout_config.message`.
    pub timeout_message: Option<String>,
}

impl DialInSettings {
    /// The body of a change.
    pub(super) fn body(&self) -> Value {
        let mut body = Map::new();
        let mut add =
            |name: &str, value: Option<Value>| body.extend(value.map(|value| (name.to_owned(), value)));
        let text = |value: &Option<String>| value.as_deref().map(Value::from);
        add("phone_number", self.number.as_ref().map(|number| number.reveal().into()));
        add("room_creation_api", text(&self.webhook));
        add("hmac", self.secret.as_ref().map(|secret| secret.reveal().into()));
        add("name_prefix", text(&self.name));
        add("hold_music_url", text(&self.hold_music));
        add("timeout_config", self.timeout_message.as_ref().map(|message| json!({"message": message})));
        Value::Object(body)
    }

    /// The body of a creation, which also says what kind it is.
    pub(super) fn creation(&self) -> Value {
        let mut body = self.body();
        body["type"] = json!("pinless_dialin");
        body
    }
}

#[derive(Deserialize)]
struct Entry {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    config: Config,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Config {
    phone_number: Option<String>,
    room_creation_api: Option<String>,
    hmac: Option<String>,
    name_prefix: Option<String>,
    hold_music_url: Option<String>,
    timeout_config: Option<Timeout>,
}

#[derive(Deserialize)]
struct Timeout {
    message: Option<String>,
}

/// Reads an entry of the list, or the answer to a creation or a change.
pub(super) fn read(entry: Value) -> Result<DialInConfig, TelephonyError> {
    let Entry { id, kind, config } = wire::read(entry, "a dial-in configuration")?;
    let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
    Ok(DialInConfig {
        id,
        kind: match kind.as_str() {
            "pinless_dialin" => DialInKind::Pinless,
            "pin_dialin" => DialInKind::Pin,
            _ => DialInKind::Other(kind),
        },
        settings: DialInSettings {
            // One that is not E.164 is not one of ours to compare with.
            number: config.phone_number.and_then(|number| PhoneNumber::parse(&number).ok()),
            webhook: filled(config.room_creation_api),
            secret: filled(config.hmac).map(ApiKey::new),
            name: filled(config.name_prefix),
            hold_music: filled(config.hold_music_url),
            timeout_message: filled(config.timeout_config.and_then(|timeout| timeout.message)),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_configuration_is_read_and_written_as_documented() {
        let documented = wire(include_str!("../../../../tests/wire/daily/dialin_config_full.json"));
        let config = read(documented.clone()).unwrap();
        assert_eq!(config.kind, DialInKind::Pinless);
        assert_eq!(config.settings.body(), documented["config"], "nothing is lost on the way back");
        let created = config.settings.creation();
        assert_eq!(created, wire(include_str!("../../../../tests/wire/daily/client_create_dialin.json")));
        assert!(!format!("{config:?}").contains("9jyatv"), "the secret does not print");
    }

    #[test]
    fn entries_of_the_list_may_lack_almost_everything() {
        let list = wire(include_str!("../../../../tests/wire/daily/dialin_configs.json"));
        let configs: Vec<_> = list["data"].as_array().unwrap().iter().cloned().map(read).collect();
        let [Ok(sip_only), Ok(pin)] = configs.as_slice() else { panic!("{configs:?}") };
        assert_eq!((&sip_only.kind, &sip_only.settings.number), (&DialInKind::Pinless, &None));
        assert_eq!(pin.kind, DialInKind::Pin);
        assert_eq!(pin.settings.number.as_ref().unwrap().reveal(), "+12555599999");
    }
}
