//! The bundled apology: what is heard when no voice can be had, and none ever was.
//!
//! Made with `espeak-ng -v en-us -s 150 -p 45` from the sentence that the machine calls its apology, as 8 kHz µ-law.
//! The audio is the output of that program, not a part of it.

use std::sync::{Arc, LazyLock};

use super::g711::decode_ulaw;
use super::{Resampler, SAMPLE_RATE};

const RATE: u32 = 8_000;
static ULAW: &[u8] = include_bytes!("apology.ulaw");

/// "I'm sorry, something went wrong on our side. Please call again later." as 16 kHz mono. Decoded once.
#[must_use]
pub fn apology() -> Arc<[i16]> {
    static SAMPLES: LazyLock<Arc<[i16]>> = LazyLock::new(|| {
        let mut resampler = Resampler::new(RATE, SAMPLE_RATE);
        let mut samples = resampler.push(&decode_ulaw(ULAW));
        samples.extend(resampler.flush());
        samples.into()
    });
    Arc::clone(&SAMPLES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::{FRAME_SAMPLES, Frame};

    #[test]
    fn it_is_a_sentence_of_a_usual_length_and_loudness_that_begins_at_once() {
        let samples = apology();
        let seconds = samples.len() as f64 / f64::from(SAMPLE_RATE);
        assert!((4.0..6.0).contains(&seconds), "{seconds}");
        let level = |samples: &[i16]| Frame::from_samples(samples).dbfs();
        let loudest = samples.chunks(FRAME_SAMPLES).map(level).fold(f64::MIN, |a, b| a.max(f64::from(b)));
        assert!((-20.0..-6.0).contains(&loudest), "{loudest} dBFS");
        let begins = samples.chunks(FRAME_SAMPLES).position(|frame| level(frame) > -45.0);
        assert!(begins.is_some_and(|frames| frames < 5), "{begins:?}");
    }
}
