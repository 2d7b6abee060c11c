//! The bundled hold audio, synthesised: nothing to ship, nothing to license.

use std::sync::{Arc, LazyLock};

use super::frame::SAMPLE_RATE;
use super::tone::Sine;

/// Samples between two notes: 0.4 s.
const STEP: usize = SAMPLE_RATE as usize * 2 / 5;
/// A broken chord a bar: C, A minor, F, G, as MIDI keys.
const NOTES: [[u8; 6]; 4] =
    [[48, 55, 60, 64, 67, 64], [45, 52, 57, 60, 64, 60], [41, 53, 57, 60, 65, 60], [43, 55, 59, 62, 67, 62]];
/// A note rings for six steps, over the ones that follow.
const RING: usize = 6 * STEP;
/// Amplitude of a note's fundamental; with the notes that overlap about −29 dBFS.
const AMPLITUDE: f64 = 900.0;
/// A second, weaker partial gives the soft colour of a felt piano.
const PARTIALS: [(f64, f64); 2] = [(1.0, 1.0), (2.0, 0.25)];
/// Samples until a note is at its loudest: 12 ms.
const ATTACK: f64 = 192.0;

/// A quiet, slow loop of broken chords, 9.6 s at 16 kHz; its end continues in its beginning. Made once.
#[must_use]
pub fn hold_audio() -> Arc<[i16]> {
    static LOOP: LazyLock<Arc<[i16]>> = LazyLock::new(render);
    Arc::clone(&LOOP)
}

fn render() -> Arc<[i16]> {
    let mut sum = vec![0.0; NOTES.as_flattened().len() * STEP];
    for (n, &key) in NOTES.as_flattened().iter().enumerate() {
        add_note(&mut sum, n * STEP, 440.0 * 2f64.powf((f64::from(key) - 69.0) / 12.0));
    }
    sum.into_iter().map(|sample| sample as i16).collect()
}

/// Adds a note that fades to nothing within [`RING`]; what reaches over the end goes to the beginning.
fn add_note(sum: &mut [f64], start: usize, hz: f64) {
    let length = sum.len();
    for (multiple, share) in PARTIALS {
        // Falls by 26 dB over the ring, and the linear factor below takes it to zero.
        let decay = 0.05f64.powf(1.0 / RING as f64);
        let mut level = AMPLITUDE * share;
        for (n, value) in Sine::new(hz * multiple, SAMPLE_RATE, 0.0).take(RING).enumerate() {
            let edge = (n as f64 / ATTACK).min(1.0) * (1.0 - n as f64 / RING as f64);
            sum[(start + n) % length] += level * edge * value;
            level *= decay;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame::{FRAME_SAMPLES, Frame};
    use super::*;

    #[test]
    fn it_is_quiet_without_gaps_and_without_a_seam() {
        let audio = hold_audio();
        assert_eq!(audio.len() % FRAME_SAMPLES, 0);
        for frame in audio.chunks(FRAME_SAMPLES) {
            let level = Frame::from_samples(frame).dbfs();
            assert!((-55.0..-18.0).contains(&level), "{level} dBFS");
        }
        let jump = |a: i16, b: i16| (i32::from(a) - i32::from(b)).abs();
        let largest = audio.windows(2).map(|pair| jump(pair[0], pair[1])).max().unwrap();
        assert!(jump(audio[0], audio[audio.len() - 1]) <= largest);
    }
}
