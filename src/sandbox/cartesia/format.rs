//! Output formats: from the voice's samples to the bytes that were asked for.

use serde_json::Value;

use super::wire::Refusal;
use crate::audio::g711::{encode_alaw, encode_ulaw};
use crate::sandbox::voice::at_rate;

/// Sample rates that the API takes.
const RATES: [u32; 6] = [8_000, 16_000, 22_050, 24_000, 44_100, 48_000];

/// How a sample is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Encoding {
    S16Le,
    F32Le,
    Mulaw,
    Alaw,
}

/// A checked `output_format`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct OutputFormat {
    encoding: Encoding,
    rate: u32,
}

impl OutputFormat {
    pub(super) fn parse(value: &Value) -> Result<Self, Refusal> {
        let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
        if text("container") != "raw" {
            return Err(Refusal::invalid("output_format.container must be raw on a socket."));
        }
        let encoding = match text("encoding") {
            "pcm_s16le" => Encoding::S16Le,
            "pcm_f32le" => Encoding::F32Le,
            "pcm_mulaw" => Encoding::Mulaw,
            "pcm_alaw" => Encoding::Alaw,
            other => return Err(Refusal::invalid(format!("output_format.encoding is unknown: {other}."))),
        };
        let rate = value.get("sample_rate").and_then(Value::as_u64).and_then(|rate| u32::try_from(rate).ok());
        match rate.filter(|rate| RATES.contains(rate)) {
            Some(rate) => Ok(Self { encoding, rate }),
            None => Err(Refusal::invalid("output_format.sample_rate is not one of the documented rates.")),
        }
    }

    /// The samples of the voice in this format.
    pub(super) fn bytes(self, samples: &[i16]) -> Vec<u8> {
        let samples = at_rate(samples, self.rate);
        match self.encoding {
            Encoding::S16Le => samples.iter().flat_map(|sample| sample.to_le_bytes()).collect(),
            Encoding::F32Le => {
                samples.iter().flat_map(|&sample| (f32::from(sample) / 32_768.0).to_le_bytes()).collect()
            }
            Encoding::Mulaw => encode_ulaw(&samples),
            Encoding::Alaw => encode_alaw(&samples),
        }
    }

    /// Bytes of a tenth of a second: whole samples.
    pub(super) fn bytes_of_a_tenth(self) -> usize {
        let sample = match self.encoding {
            Encoding::S16Le => 2,
            Encoding::F32Le => 4,
            Encoding::Mulaw | Encoding::Alaw => 1,
        };
        sample * (self.rate / 10) as usize
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::audio::g711::{decode_alaw, decode_ulaw};
    use crate::sandbox::voice::{Decoder, Heard, encode};

    fn samples_of(format: OutputFormat, bytes: &[u8]) -> Vec<i16> {
        match format.encoding {
            Encoding::S16Le => {
                bytes.as_chunks::<2>().0.iter().map(|&pair| i16::from_le_bytes(pair)).collect()
            }
            Encoding::F32Le => {
                let floats = bytes.as_chunks::<4>().0.iter().map(|&four| f32::from_le_bytes(four));
                floats.map(|float| (float * 32_767.0) as i16).collect()
            }
            Encoding::Mulaw => decode_ulaw(bytes),
            Encoding::Alaw => decode_alaw(bytes),
        }
    }

    #[test]
    fn every_documented_format_carries_the_text_and_lasts_as_long() {
        let voice = encode("Hello there.");
        for encoding in ["pcm_s16le", "pcm_f32le", "pcm_mulaw", "pcm_alaw"] {
            for rate in RATES {
                let format = json!({"container": "raw", "encoding": encoding, "sample_rate": rate});
                let format = OutputFormat::parse(&format).unwrap();
                let bytes = format.bytes(&voice);
                let tenths = bytes.len() as f64 / format.bytes_of_a_tenth() as f64;
                assert!((tenths - voice.len() as f64 / 1_600.0).abs() < 0.01, "{encoding} {rate}: {tenths}");
                let mut heard = Decoder::new(rate).push(&samples_of(format, &bytes));
                let Some(Heard::Text { text, intact: true, .. }) = heard.pop() else {
                    panic!("{encoding} {rate}: {heard:?}")
                };
                assert_eq!(text, "Hello there.");
            }
        }
    }

    #[test]
    fn other_formats_are_refused() {
        for wrong in [
            json!({"container": "wav", "encoding": "pcm_s16le", "sample_rate": 8000}),
            json!({"container": "raw", "encoding": "mp3", "sample_rate": 8000}),
            json!({"container": "raw", "encoding": "pcm_s16le", "sample_rate": 11025}),
            json!({"container": "raw", "encoding": "pcm_s16le"}),
            json!("raw"),
        ] {
            assert_eq!(OutputFormat::parse(&wrong).unwrap_err().status, 400, "{wrong}");
        }
    }
}
