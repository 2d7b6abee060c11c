//! What the world knows of a call: what was asked for and not answered, who is there, what is owed.
//!
//! It is kept from inputs and effects alone, never from inside the machine, and every effect is judged by it:
//! this is where most properties are decided.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::subject::Subject;
use super::violation::{Violation, Violations};
use crate::diagnostic::Rule;
use crate::machine::{AttemptId, Effect, Input, LegEvent, ReplyId, Service, Timer, ToolCallId, UtteranceId};
use crate::plan::{DialMethod, HandoffMode, IntentId, StateId, ToolId};

/// Sentences and replies that may wait to be heard before the caller does anything more.
const BACKLOG: usize = 2;

/// Whether the caller is there.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Caller {
    Awaited,
    Here,
    Gone,
}

/// A sentence that was asked for and is not known to be over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sentence {
    pub id: UtteranceId,
    pub cut: bool,
}

/// A reply that was asked for and is not known to be over.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub id: ReplyId,
    /// It may still propose something.
    pub live: bool,
    pub offered: Arc<[IntentId]>,
    pub tools: Arc<[ToolId]>,
    /// It has asked for tools.
    pub consulted: bool,
}

/// A leg that was asked for and is not known to be gone.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each told by its own event")]
pub(super) struct Leg {
    pub attempt: AttemptId,
    pub method: DialMethod,
    pub apart: bool,
    pub started: bool,
    pub ringing: bool,
    pub answered: bool,
    pub asked: bool,
    pub bridging: bool,
    pub bridged: bool,
    pub stopping: bool,
}

impl Leg {
    /// Whether the operator is there.
    pub(super) fn is_operator(&self) -> bool {
        self.answered && (!self.apart || self.bridged) && !self.stopping
    }

    /// Whether the caller's own leg is what moves.
    pub(super) fn moves_caller(&self) -> bool {
        self.method != DialMethod::DialOut
    }
}

/// What the caller has not been told.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Debt {
    /// The person they were talking to is gone.
    OperatorGone,
    /// Nobody could be reached.
    NotReached,
}

/// The state of the world around one call.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each told by its own event")]
pub(super) struct Ledger {
    pub caller: Caller,
    pub speaking: bool,
    pub listening: bool,
    pub holding: bool,
    pub sentences: Vec<Sentence>,
    pub replies: Vec<Reply>,
    pub legs: Vec<Leg>,
    /// Requests that were asked for and are not over.
    pub requests: Vec<(ToolCallId, ToolId)>,
    pub last_request: u32,
    pub last_utterance: u32,
    pub last_reply: u32,
    pub last_attempt: u32,
    pub handed_off: Option<HandoffMode>,
    /// The caller's leg was moved away.
    pub moved: bool,
    pub debt: Option<Debt>,
    pub room_gone: bool,
    pub voice_gone: bool,
    /// Services that failed.
    pub broken: u8,
    /// How often `call.max_duration` has passed.
    pub overtimes: u8,
    pub started: bool,
    pub ended: bool,
    /// What of `properties:` has done its work, a bit each.
    pub done: u64,
    /// The state that was left last, and the present one.
    pub from: Option<StateId>,
    pub state: Option<StateId>,
    /// What happened was the caller's own doing.
    by_caller: bool,
}

impl Ledger {
    pub(super) fn new() -> Self {
        Self {
            caller: Caller::Awaited,
            speaking: false,
            listening: false,
            holding: false,
            sentences: Vec::new(),
            replies: Vec::new(),
            legs: Vec::new(),
            requests: Vec::new(),
            last_request: 0,
            last_utterance: 0,
            last_reply: 0,
            last_attempt: 0,
            handed_off: None,
            moved: false,
            debt: None,
            room_gone: false,
            voice_gone: false,
            broken: 0,
            overtimes: 0,
            started: false,
            ended: false,
            done: 0,
            from: None,
            state: None,
            by_caller: false,
        }
    }

