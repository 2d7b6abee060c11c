//! One utterance of the queue: its text, its audio as far as it is there, and how much was handed out.

use std::collections::VecDeque;
use std::time::Duration;

use super::super::{ContextId, Word};
use super::{Heard, heard};
use crate::audio::SAMPLE_RATE;
use crate::pii::Utterance;

/// The rate of speech that is assumed while the length of the audio is not known: 14 characters a second.
const SAMPLES_PER_CHAR: usize = SAMPLE_RATE as usize / 14;
/// Bytes of text that a context may hold.
const MOST_TEXT: usize = 64 * 1024;
/// Word times that a context may hold.
const MOST_WORDS: usize = 16 * 1024;

/// Whether more is to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Supply {
    Open,
    Complete,
    Failed,
}

/// An utterance of the queue.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) context: ContextId,
    text: String,
    words: Vec<Word>,
    audio: VecDeque<i16>,
    /// Samples that `audio` may hold.
    room: usize,
    /// Samples that must be there to start, or to go on after running dry.
    lead: usize,
    flowing: bool,
    /// Samples handed out.
    played: usize,
    supply: Supply,
}

impl Line {
    pub(super) fn new(context: ContextId, text: &Utterance, room: usize, lead: usize) -> Self {
        let mut line = Self {
            context,
            text: String::new(),
            words: Vec::new(),
            audio: VecDeque::new(),
            room,
            lead,
            flowing: false,
            played: 0,
            supply: Supply::Open,
        };
        line.append_text(text.text());
        line
    }

    pub(super) fn append_text(&mut self, text: &str) {
        if self.accepts(self.text.len() + text.len() <= MOST_TEXT) {
            self.text.push_str(text);
        }
    }

    pub(super) fn push(&mut self, samples: &[i16]) {
        if self.accepts(self.audio.len() + samples.len() <= self.room) {
            self.audio.extend(samples);
        }
    }

    pub(super) fn words(&mut self, words: Vec<Word>) {
        if self.accepts(self.words.len() + words.len() <= MOST_WORDS) {
            self.words.extend(words);
        }
    }

    pub(super) fn end(&mut self) {
        if self.supply == Supply::Open {
            self.supply = Supply::Complete;
        }
    }

    pub(super) fn fail(&mut self) {
        if self.supply == Supply::Open {
            self.supply = Supply::Failed;
        }
    }

    /// Whether something more may be added; if it does not fit, the line fails.
    fn accepts(&mut self, fits: bool) -> bool {
        if !fits {
            self.fail();
        }
        self.supply == Supply::Open
    }

    pub(super) fn has_begun(&self) -> bool {
        self.played > 0
    }

    /// Whether nothing more will be handed out.
    pub(super) fn is_over(&self) -> bool {
        self.audio.is_empty() && self.supply != Supply::Open
    }

    /// Hands out samples, as many as there are and fit; returns how many.
    pub(super) fn play(&mut self, into: &mut [i16]) -> usize {
        self.flowing |= self.audio.len() >= self.lead.max(1) || self.supply != Supply::Open;
        if !self.flowing {
            return 0;
        }
        let count = into.len().min(self.audio.len());
        self.copy_next(&mut into[..count]);
        self.audio.drain(..count);
        self.played += count;
        self.flowing = !self.audio.is_empty();
        count
    }

    /// The samples that would be handed out next, at most `count`.
    pub(super) fn upcoming(&self, count: usize) -> Vec<i16> {
        let mut samples = vec![0; count.min(self.audio.len())];
        self.copy_next(&mut samples);
        samples
    }

    fn copy_next(&self, into: &mut [i16]) {
        let (front, back) = self.audio.as_slices();
        let split = into.len().min(front.len());
        let (a, b) = into.split_at_mut(split);
        a.copy_from_slice(&front[..a.len()]);
        b.copy_from_slice(&back[..b.len()]);
    }

    /// What the caller heard, now that no more will be handed out.
    pub(super) fn heard(&self) -> Heard {
        let whole = self.supply == Supply::Complete && self.audio.is_empty() && self.has_begun();
        if whole || self.text.trim().is_empty() {
            return Heard { text: Utterance::new(self.text.as_str()), all: true };
        }
        Heard { text: Utterance::new(self.beginning_heard()), all: false }
    }

    fn beginning_heard(&self) -> &str {
        if !self.has_begun() {
            return "";
        }
        if self.words.is_empty() {
            return heard::by_share(&self.text, self.played, self.expected_samples());
        }
        let played = Duration::from_secs_f64(self.played as f64 / f64::from(SAMPLE_RATE));
        heard::by_words(&self.text, &self.words, played)
    }

    /// How long the audio is, or will probably be.
    fn expected_samples(&self) -> usize {
        let given = self.played + self.audio.len();
        match self.supply {
            Supply::Complete => given,
            // At least one more than given, so that a part is never taken for the whole.
            Supply::Open | Supply::Failed => (self.text.chars().count() * SAMPLES_PER_CHAR).max(given + 1),
        }
    }
}
