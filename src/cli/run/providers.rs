//! The providers that a flow names, as clients: made when a call needs them, shared by all calls.
//!
//! Also says which accounts flows need, before any of them is used.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::app::at;
use super::flow_file::FlowFile;
use super::kept;
use super::routes::Routes;
use crate::pii::ApiKey;
use crate::plan::{self, Part, Provider};
use crate::sandbox::{Sandbox, Urls};
use crate::session::Vendors;
use crate::settings::{self, NO_KEY, Settings, Uses, Vendor};
use crate::speech::aura::Aura;
use crate::speech::cartesia::Cartesia;
use crate::speech::deepgram::Deepgram;
use crate::speech::failover::{Health, LlmChain, Member, SttChain, TtsChain};
use crate::speech::flux::Flux;
use crate::speech::openai::{self, OpenAi};
use crate::speech::openai_audio::{OpenAiEar, OpenAiVoice};
use crate::speech::socket::EndpointError;
use crate::speech::{Llm, Stt, Tts};
use crate::telephony::{RoomClient, Telephony};

/// Clients that are kept for each part; a flow file that is edited on and on names no more.
const MOST_KEPT: usize = 32;

/// Which vendors flows use.
pub(in crate::cli) fn uses<'s>(flows: impl IntoIterator<Item = &'s plan::Services>) -> Uses {
    let mut uses = Uses { hearing: Vec::new(), voice: Vec::new(), model: false, own_model: false };
    let note = |list: &mut Vec<settings::Service>, provider| {
        let service = account(provider);
        if !list.contains(&service) {
            list.push(service);
        }
    };
    for services in flows {
        services.stt.chain().for_each(|one| note(&mut uses.hearing, one.provider));
        services.tts.chain().for_each(|one| note(&mut uses.voice, one.provider));
        for one in services.llm.chain() {
            uses.model |= one.endpoint.is_none();
            uses.own_model |= one.endpoint.is_some();
        }
    }
    uses
}

/// The same for flows whose environment is not known yet. Files that cannot be used are reported when they are.
pub(in crate::cli) fn uses_of_files(routes: &Routes) -> Uses {
    let plans = routes.files.iter().filter_map(|file| FlowFile::open(file, None).ok());
    let plans: Vec<_> = plans.map(|(flow, _)| flow.plan()).collect();
    if plans.is_empty() { Uses::default() } else { uses(plans.iter().map(|plan| &plan.services)) }
}

fn account(provider: Provider) -> settings::Service {
    match provider {
        Provider::Deepgram | Provider::DeepgramFlux => settings::Service::Deepgram,
        Provider::OpenAi => settings::Service::OpenAi,
        Provider::Cartesia => settings::Service::Cartesia,
    }
}

/// Where one provider is, for one part.
#[derive(Clone)]
struct Place {
    url: String,
    key: ApiKey,
}

/// All providers of this process.
pub(in crate::cli) struct Providers {
    deepgram: Place,
    openai: Place,
    openai_audio: Place,
    cartesia: Place,
    /// Where servers that flows name are, if they are emulated.
    own_models: Option<Place>,
    prompts: kept::Kept,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    stt: HashMap<Provider, Arc<dyn Stt>>,
    tts: HashMap<Provider, Arc<dyn Tts>>,
    /// By base URL and key, and whether it may ask twice.
    llm: HashMap<(String, String, bool), Arc<dyn Llm>>,
    health: HashMap<(Part, Provider, String), Arc<Health>>,
}

impl Providers {
    pub(in crate::cli) fn new(settings: &Settings, sandbox: Option<&Sandbox>, prompts: kept::Kept) -> Self {
        let urls = sandbox.map(Sandbox::urls);
        let emulated = |url: fn(&Urls) -> &String| urls.map(|urls| url(urls).clone());
        let vendors = &settings.vendors;
        let place = |vendor: &Vendor, emulated: Option<String>, own: &str| match (vendor, emulated) {
            // A flow was edited and uses somebody of whom there is no key: the vendor will say so.
            (Vendor::Emulated | Vendor::Elsewhere, None) => {
                Place { url: own.to_owned(), key: ApiKey::new(NO_KEY) }
            }
            (vendor, emulated) => {
                let (url, key) = at(vendor, &emulated.unwrap_or_default());
                Place { url, key }
            }
        };
        Self {
            deepgram: place(
                &vendors.deepgram,
                emulated(|urls| &urls.deepgram),
                crate::speech::deepgram::BASE_URL,
            ),
            openai: place(&vendors.openai, emulated(|urls| &urls.openai), openai::BASE_URL),
            openai_audio: place(&vendors.openai_audio, emulated(|urls| &urls.openai), openai::BASE_URL),
            cartesia: place(
                &vendors.cartesia,
                emulated(|urls| &urls.cartesia),
                crate::speech::cartesia::BASE_URL,
            ),
            own_models: emulated(|urls| &urls.llm)
                .filter(|_| vendors.offline)
                .map(|url| Place { url, key: ApiKey::new("sandbox") }),
            prompts,
            kept: Mutex::default(),
        }
    }

