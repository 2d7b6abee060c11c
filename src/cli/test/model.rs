//! The real model of tests that need one: asked over HTTP, in bounded time, a bounded number of times.
//!
//! A flow with a `base_url` of its own is asked there. Else, with `OPENAI_API_KEY` in the environment, it is OpenAI, or
//! `OPENAI_BASE_URL`. The model's name is the flow's.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Instant, timeout_at};

use crate::pii::{ApiKey, Payload, Utterance};
use crate::scenario::{Asked, Exchange, Model, Move, Replied, Shared, Subject, Verdict};
use crate::session::{intent_tool, summary, tool};
use crate::settings::{Env, NO_KEY, base_url};
use crate::speech::openai::{BASE_URL, OpenAi, http_client};
use crate::speech::{Llm, LlmEvent, LlmRequest, Message, Tool};

/// One question takes no longer, retries included.
const QUESTION_WITHIN: Duration = Duration::from_secs(30);
/// Nor do all of one test together.
const TEST_WITHIN: Duration = Duration::from_secs(180);
/// Questions of one test.
const MOST_QUESTIONS: u32 = 120;
/// Characters of one answer; what is more is not read.
const LONGEST_ANSWER: usize = 8_000;

/// How a caller is played.
const PLAY: &str = "You play a person who is on the telephone with a voice bot. Stay in your part, and never help \
the bot. Say what this person says next: one or two short spoken sentences, no quotes, no stage directions. When \
this person would hang up, call `hang_up`.\nYour part: ";

/// How a call is judged.
const JUDGE: &str = "You judge the transcript of a telephone call with a voice bot. Each line has the time, who \
acts, and what happens; → is a state that the call comes to. Decide whether the statement is true of this call, \
strictly by the transcript, and call `verdict` once.";

/// Where models are asked.
pub(super) struct Models {
    runtime: Arc<Runtime>,
    /// The vendor's, if there is a key.
    vendor: Option<Arc<dyn Llm>>,
    env: Env,
}

