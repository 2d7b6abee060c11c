//! The conversation with the model: what it remembers, what it is asked, and what it asks for.
//!
//! A tool call never does anything here. It becomes an intent or a request that is proposed to the machine, and the
//! machine says what the model is told of it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::{Instant, timeout_at};
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

use super::memory::{Guess, forget_oldest, merged, same_words, summary, take_back};
use super::offer::{intent_tool, slots, tool};
use crate::machine::{Proposal, ProposedCall, ReplyId};
use crate::pii::{Payload, Utterance};
use crate::plan::{ContextPolicy, IntentId, Plan, ToolId};
use crate::speech::sentences::Sentences;
use crate::speech::{Llm, LlmEvent, LlmRequest, LlmStream, Message, SpeechError, Tool};

/// How long a model may say nothing in a reply. Longer than the vendor client's own patience, retries
/// included, which knows better what went wrong.
const MUTE_AFTER: Duration = Duration::from_secs(30);
/// How long a reply that has called a tool may still call another.
const MORE_CALLS_WITHIN: Duration = Duration::from_millis(300);
/// What the model is told of a call that cannot be.
const NO_SUCH_TOOL: &str = "there is no such tool; just answer the caller";
/// A connection that was not used for so long may be gone: pools and vendors close idle ones after a minute or two.
const COLD_AFTER: Duration = Duration::from_secs(45);
/// Calls without a result that are remembered.
const MOST_PROPOSED: usize = 64;

/// How long the model may fall silent within its first clause before what there is of it is spoken.
const STALL: Duration = Duration::from_millis(150);

/// What the model does.
#[derive(Debug)]
pub(super) enum News {
    /// It says something, or its stream is gone.
    Event(Option<LlmEvent>),
    /// It has said a good part of its first clause, and nothing since.
    Stalled,
}

/// What came of an event of the model.
#[derive(Debug)]
pub(super) enum Said {
    /// A clause to be spoken.
    Clause(ReplyId, String),
    /// The reply has no more words.
    WordsEnd(ReplyId),
    /// A tool call.
    Proposed(ReplyId, IntentId, Vec<(String, Utterance)>),
    /// Calls of tools, all of one reply; before its intent.
    ToolsProposed(ReplyId, Vec<ProposedCall>),
    /// The reply failed.
    Failed(ReplyId, SpeechError),
}

pub(super) struct Dialogue {
    plan: Arc<Plan>,
    llm: Arc<dyn Llm>,
    call_id: Arc<str>,
    messages: VecDeque<Message>,
    /// What the caller said last, if the model was not asked since.
    unanswered: Option<Utterance>,
    live: Option<Live>,
    /// What the model has asked of tools and was not told the result of.
    proposed: BTreeMap<Proposal, Called>,
    /// A reply that nobody has asked for yet.
    guess: Option<Guess>,
    guesses: u32,
    /// A connection that is being made, and when one was used last.
    warming: Option<AbortOnDropHandle<()>>,
    used_at: Option<Instant>,
}

struct Live {
    reply: ReplyId,
    stream: LlmStream,
    sentences: Sentences,
    offered: Vec<IntentId>,
    tools: Vec<ToolId>,
    /// When it last said something.
    heard_at: Instant,
    /// When what there is of the first clause is to leave.
    stalls_at: Option<Instant>,
    /// It has said words.
    spoke: bool,
    /// The calls it has made, in their order. After the first of them no words count.
    calls: Vec<Called>,
}

/// One tool call, as the vendor has it.
struct Called {
    id: String,
    name: String,
    arguments: Result<Map<String, Value>, String>,
}

impl Called {
    fn with_result(self, result: &str) -> Message {
        let arguments = match self.arguments {
            Ok(map) => Value::Object(map).to_string(),
            Err(_) => "{}".to_owned(),
        };
        Message::ToolCall { id: self.id, name: self.name, arguments, result: result.to_owned() }
    }
}

/// One question to the model.
pub(super) struct Question {
    pub reply: ReplyId,
    pub prompt: Utterance,
    pub context: ContextPolicy,
    pub user: Option<Utterance>,
    pub intents: Vec<IntentId>,
    pub tools: Vec<ToolId>,
}