    /// Those of a flow.
    ///
    /// # Errors
    /// [`EndpointError`] if a URL or a key can never work.
    pub(in crate::cli) fn choose(
        &self,
        plan: &plan::Services,
        (telephony, rooms): (&Arc<dyn Telephony>, &Arc<dyn RoomClient>),
    ) -> Result<Vendors, EndpointError> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let stt = plan.stt.chain().map(|one| self.stt(&mut kept, one)).collect::<Result<_, _>>()?;
        let tts = plan.tts.chain().map(|one| self.tts(&mut kept, one)).collect::<Result<_, _>>()?;
        let models = plan.llm.chain().count();
        let llm = plan.llm.chain().enumerate();
        let llm =
            llm.map(|(at, one)| self.llm(&mut kept, one, at + 1 == models)).collect::<Result<_, _>>()?;
        Ok(Vendors {
            stt: Arc::new(SttChain::new(stt)),
            llm: Arc::new(LlmChain::new(llm)),
            tts: Arc::new(TtsChain::new(tts)),
            telephony: Arc::clone(telephony),
            rooms: Arc::clone(rooms),
            prompts: Arc::clone(self.prompts.by(plan.tts.provider)),
        })
    }

    fn stt(&self, kept: &mut Kept, one: &plan::Service) -> Result<Member<dyn Stt>, EndpointError> {
        let health = health(kept, Part::Stt, one);
        let provider = match kept.stt.get(&one.provider) {
            Some(client) => Arc::clone(client),
            None => {
                let (deepgram, openai) = (self.deepgram.clone(), self.openai_audio.clone());
                let client: Arc<dyn Stt> = match one.provider {
                    Provider::DeepgramFlux => Arc::new(Flux::new(&deepgram.url, deepgram.key)?),
                    Provider::OpenAi => Arc::new(OpenAiEar::new(&openai.url, openai.key)?),
                    Provider::Deepgram | Provider::Cartesia => {
                        Arc::new(Deepgram::new(&deepgram.url, deepgram.key)?)
                    }
                };
                kept.stt.insert(one.provider, Arc::clone(&client));
                client
            }
        };
        Ok(member(provider, one, health))
    }

    fn tts(&self, kept: &mut Kept, one: &plan::Service) -> Result<Member<dyn Tts>, EndpointError> {
        let health = health(kept, Part::Tts, one);
        let provider = match kept.tts.get(&one.provider) {
            Some(client) => Arc::clone(client),
            None => {
                let Self { deepgram, openai_audio: openai, cartesia, .. } = self;
                let client: Arc<dyn Tts> = match one.provider {
                    Provider::Deepgram | Provider::DeepgramFlux => {
                        Arc::new(Aura::new(&deepgram.url, deepgram.key.clone())?)
                    }
                    Provider::OpenAi => Arc::new(OpenAiVoice::new(&openai.url, openai.key.clone())?),
                    Provider::Cartesia => Arc::new(Cartesia::new(&cartesia.url, cartesia.key.clone())?),
                };
                kept.tts.insert(one.provider, Arc::clone(&client));
                client
            }
        };
        Ok(member(provider, one, health))
    }

    fn llm(
        &self,
        kept: &mut Kept,
        one: &plan::Service,
        is_last: bool,
    ) -> Result<Member<dyn Llm>, EndpointError> {
        let health = health(kept, Part::Llm, one);
        let place = match (&one.endpoint, &self.own_models) {
            (None, _) => self.openai.clone(),
            (Some(_), Some(emulated)) => emulated.clone(),
            (Some(own), None) => Place {
                url: own.base_url.clone(),
                key: own.key.clone().unwrap_or_else(|| ApiKey::new(NO_KEY)),
            },
        };
        let name = (place.url.clone(), place.key.reveal().to_owned(), is_last);
        let provider = match kept.llm.get(&name) {
            Some(client) => Arc::clone(client),
            None => {
                let http = openai::http_client(&place.url)?;
                let client = OpenAi::new(&place.url, place.key, http)?;
                // With somebody behind it, asking again is a waste of the caller's time.
                let client: Arc<dyn Llm> = Arc::new(if is_last { client } else { client.asking_once() });
                if kept.llm.len() >= MOST_KEPT {
                    kept.llm.clear();
                }
                kept.llm.insert(name, Arc::clone(&client));
                client
            }
        };
        Ok(member(provider, one, health))
    }
}

fn health(kept: &mut Kept, part: Part, one: &plan::Service) -> Arc<Health> {
    let place = one.endpoint.as_ref().map(|endpoint| endpoint.base_url.clone()).unwrap_or_default();
    let name = (part, one.provider, format!("{place} {}", one.model));
    if kept.health.len() >= 3 * MOST_KEPT && !kept.health.contains_key(&name) {
        kept.health.clear();
    }
    Arc::clone(kept.health.entry(name).or_insert_with(|| Arc::new(Health::new(one.provider.name()))))
}

fn member<P: ?Sized>(provider: Arc<P>, one: &plan::Service, health: Arc<Health>) -> Member<P> {
    Member { provider, model: Arc::clone(&one.model), voice: one.voice.clone(), health }
}
