//! Models in a row: the next one is asked when one fails, refuses, or is slow with its first word.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use super::continued::Continued;
use super::{FIRST_TOKEN, Member, in_order};
use crate::pii::Utterance;
use crate::speech::{Llm, LlmEvent, LlmRequest, LlmStream, Message, SpeechError};

const EVENTS: usize = 64;
/// What the next model is told of a reply that was begun.
const GO_ON: &str = "Your last message was cut off. Go on with the very next word; do not repeat what it says, \
                     and do not mention the interruption.";

/// Models, the preferred one first.
pub struct LlmChain {
    members: Arc<[Member<dyn Llm>]>,
}

impl LlmChain {
    /// A chain of at least one.
    #[must_use]
    pub fn new(members: Vec<Member<dyn Llm>>) -> Self {
        Self { members: members.into() }
    }
}

impl Llm for LlmChain {
    fn reply(&self, request: LlmRequest) -> LlmStream {
        let (tell, events) = mpsc::channel(EVENTS);
        let members = Arc::clone(&self.members);
        let asking = async move {
            let last = match converse(&members, &request, &tell).await {
                Ok(()) => LlmEvent::Done,
                Err(error) => LlmEvent::Failed(error),
            };
            if tell.send(last).await.is_err() {
                tracing::trace!("nobody waits for the end of the reply");
            }
        };
        let task = AbortOnDropHandle::new(tokio::spawn(asking.in_current_span()));
        LlmStream { events, task }
    }

    /// All of them: whoever steps in is in a hurry.
    fn warm(&self) -> BoxFuture<'static, ()> {
        let all: Vec<_> = self.members.iter().map(|member| member.provider.warm()).collect();
        futures_util::future::join_all(all).map(drop).boxed()
    }
}

/// Asks one after the other until a reply is whole. A tool call that was given out is never asked for again.
async fn converse(
    members: &[Member<dyn Llm>],
    request: &LlmRequest,
    tell: &mpsc::Sender<LlmEvent>,
) -> Result<(), SpeechError> {
    let mut reply = Continued::default();
    let mut has_acted = false;
    let mut last =
        SpeechError::Unreachable { vendor: "the model", detail: "nobody is to be asked".to_owned() };
    let order = in_order(members);
    for (attempt, &index) in order.iter().enumerate() {
        let member = &members[index];
        let is_last = attempt + 1 == order.len();
        reply.begins_again();
        member.health.asked();
        let asked = request_for(member, request, attempt, reply.said());
        match hear_out(member, asked, is_last, &mut reply, &mut has_acted, tell).await {
            Ok(()) => return Ok(()),
            Err(error) => {
                member.health.failed(&error);
                if !is_last {
                    tracing::warn!(%error, model = %member.model, "another model is asked");
                }
                last = error;
            }
        }
        if has_acted {
            break;
        }
    }
    Err(last)
}

fn request_for(member: &Member<dyn Llm>, request: &LlmRequest, attempt: usize, said: &str) -> LlmRequest {
    let mut request = LlmRequest { model: Arc::clone(&member.model), ..request.clone() };
    if attempt > 0 {
        request.request_id = format!("{}-{}", request.request_id, attempt + 1).into();
    }
    if !said.trim().is_empty() {
        request.messages.push(Message::Assistant(Utterance::new(said)));
        request.messages.push(Message::Note(GO_ON.to_owned()));
    }
    request
}

/// Passes on what one model says. The last one is given the time that its client gives it.
async fn hear_out(
    member: &Member<dyn Llm>,
    request: LlmRequest,
    is_last: bool,
    reply: &mut Continued,
    has_acted: &mut bool,
    tell: &mpsc::Sender<LlmEvent>,
) -> Result<(), SpeechError> {
    let asked = Instant::now();
    let mut has_answered = false;
    let mut stream = member.provider.reply(request);
    loop {
        let event = if is_last {
            stream.events.recv().await
        } else {
            let silent = SpeechError::Silent { vendor: "the model", waited: FIRST_TOKEN };
            timeout(FIRST_TOKEN, stream.events.recv()).await.map_err(|_| silent)?
        };
        let is_nothing =
            matches!(event, Some(LlmEvent::Done)) && reply.said().trim().is_empty() && !*has_acted;
        if is_nothing {
            // The next one may have something to say; a call can do nothing with silence.
            let detail = "it said nothing at all".to_owned();
            return Err(SpeechError::Protocol { vendor: "the model", detail });
        }
        if matches!(event, Some(LlmEvent::Text(_) | LlmEvent::ToolCall { .. } | LlmEvent::Done))
            && !has_answered
        {
            has_answered = true;
            member.health.succeeded(Some(asked.elapsed()));
        }
        let passed_on = match event {
            Some(LlmEvent::Text(text)) => reply.push(&text).map(LlmEvent::Text),
            Some(call @ LlmEvent::ToolCall { .. }) => {
                *has_acted = true;
                Some(call)
            }
            Some(LlmEvent::Done) => {
                reply.ends();
                return Ok(());
            }
            Some(LlmEvent::Failed(error)) => return Err(error),
            None => {
                let detail = "the reply's stream ended without an end".to_owned();
                return Err(SpeechError::Disconnected { vendor: "the model", detail });
            }
        };
        if let Some(event) = passed_on
            && tell.send(event).await.is_err()
        {
            // The caller has moved on; what the model still says is nobody's.
            return Ok(());
        }
    }
}