impl Dialogue {
    pub(super) fn new(plan: Arc<Plan>, llm: Arc<dyn Llm>, call_id: Arc<str>) -> Self {
        Self {
            plan,
            llm,
            call_id,
            messages: VecDeque::new(),
            unanswered: None,
            live: None,
            proposed: BTreeMap::new(),
            guess: None,
            guesses: 0,
            warming: None,
            used_at: None,
        }
    }

    /// The model will be asked soon: has a connection made, unless there must be one.
    pub(super) fn warm(&mut self) {
        let cold = self.used_at.is_none_or(|at| at.elapsed() >= COLD_AFTER);
        if cold && !self.is_thinking() && self.warming.as_ref().is_none_or(|task| task.is_finished()) {
            self.used_at = Some(Instant::now());
            let task = tokio::spawn(self.llm.warm().in_current_span());
            self.warming = Some(AbortOnDropHandle::new(task));
        }
    }

    /// Whether the model is at it.
    pub(super) fn is_thinking(&self) -> bool {
        self.live.is_some()
    }

    /// The next event of the live reply; never resolves without one.
    pub(super) async fn event(&mut self) -> News {
        let Some(live) = &mut self.live else { return std::future::pending().await };
        let mute = SpeechError::Silent { vendor: "the model", waited: MUTE_AFTER };
        let patience = if live.calls.is_empty() { MUTE_AFTER } else { MORE_CALLS_WITHIN };
        let given_up_at = live.heard_at + patience;
        let until = live.stalls_at.map_or(given_up_at, |at| at.min(given_up_at));
        News::Event(match timeout_at(until, live.stream.events.recv()).await {
            Ok(event) => event,
            Err(_) if until < given_up_at => return News::Stalled,
            Err(_) if !live.calls.is_empty() => Some(LlmEvent::Done),
            Err(_) => Some(LlmEvent::Failed(mute)),
        })
    }

    /// Asks the model. A reply that is still live is dropped, which cancels it at the vendor.
    /// Whether it was asked before, by a guess.
    pub(super) fn ask(&mut self, question: Question) -> bool {
        let (request, reply) = (self.request(&question), question.reply);
        let guess = self.guess.take().filter(|guess| guess.answers(&request));
        let guessed = guess.is_some();
        self.used_at = Some(Instant::now());
        self.live = Some(Live {
            reply,
            stream: guess.map_or_else(|| self.llm.reply(request), |guess| guess.stream),
            sentences: Sentences::default(),
            offered: question.intents,
            tools: question.tools,
            heard_at: Instant::now(),
            stalls_at: None,
            spoke: false,
            calls: Vec::new(),
        });
        guessed
    }

    /// Asks what will probably be asked, and keeps the answer back. What is remembered stays as it is.
    pub(super) fn guess(&mut self, question: Question) {
        let memory = (self.messages.clone(), self.unanswered.clone());
        let words = question.user.clone().unwrap_or_default();
        let request = self.request(&question);
        (self.messages, self.unanswered) = memory;
        self.guesses += 1;
        self.used_at = Some(Instant::now());
        let stream = self.llm.reply(request.clone());
        self.guess = Some(Guess { words, request, stream, at: Instant::now() });
    }

    /// Whether the reply to these words is on its way already.
    pub(super) fn is_guessed(&self, words: &Utterance) -> bool {
        self.guess.as_ref().is_some_and(|guess| same_words(&guess.words, words))
    }

    /// What was guessed is void; it is cancelled at the vendor.
    pub(super) fn drop_guess(&mut self) {
        self.guess = None;
    }

    /// How often was guessed.
    pub(super) fn guesses(&self) -> u32 {
        self.guesses
    }

    /// What the model may call.
    fn offered(&self, question: &Question) -> Vec<Tool> {
        let intents = question.intents.iter().map(|&id| intent_tool(self.plan.intent(id)));
        intents.chain(question.tools.iter().map(|&id| tool(self.plan.tool(id)))).collect()
    }

