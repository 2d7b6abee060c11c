//! Fetching the library from a package index: what is listed, what is refused, what is installed.

use axum::Router;
use axum::routing::get;
use callflow::telephony::daily::core::wheel::{self, DownloadError, WheelError};
use serde_json::json;

use crate::within;

/// An index on this machine, whose page of daily-python says `page`, and whose files all are `file`.
async fn index(page: impl Into<String>, file: Vec<u8>) -> String {
    let page = page.into();
    let site = Router::new()
        .route("/simple/daily-python/", get(async move || page))
        .route("/files/{name}", get(async move || file));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, site).await });
    format!("http://{address}/simple/")
}

fn listing() -> String {
    let file = wheel::for_this_machine().unwrap().file;
    let other = json!({"filename": "daily_python-0.1.0.whl", "url": "/files/other", "yanked": true});
    // A relative address, and fields that do not concern us.
    let ours = json!({"filename": file, "url": format!("../../files/{file}"), "hashes": {}, "size": 1});
    json!({"meta": {"api-version": "1.1"}, "name": "daily-python", "files": [other, ours]}).to_string()
}

async fn download(index: &str) -> Result<Vec<u8>, DownloadError> {
    within(wheel::download(index, wheel::for_this_machine().unwrap(), |_| ())).await
}

#[tokio::test]
async fn a_file_is_found_in_the_list_and_what_it_holds_is_checked() {
    let mut steps = Vec::new();
    let pinned = wheel::for_this_machine().unwrap();
    let index = index(listing(), vec![7; 300_000]).await;
    let content = within(wheel::download(&index, pinned, |so_far| steps.push(so_far))).await.unwrap();
    assert_eq!(content, vec![7; 300_000]);
    assert!(steps.is_sorted() && steps.last() == Some(&300_000), "{steps:?}");

    let data = std::env::temp_dir().join(format!("callflow-install-{}", std::process::id()));
    let refused = wheel::install(pinned, &content, &data).unwrap_err();
    assert!(matches!(refused, WheelError::WrongChecksum { .. }), "{refused}");
    assert!(!data.exists(), "something was installed");
}

#[tokio::test]
async fn an_index_that_is_none_is_one_sentence_that_says_what_else_there_is() {
    let without = json!({"files": []}).to_string();
    for (page, why) in [("<html>", "not JSON"), ("{}", "not JSON"), (&without, "not in its list")] {
        let error = download(&index(page, Vec::new()).await).await.unwrap_err().to_string();
        assert!(error.contains(why) && error.contains("--wheel"), "{error}");
    }
    let nowhere = index(listing(), Vec::new()).await.replace("/simple/", "/elsewhere");
    let error = download(&nowhere).await.unwrap_err().to_string();
    assert!(error.contains("404") && error.contains("--index"), "{error}");
    for bad in ["", "pypi.org", "file:///x"] {
        assert!(matches!(download(bad).await, Err(DownloadError::BadIndex(_))), "{bad}");
    }
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = download(&format!("http://{closed}/simple")).await.unwrap_err();
    assert!(matches!(error, DownloadError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn a_file_that_is_too_long_is_not_kept() {
    let pinned = wheel::for_this_machine().unwrap();
    let longer = vec![0; usize::try_from(pinned.size).unwrap() + 1];
    let error = download(&index(listing(), longer).await).await.unwrap_err();
    assert!(matches!(error, DownloadError::TooLong { .. }), "{error}");
}
