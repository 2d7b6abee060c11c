//! The bodies of requests and answers.

use bytes::Bytes;
use serde_json::{Value, json};

use super::DEFAULT_VOICE;
use crate::audio::{Frame, SAMPLE_RATE};
use crate::speech::{SttParams, TtsParams};

/// The rate of `pcm` answers: 24 kHz, 16-bit, mono, little-endian, without a header.
pub(super) const PCM_RATE: u32 = 24_000;
const BYTES_PER_SAMPLE: u32 = 2;

/// The request to speak a text.
pub(super) fn speech(params: &TtsParams, text: &str) -> Bytes {
    let voice = params.voice.as_deref().unwrap_or(DEFAULT_VOICE);
    let body = json!({
        "model": &*params.model, "input": text, "voice": voice, "response_format": "pcm",
    });
    Bytes::from(body.to_string())
}

/// A multipart form with an utterance as a WAV file, and its content type.
pub(super) fn transcription(params: &SttParams, frames: &[Frame], boundary: &str) -> (String, Bytes) {
    let mut body = Vec::new();
    let mut field = |name: &str, value: &str| {
        let head = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
        body.extend_from_slice(format!("{head}{value}\r\n").as_bytes());
    };
    field("model", &params.model);
    field("response_format", "json");
    // ISO 639-1.
    let language = params.language.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
    if language.len() == 2 {
        field("language", &language);
    }
    let head = "Content-Disposition: form-data; name=\"file\"; filename=\"utterance.wav\"\r\n\
                Content-Type: audio/wav\r\n\r\n";
    body.extend_from_slice(format!("--{boundary}\r\n{head}").as_bytes());
    body.extend(wav(frames));
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={boundary}"), Bytes::from(body))
}

/// A RIFF file of 16-bit PCM.
fn wav(frames: &[Frame]) -> Vec<u8> {
    let samples: Vec<u8> = frames.iter().flat_map(Frame::to_le_bytes).collect();
    let length = u32::try_from(samples.len()).expect("an utterance is bounded to a minute");
    let mut file = Vec::with_capacity(44 + samples.len());
    let long = |file: &mut Vec<u8>, number: u32| file.extend_from_slice(&number.to_le_bytes());
    file.extend_from_slice(b"RIFF");
    long(&mut file, 36 + length);
    file.extend_from_slice(b"WAVEfmt ");
    long(&mut file, 16);
    // PCM, one channel.
    file.extend_from_slice(&[1, 0, 1, 0]);
    long(&mut file, SAMPLE_RATE);
    long(&mut file, SAMPLE_RATE * BYTES_PER_SAMPLE);
    // Bytes a sample, bits a sample.
    file.extend_from_slice(&[2, 0, 16, 0]);
    file.extend_from_slice(b"data");
    long(&mut file, length);
    file.extend(samples);
    file
}

/// The words of an answer; the error says what was wrong with it, never what was in it.
pub(super) fn transcript(body: &[u8]) -> Result<String, String> {
    let value: Value = serde_json::from_slice(body).map_err(|_| "the answer is not JSON".to_owned())?;
    let text = value.get("text").and_then(Value::as_str).ok_or("the answer has no text")?;
    Ok(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    macro_rules! wire {
        ($name:literal) => {
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/wire/openai_audio/", $name)).trim_end()
        };
    }

    #[test]
    fn what_we_send_is_what_is_documented() {
        let params = TtsParams {
            model: "gpt-4o-mini-tts".into(),
            voice: None,
            language: "en".into(),
            call_id: "call-7".into(),
        };
        let documented: Value = serde_json::from_str(wire!("client_speech.json")).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&speech(&params, "Hello there. ")).unwrap(), documented);
    }

    #[test]
    fn an_utterance_is_a_form_with_a_wav_file() {
        let params =
            SttParams { model: "whisper-1".into(), language: "en-US".into(), call_id: "call-7".into() };
        let (kind, body) = transcription(&params, &[Frame::from_samples(&[258; 320])], "b0");
        assert_eq!(kind, "multipart/form-data; boundary=b0");
        let text = String::from_utf8_lossy(&body);
        for part in [
            "--b0\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n",
            "name=\"response_format\"\r\n\r\njson\r\n",
            "name=\"language\"\r\n\r\nen\r\n",
            "filename=\"utterance.wav\"\r\nContent-Type: audio/wav\r\n\r\nRIFF",
        ] {
            assert!(text.contains(part), "{text}");
        }
        assert!(body.ends_with(b"\x02\x01\r\n--b0--\r\n"));
        let at = body.windows(4).position(|four| four == b"RIFF").unwrap();
        let header = &body[at..at + 44];
        assert_eq!(header[4..8], (36u32 + 640).to_le_bytes());
        assert_eq!(header[24..28], 16_000u32.to_le_bytes());
        assert_eq!(header[40..44], 640u32.to_le_bytes());
    }

    #[test]
    fn answers_are_read_and_garbage_is_not_repeated() {
        let text = transcript(wire!("transcription.json").as_bytes());
        assert_eq!(text.as_deref(), Ok("I want to talk to a person."));
        for body in ["", "secret", r#"{"words":"secret"}"#, r#"{"text":7}"#] {
            assert!(!transcript(body.as_bytes()).unwrap_err().contains("secret"));
        }
    }
}
