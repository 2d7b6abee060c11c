//! The unit in which audio moves through a call: 20 ms of 16 kHz mono.

use std::fmt;

/// Samples a second inside a call.
pub const SAMPLE_RATE: u32 = 16_000;
/// Length of a [`Frame`] in milliseconds.
pub const FRAME_MS: u64 = 20;
/// Samples in a [`Frame`].
pub const FRAME_SAMPLES: usize = 320;

/// 20 ms of signed 16-bit mono audio at [`SAMPLE_RATE`].
#[derive(Clone, PartialEq, Eq)]
pub struct Frame(Box<[i16; FRAME_SAMPLES]>);

impl Frame {
    /// A frame of digital silence.
    #[must_use]
    pub fn silence() -> Self {
        Self(Box::new([0; FRAME_SAMPLES]))
    }

    /// A frame from at most [`FRAME_SAMPLES`] samples; what is missing is silence, what is too much is cut.
    #[must_use]
    pub fn from_samples(samples: &[i16]) -> Self {
        let mut frame = Self::silence();
        let n = samples.len().min(FRAME_SAMPLES);
        frame.0[..n].copy_from_slice(&samples[..n]);
        frame
    }

    /// A frame from little-endian bytes, as vendors send 16-bit PCM; an odd last byte is dropped.
    #[must_use]
    pub fn from_le_bytes(bytes: &[u8]) -> Self {
        let mut frame = Self::silence();
        // Most of a call is silence.
        if *bytes == [0; 2 * FRAME_SAMPLES] {
            return frame;
        }
        for (sample, pair) in frame.0.iter_mut().zip(bytes.chunks_exact(2)) {
            *sample = i16::from_le_bytes([pair[0], pair[1]]);
        }
        frame
    }

    /// The samples.
    #[must_use]
    pub fn samples(&self) -> &[i16; FRAME_SAMPLES] {
        &self.0
    }

    /// Whether it is digital silence.
    #[must_use]
    pub fn is_silence(&self) -> bool {
        // One comparison of memory, where a loop over samples is none in an unoptimised build.
        *self.0 == [0; FRAME_SAMPLES]
    }

    /// The samples, to change them.
    pub fn samples_mut(&mut self) -> &mut [i16; FRAME_SAMPLES] {
        &mut self.0
    }

    /// The samples as little-endian bytes (640 of them).
    #[must_use]
    pub fn to_le_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; 2 * FRAME_SAMPLES];
        if !self.is_silence() {
            for (pair, sample) in bytes.as_chunks_mut::<2>().0.iter_mut().zip(self.0.iter()) {
                *pair = sample.to_le_bytes();
            }
        }
        bytes
    }

    /// Loudness as root mean square in dB below full scale; digital silence is −100.
    #[must_use]
    pub fn dbfs(&self) -> f32 {
        // Most of a call is silence.
        if self.is_silence() {
            return -100.0;
        }
        let sum: f64 = self.0.iter().map(|&s| f64::from(s) * f64::from(s)).sum();
        let rms = (sum / FRAME_SAMPLES as f64).sqrt() / 32_768.0;
        if rms < 1e-5 { -100.0 } else { (20.0 * rms.log10()) as f32 }
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame({:.0} dBFS)", self.dbfs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_samples_agree() {
        let samples: Vec<i16> = (0..320).map(|n| n * 7 - 500).collect();
        let frame = Frame::from_samples(&samples);
        assert_eq!(Frame::from_le_bytes(&frame.to_le_bytes()), frame);
        assert_eq!(Frame::silence().dbfs(), -100.0);
        assert!(Frame::silence().is_silence() && !frame.is_silence());
        assert_eq!(Frame::silence().to_le_bytes(), [0; 640]);
        assert_eq!(Frame::from_le_bytes(&[0; 640]), Frame::silence());
    }
}
