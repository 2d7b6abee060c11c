//! Too much of everything: requests, connections, headers, bytes, and too little of them at a time.

use std::time::Duration;

use callflow::sandbox::clock::Metronome;
use callflow::server::ServerOptions;
use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use crate::site::{NOW, Site, call, options, read, signature, with_secret};

/// Two requests a second, eight at once.
fn slow(options: ServerOptions) -> ServerOptions {
    ServerOptions { requests_per_second: 2, ..options }
}

#[tokio::test]
async fn a_flood_of_strangers_is_told_to_come_back_and_signed_calls_pass() {
    let site = Site::new(slow(with_secret())).await;
    let mut flood = Vec::new();
    for _ in 0..40 {
        flood.push(site.ask("POST /start", &[("host", "x")], &call("junk")).await);
    }
    let told: Vec<_> = flood.iter().filter(|answer| answer.status == 429).collect();
    assert!(told.len() >= 20 && flood[0].status == 401, "{} of 40", told.len());
    for answer in told {
        assert!(answer.head.contains("retry-after: 1"), "{answer:?}");
        assert!(answer.body["error"].as_str().unwrap().contains("CALLFLOW_REQUESTS_PER_SECOND"));
    }
    let (time, body) = (NOW.to_string(), call("signed"));
    let headers =
        [("host", "x"), ("X-Pinless-Timestamp", &*time), ("X-Pinless-Signature", &signature(&time, &body))];
    assert_eq!(site.ask("POST /start", &headers, &body).await.status, 200);
    assert_eq!(site.ask("GET /health", &[("host", "x")], b"").await.status, 200);
    assert_eq!(site.started(), 1);
}

#[tokio::test]
async fn those_who_are_known_have_a_limit_too() {
    let site = Site::new(slow(options())).await;
    let asks = (0..30).map(|id| {
        let site = &site;
        async move { site.ask("POST /start", &[("host", "localhost")], &call(&id.to_string())).await.status }
    });
    let answers = join_all(asks).await;
    let taken = answers.iter().filter(|status| **status == 200).count();
    assert!((8..20).contains(&taken) && answers.contains(&429), "{answers:?}");
    assert_eq!(site.started(), taken);
}

#[tokio::test]
async fn a_head_that_is_too_long_is_refused() {
    let site = Site::new(options()).await;
    let long = "x".repeat(17 * 1024);
    let many: String = (0..100).map(|n| format!("x-{n}: y\r\n")).collect();
    for head in [format!("x-long: {long}\r\n"), many, format!("host: {long}\r\n")] {
        let answer = site.raw(format!("POST /start HTTP/1.1\r\n{head}\r\n").as_bytes()).await;
        assert_eq!(answer.status, 431, "{}", answer.head);
    }
    let answer = site.raw(format!("GET /{long} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await;
    assert!(answer.status == 431 || answer.status == 414, "{}", answer.head);
    assert_eq!(site.started(), 0);
}

#[tokio::test]
async fn a_head_that_comes_byte_by_byte_is_cut_off() {
    let site = Site::new(options()).await;
    let _time = Metronome::start(None);
    let mut slow = site.connect().await;
    let began = Instant::now();
    let drip = async {
        let head = "POST /start HTTP/1.1\r\nx-slow: ".bytes().chain(std::iter::repeat(b'x'));
        for byte in head {
            if slow.write_all(&[byte]).await.is_err() {
                return;
            }
            sleep(Duration::from_millis(500)).await;
        }
    };
    timeout(Duration::from_secs(60), drip).await.expect("it is listened to for ever");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_crowd_of_silent_connections_does_not_keep_a_webhook_out() {
    let site = Site::new(options()).await;
    let mut crowd: Vec<TcpStream> = Vec::new();
    for _ in 0..520 {
        crowd.push(site.connect().await);
    }
    let _time = Metronome::start(None);
    let body = call("a");
    let ask = site.ask("POST /start", &[("host", "localhost")], &body);
    let answer = timeout(Duration::from_secs(60), ask).await.expect("the crowd keeps it out");
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_connection_carries_one_request() {
    let site = Site::new(options()).await;
    let one = String::from("GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n");
    let mut stream = site.connect().await;
    stream.write_all(one.repeat(50).as_bytes()).await.unwrap();
    let mut answers = String::new();
    let read = timeout(Duration::from_secs(30), stream.read_to_string(&mut answers)).await;
    let _reset = read.expect("the connection is kept for another request");
    assert_eq!(answers.matches("HTTP/1.1 200").count(), 1, "{answers}");
}

#[tokio::test]
async fn two_readings_of_one_request_are_refused() {
    let site = Site::new(options()).await;
    let body = String::from_utf8(call("smuggled")).unwrap();
    let ambiguous = [
        format!("content-length: 0\r\ncontent-length: {}\r\n", body.len()),
        format!("content-length: {}\r\ntransfer-encoding: chunked\r\n", body.len()),
        "content-length: -1\r\n".to_owned(),
        "content-length: 99999999999999999999\r\n".to_owned(),
    ];
    for lengths in ambiguous {
        let mut stream = site.connect().await;
        let request = format!("POST /start HTTP/1.1\r\nhost: localhost\r\n{lengths}\r\n{body}");
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = read(&mut stream).await;
        assert!((400..500).contains(&answer.status), "{lengths}: {answer:?}");
    }
    assert_eq!(site.started(), 0);
}
