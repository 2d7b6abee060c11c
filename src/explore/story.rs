//! A way through a call in plain sentences.

use std::time::Duration;

use super::trace::{Step, Trace};
use super::world::Happening;
use crate::machine::{Effect, Input, LegEvent, LegOutcome, Service, Timer, ToolResult};
use crate::plan::Plan;

/// One sentence of a story, and what follows from it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sentence {
    /// What happens.
    pub happens: String,
    /// The states that are entered, by name.
    pub enters: Vec<String>,
    /// What the bot begins to say, and what else is to be noticed.
    pub follows: Vec<String>,
}

impl Trace {
    /// The whole way, sentence by sentence.
    #[must_use]
    pub fn story(&self, plan: &Plan) -> Vec<Sentence> {
        let told = self.start.told.iter().map(|told| Sentence {
            happens: format!("A call begins: {told}."),
            enters: Vec::new(),
            follows: Vec::new(),
        });
        told.chain(self.steps.iter().map(|step| sentence(plan, step))).collect()
    }

    /// The names of what happens, in a line: `caller.joined → said → …`.
    #[must_use]
    pub fn in_a_line(&self, plan: &Plan) -> String {
        self.steps.iter().map(|step| short(plan, step)).collect::<Vec<_>>().join(" → ")
    }
}

fn sentence(plan: &Plan, step: &Step) -> Sentence {
    let happens = match &step.happening {
        Happening::Input(input) => told(plan, input),
        Happening::Timer(timer) => {
            let what = due(*timer);
            match (step.out_of_turn, step.waited) {
                (true, _) => format!("{what} (in a call in which this comes first)."),
                (false, Duration::ZERO) => format!("{what}."),
                (false, waited) => format!("{}, nothing happens: {}.", span(waited), lower(what)),
            }
        }
    };
    let name = |state| plan.state(state).name.to_string();
    let enters = step.effects.iter().filter_map(|effect| match effect {
        Effect::Enter { state } => Some(name(*state)),
        _ => None,
    });
    let mut follows: Vec<_> = step.effects.iter().filter_map(|effect| noticed(plan, effect)).collect();
    if step.over {
        follows.push("the call is over".to_owned());
    }
    Sentence { happens, enters: enters.collect(), follows }
}

fn told(plan: &Plan, input: &Input) -> String {
    match input {
        Input::Start => "The bot is in the room.".to_owned(),
        Input::CallerJoined => "The caller joins.".to_owned(),
        Input::CallerLeft => "The caller hangs up.".to_owned(),
        Input::CallerUnreachable => "The caller cannot be brought into the room.".to_owned(),
        Input::Dtmf { digit } => format!("The caller presses {digit}."),
        Input::SpeechStarted => "The caller begins to speak.".to_owned(),
        Input::TurnEnded { text } if text.is_blank() => {
            "The caller made a sound, but said no words.".to_owned()
        }
        Input::TurnEnded { text } => format!("The caller says \"{}\".", text.text()),
        Input::IntentProposed { intent, slots, .. } => {
            let name = &plan.intent(*intent).name;
            let filled: Vec<_> =
                slots.iter().map(|(slot, value)| format!("{slot}: {}", value.text())).collect();
            match filled.is_empty() {
                true => format!("The model takes it for `{name}`."),
                false => format!("The model takes it for `{name}` ({}).", filled.join(", ")),
            }
        }
        Input::ToolsProposed { .. } => "The model asks for its tools.".to_owned(),
        Input::ToolDone { result: ToolResult::Ok { .. }, .. } => "The tool answers.".to_owned(),
        Input::ToolDone { result: ToolResult::Failed { cause }, .. } => format!("The tool fails: {cause}."),
        Input::ReplyDone { .. } => "The model's answer is heard to its end.".to_owned(),
        Input::ReplyFailed { .. } => "The model's answer fails.".to_owned(),
        Input::Said { heard_all: true, .. } => "The sentence is heard to its end.".to_owned(),
        Input::Said { heard_all: false, .. } => "The sentence that was cut is over.".to_owned(),
        Input::SayFailed { .. } => "The sentence cannot be spoken.".to_owned(),
        Input::Leg { event, .. } => leg(event),
        Input::ServiceFailed { service } => {
            format!("The vendor of {} fails for good.", service_words(*service))
        }
        Input::Timeout => "Nothing happens.".to_owned(),
        Input::RoomExpiring => "The room is about to close.".to_owned(),
        Input::RoomClosed => "The room is closed.".to_owned(),
        Input::Shutdown => "The program is asked to stop.".to_owned(),
    }
}

