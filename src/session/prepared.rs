//! Sentences kept as audio, so that they can be spoken when no vendor is there any more.

use std::collections::{BTreeMap, HashMap};

use crate::audio::SAMPLE_RATE;
use crate::speech::{ContextId, Word};

/// Audio that one sentence may have: a minute.
const LONGEST: usize = SAMPLE_RATE as usize * 60;

/// What was rendered ahead of time, and what is being rendered.
#[derive(Debug, Default)]
pub(super) struct Prepared {
    by_text: HashMap<String, Sentence>,
    rendering: BTreeMap<ContextId, String>,
}

/// A sentence as audio.
#[derive(Debug, Default)]
pub(super) struct Sentence {
    pub samples: Vec<i16>,
    pub words: Vec<Word>,
    /// Another voice speaks than the one that was asked for: good for this call only.
    pub substituted: bool,
    complete: bool,
}

impl Prepared {
    /// A sentence that can be spoken as it is.
    pub(super) fn get(&self, text: &str) -> Option<&Sentence> {
        self.by_text.get(text).filter(|sentence| sentence.complete)
    }

    /// Whether a sentence is there or on its way.
    pub(super) fn knows(&self, text: &str) -> bool {
        self.by_text.contains_key(text)
    }

    /// Whether a sentence is on its way.
    pub(super) fn is_rendering(&self) -> bool {
        !self.rendering.is_empty()
    }

    /// Whether another sentence than this is on its way.
    pub(super) fn is_rendering_but(&self, context: ContextId) -> bool {
        self.rendering.keys().any(|rendering| *rendering != context)
    }

    /// The context under which a sentence is being rendered, and what there is of it.
    pub(super) fn coming(&self, text: &str) -> Option<(ContextId, &Sentence)> {
        let (&context, _) = self.rendering.iter().find(|(_, rendered)| *rendered == text)?;
        Some((context, self.by_text.get(text)?))
    }

    /// A sentence is there as audio already.
    pub(super) fn put(&mut self, text: &str, samples: Vec<i16>, words: Vec<Word>) {
        self.by_text.insert(text.to_owned(), Sentence { samples, words, substituted: false, complete: true });
    }

    /// A sentence is being rendered under this context.
    pub(super) fn begin(&mut self, context: ContextId, text: &str) {
        self.by_text.insert(text.to_owned(), Sentence::default());
        self.rendering.insert(context, text.to_owned());
    }

    pub(super) fn audio(&mut self, context: ContextId, samples: &[i16]) {
        let Some(sentence) = self.sentence(context) else { return };
        if sentence.samples.len() + samples.len() > LONGEST {
            return self.fail(context);
        }
        sentence.samples.extend(samples);
    }

    pub(super) fn words(&mut self, context: ContextId, words: Vec<Word>) {
        if let Some(sentence) = self.sentence(context) {
            sentence.words.extend(words);
        }
    }

    /// Another voice speaks a sentence.
    pub(super) fn substituted(&mut self, context: ContextId) {
        if let Some(sentence) = self.sentence(context) {
            sentence.substituted = true;
        }
    }

    /// All audio of a sentence is there: its text, and what it became. One without a sound cannot be had.
    pub(super) fn done(&mut self, context: ContextId) -> Option<(String, &Sentence)> {
        if self.sentence(context).is_some_and(|sentence| sentence.samples.is_empty()) {
            self.fail(context);
        }
        let text = self.rendering.remove(&context)?;
        let sentence = self.by_text.get_mut(&text)?;
        sentence.complete = true;
        Some((text, sentence))
    }

    /// The sentence cannot be had; it may be tried again.
    pub(super) fn fail(&mut self, context: ContextId) {
        if let Some(text) = self.rendering.remove(&context) {
            self.by_text.remove(&text);
        }
    }

    /// The voice is gone: what is not complete never will be.
    pub(super) fn give_up(&mut self) {
        self.rendering.clear();
        self.by_text.retain(|_, sentence| sentence.complete);
    }

    fn sentence(&mut self, context: ContextId) -> Option<&mut Sentence> {
        self.by_text.get_mut(self.rendering.get(&context)?)
    }
}
