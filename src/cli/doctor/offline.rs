//! `--offline`: the sandbox with an account that is set up as it should be, and a server for its webhook.

use std::net::Ipv4Addr;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::DoctorError;
use super::probe::webhook::NoCalls;
use super::subject::GetEnv;
use crate::cli::phone::route::new_secret;
use crate::pii::{ApiKey, PhoneNumber};
use crate::sandbox::{Sandbox, SandboxOptions};
use crate::server::{Server, ServerOptions};
use crate::settings::{OFFLINE_OPERATOR, OPERATOR_NUMBER, WEBHOOK_SECRET};
use crate::telephony::daily::account::{Account, DialInSettings};

/// The number of the account, the one that offline calls are made to.
const NUMBER: &str = "+15550100002";

/// The sandbox, the server, and the variables that lead to them.
pub(super) struct Offline {
    sandbox: Sandbox,
    variables: Vec<(&'static str, String)>,
    _server: AbortOnDropHandle<()>,
}

impl Offline {
    pub(super) async fn start() -> Result<Self, DoctorError> {
        let number = PhoneNumber::parse(NUMBER).expect("the constant is a number");
        let options = SandboxOptions { numbers: vec![number.clone()], ..SandboxOptions::default() };
        let sandbox = Sandbox::start(options).await?;
        let secret = new_secret()?;
        let options = ServerOptions {
            webhook_secret: Some(secret.clone()),
            is_public: true,
            ..ServerOptions::new((Ipv4Addr::LOCALHOST, 0).into())
        };
        let server = Server::bind(options, Arc::new(NoCalls)).await?;
        let (url, port) = (server.url(), server.address().port());
        let server = AbortOnDropHandle::new(tokio::spawn(server.run(CancellationToken::new())));

        let urls = sandbox.urls();
        let account = Account::new(&urls.daily, ApiKey::new("sandbox"))?;
        let settings = DialInSettings {
            number: Some(number),
            webhook: Some(format!("{url}/start")),
            secret: Some(secret.clone()),
            ..DialInSettings::default()
        };
        account.create_dial_in(&settings).await?;
        let key = || "sandbox".to_owned();
        let variables = vec![
            ("DAILY_API_URL", urls.daily.clone()),
            ("DAILY_API_KEY", key()),
            ("DEEPGRAM_URL", urls.deepgram.clone()),
            ("DEEPGRAM_API_KEY", key()),
            ("OPENAI_BASE_URL", urls.openai.clone()),
            ("OPENAI_API_KEY", key()),
            ("CARTESIA_URL", urls.cartesia.clone()),
            ("CARTESIA_API_KEY", key()),
            ("LOCAL_SERVER_URL", url),
            ("CALLFLOW_PORT", port.to_string()),
            ("CALLFLOW_BIND", Ipv4Addr::LOCALHOST.to_string()),
            (WEBHOOK_SECRET, secret.reveal().to_owned()),
            ("ENV", "local".to_owned()),
        ];
        Ok(Self { sandbox, variables, _server: server })
    }

    /// The environment, with the vendors' variables leading to the sandbox.
    pub(super) fn env<'a>(&'a self, env: GetEnv<'a>) -> impl Fn(&str) -> Option<String> + 'a {
        move |name| {
            if let Some((_, value)) = self.variables.iter().find(|(known, _)| *known == name) {
                return Some(value.clone());
            }
            let set = env(name).filter(|value| !value.trim().is_empty());
            set.or_else(|| (name == OPERATOR_NUMBER).then(|| OFFLINE_OPERATOR.to_owned()))
        }
    }

    pub(super) async fn shutdown(self) {
        self.sandbox.shutdown().await;
    }
}
