//! Base URLs and keys, checked once when a client is made, so that a typing mistake is found before a call.

use std::net::IpAddr;

use reqwest::Url;
use tokio_tungstenite::tungstenite::http::HeaderValue;

use crate::pii::ApiKey;

/// A setting with which a vendor can never be reached.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Not a URL, or of another scheme, or with a query.
    #[error(
        "not a base URL for {vendor}: write it as http://host:port or https://host, with a path if need be"
    )]
    BaseUrl {
        /// Its name.
        vendor: &'static str,
    },
    /// The key has characters that no HTTP header can carry; often a stray line break.
    #[error("the API key of {vendor} has a line break or another character that no key has")]
    Key {
        /// Its name.
        vendor: &'static str,
    },
    /// The HTTP client cannot be built: the machine has no root certificates.
    #[error("cannot set up TLS for {vendor}: {detail}")]
    Tls {
        /// Its name.
        vendor: &'static str,
        /// What the TLS library said.
        detail: String,
    },
}

/// `http`, `https`, `ws` or `wss`, a host, and perhaps a path prefix.
#[derive(Clone, Debug)]
pub struct BaseUrl(Url);

impl BaseUrl {
    /// Parses a base URL as it stands in the settings; a slash at its end makes no difference.
    ///
    /// # Errors
    /// [`EndpointError::BaseUrl`].
    pub fn parse(vendor: &'static str, text: &str) -> Result<Self, EndpointError> {
        let wrong = EndpointError::BaseUrl { vendor };
        let url = Url::parse(text.trim()).map_err(|_| wrong.clone())?;
        let known = matches!(url.scheme(), "http" | "https" | "ws" | "wss");
        if known && url.has_host() && url.query().is_none() && url.fragment().is_none() {
            Ok(Self(url))
        } else {
            Err(wrong)
        }
    }

    /// The URL of a WebSocket below this base.
    #[must_use]
    pub fn socket(&self, path: &str) -> Url {
        self.below(path, "ws")
    }

    /// The URL of an HTTP resource below this base.
    #[must_use]
    pub fn http(&self, path: &str) -> Url {
        self.below(path, "http")
    }

    fn below(&self, path: &str, plain: &str) -> Url {
        let mut url = self.0.clone();
        let tls = matches!(url.scheme(), "https" | "wss");
        let scheme = if tls { format!("{plain}s") } else { plain.to_owned() };
        url.set_scheme(&scheme).expect("http(s) and ws(s) may be exchanged for each other");
        let prefix = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{prefix}/{path}"));
        url
    }

    /// Whether connections to it are encrypted.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        matches!(self.0.scheme(), "https" | "wss")
    }

    /// Whether it names this machine, so that no proxy may come between.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let host = self.0.host_str().unwrap_or_default();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
}

/// A header value with a key in it, marked so that no library prints it.
///
/// # Errors
/// [`EndpointError::Key`].
pub fn secret_header(vendor: &'static str, prefix: &str, key: &ApiKey) -> Result<HeaderValue, EndpointError> {
    let mut value = HeaderValue::from_str(&format!("{prefix}{}", key.reveal()))
        .map_err(|_| EndpointError::Key { vendor })?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_of_the_four_schemes_gives_both_kinds_of_url() {
        for (text, socket, http) in [
            (
                "https://api.example.com",
                "wss://api.example.com/v1/listen",
                "https://api.example.com/v1/listen",
            ),
            (
                "http://127.0.0.1:9/deepgram/",
                "ws://127.0.0.1:9/deepgram/v1/listen",
                "http://127.0.0.1:9/deepgram/v1/listen",
            ),
            ("ws://localhost:9/x", "ws://localhost:9/x/v1/listen", "http://localhost:9/x/v1/listen"),
            ("wss://[::1]", "wss://[::1]/v1/listen", "https://[::1]/v1/listen"),
        ] {
            let base = BaseUrl::parse("test", text).unwrap();
            assert_eq!(base.socket("v1/listen").as_str(), socket);
            assert_eq!(base.http("v1/listen").as_str(), http);
        }
    }

    #[test]
    fn what_is_no_base_url_is_refused() {
        for text in ["", "api.example.com", "ftp://host", "https://host?key=1", "https://host#x", "http://"] {
            assert!(BaseUrl::parse("test", text).is_err(), "{text}");
        }
    }

    #[test]
    fn loopback_is_known_by_name_and_address() {
        let loopback = |text| BaseUrl::parse("test", text).unwrap().is_loopback();
        assert!(loopback("http://localhost:1") && loopback("http://127.0.0.9") && loopback("ws://[::1]:2"));
        assert!(!loopback("http://localhost.example.com") && !loopback("http://10.0.0.1"));
    }

    #[test]
    fn a_key_with_a_line_break_is_found_and_a_good_one_does_not_print() {
        assert!(secret_header("test", "Token ", &ApiKey::new("abc\n")).is_err());
        let value = secret_header("test", "Token ", &ApiKey::new("abc")).unwrap();
        assert_eq!(value.as_bytes(), b"Token abc");
        assert!(!format!("{value:?}").contains("abc"));
    }
}
