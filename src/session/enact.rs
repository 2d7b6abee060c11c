//! Effects of the machine, done to the world.

use std::sync::Arc;
use std::time::Duration;

use super::call::Call;
use super::dialogue::Question;
use super::onset::Onset;
use super::voice::Speech;
use super::watch::CallEvent;
use crate::audio::hold_audio;
use crate::machine::{Effect, Input, ReplyId, Service};
use crate::plan::HandoffMode;
use crate::telephony::RoomCommand;

impl Call {
    pub(super) fn enact(&mut self, effect: Effect) {
        match effect {
            Effect::Enter { state } => {
                let state = Arc::clone(&self.plan.state(state).name);
                tracing::info!(%state, "entered");
                self.watch.event(CallEvent::Entered { state });
            }
            Effect::Say { utterance, text, audio, interruptible, aside } => {
                if aside {
                    self.asides.insert(utterance);
                }
                if !interruptible {
                    self.dismiss_doubt();
                }
                if self.stage.handed_off {
                    self.room.wish(RoomCommand::Microphone(true));
                }
                let recorded = audio.and_then(|name| self.plan.recording(&name));
                let begun = match recorded {
                    Some(samples) => self.voice.play(utterance, &text, &samples, interruptible),
                    None => self.voice.say(utterance, &text, interruptible),
                };
                let begun = begun || (self.machine.is_ending() && self.voice.apologise(utterance));
                if !begun {
                    self.inbox.push_back(Input::SayFailed { utterance });
                }
            }
            Effect::Prepare { text } => self.voice.prepare(&text),
            Effect::StopSpeaking => self.stop_speaking(),
            Effect::Reply { reply, .. } if self.stage.handed_off => {
                self.inbox.push_back(Input::ReplyFailed { reply, service: Service::Llm });
            }
            Effect::Reply { reply, prompt, context, user, intents, tools, .. } => {
                let question = Question { reply, prompt, context, user, intents, tools };
                let guessed = self.dialogue.ask(question);
                self.latency.asked(reply, guessed);
            }
            Effect::CancelReply { reply } => self.cancel_reply(reply),
            Effect::CallTool { call, tool, args, turns, timeout_ms } => {
                self.call_tool(call, tool, args, turns, Duration::from_millis(timeout_ms));
            }
            Effect::CancelTool { call } => self.cancel_tool(call),
            Effect::ToolResult { proposal, text } => self.dialogue.tool_result(proposal, &text),
            Effect::Listen { on } => {
                self.turns.caller_interrupted();
                self.onset = Onset::Quiet;
                self.dead_air.caller_is_silent(Duration::ZERO);
                self.guesses.forget();
                self.dialogue.drop_guess();
                self.ears.listen(on);
            }
            Effect::Sensitivity { level } => self.ears.attend(level),
            Effect::Hold { on, audio } => {
                let recorded = audio.and_then(|name| self.plan.recording(&name));
                self.voice.hold(on.then(|| recorded.unwrap_or_else(hold_audio)));
            }
            Effect::Dial { attempt, target, method, apart } => {
                if apart {
                    self.open_gate(attempt);
                }
                let target = self.plan.target(target);
                tracing::info!(target = %target.name, address = %target.address, ?method, "dialling");
                self.watch.event(CallEvent::Dialing { target: Arc::clone(&target.name) });
                self.legs.dial(attempt, target, method, self.people.caller.clone(), apart);
            }
            Effect::Ask { attempt, text } => self.gate_of(attempt).ask(text),
            Effect::Bridge { attempt } => {
                // From here on it counts how long the bot takes to be gone.
                self.stage.answered = Some((attempt, self.now()));
                self.watch.event(CallEvent::Accepted);
                self.gate_of(attempt).bridge();
            }
            Effect::StopDial { attempt } => {
                self.rings_no_more(attempt);
                self.gate.take_if(|gate| gate.attempt == attempt);
                self.legs.stop(attempt);
            }
            Effect::Handoff { mode } => self.hand_off(mode),
            Effect::End { outcome } => self.end(outcome),
        }
    }

    fn stop_speaking(&mut self) {
        let live = self.dialogue.cancel();
        if let Some(reply) = live
            && !self.voice.is_open(Speech::Reply(reply))
        {
            self.inbox.push_back(Input::ReplyDone { reply, heard_all: false });
        }
        self.voice.cut();
        self.hear_ourselves();
    }

    /// Nothing but the reply is cut: what is said before it may have to be heard.
    fn cancel_reply(&mut self, reply: ReplyId) {
        let was_live = self.dialogue.is_live(reply);
        if was_live {
            self.dialogue.cancel();
        }
        if self.voice.is_open(Speech::Reply(reply)) {
            self.voice.cancel(Speech::Reply(reply));
            self.hear_ourselves();
        } else if was_live {
            self.inbox.push_back(Input::ReplyDone { reply, heard_all: false });
        }
    }

    /// The bot is out: nothing of its pipeline is left, it neither hears nor speaks.
    fn hand_off(&mut self, mode: HandoffMode) {
        self.ears.close();
        self.dialogue.cancel();
        self.voice.close();
        self.hear_ourselves();
        self.room.wish(RoomCommand::Microphone(false));
        self.room.wish(RoomCommand::Subscribe(false));
        if mode == HandoffMode::Leave {
            self.room.wish(RoomCommand::Leave);
            self.stage.left_room = true;
        }
        if std::mem::replace(&mut self.stage.handed_off, true) {
            tracing::warn!("the bot is out of the room; the people in it go on");
            return;
        }
        let now = self.now();
        let since_answer = self.stage.answered.map(|(_, answered)| now.0.saturating_sub(answered.0));
        self.stage.bot_left_ms = since_answer;
        tracing::info!(after_ms = since_answer, ?mode, "the bot has left the conversation");
        self.watch.event(CallEvent::BotLeft { after_ms: since_answer.unwrap_or_default() });
    }
}
