//! Requests: what is said stays where it stands.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::check::{EnvMode, check};
use crate::plan::{Plan, compile};
use crate::source::SourceFile;

fn plan(http: &str) -> Arc<Plan> {
    let flow = format!(
        "callflow: 1
start: begin
env: {{API: text}}
vars: {{a: {{type: text, default: x}}}}
tools:
  t:
    params: {{a: text, b: {{type: int, optional: true}}}}
    effect: write
    idempotency: \"{{{{ call.id }}}}-{{{{ a }}}}\"
    http: {http}
states: {{begin: {{call_api: t, on: {{otherwise: bye}}}}, bye: {{end: Bye.}}}}
"
    );
    let source = SourceFile::new("t.yaml", flow);
    let env = |_: &str| Some("https://api.test/v1".to_owned());
    let checked = check(&source, EnvMode::Known(&env));
    compile(checked.flow.unwrap_or_else(|| panic!("{:?}", checked.diagnostics)))
}

fn request(http: &str, args: Value) -> Result<ToolRequest, BadRequest> {
    let plan = plan(http);
    let call = minijinja::Value::from_pairs([("id", "c1"), ("from", ""), ("to", "")]);
    let env = minijinja::Value::from_pairs([("API", "https://api.test/v1")]);
    let args: Map<String, Value> = args.as_object().cloned().unwrap_or_default();
    plan.tools[0].request(&args, vec![("call".to_owned(), call), ("env".to_owned(), env)])
}

const GET: &str = "{url: \"{{ env.API }}/orders/{{ a }}/lines?x={{ a }}\", query: {b: \"{{ b }}\"}}";

#[test]
fn a_url_is_made_of_the_flow_the_environment_and_encoded_values() {
    let request = request(GET, json!({"a": "ä b/c"})).unwrap();
    assert_eq!(request.url.as_str(), "https://api.test/v1/orders/%C3%A4%20b%2Fc/lines?x=%C3%A4%20b%2Fc");
    assert_eq!(request.idempotency.as_deref(), Some("c1-ä b/c"));
    assert_eq!(request.method, HttpMethod::Get);
}

#[test]
fn json_keeps_types_and_leaves_out_what_has_no_value() {
    let http = "{url: \"{{ env.API }}\", json: {a: \"{{ a }}\", b: \"{{ b }}\", both: \"{{ a }} {{ call.id }}\", in: [{b: \"{{ b }}\"}]}}";
    let body = |args| request(http, args).unwrap().body.unwrap();
    assert_eq!(body(json!({"a": "\"}"})), r#"{"a":"\"}","both":"\"} c1","in":[{}]}"#);
    assert_eq!(body(json!({"a": "1", "b": 2})), r#"{"a":"1","b":2,"both":"1 c1","in":[{"b":2}]}"#);
}

#[test]
fn a_body_of_text_holds_values_as_json() {
    let http = "{url: \"{{ env.API }}\", body: '{\"a\": {{ a }}}'}";
    let sent = request(http, json!({"a": "x\", \"admin\": \"true"})).unwrap().body.unwrap();
    assert_eq!(serde_json::from_str::<Value>(&sent).unwrap(), json!({"a": "x\", \"admin\": \"true"}));
}

#[test]
fn what_leads_up_is_refused() {
    for up in ["..", ".", "%2e%2E"] {
        let made = request(GET, json!({"a": up}));
        // An encoded per cent sign is text, and no dot.
        assert_eq!(made.is_err(), !up.contains('%'), "{up}");
    }
    // Servers that decode a path before they look at it would go up here.
    for up in ["../../admin", "a/../b", "..\\admin", "./x"] {
        assert!(matches!(request(GET, json!({"a": up})), Err(BadRequest::Url)), "{up}");
    }
}

#[test]
fn a_field_is_found_by_its_way() {
    let answer = Payload(json!({"a": {"b": [1, {"c": "d"}]}, "e": [1, "x"], "n": null}));
    let at = |path: &str| field(&answer, &path.split('.').map(str::to_owned).collect::<Vec<_>>());
    assert_eq!(at("a.b.1.c").as_deref(), Some("d"));
    assert_eq!(at("a.b.0").as_deref(), Some("1"));
    assert_eq!(at("e").as_deref(), Some("1, x"));
    assert_eq!((at("n"), at("a.b.9"), at("a.x"), at("a.b.c")), (None, None, None, None));
}

proptest! {
    #[test]
    fn what_is_said_stays_where_it_stands_in_a_url(said in "\\PC{0,12}|[./\\\\%?#@:&=\\r\\n ]{0,8}") {
        let Ok(request) = request(GET, json!({"a": said})) else { return Ok(()) };
        prop_assert_eq!(request.url.host_str(), Some("api.test"));
        let path: Vec<_> = request.url.path_segments().unwrap().collect();
        prop_assert_eq!(path.len(), 4);
        prop_assert_eq!((path[0], path[1], path[3]), ("v1", "orders", "lines"));
        prop_assert_eq!(request.url.query_pairs().count(), 1);
        prop_assert!(request.url.fragment().is_none());
    }
}
