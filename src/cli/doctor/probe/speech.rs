//! Asks the speech vendors about their keys, the voice and the model.

use super::super::subject::Subject;
use crate::pii::ApiKey;
use crate::plan::{Provider, Services};
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
    let deepgram = async {
        let (url, key) = reach(subject, Service::Deepgram)?;
        Some(deepgram_projects(url, &key).await)
    };
    let cartesia = async {
        let (url, key) = reach(subject, Service::Cartesia)?;
        Some(cartesia_voice(url, &key, cartesia_voice_of(&subject.flow.services)).await)
    };
    let openai = async {
        let (url, key) = reach(subject, Service::OpenAi)?;
        Some(openai_models(url, &key).await)
    };
    let (deepgram, cartesia, openai) = tokio::join!(deepgram, cartesia, openai);
    SpeechFacts { deepgram, cartesia, openai }
}

/// The voice that the flow has at Cartesia, first or as a fallback.
pub(in crate::cli::doctor) fn cartesia_voice_of(services: &Services) -> &str {
    let at_cartesia = services.tts.chain().find(|service| service.provider == Provider::Cartesia);
    at_cartesia.and_then(|service| service.voice.as_deref()).unwrap_or_default()
}

/// How a vendor is asked, if the flow needs it and there is a key. A model of one's own needs none.
fn reach(subject: &Subject, service: Service) -> Option<(&str, ApiKey)> {
    let Access { base_url, key, .. } = subject.survey.of(service);
    let own_model = service == Service::OpenAi && !subject.survey.is_vendors_own(service);
    let key = key.clone().or_else(|| own_model.then(|| ApiKey::new(NO_KEY)))?;
    subject.uses().any(service).then_some((base_url, key))
}
