//! Whether a dial-in configuration leads to a server.

use reqwest::Url;

use crate::telephony::daily::account::{DialInConfig, DialInKind};

/// Whether calls go to the webhook of the server with this public URL.
pub(in crate::cli) fn leads_to(config: &DialInConfig, public_url: &str) -> bool {
    let ours = format!("{public_url}/start");
    let webhook = config.settings.webhook.as_deref();
    config.kind == DialInKind::Pinless && webhook.is_some_and(|url| same(url, &ours))
}

/// Hosts have no case, and a slash at the end is not another route.
fn same(one: &str, other: &str) -> bool {
    let normal = |url: &str| Url::parse(url.trim_end_matches('/')).map(String::from);
    matches!((normal(one), normal(other)), (Ok(one), Ok(other)) if one == other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_compared_as_the_web_does() {
        let ours = "https://bot.example.com/start";
        assert!(same("https://BOT.example.com:443/start/", ours) && same(ours, ours));
        for other in [
            "http://bot.example.com/start",
            "https://bot.example.com/",
            "https://bot.example.com/Start",
            "nothing",
        ] {
            assert!(!same(other, ours), "{other}");
        }
    }
}
