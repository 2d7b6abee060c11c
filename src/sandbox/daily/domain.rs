//! What belongs to the Daily domain rather than to a room: bought numbers and dial-in configuration.

use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::pii::{Address, PhoneNumber};
use crate::sandbox::clock::unix_now;
use crate::sandbox::network::Webhook;

/// A bought number.
#[derive(Clone, Debug)]
pub(crate) struct Purchased {
    /// What dial-out calls `callerId`.
    pub(crate) id: Uuid,
    pub(crate) number: PhoneNumber,
    /// Seconds since 1970.
    pub(crate) bought_at: f64,
    /// Whether it was ours before the sandbox started, and so may be released.
    pub(crate) settled: bool,
}

/// One dial-in configuration: which number calls which webhook.
#[derive(Clone, Debug)]
pub(crate) struct DialInConfig {
    pub(crate) id: Uuid,
    /// `pinless_dialin` or `pin_dialin`.
    pub(crate) kind: String,
    /// `phone_number`, `room_creation_api`, `hmac` and whatever else was given.
    pub(crate) config: Map<String, Value>,
}

/// The domain.
#[derive(Debug, Default)]
pub(crate) struct Domain {
    inside: Mutex<Inside>,
}

/// What changes in it.
#[derive(Debug, Default)]
pub(crate) struct Inside {
    pub(crate) purchased: Vec<Purchased>,
    pub(crate) dial_ins: Vec<DialInConfig>,
    /// Called for every number that has no configuration; set in-process.
    pub(crate) any_number: Option<Webhook>,
}

impl Domain {
    /// A domain that has owned these numbers for long.
    pub(crate) fn new(numbers: &[PhoneNumber]) -> Self {
        let domain = Self::default();
        domain.lock().purchased = numbers.iter().map(|number| Purchased::new(number.clone(), true)).collect();
        domain
    }

    /// Exclusive access. Not to be held across a wait.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The webhook that is called when somebody calls this number.
    pub(crate) fn webhook_for(&self, to: &Address) -> Option<Webhook> {
        let inside = self.lock();
        let entry = inside.dial_ins.iter().find(|entry| entry.serves(to));
        entry.map_or_else(|| inside.any_number.clone(), DialInConfig::webhook)
    }

    /// The number that a dialled person sees: the one chosen, else the oldest that was bought.
    pub(crate) fn caller_number(&self, caller_id: Option<&str>) -> Option<PhoneNumber> {
        let inside = self.lock();
        let chosen = match caller_id {
            Some(id) => inside.purchased.iter().find(|number| number.id.to_string() == id),
            None => inside.purchased.first(),
        };
        chosen.map(|purchased| purchased.number.clone())
    }
}

impl Purchased {
    /// A number that is bought now.
    pub(crate) fn new(number: PhoneNumber, settled: bool) -> Self {
        Self { id: Uuid::new_v4(), number, bought_at: unix_now(), settled }
    }
}

impl DialInConfig {
    /// An entry; mints a secret if none is given, as Daily does.
    pub(crate) fn new(id: Uuid, kind: &str, mut config: Map<String, Value>) -> Result<Self, String> {
        config.retain(|name, value| !value.is_null() && name != "type" && name != "sip_uri");
        match config.get("room_creation_api").and_then(Value::as_str) {
            Some(url) if url.starts_with("http://") || url.starts_with("https://") => {}
            _ => return Err("room_creation_api must be a URL".to_owned()),
        }
        let minted =
            || json!(STANDARD.encode([Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()].concat()));
        let secret = config.entry("hmac").or_insert_with(minted);
        if secret.as_str().is_none_or(|secret| STANDARD.decode(secret).is_err()) {
            return Err("hmac must be base64".to_owned());
        }
        Ok(Self { id, kind: kind.to_owned(), config })
    }

    /// The text of one of its settings.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.config.get(name)?.as_str()
    }

    fn serves(&self, to: &Address) -> bool {
        let number = self.text("phone_number").and_then(|number| Address::parse(number).ok());
        number.as_ref() == Some(to)
    }

    /// Where it posts.
    pub(crate) fn webhook(&self) -> Option<Webhook> {
        Webhook::new(self.text("room_creation_api")?, self.text("hmac")).ok()
    }
}
