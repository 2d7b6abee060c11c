//! Which vendors are real and which are emulated, and why.
//!
//! Emulated speech means nothing to a real recogniser and the reverse, so phones, hearing and voice are
//! emulated together or real together. The model is free in an offline call, and real in a live one.

use super::{Overrides, Reader, SettingsError};
use crate::pii::ApiKey;

/// Daily's REST API.
pub const DAILY_API_URL: &str = "https://api.daily.co/v1";
/// What is sent as the key of a base URL that was given without one.
pub const NO_KEY: &str = "none";

/// The vendor of a model whose server the flow names.
pub const OWN_SERVER: &str = "the flow's server";

/// Who plays a part.
#[derive(Clone, Debug)]
pub enum Vendor {
    /// The vendor, or a server that the author says is one.
    Real {
        /// `http` or `https`, no slash at the end; Daily's and OpenAI's end in `/v1`.
        base_url: String,
        /// The key; [`NO_KEY`] if there is none.
        key: ApiKey,
    },
    /// The sandbox.
    Emulated,
    /// Somebody else's business: the bot's, which runs on Pipecat Cloud.
    Elsewhere,
}

impl Vendor {
    /// Whether the sandbox plays the part.
    #[must_use]
    pub fn is_emulated(&self) -> bool {
        matches!(self, Self::Emulated)
    }
}

/// How rooms are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// Over the sandbox's own room protocol.
    SandboxRoom,
    /// Over Daily's native library.
    NativeLibrary,
}

/// How Daily is told what to do with telephone legs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum DialOutPath {
    /// Over its REST API.
    #[default]
    Rest,
    /// By our client in the room. Only Daily's native library can; the sandbox's rooms are commanded over REST.
    Client,
}

/// The variable that chooses it.
pub(super) const DIAL_OUT: &str = "DAILY_DIAL_OUT";

/// The variable that names the file of Daily's native library.
pub const LIBRARY: &str = "DAILY_CORE_LIBRARY";

/// Who plays which part in this run.
#[derive(Clone, Debug)]
pub struct Vendors {
    /// Phones and rooms: Daily.
    pub telephony: Vendor,
    /// Deepgram: hearing, and Aura's voices.
    pub deepgram: Vendor,
    /// Cartesia: voice.
    pub cartesia: Vendor,
    /// OpenAI: the model.
    pub openai: Vendor,
    /// OpenAI's hearing and voice: real only if the phones are.
    pub openai_audio: Vendor,
    /// Which of them the flows use.
    pub uses: Uses,
    /// How the rooms of `telephony` are joined.
    pub media: Media,
    /// Who commands its legs.
    pub dial_out: DialOutPath,
    /// Whether `--offline` was given, which is why keys were ignored.
    pub offline: bool,
}

/// A vendor with whom one has an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Daily: phones and rooms.
    Telephony,
    /// Deepgram.
    Deepgram,
    /// OpenAI.
    OpenAi,
    /// Cartesia.
    Cartesia,
}

/// One line of the start screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceNote {
    /// The part.
    pub service: Service,
    /// The part in words: `phones and rooms`, `hearing`, `model`, `voice`.
    pub part: &'static str,
    /// The vendor's name.
    pub vendor: &'static str,
    /// Whether the sandbox stands in for it.
    pub emulated: bool,
    /// The variable of its key; empty if the flow names it.
    pub key: &'static str,
    /// What would make it real, or what to know about it.
    pub remark: &'static str,
}

impl Service {
    /// All, in the order of a call.
    pub const ALL: [Self; 4] = [Self::Telephony, Self::Deepgram, Self::OpenAi, Self::Cartesia];