    /// The request that a question becomes, and what is remembered with it.
    fn request(&mut self, question: &Question) -> LlmRequest {
        self.apply(question.context);
        if let Some(words) = &question.user {
            self.put_last(words);
        }
        self.unanswered = None;
        LlmRequest {
            model: Arc::clone(&self.plan.services.llm.model),
            system: question.prompt.text().into(),
            messages: self.messages.iter().cloned().collect(),
            tools: self.offered(question),
            request_id: format!("{}-{}", self.call_id, question.reply.0).into(),
        }
    }

    /// The reply that is live.
    pub(super) fn live(&self) -> Option<ReplyId> {
        self.live.as_ref().map(|live| live.reply)
    }

    /// The model is listened to again: its silence counts from now.
    pub(super) fn go_on(&mut self) {
        if let Some(live) = &mut self.live {
            live.heard_at = Instant::now();
            live.stalls_at = live.stalls_at.map(|_| live.heard_at + STALL);
        }
    }

    /// The model has fallen silent within its first clause: what there is of it is spoken.
    pub(super) fn on_stall(&mut self) -> Option<Said> {
        let live = self.live.as_mut()?;
        live.stalls_at = None;
        live.sentences.stalled().map(|clause| Said::Clause(live.reply, clause))
    }

    /// Words of the caller that came after their turn was told: they belong to it.
    pub(super) fn amend(&mut self, words: &Utterance) {
        let last = self.messages.iter_mut().rev().find_map(|message| match message {
            Message::User(said) => Some(said),
            _ => None,
        });
        match last {
            Some(said) => *said = merged(said, words),
            None => self.remember_caller(words),
        }
    }

    /// Drops the live reply, if there is one, and says which it was.
    pub(super) fn cancel(&mut self) -> Option<ReplyId> {
        self.guess = None;
        self.live.take().map(|live| live.reply)
    }

    /// Whether this is the reply the model is at.
    pub(super) fn is_live(&self, reply: ReplyId) -> bool {
        self.live.as_ref().is_some_and(|live| live.reply == reply)
    }

    /// Keeps what the caller heard of the bot, so that the model knows what was really said.
    pub(super) fn heard(&mut self, words: &Utterance) {
        if !words.is_blank() {
            self.remember(Message::Assistant(words.clone()));
        }
    }

    /// What the caller said while no reply was asked for (an answer to a question of the flow).
    pub(super) fn overheard(&mut self, words: &Utterance) {
        if !words.is_blank() {
            self.remember_caller(words);
            self.unanswered = Some(words.clone());
        }
    }

    /// Takes an event of the live reply.
    pub(super) fn on_event(&mut self, event: Option<LlmEvent>) -> Vec<Said> {
        let Some(live) = &mut self.live else { return Vec::new() };
        let reply = live.reply;
        live.heard_at = Instant::now();
        live.stalls_at = None;
        match event {
            Some(LlmEvent::Text(_)) if !live.calls.is_empty() => Vec::new(),
            Some(LlmEvent::Text(text)) => {
                live.spoke |= !text.trim().is_empty();
                let clauses = live.sentences.push(&text);
                live.stalls_at = live.sentences.may_leave_early().then(|| live.heard_at + STALL);
                clauses.into_iter().map(|clause| Said::Clause(reply, clause)).collect()
            }
            Some(LlmEvent::ToolCall { id, name, arguments }) => {
                live.calls.push(Called { id, name, arguments });
                Vec::new()
            }
            // What was asked for is complete, whatever becomes of the rest.
            _ if !live.calls.is_empty() => self.propose(),
            Some(LlmEvent::Done) if !live.spoke => {
                self.live = None;
                let detail = "it said nothing at all".to_owned();
                vec![Said::Failed(reply, SpeechError::Protocol { vendor: "the model", detail })]
            }
            Some(LlmEvent::Done) => self.finish(),
            Some(LlmEvent::Failed(error)) => {
                self.live = None;
                vec![Said::Failed(reply, error)]
            }
            None => {
                self.live = None;
                let detail = "the reply's stream ended without an end".to_owned();
                vec![Said::Failed(reply, SpeechError::Disconnected { vendor: "the model", detail })]
            }
        }
    }

