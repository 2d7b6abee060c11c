//! Settings: the environment read once, into types.
//!
//! Everything that a variable or an option decides is decided here, before any call is taken, and all
//! problems are reported together. Nothing here opens a connection, and nothing else reads the environment.

mod env;
mod error;
mod limits;
mod production;
mod store;
mod survey;
mod vendors;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use base64::Engine as _;

pub use env::{Dotenv, DotenvError, Env, load_dotenv};
pub use error::{SettingsError, SettingsErrors, SettingsWarning};
pub use limits::{
    DEFAULT_MAX_CALLS, DEFAULT_REQUESTS_PER_SECOND, Destination, Destinations, DialRules, Limits,
    NotADestination, Prefix,
};
pub use production::Production;
pub use store::{StoreError, Stored, close_to_others, is_open_to_others, store};
pub use survey::{Access, Survey};
pub use vendors::{
    DAILY_API_URL, DialOutPath, LIBRARY, Media, NO_KEY, OWN_SERVER, Service, ServiceNote, Uses, Vendor,
    Vendors, base_url,
};

use crate::pii::{Address, ApiKey};

/// The port of the webhook server, the original's.
pub const DEFAULT_PORT: u16 = 7860;
/// The port of a bot's container, Pipecat Cloud's.
pub const DEFAULT_BOT_PORT: u16 = 8080;
/// How long calls may go on after SIGTERM, in seconds: what Pipecat Cloud's own image waits.
const DEFAULT_DRAIN: u64 = 7200;
/// Where the operator's phone waits in an offline call, when `OPERATOR_NUMBER` is not set.
pub const OFFLINE_OPERATOR: &str = "+15550100100";
/// Shorter tokens can be guessed.
const SHORTEST_TOKEN: usize = 16;
/// The variable that holds the secret of webhooks.
pub const WEBHOOK_SECRET: &str = "CALLFLOW_WEBHOOK_SECRET";
/// The variable that holds the operator's number.
pub const OPERATOR_NUMBER: &str = "OPERATOR_NUMBER";

/// What the command line says about settings; it wins over the environment.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--offline`: ignore all keys, emulate everything.
    pub offline: bool,
    /// `--mix`: the author knows which mix of real and emulated vendors makes sense.
    pub mix: bool,
    /// `--port`; 0 takes a free one.
    pub port: Option<u16>,
    /// `--bind`.
    pub bind: Option<IpAddr>,
    /// `--public-url`: how the webhook server is reached from outside, as [`public_url`] gives it.
    pub public_url: Option<String>,
    /// `--max-calls`.
    pub max_calls: Option<usize>,
    /// `--log`: a filter as in `RUST_LOG`.
    pub log: Option<String>,
    /// `--log-format json`.
    pub log_json: bool,
    /// Which vendors the flows use.
    pub uses: Uses,
}

/// All settings of a run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Who plays which part.
    pub vendors: Vendors,
    /// `ENV=production`: calls run on Pipecat Cloud, and this process only starts them.
    pub production: Option<Production>,
    /// `OPERATOR_NUMBER`, or the offline default.
    pub operator: Option<Operator>,
    /// Where the webhook server listens. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// How the webhook server is reached from outside (a tunnel): `--public-url`, else `LOCAL_SERVER_URL`; for
    /// the start screen.
    pub public_url: Option<String>,
    /// `CALLFLOW_WEBHOOK_SECRET`: the dial-in configuration's `hmac`, base64. Webhooks are verified with it.
    pub webhook_secret: Option<ApiKey>,
    /// `CALLFLOW_API_TOKEN`: whoever presents it may use the control routes.
    pub api_token: Option<ApiKey>,
    /// How much is taken on at most.
    pub limits: Limits,
    /// `CALLFLOW_SERVER_NAME`: which of several servers with one Daily account this is.
    pub server_name: Option<String>,
    /// `SHUTDOWN_TIMEOUT`: how long calls may go on after SIGTERM.
    pub drain: Duration,
    /// How to log.
    pub log: LogSettings,
}

/// Whom `OPERATOR_NUMBER` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// Where they can be dialled.
    pub address: Address,
    /// Whether nobody set the variable and [`OFFLINE_OPERATOR`] is used.
    pub is_default: bool,
}

/// How to log. Read apart from the rest, so that a command without vendors can log too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogSettings {
    /// A filter as in `RUST_LOG`; the default of [`crate::telemetry`] if absent.
    pub filter: Option<String>,
    /// One JSON object a line instead of readable text.
    pub json: bool,
    /// Colours are wanted, if the terminal has them (`NO_COLOR` is not set).
    pub color: bool,
}