fn leg(event: &LegEvent) -> String {
    let words = match event {
        LegEvent::Started => "The dial command is taken.",
        LegEvent::Refused { .. } => "The dial command is refused.",
        LegEvent::Ringing => "The operator's telephone rings.",
        LegEvent::Answered => "Somebody picks up.",
        LegEvent::Asked => "Who picked up has heard the question.",
        LegEvent::Key { digit } => return format!("Who picked up presses {digit}."),
        LegEvent::Bridged => "The caller and who picked up hear each other.",
        LegEvent::GateFailed { .. } => "Who picked up cannot be put through.",
        LegEvent::Stopped => "The leg of the person called is gone.",
        LegEvent::Failed { cause } => match cause.outcome {
            LegOutcome::Busy => "The line is busy.",
            LegOutcome::Rejected => "The call is declined.",
            LegOutcome::Unreachable => "The number cannot be reached.",
            LegOutcome::NoAnswer => "The vendor gives up: nobody answers.",
            LegOutcome::Voicemail => "A machine answers.",
            LegOutcome::Answered | LegOutcome::Failed | LegOutcome::Cancelled | LegOutcome::Transferred => {
                "The dial attempt fails."
            }
        },
        LegEvent::StopFailed => "The leg cannot be stopped.",
    };
    words.to_owned()
}

fn service_words(service: Service) -> &'static str {
    match service {
        Service::Stt => "speech to text",
        Service::Llm => "the language model",
        Service::Tts => "the voice",
    }
}

/// What a deadline means to somebody who listens. No wildcard.
fn due(timer: Timer) -> &'static str {
    match timer {
        Timer::Join => "The caller's audio has not come",
        Timer::State => "The state's time is up",
        Timer::Speech => "Nothing is ever heard of the sentence again",
        Timer::Reply => "Nothing is ever heard of the model's answer",
        Timer::Silence => "The caller is silent",
        Timer::Answer => "No answer comes",
        Timer::Keys => "No further key is pressed",
        Timer::Announce => "The announcement is not waited for any longer",
        Timer::DialCommand => "Nothing is heard of the dial command",
        Timer::Ring => "Nobody answers within the ring limit",
        Timer::Gate => "Who picked up does nothing",
        Timer::StopCommand => "Nothing is heard of the leg that was stopped",
        Timer::Retry => "The pause before the next attempt is over",
        Timer::HoldSay => "It is time for a word over the hold audio",
        Timer::Tool => "Nothing is heard of the tool",
        Timer::Fill => "The tool takes its time",
        Timer::Handoff => "The two have talked as long as they may",
        Timer::MaxDuration => "The call has lasted as long as it may",
    }
}

