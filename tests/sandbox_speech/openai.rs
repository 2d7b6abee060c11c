//! Chat completions.

use std::time::Duration;

use callflow::sandbox::SandboxOptions;
use callflow::sandbox::faults::{Fault, Service};
use callflow::sandbox::openai::Script;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use super::place::Place;

fn ask(said: &str) -> Value {
    json!({
        "model": "gpt-4o", "stream": true, "stream_options": {"include_usage": true},
        "messages": [{"role": "system", "content": "You are Hailey."}, {"role": "user", "content": said}],
        "tools": [{"type": "function", "function": {
            "name": "dial_operator",
            "description": "The caller asks for a manager. Examples: \"I want to speak to a manager\"",
            "parameters": {"type": "object", "properties": {"reason": {"type": "string"}}, "required": ["reason"]},
        }}],
    })
}

async fn post(place: &Place, body: &Value) -> reqwest::Response {
    let url = format!("{}/chat/completions", place.sandbox.urls().openai);
    place.http.post(url).bearer_auth("any").json(body).send().await.unwrap()
}

/// The data of a stream's events, without the final mark; an error if the stream breaks before it.
async fn events(place: &Place, said: &str) -> Result<Vec<String>, Vec<String>> {
    let response = post(place, &ask(said)).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream; charset=utf-8");
    let (mut text, mut response) = (String::new(), response);
    while let Ok(Some(bytes)) = response.chunk().await {
        text.push_str(std::str::from_utf8(&bytes).unwrap());
    }
    let data = text.split("\n\n").filter_map(|event| event.split_once("data: "));
    let mut data: Vec<String> = data.map(|(_, data)| data.to_owned()).collect();
    match data.pop_if(|last| last == "[DONE]") {
        Some(_) => Ok(data),
        None => Err(data),
    }
}

fn content(events: &[String]) -> String {
    let chunks = events.iter().filter_map(|data| serde_json::from_str::<Value>(data).ok());
    chunks.filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str().map(str::to_owned)).collect()
}

#[tokio::test]
async fn a_question_is_answered_the_same_streamed_or_whole() {
    let place = Place::start().await;
    let streamed = events(&place, "I need help with my bill").await.unwrap();
    let mut body = ask("I need help with my bill");
    body["stream"] = json!(false);
    body.as_object_mut().unwrap().remove("stream_options");
    let whole: Value = post(&place, &body).await.json().await.unwrap();
    assert_eq!(whole["choices"][0]["message"]["content"], content(&streamed));
    assert!(content(&streamed).contains("your bill"));
    let usage: Value = serde_json::from_str(streamed.last().unwrap()).unwrap();
    assert_eq!(usage["choices"], json!([]));
    assert_eq!(usage["usage"], whole["usage"]);
    place.quiet().await;
}

#[tokio::test]
async fn a_request_for_a_manager_is_a_tool_call() {
    let place = Place::start().await;
    let mut arguments = String::new();
    for data in events(&place, "I want to speak to a manager").await.unwrap() {
        let chunk: Value = serde_json::from_str(&data).unwrap();
        let call = &chunk["choices"][0]["delta"]["tool_calls"][0];
        if let Some(name) = call["function"]["name"].as_str() {
            assert_eq!(name, "dial_operator");
        }
        arguments.push_str(call["function"]["arguments"].as_str().unwrap_or_default());
    }
    assert_eq!(arguments, json!({"reason": "I want to speak to a manager"}).to_string());
}

#[tokio::test]
async fn refusals_are_the_documented_ones() {
    let place = Place::start().await;
    let base = &place.sandbox.urls().openai;
    let models = place.http.get(format!("{base}/models")).send().await.unwrap();
    assert_eq!(models.status(), 401);
    let models = place.http.get(format!("{base}/models")).bearer_auth("any").send().await.unwrap();
    assert_eq!(models.json::<Value>().await.unwrap()["data"][0]["object"], "model");
    let mut unknown = ask("hi");
    unknown["model"] = json!("does-not-exist");
    let refusal = post(&place, &unknown).await;
    assert_eq!(refusal.status(), 404);
    assert_eq!(refusal.json::<Value>().await.unwrap()["error"]["code"], "model_not_found");
    place.inject(Service::Openai, Fault::Refuse { status: 429, info: None });
    let refusal = post(&place, &ask("hi")).await;
    assert_eq!(refusal.status(), 429);
    assert_eq!(refusal.json::<Value>().await.unwrap()["error"]["code"], "rate_limit_exceeded");
}

#[tokio::test]
async fn a_script_fixes_replies_delays_broken_arguments_and_errors() {
    let script = Script::parse(
        "- {when: bill, delay_ms: 700, say: Scripted.}\n\
         - {when: tool, calls: [{name: nobody_knows, arguments: '{\"broken'}]}\n\
         - {when: quota, error: {status: 429, code: insufficient_quota, retry_after: 7}}\n\
         - {when: crash, say: Let me look., error: {message: It failed.}}\n",
    )
    .unwrap();
    let place = Place::with(SandboxOptions { script, ..SandboxOptions::default() }).await;
    let asked = Instant::now();
    assert_eq!(content(&events(&place, "my bill").await.unwrap()), "Scripted.");
    assert!(asked.elapsed() >= Duration::from_millis(700));
    assert!(content(&events(&place, "my bill").await.unwrap()).contains("your bill"), "only once");
    let call = events(&place, "a tool").await.unwrap().concat();
    assert!(call.contains("nobody_knows") && call.contains("oken"), "{call}");
    let refusal = post(&place, &ask("quota")).await;
    assert_eq!((refusal.status().as_u16(), &refusal.headers()["retry-after"]), (429, &"7".parse().unwrap()));
    assert_eq!(refusal.json::<Value>().await.unwrap()["error"]["type"], "insufficient_quota");
    let broken = events(&place, "crash").await.unwrap_err();
    assert_eq!(content(&broken), "Let me look.");
    assert!(broken.last().unwrap().contains("It failed."));
}

#[tokio::test]
async fn each_fault_can_be_seen() {
    let place = Place::start().await;
    let sound = events(&place, "my bill").await.unwrap();
    let with = async |fault| {
        place.inject(Service::Openai, fault);
        events(&place, "my bill").await
    };
    assert_eq!(with(Fault::Duplicate).await.unwrap().len(), sound.len() + 1);
    let swapped = with(Fault::Reorder).await.unwrap();
    assert!(swapped.len() == sound.len() && content(&swapped) != content(&sound));
    let garbage = with(Fault::Garbage).await.unwrap();
    assert!(garbage.iter().any(|data| serde_json::from_str::<Value>(data).is_err()));
    let broken = with(Fault::Disconnect).await.unwrap_err();
    assert!(content(&sound).starts_with(&content(&broken)) && content(&broken).len() > 3);

    let asked = Instant::now();
    assert_eq!(content(&with(Fault::Slow { ms: 900 }).await.unwrap()), content(&sound));
    assert!(asked.elapsed() >= Duration::from_millis(900));

    place.inject(Service::Openai, Fault::Silent);
    let request = ask("my bill");
    assert!(timeout(Duration::from_secs(5), post(&place, &request)).await.is_err());
    place.quiet().await;
}
