//! The call record: what is left of a call when it is over, as one JSON object.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::memory::merged;
use super::tools::ToolRecord;
use super::waterfall::Waterfall;
use crate::machine::{CallInfo, Known, LegOutcome, Millis, Outcome, TransferReport};
use crate::pii::{PhoneNumber, Utterance};
use crate::plan::{FlowHash, Plan, StateId};
use crate::speech::vad::VadSettings;

/// Version of the record's shape.
pub const RECORD_VERSION: u32 = 1;

/// One call, from the first effect to the last. Numbers are masked; the words are there in clear.
#[derive(Clone, Debug, Serialize)]
pub struct CallRecord {
    /// [`RECORD_VERSION`].
    pub version: u32,
    /// `name:` of the flow.
    pub flow: Arc<str>,
    /// Hash of the flow's text that this call was pinned to.
    pub flow_hash: FlowHash,
    /// Our id of the call.
    pub call_id: Arc<str>,
    /// The caller, masked.
    pub from: Option<PhoneNumber>,
    /// The number called, masked.
    pub to: Option<PhoneNumber>,
    /// Seconds since 1970.
    pub started_at: i64,
    /// How long it lasted, milliseconds.
    pub duration_ms: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// Names of the states entered, in order; a state stands there each time it was entered.
    pub states: Vec<Arc<str>>,
    /// The transfer, if one was tried.
    pub transfer: Option<TransferRecord>,
    /// Requests of tools, by the time at which they came to their end.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<ToolRecord>,
    /// Who said what, by the time at which they began.
    pub turns: Vec<Turn>,
    /// Where the time of each answer of the model went, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<Waterfall>,
    /// Replies that were asked for before a turn was over.
    #[serde(skip_serializing_if = "Guessing::is_none")]
    pub guesses: Guessing,
}

/// How often a reply was asked for before the caller's turn was over, and how often it was the right one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Guessing {
    /// Asked for.
    pub asked: u32,
    /// Used.
    pub used: u32,
}

impl Guessing {
    fn is_none(&self) -> bool {
        self.asked == 0
    }
}

impl CallRecord {
    /// The record of a call in which nothing has happened yet.
    pub(super) fn new(plan: &Plan, info: &CallInfo) -> Self {
        Self {
            version: RECORD_VERSION,
            flow: Arc::clone(&plan.name),
            flow_hash: plan.hash.clone(),
            call_id: Arc::clone(&info.id),
            from: info.from.clone(),
            to: info.to.clone(),
            started_at: info.started_at,
            duration_ms: 0,
            outcome: Outcome::Failed,
            states: Vec::new(),
            transfer: None,
            tools: Vec::new(),
            turns: Vec::new(),
            answers: Vec::new(),
            guesses: Guessing::default(),
        }
    }
}

/// What came of the transfer.
#[derive(Clone, Debug, Serialize)]
pub struct TransferRecord {
    /// Name of the target last dialled.
    pub target: Arc<str>,
    /// How the last attempt ended.
    pub outcome: LegOutcome,
    /// How that is known.
    pub known: Known,
    /// The vendor's own text, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw: Option<String>,
    /// What whoever runs the bot can change, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// Attempts in this call.
    pub attempts: u32,
    /// How long the last attempt rang.
    pub ring_ms: Option<u64>,
    /// How long who had picked up was asked whether they take the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gate_ms: Option<u64>,
    /// From the answer (or from the key of the accept gate) until the bot was out of the conversation: pipeline gone, microphone unpublished.
    /// Absent if nobody answered, or nobody can tell.
    pub bot_left_ms: Option<u64>,
}

/// One utterance of one side.
#[derive(Clone, Debug, Serialize)]
pub struct Turn {
    /// Whose.
    pub who: Who,
    /// What was to be said (bot) or was understood (caller).
    pub text: Utterance,
    /// What of it was heard by the other side.
    pub heard: Utterance,
    /// First sound, milliseconds since the call began.
    pub start_ms: u64,
    /// Last sound.
    pub end_ms: u64,
}

/// A side of the conversation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// The bot.
    Bot,
    /// The caller.
    Caller,
}

