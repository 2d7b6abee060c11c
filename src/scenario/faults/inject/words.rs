//! What the bot says: sentences, and replies of the model.

use std::sync::Arc;

use super::super::super::model::Question;
use super::super::super::world::World;
use super::super::Fault;
use crate::explore::usual;
use crate::machine::{Input, ProposedCall, ReplyId, Service, UtteranceId};
use crate::pii::{Payload, Utterance};
use crate::plan::{Kind, ToolId};

/// What a slow announcement takes besides its double time, milliseconds.
const SLOWER: u64 = 2_000;
/// The model thinks for so long, milliseconds.
const THINKS_FOR: u64 = 700;
/// Whom the model would dial, if it could.
pub(in crate::scenario) const INVENTED: &str = "+19005550199";

impl World {
    /// Whether the call is in a `say`, and if so whether the caller may talk over it.
    fn is_saying(&self) -> Option<bool> {
        match &self.plan().state(self.machine().state()).kind {
            Kind::Say(say) => Some(say.interruptible),
            _ => None,
        }
    }
}

/// A sentence is to be spoken, which takes so long from when all before it is over.
pub(in crate::scenario) fn on_say(world: &mut World, utterance: UtteranceId, takes: u64) -> bool {
    if world.suffers(Fault::NoVoice) && utterance == UtteranceId(1) {
        world.later(200, Input::ServiceFailed { service: Service::Tts });
        world.later(200, Input::SayFailed { utterance });
        return true;
    }
    if world.suffers(Fault::OldSentenceOver) && utterance.0 > 1 {
        world.later(10, Input::Said { utterance: UtteranceId(utterance.0 - 1), heard_all: true });
    }
    if let Some(interruptible) = world.is_saying().filter(|_| world.suffers(Fault::SentencesUnheard)) {
        // Only what the caller may talk over is ever cut.
        world.later(
            200,
            match interruptible {
                true => Input::Said { utterance, heard_all: false },
                false => Input::SayFailed { utterance },
            },
        );
        return true;
    }
    let is_ending = matches!(world.plan().state(world.machine().state()).kind, Kind::End(_));
    if is_ending && world.suffers(Fault::TalksOverGoodbye) {
        world.caller_talks(600);
    }
    // The first sentence of a `dial` is its announcement.
    if !world.is_dialing() || world.live_leg().is_some() {
        return false;
    }
    if world.suffers(Fault::TalksOverAnnouncement) {
        world.caller_talks(600);
    }
    if world.suffers(Fault::TakesBackAnnounced) {
        world.caller_takes_it_back(600);
    }
    if world.suffers(Fault::AnnouncementFails) {
        world.later(200, Input::SayFailed { utterance });
        return true;
    }
    if world.suffers(Fault::AnnouncementSlow) {
        // Sooner than the machine gives it up, whatever its length.
        world.is_heard_in(2 * takes + SLOWER, utterance);
        return true;
    }
    world.suffers(Fault::AnnouncementLost)
}

/// The model is asked.
pub(in crate::scenario) fn on_reply(world: &mut World, question: &Question<'_>) -> bool {
    let Question { reply, intents: offered, tools, .. } = *question;
    if world.suffers(Fault::ReplyLost) {
        return true;
    }
    if world.suffers(Fault::OnlyWords) {
        world.talk(reply, 700);
        return true;
    }
    // A model that goes on asking where nobody has said a word would only keep the call busy.
    let is_hasty = world.suffers(Fault::SentencesUnheard) && question.user.is_some();
    if is_hasty || world.suffers(Fault::AllIntentsAtOnce) {
        for intent in offered {
            world.later(700, Input::IntentProposed { reply, intent: *intent, slots: Vec::new() });
        }
        world.talk(reply, 700);
        return true;
    }
    if let Some(intent) = offered.first().filter(|_| world.suffers(Fault::InterruptedIntent)) {
        world.talk(reply, 300);
        // The turn that discards the reply comes first.
        if reply == ReplyId(1) {
            world.later(800, Input::SpeechStarted);
            world.later(1_100, Input::TurnEnded { text: Utterance::new("hold on a second") });
        }
        world.later(1_300, Input::IntentProposed { reply, intent: *intent, slots: Vec::new() });
        return true;
    }
    if world.suffers(Fault::ToolsBesideIntent) && !tools.is_empty() {
        return tools_beside_intent(world, question);
    }
    if world.suffers(Fault::WordsBesideIntent)
        && let Some((intent, slots)) = world.meant_by(question)
    {
        world.later(THINKS_FOR, Input::IntentProposed { reply, intent, slots });
        world.talk(reply, THINKS_FOR);
        return true;
    }
    world.suffers(Fault::Invents) && invents(world, question)
}

/// As the session tells it of a reply: its tools first, then its intent, then its end.
fn tools_beside_intent(world: &mut World, question: &Question<'_>) -> bool {
    let reply = question.reply;
    let Some((intent, slots)) = world.meant_by(question) else { return false };
    let plan = Arc::clone(world.plan());
    let call = |tool: &ToolId| {
        let params = plan.tool(*tool).params.iter();
        let args =
            params.filter_map(|param| Some((param.name.to_string(), param.read(&usual(&param.kind))?)));
        ProposedCall { tool: Some(*tool), args: Some(Payload(args.collect())) }
    };
    let calls = question.tools.iter().map(call).collect();
    world.later(THINKS_FOR, Input::ToolsProposed { reply, calls });
    world.later(THINKS_FOR, Input::IntentProposed { reply, intent, slots });
    world.reply_ends_in(THINKS_FOR, reply);
    true
}

/// Every other reply asks for what it was not offered, as the session tells of it; those between ask for what was
/// meant, or for anything, with a number that nobody gave.
fn invents(world: &mut World, question: &Question<'_>) -> bool {
    let reply = question.reply;
    let number = || serde_json::Value::from(INVENTED);
    let nothing = || {
        let args = [("phone_number", number()), ("to", number())];
        ProposedCall {
            tool: None,
            args: Some(Payload(args.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())),
        }
    };
    if !reply.0.is_multiple_of(2) {
        if question.tools.is_empty() {
            world.later(THINKS_FOR, Input::ReplyFailed { reply, service: Service::Llm });
        } else {
            world.later(THINKS_FOR, Input::ToolsProposed { reply, calls: vec![nothing()] });
            world.reply_ends_in(THINKS_FOR, reply);
        }
        return true;
    }
    let meant = world.meant_by(question).map(|(intent, _)| intent);
    let Some(intent) = meant.or_else(|| question.intents.first().copied()) else { return false };
    let plan = Arc::clone(world.plan());
    let declared = plan.intent(intent).slots.iter().map(|slot| slot.name.to_string());
    let slots = declared.chain(["phone_number", "to"].map(str::to_owned));
    let slots = slots.map(|name| (name, Utterance::new(INVENTED))).collect();
    if !question.tools.is_empty() {
        world.later(THINKS_FOR, Input::ToolsProposed { reply, calls: vec![nothing()] });
    }
    world.later(THINKS_FOR, Input::IntentProposed { reply, intent, slots });
    world.reply_ends_in(THINKS_FOR, reply);
    true
}