    /// The calls of a reply are complete: its tools are proposed together, and the first of its intents. What counts
    /// then is the machine's answer, not more words.
    fn propose(&mut self) -> Vec<Said> {
        let Some(live) = &mut self.live else { return Vec::new() };
        let (reply, tools, intents) = (live.reply, live.tools.clone(), live.offered.clone());
        let calls = std::mem::take(&mut live.calls);
        let plan = Arc::clone(&self.plan);
        let intent_of = |name: &str| intents.iter().copied().find(|&i| *plan.intent(i).name == *name);
        if tools.is_empty() && !calls.iter().any(|call| intent_of(&call.name).is_some()) {
            return self.refuse(calls, reply);
        }
        let (mut proposed, mut intended) = (Vec::new(), None);
        for call in calls {
            match intent_of(&call.name) {
                Some(intent) if intended.is_none() => {
                    intended = Some((intent, call.arguments.as_ref().map(slots).unwrap_or_default()));
                    self.remember(call.with_result("ok"));
                }
                Some(_) => self.remember(call.with_result("error: something else was asked for first")),
                None if tools.is_empty() => self.remember(call.with_result(NO_SUCH_TOOL)),
                None => {
                    let tool = tools.iter().copied().find(|&id| *plan.tool(id).name == *call.name);
                    let args = call.arguments.as_ref().ok().map(|map| Payload(Value::Object(map.clone())));
                    let index = u32::try_from(proposed.len()).unwrap_or(u32::MAX);
                    self.proposed.insert(Proposal { reply, index }, call);
                    proposed.push(ProposedCall { tool, args });
                }
            }
        }
        while self.proposed.len() > MOST_PROPOSED {
            self.proposed.pop_first();
        }
        let mut said = self.finish();
        let end = said.len().saturating_sub(1);
        // Before the end of the words: the proposals must reach the machine while the reply is live.
        if let Some((intent, slots)) = intended {
            said.insert(end, Said::Proposed(reply, intent, slots));
        }
        if !proposed.is_empty() {
            said.insert(end, Said::ToolsProposed(reply, proposed));
        }
        said
    }

    /// Nothing that it was offered: the reply is none.
    fn refuse(&mut self, calls: Vec<Called>, reply: ReplyId) -> Vec<Said> {
        tracing::warn!("the model called a tool that it was not offered");
        self.live = None;
        for call in calls {
            self.remember(call.with_result(NO_SUCH_TOOL));
        }
        let detail = "it called a tool that it was not offered".to_owned();
        vec![Said::Failed(reply, SpeechError::Protocol { vendor: "the model", detail })]
    }

    /// What came of a call that the model proposed.
    pub(super) fn tool_result(&mut self, proposal: Proposal, text: &Utterance) {
        if let Some(call) = self.proposed.remove(&proposal) {
            self.remember(call.with_result(text.text()));
        }
    }

    fn finish(&mut self) -> Vec<Said> {
        let Some(mut live) = self.live.take() else { return Vec::new() };
        let rest = live.sentences.flush().map(|clause| Said::Clause(live.reply, clause));
        rest.into_iter().chain([Said::WordsEnd(live.reply)]).collect()
    }

    /// The words that the model is to answer come last, also if they were overheard before.
    fn put_last(&mut self, words: &Utterance) {
        if self.unanswered.as_ref() == Some(words) {
            take_back(&mut self.messages, words);
        }
        self.remember_caller(words);
    }

    /// What the caller says in two turns without an answer between is one message.
    fn remember_caller(&mut self, words: &Utterance) {
        match self.messages.back_mut() {
            Some(Message::User(said)) => *said = merged(said, words),
            _ => self.remember(Message::User(words.clone())),
        }
    }

    fn apply(&mut self, policy: ContextPolicy) {
        match policy {
            ContextPolicy::Append => {}
            ContextPolicy::Reset => self.messages.clear(),
            ContextPolicy::Summary => {
                if let Some(summary) = summary(&self.messages) {
                    self.messages.clear();
                    self.messages.push_back(Message::Note(summary));
                }
            }
        }
    }

    fn remember(&mut self, message: Message) {
        self.messages.push_back(message);
        forget_oldest(&mut self.messages);
    }
}
