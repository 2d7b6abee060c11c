//! The dial-in webhook: bodies as documented and as an enemy would write them, and the signature.

use callflow::pii::ApiKey;
use callflow::telephony::daily::webhook::{SignatureError, Verifier, Webhook, WebhookError, parse};
use proptest::prelude::*;
use serde_json::json;

fn wire(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/wire/daily/{name}.json", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

#[test]
fn a_dial_in_is_read_as_documented() {
    let Ok(Webhook::DialIn(call)) = parse(&wire("webhook_dial_in_sip")) else { panic!("not a dial-in") };
    assert_eq!(call.call_id, "6b1f2e5a-0000-4000-8000-000000000001");
    assert_eq!(call.call_domain, "6b1f2e5a-0000-4000-8000-000000000002");
    assert_eq!(call.from.unwrap().reveal(), "+15551234567");
    assert_eq!(call.to.unwrap().reveal(), "+15559876543");
    assert_eq!(call.sip_headers["X-My-Custom-Header"], "value");
}

#[test]
fn all_three_test_pings_are_pings_and_a_call_never_is() {
    for ping in ["webhook_ping_capital", "webhook_ping_small", "webhook_ping_number"] {
        assert_eq!(parse(&wire(ping)), Ok(Webhook::Ping), "{ping}");
    }
    let mut call: serde_json::Value = serde_json::from_slice(&wire("webhook_dial_in")).unwrap();
    call["Test"] = "test".into();
    assert!(matches!(parse(call.to_string().as_bytes()), Ok(Webhook::DialIn(_))));
    let no_test = json!({"Test": false});
    assert!(matches!(parse(no_test.to_string().as_bytes()), Err(WebhookError::Missing(_))));
}

#[test]
fn what_is_missing_is_named_all_of_it() {
    let all = vec!["From", "To", "callId", "callDomain"];
    assert_eq!(parse(b"{}"), Err(WebhookError::Missing(all)));
    assert_eq!(
        parse(br#"{"From":"+15551234567","callId":"x"}"#),
        Err(WebhookError::Missing(vec!["To", "callDomain"]))
    );
}

#[test]
fn a_caller_who_withholds_the_number_is_taken_all_the_same() {
    for from in [json!("anonymous"), json!(""), json!(null), json!("sip:x@y"), json!(5)] {
        let body = json!({"From": from, "To": "+15559876543", "callId": "a", "callDomain": "b"});
        let Ok(Webhook::DialIn(call)) = parse(body.to_string().as_bytes()) else { panic!("{body}") };
        assert_eq!(call.from, None);
    }
}

#[test]
fn bad_bodies_are_refused_without_repeating_them() {
    let with = |field: &str, value: serde_json::Value| {
        let mut body = json!({"From": "+1", "To": "+1", "callId": "a", "callDomain": "b"});
        body[field] = value;
        body.to_string().into_bytes()
    };
    for bad in [
        b"".to_vec(),
        b"To=%2B1".to_vec(),
        b"[]".to_vec(),
        b"\"secret\"".to_vec(),
        b"\xff\xfe".to_vec(),
        "[".repeat(60_000).into_bytes(),
        with("callId", json!("")),
        with("callId", json!(7)),
        with("callId", json!("secret id\nwith a line")),
        with("callId", json!("x".repeat(300))),
        with("callDomain", json!(null)),
        with("sipHeaders", json!(["secret"])),
    ] {
        let error = parse(&bad).expect_err("this is no dial-in").to_string();
        assert!(!error.contains("secret"), "{error}");
    }
}

const SECRET: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const TIME: &str = "1742353929123";
const NOW: i64 = 1_742_353_930;
const SIGNATURE: &str = "lQkGcDR2EC3VS+W/IJFzROFfn4QSz1wD4UQxkPGXnLo=";

fn verify(timestamp: &str, signature: &str, body: &[u8], now: i64) -> Result<(), SignatureError> {
    let verifier = Verifier::new(&ApiKey::new(SECRET)).unwrap();
    verifier.verify(Some(timestamp), Some(signature), body, now)
}

fn body() -> Vec<u8> {
    wire("webhook_dial_in").trim_ascii_end().to_vec()
}

#[test]
fn the_test_vector_verifies_and_nothing_else_does() {
    assert_eq!(verify(TIME, SIGNATURE, &body(), NOW), Ok(()));
    let hex = "950906703476102dd54be5bf20917344e15f9f8412cf5c03e1443190f1979cba";
    for (timestamp, signature, body) in [
        (TIME, "", body()),
        (TIME, hex, body()),
        ("1742353929124", SIGNATURE, body()),
        (TIME, &SIGNATURE.to_lowercase(), body()),
        (TIME, &SIGNATURE[..40], body()),
        (TIME, SIGNATURE, b"{}".to_vec()),
    ] {
        assert_eq!(verify(timestamp, signature, &body, NOW), Err(SignatureError::Wrong));
    }
}

#[test]
fn a_replay_is_refused_after_five_minutes_whichever_unit_the_time_has() {
    use base64::Engine as _;
    use hmac::{KeyInit, Mac};
    let key = base64::engine::general_purpose::STANDARD.decode(SECRET).unwrap();
    let signed = |timestamp: &str| {
        let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(&key).unwrap();
        mac.update(format!("{timestamp}.{{}}").as_bytes());
        base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes())
    };
    for timestamp in ["1742353929123", "1742353929", "1742353929.5"] {
        let at = |now| verify(timestamp, &signed(timestamp), b"{}", now);
        assert_eq!([at(NOW), at(NOW + 298), at(NOW - 299)], [Ok(()); 3], "{timestamp}");
        assert_eq!([at(NOW + 302), at(NOW - 302)], [Err(SignatureError::Stale); 2], "{timestamp}");
    }
    for timestamp in ["", "yesterday", "NaN", "inf", "1e999"] {
        assert_eq!(verify(timestamp, &signed(timestamp), b"{}", NOW), Err(SignatureError::NotATime));
    }
}

#[test]
fn a_missing_header_and_a_bad_secret_are_told() {
    let verifier = Verifier::new(&ApiKey::new(SECRET)).unwrap();
    assert_eq!(verifier.verify(None, Some(SIGNATURE), b"", NOW), Err(SignatureError::Missing));
    assert_eq!(verifier.verify(Some(TIME), None, b"", NOW), Err(SignatureError::Missing));
    assert!(Verifier::new(&ApiKey::new("not base64!")).is_err());
    assert!(Verifier::new(&ApiKey::new("")).is_err());
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _outcome = parse(&bytes);
    }

    #[test]
    fn no_headers_make_the_verifier_panic_or_believe(timestamp in ".{0,30}", signature in ".{0,60}") {
        let outcome = verify(&timestamp, &signature, b"x", NOW);
        prop_assert!(outcome.is_err());
    }
}

#[test]
fn what_is_signed_is_believed_and_the_signature_is_that_of_the_reference() {
    let verifier = Verifier::new(&ApiKey::new("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")).unwrap();
    let body = br#"{"To":"+15559876543","From":"+15551234567","callId":"6b1f2e5a-0000-4000-8000-000000000001","callDomain":"6b1f2e5a-0000-4000-8000-000000000002"}"#;
    let signature = verifier.sign("1742353929123", body);
    assert_eq!(signature, "lQkGcDR2EC3VS+W/IJFzROFfn4QSz1wD4UQxkPGXnLo=");
    assert_eq!(verifier.verify(Some("1742353929123"), Some(&signature), body, 1_742_353_929), Ok(()));
}
