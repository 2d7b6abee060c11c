//! A way through a call as a test that can be pasted into the file beside the flow.
//!
//! The test language has no words for some of what can happen (an answer that is lost, a stop that is refused,
//! a deadline that comes before another in a call that is older); such steps stand there as comments, and the
//! test then needs a hand.

use std::fmt::Write as _;

use super::trace::{Step, Trace};
use super::world::Happening;
use crate::machine::{Input, LegEvent, LegOutcome, Service, Timer, ToolResult};
use crate::plan::Plan;

impl Trace {
    /// The test, as an item of `tests:`.
    #[must_use]
    pub fn script(&self, plan: &Plan, name: &str) -> String {
        let mut out = format!("  - name: {}\n", quoted(name));
        for told in &self.start.told {
            line(&mut out, format_args!("    # {told}"));
        }
        if self.start.info.from.is_none() {
            out.push_str("    given: {from: withheld}\n");
        }
        out.push_str("    script:\n");
        for written in self.written(plan) {
            line(&mut out, format_args!("      {written}"));
        }
        if let Some(Step { over: true, state: Some(state), .. }) = self.steps.last() {
            line(&mut out, format_args!("    expect: {{final: {}}}", plan.state(*state).name));
        }
        out
    }

    /// Its steps as those of a script, one line each.
    #[must_use]
    pub fn written(&self, plan: &Plan) -> Vec<String> {
        let mut lines = Vec::new();
        let mut state = None;
        let mut speaks = false;
        for step in &self.steps {
            lines.extend(write(plan, step, speaks));
            speaks = step.bot_speaks;
            if !step.over && step.state.is_some() && step.state != state {
                state = step.state;
                lines.extend(state.map(|state| format!("- expect: {{state: {}}}", plan.state(state).name)));
            }
        }
        lines
    }
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    let written = writeln!(out, "{text}");
    debug_assert!(written.is_ok(), "writing to a string does not fail");
}

/// The lines of one step.
fn write(plan: &Plan, step: &Step, bot_speaks: bool) -> Vec<String> {
    let input = match &step.happening {
        Happening::Timer(Timer::MaxDuration) => return vec!["- call.max_duration".to_owned()],
        Happening::Timer(timer) if step.out_of_turn => {
            return vec![format!("# the timer `{timer:?}` comes first")];
        }
        Happening::Timer(_) => {
            let ms = step.waited.as_millis();
            return match (ms, ms % 1000) {
                (0, _) => Vec::new(),
                (ms, 0) => vec![format!("- after: {}s", ms / 1000)],
                (ms, _) => vec![format!("- after: {ms}ms")],
            };
        }
        Happening::Input(input) => input,
    };
    let written = match input {
        Input::Start | Input::Timeout | Input::ReplyDone { .. } => return Vec::new(),
        Input::CallerJoined => "- caller.joined".to_owned(),
        Input::CallerLeft => "- caller.left".to_owned(),
        Input::CallerUnreachable => "# the caller cannot be brought into the room".to_owned(),
        Input::Dtmf { digit } => format!("- caller.dtmf: \"{digit}\""),
        Input::SpeechStarted => "# the caller begins to speak".to_owned(),
        Input::TurnEnded { text } if text.is_blank() => "# and says no words".to_owned(),
        Input::TurnEnded { text } if bot_speaks => format!("- caller.interrupts: {}", quoted(text.text())),
        Input::TurnEnded { text } => format!("- caller.says: {}", quoted(text.text())),
        Input::IntentProposed { intent, slots, .. } => {
            let name = &plan.intent(*intent).name;
            let filled: Vec<_> =
                slots.iter().map(|(slot, value)| format!("{slot}: {}", quoted(value.text()))).collect();
            match filled.is_empty() {
                true => format!("- intent: {name}"),
                false => format!("- intent: {{{name}: {{{}}}}}", filled.join(", ")),
            }
        }
        Input::ToolsProposed { .. } => "# the model asks for its tools".to_owned(),
        Input::ToolDone { result: ToolResult::Ok { .. }, .. } => "# the tool answers".to_owned(),
        Input::ToolDone { result: ToolResult::Failed { .. }, .. } => "# the tool fails".to_owned(),
        Input::ReplyFailed { .. } => "- reply.failed: llm".to_owned(),
        Input::Said { heard_all: true, .. } => "- said".to_owned(),
        Input::Said { heard_all: false, .. } => return Vec::new(),
        Input::SayFailed { .. } => "- say.failed".to_owned(),
        Input::Leg { event, .. } => return leg(event, step).into_iter().map(ToOwned::to_owned).collect(),
        Input::ServiceFailed { service } => {
            let service = match service {
                Service::Stt => "stt",
                Service::Llm => "llm",
                Service::Tts => "tts",
            };
            format!("- service.failed: {service}")
        }
        Input::RoomExpiring => "- room.expiring".to_owned(),
        Input::RoomClosed => "- room.closed".to_owned(),
        Input::Shutdown => "- shutdown".to_owned(),
    };
    vec![written]
}

fn leg(event: &LegEvent, step: &Step) -> Option<&'static str> {
    Some(match event {
        LegEvent::Started | LegEvent::Asked | LegEvent::Bridged => return None,
        LegEvent::Refused { .. } => "- operator.refused",
        LegEvent::Ringing => "- operator.ringing",
        LegEvent::Answered => "- operator.answered",
        LegEvent::Key { digit: '1' } => "- operator.key: \"1\"",
        LegEvent::Key { digit: '2' } => "- operator.key: \"2\"",
        LegEvent::Key { .. } => "# who picked up presses another key",
        LegEvent::GateFailed { .. } => "# who picked up cannot be put through",
        LegEvent::Stopped if step.leg_was_answered => "- operator.left",
        LegEvent::Stopped if step.leg_was_stopping => return None,
        LegEvent::Stopped => "- operator.failed",
        LegEvent::Failed { cause } => match cause.outcome {
            LegOutcome::Busy => "- operator.busy",
            LegOutcome::Rejected => "- operator.rejected",
            LegOutcome::Unreachable => "- operator.unreachable",
            LegOutcome::Voicemail => "- operator.voicemail",
            LegOutcome::NoAnswer
            | LegOutcome::Answered
            | LegOutcome::Failed
            | LegOutcome::Cancelled
            | LegOutcome::Transferred => "- operator.failed",
        },
        LegEvent::StopFailed => "# the leg cannot be stopped",
    })
}

/// A YAML double-quoted text.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
