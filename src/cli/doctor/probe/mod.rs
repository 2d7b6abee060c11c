//! Gathers the facts: everything that is asked of files, ports and vendors, at the same time and bounded.
//!
//! Nothing is judged here; a question that was not asked is `None`.

pub(super) mod account;
pub(super) mod http;
pub(super) mod local;
pub(super) mod pulse;
pub(super) mod speech;
pub(super) mod webhook;

use super::subject::Subject;
use account::AccountFacts;
use local::LocalFacts;
use pulse::Pulse;
use speech::SpeechFacts;
use webhook::WebhookFacts;

/// Everything that is known.
pub(super) struct Facts<'a> {
    /// What is examined.
    pub(super) subject: &'a Subject,
    /// This machine.
    pub(super) local: LocalFacts,
    /// How each vendor answers, in the order of [`Service::ALL`](crate::settings::Service::ALL).
    pub(super) pulses: [Pulse; 4],
    /// Daily's account, if there is a key.
    pub(super) daily: Option<AccountFacts>,
    /// The speech vendors.
    pub(super) speech: SpeechFacts,
    /// The webhook, from outside.
    pub(super) webhook: WebhookFacts,
}

impl<'a> Facts<'a> {
    /// Asks everything there is to ask. Takes seconds, and with vendors that say nothing half a minute.
    pub(super) async fn gather(subject: &'a Subject) -> Self {
        let [telephony, stt, llm, tts] = &subject.survey.vendors;
        let pulses = async {
            tokio::join!(pulse::feel(telephony), pulse::feel(stt), pulse::feel(llm), pulse::feel(tts))
        };
        // First, because the trial of the webhook may put a server up at the port that is looked at here.
        let local = local::look(subject).await;
        let ((first, second, third, fourth), daily, speech, webhook) =
            tokio::join!(pulses, account::ask(subject), speech::ask(subject), webhook::try_it(subject),);
        Self { subject, local, pulses: [first, second, third, fourth], daily, speech, webhook }
    }
}
