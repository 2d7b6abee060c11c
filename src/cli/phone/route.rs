//! Points a number at a webhook: makes or changes its dial-in configuration, and keeps the secret that signs it.
//!
//! The secret is the one in `CALLFLOW_WEBHOOK_SECRET`, else the one the configuration has, else a new one; it
//! ends up in the `.env` file, and on the screen only if that is asked for.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use reqwest::Url;
use serde_json::json;

use super::{Context, PhoneError, Report, number};
use crate::pii::{ApiKey, PhoneNumber};
use crate::settings::{self, Stored, WEBHOOK_SECRET as SECRET};
use crate::telephony::daily::account::{DialInConfig, DialInKind, DialInSettings};

/// Bytes of a new secret, as many as those that Daily makes.
const SECRET_BYTES: usize = 32;

/// Where calls of a number go.
#[derive(Args, Debug)]
pub struct RouteArgs {
    /// The number.
    #[arg(value_parser = number)]
    pub number: PhoneNumber,
    /// The webhook, as Daily reaches it [default: LOCAL_SERVER_URL and /start].
    #[arg(long, conflicts_with = "remove")]
    pub url: Option<String>,
    /// Music for callers who wait: a public MP3 of less than a minute and 10 MB. Daily plays it twice.
    #[arg(long, value_name = "URL", value_parser = music, conflicts_with = "remove")]
    pub hold_music: Option<String>,
    /// What callers hear when the webhook does not answer.
    #[arg(long, value_name = "TEXT", conflicts_with = "remove")]
    pub timeout_message: Option<String>,
    /// A name for the configuration.
    #[arg(long, value_name = "TEXT", conflicts_with = "remove")]
    pub name: Option<String>,
    /// Do not write the secret into the file of settings.
    #[arg(long, conflicts_with = "remove")]
    pub no_store: bool,
    /// Show the secret.
    #[arg(long, conflicts_with = "remove")]
    pub print_secret: bool,
    /// Delete the number's dial-in configuration: its calls then go nowhere.
    #[arg(long)]
    pub remove: bool,
    /// Remove without asking.
    #[arg(long, requires = "remove")]
    pub yes: bool,
}

impl RouteArgs {
    /// A number, and nothing else said about it.
    #[must_use]
    pub fn of(number: PhoneNumber) -> Self {
        Self {
            number,
            url: None,
            hold_music: None,
            timeout_message: None,
            name: None,
            no_store: false,
            print_secret: false,
            remove: false,
            yes: false,
        }
    }
}

/// Why a URL cannot be a webhook. Each has its fix in the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// There is none.
    #[error("which webhook? Give --url https://YOUR-HOST/start, or set LOCAL_SERVER_URL")]
    Missing,
    /// It is not a URL of the web.
    #[error("{0} is not a URL; write it as https://YOUR-HOST/start")]
    NotOne(String),
    /// It is not encrypted.
    #[error("{0} is not encrypted, and callers' numbers would be; Daily needs an https:// URL")]
    Plain(String),
    /// It has no route.
    #[error("{0} has no path; callflow takes calls at {0}/start")]
    NoRoute(String),
}

pub(super) async fn run(args: &RouteArgs, context: &Context<'_>) -> Result<Report, PhoneError> {
    if args.remove {
        return remove(args, context).await;
    }
    let url = webhook(args.url.as_deref(), context.survey.public_url.as_deref()).map_err(PhoneError::Url)?;
    let owned = context.owned(&args.number).await?;
    let before = existing(context, &owned.number).await?;
    if before.as_ref().is_some_and(|config| config.kind == DialInKind::Pin) {
        return Err(PhoneError::UsesPin { number: owned.number.reveal().to_owned() });
    }
    let secret = secret(context, before.as_ref())?;
    let wanted = wanted(args, &owned.number, &url, &secret, before.as_ref());
    let after = match &before {
        Some(config) => context.account.change_dial_in(&config.id, &wanted).await?,
        None => context.account.create_dial_in(&wanted).await?,
    };
    let kept = keep(args, context, &secret, after.settings.secret.as_ref())?;
    Ok(report(args, before.as_ref(), &after, &url, &kept))
}

