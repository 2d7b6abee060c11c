//! Mixing: the sum of all talkers, and what each of them hears of it.

use crate::audio::{FRAME_SAMPLES, Frame};

/// The sum of the frames of one tick, wide enough not to overflow before it is heard.
pub(crate) struct Mix([i32; FRAME_SAMPLES]);

impl Mix {
    /// Adds up the frames of all talkers; a talker without a frame is silent.
    pub(crate) fn of<'a>(frames: impl IntoIterator<Item = &'a Option<Frame>>) -> Self {
        let mut sum = [0; FRAME_SAMPLES];
        // Most of those who are in are silent.
        for frame in frames.into_iter().flatten().filter(|frame| !frame.is_silence()) {
            for (total, &sample) in sum.iter_mut().zip(frame.samples()) {
                *total += i32::from(sample);
            }
        }
        Self(sum)
    }

    /// What somebody hears who does not hear their own frame. Saturates.
    pub(crate) fn without(&self, own: Option<&Frame>) -> Frame {
        let mut heard = Frame::silence();
        let own = own.map_or(&[0; FRAME_SAMPLES], Frame::samples);
        // Silence is what it is already.
        if self.0 != [0; FRAME_SAMPLES] || *own != [0; FRAME_SAMPLES] {
            for ((sample, sum), &own) in heard.samples_mut().iter_mut().zip(self.0).zip(own) {
                *sample = saturated(sum - i32::from(own));
            }
        }
        heard
    }
}

/// Adds `more` into a frame from its beginning on. Saturates.
pub(crate) fn add(frame: &mut Frame, more: &[i16]) {
    for (sample, &other) in frame.samples_mut().iter_mut().zip(more) {
        *sample = sample.saturating_add(other);
    }
}

fn saturated(value: i32) -> i16 {
    value.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(value: i16) -> Option<Frame> {
        Some(Frame::from_samples(&[value; FRAME_SAMPLES]))
    }

    #[test]
    fn each_hears_the_others_and_loud_ones_saturate() {
        let frames = [flat(30_000), flat(20_000), None, flat(-7)];
        let mix = Mix::of(&frames);
        assert_eq!(Some(mix.without(frames[0].as_ref())), flat(19_993));
        assert_eq!(Some(mix.without(frames[1].as_ref())), flat(29_993));
        assert_eq!(Some(mix.without(None)), flat(i16::MAX));
        assert_eq!(Mix::of(&[flat(i16::MIN), flat(-1)]).without(None).samples()[0], i16::MIN);
    }

    #[test]
    fn one_talker_is_heard_bit_for_bit() {
        let voice = Frame::from_samples(&(0..320).map(|n| (n * 97 % 4001) as i16 - 2000).collect::<Vec<_>>());
        assert_eq!(Mix::of(&[Some(voice.clone()), None]).without(None), voice);
    }
}
