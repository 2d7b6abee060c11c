//! A model with a script.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use callflow::speech::{Llm, LlmEvent, LlmRequest, LlmStream, Message};
use futures_util::future::BoxFuture;
use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::{Log, broken};

/// One thing that the model does in a reply. A script that ends is done.
#[derive(Clone, Debug)]
pub enum Step {
    Text(&'static str),
    Tool(&'static str),
    /// A call with these arguments, as JSON.
    ToolWith(&'static str, &'static str),
    /// A call whose arguments are no JSON.
    Garbled(&'static str),
    Wait(u64),
    Fail,
    /// Nothing more ever.
    Hang,
    /// The stream ends without an end.
    Vanish,
    /// A bug: what asks for this reply breaks.
    Panic,
}

pub struct FakeLlm {
    log: Log,
    scripts: Mutex<VecDeque<Vec<Step>>>,
    requests: Mutex<Vec<LlmRequest>>,
}

impl FakeLlm {
    pub fn new(log: &Log) -> Self {
        Self { log: log.clone(), scripts: Mutex::default(), requests: Mutex::default() }
    }

    /// The next reply that has no script yet goes like this.
    pub fn will(&self, steps: &[Step]) {
        self.scripts.lock().unwrap().push_back(steps.to_vec());
    }

    pub fn requests(&self) -> Vec<LlmRequest> {
        self.requests.lock().unwrap().clone()
    }

    /// The conversation as the model was told it last: `caller: …`, `bot: …`, `tool: …`, `note: …`.
    pub fn told(&self) -> Vec<String> {
        let requests = self.requests();
        let line = |message: &Message| match message {
            Message::User(words) => format!("caller: {}", words.text()),
            Message::Assistant(words) => format!("bot: {}", words.text()),
            Message::ToolCall { name, .. } => format!("tool: {name}"),
            Message::Note(note) => format!("note: {note}"),
        };
        requests.last().map(|r| r.messages.iter().map(line).collect()).unwrap_or_default()
    }
}

impl Llm for FakeLlm {
    fn reply(&self, request: LlmRequest) -> LlmStream {
        let (events, events_out) = mpsc::channel(64);
        let script = self.scripts.lock().unwrap().pop_front().unwrap_or_else(|| vec![Step::Text("Sure.")]);
        assert!(!matches!(script[..], [Step::Panic]), "a bug, as told");
        self.log.add(format!("ask {}", request.request_id));
        self.requests.lock().unwrap().push(request);
        let trace = self.log.on_drop("llm dropped");
        let task = async move {
            let _trace = trace;
            for (n, step) in script.into_iter().enumerate() {
                let arguments = json!({"reason": "billing"}).as_object().cloned().unwrap();
                let event = match step {
                    Step::Text(text) => LlmEvent::Text(text.to_owned()),
                    Step::Tool(name) => LlmEvent::ToolCall {
                        id: format!("t{n}"),
                        name: name.to_owned(),
                        arguments: Ok(arguments),
                    },
                    Step::ToolWith(name, arguments) => LlmEvent::ToolCall {
                        id: format!("t{n}"),
                        name: name.to_owned(),
                        arguments: Ok(serde_json::from_str(arguments).unwrap()),
                    },
                    Step::Garbled(name) => LlmEvent::ToolCall {
                        id: format!("t{n}"),
                        name: name.to_owned(),
                        arguments: Err("{\"reason".to_owned()),
                    },
                    Step::Wait(ms) => {
                        tokio::time::sleep(Duration::from_millis(ms)).await;
                        continue;
                    }
                    Step::Fail => LlmEvent::Failed(broken()),
                    Step::Hang => std::future::pending().await,
                    Step::Vanish | Step::Panic => return,
                };
                let _gone = events.send(event).await;
            }
            let _gone = events.send(LlmEvent::Done).await;
        };
        LlmStream { events: events_out, task: AbortOnDropHandle::new(tokio::spawn(task)) }
    }

    fn warm(&self) -> BoxFuture<'static, ()> {
        self.log.add("warm".to_owned());
        Box::pin(std::future::ready(()))
    }
}
