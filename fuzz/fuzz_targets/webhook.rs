//! What comes over HTTP before a call, of any bytes: the dial-in webhook, and the body that starts a bot. The twin is
//! `tests/webhook.rs`.

#![no_main]

use callflow::cloud::SessionArgs;
use callflow::telephony::daily::webhook::{Webhook, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    match parse(body) {
        Ok(Webhook::DialIn(call)) => assert!(!call.call_id.is_empty() && !call.call_domain.is_empty()),
        Ok(Webhook::Ping) => {}
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    let Ok(serde_json::Value::Object(body)) = serde_json::from_slice(body) else { return };
    if let Ok(args) = SessionArgs::read(&body, None) {
        // What is written is read as the same.
        let written = args.write();
        let again = written.as_object().map(|body| SessionArgs::read(body, None));
        assert!(matches!(again, Some(Ok(_))), "what was written is not read");
    }
});