    /// A clone in the memory that there is.
    pub(super) fn copy_from(&mut self, other: &Self) {
        let mut sentences = std::mem::take(&mut self.sentences);
        let mut replies = std::mem::take(&mut self.replies);
        let mut legs = std::mem::take(&mut self.legs);
        let mut requests = std::mem::take(&mut self.requests);
        sentences.clone_from(&other.sentences);
        replies.clone_from(&other.replies);
        legs.clone_from(&other.legs);
        requests.clone_from(&other.requests);
        *self = Self { sentences, replies, legs, requests, ..*other };
    }

    /// What makes two worlds different, without ids; `excuses` that what is not said is excused by a voice that is gone.
    pub(super) fn fold(&self, excuses: bool, out: &mut impl Hasher) {
        (self.caller, self.speaking, self.listening, self.holding).hash(out);
        self.sentences.len().hash(out);
        self.sentences.iter().for_each(|s| s.cut.hash(out));
        self.replies.len().hash(out);
        self.replies.iter().for_each(|r| (r.live, r.consulted, r.tools.len()).hash(out));
        self.requests.len().hash(out);
        self.requests.iter().for_each(|(_, tool)| tool.hash(out));
        self.legs.len().hash(out);
        for leg in &self.legs {
            // How far it had come before it was answered or stopped matters no more.
            let ringing = !leg.answered && !leg.stopping;
            (leg.method, leg.apart, ringing && leg.started, ringing && leg.ringing).hash(out);
            (leg.answered, leg.stopping, leg.bridging, leg.bridged).hash(out);
        }
        (self.handed_off, self.moved, self.debt, self.room_gone).hash(out);
        (excuses && self.voice_gone).hash(out);
        // How many services failed and whether time was up, the machine knows itself.
        (self.overtimes > 2, self.started, self.ended, self.done).hash(out);
    }

    pub(super) fn leg(&self, attempt: AttemptId) -> Option<&Leg> {
        self.legs.iter().find(|leg| leg.attempt == attempt)
    }

    pub(super) fn operator(&self) -> Option<&Leg> {
        self.legs.iter().find(|leg| leg.is_operator())
    }

    /// Whether as much is waiting to be heard or to be known as over as this model lets come together.
    pub(super) fn is_crowded(&self) -> bool {
        // What is cut is over at once in every real call.
        self.sentences.iter().any(|s| s.cut) || self.sentences.len() + self.replies.len() > BACKLOG
    }

    /// Whether the caller hears something, if every vendor does its part.
    pub(super) fn is_audible(&self) -> bool {
        self.holding || !self.sentences.is_empty() || !self.replies.is_empty()
    }

    fn violation(&self, rule: Rule, message: impl Into<String>) -> Violation {
        Violation { rule, message: message.into(), from: self.from, state: self.state, wish: None }
    }

    /// Notes an input before the machine is told.
    pub(super) fn learn(&mut self, input: &Input) {
        self.by_caller = matches!(
            input,
            Input::CallerLeft | Input::Dtmf { .. } | Input::SpeechStarted | Input::TurnEnded { .. }
        );
        match input {
            Input::Start => self.started = true,
            Input::CallerJoined if self.caller == Caller::Awaited => self.caller = Caller::Here,
            Input::CallerLeft => self.caller = Caller::Gone,
            Input::CallerUnreachable | Input::RoomClosed => self.room_gone = true,
            Input::SpeechStarted => self.speaking = true,
            Input::TurnEnded { .. } => self.speaking = false,
            Input::Said { utterance, .. } | Input::SayFailed { utterance } => {
                self.sentences.retain(|s| s.id != *utterance);
            }
            Input::ReplyDone { reply, .. } | Input::ReplyFailed { reply, .. } => {
                self.replies.retain(|r| r.id != *reply);
            }
            Input::ToolsProposed { reply, .. } => {
                self.replies.iter_mut().filter(|r| r.id == *reply).for_each(|r| r.consulted = true);
            }
            Input::ToolDone { call, .. } => self.requests.retain(|(request, _)| request != call),
            Input::Leg { attempt, event } => self.learn_leg(*attempt, event),
            Input::ServiceFailed { service } => {
                self.broken += 1;
                self.voice_gone |= *service == Service::Tts;
            }
            Input::CallerJoined
            | Input::Dtmf { .. }
            | Input::IntentProposed { .. }
            | Input::Timeout
            | Input::RoomExpiring
            | Input::Shutdown => {}
        }
    }