/// The webhook's URL, checked.
fn webhook(given: Option<&str>, public: Option<&str>) -> Result<String, UrlError> {
    let text = match (given, public) {
        (Some(url), _) => url.trim().to_owned(),
        (None, Some(public)) => format!("{public}/start"),
        (None, None) => return Err(UrlError::Missing),
    };
    let Ok(url) = Url::parse(&text) else { return Err(UrlError::NotOne(text)) };
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => return Err(UrlError::Plain(text)),
        _ => return Err(UrlError::NotOne(text)),
    }
    if url.path() == "/" {
        return Err(UrlError::NoRoute(text.trim_end_matches('/').to_owned()));
    }
    Ok(url.into())
}

/// Whether a URL names this machine, as those of a sandbox do.
pub(in crate::cli) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn music(text: &str) -> Result<String, String> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.map(String::from).ok_or_else(|| "write it as https://HOST/MUSIC.mp3".to_owned())
}

/// The number's configuration, whole: the list may leave the secret out.
async fn existing(context: &Context<'_>, number: &PhoneNumber) -> Result<Option<DialInConfig>, PhoneError> {
    let all = context.account.dial_ins().await?;
    match all.into_iter().find(|config| config.settings.number.as_ref() == Some(number)) {
        Some(config) => Ok(Some(context.account.dial_in(&config.id).await?)),
        None => Ok(None),
    }
}

fn secret(context: &Context<'_>, before: Option<&DialInConfig>) -> Result<ApiKey, PhoneError> {
    let ours = context.survey.webhook_secret.clone();
    match ours.or_else(|| before.and_then(|config| config.settings.secret.clone())) {
        Some(secret) => Ok(secret),
        None => new_secret(),
    }
}

/// A secret that nobody knows yet, as Daily writes them.
pub(in crate::cli) fn new_secret() -> Result<ApiKey, PhoneError> {
    let mut bytes = [0; SECRET_BYTES];
    let random = rustls::crypto::ring::default_provider().secure_random;
    random.fill(&mut bytes).map_err(|_| PhoneError::NoRandomness)?;
    Ok(ApiKey::new(STANDARD.encode(bytes)))
}

/// The whole configuration: what is asked for over what was there.
fn wanted(
    args: &RouteArgs,
    number: &PhoneNumber,
    url: &str,
    secret: &ApiKey,
    before: Option<&DialInConfig>,
) -> DialInSettings {
    let before = before.map(|config| config.settings.clone()).unwrap_or_default();
    DialInSettings {
        number: Some(number.clone()),
        webhook: Some(url.to_owned()),
        secret: Some(secret.clone()),
        name: args.name.clone().or(before.name),
        hold_music: args.hold_music.clone().or(before.hold_music),
        timeout_message: args.timeout_message.clone().or(before.timeout_message),
    }
}

/// What became of the secret.
struct Kept {
    secret: ApiKey,
    /// None if it was not written because it is in use already, or because it should not be.
    stored: Option<Stored>,
    was_set: bool,
    file: String,
}

fn keep(
    args: &RouteArgs,
    context: &Context<'_>,
    sent: &ApiKey,
    answered: Option<&ApiKey>,
) -> Result<Kept, PhoneError> {
    let secret = answered.unwrap_or(sent).clone();
    let was_set = context.survey.webhook_secret.is_some();
    if was_set && secret.reveal() != sent.reveal() {
        return Err(PhoneError::OtherSecret);
    }
    let file = context.env_file.display().to_string();
    let stored = if was_set || args.no_store {
        None
    } else {
        let stored = settings::store(context.env_file, SECRET, secret.reveal());
        Some(stored.map_err(PhoneError::NotStored)?)
    };
    Ok(Kept { secret, stored, was_set, file })
}

