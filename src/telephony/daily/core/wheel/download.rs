//! Fetching a wheel from a package index.
//!
//! The index is asked in the JSON form of the simple repository API (PEP 691) and only for where the file
//! is: what comes from there is checked against our own checksum, not the index's.

use std::time::Duration;

use reqwest::{Client, Response, Url};
use serde::Deserialize;
use tokio::time::timeout;

use super::Wheel;

/// The Python Package Index.
pub const DEFAULT_INDEX: &str = "https://pypi.org/simple";

/// How long opening a connection may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(15);
/// How long nothing may come.
const SILENCE: Duration = Duration::from_secs(30);
/// Longest list of files: daily-python's has 140 kB.
const LONGEST_LIST: u64 = 16 * 1024 * 1024;

/// Why a wheel could not be downloaded.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// The address of the index is not one.
    #[error("`{0}` is not the address of a package index")]
    BadIndex(String),
    /// It could not be reached, or broke off.
    #[error("cannot reach {host}: {why}; `--wheel FILE` takes a file that was downloaded otherwise")]
    Unreachable {
        /// Whom.
        host: String,
        /// What went wrong.
        why: String,
    },
    /// It does not have the file, or does not say where.
    #[error("{index} does not have {file}: {why}; `--index URL` names another index, `--wheel FILE` a file")]
    NotThere {
        /// The index.
        index: String,
        /// The file.
        file: &'static str,
        /// What it said.
        why: String,
    },
    /// It sent more than the file has.
    #[error("{host} sent something longer than {file}")]
    TooLong {
        /// Whom.
        host: String,
        /// The file.
        file: &'static str,
    },
}

#[derive(Deserialize)]
struct Listing {
    files: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    filename: String,
    url: String,
}

/// Downloads a wheel. `progress` is told the bytes that have come so far. The content is unchecked.
///
/// # Errors
/// See [`DownloadError`].
pub async fn download(
    index: &str,
    wheel: &Wheel,
    mut progress: impl FnMut(u64),
) -> Result<Vec<u8>, DownloadError> {
    let page = format!("{}/daily-python/", index.trim_end_matches('/'));
    let page = Url::parse(&page).ok().filter(Url::has_host);
    let page = page.ok_or_else(|| DownloadError::BadIndex(index.to_owned()))?;
    let client = client(&page)?;
    let not_there = |why: String| DownloadError::NotThere { index: index.to_owned(), file: wheel.file, why };

    let request = client.get(page.clone()).header("accept", "application/vnd.pypi.simple.v1+json");
    let response = send(request, &page).await?;
    if !response.status().is_success() {
        return Err(not_there(format!("it answers {}", response.status())));
    }
    let list = body(response, &page, LONGEST_LIST, &mut |_| ()).await?;
    let list = list.ok_or_else(|| not_there("its list of files has no end".to_owned()))?;
    let list: Listing =
        serde_json::from_slice(&list).map_err(|_| not_there("its list of files is not JSON".to_owned()))?;
    let listed = list.files.into_iter().find(|listed| listed.filename == wheel.file);
    let listed = listed.ok_or_else(|| not_there("it is not in its list".to_owned()))?;
    let url = page.join(&listed.url).map_err(|_| not_there("it lists no address for it".to_owned()))?;

    let response = send(client.get(url.clone()), &url).await?;
    if !response.status().is_success() {
        return Err(not_there(format!("{} answers {}", host(&url), response.status())));
    }
    let content = body(response, &url, wheel.size, &mut progress).await?;
    content.ok_or_else(|| DownloadError::TooLong { host: host(&url), file: wheel.file })
}

fn client(page: &Url) -> Result<Client, DownloadError> {
    // The same as at the start of the program; a second time changes nothing.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        tracing::trace!("a TLS provider was installed before");
    }
    let client = Client::builder()
        .user_agent(concat!("callflow/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_WITHIN);
    client.build().map_err(|error| unreachable(page, &error))
}

async fn send(request: reqwest::RequestBuilder, url: &Url) -> Result<Response, DownloadError> {
    match timeout(SILENCE, request.send()).await {
        Ok(sent) => sent.map_err(|error| unreachable(url, &error)),
        Err(_) => Err(silent(url)),
    }
}

/// The body, if it is not longer than allowed.
async fn body(
    mut response: Response,
    url: &Url,
    longest: u64,
    progress: &mut dyn FnMut(u64),
) -> Result<Option<Vec<u8>>, DownloadError> {
    let mut content = Vec::new();
    loop {
        let chunk = timeout(SILENCE, response.chunk()).await.map_err(|_| silent(url))?;
        let Some(chunk) = chunk.map_err(|error| unreachable(url, &error))? else {
            return Ok(Some(content));
        };
        content.extend_from_slice(&chunk);
        let so_far = content.len() as u64;
        if so_far > longest {
            return Ok(None);
        }
        progress(so_far);
    }
}

fn silent(url: &Url) -> DownloadError {
    DownloadError::Unreachable { host: host(url), why: format!("nothing came for {SILENCE:?}") }
}

fn unreachable(url: &Url, error: &reqwest::Error) -> DownloadError {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    DownloadError::Unreachable { host: host(url), why: cause.to_string() }
}

fn host(url: &Url) -> String {
    url.host_str().unwrap_or("the index").to_owned()
}