    fn learn_leg(&mut self, attempt: AttemptId, event: &LegEvent) {
        let Some(index) = self.legs.iter().position(|leg| leg.attempt == attempt) else { return };
        let leg = &mut self.legs[index];
        match event {
            LegEvent::Started => leg.started = true,
            LegEvent::Ringing => (leg.started, leg.ringing) = (true, true),
            LegEvent::Answered => (leg.started, leg.answered) = (true, true),
            LegEvent::Asked => leg.asked = true,
            LegEvent::Bridged => leg.bridged = leg.bridging,
            LegEvent::Key { .. } | LegEvent::GateFailed { .. } => {}
            LegEvent::StopFailed if !leg.stopping => {}
            LegEvent::Stopped | LegEvent::Refused { .. } | LegEvent::Failed { .. } | LegEvent::StopFailed => {
                if leg.is_operator() && self.caller == Caller::Here {
                    self.debt = Some(Debt::OperatorGone);
                }
                self.legs.remove(index);
            }
        }
        let moves = |leg: &Leg| leg.moves_caller() && leg.started && !leg.stopping;
        self.moved |= self.legs.iter().any(moves);
    }

    /// Notes deadlines that pass, before the machine is told.
    pub(super) fn expire(&mut self, timer: Timer) {
        self.by_caller = false;
        match timer {
            Timer::Speech if !self.sentences.is_empty() => _ = self.sentences.remove(0),
            Timer::StopCommand => self.legs.retain(|leg| !leg.stopping),
            Timer::MaxDuration => self.overtimes = self.overtimes.saturating_add(1),
            // The end of the caller's turn may have been lost.
            Timer::Silence | Timer::Answer => self.speaking = false,
            _ => {}
        }
    }

