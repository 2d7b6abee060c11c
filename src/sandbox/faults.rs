//! Faults on order: one table that every emulator asks before it does a thing.
//!
//! A fault is injected once and taken by the emulators as they work, so a test that injects one sees it
//! exactly as often as it said. This file knows no wire: what a fault looks like is its emulator's business.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Faults that may wait at a time; more is a test gone wrong.
const MOST_WAITING: usize = 1024;

/// An emulated service, as the control API names it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// Daily's REST and the room.
    Daily,
    /// Speech to text.
    Deepgram,
    /// Speech to text that ends turns.
    Flux,
    /// Deepgram's text to speech.
    Aura,
    /// The language model.
    Openai,
    /// Another server that speaks the language model's protocol.
    Compatible,
    /// Speech and hearing over OpenAI's HTTP API.
    Audio,
    /// Text to speech.
    Cartesia,
    /// The phones and the telephone network.
    Phone,
    /// Pipecat Cloud's start API.
    Pipecat,
}

impl Service {
    /// Its name in the control API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Daily => "daily",
            Self::Deepgram => "deepgram",
            Self::Flux => "flux",
            Self::Aura => "aura",
            Self::Openai => "openai",
            Self::Compatible => "compatible",
            Self::Audio => "audio",
            Self::Cartesia => "cartesia",
            Self::Phone => "phone",
            Self::Pipecat => "pipecat",
        }
    }
}

/// What goes wrong.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "lowercase")]
pub enum Fault {
    /// The answer comes late.
    Slow {
        /// By how many milliseconds.
        ms: u64,
    },
    /// No answer comes, and the connection stays open.
    Silent,
    /// The connection breaks, in the middle of the answer if it has one.
    Disconnect,
    /// Something that is not the protocol comes instead of the answer.
    Garbage,
    /// The request is refused.
    Refuse {
        /// HTTP status; also the status named in a refusal on a socket.
        #[serde(default = "unavailable")]
        status: u16,
        /// The text that explains the refusal, where the vendor has a place for one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        info: Option<String>,
    },
    /// The answer, or one message of it, comes twice.
    Duplicate,
    /// Two messages of the answer come in the wrong order.
    Reorder,
    /// With an event of a room comes the vendor's warning.
    Warning,
    /// With an event of a room somebody joins it who is nobody's, and leaves it again.
    Visitor,
}

impl Fault {
    /// How late the answer is; zero unless [`Fault::Slow`].
    #[must_use]
    pub fn delay(&self) -> Duration {
        match self {
            Self::Slow { ms } => Duration::from_millis(*ms),
            _ => Duration::ZERO,
        }
    }

    /// Whether only a room's events can suffer it.
    #[must_use]
    pub fn is_of_rooms(&self) -> bool {
        matches!(self, Self::Warning | Self::Visitor)
    }

    /// Whether this is a [`Fault::Refuse`], the only fault that a WebSocket handshake can show besides delay.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Refuse { .. })
    }
}

fn unavailable() -> u16 {
    503
}

/// A fault as it is injected: the body of `POST /control/faults`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Injection {
    /// Who fails.
    pub service: Service,
    /// How.
    #[serde(flatten)]
    pub fault: Fault,
    /// Only this kind of request, by the name its emulator gives it; any kind if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<String>,
    /// How often; until the faults are cleared if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
}

impl Injection {
    /// A fault that happens once, to any request of `service`.
    #[must_use]
    pub fn once(service: Service, fault: Fault) -> Self {
        Self { service, fault, on: None, times: Some(1) }
    }

    /// The same fault, for one kind of request only.
    #[must_use]
    pub fn on(mut self, request: &str) -> Self {
        self.on = Some(request.to_owned());
        self
    }

    /// The same fault, `times` times.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }
}

/// Why a fault was not injected.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InjectError {
    /// The table is full; clear it first.
    #[error("{MOST_WAITING} faults wait already")]
    Full,
}

/// The table of injected faults, shared by the control API and all emulators of one sandbox.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    waiting: Arc<Mutex<Vec<Injection>>>,
}

impl Faults {
    /// Adds a fault behind those that wait.
    ///
    /// # Errors
    /// [`InjectError::Full`] if too many wait.
    pub fn inject(&self, injection: Injection) -> Result<(), InjectError> {
        let mut waiting = self.lock();
        if waiting.len() >= MOST_WAITING {
            return Err(InjectError::Full);
        }
        if injection.times != Some(0) {
            waiting.push(injection);
        }
        Ok(())
    }

    /// Takes the fault that is due for a request of this kind, if one is.
    #[must_use]
    pub fn take(&self, service: Service, request: &str) -> Option<Fault> {
        self.take_if(service, request, |_| true)
    }

