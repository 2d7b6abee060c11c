//! Rooms that earlier processes of this server left behind: which server this is, and when they are looked for.

use std::sync::Arc;
use std::time::Duration;

use crate::settings::Settings;
use crate::telephony::daily::{Daily, ServerMark};

/// How often rooms are looked for while the server runs: a room may also stay because it could not be deleted,
/// or because the bot left it to people who have gone since.
const EVERY: Duration = Duration::from_secs(30 * 60);

/// The mark in the names of this server's rooms: of `CALLFLOW_SERVER_NAME`, else of this machine's name and the
/// port, which are the same at the next start.
pub(super) fn mark(settings: &Settings) -> ServerMark {
    let name = settings.server_name.clone().or_else(|| {
        let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
        Some(format!("{}:{}", machine.trim(), settings.listen.port()))
    });
    name.map_or_else(ServerMark::unique, |name| ServerMark::of(&name))
}

/// Deletes rooms of this server that nobody is in any more, now and every half an hour, until it is dropped.
/// What fails is logged: each room has an expiry of its own.
pub(super) async fn sweep(daily: Arc<Daily>) {
    loop {
        match daily.sweep(super::calls::unix_now()).await {
            Ok(sweep) if sweep.found == 0 => tracing::debug!("no room of an earlier run is left"),
            Ok(sweep) => tracing::info!(
                found = sweep.found,
                deleted = sweep.deleted,
                occupied = sweep.occupied,
                "rooms of an earlier run were found"
            ),
            Err(error) => tracing::warn!(%error, "rooms of earlier runs could not be looked for"),
        }
        tokio::time::sleep(EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Overrides;

    fn settings(variables: &[(&str, &str)]) -> Settings {
        let get = |name: &str| {
            let found = variables.iter().find(|(n, _)| *n == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Settings::from_env(&get, &Overrides::default()).unwrap()
    }

    #[test]
    fn a_server_is_told_by_its_name_or_by_its_port() {
        let named = |name| mark(&settings(&[("CALLFLOW_SERVER_NAME", name)]));
        assert_eq!(named("east"), named("east"));
        assert_ne!(named("east"), named("west"));
        let at = |port| mark(&settings(&[("CALLFLOW_PORT", port)]));
        assert_ne!(at("7860"), at("7861"));
    }
}