    /// Judges one effect and notes it. No wildcard: a new effect does not compile until somebody decides.
    pub(super) fn watch(&mut self, effect: &Effect, out: &mut Violations) {
        if self.ended {
            out.add(self.violation(Rule::AfterEnd, "something is done after the end of the call"));
        }
        if self.caller == Caller::Gone {
            self.watch_without_caller(effect, out);
        }
        match effect {
            Effect::Enter { state } => (self.from, self.state) = (self.state, Some(*state)),
            Effect::Say { utterance, .. } => {
                if utterance.0 <= self.last_utterance {
                    out.add(self.violation(Rule::Completion, "a sentence has the id of another"));
                }
                if self.handed_off.is_some() && self.caller == Caller::Here && self.operator().is_some() {
                    out.add(
                        self.violation(Rule::BotSpeaks, "the bot speaks to two people who were connected"),
                    );
                }
                self.last_utterance = self.last_utterance.max(utterance.0);
                self.sentences.push(Sentence { id: *utterance, cut: false });
                self.debt = None;
            }
            Effect::Prepare { .. } | Effect::Sensitivity { .. } => {}
            Effect::StopSpeaking => self.sentences.iter_mut().for_each(|s| s.cut = true),
            Effect::Reply { reply, intents, tools, .. } => {
                // One that has asked for tools leads nowhere any more once it is asked again.
                self.replies.iter_mut().filter(|r| r.consulted).for_each(|r| r.live = false);
                if reply.0 <= self.last_reply {
                    out.add(self.violation(Rule::Completion, "a reply has the id of another"));
                }
                if self.replies.iter().any(|r| r.live) {
                    out.add(self.violation(Rule::Completion, "two replies may lead on at the same time"));
                }
                if self.handed_off.is_some() {
                    out.add(self.violation(Rule::BotSpeaks, "the model is asked after the handoff"));
                }
                self.last_reply = self.last_reply.max(reply.0);
                let (offered, tools) = (intents.as_slice().into(), tools.as_slice().into());
                self.replies.push(Reply { id: *reply, live: true, offered, tools, consulted: false });
                self.debt = None;
            }
            Effect::CancelReply { reply } => {
                if !self.replies.iter().any(|r| r.id == *reply) {
                    out.add(self.violation(Rule::Completion, "a reply is cancelled that was over"));
                }
                self.replies.retain(|r| r.id != *reply);
            }
            Effect::CallTool { call, tool, .. } => {
                if call.0 <= self.last_request {
                    out.add(self.violation(Rule::Completion, "a request has the id of another"));
                }
                self.last_request = self.last_request.max(call.0);
                self.requests.push((*call, *tool));
            }
            Effect::CancelTool { call } => {
                if !self.requests.iter().any(|(request, _)| request == call) {
                    out.add(self.violation(Rule::Completion, "a request is cancelled that was over"));
                }
                self.requests.retain(|(request, _)| request != call);
            }
            Effect::ToolResult { .. } => {}
            Effect::Listen { on } => {
                self.listening = *on;
                self.speaking = false;
                if *on && self.handed_off.is_some() {
                    out.add(self.violation(Rule::BotSpeaks, "the bot listens after the handoff"));
                }
            }
            Effect::Hold { on, .. } => {
                self.holding = *on;
                let unreached = !*on && !self.by_caller && self.operator().is_none() && !self.moved;
                if unreached && self.caller == Caller::Here {
                    self.debt = Some(Debt::NotReached);
                }
            }
            Effect::Dial { attempt, method, apart, .. } => self.watch_dial(*attempt, *method, *apart, out),
            Effect::Ask { attempt, .. } => {
                if let Some(leg) = self.legs.iter_mut().find(|leg| leg.attempt == *attempt) {
                    (leg.stopping, leg.asked) = (false, false);
                }
            }
            Effect::Bridge { attempt } => {
                if let Some(leg) = self.legs.iter_mut().find(|leg| leg.attempt == *attempt) {
                    leg.bridging = true;
                }
            }
            Effect::StopDial { attempt } => {
                if attempt.0 > self.last_attempt {
                    out.add(self.violation(Rule::Completion, "a leg is stopped that was never dialled"));
                }
                if let Some(leg) = self.legs.iter_mut().find(|leg| leg.attempt == *attempt) {
                    leg.stopping = true;
                }
            }
            Effect::Handoff { mode } => self.watch_handoff(*mode, out),
            Effect::End { .. } => self.watch_end(out),
        }
    }

    fn watch_without_caller(&self, effect: &Effect, out: &mut Violations) {
        let wrong = match effect {
            Effect::Dial { .. } => "somebody is dialled",
            Effect::CallTool { .. } => "a tool is asked",
            Effect::Reply { .. } => "the model is asked",
            Effect::Ask { .. } | Effect::Bridge { .. } => "somebody is put through",
            Effect::Handoff { .. } => "the call is handed over",
            Effect::Say { .. } if self.operator().is_none() => "something is said",
            Effect::Hold { on: true, .. } => "hold audio begins",
            Effect::Listen { on: true } => "the bot begins to listen",
            _ => return,
        };
        out.add(self.violation(Rule::CallerLeft, format!("{wrong} although the caller has hung up")));
    }

    fn watch_dial(&mut self, attempt: AttemptId, method: DialMethod, apart: bool, out: &mut Violations) {
        if !self.legs.is_empty() {
            out.add(self.violation(Rule::SecondLeg, "somebody is dialled while another leg is alive"));
        }
        if attempt.0 <= self.last_attempt {
            out.add(self.violation(Rule::Completion, "a dial attempt has the id of another"));
        }
        self.last_attempt = self.last_attempt.max(attempt.0);
        self.legs.push(Leg {
            attempt,
            method,
            apart,
            started: false,
            ringing: false,
            answered: false,
            asked: false,
            bridging: false,
            bridged: false,
            stopping: false,
        });
    }

