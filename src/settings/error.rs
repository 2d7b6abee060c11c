//! What can be wrong with the settings, and what to do about each.
//!
//! Messages name variables, never their values: a value may be a key or somebody's number.

use std::fmt;

use crate::pii::AddressError;

/// One problem with the settings. [`SettingsError::fix`] says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A variable is not of its type.
    #[error("{name} has a value that cannot be used")]
    Unreadable {
        /// The variable.
        name: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// A key that cannot be sent.
    #[error("{name} cannot be a key: it holds white space or characters outside of ASCII")]
    BadKey {
        /// The variable.
        name: &'static str,
    },
    /// A token that can be guessed.
    #[error(
        "{name} cannot be a token: it has fewer than {shortest} characters, or some that no header can carry"
    )]
    BadToken {
        /// The variable.
        name: &'static str,
        /// The fewest characters.
        shortest: usize,
    },
    /// A base URL that is none.
    #[error("{name} is not a URL with scheme http, https, ws or wss")]
    BadUrl {
        /// The variable.
        name: &'static str,
    },
    /// A number that is none.
    #[error("{name} is neither a phone number (E.164) nor a `sip:` address")]
    BadAddress {
        /// The variable.
        name: &'static str,
        /// What is wrong with it.
        #[source]
        cause: AddressError,
    },
    /// The webhook secret is not base64.
    #[error("{name} is not base64, which Daily's `hmac` secrets are")]
    SecretNotBase64 {
        /// The variable.
        name: &'static str,
    },
    /// `ENV=production` without a variable that it needs.
    #[error("ENV=production needs {name}")]
    ProductionNeeds {
        /// The missing variable.
        name: &'static str,
    },
    /// `ENV=production` and `--offline` together.
    #[error("ENV=production runs calls on Pipecat Cloud, where --offline cannot reach")]
    ProductionOffline,
    /// A bot's container lacks a key.
    #[error("a bot needs {name}")]
    BotNeeds {
        /// The missing variable.
        name: &'static str,
    },
    /// A base URL was given for a vendor without a key.
    #[error("{url} is set but {key} is not")]
    UrlWithoutKey {
        /// The variable of the base URL.
        url: &'static str,
        /// The variable of the key.
        key: &'static str,
    },
    /// Some of phones, speech recognition and voice would be real and some emulated.
    #[error(
        "real and emulated vendors would be mixed ({set} set, {missing} not): emulated speech means nothing \
         to a real recogniser, a real voice nothing to an emulated one, and real phones need both real",
        set = list(set), missing = list(missing)
    )]
    Mixed {
        /// The keys that are set.
        set: Vec<&'static str>,
        /// The keys that are not.
        missing: Vec<&'static str>,
    },
    /// Phones, hearing and voice are real, and the model is not.
    #[error("real callers would be answered by the stand-in model, which only matches keywords")]
    LiveWithoutModel,
}

impl SettingsError {
    /// The variable that is wrong, if it is one.
    #[must_use]
    pub fn variable(&self) -> Option<&'static str> {
        match self {
            Self::Unreadable { name, .. }
            | Self::BadKey { name }
            | Self::BadUrl { name }
            | Self::BadAddress { name, .. }
            | Self::SecretNotBase64 { name }
            | Self::ProductionNeeds { name }
            | Self::UrlWithoutKey { url: name, .. } => Some(name),
            _ => None,
        }
    }

    /// What to do about it: one sentence.
    #[must_use]
    pub fn fix(&self) -> String {
        match self {
            Self::Unreadable { name, expected } => format!("set {name} to {expected}, or remove it"),
            Self::BadKey { name } => format!("copy {name} again from the vendor's dashboard"),
            Self::BadToken { name, .. } => {
                format!("set {name} to a long random text, for example that of `openssl rand -hex 32`")
            }
            Self::BadUrl { name } => {
                format!("write {name} as https://host or http://host:port, or remove it")
            }
            Self::BadAddress { name, .. } => {
                format!("set {name} to a number like +15550100123 or to an address like sip:desk@example.com")
            }
            Self::SecretNotBase64 { name } => {
                format!(
                    "copy `hmac` of the number's dial-in configuration into {name} as it is, or remove it"
                )
            }
            Self::ProductionNeeds { name } => format!("set {name}, or set ENV=local to run the bot here"),
            Self::ProductionOffline => "set ENV=local for an offline call, or leave out --offline".to_owned(),
            Self::BotNeeds { name } => {
                format!(
                    "add {name} to the secret set, or pass --offline to try the bot with emulated vendors"
                )
            }
            Self::UrlWithoutKey { url, key } => format!(
                "set {key}, or remove {url}, or pass --mix if {url} is an emulator of your own that needs no key"
            ),
            Self::Mixed { set, missing } => format!(
                "pass --offline to ignore all keys, or remove {}, or set {} as well, or pass --mix if you know better",
                list(set),
                list(missing)
            ),
            Self::LiveWithoutModel => {
                "set OPENAI_API_KEY, or OPENAI_BASE_URL for a model of your own, or pass \
                --offline to ignore all keys"
                    .to_owned()
            }
        }
    }
}

/// Something that works, but should not stay as it is. [`SettingsWarning::fix`] says what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SettingsWarning {
    /// The server can be reached from outside, and nobody can tell Daily's webhooks from others.
    #[error(
        "whoever finds this server can have it take calls, which Daily bills: it can be reached from outside, \
         and webhooks are not verified"
    )]
    UnsignedWebhooks,
}

impl SettingsWarning {
    /// What to do about it: one sentence.
    #[must_use]
    pub fn fix(&self) -> &'static str {
        match self {
            Self::UnsignedWebhooks => {
                "set CALLFLOW_WEBHOOK_SECRET to `hmac` of the number's dial-in configuration"
            }
        }
    }
}

/// All problems with the settings; never empty. Prints one line and its fix for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsErrors(pub Vec<SettingsError>);

impl fmt::Display for SettingsErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, problem) in self.0.iter().enumerate() {
            let line_break = if n == 0 { "" } else { "\nerror: " };
            write!(f, "{line_break}{problem}\n  fix: {}", problem.fix())?;
        }
        Ok(())
    }
}

impl std::error::Error for SettingsErrors {}

fn list(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}
