//! Whether a vendor's key is good, and whether a voice or a model is there. A person asks, once; no call does.
//!
//! "List projects" (developers.deepgram.com), "Get voice" (docs.cartesia.ai, version 2026-03-01), "List
//! models" (platform.openai.com). Nothing is billed for any of them.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::http;
use super::socket::{BaseUrl, EndpointError, secret_header, vendor_text};
use crate::pii::ApiKey;

/// How long one question may take.
const WITHIN: Duration = Duration::from_secs(8);
/// Longest answer that is read: OpenAI's list of models has tens of kilobytes.
const LONGEST_ANSWER: usize = 4 << 20;
/// The version of Cartesia's API that the voice speaks, too.
const CARTESIA_VERSION: &str = "2026-03-01";

/// Why a vendor did not say what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// The base URL or the key can never work.
    #[error(transparent)]
    Unusable(#[from] EndpointError),
    /// It could not be reached, or not in time.
    #[error("cannot reach it: {0}")]
    Unreachable(String),
    /// The key is not one (401).
    #[error("it refuses the key")]
    KeyRefused,
    /// The key is one, but may not do this (403).
    #[error("the key may not ask this: {0}")]
    NotPermitted(String),
    /// There is no such thing (404).
    #[error("it does not know it: {0}")]
    NotThere(String),
    /// Too many requests, or no credit (402, 429).
    #[error("it limits the account: {0}")]
    Limited(String),
    /// Another refusal, or its own failure.
    #[error("it answers with status {status}: {detail}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// Its text.
        detail: String,
    },
    /// It answered, but not its protocol.
    #[error("its answer is not its protocol")]
    Protocol,
}

/// A voice at Cartesia.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Voice {
    /// Its name.
    pub name: String,
    /// The language it speaks best.
    pub language: Option<String>,
}

/// Tries a Deepgram key by listing its projects; gives their number.
///
/// # Errors
/// [`AccountError`]; `NotPermitted` if the key is good, but may not list projects.
pub async fn deepgram_projects(base_url: &str, key: &ApiKey) -> Result<usize, AccountError> {
    #[derive(Deserialize)]
    struct Projects {
        #[serde(default)]
        projects: Vec<serde::de::IgnoredAny>,
    }
    let auth = (AUTHORIZATION, secret_header("Deepgram", "Token ", key)?);
    let answer: Projects = get("Deepgram", base_url, "v1/projects", vec![auth]).await?;
    Ok(answer.projects.len())
}

/// Looks a voice up at Cartesia.
///
/// # Errors
/// [`AccountError`]; `NotThere` if there is no such voice.
pub async fn cartesia_voice(base_url: &str, key: &ApiKey, voice: &str) -> Result<Voice, AccountError> {
    let key = (HeaderName::from_static("x-api-key"), secret_header("Cartesia", "", key)?);
    let version = (HeaderName::from_static("cartesia-version"), HeaderValue::from_static(CARTESIA_VERSION));
    // Ids are UUIDs; whatever stands in a flow must not become another path.
    if !voice.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Err(AccountError::NotThere("the id has characters that no voice's id has".to_owned()));
    }
    get("Cartesia", base_url, &format!("voices/{voice}"), vec![key, version]).await
}

/// The models that an OpenAI key may use.
///
/// # Errors
/// [`AccountError`].
pub async fn openai_models(base_url: &str, key: &ApiKey) -> Result<Vec<String>, AccountError> {
    #[derive(Deserialize)]
    struct Models {
        data: Vec<Model>,
    }
    #[derive(Deserialize)]
    struct Model {
        id: String,
    }
    let auth = (AUTHORIZATION, secret_header("OpenAI", "Bearer ", key)?);
    let answer: Models = get("OpenAI", base_url, "models", vec![auth]).await?;
    Ok(answer.data.into_iter().map(|model| model.id).collect())
}

async fn get<T: DeserializeOwned>(
    vendor: &'static str,
    base_url: &str,
    path: &str,
    headers: Vec<(HeaderName, HeaderValue)>,
) -> Result<T, AccountError> {
    let client = http::client(vendor, base_url)?;
    let url = BaseUrl::parse(vendor, base_url)?.http(path);
    let request = client.get(url).headers(HeaderMap::from_iter(headers));
    let (status, body) = match timeout(WITHIN, answer(request)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => return Err(AccountError::Unreachable(http::with_causes(&error.without_url()))),
        Err(_) => return Err(AccountError::Unreachable(format!("no answer within {WITHIN:?}"))),
    };
    if status == StatusCode::OK {
        return serde_json::from_slice(&body).map_err(|_| AccountError::Protocol);
    }
    Err(meaning(status, &body))
}

async fn answer(request: reqwest::RequestBuilder) -> Result<(StatusCode, Vec<u8>), reqwest::Error> {
    let mut response = request.send().await?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > LONGEST_ANSWER {
            break;
        }
        body.extend_from_slice(&chunk);
    }
    Ok((response.status(), body))
}

fn meaning(status: StatusCode, body: &[u8]) -> AccountError {
    let json: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let places = ["/error/message", "/err_msg", "/message", "/title", "/error"];
    let text = places.iter().find_map(|place| json.pointer(place)?.as_str());
    let detail = text.map_or_else(|| format!("status {}", status.as_u16()), vendor_text);
    match status.as_u16() {
        401 => AccountError::KeyRefused,
        403 => AccountError::NotPermitted(detail),
        404 => AccountError::NotThere(detail),
        402 | 429 => AccountError::Limited(detail),
        status => AccountError::Refused { status, detail },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documented_refusals_are_told_apart() {
        let refused = |status, body: &str| meaning(StatusCode::from_u16(status).unwrap(), body.as_bytes());
        let deepgram = include_str!("../../tests/wire/deepgram/refused_401.json");
        assert_eq!(refused(401, deepgram), AccountError::KeyRefused);
        let scope = refused(403, include_str!("../../tests/wire/deepgram/refused_403.json"));
        assert!(matches!(&scope, AccountError::NotPermitted(why) if why.contains("permissions")), "{scope}");
        let voice = refused(404, include_str!("../../tests/wire/cartesia/refused_404.json"));
        assert!(matches!(&voice, AccountError::NotThere(why) if why.contains("voice")), "{voice}");
        let quota = refused(429, include_str!("../../tests/wire/openai/refused_429_quota.json"));
        assert!(matches!(quota, AccountError::Limited(_)));
        assert_eq!(
            refused(502, "<html>"),
            AccountError::Refused { status: 502, detail: "status 502".into() }
        );
    }

    #[tokio::test]
    async fn an_id_that_is_no_id_is_not_sent_and_nobody_is_unreachable() {
        let key = ApiKey::new("k");
        let odd = cartesia_voice("http://127.0.0.1:9", &key, "../tts").await;
        assert!(matches!(odd, Err(AccountError::NotThere(_))));
        let nobody = deepgram_projects("http://127.0.0.1:9", &key).await;
        assert!(matches!(nobody, Err(AccountError::Unreachable(_))), "{nobody:?}");
        let broken = openai_models("http://127.0.0.1:9", &ApiKey::new("a\nb")).await;
        assert!(matches!(broken, Err(AccountError::Unusable(_))));
    }
}
