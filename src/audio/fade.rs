//! Linear fades, so that a cut or a start does not click.

/// Changes the gain linearly from one value at the first sample to another just after the last.
pub fn fade(samples: &mut [i16], from: f32, to: f32) {
    let step = (to - from) / samples.len().max(1) as f32;
    let mut gain = from;
    for sample in samples {
        // `as` saturates, should a gain be above one.
        *sample = (f32::from(*sample) * gain) as i16;
        gain += step;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fade_out_starts_at_full_level_and_ends_near_silence() {
        let mut samples = [10_000; 240];
        fade(&mut samples, 1.0, 0.0);
        assert_eq!(samples[0], 10_000);
        assert!(samples[239] < 50);
        assert!(samples.windows(2).all(|pair| pair[1] <= pair[0]));
        fade(&mut [], 1.0, 0.0);
    }
}
