//! Where speech that was broken off goes on: at the beginning of the word, or where it was quiet last.

use super::super::Word;
use crate::audio::SAMPLE_RATE;

/// Without word times: how far back a quiet place is looked for.
const LOOK_BACK: usize = SAMPLE_RATE as usize * 6 / 10;
/// How long a quiet place is.
const WINDOW: usize = SAMPLE_RATE as usize / 100;
/// As loud as this share of the loudest window a place counts as quiet: 20 dB less.
const QUIET: f64 = 0.01;

/// How many samples to go back, when `played` samples of the audio were heard, the last of them `kept`.
pub(super) fn samples_back(words: &[Word], played: usize, kept: &[i16]) -> usize {
    let at = |time: std::time::Duration| (time.as_secs_f64() * f64::from(SAMPLE_RATE)).round() as usize;
    let broken = words.iter().rev().find(|word| at(word.start) < played);
    match broken {
        Some(word) if at(word.end) <= played => 0,
        Some(word) if played - at(word.start) <= kept.len() => played - at(word.start),
        _ => to_the_last_quiet_place(kept),
    }
}

/// The newest place that is quiet, else the quietest.
fn to_the_last_quiet_place(kept: &[i16]) -> usize {
    let recent = &kept[kept.len().saturating_sub(LOOK_BACK)..];
    let power = |window: &[i16]| window.iter().map(|&s| f64::from(s) * f64::from(s)).sum::<f64>();
    let powers: Vec<f64> = recent.rchunks_exact(WINDOW).map(power).collect();
    let loudest = powers.iter().copied().fold(0.0, f64::max);
    let quiet = powers.iter().position(|&power| power <= loudest * QUIET);
    let quietest = || {
        let least = powers.iter().copied().fold(f64::MAX, f64::min);
        powers.iter().position(|&power| power <= least)
    };
    quiet.or_else(quietest).map_or(0, |windows| windows * WINDOW)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECOND: usize = SAMPLE_RATE as usize;

    fn word(start_ms: u64, end_ms: u64) -> Word {
        let at = Duration::from_millis;
        Word { text: "w".to_owned(), start: at(start_ms), end: at(end_ms) }
    }

    #[test]
    fn a_word_that_was_broken_off_is_said_again_and_one_that_was_not_is_not() {
        let words = [word(0, 400), word(500, 900)];
        let kept = vec![1; SECOND];
        let back = |ms: usize| samples_back(&words, ms * 16, &kept) / 16;
        assert_eq!((back(200), back(450), back(700), back(950)), (200, 0, 200, 0));
    }

    #[test]
    fn without_word_times_it_goes_on_where_it_was_quiet_last() {
        let mut kept = vec![9_000; SECOND];
        kept[SECOND - 4_800..SECOND - 4_320].fill(10);
        assert_eq!(samples_back(&[], SECOND, &kept), 4_320);
        assert!(samples_back(&[], SECOND, &vec![9_000; SECOND]) <= LOOK_BACK);
        assert_eq!(samples_back(&[], 0, &[]), 0);
    }
}
