//! How calls reach this server: its own address, a public URL, perhaps a tunnel, and whether a number leads here.

use std::time::Duration;

use tokio::time::timeout;

use super::RunArgs;
use super::tunnel::{Tunnel, TunnelError};
use crate::cli::phone::leads_to;
use crate::settings::{Settings, Vendor};
use crate::telephony::TelephonyError;
use crate::telephony::daily::account::{Account, DialInConfig};

/// How long the start may wait for it.
const WITHIN: Duration = Duration::from_secs(4);

/// How calls reach this server.
pub(super) struct Reach {
    /// Its URL as seen from this machine.
    pub(super) webhook: String,
    /// Whether a number leads here, if that could matter.
    pub(super) note: Option<String>,
    tunnel: Option<Tunnel>,
}

impl Reach {
    /// Opens the tunnel, if one is wanted, whose URL then is the public one; and looks whether a number leads
    /// here. `env` looks variables up.
    pub(super) async fn open(
        args: &RunArgs,
        settings: &mut Settings,
        webhook: String,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, TunnelError> {
        let tunnel = match args.tunnel {
            true => Some(Tunnel::open(&webhook, args.tunnel_domain.as_deref(), env).await?),
            false => None,
        };
        if let Some(tunnel) = &tunnel {
            settings.public_url = Some(tunnel.url().to_owned());
        }
        let note = note(settings).await;
        Ok(Self { webhook, note, tunnel })
    }

    /// Ends the tunnel.
    pub(super) async fn close(self) {
        if let Some(tunnel) = self.tunnel {
            tunnel.close().await;
        }
    }
}

/// What to say below the public URL; nothing without one, or if the phones are the sandbox's.
async fn note(settings: &Settings) -> Option<String> {
    let public_url = settings.public_url.as_deref()?;
    let Vendor::Real { base_url, key } = &settings.vendors.telephony else { return None };
    let asked = async {
        let account = Account::new(base_url, key.clone())?;
        account.dial_ins().await
    };
    let late = Err(TelephonyError::Unreachable(format!("no answer within {} seconds", WITHIN.as_secs())));
    Some(match timeout(WITHIN, asked).await.unwrap_or(late) {
        Ok(configs) => words(&configs, public_url),
        Err(error) => format!("whether a number calls it is not known: {error}"),
    })
}

/// Numbers are masked: with real phones the screen may be a log.
fn words(configs: &[DialInConfig], public_url: &str) -> String {
    let here = configs.iter().filter(|config| leads_to(config, public_url));
    let numbers: Vec<String> =
        here.filter_map(|config| config.settings.number.as_ref()).map(ToString::to_string).collect();
    if numbers.is_empty() {
        format!("no number calls it yet: callflow phone route NUMBER --url {public_url}/start")
    } else {
        format!("called by {}", numbers.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pii::{ApiKey, PhoneNumber};
    use crate::sandbox::{Sandbox, SandboxOptions};
    use crate::settings::Overrides;
    use crate::telephony::daily::account::DialInSettings;

    fn settings(daily: &str, public_url: Option<&str>) -> Settings {
        let get = |name: &str| match name {
            "DAILY_API_URL" => Some(daily.to_owned()),
            "DAILY_API_KEY" => Some("key".to_owned()),
            "LOCAL_SERVER_URL" => public_url.map(str::to_owned),
            _ => None,
        };
        Settings::from_env(&get, &Overrides { mix: true, ..Overrides::default() }).unwrap()
    }

    #[tokio::test]
    async fn the_start_says_whether_a_number_leads_here() {
        let number = PhoneNumber::parse("+15550100777").unwrap();
        let options = SandboxOptions { numbers: vec![number.clone()], ..SandboxOptions::default() };
        let sandbox = Sandbox::start(options).await.unwrap();
        let daily = sandbox.urls().daily.clone();
        let url = Some("https://bot.example.com");
        let settings = settings(&daily, url);
        let before = note(&settings).await.unwrap();
        assert!(before.contains("phone route NUMBER --url https://bot.example.com/start"), "{before}");

        let account = Account::new(&daily, ApiKey::new("key")).unwrap();
        let route = DialInSettings {
            number: Some(number),
            webhook: Some("https://bot.example.com/start".to_owned()),
            ..DialInSettings::default()
        };
        account.create_dial_in(&route).await.unwrap();
        assert_eq!(note(&settings).await.as_deref(), Some("called by +1••••••0777"));
        sandbox.shutdown().await;
        assert!(note(&settings).await.unwrap().contains("not known"));
    }

    #[tokio::test]
    async fn nothing_is_asked_without_a_public_url_or_with_emulated_phones() {
        assert_eq!(note(&settings("http://127.0.0.1:9/v1", None)).await, None);
        let get = |name: &str| (name == "LOCAL_SERVER_URL").then(|| "https://bot.example.com".to_owned());
        let offline = Settings::from_env(&get, &Overrides::default()).unwrap();
        assert_eq!(note(&offline).await, None);
    }
}
