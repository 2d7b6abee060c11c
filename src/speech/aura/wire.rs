//! The query and the body of a request.

use bytes::Bytes;
use reqwest::Url;
use serde_json::json;

use crate::audio::SAMPLE_RATE;
use crate::speech::TtsParams;
use crate::speech::socket::BaseUrl;

/// Samples without a header, at our rate. `tag` marks what belongs together in the vendor's usage reports.
pub(super) fn speak_url(base: &BaseUrl, params: &TtsParams) -> Url {
    let mut url = base.http("v1/speak");
    url.query_pairs_mut()
        .append_pair("model", &params.model)
        .append_pair("encoding", "linear16")
        .append_pair("sample_rate", &SAMPLE_RATE.to_string())
        .append_pair("container", "none")
        .append_pair("tag", &params.call_id);
    url
}

pub(super) fn speak(text: &str) -> Bytes {
    Bytes::from(json!({ "text": text }).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    macro_rules! wire {
        ($name:literal) => {
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/wire/aura/", $name)).trim_end()
        };
    }

    #[test]
    fn what_we_send_is_what_is_documented() {
        let base = BaseUrl::parse("test", "wss://host/deepgram/").unwrap();
        let params = TtsParams {
            model: "aura-2-thalia-en".into(),
            voice: None,
            language: "en-US".into(),
            call_id: "call-7".into(),
        };
        let url = speak_url(&base, &params);
        assert_eq!(
            url.as_str(),
            format!("https://host/deepgram/v1/speak?{}", wire!("client_speak_query.txt"))
        );
        let documented: serde_json::Value = serde_json::from_str(wire!("client_speak.json")).unwrap();
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&speak("Hello there.")).unwrap(), documented);
    }
}
