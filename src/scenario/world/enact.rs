//! What is commanded, and what comes of it by itself.

use crate::explore::usual;
use crate::machine::{Effect, Input, LegEvent, Millis, ReplyId, ToolCallId, ToolResult, UtteranceId};
use crate::pii::{Payload, Utterance};
use crate::plan::{IntentId, Kind, ToolId, answer_with};

use super::super::document::Command;
use super::super::model::Question;
use super::{Meant, Request, Who, World};

/// A voice begins so long after the command, and takes so long for a character; milliseconds.
const VOICE_AFTER: u64 = 300;
const PER_CHARACTER: u64 = 60;
/// The model thinks for so long, and what it says takes so long.
const THINKS_FOR: u64 = 700;
/// A server answers a tool after this.
const TOOL_TAKES: u64 = 300;
const TALKS_FOR: u64 = 2_400;
/// What is cut is answered so soon.
const CUT_AFTER: u64 = 40;

impl World {
    /// As if the machine had commanded it.
    #[cfg(test)]
    pub(crate) fn enact_for_test(&mut self, effect: Effect) {
        self.enact(effect);
    }

    pub(super) fn enact(&mut self, effect: Effect) {
        self.check_rules(&effect);
        match effect {
            Effect::Enter { state } => self.note_state(state),
            Effect::Say { utterance, text, .. } => self.say(utterance, &text),
            Effect::StopSpeaking => {
                self.tally.add(Command::StopSpeaking);
                self.cut(|_| true);
            }
            Effect::Reply { reply, prompt, context, user, intents, tools, .. } => {
                let (prompt, user) = (&prompt, user.as_ref());
                self.reply(&Question { reply, prompt, context, user, intents: &intents, tools: &tools });
            }
            Effect::CancelReply { reply } => {
                self.cut(|input| is_of_reply(input, reply));
            }
            Effect::Hold { on, .. } => {
                if on {
                    self.tally.add(Command::Hold);
                }
            }
            Effect::Dial { attempt, target, method, apart } => {
                self.tally.add(Command::Dial);
                self.tally.dialled.push(target);
                let name = self.plan.target(target).name.to_string();
                self.note(Who::Engine, format!("dials `{name}`"));
                self.dial(attempt, target, method, apart);
            }
            Effect::Ask { attempt, text } => {
                self.tally.add(Command::Ask);
                self.note(Who::Bot, format!("(to the phone) “{}”", text.text()));
                let asked_in = VOICE_AFTER + length(&text);
                self.leg_later(attempt, asked_in, LegEvent::Asked);
                super::super::faults::on_ask(self, attempt, asked_in);
            }
            Effect::Bridge { attempt } => {
                self.tally.add(Command::Bridge);
                self.bridge(attempt);
            }
            Effect::StopDial { attempt } => {
                self.tally.add(Command::StopDial);
                if let Some(leg) = self.legs.iter().find(|leg| leg.attempt == attempt) {
                    let target = leg.target;
                    self.tally.stopped.push(target);
                    let name = self.plan.target(target).name.to_string();
                    self.note(Who::Engine, format!("hangs up on `{name}`"));
                }
                self.stop(attempt);
            }
            Effect::Handoff { .. } => {
                self.tally.add(Command::Handoff);
                self.note(Who::Engine, "hands the caller over; the bot is out");
                self.pending.retain(|pending| !pending.sounds);
                super::super::faults::on_handoff(self);
            }
            Effect::End { outcome } => {
                self.tally.add(Command::End);
                let outcome = serde_json::to_value(outcome).unwrap_or_default();
                self.note(Who::Engine, format!("the call is over: {}", outcome.as_str().unwrap_or("?")));
                self.pending.clear();
                self.requests.clear();
                self.meant = None;
                super::super::faults::on_end(self);
            }
            Effect::CallTool { call, tool, timeout_ms, .. } => self.call_tool(call, tool, timeout_ms),
            Effect::CancelTool { call } => {
                self.forget_answer(call);
                self.requests.retain(|request| request.call != call);
            }
            Effect::ToolResult { proposal, text } => {
                if let Some(played) = &mut self.played {
                    played.told(proposal, &text);
                }
                if text.text().starts_with("error") {
                    self.note(Who::Engine, format!("the model is told: {}", text.text()));
                }
            }
            Effect::Prepare { .. } | Effect::Listen { .. } | Effect::Sensitivity { .. } => {}
        }
    }

    /// A server answers soon, and with everything that the state wants of it.
    fn call_tool(&mut self, call: ToolCallId, tool: ToolId, timeout_ms: u64) {
        self.tally.add(Command::CallTool);
        let state = self.machine.state();
        self.requests.push(Request { call, tool, until: Millis(self.now.0 + timeout_ms), state });
        let name = self.plan.tool(tool).name.to_string();
        self.note(Who::Engine, format!("asks `{name}`"));
        if super::super::faults::on_tool(self, call) {
            return;
        }
        let value = match &self.plan.state(self.machine.state()).kind {
            Kind::CallApi(api) => answer_with(&api.save, |var| usual(&self.plan.vars[var.index()].kind)),
            _ => Payload::default(),
        };
        self.later(TOOL_TAKES, Input::ToolDone { call, result: ToolResult::Ok { value } });
    }

