//! The model's client against `@copilotkit/aimock`, which speaks OpenAI's protocol and was not written here.
//! `tests/sdk/aimock.mjs` starts it, says how it answers, and runs these tests; they do nothing without it.

use std::time::Duration;

use callflow::pii::{ApiKey, Utterance};
use callflow::speech::openai::{OpenAi, http_client};
use callflow::speech::{Llm, LlmEvent, LlmRequest, Message, SpeechError, Tool};
use serde_json::json;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

#[expect(clippy::disallowed_methods, reason = "where aimock is, its script alone knows")]
fn client() -> OpenAi {
    let url = std::env::var("AIMOCK_URL").expect("tests/sdk/aimock.mjs sets AIMOCK_URL");
    OpenAi::new(&url, ApiKey::new("mock"), http_client(&url).unwrap()).unwrap()
}

fn request(messages: Vec<Message>) -> LlmRequest {
    let tool = |name: &str| Tool {
        name: name.to_owned(),
        description: "A tool.".to_owned(),
        parameters: json!({"type": "object", "properties": {}, "required": []}),
    };
    LlmRequest {
        model: "gpt-4o".into(),
        system: "You are Hailey.".into(),
        messages,
        tools: vec![tool("order_status"), tool("weather")],
        request_id: "aimock-1".into(),
    }
}

/// All that comes of a conversation.
async fn answer(messages: Vec<Message>) -> Vec<LlmEvent> {
    let mut stream = client().reply(request(messages));
    let mut heard = Vec::new();
    while let Some(event) = timeout(PATIENCE, stream.events.recv()).await.expect("no answer for too long") {
        heard.push(event);
    }
    heard
}

/// All that comes when the caller says this.
async fn said(words: &str) -> Vec<LlmEvent> {
    answer(vec![Message::User(Utterance::new(words))]).await
}

fn text(events: &[LlmEvent]) -> String {
    let words = events.iter().filter_map(|event| match event {
        LlmEvent::Text(words) => Some(words.as_str()),
        _ => None,
    });
    words.collect()
}

/// Names and arguments of the calls, in order.
fn calls(events: &[LlmEvent]) -> Vec<(String, serde_json::Value)> {
    let calls = events.iter().filter_map(|event| match event {
        LlmEvent::ToolCall { name, arguments: Ok(arguments), .. } => Some((name.clone(), json!(arguments))),
        _ => None,
    });
    calls.collect()
}

#[tokio::test]
#[ignore = "needs aimock"]
async fn words_come_whole_in_whatever_pieces() {
    let heard = said("say something").await;
    assert_eq!(text(&heard), "Of course. It comes in pieces – naïve ones, for 3 €.");
    assert_eq!(heard.last(), Some(&LlmEvent::Done));
    let heard = said("word by word").await;
    assert_eq!(text(&heard), "It comes, a word at a time.");
    assert!(heard.len() > 20, "a letter at a time: {}", heard.len());
}

#[tokio::test]
#[ignore = "needs aimock"]
async fn tool_calls_come_whole_before_and_after_words() {
    let order = ("order_status".to_owned(), json!({"order_id": "12"}));
    let heard = said("use tools").await;
    assert_eq!(text(&heard), "Let me see.");
    assert_eq!(calls(&heard), [order.clone(), ("weather".to_owned(), json!({}))]);
    assert_eq!(heard.last(), Some(&LlmEvent::Done));
    let heard = said("tool first").await;
    assert_eq!((text(&heard).as_str(), calls(&heard)), ("One moment.", vec![order]));
    let heard = said("half an argument").await;
    let broken = |event: &LlmEvent| matches!(event, LlmEvent::ToolCall { arguments: Err(_), .. });
    assert!(heard.iter().any(broken), "{heard:?}");
}

#[tokio::test]
#[ignore = "needs aimock"]
async fn the_result_of_a_tool_is_taken_and_answered() {
    let question = Message::User(Utterance::new("where is it"));
    let heard = answer(vec![question.clone()]).await;
    let Some(LlmEvent::ToolCall { id, name, arguments: Ok(arguments) }) = heard.first() else {
        panic!("{heard:?}")
    };
    let called = Message::ToolCall {
        id: id.clone(),
        name: name.clone(),
        arguments: json!(arguments).to_string(),
        result: json!({"status": "on its way"}).to_string(),
    };
    assert_eq!(text(&answer(vec![question, called]).await), "It is on its way.");
}

#[tokio::test]
#[ignore = "needs aimock"]
async fn who_is_busy_or_ill_is_asked_again_and_who_refuses_is_not() {
    assert_eq!(text(&said("wait a moment").await), "Now.");
    assert_eq!(text(&said("be ill").await), "Better.");
    let heard = said("refuse").await;
    assert!(matches!(heard[..], [LlmEvent::Failed(SpeechError::Refused { .. })]), "{heard:?}");
    let heard = said("no key").await;
    assert!(matches!(heard[..], [LlmEvent::Failed(SpeechError::Unauthorized { .. })]), "{heard:?}");
}

#[tokio::test]
#[ignore = "needs aimock"]
async fn chaos_ends_in_an_error_and_never_in_half_an_answer_that_seems_whole() {
    for words in ["break off", "hang up", "talk nonsense", "drop it"] {
        let heard = said(words).await;
        assert!(matches!(heard.last(), Some(LlmEvent::Failed(_))), "{words}: {heard:?}");
        assert_eq!(heard.iter().filter(|event| !matches!(event, LlmEvent::Text(_))).count(), 1, "{words}");
    }
}

#[tokio::test]
#[ignore = "needs aimock"]
async fn a_connection_made_ahead_does_not_spoil_the_reply() {
    let client = client();
    timeout(PATIENCE, client.warm()).await.expect("it is bounded");
    let mut stream = client.reply(request(vec![Message::User(Utterance::new("say something"))]));
    let first = timeout(PATIENCE, stream.events.recv()).await.expect("no answer for too long");
    assert!(matches!(first, Some(LlmEvent::Text(_))), "{first:?}");
}
