//! What an HTTP refusal means: one mapping for handshakes and requests of all three vendors.

use std::time::Duration;

use tokio_tungstenite::tungstenite::http::{HeaderMap, StatusCode};

use crate::speech::SpeechError;

/// Longest text of a vendor that is passed on.
const MAX_DETAIL: usize = 160;
/// This many digits in a row may be a telephone or card number.
const SUSPICIOUS_DIGITS: usize = 5;

/// Maps a status that is not a success. The detail is the `dg-error` header (Deepgram), else what the
/// JSON body calls its message (`error.message`, `err_msg`, `message`, `title`, `error`), else the status.
#[must_use]
pub fn refusal(vendor: &'static str, status: StatusCode, headers: &HeaderMap, body: &str) -> SpeechError {
    let json = serde_json::from_str::<serde_json::Value>(body).unwrap_or_default();
    let detail = match header(headers, "dg-error").or_else(|| message_of(&json)) {
        Some(text) => format!("HTTP {}: {}", status.as_u16(), vendor_text(text)),
        None => format!("HTTP {}", status.as_u16()),
    };
    match status.as_u16() {
        401 | 403 => SpeechError::Unauthorized { vendor },
        402 => SpeechError::RateLimited { vendor, retry_after: None, permanent: true },
        429 => SpeechError::RateLimited {
            vendor,
            retry_after: retry_after(headers),
            permanent: is_out_of_credit(&json),
        },
        408 | 409 | 500.. => SpeechError::Vendor { vendor, detail },
        _ => SpeechError::Refused { vendor, detail },
    }
}

/// Whether trying again is useless until somebody changes a setting or pays.
#[must_use]
pub fn is_permanent(error: &SpeechError) -> bool {
    matches!(
        error,
        SpeechError::Unauthorized { .. }
            | SpeechError::Refused { .. }
            | SpeechError::RateLimited { permanent: true, .. }
    )
}

/// `retry-after-ms`, else `retry-after` in seconds. The date form of the latter is not read: no vendor
/// here documents it.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let millis = header(headers, "retry-after-ms").and_then(|text| text.parse::<f64>().ok());
    let seconds = || header(headers, "retry-after").and_then(|text| text.parse::<f64>().ok());
    Duration::try_from_secs_f64(millis.map(|ms| ms / 1000.0).or_else(seconds)?).ok()
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn message_of(json: &serde_json::Value) -> Option<&str> {
    let places = ["/error/message", "/err_msg", "/message", "/title", "/error"];
    places.iter().find_map(|place| json.pointer(place)?.as_str())
}

fn is_out_of_credit(json: &serde_json::Value) -> bool {
    ["/error/code", "/error/type"]
        .iter()
        .any(|place| json.pointer(place).and_then(|code| code.as_str()) == Some("insufficient_quota"))
}

/// A vendor's text made fit for a log line: one line, short, and without long numbers.
#[must_use]
pub fn vendor_text(text: &str) -> String {
    let mut out = String::new();
    let mut digits = String::new();
    for c in text.chars().take(MAX_DETAIL).chain(std::iter::once(' ')) {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        out.push_str(if digits.len() < SUSPICIOUS_DIGITS { &digits } else { "•••" });
        digits.clear();
        out.push(if c.is_control() { ' ' } else { c });
    }
    out.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, headers: &[(&'static str, &str)], body: &str) -> SpeechError {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        refusal("test", StatusCode::from_u16(status).unwrap(), &map, body)
    }

    fn wire(path: &str) -> String {
        std::fs::read_to_string(format!("{}/tests/wire/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
    }

    #[test]
    fn documented_refusals_become_causes() {
        assert_eq!(
            refused(401, &[("dg-error", "Invalid credentials.")], &wire("deepgram/refused_401.json")),
            SpeechError::Unauthorized { vendor: "test" }
        );
        assert_eq!(
            refused(400, &[], &wire("deepgram/refused_400.json")),
            SpeechError::Refused {
                vendor: "test",
                detail: "HTTP 400: No such model/language/tier combination found.".into()
            }
        );
        assert!(is_permanent(&refused(429, &[], &wire("openai/refused_429_quota.json"))));
        assert_eq!(
            refused(429, &[("retry-after", "2")], &wire("openai/refused_429_rate.json")),
            SpeechError::RateLimited {
                vendor: "test",
                retry_after: Some(Duration::from_secs(2)),
                permanent: false
            }
        );
        assert!(!is_permanent(&refused(503, &[], "<html>")));
        assert_eq!(refused(302, &[], ""), SpeechError::Refused { vendor: "test", detail: "HTTP 302".into() });
    }

    #[test]
    fn the_milliseconds_header_comes_first_and_nonsense_is_no_wish() {
        let wish = |headers: &[(&'static str, &str)]| match refused(429, headers, "") {
            SpeechError::RateLimited { retry_after, .. } => retry_after,
            other => panic!("{other}"),
        };
        assert_eq!(
            wish(&[("retry-after", "9"), ("retry-after-ms", "250")]),
            Some(Duration::from_millis(250))
        );
        for nonsense in ["-1", "NaN", "1e300", "soon", "inf"] {
            assert_eq!(wish(&[("retry-after", nonsense)]), None, "{nonsense}");
        }
    }

    #[test]
    fn a_detail_is_one_short_line_without_long_numbers() {
        let text = vendor_text("bad number\n+15550100123 at line 12\r\nx");
        assert_eq!(text, "bad number +••• at line 12  x");
        assert!(vendor_text(&"é".repeat(1000)).chars().count() <= MAX_DETAIL);
        assert_eq!(vendor_text("gpt-4o-2024-08-06"), "gpt-4o-2024-08-06");
    }
}
