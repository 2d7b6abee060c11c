//! A model that is really asked, in tests that need one: what it is asked, and what comes of its answer.
//!
//! It is the bot of the call, plays the caller, and judges. Whoever asks it, over a network and in bounded time, is
//! behind [`Model`]; nothing here waits for anything.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::machine::{Input, Proposal, ProposedCall, ReplyId, Service};
use crate::pii::{Payload, Utterance};
use crate::plan::{ContextPolicy, IntentId, Plan, ToolId};

use super::world::World;

/// Somebody who asks a model. Each question is bounded in time; a test asks a bounded number.
pub trait Model: Send {
    /// What the bot says and asks for.
    ///
    /// # Errors
    /// Why there is no reply, in words.
    fn reply(&mut self, asked: &Asked<'_>) -> Result<Replied, String>;

    /// What a caller of this kind does next, after they have heard all this.
    ///
    /// # Errors
    /// Why there is no answer, in words.
    fn play(&mut self, role: &str, heard: &[Exchange]) -> Result<Move, String>;

    /// Whether something is so in a call.
    ///
    /// # Errors
    /// Why there is no verdict, in words.
    fn judge(&mut self, criterion: &str, story: &str) -> Result<Verdict, String>;
}

/// A model that all runs of a test share.
pub type Shared = Arc<Mutex<dyn Model>>;

/// One question to the bot's model.
pub struct Asked<'q> {
    /// The flow.
    pub plan: &'q Plan,
    /// The system prompt.
    pub prompt: &'q Utterance,
    /// The conversation so far.
    pub exchange: &'q [Exchange],
    /// Intents offered.
    pub intents: &'q [IntentId],
    /// Tools offered.
    pub tools: &'q [ToolId],
}

/// One thing that was said, or that a tool answered.
#[derive(Clone)]
pub enum Exchange {
    /// By the caller.
    Caller(Utterance),
    /// By the bot.
    Bot(Utterance),
    /// A call that the model made, and what it was told of it.
    Call {
        /// What it called.
        name: String,
        /// With what.
        arguments: Payload,
        /// What came of it.
        result: Utterance,
    },
    /// All of this, of which the bot's model is to know in short (`context: summary`).
    Earlier(Vec<Self>),
}

/// What the model answered.
#[derive(Clone, Default)]
pub struct Replied {
    /// The words, if there are any.
    pub words: Utterance,
    /// What it called, in order, by name.
    pub calls: Vec<(String, Payload)>,
}

/// What a played caller does.
#[derive(Clone)]
pub enum Move {
    /// They say this.
    Says(Utterance),
    /// They hang up.
    HangsUp,
}

/// What a judge says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it is so.
    pub holds: bool,
    /// Why.
    pub why: String,
}

/// What the world keeps of a model that is really asked.
#[derive(Clone)]
pub(super) struct Played {
    pub model: Shared,
    /// What the bot's model is to know.
    exchange: Vec<Exchange>,
    /// What was said in this call. A flow can have the bot forget, but not the caller.
    heard: Vec<Exchange>,
    proposed: BTreeMap<Proposal, (String, Payload)>,
    /// Why the model could not be asked, the first time.
    pub broken: Option<String>,
}

impl Played {
    pub(super) fn new(model: Shared) -> Self {
        Self { model, exchange: Vec::new(), heard: Vec::new(), proposed: BTreeMap::new(), broken: None }
    }

    pub(super) fn caller_said(&mut self, words: &Utterance) {
        if !words.is_blank() {
            self.say(Exchange::Caller(words.clone()));
        }
    }

    pub(super) fn bot_said(&mut self, words: &Utterance) {
        if !words.is_blank() {
            self.say(Exchange::Bot(words.clone()));
        }
    }

    fn say(&mut self, one: Exchange) {
        self.heard.push(one.clone());
        self.exchange.push(one);
    }

    /// What the bot's model is to know of the call so far; the words that it is to answer stay as they are.
    fn apply(&mut self, policy: ContextPolicy, user: Option<&Utterance>) {
        if policy == ContextPolicy::Append {
            return;
        }
        let is_asked =
            |one: &Exchange| matches!((one, user), (Exchange::Caller(said), Some(words)) if said == words);
        let asked = self.exchange.pop_if(|one| is_asked(one));
        let earlier = std::mem::take(&mut self.exchange);
        if policy == ContextPolicy::Summary && !earlier.is_empty() {
            self.exchange.push(Exchange::Earlier(earlier));
        }
        self.exchange.extend(asked.or_else(|| user.map(|words| Exchange::Caller(words.clone()))));
    }

    pub(super) fn told(&mut self, proposal: Proposal, text: &Utterance) {
        if let Some((name, arguments)) = self.proposed.remove(&proposal) {
            self.exchange.push(Exchange::Call { name, arguments, result: text.clone() });
        }
    }
}

