//! Everything the machine can ask for. The session enacts it and answers with an input.

use std::sync::Arc;

use serde::Serialize;

use super::{AttemptId, Proposal, ReplyId, ToolCallId, UtteranceId};
use crate::pii::Utterance;
use crate::plan::{
    ContextPolicy, DialMethod, HandoffMode, IntentId, Sensitivity, StateId, TargetId, ToolArgs, ToolId,
};

/// One thing to be done to the world.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "do")]
pub enum Effect {
    /// The call is now in this state (for the transcript, the record and logs). A sentence said on the way
    /// comes before it.
    Enter {
        /// Which.
        state: StateId,
    },
    /// Speak this after whatever is being spoken. Answered by `Said` or `SayFailed`, always exactly once.
    Say {
        /// Its id.
        utterance: UtteranceId,
        /// The words; those of the recording, if there is one.
        text: Utterance,
        /// A recording of the flow's folder, to be played in place of the voice.
        #[serde(skip_serializing_if = "Option::is_none")]
        audio: Option<Arc<str>>,
        /// Whether it may be cut by `StopSpeaking` on barge-in (for the session's own metering only;
        /// the machine decides).
        interruptible: bool,
        /// It passes the time, and the model need not know of it.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        aside: bool,
    },
    /// Render this now, so that it can be spoken later without a vendor. Not answered.
    Prepare {
        /// The words.
        text: Utterance,
    },
    /// Cut everything that is being spoken or queued, with a short fade. Each cut utterance is answered
    /// by `Said`, each cut reply by `ReplyDone`, with `heard_all` false.
    StopSpeaking,
    /// Have the model answer. Answered by any number of `IntentProposed` and one `ReplyDone` or
    /// `ReplyFailed`.
    Reply {
        /// Its id.
        reply: ReplyId,
        /// The state whose prompt it is.
        state: StateId,
        /// The rendered system prompt.
        prompt: Utterance,
        /// What to do with the model's memory first (anything but `append` only right after entry).
        #[serde(skip)]
        context: ContextPolicy,
        /// What the caller said, here or in the state before; absent when the bot speaks first.
        user: Option<Utterance>,
        /// The intents offered as tools.
        intents: Vec<IntentId>,
        /// The tools offered.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        tools: Vec<ToolId>,
    },
    /// Discard a reply: no more words, no more tool calls. Answered by `ReplyDone` with `heard_all` false.
    CancelReply {
        /// Which.
        reply: ReplyId,
    },
    /// Send a tool's request. Answered by one `ToolDone`, unless it is cancelled.
    CallTool {
        /// Its id.
        call: ToolCallId,
        /// Which tool.
        tool: ToolId,
        /// What it is called with.
        args: ToolArgs,
        /// The argument `turns` is to be filled in: what was said last.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        turns: bool,
        /// How long it may take, milliseconds.
        timeout_ms: u64,
    },
    /// Give a request up: nobody waits for it any more. Not answered.
    CancelTool {
        /// Which.
        call: ToolCallId,
    },
    /// Tell the model what came of what it wanted; exactly once for each call it proposed.
    ToolResult {
        /// Which of its calls.
        proposal: Proposal,
        /// What came of it, for the model.
        text: Utterance,
    },
    /// Turn the caller's speech input on or off; it begins off. DTMF is always heard.
    Listen {
        /// On or off.
        on: bool,
    },
    /// Take the caller to speak, and to be done, so readily from now on. It begins as `normal`.
    Sensitivity {
        /// How readily.
        level: Sensitivity,
    },
    /// Start or stop hold audio. It is not speech: `Say` goes over it, and it never delays anything.
    Hold {
        /// On or off.
        on: bool,
        /// An audio file of the flow's folder; the bundled tone if absent.
        audio: Option<Arc<str>>,
    },
    /// Start a dial attempt. Answered by `Leg` events.
    Dial {
        /// Its id.
        attempt: AttemptId,
        /// Whom.
        target: TargetId,
        /// How.
        method: DialMethod,
        /// The caller and this leg must not hear each other until `Bridge`, and the leg is asked with `Ask`.
        apart: bool,
    },
    /// Say this to the person called and to nobody else. Answered by `Leg` `Asked` or `GateFailed`; the person
    /// may press keys (`Leg` `Key`) at any time.
    Ask {
        /// Which attempt.
        attempt: AttemptId,
        /// The words.
        text: Utterance,
    },
    /// Let the caller and this leg hear each other. Answered by `Leg` `Bridged` or `GateFailed`.
    Bridge {
        /// Which attempt.
        attempt: AttemptId,
    },
    /// Stop a leg. Answered by `Leg` `Stopped` or `StopFailed`. May come twice, if the leg is answered
    /// meanwhile.
    StopDial {
        /// Which.
        attempt: AttemptId,
    },
    /// The cold transfer: the pipeline (STT, LLM, TTS) is destroyed at once, the microphone unpublished,
    /// all audio unsubscribed; with `leave` the room is left as well. Only prepared sentences can be
    /// spoken afterwards.
    Handoff {
        /// What the bot does.
        mode: HandoffMode,
    },
    /// Tear the call down: all legs, room, streams, tasks. The last effect of every call. What was left to
    /// others (`Handoff` with `leave`, a leg that was moved away) is not ours to tear down.
    End {
        /// What the record says.
        outcome: Outcome,
    },
}

/// How a call ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The caller was handed to a person.
    Transferred,
    /// The flow came to its end.
    Completed,
    /// The caller hung up.
    CallerLeft,
    /// Something broke.
    Failed,
}
