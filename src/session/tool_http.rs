//! One request of a tool over HTTP: bounded in time and size, never redirected, and never into a private network
//! that the flow does not name itself. Says nothing of what is asked or answered.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, Response, StatusCode, Url};
use tokio::time::timeout;

use crate::machine::{ToolFailure, ToolResult};
use crate::pii::Payload;
use crate::plan::{HttpMethod, ToolRequest};
use crate::speech::socket::install_tls;

/// No answer that a call can use is longer, bytes.
const MOST: usize = 64 * 1024;
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// The name that servers know (draft-ietf-httpapi-idempotency-key-header).
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Sends a request and reads its answer.
pub(super) async fn send(request: ToolRequest, within: Duration) -> ToolResult {
    let answer = timeout(within, exchange(request)).await.unwrap_or(Err(ToolFailure::Timeout));
    match answer {
        Ok(value) => ToolResult::Ok { value },
        Err(cause) => ToolResult::Failed { cause },
    }
}

async fn exchange(request: ToolRequest) -> Result<Payload, ToolFailure> {
    let method = match request.method {
        HttpMethod::Get => Method::GET,
        HttpMethod::Post => Method::POST,
        HttpMethod::Put => Method::PUT,
        HttpMethod::Patch => Method::PATCH,
        HttpMethod::Delete => Method::DELETE,
    };
    let client = client(&request.url).ok_or(ToolFailure::Unreachable)?;
    let headers = headers(&request)?;
    let mut sent = client.request(method, request.url).headers(headers);
    if let Some(body) = request.body {
        sent = sent.body(body);
    }
    let response = sent.send().await.map_err(|error| unreachable(&error))?;
    let status = response.status();
    match status.as_u16() {
        200..300 => read(response).await,
        300..400 => Err(ToolFailure::Redirected { status: status.as_u16() }),
        _ if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() => {
            Err(ToolFailure::Failed { status: status.as_u16() })
        }
        status => Err(ToolFailure::Refused { status }),
    }
}

/// What is sent ahead of a body. A header that the flow writes stands in place of ours, never beside it.
fn headers(request: &ToolRequest) -> Result<HeaderMap, ToolFailure> {
    let mut headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]);
    if request.body.is_some() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    for (name, value) in &request.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| ToolFailure::BadRequest)?;
        let mut value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| ToolFailure::BadRequest)?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    if let Some(key) = &request.idempotency {
        let key = HeaderValue::from_bytes(key.as_bytes()).map_err(|_| ToolFailure::BadRequest)?;
        headers.insert(IDEMPOTENCY_KEY, key);
    }
    Ok(headers)
}

async fn read(response: Response) -> Result<Payload, ToolFailure> {
    if response.content_length().is_some_and(|length| length > MOST as u64) {
        return Err(ToolFailure::TooLong);
    }
    let mut body = Vec::new();
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        body.extend_from_slice(&chunk.map_err(|error| unreachable(&error))?);
        if body.len() > MOST {
            return Err(ToolFailure::TooLong);
        }
    }
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Payload::default());
    }
    serde_json::from_slice(&body).map(Payload).map_err(|_| ToolFailure::NotJson)
}

fn unreachable(error: &reqwest::Error) -> ToolFailure {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if inner.is::<PrivateAddress>() {
            return ToolFailure::PrivateAddress;
        }
        cause = inner.source();
    }
    ToolFailure::Unreachable
}

/// Connections are not kept: they would outlive the call, and a request that goes out on one that the server has
/// just closed fails for nothing.
fn client(url: &Url) -> Option<&'static Client> {
    static PLAIN: OnceLock<Option<Client>> = OnceLock::new();
    static TLS: OnceLock<Option<Client>> = OnceLock::new();
    let build = |plain: bool| {
        install_tls();
        let mut builder = Client::builder()
            .connect_timeout(CONNECT_WITHIN)
            .redirect(reqwest::redirect::Policy::none())
            .pool_max_idle_per_host(0)
            .dns_resolver(Arc::new(NoPrivateAddress))
            // A proxy would look names up itself, past our resolver.
            .no_proxy()
            .tcp_nodelay(true);
        if plain {
            // Nothing is verified without TLS: root certificates are not worth the reading.
            builder = builder.tls_certs_only([]);
        }
        builder.build().map_err(|error| tracing::error!(%error, "tools cannot be asked over HTTP")).ok()
    };
    let slot = if url.scheme() == "http" { &PLAIN } else { &TLS };
    slot.get_or_init(|| build(url.scheme() == "http")).as_ref()
}

