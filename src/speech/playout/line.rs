//! One utterance of the queue: its text, its audio as far as it is there, and how much was handed out.
//!
//! The last of what was handed out is kept, so that speech that was paused can go on at the word that was broken off.

use std::collections::VecDeque;
use std::time::Duration;

use super::super::{ContextId, Word};
use super::{Heard, heard, seam};
use crate::audio::{SAMPLE_RATE, fade};
use crate::pii::Utterance;
use crate::speech::spoken::Ledger;

/// The rate of speech that is assumed while the length of the audio is not known: 14 characters a second.
const SAMPLES_PER_CHAR: usize = SAMPLE_RATE as usize / 14;
/// Bytes of text that a context may hold.
const MOST_TEXT: usize = 64 * 1024;
/// Word times that a context may hold.
const MOST_WORDS: usize = 16 * 1024;
/// Samples handed out that are kept: a second and a half, longer than a word.
const KEPT: usize = SAMPLE_RATE as usize * 3 / 2;
/// Length of the rise with which speech goes on: 5 ms.
const RISE: usize = SAMPLE_RATE as usize / 200;

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
    text: Ledger,
    words: Vec<Word>,
    audio: VecDeque<i16>,
    /// What was handed out last, the newest at the end.
    kept: VecDeque<i16>,
    /// Samples that `audio` may hold.
    room: usize,
    /// Samples that must be there to start, or to go on after running dry.
    lead: usize,
    flowing: bool,
    begun: bool,
    /// Samples handed out.
    played: usize,
    supply: Supply,
}

impl Line {
    pub(super) fn new(context: ContextId, text: &Utterance, room: usize, lead: usize) -> Self {
        let mut line = Self {
            context,
            text: Ledger::default(),
            words: Vec::new(),
            audio: VecDeque::new(),
            kept: VecDeque::new(),
            room,
            lead,
            flowing: false,
            begun: false,
            played: 0,
            supply: Supply::Open,
        };
        line.append_text(text.text(), text.text());
        line
    }

    pub(super) fn append_text(&mut self, written: &str, spoken: &str) {
        let room = MOST_TEXT - self.text.written().len().max(self.text.spoken().len());
        if self.accepts(written.len().max(spoken.len()) <= room) {
            self.text.append(written, spoken);
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

    /// Forgets the audio and the words that it was given, if none of it was handed out.
    pub(super) fn restart(&mut self) {
        if !self.begun {
            self.audio.clear();
            self.words.clear();
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
        self.begun
    }

    /// Whether samples would be handed out now.
    pub(super) fn is_ready(&self) -> bool {
        let flowing = self.flowing || self.audio.len() >= self.lead.max(1) || self.supply != Supply::Open;
        flowing && !self.audio.is_empty()
    }

    /// Whether nothing more will be handed out.
    pub(super) fn is_over(&self) -> bool {
        self.audio.is_empty() && self.supply != Supply::Open
    }

    /// Hands out samples, as many as there are and fit; returns how many.
    pub(super) fn play(&mut self, into: &mut [i16]) -> usize {
        self.flowing = self.is_ready();
        if !self.flowing {
            return 0;
        }
        let count = into.len().min(self.audio.len());
        self.copy_next(&mut into[..count]);
        self.kept.extend(self.audio.drain(..count));
        self.kept.drain(..self.kept.len().saturating_sub(KEPT));
        self.played += count;
        self.begun |= count > 0;
        self.flowing = !self.audio.is_empty();
        count
    }

    /// Goes back to the word in which the audio was broken off, and on from there with a short rise.
    pub(super) fn rewind(&mut self) {
        if !self.has_begun() {
            return;
        }
        let kept = self.kept.make_contiguous();
        let back = seam::samples_back(&self.words, self.played, kept).min(self.played).min(kept.len());
        for _ in 0..back {
            if let Some(sample) = self.kept.pop_back() {
                self.audio.push_front(sample);
            }
        }
        self.played -= back;
        let mut rise = self.upcoming(RISE);
        fade(&mut rise, 0.0, 1.0);
        for (sample, risen) in self.audio.iter_mut().zip(rise) {
            *sample = risen;
        }
        self.flowing = true;
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
        if whole || self.text.written().trim().is_empty() {
            return Heard { text: Utterance::new(self.text.written()), all: true };
        }
        Heard { text: Utterance::new(self.beginning_heard()), all: false }
    }

    fn beginning_heard(&self) -> &str {
        if !self.has_begun() {
            return "";
        }
        let spoken = self.text.spoken();
        let heard = if self.words.is_empty() {
            heard::by_share(spoken, self.played, self.expected_samples())
        } else {
            let played = Duration::from_secs_f64(self.played as f64 / f64::from(SAMPLE_RATE));
            heard::by_words(spoken, &self.words, played)
        };
        self.text.written_until(heard.len())
    }

    /// How long the audio is, or will probably be.
    fn expected_samples(&self) -> usize {
        let given = self.played + self.audio.len();
        match self.supply {
            Supply::Complete => given,
            // At least one more than given, so that a part is never taken for the whole.
            Supply::Open | Supply::Failed => {
                (self.text.spoken().chars().count() * SAMPLES_PER_CHAR).max(given + 1)
            }
        }
    }
}
