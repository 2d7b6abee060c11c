//! What an answer is, by its content type in small letters. Servers name samples in many ways, or not at all.

/// Whether an answer may be samples without a header.
pub(super) fn is_pcm(kind: &str) -> bool {
    let other =
        ["application/json", "text/", "audio/mp", "audio/wav", "audio/x-wav", "audio/ogg", "audio/flac"];
    !other.iter().any(|other| kind.starts_with(other))
}

/// The rate of an answer: `audio/pcm;rate=16000` names one.
pub(super) fn pcm_rate(kind: &str) -> Option<u32> {
    let named: u32 =
        kind.split(';').find_map(|part| part.trim().strip_prefix("rate=")?.trim().parse().ok())?;
    (8_000..=48_000).contains(&named).then_some(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_known_by_what_they_are_not() {
        for kind in
            ["", "audio/pcm", "application/octet-stream", "audio/l16;rate=24000", "audio/pcm; rate=8000"]
        {
            assert!(is_pcm(kind), "{kind}");
        }
        for kind in ["audio/mpeg", "application/json", "text/event-stream", "audio/wav"] {
            assert!(!is_pcm(kind), "{kind}");
        }
        assert_eq!((pcm_rate("audio/pcm; rate=8000"), pcm_rate("audio/pcm")), (Some(8_000), None));
        assert_eq!((pcm_rate("audio/pcm;rate=0"), pcm_rate("audio/pcm;rate=x")), (None, None));
    }
}
