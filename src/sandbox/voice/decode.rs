//! From samples to text.

use std::collections::VecDeque;
use std::time::Duration;

use super::SpokenWord;
use super::alphabet::{START, code};
use super::segment::{Hop, Segment, Segmenter, Symbol};
use super::spectrum::{self, Analyser, HOP};
use super::speech::{Progress, Speech, Spoken};
use crate::audio::Resampler;

/// Whole symbols in a row, without a start mark, after which somebody is taken to be in mid-sentence.
const MID_SENTENCE: usize = 5;

/// What a [`Decoder`] hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Somebody began to speak. A [`Heard::Text`] follows, whatever happens.
    SpeechStart {
        /// When, from the beginning of the audio.
        at: Duration,
    },
    /// The text of this speech so far; replaces the one before.
    Chars(String),
    /// The speech is over.
    Text {
        /// The text, with [`DAMAGE`](super::DAMAGE) where audio was missing, doubled or out of order.
        text: String,
        /// Every symbol was whole and the checksum fits.
        intact: bool,
        /// The voice broke off before its end mark; the text is what came until then.
        cut: bool,
        /// The words and where they lie in the audio.
        words: Vec<SpokenWord>,
    },
}

/// Hears the text in a stream of samples, a piece at a time.
#[derive(Clone, Debug)]
pub struct Decoder {
    resampler: Resampler,
    /// How late resampling and analysis are.
    lag: Duration,
    analyser: Analyser,
    segmenter: Segmenter,
    /// Samples after whose silence a voice has stopped, but is not given up.
    fading: usize,
    /// The newest symbols of this voice, and what each said after the one before.
    recent: VecDeque<(Symbol, Spoken)>,
    speech: Option<Speech>,
}

impl Decoder {
    /// A decoder for mono audio of `rate` Hz.
    ///
    /// # Panics
    /// If the rate is zero.
    #[must_use]
    pub fn new(rate: u32) -> Self {
        let resampler = Resampler::new(rate, spectrum::RATE);
        Self {
            lag: length(resampler.delay() + spectrum::LAG),
            resampler,
            analyser: Analyser::new(),
            segmenter: Segmenter::default(),
            fading: rate as usize / 20,
            recent: VecDeque::with_capacity(MID_SENTENCE + 1),
            speech: None,
        }
    }

    /// Takes the next samples, any number of them, and tells what was heard in them.
    pub fn push(&mut self, samples: &[i16]) -> Vec<Heard> {
        let mut heard = Vec::new();
        for sample in self.resampler.push(samples) {
            let Some(spectrum) = self.analyser.push(sample) else { continue };
            for segment in self.segmenter.push(&spectrum) {
                match segment {
                    Segment::Symbol(symbol) => self.symbol(symbol, &mut heard),
                    Segment::Pause => self.recent.clear(),
                    Segment::Silence => heard.extend(self.speech.take().map(Speech::broke_off)),
                }
            }
        }
        heard
    }

    /// Ends the audio: what was being said is cut here, unless its end was heard already.
    pub fn finish(&mut self) -> Option<Heard> {
        let so_far = self.speech.clone()?;
        // What is held back for more audio comes out by silence that is too short to be a verdict.
        let rest = self.push(&vec![0; self.fading]);
        let whole = rest.into_iter().find(|heard| matches!(heard, Heard::Text { intact: true, .. }));
        let cut = self.speech.take().unwrap_or(so_far);
        Some(whole.unwrap_or_else(|| cut.hung_up()))
    }

    /// Whether somebody is speaking.
    #[must_use]
    pub fn is_speaking(&self) -> bool {
        self.speech.is_some()
    }

    /// The words of the present speech so far; the last may be incomplete.
    #[must_use]
    pub fn words_so_far(&self) -> Vec<SpokenWord> {
        self.speech.as_ref().map(Speech::words).unwrap_or_default()
    }

    fn symbol(&mut self, symbol: Symbol, heard: &mut Vec<Heard>) {
        // A step from what is not to be believed, or to it, says nothing.
        let before = self.recent.back().filter(|(before, _)| !before.damaged && !symbol.damaged);
        let code = before.and_then(|(before, _)| code(before.tones.low, symbol.tones));
        let spoken = Spoken { code, start: self.time(symbol.start), end: self.time(symbol.end) };
        self.recent.push_back((symbol, spoken));
        if self.recent.len() > MID_SENTENCE {
            self.recent.pop_front();
        }
        if let Some((whole, at)) = self.start_mark() {
            let interrupted = self.speech.take();
            // Where a voice breaks into another its beginning is never whole.
            let missed = !whole && interrupted.is_none();
            heard.extend(interrupted.map(|speech| speech.cut_at(at)));
            self.begin(if missed { Speech::joined_at(at) } else { Speech::new() }, at, heard);
        } else if self.speech.is_some() {
            self.tell(spoken, heard);
        } else if self.recent.len() == MID_SENTENCE && self.recent.iter().all(|(_, s)| s.code.is_some()) {
            let at = spoken.start;
            self.begin(Speech::joined_at(at), at, heard);
            self.tell(spoken, heard);
        }
    }

    /// Whether the reference symbol and the start mark were just heard: if they were whole, and since when.
    fn start_mark(&self) -> Option<(bool, Duration)> {
        let mut newest = self.recent.iter().rev();
        let ((second, _), (first, _), (reference, spoken)) = (newest.next()?, newest.next()?, newest.next()?);
        let codes = [code(reference.tones.low, first.tones)?, code(first.tones.low, second.tones)?];
        let whole = !(reference.damaged || first.damaged || second.damaged);
        (codes == START).then_some((whole, spoken.start))
    }

    fn begin(&mut self, speech: Speech, at: Duration, heard: &mut Vec<Heard>) {
        heard.push(Heard::SpeechStart { at });
        self.speech = Some(speech);
    }

    fn tell(&mut self, spoken: Spoken, heard: &mut Vec<Heard>) {
        let Some(speech) = &mut self.speech else { return };
        match speech.push(spoken) {
            Progress::None => {}
            Progress::Longer => heard.push(Heard::Chars(speech.text())),
            Progress::Ended => {
                self.recent.clear();
                heard.extend(self.speech.take().map(Speech::ended));
            }
        }
    }

    fn time(&self, hop: Hop) -> Duration {
        let at = length(usize::try_from(hop).unwrap_or(usize::MAX / HOP) * HOP);
        at.saturating_sub(self.lag)
    }
}

/// How long a number of samples at the analysis' rate is.
fn length(samples: usize) -> Duration {
    Duration::from_secs(samples as u64) / spectrum::RATE
}
