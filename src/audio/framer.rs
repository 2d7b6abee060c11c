//! Cuts a stream of samples of any lengths into frames.

use super::frame::{FRAME_SAMPLES, Frame};

/// Collects samples until they fill frames. Holds what was pushed until it is taken: take all frames after
/// each push, and less than one frame stays.
#[derive(Clone, Debug, Default)]
pub struct Framer {
    samples: Vec<i16>,
    taken: usize,
}

impl Framer {
    /// An empty framer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds samples at 16 kHz.
    pub fn push(&mut self, samples: &[i16]) {
        self.samples.drain(..self.taken);
        self.taken = 0;
        self.samples.extend_from_slice(samples);
    }

    /// The next full frame.
    pub fn next_frame(&mut self) -> Option<Frame> {
        let frame = Frame::from_samples(self.samples.get(self.taken..self.taken + FRAME_SAMPLES)?);
        self.taken += FRAME_SAMPLES;
        Some(frame)
    }

    /// What is left, filled up with silence; `None` if nothing is left.
    pub fn flush(&mut self) -> Option<Frame> {
        let rest = &self.samples[self.taken..];
        let frame = (!rest.is_empty()).then(|| Frame::from_samples(rest));
        self.taken = (self.taken + FRAME_SAMPLES).min(self.samples.len());
        frame
    }

    /// Samples that wait to be taken.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.samples.len() - self.taken
    }

    /// Forgets what waits.
    pub fn clear(&mut self) {
        self.samples.clear();
        self.taken = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn samples_come_out_in_order_and_padded_at_the_end_only(
            pushes in proptest::collection::vec(proptest::collection::vec(1i16.., 0..900), 0..12),
        ) {
            let mut framer = Framer::new();
            let mut heard = Vec::new();
            for push in &pushes {
                framer.push(push);
                while let Some(frame) = framer.next_frame() {
                    heard.extend_from_slice(frame.samples());
                }
                prop_assert!(framer.buffered() < FRAME_SAMPLES);
            }
            let rest = framer.buffered();
            if let Some(frame) = framer.flush() {
                prop_assert!(frame.samples()[rest..].iter().all(|&s| s == 0));
                heard.extend_from_slice(&frame.samples()[..rest]);
            }
            prop_assert_eq!(heard, pushes.concat());
            prop_assert!(framer.flush().is_none());
        }
    }
}