impl TransferRecord {
    /// The machine's report, completed with what only the session can measure.
    #[must_use]
    pub fn new(report: TransferReport, bot_left: Option<u64>) -> Self {
        Self {
            target: report.target,
            outcome: report.outcome,
            known: report.known,
            raw: report.raw,
            fix: report.fix,
            attempts: report.attempts,
            ring_ms: report.ring_ms,
            gate_ms: report.gate_ms,
            bot_left_ms: bot_left,
        }
    }
}

/// The turns of a call while it goes on. Bounded: of a very long call the first turns are kept.
#[derive(Debug, Default)]
pub(super) struct Turns {
    list: Vec<Turn>,
    vad: VadSettings,
    caller_since: Option<Millis>,
    caller_until: Option<Millis>,
    /// The last turn, if it had no words: from when to when. They may be late.
    wordless: Option<(Millis, Millis)>,
}

const MOST_TURNS: usize = 2_000;
/// How long after its end a turn may still be given words, at the most.
const LATE_MS: u64 = 4_000;

impl Turns {
    /// Speech is known to have begun; that takes as long as an onset.
    pub(super) fn caller_started(&mut self, now: Millis) {
        self.caller_since.get_or_insert(earlier(now, self.vad.onset));
        self.caller_until = None;
    }

    /// Speech is known to have stopped; that takes a while, too.
    /// How long that took.
    pub(super) fn caller_stopped(&mut self, now: Millis) -> Duration {
        self.caller_until = Some(earlier(now, self.vad.stop));
        self.vad.stop
    }

    /// Words of a turn that was told already. Without such a turn they are one of their own.
    pub(super) fn caller_amended(&mut self, now: Millis, text: &Utterance) {
        let last = self.list.iter_mut().rev().find(|turn| turn.who == Who::Caller);
        match last.filter(|turn| turn.end_ms + LATE_MS >= now.0) {
            Some(turn) => {
                turn.text = merged(&turn.text, text);
                turn.heard = turn.text.clone();
            }
            None => self.caller_ended(now, text),
        }
    }

    /// What the caller was saying does not count.
    pub(super) fn caller_interrupted(&mut self) {
        (self.caller_since, self.caller_until, self.wordless) = (None, None, None);
    }

    pub(super) fn caller_ended(&mut self, now: Millis, text: &Utterance) {
        let wordless = self.wordless.take();
        let (since, until) = (self.caller_since.take(), self.caller_until.take());
        let (start, end) = match (since, until, wordless) {
            (None, None, Some(wordless)) => wordless,
            _ => (since.or(until).unwrap_or(now).min(until.unwrap_or(now)), until.unwrap_or(now)),
        };
        if text.is_blank() {
            self.wordless = Some((start, end));
        } else {
            self.push(Turn {
                who: Who::Caller,
                text: text.clone(),
                heard: text.clone(),
                start_ms: start.0,
                end_ms: end.0,
            });
        }
    }

    pub(super) fn bot_said(&mut self, text: Utterance, heard: Utterance, start: Millis, end: Millis) {
        self.push(Turn { who: Who::Bot, text, heard, start_ms: start.0, end_ms: end.0 });
    }

    /// What was said last, a line for each turn.
    pub(super) fn recent(&self, most: usize) -> String {
        let mut turns: Vec<&Turn> = self.list.iter().collect();
        turns.sort_by_key(|turn| turn.start_ms);
        let lines = turns.iter().skip(turns.len().saturating_sub(most)).map(|turn| {
            let who = if turn.who == Who::Bot { "Bot" } else { "Caller" };
            format!("{who}: {}", turn.heard.text().trim())
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// All turns, by the time at which they began.
    pub(super) fn take(&mut self) -> Vec<Turn> {
        let mut turns = std::mem::take(&mut self.list);
        turns.sort_by_key(|turn| turn.start_ms);
        turns
    }

    fn push(&mut self, turn: Turn) {
        if self.list.len() < MOST_TURNS {
            self.list.push(turn);
        }
    }
}

fn earlier(at: Millis, by: Duration) -> Millis {
    Millis(at.0.saturating_sub(u64::try_from(by.as_millis()).unwrap_or(u64::MAX)))
}

/// Names of the states of a path.
pub(super) fn names(plan: &Plan, path: &[StateId]) -> Vec<Arc<str>> {
    path.iter().map(|&id| Arc::clone(&plan.state(id).name)).collect()
}
