//! The fixed sentences of one flow in one voice, as audio that outlives a call.
//!
//! Only sentences that the flow spells out whole are kept: what is made of a template may hold somebody's data.

use std::collections::HashSet;
use std::sync::Arc;

use super::dead_air::FILLER;
use crate::machine::{APOLOGY, LEFT_ALONE, ONCE_MORE, SHUTTING_DOWN, TIME_IS_UP};
use crate::plan::Plan;
use crate::speech::Word;
use crate::speech::prompts::{Prompt, PromptCache, PromptKey, VoiceKey};

/// What a call sees of the cache.
pub(super) struct Prompts {
    cache: Arc<PromptCache>,
    voice: VoiceKey,
    fixed: HashSet<Arc<str>>,
}

impl Prompts {
    pub(super) fn new(cache: Arc<PromptCache>, plan: &Plan) -> Self {
        let tts = &plan.services.tts;
        let voice = VoiceKey {
            provider: tts.provider.name().into(),
            model: Arc::clone(&tts.model),
            voice: tts.voice.clone(),
            language: Arc::clone(&plan.call.language),
        };
        let engine = [APOLOGY, FILLER, LEFT_ALONE, ONCE_MORE, SHUTTING_DOWN, TIME_IS_UP].map(Arc::from);
        let fixed = plan.fixed_sentences().into_iter().chain(engine).collect();
        Self { cache, voice, fixed }
    }

    /// Whether a sentence is to be kept and is not there yet.
    pub(super) fn wants(&self, text: &str) -> bool {
        self.fixed.contains(text) && self.cache.get(&self.key(text)).is_none()
    }

    /// A sentence that was kept.
    pub(super) fn get(&self, text: &str) -> Option<Arc<Prompt>> {
        self.fixed.contains(text).then(|| self.cache.get(&self.key(text))).flatten()
    }

    /// Keeps a sentence, if it is one of the flow's own.
    pub(super) fn keep(&self, text: &str, samples: &[i16], words: &[Word]) {
        if self.fixed.contains(text) && !samples.is_empty() {
            let prompt = Prompt { samples: samples.to_vec(), words: words.to_vec() };
            self.cache.put(self.key(text), prompt);
        }
    }

    fn key(&self, text: &str) -> PromptKey {
        self.voice.key(text)
    }
}
