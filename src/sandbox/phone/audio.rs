//! Between the line's 16 kHz frames and the phone's µ-law: one frame of 20 ms is 160 bytes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::audio::g711::{decode_ulaw, encode_ulaw};
use crate::audio::{Frame, Framer, Resampler, SAMPLE_RATE};

/// Samples a second on a telephone line.
pub(super) const LINE_RATE: u32 = 8_000;

/// µ-law in, frames out.
#[derive(Debug)]
pub(super) struct FromUlaw {
    resampler: Resampler,
    framer: Framer,
}

impl FromUlaw {
    pub(super) fn new() -> Self {
        Self { resampler: Resampler::new(LINE_RATE, SAMPLE_RATE), framer: Framer::new() }
    }

    /// The frames that a payload completes; payloads of any length are accepted, as Twilio's are.
    pub(super) fn push(&mut self, payload: &str) -> Result<Vec<Frame>, base64::DecodeError> {
        let samples = decode_ulaw(&STANDARD.decode(payload)?);
        self.framer.push(&self.resampler.push(&samples));
        Ok(std::iter::from_fn(|| self.framer.next_frame()).collect())
    }
}

/// Frames in, µ-law out.
#[derive(Debug)]
pub(super) struct ToUlaw {
    resampler: Resampler,
}

impl ToUlaw {
    pub(super) fn new() -> Self {
        Self { resampler: Resampler::new(SAMPLE_RATE, LINE_RATE) }
    }

    /// The payload of a frame.
    pub(super) fn push(&mut self, frame: &Frame) -> String {
        STANDARD.encode(encode_ulaw(&self.resampler.push(frame.samples())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_160_bytes_either_way() {
        let mut there = ToUlaw::new();
        let mut back = FromUlaw::new();
        for _ in 0..10 {
            let payload = there.push(&Frame::silence());
            assert_eq!(STANDARD.decode(&payload).unwrap(), [0xFF; 160]);
            assert_eq!(back.push(&payload).unwrap(), [Frame::silence()]);
        }
        assert!(back.push("not base64").is_err());
        assert_eq!(back.push(&STANDARD.encode([0xFF; 80])).unwrap().len(), 0);
        assert_eq!(back.push(&STANDARD.encode([0xFF; 240])).unwrap().len(), 2);
    }
}
