//! Webhooks that Daily did not send, or sent before.

use std::sync::Arc;

use crate::site::{NOW, OWNER, Site, call, options, signature, with_secret};

/// Posts a body with a signature.
async fn post(site: &Site, timestamp: &str, signature: &str, body: &[u8]) -> u16 {
    let headers =
        [("host", "bot.example"), ("X-Pinless-Timestamp", timestamp), ("X-Pinless-Signature", signature)];
    site.ask("POST /start", &headers, body).await.status
}

fn milliseconds(seconds: i64) -> String {
    (seconds * 1_000).to_string()
}

#[tokio::test]
async fn unsigned_and_wrongly_signed_webhooks_are_refused_once_a_secret_is_set() {
    let site = Site::new(with_secret()).await;
    let (time, body) = (milliseconds(NOW), call("a"));
    let right = signature(&time, &body);
    let unsigned = [("host", "bot.example")];
    assert_eq!(site.ask("POST /start", &unsigned, &body).await.status, 401);
    for name in ["X-Pinless-Timestamp", "X-Pinless-Signature"] {
        assert_eq!(site.ask("POST /start", &[unsigned[0], (name, "1")], &body).await.status, 401);
    }
    let hex: String = right.bytes().map(|byte| format!("{byte:02x}")).collect();
    let of_other_time = signature(&milliseconds(NOW + 1), &body);
    for wrong in ["", "AAAA", &hex, &of_other_time, &right[..right.len() - 1], &format!("{right}AAAA")] {
        assert_eq!(post(&site, &time, wrong, &body).await, 403, "{wrong}");
    }
    assert_eq!(site.started(), 0);
    assert_eq!(post(&site, &time, &right, &body).await, 200);
}

#[tokio::test]
async fn the_signature_is_of_the_bytes_as_sent_and_of_no_other_spelling() {
    let site = Site::new(with_secret()).await;
    let (time, body) = (milliseconds(NOW), call("a"));
    let signed = signature(&time, &body);
    let text = String::from_utf8(body.clone()).unwrap();
    for same_meaning in [text.replace(':', ": "), text.replace("To", "\\u0054o"), text.clone() + "\n"] {
        assert_eq!(post(&site, &time, &signed, same_meaning.as_bytes()).await, 403, "{same_meaning}");
    }
    let odd = text.replace(',', " ,\n ");
    assert_eq!(post(&site, &time, &signature(&time, odd.as_bytes()), odd.as_bytes()).await, 200);
}

#[tokio::test]
async fn a_signature_is_good_for_one_call_and_five_minutes_in_both_units() {
    let site = Site::new(with_secret()).await;
    let mut calls = 0;
    for (offset, status) in [(0, 200), (-299, 200), (299, 200), (-301, 403), (301, 403), (-86_400, 403)] {
        for time in [milliseconds(NOW + offset), (NOW + offset).to_string()] {
            calls += 1;
            let body = call(&calls.to_string());
            let signed = signature(&time, &body);
            assert_eq!(post(&site, &time, &signed, &body).await, status, "{offset} s, {time}");
        }
    }
    assert_eq!(site.started(), 6);
    let (time, body) = (milliseconds(NOW), call("another"));
    let replayed = signature(&time, &call("1"));
    assert_eq!(post(&site, &time, &replayed, &body).await, 403, "a replay for another call");
    for (first, second) in [(NOW.to_string(), milliseconds(NOW)), (milliseconds(NOW), NOW.to_string())] {
        assert_eq!(
            post(&site, &second, &signature(&first, &body), &body).await,
            403,
            "the unit is signed, too"
        );
    }
}

#[tokio::test]
async fn a_replay_of_the_same_call_starts_nothing_and_a_changed_body_changes_nothing() {
    let site = Site::new(with_secret()).await;
    let (time, body) = (milliseconds(NOW), call("a"));
    let signed = signature(&time, &body);
    for _ in 0..5 {
        assert_eq!(post(&site, &time, &signed, &body).await, 200);
    }
    let other_caller = String::from_utf8(body).unwrap().replace("+15551234567", "+15550000000").into_bytes();
    assert_eq!(post(&site, &time, &signature(&time, &other_caller), &other_caller).await, 200);
    assert_eq!(site.started(), 1, "one id, one call");
}

#[tokio::test]
async fn headers_that_stand_twice_are_not_believed() {
    let site = Site::new(with_secret()).await;
    let (time, body) = (milliseconds(NOW), call("a"));
    let right = signature(&time, &body);
    let (stamp, sign) = (("X-Pinless-Timestamp", &*time), ("X-Pinless-Signature", &*right));
    for twice in [
        [("host", "x"), stamp, sign, sign],
        [("host", "x"), stamp, sign, ("x-pinless-signature", "AAAA")],
        [("host", "x"), stamp, ("X-Pinless-Timestamp", "0"), sign],
    ] {
        assert_eq!(site.ask("POST /start", &twice, &body).await.status, 401, "{twice:?}");
    }
    assert_eq!(site.started(), 0);
}

#[tokio::test]
async fn without_a_secret_a_stranger_s_webhook_is_taken_but_the_room_s_token_stays_here() {
    let public = callflow::server::ServerOptions { is_public: true, ..options() };
    let behind_an_unknown_tunnel = [("host", "abc.tunnel.example")];
    let rewritten_by_a_tunnel = [("host", "localhost:7860"), ("X-Forwarded-For", "203.0.113.7")];
    for (options, headers) in [
        (public, &[("host", "localhost:7860")][..]),
        (options(), &behind_an_unknown_tunnel),
        (options(), &rewritten_by_a_tunnel),
    ] {
        let site = Site::new(options).await;
        let answer = site.ask("POST /start", headers, &call("a")).await;
        assert_eq!((answer.status, site.started()), (200, 1));
        assert!(
            !answer.body.to_string().contains(OWNER) && !answer.body.to_string().contains("room-"),
            "{answer:?}"
        );
    }
    let site = Site::new(options()).await;
    let own = site.ask("POST /start", &[("host", "localhost")], &call("a")).await;
    assert_eq!(own.body["token"], OWNER, "a program of this machine gets the original's answer");
    assert!(own.head.contains("cache-control: no-store"));
}

#[tokio::test]
async fn a_web_page_cannot_have_calls_taken_through_its_reader_s_browser() {
    let site = Site::new(options()).await;
    for header in [("Origin", "https://evil.example"), ("Origin", "null"), ("Sec-Fetch-Site", "same-origin")]
    {
        for host in ["localhost:7860", "rebound.evil.example:7860"] {
            let answer = site.ask("POST /start", &[("host", host), header], &call("a")).await;
            assert_eq!(answer.status, 403, "{host} {header:?}");
        }
    }
    assert_eq!(site.started(), 0);
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_said_to_be() {
    let site =
        Site::new(callflow::server::ServerOptions { clock: Arc::new(|| NOW - 3_600), ..with_secret() }).await;
    let (time, body) = (milliseconds(NOW), call("a"));
    let headers =
        [("host", "x"), ("X-Pinless-Timestamp", &*time), ("X-Pinless-Signature", &signature(&time, &body))];
    let answer = site.ask("POST /start", &headers, &body).await;
    assert!(answer.status == 403 && answer.body["error"].as_str().unwrap().contains("clock"), "{answer:?}");
}
