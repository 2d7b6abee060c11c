//! Hearing, thinking and speaking: the three vendor seams, voice activity and turn-taking.
//!
//! A provider is a value that opens streams; a stream is a pair of channels whose task ends when the
//! stream is dropped. No call logic: nothing here knows a flow, a state or a leg.

pub mod account;
pub mod aura;
mod backlog;
pub mod cartesia;
mod clauses;
pub mod deepgram;
mod discretion;
pub mod failover;
pub mod flux;
mod http;
pub mod openai;
pub mod openai_audio;
pub mod playout;
pub mod prompts;
pub mod sentences;
pub mod socket;
pub mod spoken;
pub mod turn;
pub mod vad;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use crate::audio::Frame;
use crate::pii::Utterance;

/// A speech-to-text vendor.
pub trait Stt: Send + Sync {
    /// Opens a stream for one caller. Resolves when audio may be sent; bounded by the provider.
    fn open(&self, params: SttParams) -> BoxFuture<'static, Result<SttStream, SpeechError>>;

    /// What it can do beyond giving fixed words.
    fn capabilities(&self) -> SttCapabilities {
        SttCapabilities::default()
    }
}

/// What a recogniser can do beyond giving fixed words when asked to finalize.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SttCapabilities {
    /// Gives words while they are being spoken.
    pub interims: bool,
    /// Decides itself when a turn is over ([`SttEvent::EndOfTurn`]). It is then told to finalize only if it
    /// has not decided in time.
    pub ends_turns: bool,
}

/// How a caller is to be heard.
#[derive(Clone, Debug)]
pub struct SttParams {
    /// The vendor's model.
    pub model: Arc<str>,
    /// BCP 47.
    pub language: Arc<str>,
    /// Our call id, sent to the vendor for tracing.
    pub call_id: Arc<str>,
}

/// An open recogniser.
#[derive(Debug)]
pub struct SttStream {
    /// Audio and commands in. Bounded; a full queue drops the oldest audio on the sender's side.
    pub commands: mpsc::Sender<SttCommand>,
    /// Transcripts out. Closed after a last `Closed`.
    pub events: mpsc::Receiver<SttEvent>,
    /// The stream's task; dropped with the stream.
    pub task: AbortOnDropHandle<()>,
}

/// What a recogniser is told.
#[derive(Debug)]
pub enum SttCommand {
    /// 20 ms of the caller.
    Audio(Frame),
    /// Give out what is buffered (our own VAD heard the end of speech).
    Finalize,
    /// End politely.
    Close,
}

/// What a recogniser tells.
#[derive(Debug, Clone, PartialEq)]
pub enum SttEvent {
    /// Words that may still change; replaces the previous interim. From a recogniser that ends turns: all
    /// words of the turn. A blank one changes nothing: it says that the recogniser hears and has nothing new.
    Interim(Utterance),
    /// Words that are fixed; appended to the turn. May be blank.
    Final {
        /// The words.
        text: Utterance,
        /// The vendor heard the end of an utterance, or this answers `Finalize`.
        speech_final: bool,
    },
    /// The caller began a turn. This and the next three only from a recogniser that ends turns.
    TurnStarted,
    /// The turn is probably over, and these are all its words: a reply may be prepared, but not spoken.
    EagerEndOfTurn {
        /// The words.
        text: Utterance,
    },
    /// The turn goes on after all: what was prepared is void.
    TurnResumed,
    /// The turn is over; all its words that were not told as [`Final`](Self::Final) before.
    EndOfTurn {
        /// The words.
        text: Utterance,
    },
    /// The stream is gone.
    Closed(Result<(), SpeechError>),
}

/// A language model vendor.
pub trait Llm: Send + Sync {
    /// Starts one reply. Dropping the stream cancels it at the vendor.
    fn reply(&self, request: LlmRequest) -> LlmStream;

    /// Has a connection ready, so that the next reply need not wait for one. Bounded by the provider; says nothing of a
    /// failure, which the reply will show.
    fn warm(&self) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// One request to the model. Prints without what was said.
#[derive(Clone)]
pub struct LlmRequest {
    /// The vendor's model.
    pub model: Arc<str>,
    /// The system prompt.
    pub system: Arc<str>,
    /// The conversation so far.
    pub messages: Vec<Message>,
    /// The tools offered.
    pub tools: Vec<Tool>,
    /// Sent to the vendor for tracing: call id and reply number.
    pub request_id: Arc<str>,
}

/// One message of the conversation. Prints as what it is, without its words.
#[derive(Clone, PartialEq)]
pub enum Message {
    /// The caller.
    User(Utterance),
    /// The bot: only what was heard.
    Assistant(Utterance),
    /// A tool call of the bot and its result, always as a pair.
    ToolCall {
        /// The vendor's id.
        id: String,
        /// The tool.
        name: String,
        /// Its arguments as JSON text.
        arguments: String,
        /// What came of it.
        result: String,
    },
    /// A note of the engine to the model.
    Note(String),
}

/// A tool as the model sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
    /// `[A-Za-z0-9_-]{1,64}`.
    pub name: String,
    /// When to use it, with examples.
    pub description: String,
    /// JSON Schema of its arguments.
    pub parameters: serde_json::Value,
}

/// A reply being generated.
#[derive(Debug)]
pub struct LlmStream {
    /// What the model says, in order; ends after `Done` or `Failed`.
    pub events: mpsc::Receiver<LlmEvent>,
    /// The stream's task; dropped with the stream.
    pub task: AbortOnDropHandle<()>,
}

