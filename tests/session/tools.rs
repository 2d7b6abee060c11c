//! Tools in whole calls: requests to a real HTTP server on this machine, its failures, and what the model, the
//! caller and the record learn of them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use callflow::machine::Outcome;
use callflow::replay::{self, Numbers};
use callflow::sandbox::clock::Metronome;
use callflow::session::CallRecord;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use crate::fakes::Step;
use crate::world::{World, bot_said, plan_of, settle, states};

/// A request as the server saw it.
#[derive(Clone, Debug)]
struct Seen {
    line: String,
    headers: HeaderMap,
    body: String,
}

#[derive(Clone, Default)]
struct Shop {
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Shop {
    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    fn lines(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.line).collect()
    }
}

/// What the shop answers depends on the order.
async fn answer(
    State(shop): State<Shop>,
    Path(order): Path<String>,
    uri: Uri,
    method: axum::http::Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let again = {
        let mut seen = shop.seen.lock().unwrap();
        let line = format!("{method} {uri}");
        let again = seen.iter().any(|seen| seen.line == line);
        seen.push(Seen { line, headers, body: String::from_utf8_lossy(&body).into_owned() });
        again
    };
    match order.as_str() {
        "404" => StatusCode::NOT_FOUND.into_response(),
        "500" => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        "503" if !again => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        "302" => (StatusCode::FOUND, [(header::LOCATION, "/orders/7")]).into_response(),
        "66" => vec![b'x'; 70 * 1024].into_response(),
        "13" => "no JSON".into_response(),
        "99" => std::future::pending().await,
        "2" => {
            tokio::time::sleep(Duration::from_secs(2)).await;
            r#"{"status": "late"}"#.into_response()
        }
        _ => r#"{"status": "on its way"}"#.into_response(),
    }
}

/// A call beside a shop.
struct Place {
    world: World,
    shop: Shop,
    around: Option<(Metronome, AbortOnDropHandle<()>)>,
}

impl Place {
    async fn new(states: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let shop = Shop::default();
        let router = Router::new().route("/orders/{order}", any(answer)).with_state(shop.clone());
        let serve = async move { axum::serve(listener, router).await.unwrap() };
        let server = AbortOnDropHandle::new(tokio::spawn(serve));
        let metronome = Metronome::start(None);
        let world = World::with_flow(&flow(states).replace("SHOP", &at.to_string()));
        Self { world, shop, around: Some((metronome, server)) }
    }

    async fn begun(states: &str) -> Self {
        let mut place = Self::new(states).await;
        place.world.begin();
        place.world.until("joined").await;
        place.world.caller_arrives().await;
        place.world.until("entered talk").await;
        place
    }

    async fn over(mut self) -> Arc<CallRecord> {
        self.world.until("ended").await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        drop(self.around.take());
        settle().await;
        self.world.over().await
    }
}