fn report(
    args: &RouteArgs,
    before: Option<&DialInConfig>,
    after: &DialInConfig,
    url: &str,
    kept: &Kept,
) -> Report {
    let number = args.number.reveal();
    let was = before.and_then(|config| config.settings.webhook.as_deref());
    let mut text = format!("{number} now calls {url}");
    match was {
        Some(was) if was == url => text.push_str(", as before"),
        Some(was) => text.push_str(&format!("\n  was         {was}")),
        None => {}
    }
    let signature = match (kept.was_set, kept.stored) {
        (true, _) => format!("by {SECRET}, which is set already"),
        (false, Some(_)) => format!(
            "the secret is in {} as {SECRET}; only you can read the file. A running server needs a restart",
            kept.file
        ),
        (false, None) => format!("the secret is not stored; the server needs it as {SECRET}"),
    };
    text.push_str(&format!("\n  signed      {signature}"));
    let settings = &after.settings;
    for (what, value) in [("hold music", &settings.hold_music), ("timeout", &settings.timeout_message)] {
        if let Some(value) = value {
            text.push_str(&format!("\n  {what:<11} {value}"));
        }
    }
    let mut json = json!({
        "number": number,
        "id": after.id,
        "webhook": url,
        "was": was,
        "secret_stored_in": kept.stored.map(|_| kept.file.as_str()),
        "hold_music": settings.hold_music,
        "timeout_message": settings.timeout_message,
    });
    if args.print_secret {
        text.push_str(&format!("\n  secret      {}", kept.secret.reveal()));
        json["secret"] = json!(kept.secret.reveal());
    }
    Report { text, json }
}

async fn remove(args: &RouteArgs, context: &Context<'_>) -> Result<Report, PhoneError> {
    let number = args.number.reveal();
    let config = existing(context, &args.number).await?;
    let config = config.ok_or_else(|| PhoneError::NotRouted { number: number.to_owned() })?;
    let to = config.settings.webhook.as_deref().unwrap_or("rooms, with a PIN");
    context.ask(args.yes, &format!("Calls to {number} go to {to}. Let them go nowhere?"))?;
    context.account.delete_dial_in(&config.id).await?;
    Ok(Report {
        text: format!("Calls to {number} go nowhere now. {SECRET} is left as it is."),
        json: json!({"number": number, "id": config.id, "removed": true}),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_is_encrypted_and_has_a_route() {
        let ok = |given, public| webhook(given, public).unwrap();
        assert_eq!(ok(Some(" https://bot.example.com/start "), None), "https://bot.example.com/start");
        assert_eq!(ok(None, Some("https://bot.example.com")), "https://bot.example.com/start");
        assert_eq!(ok(Some("http://127.0.0.1:7860/start"), None), "http://127.0.0.1:7860/start");
        assert_eq!(ok(Some("http://[::1]:1/start"), None), "http://[::1]:1/start");
        let cloud = "https://api.pipecat.daily.co/v1/public/webhooks/org/agent/dialin";
        assert_eq!(ok(Some(cloud), Some("https://bot.example.com")), cloud);
        assert_eq!(webhook(None, None), Err(UrlError::Missing));
        assert!(matches!(webhook(Some("bot.example.com/start"), None), Err(UrlError::NotOne(_))));
        assert!(matches!(webhook(Some("ftp://bot.example.com/start"), None), Err(UrlError::NotOne(_))));
        assert!(matches!(webhook(Some("http://bot.example.com/start"), None), Err(UrlError::Plain(_))));
        let no_route = webhook(Some("https://bot.example.com/"), None).unwrap_err();
        assert!(no_route.to_string().contains("https://bot.example.com/start"), "{no_route}");
    }

    #[test]
    fn new_secrets_are_base64_and_differ() {
        let [one, other] = [new_secret().unwrap(), new_secret().unwrap()];
        assert_eq!(STANDARD.decode(one.reveal()).unwrap().len(), SECRET_BYTES);
        assert_ne!(one.reveal(), other.reveal());
    }
}