/// A name on the open network that leads into a private one.
#[derive(Debug, thiserror::Error)]
#[error("the name leads to a private address")]
struct PrivateAddress;

/// Resolves names; a private address is only taken for a name that is one of a private network. Addresses that
/// the flow writes as such are not resolved, and not refused.
struct NoPrivateAddress;

impl Resolve for NoPrivateAddress {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            let kept: Vec<_> =
                found.into_iter().filter(|at| is_private_name(&host) || !is_private(at.ip())).collect();
            if kept.is_empty() {
                return Err(PrivateAddress.into());
            }
            Ok(Box::new(kept.into_iter()) as Addrs)
        })
    }
}

/// Names that no server on the open network has (RFC 6761, RFC 6762, RFC 8375, ICANN's `.internal`).
fn is_private_name(host: &str) -> bool {
    let host = host.trim_end_matches('.');
    !host.contains('.')
        || [".localhost", ".local", ".internal", ".home.arpa"].iter().any(|end| host.ends_with(end))
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_private_v4(v4),
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or_else(|| is_private_v6(v6), is_private_v4),
    }
}

fn is_private_v4(v4: Ipv4Addr) -> bool {
    let [a, b, c, _] = v4.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let special = a >= 240 || (a == 198 && b & 0xfe == 18) || (a, b, c) == (192, 0, 0);
    v4.is_loopback()
        || v4.is_private()
        || v4.is_link_local()
        || v4.is_unspecified()
        || v4.is_broadcast()
        || v4.is_multicast()
        || shared
        || special
        || a == 0
}

fn is_private_v6(v6: Ipv6Addr) -> bool {
    let s = v6.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    // An IPv4 address behind NAT64 (RFC 6052, RFC 8215) or 6to4 (RFC 3056), or in the deprecated form (RFC 4291).
    let translated = (s[..6] == [0x64, 0xff9b, 0, 0, 0, 0] && is_private_v4(v4(s[6], s[7])))
        || s[..3] == [0x64, 0xff9b, 1]
        || (s[0] == 0x2002 && is_private_v4(v4(s[1], s[2])))
        || s[..6] == [0; 6];
    translated
        || s[0] & 0xffc0 == 0xfec0
        || v6.is_loopback()
        || v6.is_unspecified()
        || v6.is_multicast()
        || v6.is_unique_local()
        || v6.is_unicast_link_local()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_private_networks_are_known() {
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "192.168.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "::1",
            "fd00::1",
            "fe80::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "2002:a00:1::",
            "fec0::1",
            "198.18.0.1",
        ] {
            assert!(is_private(private.parse().unwrap()), "{private}");
        }
        for public in ["93.184.216.34", "100.128.0.1", "2606:2800:220:1::1", "::ffff:93.184.216.34"] {
            assert!(!is_private(public.parse().unwrap()), "{public}");
        }
    }

    #[test]
    fn a_private_network_is_named_by_names_that_the_open_one_does_not_have() {
        assert!(["orders", "localhost", "shop.internal", "api.localhost."].into_iter().all(is_private_name));
        assert!(
            !["api.example.com", "localhost.example.com", "internal.test"].into_iter().any(is_private_name)
        );
    }

    #[tokio::test]
    async fn a_public_name_does_not_lead_into_a_private_network() {
        // Wildcard names for loopback exist in public DNS; here the resolver is asked for its own judgement.
        let local = NoPrivateAddress.resolve("localhost".parse().unwrap()).await;
        assert!(local.is_ok_and(|mut found| found.next().is_some_and(|at| at.ip().is_loopback())));
    }

    #[test]
    fn a_header_of_the_flow_stands_in_place_of_ours() {
        let given = |name: &str, value: &str| (Arc::from(name), Arc::from(value));
        let request = ToolRequest {
            method: HttpMethod::Post,
            url: "https://api.example.com/".parse().unwrap(),
            headers: vec![given("content-Type", "application/vnd.api+json"), given("X-Key", "secret")],
            body: Some("{}".to_owned()),
            idempotency: Some(Arc::from("call-1")),
        };
        let headers = headers(&request).unwrap();
        let all: Vec<_> = headers.get_all(CONTENT_TYPE).iter().collect();
        assert_eq!(all, ["application/vnd.api+json"]);
        assert_eq!(headers[ACCEPT], "application/json");
        assert_eq!(headers[IDEMPOTENCY_KEY], "call-1");
        assert!(headers["x-key"].is_sensitive());
    }
}