    /// The variable of its key.
    #[must_use]
    pub fn key_variable(self) -> &'static str {
        match self {
            Self::Telephony => "DAILY_API_KEY",
            Self::Deepgram => "DEEPGRAM_API_KEY",
            Self::OpenAi => "OPENAI_API_KEY",
            Self::Cartesia => "CARTESIA_API_KEY",
        }
    }

    /// The variable of its base URL.
    #[must_use]
    pub fn url_variable(self) -> &'static str {
        match self {
            Self::Telephony => "DAILY_API_URL",
            Self::Deepgram => "DEEPGRAM_URL",
            Self::OpenAi => "OPENAI_BASE_URL",
            Self::Cartesia => "CARTESIA_URL",
        }
    }

    pub(super) fn default_url(self) -> &'static str {
        match self {
            Self::Telephony => DAILY_API_URL,
            Self::Deepgram => "https://api.deepgram.com",
            Self::OpenAi => "https://api.openai.com/v1",
            Self::Cartesia => "https://api.cartesia.ai",
        }
    }

    /// The vendor's name.
    #[must_use]
    pub fn vendor(self) -> &'static str {
        match self {
            Self::Telephony => "Daily",
            Self::Deepgram => "Deepgram",
            Self::OpenAi => "OpenAI",
            Self::Cartesia => "Cartesia",
        }
    }
}

impl Vendors {
    /// Everything emulated, as `--offline` has it.
    #[must_use]
    pub fn offline() -> Self {
        let emulated = || Vendor::Emulated;
        Self {
            telephony: emulated(),
            deepgram: emulated(),
            cartesia: emulated(),
            openai: emulated(),
            openai_audio: emulated(),
            uses: Uses::default(),
            media: Media::SandboxRoom,
            dial_out: DialOutPath::Rest,
            offline: true,
        }
    }

    /// Who plays a part.
    #[must_use]
    pub fn of(&self, service: Service) -> &Vendor {
        match service {
            Service::Telephony => &self.telephony,
            Service::Deepgram => &self.deepgram,
            Service::OpenAi => &self.openai,
            Service::Cartesia => &self.cartesia,
        }
    }

    /// Whether the phones are the sandbox's.
    #[must_use]
    pub fn is_phone_emulated(&self) -> bool {
        self.telephony.is_emulated()
    }

    /// Whether somebody pays for what is dialled: the phones are real, and not an emulator's on this machine.
    #[must_use]
    pub fn bills_for_phones(&self) -> bool {
        match &self.telephony {
            Vendor::Real { base_url, .. } => !is_on_this_machine(base_url),
            Vendor::Emulated | Vendor::Elsewhere => false,
        }
    }

    /// Whether a sandbox has to be started.
    #[must_use]
    pub fn needs_sandbox(&self) -> bool {
        self.explain().iter().any(|note| note.emulated)
    }

    /// What a newcomer should know: what is emulated, and what would make it real.
    #[must_use]
    pub fn explain(&self) -> Vec<ServiceNote> {
        let uses = &self.uses;
        let hearing = uses.hearing.iter().map(|&service| (service, "hearing"));
        let model = uses.model.then_some((Service::OpenAi, "model"));
        let voice = uses.voice.iter().map(|&service| (service, "voice"));
        let mut notes = vec![self.note(Service::Telephony, "phones and rooms")];
        notes.extend(hearing.chain(model).map(|(service, part)| self.note(service, part)));
        if uses.own_model {
            let emulated = self.offline;
            let remark = if emulated {
                "a keyword stand-in; without --offline the server is asked"
            } else {
                "used as given"
            };
            let vendor = OWN_SERVER;
            notes.push(ServiceNote {
                vendor,
                emulated,
                remark,
                key: "",
                ..self.note(Service::OpenAi, "model")
            });
        }
        notes.extend(voice.map(|(service, part)| self.note(service, part)));
        notes
    }

    fn note(&self, service: Service, part: &'static str) -> ServiceNote {
        let is_audio = service == Service::OpenAi && part != "model";
        let played_by = if is_audio { &self.openai_audio } else { self.of(service) };
        let emulated = played_by.is_emulated();
        let remark = match (part, emulated) {
            _ if matches!(played_by, Vendor::Elsewhere) => "the bot's business, on Pipecat Cloud",
            ("model", true) if self.offline => {
                "a keyword stand-in, which does not test prompts; OPENAI_API_KEY without --offline makes it real"
            }
            ("model", true) => {
                "a keyword stand-in, which does not test prompts; OPENAI_API_KEY makes it real"
            }
            ("model", false) if self.is_phone_emulated() => "the real model, the best way to try a prompt",
            (_, true) => "real only together with the phones and the rest of hearing and voice",
            (_, false) => "used as given",
        };
        ServiceNote { service, part, vendor: service.vendor(), emulated, key: service.key_variable(), remark }
    }
}