/// A reply that the world asks for.
pub(super) struct Question<'q> {
    pub reply: ReplyId,
    pub prompt: &'q Utterance,
    pub context: ContextPolicy,
    pub user: Option<&'q Utterance>,
    pub intents: &'q [IntentId],
    pub tools: &'q [ToolId],
}

impl World {
    /// The bot's model is a real one from here on.
    pub fn be_played_by(&mut self, model: Shared) {
        self.played = Some(Played::new(model));
    }

    /// Nobody is asked any more: what goes on by itself does so as without a model.
    pub(super) fn be_alone(&mut self) {
        self.played = None;
    }

    /// Why the model could not be asked, if it could not.
    #[must_use]
    pub fn broken_model(&self) -> Option<&str> {
        self.played.as_ref()?.broken.as_deref()
    }

    /// What a played caller does next; `None` without a model that can be asked.
    pub(super) fn next_move(&mut self, role: &str) -> Option<Move> {
        let played = self.played.as_mut().filter(|played| played.broken.is_none())?;
        let answer = played.model.lock().unwrap_or_else(PoisonError::into_inner).play(role, &played.heard);
        match answer {
            Ok(next) => Some(next),
            Err(why) => {
                played.broken = Some(why);
                None
            }
        }
    }

    /// Whether something is so in this call.
    pub(super) fn verdict(&self, criterion: &str) -> Option<Result<Verdict, String>> {
        let played = self.played.as_ref()?;
        let story = super::world::tell(self.story());
        Some(played.model.lock().unwrap_or_else(PoisonError::into_inner).judge(criterion, &story))
    }

    /// Asks the model; what it answers happens as in a call. Whether there was one to be asked.
    pub(super) fn ask_model(&mut self, question: &Question<'_>) -> bool {
        let plan = Arc::clone(self.plan());
        let Some(played) = &mut self.played else { return false };
        played.apply(question.context, question.user);
        let Question { prompt, intents, tools, .. } = question;
        let asked = Asked { plan: &plan, prompt, exchange: &played.exchange, intents, tools };
        let answer = match &played.broken {
            Some(why) => Err(why.clone()),
            None => played.model.lock().unwrap_or_else(PoisonError::into_inner).reply(&asked),
        };
        let nothing = |replied: &Replied| replied.words.is_blank() && replied.calls.is_empty();
        match answer {
            Ok(replied) if nothing(&replied) => self.model_fails(question.reply),
            Ok(replied) => self.take_reply(question, replied),
            Err(why) => {
                played.broken.get_or_insert(why);
                self.model_fails(question.reply);
            }
        }
        true
    }

    fn model_fails(&mut self, reply: ReplyId) {
        self.later(1, Input::ReplyFailed { reply, service: Service::Llm });
    }

    /// As in a call, the first intent counts, and tools are proposed together, before it.
    fn take_reply(&mut self, question: &Question<'_>, replied: Replied) {
        let plan = Arc::clone(self.plan());
        let reply = question.reply;
        let (mut proposed, mut intended) = (Vec::new(), None);
        let Some(played) = &mut self.played else { return };
        played.bot_said(&replied.words);
        for (name, arguments) in replied.calls {
            let intent = question.intents.iter().copied().find(|id| *plan.intent(*id).name == *name);
            match intent {
                Some(intent) if intended.is_none() => {
                    intended = Some((intent, slots(&arguments)));
                    let result = Utterance::new("ok");
                    played.exchange.push(Exchange::Call { name, arguments, result });
                }
                Some(_) => {
                    let result = Utterance::new("error: something else was asked for first");
                    played.exchange.push(Exchange::Call { name, arguments, result });
                }
                None => {
                    let tool = question.tools.iter().copied().find(|id| *plan.tool(*id).name == *name);
                    let index = u32::try_from(proposed.len()).unwrap_or(u32::MAX);
                    played.proposed.insert(Proposal { reply, index }, (name, arguments.clone()));
                    proposed.push(ProposedCall { tool, args: Some(arguments) });
                }
            }
        }
        if question.tools.is_empty() && intended.is_none() && !proposed.is_empty() {
            // A call of something that was not offered, and nothing else.
            return self.model_fails(reply);
        }
        if !proposed.is_empty() && !question.tools.is_empty() {
            self.later(1, Input::ToolsProposed { reply, calls: proposed });
        }
        if let Some((intent, slots)) = intended {
            self.later(1, Input::IntentProposed { reply, intent, slots });
        }
        self.speak_reply(reply, &replied.words);
    }
}

/// The values that come with an intent, as texts.
fn slots(arguments: &Payload) -> Vec<(String, Utterance)> {
    let text = |value: &serde_json::Value| match value {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let given = arguments.0.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    given.map(|(name, value)| (name.clone(), Utterance::new(text(value)))).collect()
}