/// Why no model can be asked, though there is a key.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoModel {
    /// The URL is none.
    #[error("OPENAI_BASE_URL is not a URL of a server")]
    Url,
    /// The client cannot be made.
    #[error(transparent)]
    Endpoint(#[from] crate::speech::socket::EndpointError),
    /// There is nothing to wait with.
    #[error("cannot start: {0}")]
    Runtime(#[from] std::io::Error),
}

impl Models {
    /// Those of the environment.
    pub(super) fn of(env: &Env) -> Result<Self, NoModel> {
        let given = |name| env.get(name).filter(|value| !value.trim().is_empty());
        let vendor = match given("OPENAI_API_KEY") {
            Some(key) => {
                let url = match given("OPENAI_BASE_URL") {
                    Some(url) => base_url(url.trim()).ok_or(NoModel::Url)?,
                    None => BASE_URL.to_owned(),
                };
                Some(client(&url, ApiKey::new(key.trim()))?)
            }
            None => None,
        };
        let runtime = Arc::new(Builder::new_current_thread().enable_all().build()?);
        Ok(Self { runtime, vendor, env: env.clone() })
    }

    /// One for the runs of a test: the flow's own, else the vendor's. `None` if the environment has not what it takes.
    pub(super) fn one(&self, subject: &Subject) -> Result<Option<Shared>, NoModel> {
        let service = &subject.plan().services.llm;
        let llm = match &service.endpoint {
            None => self.vendor.clone(),
            Some(_) => match subject.model_server(&|name| self.env.get(name)) {
                Some(own) => Some(client(&own.base_url, own.key.unwrap_or_else(|| ApiKey::new(NO_KEY)))?),
                None => None,
            },
        };
        let Some(llm) = llm else { return Ok(None) };
        let (runtime, name) = (Arc::clone(&self.runtime), Arc::clone(&service.model));
        let until = Instant::now() + TEST_WITHIN;
        Ok(Some(Arc::new(Mutex::new(Bench { runtime, llm, name, until, questions: 0 }))))
    }
}

fn client(url: &str, key: ApiKey) -> Result<Arc<dyn Llm>, NoModel> {
    Ok(Arc::new(OpenAi::new(url, key, http_client(url)?)?))
}

struct Bench {
    runtime: Arc<Runtime>,
    llm: Arc<dyn Llm>,
    name: Arc<str>,
    until: Instant,
    questions: u32,
}

/// What came of one question.
#[derive(Default)]
struct Heard {
    words: String,
    calls: Vec<(String, Map<String, Value>)>,
}

impl Bench {
    fn ask(&mut self, system: &str, messages: Vec<Message>, tools: Vec<Tool>) -> Result<Heard, String> {
        self.questions += 1;
        if self.questions > MOST_QUESTIONS {
            return Err(format!("more than {MOST_QUESTIONS} questions in one test"));
        }
        let request = LlmRequest {
            model: Arc::clone(&self.name),
            system: system.into(),
            messages,
            tools,
            request_id: format!("test-{}", self.questions).into(),
        };
        let until = self.until.min(Instant::now() + QUESTION_WITHIN);
        let llm = Arc::clone(&self.llm);
        self.runtime.block_on(async move {
            let mut stream = llm.reply(request);
            let mut heard = Heard::default();
            loop {
                match timeout_at(until, stream.events.recv()).await {
                    Err(_) => return Err("no answer in time".to_owned()),
                    Ok(None) => return Err("the answer broke off".to_owned()),
                    Ok(Some(LlmEvent::Done)) => return Ok(heard),
                    Ok(Some(LlmEvent::Failed(error))) => return Err(error.to_string()),
                    Ok(Some(LlmEvent::Text(text))) if heard.words.len() < LONGEST_ANSWER => {
                        heard.words.push_str(&text);
                    }
                    Ok(Some(LlmEvent::Text(_))) => {}
                    Ok(Some(LlmEvent::ToolCall { name, arguments, .. })) => {
                        heard.calls.push((name, arguments.unwrap_or_default()));
                    }
                }
            }
        })
    }
}

impl Model for Bench {
    fn reply(&mut self, asked: &Asked<'_>) -> Result<Replied, String> {
        let intents = asked.intents.iter().map(|id| intent_tool(asked.plan.intent(*id)));
        let tools = intents.chain(asked.tools.iter().map(|id| tool(asked.plan.tool(*id)))).collect();
        let messages = asked.exchange.iter().enumerate().filter_map(message).collect();
        let heard = self.ask(asked.prompt.text(), messages, tools)?;
        let calls = heard.calls.into_iter().map(|(name, args)| (name, Payload(Value::Object(args))));
        Ok(Replied { words: Utterance::new(heard.words.trim()), calls: calls.collect() })
    }

    /// The caller's own words are this model's, and the bot's are what it is told.
    fn play(&mut self, role: &str, heard: &[Exchange]) -> Result<Move, String> {
        let turned = heard.iter().filter_map(|one| match one {
            Exchange::Caller(words) => Some(Message::Assistant(words.clone())),
            Exchange::Bot(words) => Some(Message::User(words.clone())),
            Exchange::Call { .. } | Exchange::Earlier(_) => None,
        });
        let mut messages: Vec<_> = turned.collect();
        if !matches!(messages.last(), Some(Message::User(_))) {
            messages.push(Message::User(Utterance::new("(The bot is silent.)")));
        }
        let hang_up = Tool {
            name: "hang_up".to_owned(),
            description: "The person hangs up.".to_owned(),
            parameters: json!({"type": "object", "properties": {}}),
        };
        let heard = self.ask(&format!("{PLAY}{role}"), messages, vec![hang_up])?;
        if heard.calls.iter().any(|(name, _)| name == "hang_up") {
            return Ok(Move::HangsUp);
        }
        match heard.words.trim() {
            "" => Err("the played caller says nothing".to_owned()),
            words => Ok(Move::Says(Utterance::new(words))),
        }
    }

    fn judge(&mut self, criterion: &str, story: &str) -> Result<Verdict, String> {
        let verdict = Tool {
            name: "verdict".to_owned(),
            description: "Whether the statement is true of the call.".to_owned(),
            parameters: json!({
                "type": "object",
                "properties": {
                    "holds": {"type": "boolean", "description": "Whether it is true."},
                    "why": {"type": "string", "description": "The line that decides it, in one sentence."},
                },
                "required": ["holds", "why"],
            }),
        };
        let text = format!("The call:\n{story}\nThe statement: {criterion}");
        let heard = self.ask(JUDGE, vec![Message::User(Utterance::new(text))], vec![verdict])?;
        let given = heard.calls.into_iter().find(|(name, _)| name == "verdict").map(|(_, given)| given);
        let given = given.ok_or("the judge did not decide")?;
        let holds = given.get("holds").and_then(Value::as_bool).ok_or("the judge did not decide")?;
        let why = given.get("why").and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(Verdict { holds, why })
    }
}

fn message((index, one): (usize, &Exchange)) -> Option<Message> {
    Some(match one {
        Exchange::Caller(words) => Message::User(words.clone()),
        Exchange::Bot(words) => Message::Assistant(words.clone()),
        Exchange::Call { name, arguments, result } => Message::ToolCall {
            id: format!("call_{index}"),
            name: name.clone(),
            arguments: arguments.0.to_string(),
            result: result.text().to_owned(),
        },
        // As a call sums it up.
        Exchange::Earlier(all) => {
            let messages: Vec<_> = all.iter().enumerate().filter_map(message).collect();
            Message::Note(summary(&messages)?)
        }
    })
}