/// Which vendors beside Daily the flows use: only their keys are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uses {
    /// Who hears, each once.
    pub hearing: Vec<Service>,
    /// Who speaks, each once.
    pub voice: Vec<Service>,
    /// Whether OpenAI's model, or that of `OPENAI_BASE_URL`, is asked.
    pub model: bool,
    /// Whether a flow names a server of its own for the model.
    pub own_model: bool,
}

impl Default for Uses {
    /// Those of a flow that chooses nothing.
    fn default() -> Self {
        Self {
            hearing: vec![Service::Deepgram],
            voice: vec![Service::Cartesia],
            model: true,
            own_model: false,
        }
    }
}

impl Uses {
    /// Whether a vendor hears or speaks.
    #[must_use]
    pub fn audio(&self, service: Service) -> bool {
        self.hearing.contains(&service) || self.voice.contains(&service)
    }

    /// Whether a vendor does anything at all.
    #[must_use]
    pub fn any(&self, service: Service) -> bool {
        service == Service::Telephony || self.audio(service) || (service == Service::OpenAi && self.model)
    }
}

/// Decides who plays which part; `None` (and a problem) if it makes no sense.
pub(super) fn decide(reader: &mut Reader<'_>, overrides: &Overrides) -> Option<Vendors> {
    if overrides.offline && !overrides.mix {
        return Some(Vendors { uses: overrides.uses.clone(), ..Vendors::offline() });
    }
    let before = reader.problems.len();
    let [telephony, deepgram, openai, cartesia] =
        Service::ALL.map(|service| vendor(reader, service, overrides));
    let media = media(&telephony, overrides.mix, reader.text(LIBRARY).is_some());
    // A model may be real where speech is not; what hears and speaks goes with the phones.
    let audio_is_real = overrides.mix || !telephony.is_emulated();
    let openai_audio = if audio_is_real { openai.clone() } else { Vendor::Emulated };
    let (uses, offline, dial_out) = (overrides.uses.clone(), overrides.offline, dial_out(reader));
    let vendors =
        Vendors { telephony, deepgram, cartesia, openai, openai_audio, uses, media, dial_out, offline };
    if reader.problems.len() == before {
        reader.problems.extend(refusal(&vendors, overrides.mix));
    }
    (reader.problems.len() == before).then_some(vendors)
}

/// In production only phones and rooms are this process's business; the rest is the bot's.
pub(super) fn in_production(reader: &mut Reader<'_>) -> Vendors {
    let service = Service::Telephony;
    let key = reader.key(service.key_variable());
    if key.is_none() && reader.text(service.key_variable()).is_none() {
        reader.problems.push(SettingsError::ProductionNeeds { name: service.key_variable() });
    }
    let base_url = reader.url(service.url_variable()).unwrap_or_else(|| service.default_url().to_owned());
    let telephony = Vendor::Real { base_url, key: key.unwrap_or_else(|| ApiKey::new(NO_KEY)) };
    let elsewhere = || Vendor::Elsewhere;
    Vendors {
        telephony,
        deepgram: elsewhere(),
        cartesia: elsewhere(),
        openai: elsewhere(),
        openai_audio: elsewhere(),
        uses: Uses::default(),
        // Rooms are joined elsewhere, too.
        media: Media::SandboxRoom,
        dial_out: DialOutPath::Rest,
        offline: false,
    }
}

/// A bot's vendors are real, all of them, or it is asked to be offline. Only Daily's key may come with each
/// call instead.
pub(super) fn decide_for_bot(reader: &mut Reader<'_>, overrides: &Overrides) -> Option<Vendors> {
    if overrides.offline {
        return decide(reader, overrides);
    }
    let before = reader.problems.len();
    let [telephony, deepgram, openai, cartesia] = Service::ALL.map(|service| {
        let known = reader.problems.len();
        let found = vendor(reader, service, overrides);
        if !found.is_emulated() {
            return found;
        }
        let is_needed = service != Service::Telephony && overrides.uses.any(service);
        if is_needed && reader.problems.len() == known {
            reader.problems.push(SettingsError::BotNeeds { name: service.key_variable() });
        }
        Vendor::Real { base_url: service.default_url().to_owned(), key: ApiKey::new(NO_KEY) }
    });
    let media = media(&telephony, overrides.mix, reader.text(LIBRARY).is_some());
    let (openai_audio, uses, dial_out) = (openai.clone(), overrides.uses.clone(), dial_out(reader));
    let vendors = Vendors {
        telephony,
        deepgram,
        cartesia,
        openai,
        openai_audio,
        uses,
        media,
        dial_out,
        offline: false,
    };
    (reader.problems.len() == before).then_some(vendors)
}

