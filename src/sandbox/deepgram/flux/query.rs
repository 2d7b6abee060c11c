//! The query of `/v2/listen`. What belongs to `/v1/listen` only is refused, as is everything unknown.

use std::time::Duration;

use super::super::audio::Encoding;

const MODELS: [&str; 2] = ["flux-general-en", "flux-general-multi"];
const ENCODINGS: [&str; 6] = ["linear16", "linear32", "mulaw", "alaw", "opus", "ogg-opus"];
/// Parameters that change nothing here.
const WITHOUT_EFFECT: [&str; 6] = ["keyterm", "numerals", "profanity_filter", "redact", "mip_opt_out", "tag"];

/// When a turn is over.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Thresholds {
    /// The confidence that ends a turn; out of reach at 1.
    pub(super) end: f64,
    /// The confidence that is told as an eager end, if any is.
    pub(super) eager: Option<f64>,
    /// The silence that ends a turn at any confidence.
    pub(super) timeout: Duration,
}

/// A checked query.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Listen {
    pub(super) encoding: Encoding,
    pub(super) sample_rate: u32,
    pub(super) thresholds: Thresholds,
    /// `language_hint`s.
    pub(super) hints: Vec<String>,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { end: 0.7, eager: None, timeout: Duration::from_secs(5) }
    }
}

impl Thresholds {
    /// Changes what is given, within the documented bounds.
    pub(super) fn change(
        &mut self,
        end: Option<f64>,
        eager: Option<f64>,
        timeout_ms: Option<u64>,
    ) -> Result<(), String> {
        let within = |name: &str, value: Option<f64>, least, most| match value {
            Some(value) if !(least..=most).contains(&value) => {
                Err(format!("{name} must be from {least} to {most}."))
            }
            value => Ok(value),
        };
        let end = within("eot_threshold", end, 0.5, 1.0)?;
        let eager = within("eager_eot_threshold", eager, 0.3, 0.9)?;
        if timeout_ms.is_some_and(|ms| !(500..=60_000).contains(&ms)) {
            return Err("eot_timeout_ms must be from 500 to 60000.".to_owned());
        }
        self.end = end.unwrap_or(self.end);
        self.eager = eager.or(self.eager);
        self.timeout = timeout_ms.map_or(self.timeout, Duration::from_millis);
        Ok(())
    }
}

impl Listen {
    /// Reads a query.
    pub(super) fn parse(query: &[(String, String)]) -> Result<Self, String> {
        let mut listen = Self {
            encoding: Encoding::Other,
            sample_rate: 16_000,
            thresholds: Thresholds::default(),
            hints: Vec::new(),
        };
        let (mut model, mut rate) = (None, None);
        for (name, value) in query {
            match name.as_str() {
                "model" => model = Some(value.as_str()),
                "encoding" => listen.encoding = encoding(value)?,
                "sample_rate" => rate = Some(number(name, value)?),
                "eot_threshold" => listen.thresholds.change(Some(number(name, value)?), None, None)?,
                "eager_eot_threshold" => listen.thresholds.change(None, Some(number(name, value)?), None)?,
                "eot_timeout_ms" => listen.thresholds.change(None, None, Some(number(name, value)?))?,
                "language_hint" => listen.hints.push(value.clone()),
                name if WITHOUT_EFFECT.contains(&name) => {}
                other => return Err(format!("Unknown query parameter `{other}`.")),
            }
        }
        let model = model.filter(|model| MODELS.contains(model)).ok_or("The model is none of Flux's.")?;
        if model == MODELS[0] && !listen.hints.is_empty() {
            return Err("Only flux-general-multi takes a language_hint.".to_owned());
        }
        match rate {
            Some(rate) if (8_000..=48_000).contains(&rate) => listen.sample_rate = rate,
            Some(_) => return Err("sample_rate must be from 8000 to 48000.".to_owned()),
            None if listen.encoding == Encoding::Other => {}
            None => return Err("Raw audio needs a sample_rate.".to_owned()),
        }
        Ok(listen)
    }
}

fn encoding(name: &str) -> Result<Encoding, String> {
    match name {
        "linear16" => Ok(Encoding::Linear16),
        "mulaw" => Ok(Encoding::Mulaw),
        "alaw" => Ok(Encoding::Alaw),
        name if ENCODINGS.contains(&name) => Ok(Encoding::Other),
        name => Err(format!("Unknown encoding `{name}`.")),
    }
}

fn number<T: std::str::FromStr>(name: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("{name} must be a number."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str) -> Result<Listen, String> {
        let pairs: Vec<_> = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Listen::parse(&pairs)
    }

    #[test]
    fn the_documented_query_is_understood() {
        let listen = parse(include_str!("../../../../tests/wire/flux/client_listen_query.txt").trim_end());
        let expected = Thresholds { timeout: Duration::from_secs(3), ..Thresholds::default() };
        assert_eq!(listen.unwrap().thresholds, expected);
        let raw = "model=flux-general-multi&encoding=mulaw&sample_rate=8000";
        let listen =
            parse(&format!("{raw}&language_hint=de&language_hint=en&eager_eot_threshold=0.4")).unwrap();
        assert_eq!((listen.hints.len(), listen.thresholds.eager), (2, Some(0.4)));
    }

    #[test]
    fn what_flux_does_not_know_is_refused() {
        let raw = "model=flux-general-en&encoding=linear16&sample_rate=16000";
        assert!(parse(raw).is_ok());
        for wrong in [
            "interim_results=true",
            "language=en",
            "channels=1",
            "eot_threshold=0.2",
            "eager_eot_threshold=0.95",
            "eot_timeout_ms=100",
            "eot_timeout_ms=soon",
            "language_hint=de",
        ] {
            assert!(parse(&format!("{raw}&{wrong}")).is_err(), "{wrong}");
        }
        for wrong in [
            "",
            "model=nova-3&encoding=linear16&sample_rate=16000",
            "model=flux-general-en&encoding=linear16",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
