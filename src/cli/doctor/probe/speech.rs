//! Asks the speech vendors about their keys, the voice and the model.

use super::super::subject::Subject;
use crate::pii::ApiKey;
use crate::settings::{Access, NO_KEY, Service};
use crate::speech::account::{AccountError, Voice, cartesia_voice, deepgram_projects, openai_models};

/// What the vendors said; `None` without a key, or if the flow does without them.
#[derive(Debug, Default)]
pub(in crate::cli::doctor) struct SpeechFacts {
    /// Deepgram's projects.
    pub(in crate::cli::doctor) deepgram: Option<Result<usize, AccountError>>,
    /// The voice at Cartesia.
    pub(in crate::cli::doctor) cartesia: Option<Result<Voice, AccountError>>,
    /// The models of the OpenAI key.
    pub(in crate::cli::doctor) openai: Option<Result<Vec<String>, AccountError>>,
}

pub(in crate::cli::doctor) async fn ask(subject: &Subject) -> SpeechFacts {
    let services = &subject.flow.services;
    let deepgram = async {
        let (url, key) = reach(subject, Service::Stt, &services.stt.provider, "deepgram")?;
        Some(deepgram_projects(url, &key).await)
    };
    let cartesia = async {
        let (url, key) = reach(subject, Service::Tts, &services.tts.provider, "cartesia")?;
        let voice = services.tts.voice.as_deref().unwrap_or_default();
        Some(cartesia_voice(url, &key, voice).await)
    };
    let openai = async {
        let (url, key) = reach(subject, Service::Llm, &services.llm.provider, "openai")?;
        Some(openai_models(url, &key).await)
    };
    let (deepgram, cartesia, openai) = tokio::join!(deepgram, cartesia, openai);
    SpeechFacts { deepgram, cartesia, openai }
}

/// How a vendor is asked, if the flow needs it and there is a key. A model of one's own needs none.
fn reach<'a>(
    subject: &'a Subject,
    service: Service,
    provider: &str,
    vendor: &str,
) -> Option<(&'a str, ApiKey)> {
    let Access { base_url, key, .. } = subject.survey.of(service);
    let own_model = service == Service::Llm && !subject.survey.is_vendors_own(service);
    let key = key.clone().or_else(|| own_model.then(|| ApiKey::new(NO_KEY)))?;
    (provider == vendor).then_some((base_url, key))
}
