//! F080, F081: providers that can play the part they were given, and servers of one's own.
//!
//! What is known of a provider beforehand is in `flow`; nobody is asked anything here.

use std::fmt;

use super::env::{self, EnvMode};
use super::scope::Scope;
use crate::diagnostic::{Diagnostic, Rule};
use crate::flow::{Document, Kind, Part, Provider, Service, Template};
use crate::pii::ApiKey;

/// A server that speaks a provider's protocol, and the key it is sent. Prints nothing of both: they may come
/// from the environment.
#[derive(Clone)]
pub struct ModelServer {
    /// `http` or `https`, no slash at the end.
    pub base_url: String,
    /// The key, if the flow names one.
    pub key: Option<ApiKey>,
}

/// Where nobody listens.
const NOWHERE: &str = "http://127.0.0.1:9/v1";

impl ModelServer {
    /// Whether it stands for one that only the environment knows.
    #[must_use]
    pub fn is_fictional(&self) -> bool {
        self.base_url == NOWHERE
    }
}

impl fmt::Debug for ModelServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ModelServer(…)")
    }
}

/// The three services with what steps in for each.
pub(super) fn all(document: &Document) -> impl Iterator<Item = (Part, &Service)> {
    let services = &document.services;
    [(Part::Stt, &services.stt), (Part::Llm, &services.llm), (Part::Tts, &services.tts)]
        .into_iter()
        .flat_map(|(part, service)| chain(service).map(move |service| (part, service)))
}

fn chain(service: &Service) -> impl Iterator<Item = &Service> {
    std::iter::once(service).chain(service.fallback.as_deref())
}

/// The templates of base URLs and keys.
pub(super) fn templates(document: &Document) -> impl Iterator<Item = &Template> {
    all(document).flat_map(|(_, service)| [&service.base_url, &service.key]).flatten()
}

pub(super) fn check(document: &Document, out: &mut Vec<Diagnostic>) {
    for (part, service) in all(document) {
        let provider = provider(part, service);
        out.extend(of_another(part, provider, service));
        out.extend(incapable(document, part, provider, service));
    }
    let services = &document.services;
    for (part, first) in [(Part::Stt, &services.stt), (Part::Llm, &services.llm), (Part::Tts, &services.tts)]
    {
        out.extend(first.fallback.as_deref().and_then(|other| same(part, first, other)));
    }
}

fn provider(part: Part, service: &Service) -> Provider {
    let model = service.model.as_ref().map(|model| model.value.as_str());
    service.provider.as_ref().map_or_else(|| part.provider_for(model), |provider| provider.value)
}

/// F080: a model that its provider does not have.
fn of_another(part: Part, provider: Provider, service: &Service) -> Option<Diagnostic> {
    let model = service.model.as_ref()?;
    let owner = part.owner(&model.value).filter(|owner| *owner != provider)?;
    let message = format!("`{}` is a model of `{}`, not of `{}`", model.value, owner.name(), provider.name());
    let help = format!(
        "write `provider: {}`, or a model of `{}` such as `{}`",
        owner.name(),
        provider.name(),
        provider.default_model(part)
    );
    let mut error = Diagnostic::error(Rule::ServiceModel, model.span, message).help(help);
    if let Some(written) = &service.provider {
        error = error.also(written.span, "the provider");
    }
    Some(error)
}

/// F081: what the flow asks for and the provider does not do.
fn incapable(document: &Document, part: Part, provider: Provider, service: &Service) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let warning = |span, message: String, help: &str| {
        Diagnostic::warning(Rule::ServiceAbility, span, message).help(help)
    };
    if let (Part::Tts, Provider::Deepgram, Some(voice)) = (part, provider, &service.voice) {
        let message = "`deepgram` has no voices beside its models: `voice` does nothing".to_owned();
        found.push(warning(voice.span, message, "name the voice as the model: `model: aura-2-thalia-en`"));
    }
    let written = service.model.as_ref().map_or(provider.default_model(part), |model| &model.value);
    let place = service.model.as_ref().map(|m| m.span).or(service.provider.as_ref().map(|p| p.span));
    let spoken = document.call.language.as_ref().map_or("en-US", |language| &language.value);
    let spoken = spoken.split('-').next().unwrap_or_default().to_ascii_lowercase();
    if let (Some(place), Some(made_for)) = (place, provider.language_of(written))
        && made_for != spoken
    {
        let message = format!("`{written}` is made for `{made_for}`, and the call is in `{spoken}`");
        found.push(warning(place, message, "choose a model for the language of `call.language`"));
    }
    let converses = || document.states.iter().any(|state| matches!(state.kind.value, Kind::Converse(_)));
    // As a fallback it is better than nothing.
    let steps_in =
        document.services.stt.fallback.as_deref().is_some_and(|other| std::ptr::eq(other, service));
    if let (Part::Stt, false, Some(place)) = (part, provider.has_interims(), place)
        && converses()
        && !steps_in
    {
        let message = format!("`{}` gives no words while they are being spoken", provider.name());
        let help = "each answer begins later by the time of a whole transcription, and what interrupts the bot is \
                    known by its sound alone; `deepgram` and `deepgram_flux` give words at once, this one is good as \
                    a `fallback`";
        found.push(warning(place, message, help));
    }
    found
}

