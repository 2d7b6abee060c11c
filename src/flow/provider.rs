//! Who can hear, think and speak: the providers that a flow may name, and what is known of each beforehand.
//!
//! Names and facts only; what a provider's protocol looks like is its client's business. The facts are from
//! developers.deepgram.com, platform.openai.com and docs.cartesia.ai.

/// A part that a provider plays in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// Speech to text.
    Stt,
    /// The language model.
    Llm,
    /// Text to speech.
    Tts,
}

/// A provider, as `services:` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Provider {
    /// Deepgram: live transcription, and Aura voices.
    Deepgram,
    /// Deepgram's Flux, which decides itself when a turn is over.
    DeepgramFlux,
    /// OpenAI, or any server that speaks its HTTP API.
    OpenAi,
    /// Cartesia.
    Cartesia,
}

impl Part {
    /// All, in the order of `services:`.
    pub const ALL: [Self; 3] = [Self::Stt, Self::Llm, Self::Tts];

    /// Its key under `services:`.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Stt => "stt",
            Self::Llm => "llm",
            Self::Tts => "tts",
        }
    }

    /// Who can play it, by name; the first does if the flow names nobody.
    #[must_use]
    pub fn providers(self) -> &'static [(&'static str, Provider)] {
        match self {
            Self::Stt => &[
                ("deepgram", Provider::Deepgram),
                ("deepgram_flux", Provider::DeepgramFlux),
                ("openai", Provider::OpenAi),
            ],
            Self::Llm => &[("openai", Provider::OpenAi)],
            Self::Tts => &[
                ("cartesia", Provider::Cartesia),
                ("deepgram", Provider::Deepgram),
                ("openai", Provider::OpenAi),
            ],
        }
    }

    /// Whose model this is, if its name tells.
    #[must_use]
    pub fn owner(self, model: &str) -> Option<Provider> {
        let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| model.starts_with(prefix));
        match self {
            Self::Stt if starts(&["flux-"]) => Some(Provider::DeepgramFlux),
            Self::Stt if starts(&["nova-", "enhanced", "base"]) => Some(Provider::Deepgram),
            Self::Stt if starts(&["gpt-", "whisper-1"]) => Some(Provider::OpenAi),
            Self::Tts if starts(&["sonic"]) => Some(Provider::Cartesia),
            Self::Tts if starts(&["aura-"]) => Some(Provider::Deepgram),
            Self::Tts if starts(&["gpt-", "tts-1"]) => Some(Provider::OpenAi),
            _ => None,
        }
    }

    /// Who plays the part if only a model is named, or nothing.
    #[must_use]
    pub fn provider_for(self, model: Option<&str>) -> Provider {
        model.and_then(|model| self.owner(model)).unwrap_or(self.providers()[0].1)
    }
}

impl Provider {
    /// Its name in a flow.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Deepgram => "deepgram",
            Self::DeepgramFlux => "deepgram_flux",
            Self::OpenAi => "openai",
            Self::Cartesia => "cartesia",
        }
    }

    /// The model for a part if the flow names none.
    #[must_use]
    pub fn default_model(self, part: Part) -> &'static str {
        match (part, self) {
            (Part::Stt, Self::DeepgramFlux) => "flux-general-en",
            (Part::Stt, Self::OpenAi) => "gpt-4o-mini-transcribe",
            (Part::Stt, _) => "nova-3-general",
            (Part::Llm, _) => "gpt-4o",
            (Part::Tts, Self::Deepgram) => "aura-2-thalia-en",
            (Part::Tts, Self::OpenAi) => "gpt-4o-mini-tts",
            (Part::Tts, _) => "sonic-3",
        }
    }

    /// The voice if the flow names none; absent where the model is the voice.
    #[must_use]
    pub fn default_voice(self, part: Part) -> Option<&'static str> {
        match (part, self) {
            (Part::Tts, Self::Cartesia) => Some("b7d50908-b17c-442d-ad8d-810c63997ed9"),
            (Part::Tts, Self::OpenAi) => Some("alloy"),
            _ => None,
        }
    }

    /// Whether the recogniser gives words while they are being spoken.
    #[must_use]
    pub fn has_interims(self) -> bool {
        self != Self::OpenAi
    }

    /// The language that a model is made for, if its name tells: the first part of a BCP 47 tag.
    #[must_use]
    pub fn language_of(self, model: &str) -> Option<&str> {
        match self {
            Self::DeepgramFlux | Self::Deepgram
                if model.starts_with("flux-") || model.starts_with("aura-") =>
            {
                model.rsplit('-').next().filter(|language| language.len() == 2)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_provider_owns_its_own_default_model_and_is_found_by_it() {
        for part in [Part::Stt, Part::Tts] {
            for (name, provider) in part.providers() {
                let model = provider.default_model(part);
                assert_eq!(part.owner(model), Some(*provider), "{model}");
                assert_eq!(part.provider_for(Some(model)).name(), *name);
            }
        }
        assert_eq!(Part::Llm.provider_for(Some("llama3.1")), Provider::OpenAi);
        assert_eq!(Part::Stt.provider_for(None), Provider::Deepgram);
    }

    #[test]
    fn some_models_name_their_language() {
        assert_eq!(Provider::DeepgramFlux.language_of("flux-general-en"), Some("en"));
        assert_eq!(Provider::DeepgramFlux.language_of("flux-general-multi"), None);
        assert_eq!(Provider::Deepgram.language_of("aura-2-thalia-en"), Some("en"));
        assert_eq!(Provider::Deepgram.language_of("nova-3-general"), None);
    }
}