impl Settings {
    /// Reads all settings. `get` looks a variable up ([`Env::get`], or a map in tests).
    ///
    /// # Errors
    /// Every problem there is, each with its fix.
    pub fn from_env(
        get: &dyn Fn(&str) -> Option<String>,
        overrides: &Overrides,
    ) -> Result<Self, SettingsErrors> {
        let mut reader = Reader { get, problems: Vec::new() };
        let listen = reader.listen(overrides);
        let environment = reader.environment();
        let production = match environment {
            Environment::Production => production::read(&mut reader, overrides),
            Environment::Local => None,
        };
        let vendors = match environment {
            Environment::Production => Some(vendors::in_production(&mut reader)),
            Environment::Local => vendors::decide(&mut reader, overrides),
        };
        reader.settings(overrides, listen, vendors, production)
    }

    /// Reads the settings of a bot's container. What runs is decided by whoever starts the bot: `ENV` means
    /// nothing here, and no vendor is emulated unless `--offline` asks for it.
    ///
    /// # Errors
    /// Every problem there is, each with its fix.
    pub fn for_bot(
        get: &dyn Fn(&str) -> Option<String>,
        overrides: &Overrides,
    ) -> Result<Self, SettingsErrors> {
        let mut reader = Reader { get, problems: Vec::new() };
        let listen = reader.listen_as_bot(overrides);
        let vendors = vendors::decide_for_bot(&mut reader, overrides);
        reader.settings(overrides, listen, vendors, None)
    }

    /// What works, but should not stay as it is.
    #[must_use]
    pub fn warnings(&self) -> Vec<SettingsWarning> {
        let exposed = self.public_url.is_some() || !self.listen.ip().is_loopback();
        let unsigned = exposed && self.webhook_secret.is_none();
        unsigned.then_some(SettingsWarning::UnsignedWebhooks).into_iter().collect()
    }

    /// What a flow's `env:` may read: the environment, and the offline default of `OPERATOR_NUMBER`.
    pub fn flow_env<'a>(
        &'a self,
        get: &'a dyn Fn(&str) -> Option<String>,
    ) -> impl Fn(&str) -> Option<String> + 'a {
        move |name| match &self.operator {
            Some(operator) if name == OPERATOR_NUMBER => Some(operator.address.reveal().to_owned()),
            _ => get(name),
        }
    }
}

impl LogSettings {
    /// Reads only what concerns logs.
    ///
    /// # Errors
    /// An unknown `CALLFLOW_LOG_FORMAT`.
    pub fn from_env(
        get: &dyn Fn(&str) -> Option<String>,
        overrides: &Overrides,
    ) -> Result<Self, SettingsErrors> {
        let mut reader = Reader { get, problems: Vec::new() };
        let log = reader.log(overrides);
        if reader.problems.is_empty() { Ok(log) } else { Err(SettingsErrors(reader.problems)) }
    }
}

/// A base URL under which the webhook server is reached, without a slash or its route `/start` at the end.
/// None if it is not one.
#[must_use]
pub fn public_url(text: &str) -> Option<String> {
    vendors::base_url(text.trim()).map(|url| without_route(&url))
}

/// People copy the webhook's whole address as well as the server's.
fn without_route(url: &str) -> String {
    url.strip_suffix("/start").unwrap_or(url).to_owned()
}

/// `CALLFLOW_API_TOKEN` alone, for a command that needs no other setting.
///
/// # Errors
/// A token that cannot be one.
pub fn api_token(get: &dyn Fn(&str) -> Option<String>) -> Result<Option<ApiKey>, SettingsErrors> {
    let mut reader = Reader { get, problems: Vec::new() };
    let token = reader.api_token();
    if reader.problems.is_empty() { Ok(token) } else { Err(SettingsErrors(reader.problems)) }
}

/// Looks variables up and gathers what is wrong with them.
struct Reader<'a> {
    get: &'a dyn Fn(&str) -> Option<String>,
    problems: Vec<SettingsError>,
}