    fn watch_handoff(&mut self, mode: HandoffMode, out: &mut Violations) {
        if self.operator().is_none() && !self.moved {
            out.add(self.violation(Rule::HandoffUnanswered, "the call is handed over and nobody is there"));
        }
        let speaks = self.sentences.iter().any(|s| !s.cut) || !self.replies.is_empty();
        let doing = match () {
            () if speaks => "speaks",
            () if self.holding => "plays hold audio",
            () if self.listening => "listens",
            () => "",
        };
        if !doing.is_empty() {
            out.add(
                self.violation(Rule::BotSpeaks, format!("the call is handed over while the bot {doing}")),
            );
        }
        self.handed_off = Some(mode);
        // Somebody was reached after all, at another attempt.
        self.debt = self.debt.filter(|debt| *debt != Debt::NotReached || self.operator().is_none());
        // The voice is gone, and with it what it had not finished.
        self.sentences.clear();
        self.replies.clear();
    }

    fn watch_end(&mut self, out: &mut Violations) {
        self.ended = true;
        if !self.requests.is_empty() {
            out.add(self.violation(Rule::Completion, "a request is left at the end of the call"));
        }
        if self.holding {
            out.add(self.violation(Rule::Completion, "hold audio is left on at the end of the call"));
        }
        let left = self.handed_off == Some(HandoffMode::Leave) || self.moved;
        let alive = self.legs.iter().any(|leg| !(leg.stopping || leg.is_operator() && left));
        if alive && !left {
            let rule = if self.caller == Caller::Gone { Rule::CallerLeft } else { Rule::Completion };
            out.add(self.violation(rule, "the call ends, and the leg of the person called is left alive"));
        }
        let excused = self.caller != Caller::Here || self.room_gone || self.voice_gone;
        if let Some(debt) = self.debt.filter(|_| !excused) {
            out.add(self.left_alone(debt, "hung up on"));
        }
    }

    fn left_alone(&self, debt: Debt, how: &str) -> Violation {
        let why = match debt {
            Debt::OperatorGone => "the person they were connected with has left",
            Debt::NotReached => "nobody was reached",
        };
        self.violation(Rule::LeftAlone, format!("{why}, and the caller is {how} without a word"))
    }

    /// What must hold once everything that was asked for is noted.
    pub(super) fn settle(&self, subject: &impl Subject, out: &mut Violations) {
        if self.ended || !self.started {
            return;
        }
        let has = |timers: &[Timer]| timers.iter().any(|timer| subject.is_armed(*timer));
        if self.caller == Caller::Gone {
            let moving = self.legs.iter().any(Leg::moves_caller);
            let farewell = self.operator().is_some() && !self.sentences.is_empty();
            if !moving && !farewell {
                out.add(self.violation(Rule::CallerLeft, "the call goes on although the caller has hung up"));
            }
        }
        for leg in self.legs.iter().filter(|leg| !leg.is_operator() && !leg.moves_caller()) {
            let bounded = match leg.stopping {
                true => has(&[Timer::StopCommand]),
                false => has(&[Timer::DialCommand, Timer::Ring, Timer::Gate]),
            };
            if !bounded {
                let what = if leg.stopping { "is being stopped" } else { "is being reached" };
                let message = format!("a leg {what}, and no deadline ends the wait for it");
                out.add(self.violation(Rule::Completion, message));
            }
        }
        let sounds = !self.sentences.is_empty() || !self.replies.is_empty();
        if sounds && !has(&[Timer::Speech, Timer::Reply]) {
            out.add(self.violation(Rule::Completion, "no deadline ends the wait for what is being said"));
        }
        if !self.requests.is_empty() && !has(&[Timer::Tool]) {
            out.add(self.violation(Rule::Completion, "no deadline ends the wait for a tool"));
        }
        let bounded = has(&[Timer::Join, Timer::MaxDuration, Timer::Handoff, Timer::Speech, Timer::Reply]);
        if !bounded || self.overtimes > 2 {
            out.add(self.violation(Rule::Inevitable, "nothing bounds how long this call may last"));
        }
        let waits = !self.is_audible() && self.legs.iter().all(|leg| leg.stopping) && !self.room_gone;
        if let Some(debt) = self.debt.filter(|_| waits && self.caller == Caller::Here && !self.voice_gone) {
            out.add(self.left_alone(debt, "kept on the line"));
        }
    }
}