fn flow(states: &str) -> String {
    format!(
        "callflow: 1
name: shop
start: hello
env: {{OPERATOR_NUMBER: phone}}
targets: {{desk: {{phone: \"{{{{ env.OPERATOR_NUMBER }}}}\"}}}}
intents:
  look: {{when: The caller gives a number., slots: {{order: text}}}}
  leave: {{when: The caller says goodbye.}}
vars: {{order: {{type: text, default: \"7\"}}, status: text}}
tools:
  find:
    when: The caller asks for an order.
    params: {{order: text, note: {{type: text, optional: true}}}}
    timeout: 3s
    http: {{url: \"http://SHOP/orders/{{{{ order }}}}\", query: {{note: \"{{{{ note }}}}\"}}, headers: {{X-Call: \"{{{{ call.id }}}}\"}}}}
  book:
    when: The caller orders.
    params: {{order: text}}
    effect: write
    timeout: 3s
    idempotency: \"{{{{ call.id }}}}-{{{{ order }}}}\"
    http: {{method: PUT, url: \"http://SHOP/orders/{{{{ order }}}}\", json: {{order: \"{{{{ order }}}}\", by: \"{{{{ call.from }}}}\"}}}}
  tell:
    params: {{target: text, turns: text}}
    http: {{url: \"http://SHOP/orders/tell\", json: {{target: \"{{{{ target }}}}\", turns: \"{{{{ turns }}}}\"}}}}
states:
  hello: {{say: Hello., next: talk}}
{states}
  bye: {{end: Goodbye.}}
"
    )
}

const TALK: &str = "  talk:
    converse: {prompt: P, tools: [find, book]}
    on: {intent.look: [{to: bye, max_visits: 9}, {to: bye}], intent.leave: bye}";
const API: &str =
    "  talk: {converse: P, on: {intent.look: [{to: api, max_visits: 9}, {to: bye}], intent.leave: bye}}
  api:
    call_api: {tool: find, save: {status: result.status}, fill: Let me look., retry: {times: 1, wait: 500ms}}
    on: {ok: {to: bye, say: \"It is {{ status }}.\"}, failed: {to: bye, say: I cannot find it.}}";

/// A world of its own for each of several calls: its clock can be taken over once.
fn in_its_own_time<T>(call: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(call)
}

/// The results that the model was told with its last question.
fn told(world: &World) -> Vec<String> {
    let requests = world.llm.requests();
    let results = requests.last().unwrap().messages.iter().filter_map(|message| match message {
        callflow::speech::Message::ToolCall { result, .. } => Some(result.clone()),
        _ => None,
    });
    results.collect()
}

#[tokio::test]
async fn the_model_uses_a_tool_and_answers_with_what_it_says() {
    let mut place = Place::begun(TALK).await;
    place.world.llm.will(&[Step::ToolWith("find", r#"{"order": "a/7?x=1", "note": "for me"}"#)]);
    place.world.llm.will(&[Step::Text("It is on its way.")]);
    place.world.caller_says("where is my order").await;
    place.world.until(&bot_said("It is on its way.")).await;
    assert_eq!(told(&place.world), [r#"{"status":"on its way"}"#]);
    // What was said cannot leave its place in the URL.
    assert_eq!(place.shop.lines(), ["GET /orders/a%2F7%3Fx%3D1?note=for+me"]);
    assert_eq!(place.shop.seen()[0].headers["x-call"], "c-1");
    place.world.caller_hangs_up();
    let record = place.over().await;
    assert_eq!((&*record.tools[0].tool, &*record.tools[0].outcome), ("find", "ok"));
}

#[tokio::test]
async fn calls_of_one_reply_run_together_and_each_has_its_result() {
    let mut place = Place::begun(TALK).await;
    place.world.llm.will(&[
        Step::ToolWith("find", r#"{"order": "404"}"#),
        Step::ToolWith("find", r#"{"order": ".."}"#),
        Step::ToolWith("nothing", "{}"),
        Step::Garbled("find"),
        Step::ToolWith("find", r#"{"order": "7"}"#),
    ]);
    place.world.llm.will(&[Step::Text("Seven is on its way.")]);
    place.world.caller_says("all my orders").await;
    place.world.until(&bot_said("Seven is on its way.")).await;
    let mut told = told(&place.world);
    told.sort();
    assert_eq!(told.len(), 5, "{told:?}");
    for part in
        ["HTTP 404", "arguments do not make a request", "no such tool", "not a JSON object", "on its way"]
    {
        assert_eq!(told.iter().filter(|line| line.contains(part)).count(), 1, "{part}: {told:?}");
    }
    assert_eq!(place.shop.lines().len(), 2, "what does not fit is not sent");
    place.world.caller_hangs_up();
    place.over().await;
}

#[tokio::test]
async fn a_slow_tool_is_talked_over_and_the_model_does_not_know_of_it() {
    let mut place = Place::begun(TALK).await;
    place.world.llm.will(&[Step::ToolWith("find", r#"{"order": "2"}"#)]);
    place.world.llm.will(&[Step::Text("It is late.")]);
    place.world.caller_says("where is order two").await;
    place.world.until(&bot_said("One moment, please.")).await;
    assert!(place.world.status.borrow().bot_busy);
    place.world.until(&bot_said("It is late.")).await;
    assert!(!place.world.llm.told().iter().any(|line| line.contains("One moment")));
    place.world.caller_hangs_up();
    let record = place.over().await;
    assert!((2_000..2_600).contains(&record.tools[0].took_ms), "{:?}", record.tools);
}

#[tokio::test]
async fn a_tool_that_never_answers_times_out_and_the_caller_is_answered() {
    let mut place = Place::begun(TALK).await;
    place.world.llm.will(&[Step::ToolWith("find", r#"{"order": "99"}"#)]);
    place.world.llm.will(&[Step::Text("I cannot see it.")]);
    place.world.caller_says("order ninety nine").await;
    place.world.until(&bot_said("I cannot see it.")).await;
    assert_eq!(told(&place.world), ["error: no answer in time"]);
    place.world.caller_hangs_up();
    place.over().await;
}

#[tokio::test]
async fn an_intent_beside_a_tool_that_writes_loses_neither() {
    let mut place = Place::begun(TALK).await;
    place.world.llm.will(&[Step::Tool("leave"), Step::ToolWith("book", r#"{"order": "8"}"#)]);
    place.world.caller_says("order eight, and goodbye").await;
    place.world.until(&bot_said("Goodbye.")).await;
    let seen = place.shop.seen();
    let record = place.over().await;
    assert_eq!((record.outcome, states(&record)), (Outcome::Completed, vec!["hello", "talk", "bye"]));
    assert_eq!(seen[0].line, "PUT /orders/8");
    assert_eq!(seen[0].headers["idempotency-key"], "c-1-8");
    let body: Value = serde_json::from_str(&seen[0].body).unwrap();
    assert_eq!(body, serde_json::json!({"order": "8", "by": "+15550100001"}));
}

#[tokio::test]
async fn call_api_saves_what_it_learns_and_the_journal_can_be_replayed() {
    let path = std::env::temp_dir().join(format!("callflow-{}-tools.jsonl", std::process::id()));
    let mut place = Place::new(API).await;
    place.world.write_journal(&path);
    place.world.begin();
    place.world.until("joined").await;
    place.world.caller_arrives().await;
    place.world.until("entered talk").await;
    place.world.llm.will(&[Step::ToolWith("look", r#"{"order": "12"}"#)]);
    place.world.caller_says("twelve").await;
    place.world.until(&bot_said("It is on its way.")).await;
    place.over().await;
    let journal = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let recording = replay::read(&journal).unwrap().remove(0);
    let plan = plan_of(&flow(API).replace("SHOP", "127.0.0.1:1"));
    let replayed = replay::replay(&recording, &plan, Numbers::default());
    assert!(replayed.divergence.is_none(), "{:?}", replayed.divergence);
    assert_eq!(replayed.states, ["hello", "talk", "api", "bye"]);
    // A tool that has moved in the file is still the same one.
    let moved = flow(API)
        .replace("SHOP", "127.0.0.1:1")
        .replace("tools:\n", "tools:\n  first: {http: {url: \"https://api.test/\"}}\n");
    let moved = moved.replace(
        "  bye: {end",
        "  bye: {say: Bye., next: other}\n  other: {call_api: first, on: {otherwise: done}}\n  done: {end",
    );
    let replayed = replay::replay(&recording, &plan_of(&moved), Numbers::default());
    assert_eq!(replayed.states[..3], ["hello", "talk", "api"], "the tool is known by its name");
}

#[test]
fn whatever_the_server_does_the_caller_hears_how_it_ends() {
    for (order, outcome, requests) in [
        ("404", "the server refused it (HTTP 404)", 1),
        ("500", "the server failed (HTTP 500)", 2),
        ("302", "the server redirects (HTTP 302), which is not followed", 1),
        ("66", "the answer is too long", 1),
        ("13", "the answer is not JSON", 1),
        ("99", "no answer in time", 2),
        (".", "the arguments do not make a request", 0),
    ] {
        let (lines, record) = in_its_own_time(async move {
            let mut place = Place::begun(API).await;
            let arguments: &'static str = format!(r#"{{"order": "{order}"}}"#).leak();
            place.world.llm.will(&[Step::ToolWith("look", arguments)]);
            place.world.caller_says("find it").await;
            place.world.until(&bot_said("I cannot find it.")).await;
            (place.shop.lines(), place.over().await)
        });
        assert_eq!(&*record.tools[0].outcome, outcome, "{order}");
        assert_eq!(lines.len(), requests, "{order}");
    }
}

#[tokio::test]
async fn a_server_that_is_ill_for_a_moment_is_asked_again() {
    let mut place = Place::begun(API).await;
    place.world.llm.will(&[Step::ToolWith("look", r#"{"order": "503"}"#)]);
    place.world.caller_says("find it").await;
    place.world.until(&bot_said("It is on its way.")).await;
    let record = place.over().await;
    let outcomes: Vec<&str> = record.tools.iter().map(|tool| &*tool.outcome).collect();
    assert_eq!(outcomes, ["the server failed (HTTP 503)", "ok"]);
}

#[tokio::test]
async fn a_caller_who_hangs_up_takes_the_request_along() {
    let mut place = Place::begun(API).await;
    place.world.llm.will(&[Step::ToolWith("look", r#"{"order": "99"}"#)]);
    place.world.caller_says("find it").await;
    place.world.until(&bot_said("Let me look.")).await;
    place.world.caller_hangs_up();
    let record = place.over().await;
    assert_eq!((record.outcome, &*record.tools[0].outcome), (Outcome::CallerLeft, "cancelled"));
}

#[tokio::test]
async fn when_it_rings_the_operator_is_told_what_was_said() {
    let states = "  talk: {converse: P, on: {intent.look: ring, intent.leave: bye}}
  ring: {dial: {to: desk, notify: tell}, on: {answered: done, otherwise: bye}}
  done: {handoff: keep_room}";
    let mut place = Place::begun(states).await;
    place.world.llm.will(&[Step::Text("Sure, one moment."), Step::Tool("look")]);
    place.world.caller_says("a person please").await;
    place.world.until("started leg-1").await;
    place.world.rings(1).await;
    let begun = place.world.log.elapsed();
    while place.shop.lines().is_empty() {
        assert!(place.world.log.elapsed() < begun + Duration::from_secs(5), "nobody was told");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    place.world.answers(1);
    place.world.until("bot left").await;
    let body: Value = serde_json::from_str(&place.shop.seen()[0].body).unwrap();
    assert_eq!(body["target"], "desk");
    let turns = body["turns"].as_str().unwrap();
    assert!(turns.starts_with("Bot: Hello.\nCaller: a person please"), "{turns}");
    place.world.operator_hangs_up(1);
    let record = place.over().await;
    assert_eq!((&*record.tools[0].tool, &*record.tools[0].outcome), ("tell", "ok"));
}