/// F081: a fallback that is the same again.
fn same(part: Part, first: &Service, other: &Service) -> Option<Diagnostic> {
    let model = |service: &Service| {
        let own = provider(part, service).default_model(part);
        service.model.as_ref().map_or(own, |model| &model.value).to_owned()
    };
    let url = |service: &Service| service.base_url.as_ref().map(|url| url.text.value.clone());
    let is_same = provider(part, first) == provider(part, other)
        && model(first) == model(other)
        && url(first) == url(other);
    let place = other.model.as_ref().map(|m| m.span).or(other.provider.as_ref().map(|p| p.span))?;
    is_same.then(|| {
        let message = format!("the fallback of `{}` is what it steps in for", part.key());
        Diagnostic::warning(Rule::ServiceAbility, place, message)
            .help("name another provider or another model")
    })
}

/// The endpoints of the model and of what steps in for it. `None` if anything is wrong.
pub(super) fn resolve(
    document: &Document,
    scope: &Scope<'_>,
    mode: EnvMode<'_>,
    values: &[Option<String>],
    out: &mut Vec<Diagnostic>,
) -> Option<[Option<ModelServer>; 2]> {
    let llm = &document.services.llm;
    let own = endpoint(document, llm, scope, mode, values, out);
    let other = llm.fallback.as_deref().map(|other| endpoint(document, other, scope, mode, values, out));
    Some([own?, other.unwrap_or(Some(None))?])
}

/// `Some(None)`: the service has no endpoint of its own.
fn endpoint(
    document: &Document,
    service: &Service,
    scope: &Scope<'_>,
    mode: EnvMode<'_>,
    values: &[Option<String>],
    out: &mut Vec<Diagnostic>,
) -> Option<Option<ModelServer>> {
    let before = out.len();
    for name in [&service.base_url, &service.key].into_iter().flatten().flat_map(|t| &t.names) {
        match name.name.strip_prefix("env.") {
            Some(var) => out.extend(env::unlisted(var, name.span, scope)),
            None => {
                let message = format!("`{}` would decide who is asked", name.name);
                let help = "a server and its key are written here or come from `env.`";
                out.push(Diagnostic::error(Rule::WrongValue, name.span, message).help(help));
            }
        }
    }
    if let (None, Some(key)) = (&service.base_url, &service.key) {
        let message = "a key without its `base_url`";
        let help = "the vendor's own key is OPENAI_API_KEY in the environment; `key` goes with a `base_url`";
        out.push(Diagnostic::error(Rule::MissingKey, key.text.span, message).help(help));
    }
    if let Some(key) = service.key.as_ref().filter(|key| !is_one_variable(&key.text.value)) {
        let message = "a key does not belong into a flow";
        let help =
            "put it into the environment, list it under `env:` as `text`, and write `\"{{ env.NAME }}\"`";
        out.push(Diagnostic::error(Rule::WrongValue, key.text.span, message).help(help));
    }
    let (Some(url), true) = (&service.base_url, out.len() == before) else {
        return (out.len() == before).then_some(None);
    };
    let key = match &service.key {
        Some(key) => Some(ApiKey::new(env::with_values(document, &key.text.value, values).ok()?)),
        None => None,
    };
    let text = match env::with_values(document, &url.text.value, values) {
        Ok(text) => text,
        Err(env::NotPlain::Unknown) => return None,
        Err(env::NotPlain::Tag) => {
            let message = "a base URL is text and `{{ env.NAME }}`, nothing else";
            out.push(
                Diagnostic::error(Rule::WrongValue, url.text.span, message)
                    .help("put it into the environment"),
            );
            return None;
        }
    };
    let mut names = [Some(url), service.key.as_ref()].into_iter().flatten().flat_map(|text| &text.names);
    let is_known = match mode {
        EnvMode::Unknown => url.names.is_empty(),
        EnvMode::Given(lookup) => names.all(|name| {
            name.name.strip_prefix("env.").and_then(lookup).is_some_and(|v| !v.trim().is_empty())
        }),
        EnvMode::Known(_) => true,
    };
    if !is_known {
        return Some(Some(ModelServer { base_url: NOWHERE.to_owned(), key: None }));
    }
    let Some(base_url) = crate::settings::base_url(&text) else {
        let message = "not a base URL";
        let help = "write it as https://host/v1 or http://host:port/v1, without a query";
        out.push(Diagnostic::error(Rule::WrongValue, url.text.span, message).help(help));
        return None;
    };
    Some(Some(ModelServer { base_url, key }))
}

fn is_one_variable(text: &str) -> bool {
    let inner = text.trim().strip_prefix("{{").and_then(|text| text.strip_suffix("}}"));
    inner.is_some_and(|name| name.trim().starts_with("env.") && !name.contains(['{', '}']))
}
