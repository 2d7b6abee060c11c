//! Everything that can happen to a call, as the machine is told it.

use serde::{Deserialize, Serialize};

use super::{AttemptId, ProposedCall, ReplyId, ToolCallId, ToolResult, UtteranceId};
use crate::pii::Utterance;
use crate::plan::IntentId;

/// One thing that happened. Inputs are handled one at a time, each to completion.
///
/// Answers carry the id of the command they answer; one with a stale id changes nothing.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum Input {
    /// The bot is in the room. The first input of a call.
    Start,
    /// The caller's audio is there.
    CallerJoined,
    /// The caller's leg is gone, however.
    CallerLeft,
    /// The vendor could not bring the caller to us, though they may still be there: no call comes of it.
    CallerUnreachable,
    /// The caller pressed a key: `0`–`9`, `*`, `#`.
    Dtmf {
        /// The key.
        digit: char,
    },
    /// The caller began to speak (onset confirmed; keypad and call-progress tones excluded).
    SpeechStarted,
    /// The caller finished a turn. Blank text means that speech was heard but no words.
    TurnEnded {
        /// The words.
        text: Utterance,
    },
    /// The model asked for an intent (a tool call of the live reply).
    IntentProposed {
        /// The reply it came with.
        reply: ReplyId,
        /// The intent.
        intent: IntentId,
        /// Slot values by name.
        slots: Vec<(String, Utterance)>,
    },
    /// The model wants to use tools: all that one reply asks for, once. Before `IntentProposed` of the same reply.
    ToolsProposed {
        /// The reply.
        reply: ReplyId,
        /// What it asks for, in its order.
        calls: Vec<ProposedCall>,
    },
    /// A request of a tool came to its end (`Effect::CallTool`).
    ToolDone {
        /// Which.
        call: ToolCallId,
        /// What came of it.
        result: ToolResult,
    },
    /// The model's reply is complete and was played to its end, or cut (`heard_all` false).
    ReplyDone {
        /// Which.
        reply: ReplyId,
        /// Whether the caller heard all of it.
        heard_all: bool,
    },
    /// The model or the voice failed during this reply.
    ReplyFailed {
        /// Which.
        reply: ReplyId,
        /// Why.
        service: Service,
    },
    /// A fixed sentence was played to its end, or cut (`heard_all` false).
    Said {
        /// Which.
        utterance: UtteranceId,
        /// Whether the caller heard all of it.
        heard_all: bool,
    },
    /// A fixed sentence could not be spoken.
    SayFailed {
        /// Which.
        utterance: UtteranceId,
    },
    /// Something is known of a dial attempt.
    Leg {
        /// Which attempt.
        attempt: AttemptId,
        /// What.
        event: LegEvent,
    },
    /// A vendor is gone for good (after the session's own retries).
    ServiceFailed {
        /// Which.
        service: Service,
    },
    /// The deadline that the machine asked for has passed. Harmless if it has not.
    Timeout,
    /// The room will close soon.
    RoomExpiring,
    /// The room is gone: closed, or our connection to it was lost for good.
    RoomClosed,
    /// The process is asked to stop.
    Shutdown,
}

/// What is known of one dial attempt.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "leg")]
pub enum LegEvent {
    /// The vendor took the command; ringing may follow. With `sip_transfer` and `sip_refer`: the caller's
    /// leg is being moved.
    Started,
    /// The vendor refused the command; no further event will come.
    Refused {
        /// The vendor's text.
        cause: LegCause,
    },
    /// It rings (Daily: `dialout-connected`).
    Ringing,
    /// Picked up.
    Answered,
    /// What was put to the person called (`Effect::Ask`) was heard to its end.
    Asked,
    /// The person called pressed a key: `0`–`9`, `*`, `#`.
    Key {
        /// The key.
        digit: char,
    },
    /// The caller and the person called hear each other (`Effect::Bridge`).
    Bridged,
    /// The two cannot be kept apart, asked or brought together. The leg may still be there.
    GateFailed {
        /// Why.
        cause: LegCause,
    },
    /// The leg is gone: the far end hung up, or our own stop took effect.
    Stopped,
    /// The leg failed.
    Failed {
        /// What is known of the cause.
        cause: LegCause,
    },
    /// Our stop command was refused or is unanswered; the leg is treated as gone.
    StopFailed,
}

/// Why a leg failed, and how that is known.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LegCause {
    /// The typed outcome.
    pub outcome: LegOutcome,
    /// The vendor's own text, kept for the record.
    pub raw: String,
    /// What whoever runs the bot can change, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

/// How a dial attempt ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LegOutcome {
    /// Picked up.
    Answered,
    /// Our ring timer.
    NoAnswer,
    /// Busy (inferred from raw text only).
    Busy,
    /// Declined: by a key of the accept gate, by hanging up on it, or inferred from raw text.
    Rejected,
    /// No such number, no route (inferred from raw text only).
    Unreachable,
    /// A machine answered: nobody pressed a key of the accept gate.
    Voicemail,
    /// Anything else.
    Failed,
    /// Stopped by us because the caller left or changed their mind.
    Cancelled,
    /// `sip_transfer` or `sip_refer` was issued; what came of it cannot be seen.
    Transferred,
}

/// How an outcome is known.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Known {
    /// The vendor said so.
    Reported,
    /// Concluded from raw text or from our own timer.
    Inferred,
    /// Nobody can tell us.
    Unobservable,
}

/// A vendor service of the call.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// Speech to text.
    Stt,
    /// Language model.
    Llm,
    /// Text to speech.
    Tts,
}