/// What the model says. Prints without its words.
#[derive(Clone, PartialEq)]
pub enum LlmEvent {
    /// Some words.
    Text(String),
    /// A complete tool call. Malformed arguments are passed on as `arguments: Err`.
    ToolCall {
        /// The vendor's id.
        id: String,
        /// The tool.
        name: String,
        /// Parsed arguments, or the text that was not JSON.
        arguments: Result<serde_json::Map<String, serde_json::Value>, String>,
    },
    /// The reply is complete.
    Done,
    /// The reply failed.
    Failed(SpeechError),
}

/// A text-to-speech vendor.
pub trait Tts: Send + Sync {
    /// Opens a voice for one call. Resolves when text may be sent; bounded by the provider.
    fn open(&self, params: TtsParams) -> BoxFuture<'static, Result<TtsStream, SpeechError>>;

    /// What it can do beyond giving audio.
    fn capabilities(&self) -> TtsCapabilities {
        TtsCapabilities::default()
    }
}

/// What a voice can do beyond giving audio.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TtsCapabilities {
    /// Says where words lie in its audio ([`TtsEvent::Words`]).
    pub words: bool,
}

/// How the bot is to sound.
#[derive(Clone, Debug)]
pub struct TtsParams {
    /// The vendor's model.
    pub model: Arc<str>,
    /// The vendor's voice.
    pub voice: Option<Arc<str>>,
    /// BCP 47.
    pub language: Arc<str>,
    /// Our call id; context ids begin with it.
    pub call_id: Arc<str>,
}

/// One utterance within a [`TtsStream`]; chosen by the sender, never reused.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct ContextId(pub u64);

/// An open voice.
#[derive(Debug)]
pub struct TtsStream {
    /// Text and commands in.
    pub commands: mpsc::Sender<TtsCommand>,
    /// Audio out. Closed after a last `Closed`.
    pub events: mpsc::Receiver<TtsEvent>,
    /// The stream's task; dropped with the stream.
    pub task: AbortOnDropHandle<()>,
}

/// What a voice is told.
#[derive(Debug)]
pub enum TtsCommand {
    /// Speak this as part of a context; texts of one context are concatenated verbatim.
    Speak {
        /// The context.
        context: ContextId,
        /// The words.
        text: Utterance,
        /// Whether this was the context's last text.
        last: bool,
    },
    /// Forget a context: no more of its audio is wanted.
    Cancel(ContextId),
    /// End politely.
    Close,
}

/// What a voice gives.
#[derive(Debug, Clone, PartialEq)]
pub enum TtsEvent {
    /// 16 kHz mono samples, any number of them.
    Audio {
        /// The context.
        context: ContextId,
        /// The samples.
        samples: Vec<i16>,
    },
    /// Where words lie in the audio of a context.
    Words {
        /// The context.
        context: ContextId,
        /// The words.
        words: Vec<Word>,
    },
    /// Another voice than the one that was asked for speaks (the rest of) a context: its audio is no sample of the
    /// first. Before that audio.
    Substituted(ContextId),
    /// Something came that cannot be understood while a context was being spoken: a part of it may be missing.
    Garbled(ContextId),
    /// All audio of a context was given.
    Done(ContextId),
    /// A context failed; the stream goes on.
    Failed(ContextId, SpeechError),
    /// The stream is gone.
    Closed(Result<(), SpeechError>),
}

/// A spoken word and where it lies in the audio of its context. Prints without the word.
#[derive(Clone, PartialEq)]
pub struct Word {
    /// As the vendor writes it.
    pub text: String,
    /// Offset of its start.
    pub start: Duration,
    /// Offset of its end.
    pub end: Duration,
}

/// Why a speech service failed: causes that a caller of this module can act on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpeechError {
    /// The vendor could not be reached, or not within the deadline.
    #[error("cannot reach {vendor}: {detail}")]
    Unreachable {
        /// Its name.
        vendor: &'static str,
        /// What the network said.
        detail: String,
    },
    /// The key is missing or refused.
    #[error("{vendor} refused the API key")]
    Unauthorized {
        /// Its name.
        vendor: &'static str,
    },
    /// Too many requests; try again later, or never if `permanent` (no credit).
    #[error("{vendor} limits our requests")]
    RateLimited {
        /// Its name.
        vendor: &'static str,
        /// The vendor's wish.
        retry_after: Option<Duration>,
        /// Whether waiting is useless.
        permanent: bool,
    },
    /// The request was refused: a wrong model, voice or parameter.
    #[error("{vendor} refused the request: {detail}")]
    Refused {
        /// Its name.
        vendor: &'static str,
        /// The vendor's text, without personal data.
        detail: String,
    },
    /// The vendor is ill (5xx, an error message on the stream).
    #[error("{vendor} failed: {detail}")]
    Vendor {
        /// Its name.
        vendor: &'static str,
        /// The vendor's text, without personal data.
        detail: String,
    },
    /// The vendor spoke, but not its protocol.
    #[error("{vendor} sent something that is not its protocol: {detail}")]
    Protocol {
        /// Its name.
        vendor: &'static str,
        /// What was wrong.
        detail: String,
    },
    /// Nothing came within the deadline.
    #[error("{vendor} was silent for {waited:?}")]
    Silent {
        /// Its name.
        vendor: &'static str,
        /// How long.
        waited: Duration,
    },
    /// The connection broke.
    #[error("the connection to {vendor} broke: {detail}")]
    Disconnected {
        /// Its name.
        vendor: &'static str,
        /// How.
        detail: String,
    },
}