fn lower(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

/// What of an effect belongs into a story. No wildcard.
fn noticed(plan: &Plan, effect: &Effect) -> Option<String> {
    Some(match effect {
        Effect::Say { text, .. } => format!("bot: \"{}\"", text.text()),
        Effect::Reply { .. } => "the model is asked for an answer".to_owned(),
        Effect::Hold { on: true, .. } => "hold audio begins".to_owned(),
        Effect::Hold { on: false, .. } => "hold audio ends".to_owned(),
        Effect::Dial { target, .. } => format!("`{}` is dialled", plan.target(*target).name),
        Effect::Ask { text, .. } => format!("to who picked up: \"{}\"", text.text()),
        Effect::Bridge { .. } => "the two are brought together".to_owned(),
        Effect::StopDial { .. } => "the leg is told to stop".to_owned(),
        Effect::Handoff { .. } => "the bot hands the call over".to_owned(),
        Effect::StopSpeaking => "the bot is cut".to_owned(),
        Effect::CallTool { tool, .. } => format!("`{}` is asked", plan.tool(*tool).name),
        Effect::CancelTool { .. } => "the tool is given up".to_owned(),
        Effect::Enter { .. }
        | Effect::Prepare { .. }
        | Effect::CancelReply { .. }
        | Effect::ToolResult { .. }
        | Effect::Listen { .. }
        | Effect::Sensitivity { .. }
        | Effect::End { .. } => return None,
    })
}

fn short(plan: &Plan, step: &Step) -> String {
    let fixed = match &step.happening {
        Happening::Timer(Timer::MaxDuration) => "call.max_duration",
        Happening::Timer(_) if step.out_of_turn || step.waited.is_zero() => "(a deadline)",
        Happening::Timer(_) => return format!("({})", span(step.waited)),
        Happening::Input(input) => match input {
            Input::Start => "start",
            Input::CallerJoined => "caller.joined",
            Input::CallerLeft => "caller.left",
            Input::CallerUnreachable => "(caller unreachable)",
            Input::Dtmf { digit } => return format!("caller.dtmf(\"{digit}\")"),
            Input::SpeechStarted => "(speech)",
            Input::TurnEnded { text } => return format!("\"{}\"", text.text()),
            Input::IntentProposed { intent, .. } => return format!("intent.{}", plan.intent(*intent).name),
            Input::ToolsProposed { .. } => "(tools)",
            Input::ToolDone { result: ToolResult::Ok { .. }, .. } => "(tool answers)",
            Input::ToolDone { result: ToolResult::Failed { .. }, .. } => "(tool fails)",
            Input::ReplyDone { .. } => "(reply heard)",
            Input::ReplyFailed { .. } => "(reply failed)",
            Input::Said { .. } => "said",
            Input::SayFailed { .. } => "(sentence failed)",
            Input::Leg { event, .. } => match event {
                LegEvent::Started => "(dialled)",
                LegEvent::Refused { .. } => "(dial refused)",
                LegEvent::Ringing => "operator.ringing",
                LegEvent::Answered => "operator.answered",
                LegEvent::Asked => "(asked)",
                LegEvent::Key { digit } => return format!("(operator presses {digit})"),
                LegEvent::Bridged => "(brought together)",
                LegEvent::GateFailed { .. } => "(gate failed)",
                LegEvent::Stopped => "(leg gone)",
                LegEvent::Failed { .. } => "(leg failed)",
                LegEvent::StopFailed => "(stop failed)",
            },
            Input::ServiceFailed { .. } => "service.failed",
            Input::Timeout => "(wake-up)",
            Input::RoomExpiring => "room.expiring",
            Input::RoomClosed => "(room closed)",
            Input::Shutdown => "shutdown",
        },
    };
    fixed.to_owned()
}

/// A length of time as people say it: `8s`, `2m 5s`, `2h`.
#[must_use]
pub fn span(time: Duration) -> String {
    let (total, ms) = (time.as_secs(), time.subsec_millis());
    let (h, m, s) = (total / 3600, total / 60 % 60, total % 60);
    let seconds = match ms {
        0 => format!("{s}s"),
        ms => format!("{s}.{}s", format!("{ms:03}").trim_end_matches('0')),
    };
    let parts =
        [(h > 0, format!("{h}h")), (m > 0, format!("{m}m")), (s > 0 || ms > 0 || total == 0, seconds)];
    parts.into_iter().filter(|(shown, _)| *shown).map(|(_, part)| part).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_as_people_say_them() {
        let told = [0, 8_000, 1_500, 125_000, 7_200_000, 3_605_250].map(|ms| span(Duration::from_millis(ms)));
        assert_eq!(told, ["0s", "8s", "1.5s", "2m 5s", "2h", "1h 5.25s"]);
    }
}
