//! Who asks over HTTP: the holder of a token, a program of this machine, a web page, or a stranger.
//!
//! Knows headers, and nothing of routes or bodies. What each of them may do is decided where the routes are.

use std::fmt;
use std::net::IpAddr;

use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, header};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::pii::ApiKey;

/// A browser sends these with what a page asks for; programs have no reason to.
const OF_WEB_PAGES: [&str; 2] = ["origin", "sec-fetch-site"];
/// Proxies and tunnels add these to what they pass on.
const OF_PROXIES: [&str; 8] = [
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
    "cf-connecting-ip",
    "true-client-ip",
];

/// The one value of a header. One that stands twice has none: two readers could read two values.
#[must_use]
pub fn sole_header(headers: &HeaderMap, name: impl AsRef<str>) -> Option<&str> {
    let mut values = headers.get_all(name.as_ref()).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// A token that opens routes to whoever presents it as `Authorization: Bearer …`. Kept as a digest only.
#[derive(Clone)]
pub struct AccessToken([u8; 32]);

impl AccessToken {
    /// The token of a setting.
    #[must_use]
    pub fn new(token: &ApiKey) -> Self {
        Self(digest(token.reveal()).finalize().into_bytes().into())
    }

    /// Whether a request presents it. Takes as long for a wrong token that is nearly right as for any other.
    #[must_use]
    pub fn is_presented(&self, headers: &HeaderMap) -> bool {
        let presented = sole_header(headers, header::AUTHORIZATION).and_then(|value| value.split_once(' '));
        presented.is_some_and(|(scheme, token)| {
            scheme.eq_ignore_ascii_case("bearer") && digest(token.trim()).verify_slice(&self.0).is_ok()
        })
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken(•••)")
    }
}

fn digest(token: &str) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(token.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(b"callflow");
    mac
}

/// Whether a web page asks, through somebody's browser: this machine is then not who wants it.
#[must_use]
pub fn is_from_web_page(headers: &HeaderMap) -> bool {
    has_any(headers, &OF_WEB_PAGES)
}

/// Whether a request to a loopback address seems to come from a program of this machine: it is addressed to
/// this machine, no web page asks, and no proxy or tunnel has passed it on.
///
/// A page whose own name resolves to a loopback address (DNS rebinding) is told by the `Host` header, which
/// a page cannot choose.
#[must_use]
pub fn is_local(headers: &HeaderMap) -> bool {
    let host = sole_header(headers, header::HOST).and_then(|host| host.parse::<Authority>().ok());
    let addressed_here = host.is_some_and(|host| names_this_machine(host.host()));
    addressed_here && !is_from_web_page(headers) && !has_any(headers, &OF_PROXIES)
}

fn names_this_machine(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

fn has_any(headers: &HeaderMap, names: &[&'static str]) -> bool {
    names.iter().any(|name| headers.contains_key(HeaderName::from_static(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let named = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), value.parse().expect("a header's value"))
        };
        lines.iter().map(named).collect()
    }

    #[test]
    fn only_the_whole_token_once_and_as_a_bearer_opens() {
        let token = AccessToken::new(&ApiKey::new("0123456789abcdef"));
        let presented = |lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append("authorization", line.parse().unwrap());
            }
            token.is_presented(&headers)
        };
        assert!(presented(&["Bearer 0123456789abcdef"]));
        assert!(presented(&["bearer  0123456789abcdef"]));
        for wrong in [
            &["Bearer 0123456789abcde"][..],
            &["Bearer 0123456789abcdef0"],
            &["Bearer 0123456789ABCDEF"],
            &["Bearer "],
            &["Bearer"],
            &["0123456789abcdef"],
            &["Basic 0123456789abcdef"],
            &["Bearer 0123456789abcdef", "Bearer 0123456789abcdef"],
            &["Bearer wrong", "Bearer 0123456789abcdef"],
            &[],
        ] {
            assert!(!presented(wrong), "{wrong:?}");
        }
        assert_eq!(format!("{token:?}"), "AccessToken(•••)");
    }

    #[test]
    fn a_request_is_local_only_if_it_is_addressed_to_this_machine() {
        for host in ["localhost", "LOCALHOST:7860", "127.0.0.1:7860", "127.8.9.1", "[::1]:7860", "[::1]"] {
            assert!(is_local(&headers(&[("host", host)])), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:7860",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "127.0.0.1@evil.example",
            "0.0.0.0:7860",
            "192.168.0.7",
            "[::ffff:10.0.0.1]",
            "",
            "localhost, evil.example",
        ] {
            assert!(!is_local(&headers(&[("host", host)])), "{host}");
        }
        assert!(!is_local(&HeaderMap::new()), "no host at all");
        let mut twice = headers(&[("host", "localhost")]);
        twice.append("host", "evil.example".parse().unwrap());
        assert!(!is_local(&twice));
    }

    #[test]
    fn what_a_web_page_or_a_tunnel_sends_is_not_local() {
        for name in OF_WEB_PAGES.into_iter().chain(OF_PROXIES) {
            let headers = headers(&[("host", "localhost:7860"), (name, "null")]);
            assert!(!is_local(&headers), "{name}");
        }
        assert!(is_from_web_page(&headers(&[("origin", "null")])));
        assert!(!is_from_web_page(&headers(&[("host", "evil.example")])));
    }
}