fn vendor(reader: &mut Reader<'_>, service: Service, overrides: &Overrides) -> Vendor {
    let key = if overrides.offline { None } else { reader.key(service.key_variable()) };
    let url = reader.url(service.url_variable());
    match (url, key) {
        (Some(base_url), Some(key)) => Vendor::Real { base_url, key },
        (None, Some(key)) => Vendor::Real { base_url: service.default_url().to_owned(), key },
        (None, None) => Vendor::Emulated,
        // A model of one's own needs no key, and any model goes with anything.
        (Some(base_url), None) if overrides.mix || service == Service::OpenAi => {
            Vendor::Real { base_url, key: ApiKey::new(NO_KEY) }
        }
        (Some(_), None) => {
            let (url, key) = (service.url_variable(), service.key_variable());
            reader.problems.push(SettingsError::UrlWithoutKey { url, key });
            Vendor::Emulated
        }
    }
}

/// Daily's rooms need Daily's library, the sandbox's do not. With `--mix` a library that is named is taken at
/// its word: it may be one that joins rooms of an emulator.
fn media(telephony: &Vendor, mix: bool, library_is_named: bool) -> Media {
    let is_at_daily = match telephony {
        Vendor::Real { base_url, .. } => !mix || base_url == Service::Telephony.default_url(),
        Vendor::Emulated | Vendor::Elsewhere => false,
    };
    if is_at_daily || (mix && library_is_named) { Media::NativeLibrary } else { Media::SandboxRoom }
}

fn dial_out(reader: &mut Reader<'_>) -> DialOutPath {
    let path = reader.text(DIAL_OUT).map(|path| path.to_ascii_lowercase());
    match path.as_deref() {
        None | Some("rest") => DialOutPath::Rest,
        Some("client") => DialOutPath::Client,
        Some(_) => {
            reader
                .problems
                .push(SettingsError::Unreadable { name: DIAL_OUT, expected: "`rest` or `client`" });
            DialOutPath::Rest
        }
    }
}

/// Why this choice of vendors cannot be run, if it cannot.
fn refusal(vendors: &Vendors, mix: bool) -> Option<SettingsError> {
    if mix {
        return None;
    }
    let together = [Service::Telephony, Service::Deepgram, Service::Cartesia, Service::OpenAi];
    let together =
        together.into_iter().filter(|&service| service == Service::Telephony || vendors.uses.audio(service));
    let (missing, mut set): (Vec<_>, Vec<_>) =
        together.partition(|&service| vendors.of(service).is_emulated());
    if vendors.is_phone_emulated() {
        // Its key alone is about the model.
        set.retain(|service| *service != Service::OpenAi);
    }
    let keys = |services: Vec<Service>| services.into_iter().map(Service::key_variable).collect();
    match (set.is_empty(), missing.is_empty()) {
        (true, _) => None,
        (_, true) => {
            (vendors.uses.model && vendors.openai.is_emulated()).then_some(SettingsError::LiveWithoutModel)
        }
        _ => Some(SettingsError::Mixed { set: keys(set), missing: keys(missing) }),
    }
}

fn is_on_this_machine(url: &str) -> bool {
    let url = reqwest::Url::parse(url).ok();
    let host = url.as_ref().and_then(reqwest::Url::host_str).unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

/// A base URL as `http` or `https` without a slash at the end.
#[must_use]
pub fn base_url(text: &str) -> Option<String> {
    let url = reqwest::Url::parse(text).ok()?;
    let scheme = match url.scheme() {
        "http" | "ws" => "http",
        "https" | "wss" => "https",
        _ => return None,
    };
    let plain = url.has_host() && url.query().is_none() && url.fragment().is_none();
    let (_, rest) = text.split_once("://")?;
    plain.then(|| format!("{scheme}://{}", rest.trim_end_matches('/')))
}