impl Reader<'_> {
    /// A variable's text. One that is set to nothing is not set: `.env.example` is full of them.
    fn text(&self, name: &str) -> Option<String> {
        (self.get)(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    fn parsed<T: FromStr>(&mut self, name: &'static str, expected: &'static str) -> Option<T> {
        let text = self.text(name)?;
        let value = text.parse().ok();
        if value.is_none() {
            self.problems.push(SettingsError::Unreadable { name, expected });
        }
        value
    }

    /// A key that can stand in an HTTP header.
    fn key(&mut self, name: &'static str) -> Option<ApiKey> {
        let text = self.text(name)?;
        if text.chars().all(|c| c.is_ascii_graphic()) {
            return Some(ApiKey::new(text));
        }
        self.problems.push(SettingsError::BadKey { name });
        None
    }

    /// A base URL as `http` or `https` without a slash at the end; `ws` and `wss` mean the same.
    fn url(&mut self, name: &'static str) -> Option<String> {
        let text = self.text(name)?;
        let url = vendors::base_url(&text);
        if url.is_none() {
            self.problems.push(SettingsError::BadUrl { name });
        }
        url
    }

    fn public_url(&mut self, overrides: &Overrides) -> Option<String> {
        let given = overrides.public_url.clone();
        given.or_else(|| self.url("LOCAL_SERVER_URL").map(|url| without_route(&url)))
    }

    fn log(&mut self, overrides: &Overrides) -> LogSettings {
        let filter = overrides.log.clone().or_else(|| self.text("RUST_LOG"));
        let format = self.text("CALLFLOW_LOG_FORMAT").map(|format| format.to_ascii_lowercase());
        let json = match format.as_deref() {
            Some("json") => true,
            None | Some("text") => overrides.log_json,
            Some(_) => {
                let (name, expected) = ("CALLFLOW_LOG_FORMAT", "`text` or `json`");
                self.problems.push(SettingsError::Unreadable { name, expected });
                false
            }
        };
        LogSettings {
            filter: filter.or_else(|| self.text("CALLFLOW_LOG")),
            json: json || overrides.log_json,
            color: self.text("NO_COLOR").is_none(),
        }
    }

    fn listen(&mut self, overrides: &Overrides) -> SocketAddr {
        let port = self.parsed("CALLFLOW_PORT", "a port number from 0 to 65535 (0 takes a free one)");
        let bind = self.parsed("CALLFLOW_BIND", "an IP address, for example 127.0.0.1 or 0.0.0.0");
        let ip = overrides.bind.or(bind).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        SocketAddr::new(ip, overrides.port.or(port).unwrap_or(DEFAULT_PORT))
    }

    /// The platform gives the port as `PORT` and reaches the container from outside.
    fn listen_as_bot(&mut self, overrides: &Overrides) -> SocketAddr {
        let port = self.parsed("PORT", "a port number from 0 to 65535 (0 takes a free one)");
        let bind = self.parsed("CALLFLOW_BIND", "an IP address, for example 127.0.0.1 or 0.0.0.0");
        let ip = overrides.bind.or(bind).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        SocketAddr::new(ip, overrides.port.or(port).unwrap_or(DEFAULT_BOT_PORT))
    }

    fn drain(&mut self) -> Duration {
        let seconds: Option<u64> = self.parsed("SHUTDOWN_TIMEOUT", "a number of seconds");
        Duration::from_secs(seconds.unwrap_or(DEFAULT_DRAIN))
    }

    /// The settings, if nothing is wrong with them.
    fn settings(
        mut self,
        overrides: &Overrides,
        listen: SocketAddr,
        vendors: Option<Vendors>,
        production: Option<Production>,
    ) -> Result<Settings, SettingsErrors> {
        let log = self.log(overrides);
        let public_url = self.public_url(overrides);
        let webhook_secret = self.webhook_secret();
        let api_token = self.api_token();
        let server_name = self.text("CALLFLOW_SERVER_NAME");
        let drain = self.drain();
        let operator = self.operator(vendors.as_ref().is_some_and(Vendors::is_phone_emulated));
        let limits = self.limits(overrides, vendors.as_ref());
        match vendors {
            Some(vendors) if self.problems.is_empty() => Ok(Settings {
                vendors,
                production,
                operator,
                listen,
                public_url,
                webhook_secret,
                api_token,
                limits,
                server_name,
                drain,
                log,
            }),
            _ => Err(SettingsErrors(self.problems)),
        }
    }

    fn webhook_secret(&mut self) -> Option<ApiKey> {
        let secret = self.text(WEBHOOK_SECRET)?;
        let decoded = base64::engine::general_purpose::STANDARD.decode(&secret);
        if decoded.is_ok_and(|key| !key.is_empty()) {
            return Some(ApiKey::new(secret));
        }
        self.problems.push(SettingsError::SecretNotBase64 { name: WEBHOOK_SECRET });
        None
    }

    fn api_token(&mut self) -> Option<ApiKey> {
        let name = "CALLFLOW_API_TOKEN";
        let token = self.text(name)?;
        if token.len() >= SHORTEST_TOKEN && token.chars().all(|c| c.is_ascii_graphic()) {
            return Some(ApiKey::new(token));
        }
        self.problems.push(SettingsError::BadToken { name, shortest: SHORTEST_TOKEN });
        None
    }

    fn operator(&mut self, phone_emulated: bool) -> Option<Operator> {
        let text = self.text(OPERATOR_NUMBER);
        let is_default = text.is_none();
        let text = text.or_else(|| phone_emulated.then(|| OFFLINE_OPERATOR.to_owned()))?;
        match Address::parse(&text) {
            Ok(address) => Some(Operator { address, is_default }),
            Err(cause) => {
                self.problems.push(SettingsError::BadAddress { name: OPERATOR_NUMBER, cause });
                None
            }
        }
    }

    fn environment(&mut self) -> Environment {
        match self.text("ENV").map(|text| text.to_ascii_lowercase()).as_deref() {
            None | Some("local") => Environment::Local,
            Some("production") => Environment::Production,
            Some(_) => {
                let (name, expected) = ("ENV", "`local` or `production`");
                self.problems.push(SettingsError::Unreadable { name, expected });
                Environment::Local
            }
        }
    }
}

/// What `ENV` names.
#[derive(Clone, Copy)]
enum Environment {
    Local,
    Production,
}