    /// Takes the first fault for this kind of request that `fits` at this moment; others wait on.
    #[must_use]
    pub fn take_if(&self, service: Service, request: &str, fits: impl Fn(&Fault) -> bool) -> Option<Fault> {
        self.take_where(service, |injection| {
            injection.on.as_deref().is_none_or(|on| on == request) && fits(&injection.fault)
        })
    }

    /// Takes the fault that is due for the handshake of a socket (the request `connect`): refusals, and what
    /// was injected for it by name. All other faults wait for a message.
    #[must_use]
    pub fn take_for_handshake(&self, service: Service) -> Option<Fault> {
        self.take_for_request(service, "connect")
    }

    /// The same for a plain request of a service that otherwise speaks over a socket.
    #[must_use]
    pub fn take_for_request(&self, service: Service, request: &str) -> Option<Fault> {
        self.take_where(service, |injection| match injection.on.as_deref() {
            Some(on) => on == request,
            None => injection.fault.is_refusal(),
        })
    }

    fn take_where(&self, service: Service, fits: impl Fn(&Injection) -> bool) -> Option<Fault> {
        let mut waiting = self.lock();
        let index = waiting.iter().position(|injection| injection.service == service && fits(injection))?;
        let fault = waiting[index].fault.clone();
        match &mut waiting[index].times {
            Some(times) if *times > 1 => *times -= 1,
            Some(_) => {
                waiting.remove(index);
            }
            None => {}
        }
        Some(fault)
    }

    /// Forgets all faults.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// The faults that wait, oldest first.
    #[must_use]
    pub fn waiting(&self) -> Vec<Injection> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Injection>> {
        // A panic while the lock is held cannot leave the list half changed.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn injection(json: &str) -> Injection {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_fault_is_taken_as_often_as_it_was_ordered() {
        let faults = Faults::default();
        faults.inject(injection(r#"{"service":"deepgram","fault":"slow","ms":800,"times":2}"#)).unwrap();
        assert_eq!(faults.take(Service::Cartesia, "speak"), None);
        assert_eq!(faults.take(Service::Deepgram, "results").map(|f| f.delay().as_millis()), Some(800));
        assert!(faults.take(Service::Deepgram, "results").is_some());
        assert_eq!(faults.take(Service::Deepgram, "results"), None);
    }

    #[test]
    fn without_times_a_fault_stays_until_cleared() {
        let faults = Faults::default();
        faults.inject(injection(r#"{"service":"openai","fault":"refuse","status":429}"#)).unwrap();
        for _ in 0..3 {
            assert_eq!(faults.take(Service::Openai, "chat"), Some(Fault::Refuse { status: 429, info: None }));
        }
        faults.clear();
        assert_eq!(faults.take(Service::Openai, "chat"), None);
    }

    #[test]
    fn a_fault_waits_for_its_kind_of_request_and_for_a_fitting_moment() {
        let faults = Faults::default();
        faults.inject(Injection::once(Service::Daily, Fault::Silent).on("dialOut/start")).unwrap();
        faults.inject(Injection::once(Service::Daily, Fault::Garbage)).unwrap();
        assert_eq!(faults.take_if(Service::Daily, "rooms", Fault::is_refusal), None);
        assert_eq!(faults.take(Service::Daily, "rooms"), Some(Fault::Garbage));
        assert_eq!(faults.take(Service::Daily, "rooms"), None);
        assert_eq!(faults.take(Service::Daily, "dialOut/start"), Some(Fault::Silent));
    }

    #[test]
    fn a_handshake_is_refused_or_shows_what_was_meant_for_it() {
        let faults = Faults::default();
        let slow = Fault::Slow { ms: 5 };
        faults.inject(Injection::once(Service::Deepgram, Fault::Silent)).unwrap();
        assert_eq!(faults.take_for_handshake(Service::Deepgram), None);
        faults.inject(Injection::once(Service::Deepgram, slow.clone()).on("connect")).unwrap();
        assert_eq!(faults.take_for_handshake(Service::Deepgram), Some(slow));
        assert_eq!(faults.take(Service::Deepgram, "final"), Some(Fault::Silent));
    }

    #[test]
    fn the_json_form_is_the_documented_one_and_the_table_is_bounded() {
        let text = r#"{"service":"phone","fault":"disconnect","on":"media","times":1}"#;
        assert_eq!(serde_json::to_string(&injection(text)).unwrap(), text);
        assert!(serde_json::from_str::<Injection>(r#"{"service":"phone","fault":"explode"}"#).is_err());
        let faults = Faults::default();
        for _ in 0..MOST_WAITING {
            faults.inject(injection(text)).unwrap();
        }
        assert_eq!(faults.inject(injection(text)), Err(InjectError::Full));
    }
}