    /// When everything that sounds will be over.
    fn quiet_from(&self) -> Millis {
        let sounding = self.pending.iter().filter(|pending| pending.sounds).map(|pending| pending.at);
        sounding.max().unwrap_or(self.now).max(self.now)
    }

    fn say(&mut self, utterance: UtteranceId, text: &Utterance) {
        self.tally.add(Command::Say);
        self.note(Who::Bot, format!("“{}”", text.text()));
        if let Some(played) = &mut self.played {
            played.bot_said(text);
        }
        let takes = VOICE_AFTER + length(text);
        if !super::super::faults::on_say(self, utterance, takes) {
            self.is_heard_in(takes, utterance);
        }
    }

    /// A sentence is heard whole so long after everything before it is over.
    pub(crate) fn is_heard_in(&mut self, takes: u64, utterance: UtteranceId) {
        let over = Millis(self.quiet_from().0 + takes);
        self.schedule(over, Input::Said { utterance, heard_all: true }, true);
    }

    /// The model understands what the offline stand-in would, or what the script says, or talks.
    fn reply(&mut self, question: &Question<'_>) {
        let Question { reply, tools, .. } = *question;
        self.tally.add(Command::Reply);
        if let Some(service) = self.failing_reply.take() {
            self.later(THINKS_FOR, Input::ReplyFailed { reply, service });
            return;
        }
        if super::super::faults::on_reply(self, question) {
            return;
        }
        if self.ask_model(question) {
            return;
        }
        let wanted = self.wanted.take_if(|call| call.tool.is_some_and(|tool| tools.contains(&tool)));
        if let Some(call) = wanted {
            self.later(THINKS_FOR, Input::ToolsProposed { reply, calls: vec![call] });
            self.reply_ends_in(THINKS_FOR, reply);
            return;
        }
        match self.meant_by(question) {
            Some((intent, slots)) => {
                self.later(THINKS_FOR, Input::IntentProposed { reply, intent, slots });
                self.reply_ends_in(THINKS_FOR, reply);
            }
            None => self.talk(reply, THINKS_FOR),
        }
    }

    /// What the caller is taken to mean: what the script says, else what their words say.
    pub(in crate::scenario) fn meant_by(
        &mut self,
        question: &Question<'_>,
    ) -> Option<(IntentId, Vec<(String, Utterance)>)> {
        let offered = question.intents;
        let meant = self.meant.take_if(|meant| offered.contains(&meant.intent));
        let meant = meant.or_else(|| question.user.and_then(|text| self.understand(text, offered)));
        meant.map(|Meant { intent, slots }| (intent, slots))
    }

    /// A reply without a word is over just after what it asks for.
    pub(crate) fn reply_ends_in(&mut self, after: u64, reply: ReplyId) {
        let done = Millis(self.now.0 + after + 10);
        self.schedule(done, Input::ReplyDone { reply, heard_all: true }, true);
    }

    /// The model answers in words.
    pub(crate) fn talk(&mut self, reply: ReplyId, after: u64) {
        self.note(Who::Bot, "(the model answers)");
        let over = Millis(self.quiet_from().0.max(self.now.0 + after) + TALKS_FOR);
        self.schedule(over, Input::ReplyDone { reply, heard_all: true }, true);
    }

    /// The model says this, in the time that a voice takes.
    pub(crate) fn speak_reply(&mut self, reply: ReplyId, words: &Utterance) {
        let takes = if words.is_blank() { 10 } else { VOICE_AFTER + length(words) };
        if !words.is_blank() {
            self.note(Who::Bot, format!("“{}”", words.text()));
        }
        let over = Millis(self.quiet_from().0.max(self.now.0 + THINKS_FOR) + takes);
        self.schedule(over, Input::ReplyDone { reply, heard_all: true }, true);
    }

    fn understand(&self, text: &Utterance, offered: &[IntentId]) -> Option<Meant> {
        let intent = self.plan.meant(text.text(), offered)?;
        Some(Meant { intent, slots: Vec::new() })
    }

    /// What sounds is cut and says so; what a reply was about to propose is not proposed.
    fn cut(&mut self, which: impl Fn(&Input) -> bool) {
        let (cut, kept) = std::mem::take(&mut self.pending).into_iter().partition(|p| which(&p.input));
        self.pending = kept;
        let cut: Vec<super::Pending> = cut;
        for pending in cut {
            let input = match pending.input {
                Input::Said { utterance, .. } => Input::Said { utterance, heard_all: false },
                Input::ReplyDone { reply, .. } => Input::ReplyDone { reply, heard_all: false },
                Input::IntentProposed { .. } | Input::ToolsProposed { .. } => continue,
                _ => {
                    self.pending.push(pending);
                    continue;
                }
            };
            self.schedule(Millis(self.now.0 + CUT_AFTER), input, true);
        }
    }
}

fn is_of_reply(input: &Input, of: ReplyId) -> bool {
    match input {
        Input::IntentProposed { reply, .. }
        | Input::ToolsProposed { reply, .. }
        | Input::ReplyDone { reply, .. }
        | Input::ReplyFailed { reply, .. } => *reply == of,
        _ => false,
    }
}

/// How long it takes to say a text.
fn length(text: &Utterance) -> u64 {
    PER_CHARACTER * u64::try_from(text.text().chars().count()).unwrap_or(u64::MAX / PER_CHARACTER)
}
