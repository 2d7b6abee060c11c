//! The query of `/v1/listen`: what is asked for, and what is refused with 400.

use std::time::Duration;

use super::audio::Encoding;

/// Encodings that the streaming reference lists; the first three are understood here.
const ENCODINGS: [&str; 10] =
    ["linear16", "mulaw", "alaw", "linear32", "flac", "amr-nb", "amr-wb", "opus", "ogg-opus", "speex"];
/// Beginnings of the names of models.
const MODELS: [&str; 5] = ["nova", "enhanced", "base", "whisper", "general"];
/// Parameters that are `true` or `false`.
const BOOLEANS: [&str; 12] = [
    "interim_results",
    "punctuate",
    "smart_format",
    "vad_events",
    "diarize",
    "dictation",
    "numerals",
    "profanity_filter",
    "multichannel",
    "detect_entities",
    "filler_words",
    "mip_opt_out",
];
/// Silence after which an utterance has ended, unless `endpointing` says otherwise.
const ENDPOINTING: Duration = Duration::from_millis(10);
/// The least `utterance_end_ms`.
const LEAST_UTTERANCE_END_MS: u64 = 1_000;

/// A checked query.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Listen {
    pub(super) encoding: Encoding,
    pub(super) sample_rate: u32,
    pub(super) model: String,
    pub(super) interim_results: bool,
    pub(super) punctuated: bool,
    pub(super) vad_events: bool,
    /// None if endpointing is off.
    pub(super) endpointing: Option<Duration>,
    pub(super) utterance_end: Option<Duration>,
}

impl Listen {
    /// Reads a query; an unknown parameter is ignored, as the vendor does.
    pub(super) fn parse(query: &[(String, String)]) -> Result<Self, String> {
        let query = Parameters(query);
        for name in BOOLEANS {
            query.flag(name)?;
        }
        let interim_results = query.flag("interim_results")?;
        Ok(Self {
            encoding: query.encoding()?,
            sample_rate: query.sample_rate()?,
            model: query.model()?,
            interim_results,
            punctuated: query.flag("punctuate")? || query.flag("smart_format")?,
            vad_events: query.flag("vad_events")?,
            endpointing: query.endpointing()?,
            utterance_end: query.utterance_end(interim_results)?,
        })
    }
}

struct Parameters<'a>(&'a [(String, String)]);

impl Parameters<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn flag(&self, name: &str) -> Result<bool, String> {
        match self.get(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(format!("Invalid query string: {name} must be true or false.")),
        }
    }

    fn encoding(&self) -> Result<Encoding, String> {
        let channels = self.get("channels").unwrap_or("1");
        if channels != "1" {
            return Err(format!("The sandbox hears one channel, not {channels}."));
        }
        match self.get("encoding") {
            Some("linear16") => Ok(Encoding::Linear16),
            Some("mulaw") => Ok(Encoding::Mulaw),
            Some("alaw") => Ok(Encoding::Alaw),
            Some(name) if !ENCODINGS.contains(&name) => {
                Err(format!("Invalid query string: unknown encoding `{name}`."))
            }
            Some(_) | None => Ok(Encoding::Other),
        }
    }

    fn sample_rate(&self) -> Result<u32, String> {
        let Some(rate) = self.get("sample_rate") else {
            return match self.encoding()? {
                Encoding::Other => Ok(16_000),
                _ => Err("Invalid query string: raw audio needs a sample_rate.".to_owned()),
            };
        };
        let rate = rate.parse().ok().filter(|rate| (8_000..=48_000).contains(rate));
        rate.ok_or_else(|| "Invalid query string: sample_rate must be from 8000 to 48000.".to_owned())
    }

    fn model(&self) -> Result<String, String> {
        let model = self.get("model").unwrap_or("base");
        if MODELS.iter().any(|known| model.starts_with(known)) {
            return Ok(model.to_owned());
        }
        Err("No such model/language/tier combination found.".to_owned())
    }

    fn endpointing(&self) -> Result<Option<Duration>, String> {
        match self.get("endpointing") {
            None | Some("true") => Ok(Some(ENDPOINTING)),
            Some("false") => Ok(None),
            Some(ms) => match ms.parse() {
                Ok(ms) => Ok(Some(Duration::from_millis(ms))),
                Err(_) => Err("Invalid query string: endpointing must be milliseconds or false.".to_owned()),
            },
        }
    }

    fn utterance_end(&self, interim_results: bool) -> Result<Option<Duration>, String> {
        let Some(ms) = self.get("utterance_end_ms").filter(|&ms| ms != "false") else {
            return Ok(None);
        };
        let ms = ms.parse().ok().filter(|&ms: &u64| ms >= LEAST_UTTERANCE_END_MS);
        match ms {
            Some(ms) if interim_results => Ok(Some(Duration::from_millis(ms))),
            Some(_) => Err("Invalid query string: utterance_end_ms needs interim_results=true.".to_owned()),
            None => Err("Invalid query string: utterance_end_ms must be 1000 or more.".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str) -> Result<Listen, String> {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        Listen::parse(&pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).collect::<Vec<_>>())
    }

    #[test]
    fn documented_queries_are_understood() {
        let ours =
            parse(include_str!("../../../tests/wire/deepgram/client_listen_query.txt").trim()).unwrap();
        assert_eq!((ours.encoding, ours.sample_rate), (Encoding::Linear16, 16_000));
        assert_eq!(ours.endpointing, Some(Duration::from_millis(300)));
        assert!(ours.interim_results && ours.punctuated && !ours.vad_events);
        let plain = parse("encoding=mulaw&sample_rate=8000").unwrap();
        assert_eq!(plain.endpointing, Some(ENDPOINTING));
        assert!(!plain.interim_results && !plain.punctuated && plain.utterance_end.is_none());
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (query, why) in [
            ("encoding=mp9&sample_rate=8000", "encoding"),
            ("encoding=linear16", "sample_rate"),
            ("encoding=linear16&sample_rate=fast", "sample_rate"),
            ("encoding=linear16&sample_rate=8000&punctuate=yes", "punctuate"),
            ("encoding=linear16&sample_rate=8000&model=gpt-4o", "model"),
            ("encoding=linear16&sample_rate=8000&endpointing=soon", "endpointing"),
            ("encoding=linear16&sample_rate=8000&utterance_end_ms=1000", "interim_results"),
            ("encoding=linear16&sample_rate=8000&utterance_end_ms=10&interim_results=true", "1000"),
            ("encoding=linear16&sample_rate=8000&channels=2", "channel"),
        ] {
            let refusal = parse(query).unwrap_err();
            assert!(refusal.contains(why), "{query}: {refusal}");
        }
    }
}
