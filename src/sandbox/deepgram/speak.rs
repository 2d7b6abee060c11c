//! Deepgram's Aura (`POST /v1/speak`), as its text to speech reference describes it.
//!
//! Every model whose name begins with `aura-` and ends in a language exists, and all sound the same. Samples
//! without a header are all that is made here: no files, no compression. Faults: `speak`.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use uuid::Uuid;

use super::{has_key, name_request, ordered, refusal};
use crate::audio::g711::{encode_alaw, encode_ulaw};
use crate::sandbox::faults::Service;
use crate::sandbox::site::Site;
use crate::sandbox::spoken_body::{Befallen, befall, spoken};
use crate::sandbox::voice::{at_rate, encode};

/// Letters that one request may have.
const MOST_LETTERS: usize = 2_000;
/// Parameters that are known; all others are refused.
const PARAMETERS: [&str; 10] = [
    "model",
    "encoding",
    "sample_rate",
    "container",
    "bit_rate",
    "speed",
    "tag",
    "mip_opt_out",
    "callback",
    "callback_method",
];

#[derive(Deserialize)]
struct Body {
    text: String,
}

/// What is asked for.
struct Format {
    coding: &'static Coding,
    rate: u32,
}

/// How samples are written.
struct Coding {
    name: &'static str,
    encode: fn(&[i16]) -> Vec<u8>,
    content_type: &'static str,
    bytes_per_sample: usize,
    rates: &'static [u32],
    usual_rate: u32,
}

const CODINGS: [Coding; 3] = [
    Coding {
        name: "linear16",
        encode: |samples| samples.iter().flat_map(|sample| sample.to_le_bytes()).collect(),
        content_type: "audio/l16",
        bytes_per_sample: 2,
        rates: &[8_000, 16_000, 24_000, 32_000, 48_000],
        usual_rate: 24_000,
    },
    Coding {
        name: "mulaw",
        encode: encode_ulaw,
        content_type: "audio/mulaw",
        bytes_per_sample: 1,
        rates: &[8_000, 16_000],
        usual_rate: 8_000,
    },
    Coding {
        name: "alaw",
        encode: encode_alaw,
        content_type: "audio/alaw",
        bytes_per_sample: 1,
        rates: &[8_000, 16_000],
        usual_rate: 8_000,
    },
];

/// The route.
pub(super) async fn speak(
    State(site): State<Site>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request_id = Uuid::new_v4();
    if !has_key(&headers) {
        return refusal(request_id, StatusCode::UNAUTHORIZED, "INVALID_AUTH", "Invalid credentials.");
    }
    let (format, text) = match Format::parse(&query).and_then(|format| Ok((format, text(&body)?))) {
        Ok(asked) => asked,
        Err((status, why)) => return refusal(request_id, status, "Bad Request", &why),
    };
    site.traces.note_tag(Service::Aura, &query);
    let fault = match befall(&site, Service::Aura, "speak").await {
        Befallen::Refused(status, info) => return ordered(request_id, status, info.as_deref()),
        Befallen::Answered(fault) => fault,
    };
    let Format { coding, rate } = format;
    let bytes = (coding.encode)(&at_rate(&encode(&text), rate));
    let tenth = coding.bytes_per_sample * (rate / 10) as usize;
    let mut response = spoken(&site, Service::Aura, coding.content_type, &bytes, tenth, fault.as_ref());
    name_request(&mut response, request_id);
    response
}

type Refused = (StatusCode, String);

fn refused(why: impl Into<String>) -> Refused {
    (StatusCode::BAD_REQUEST, why.into())
}

fn text(body: &[u8]) -> Result<String, Refused> {
    let body: Body = serde_json::from_slice(body).map_err(|_| refused("The body must be {\"text\": …}."))?;
    match body.text.chars().count() {
        0 => Err(refused("The text is empty.")),
        count if count > MOST_LETTERS => {
            Err((StatusCode::PAYLOAD_TOO_LARGE, format!("The text has more than {MOST_LETTERS} letters.")))
        }
        _ => Ok(body.text),
    }
}

impl Format {
    fn parse(query: &[(String, String)]) -> Result<Self, Refused> {
        let query: BTreeMap<&str, &str> = query.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        if let Some(unknown) = query.keys().find(|name| !PARAMETERS.contains(name)) {
            return Err(refused(format!("Unknown query parameter `{unknown}`.")));
        }
        let model = query.get("model").copied().unwrap_or("aura-asteria-en");
        let parts = model.split('-').count();
        if !model.starts_with("aura-") || parts < 3 {
            return Err(refused("No such model/version combination found."));
        }
        if query.get("container") != Some(&"none") {
            return Err(refused("The sandbox makes samples only: set container=none."));
        }
        let encoding = query.get("encoding").copied().unwrap_or_default();
        let coding = CODINGS.iter().find(|coding| coding.name == encoding);
        let coding = coding.ok_or_else(|| refused("The sandbox makes linear16, mulaw and alaw."))?;
        let rate = match query.get("sample_rate") {
            Some(rate) => rate.parse().ok().filter(|rate| coding.rates.contains(rate)),
            None => Some(coding.usual_rate),
        };
        let rate = rate.ok_or_else(|| refused("The encoding has no such sample_rate."))?;
        Ok(Self { coding, rate })
    }
}
