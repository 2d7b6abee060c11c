//! A phone for people at a terminal, for tests and for load: speaks text as audio, hears text in audio.
//!
//! What it reports as heard was decoded from the samples it received and comes from nowhere else.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::connect_async_with_config;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use super::conversation::{Command, Conversation};
use super::wire::{MediaFormat, Message, Purpose, RejectReason, Start};
use crate::pii::{Address, PhoneNumber, Utterance};

/// Longest wait for the connection.
const CONNECT: Duration = Duration::from_secs(10);
/// Wishes that may wait to be carried out.
const COMMANDS: usize = 64;
/// Events that may wait to be read.
const EVENTS: usize = 256;

/// A phone: a placed call, or a wait for calls. Dropping it hangs up.
#[derive(Debug)]
pub struct Phone {
    commands: mpsc::Sender<Command>,
    _task: AbortOnDropHandle<()>,
}

/// What a phone tells the person who holds it.
///
/// Each [`Ringing`](Self::Ringing), and each placed call, is followed by exactly one
/// [`HungUp`](Self::HungUp), whoever ended it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PhoneEvent {
    /// Somebody calls this waiting phone.
    Ringing {
        /// The number shown; `None` if it is no number.
        from: Option<Address>,
    },
    /// A placed call was taken by the network, or a ringing phone was answered: audio flows.
    Connected,
    /// Sound came after silence: the first frame of a voice or a tone, before anything of it was understood.
    SoundBegan,
    /// Silence came after sound, [`PAUSE_MS`](crate::sandbox::phone::PAUSE_MS) ago.
    SoundEnded,
    /// What is being said, as far as it was heard; replaces the one before.
    HearingNow(Utterance),
    /// Somebody finished saying something, or was cut off.
    Heard {
        /// The words, with [`DAMAGE`](crate::sandbox::voice::DAMAGE) where audio was damaged.
        text: Utterance,
        /// Nothing was missing, doubled or out of order.
        intact: bool,
        /// The voice broke off; the text is what came until then.
        cut: bool,
    },
    /// A [`say`](Phone::say) has been said to its end.
    FinishedSaying,
    /// The other side pressed a key.
    Dtmf(char),
    /// The call is over, or has stopped ringing. A waiting phone waits on; after a placed call the events end.
    HungUp {
        /// Why, in the network's words.
        reason: String,
    },
}

/// Why a phone does not do what it is told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PhoneError {
    /// There is no telephone network at that address, or it does not answer.
    #[error("cannot reach the telephone network: {0}")]
    Unreachable(String),
    /// The call is over, or the connection is lost.
    #[error("the phone is not connected any more")]
    Gone,
    /// More wishes wait than a person has.
    #[error("the phone has more to do already than it can")]
    Overloaded,
}

impl Phone {
    /// Places a call at the telephone network of a sandbox ([`Urls::phone`](crate::sandbox::Urls)).
    ///
    /// # Errors
    /// [`PhoneError::Unreachable`].
    pub async fn call(
        origin: &str,
        from: &PhoneNumber,
        to: &PhoneNumber,
    ) -> Result<(Self, mpsc::Receiver<PhoneEvent>), PhoneError> {
        let (from, to) = (from.reveal().to_owned(), to.reveal().to_owned());
        Self::connect(origin, Purpose::Call { from: Some(from), to }).await
    }

    /// Places a call and withholds its own number.
    ///
    /// # Errors
    /// [`PhoneError::Unreachable`].
    pub async fn call_withheld(
        origin: &str,
        to: &PhoneNumber,
    ) -> Result<(Self, mpsc::Receiver<PhoneEvent>), PhoneError> {
        Self::connect(origin, Purpose::Call { from: None, to: to.reveal().to_owned() }).await
    }

    /// Waits for a number or `sip:` address to be dialled, for one call after another.
    ///
    /// # Errors
    /// [`PhoneError::Unreachable`].
    pub async fn wait(origin: &str, number: &str) -> Result<(Self, mpsc::Receiver<PhoneEvent>), PhoneError> {
        Self::connect(origin, Purpose::Wait { number: number.to_owned() }).await
    }

    /// Says a text, after those that have not been said yet. Waits for the call if none is connected.
    ///
    /// # Errors
    /// [`PhoneError::Gone`] or [`PhoneError::Overloaded`]; so for all that follow.
    pub fn say(&self, text: &str) -> Result<(), PhoneError> {
        self.command(Command::Say(Utterance::new(text)))
    }

    /// Presses a key.
    ///
    /// # Errors
    /// See [`Phone::say`].
    pub fn press(&self, key: char) -> Result<(), PhoneError> {
        self.command(Command::Press(key))
    }

    /// Picks up, if it rings.
    ///
    /// # Errors
    /// See [`Phone::say`].
    pub fn answer(&self) -> Result<(), PhoneError> {
        self.command(Command::Answer)
    }

    /// Does not pick up, if it rings.
    ///
    /// # Errors
    /// See [`Phone::say`].
    pub fn reject(&self, reason: RejectReason) -> Result<(), PhoneError> {
        self.command(Command::Reject(reason))
    }

    /// Ends the call, if there is one.
    ///
    /// # Errors
    /// See [`Phone::say`].
    pub fn hang_up(&self) -> Result<(), PhoneError> {
        self.command(Command::HangUp)
    }

    async fn connect(
        origin: &str,
        purpose: Purpose,
    ) -> Result<(Self, mpsc::Receiver<PhoneEvent>), PhoneError> {
        let unreachable = |why: &dyn std::fmt::Display| PhoneError::Unreachable(why.to_string());
        let url = format!("{}/phone", origin.trim_end_matches('/').replacen("http", "ws", 1));
        // Its default of 128 KiB is cleared before every read.
        let limits = WebSocketConfig::default().read_buffer_size(4 * 1024);
        // Without Nagle's algorithm: it would hold back small frames.
        let connecting = timeout(CONNECT, connect_async_with_config(&url, Some(limits), true)).await;
        let (socket, _) =
            connecting.map_err(|late| unreachable(&late))?.map_err(|error| unreachable(&error))?;
        let (commands, to_do) = mpsc::channel(COMMANDS);
        let (tell, events) = mpsc::channel(EVENTS);
        let start = start(purpose);
        let conversation = Conversation::new(socket, start.stream_sid.clone(), to_do, tell);
        let task = tokio::spawn(conversation.hold(start));
        Ok((Self { commands, _task: AbortOnDropHandle::new(task) }, events))
    }

    fn command(&self, command: Command) -> Result<(), PhoneError> {
        self.commands.try_send(command).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => PhoneError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => PhoneError::Gone,
        })
    }
}

impl Start {
    /// The whole message.
    pub(super) fn into_message(self) -> Message {
        Message::Start { sequence_number: "1".to_owned(), stream_sid: self.stream_sid.clone(), start: self }
    }
}

fn start(purpose: Purpose) -> Start {
    Start {
        stream_sid: format!("MZ{}", Uuid::new_v4().simple()),
        call_sid: format!("CA{}", Uuid::new_v4().simple()),
        custom_parameters: purpose,
        media_format: MediaFormat::ulaw(),
    }
}
