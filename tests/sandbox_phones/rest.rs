//! Daily's REST API as documented: bodies, refusals, limits. Frames are under `tests/wire/daily`.

use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use callflow::pii::{ApiKey, PhoneNumber};
use callflow::sandbox::SandboxOptions;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::bot::Bot;
use crate::call::{CALLER, OUR_NUMBER};
use crate::raw_phone::RawPhone;
use crate::world::World;

/// A documented frame.
fn wire(name: &str) -> Value {
    let path = format!("{}/tests/wire/daily/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(&path).expect(&path)).unwrap()
}

/// Everything in `expected` is in `actual`, with the same type where values are made up by the server.
fn assert_shape(actual: &Value, expected: &Value, made_up: &[&str], at: &str) {
    match (actual, expected) {
        (Value::Object(actual), Value::Object(expected)) => {
            for (name, value) in expected {
                let found = actual.get(name).unwrap_or_else(|| panic!("{at}.{name} is missing"));
                if made_up.contains(&name.as_str()) {
                    let same = std::mem::discriminant(found) == std::mem::discriminant(value);
                    assert!(same, "{at}.{name}: {found} is not like {value}");
                } else {
                    assert_shape(found, value, made_up, &format!("{at}.{name}"));
                }
            }
            let unknown: Vec<_> = actual.keys().filter(|name| !expected.contains_key(*name)).collect();
            assert!(unknown.is_empty(), "{at} has {unknown:?}, which are not documented");
        }
        _ => assert_eq!(actual, expected, "{at}"),
    }
}

/// A documented request for a room, which does not expire today.
fn room_request(name: &str) -> Value {
    let mut request = wire(name);
    let exp = &mut request["properties"]["exp"];
    *exp = if exp.is_f64() { json!(4_000_000_000.25) } else { json!(4_000_000_000_u64) };
    request
}

#[tokio::test]
async fn a_room_is_created_read_and_deleted_as_documented() {
    let world = World::start().await;
    let made_up = ["id", "name", "url", "created_at", "endpoint"];
    let mut documented = wire("room");
    documented["config"]["exp"] = json!(4_000_000_000_u64);
    let (status, ours) = world.post("/rooms", room_request("client_create_room")).await;
    assert_eq!(status, 200);
    assert_shape(&ours, &documented, &made_up, "room");
    // Pipecat's request has more properties, all of which come back, and `exp` as a float.
    for name in ["enable_prejoin_ui", "enable_emoji_reactions"] {
        documented["config"][name] = json!(false);
    }
    let (status, room) = world.post("/rooms", room_request("pipecat_create_room")).await;
    assert_eq!(status, 200);
    assert_shape(&room, &documented, &made_up, "room");
    let (_, plain) = world.request("POST", "/rooms", None).await;
    assert_shape(&plain, &wire("room_required_only"), &made_up, "room");
    let endpoint = room["config"]["sip_uri"]["endpoint"].as_str().unwrap();
    assert!(!endpoint.starts_with("sip:") && endpoint.contains('@'), "{endpoint}");
    let name = room["name"].as_str().unwrap();
    assert!(room["url"].as_str().unwrap().ends_with(&format!("/{name}")));
    let (_, read) = world.request("GET", &format!("/rooms/{name}"), None).await;
    assert_eq!(read, room);
    let (status, again) = world.post("/rooms", room_request("pipecat_create_room")).await;
    assert_eq!((status, &again["error"]), (400, &json!("invalid-request-error")));
    let deletion = world.request("DELETE", &format!("/rooms/{name}"), None).await;
    assert_eq!(deletion.0, 200);
    assert_shape(&deletion.1, &wire("room_deleted"), &["name"], "deletion");
    assert_eq!(world.request("DELETE", &format!("/rooms/{name}"), None).await.0, 404);
    assert_eq!(world.request("GET", &format!("/rooms/{name}"), None).await.0, 404);
    let several = json!({"properties": {"sip": {"sip_mode": "dial-in", "num_endpoints": 3}}});
    let (_, several) = world.post("/rooms", several).await;
    assert_eq!(several["config"]["sip_uri"]["extra_endpoints"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn rooms_are_listed_newest_first_by_the_page() {
    let world = World::start().await;
    for name in ["first", "second"] {
        let properties = if name == "second" { json!({"start_video_off": true}) } else { json!({}) };
        world.post("/rooms", json!({"name": name, "properties": properties})).await;
    }
    let (status, list) = world.request("GET", "/rooms", None).await;
    assert_eq!(status, 200);
    let (ours, documented) = (&list["data"], &wire("rooms")["data"]);
    assert_eq!((&list["total_count"], ours.as_array().unwrap().len()), (&json!(2), 2));
    for n in [0, 1] {
        assert_shape(&ours[n], &documented[n], &["id", "url", "created_at"], "rooms");
    }
    for n in 0..4 {
        world.post("/rooms", json!({"name": format!("later-{n}")})).await;
    }
    let names = async |query: &str| {
        let (status, list) = world.request("GET", &format!("/rooms?{query}"), None).await;
        assert_eq!((status, &list["total_count"]), (200, &json!(6)));
        let names =
            list["data"].as_array().unwrap().iter().map(|room| room["name"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names("limit=2").await, "later-3 later-2");
    let (_, room) = world.request("GET", "/rooms/later-2", None).await;
    let id = room["id"].as_str().unwrap();
    assert_eq!(names(&format!("limit=2&starting_after={id}")).await, "later-1 later-0");
    assert_eq!(names(&format!("starting_after={id}")).await, "later-1 later-0 second first");
    assert_eq!(names(&format!("limit=5&ending_before={id}")).await, "later-3");
    let unknown = "/rooms?starting_after=d61cd7b2-a273-42b4-89bd-be763fd562c1";
    assert_eq!(world.request("GET", unknown, None).await.0, 400);
}

#[tokio::test]
async fn who_is_in_a_room_is_told_as_documented() {
    let world = World::start().await;
    let (_, token) = world.room("first").await;
    let (_, nobody) = world.request("GET", "/rooms/first/presence", None).await;
    assert_eq!(nobody, json!({"total_count": 0, "data": []}));
    let bot = Bot::join(&world, "first", &token).await;
    let (status, presence) = world.request("GET", "/rooms/first/presence", None).await;
    assert_eq!(status, 200);
    assert_eq!((&presence["total_count"], &presence["data"][0]["id"]), (&json!(1), &json!(bot.id)));
    let made_up = ["id", "mtgSessionId", "joinTime"];
    assert_shape(&presence["data"][0], &wire("presence")["data"][0], &made_up, "presence");
    assert_eq!(world.request("GET", "/rooms/nowhere/presence", None).await.0, 404);
}

#[tokio::test]
async fn tokens_are_made_and_read_and_open_only_their_room() {
    let world = World::start().await;
    world.post("/rooms", json!({"name": "other", "privacy": "private"})).await;
    let (room, _) = world.room("callflow-2a6718be").await;
    let mut request = wire("client_meeting_token");
    request["properties"]["exp"] = json!(4_000_000_000_u64);
    let (status, answer) = world.post("/meeting-tokens", request.clone()).await;
    assert_eq!(status, 200);
    assert_shape(&answer, &wire("meeting_token"), &["token"], "token");
    let token = answer["token"].as_str().unwrap();
    assert_eq!(token.split('.').count(), 3, "looks like a JWT");
    let (_, read) = world.request("GET", &format!("/meeting-tokens/{token}"), None).await;
    assert_eq!((&read["room_name"], &read["is_owner"]), (&room["name"], &json!(true)));
    for (name, token) in [("other", token), ("other", ""), ("other", "made.up.token"), ("nowhere", token)] {
        let (_, answer) = Bot::try_join(&world, name, token).await;
        assert_eq!(answer["action"], "error", "{name} with {token}");
    }
    request["properties"]["exp"] = json!(1_000_000_000);
    assert_eq!(world.post("/meeting-tokens", request).await.0, 400);
}

#[tokio::test]
async fn requests_without_a_good_key_or_body_are_refused_in_the_documented_shape() {
    let options = SandboxOptions { api_key: Some(ApiKey::new("the key")), ..SandboxOptions::default() };
    let world = World::with(options, StatusCode::OK).await;
    let url = format!("{}/rooms", world.sandbox.urls().daily);
    let missing = world.http.get(&url).send().await.unwrap();
    assert_eq!(missing.status(), 400);
    assert_eq!(missing.json::<Value>().await.unwrap(), wire("refused_400_header"));
    let malformed = world.http.get(&url).header("Authorization", "the key").send().await.unwrap();
    assert_eq!(malformed.status(), 400);
    let wrong = world.http.get(&url).bearer_auth("wrong").send().await.unwrap();
    assert_eq!(wrong.status(), 401);
    assert_shape(&wrong.json().await.unwrap(), &wire("refused_401"), &["info"], "refusal");
    let good = world.http.post(&url).bearer_auth("the key");
    let broken = good.try_clone().unwrap().body("{").send().await.unwrap();
    assert_eq!(broken.status(), 400);
    let body: Value = broken.json().await.unwrap();
    assert_eq!(body["error"], "json-parsing-error");
    let wrong_type = good.body(r#"{"name": 7}"#).send().await.unwrap();
    let body: Value = wrong_type.json().await.unwrap();
    assert_eq!(body["error"], "invalid-request-error");
}

#[tokio::test]
async fn the_webhook_is_posted_and_signed_as_documented() {
    let mut world = World::start().await;
    let mut caller = RawPhone::call(&world, CALLER, OUR_NUMBER).await;
    caller.event("answered").await;
    let (headers, body) = world.webhooks.recv().await.unwrap();
    let report: Value = serde_json::from_slice(&body).unwrap();
    assert_shape(&report, &wire("webhook_dial_in"), &["To", "From", "callId", "callDomain"], "report");
    assert_eq!((&report["To"], &report["From"]), (&json!(OUR_NUMBER), &json!(CALLER)));
    let timestamp = headers["X-Pinless-Timestamp"].to_str().unwrap();
    assert!(timestamp.parse::<u64>().unwrap() > 1_700_000_000_000, "milliseconds, as real traffic has them");
    let mut mac = Hmac::<Sha256>::new_from_slice(
        &STANDARD.decode("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=").unwrap(),
    )
    .unwrap();
    mac.update(&[timestamp.as_bytes(), b".", &body[..]].concat());
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    assert_eq!(headers["X-Pinless-Signature"].to_str().unwrap(), signature);
}

#[tokio::test]
async fn a_dial_in_configuration_points_its_number_at_its_webhook() {
    let mut world = World::start().await;
    let url = world.webhook_url.clone();
    let entry = json!({"type": "pinless_dialin", "phone_number": "+12555599999", "name_prefix": "p", "room_creation_api": url});
    let (status, created) = world.post("/domain-dialin-config", entry.clone()).await;
    assert_eq!(status, 200, "{created}");
    assert_shape(&created, &wire("dialin_config"), &["id", "hmac", "room_creation_api"], "config");
    assert_eq!(world.reported_call().await, json!({"Test": "test"}), "saving tries the webhook");
    assert_eq!(world.post("/domain-dialin-config", entry).await.0, 400, "the number is assigned already");
    let path = format!("/domain-dialin-config/{}", created["id"].as_str().unwrap());
    let (_, changed) = world.request("PUT", &path, Some(json!({"name_prefix": "q"}))).await;
    assert_eq!(changed["config"]["hmac"], created["config"]["hmac"], "the secret stays");
    assert_eq!(world.reported_call().await, json!({"Test": "test"}));

    let mut caller = RawPhone::call(&world, CALLER, "+12555599999").await;
    caller.event("answered").await;
    let (headers, body) = world.webhooks.recv().await.unwrap();
    let secret = STANDARD.decode(created["config"]["hmac"].as_str().unwrap()).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&secret).unwrap();
    mac.update(&[headers["X-Pinless-Timestamp"].as_bytes(), b".", &body[..]].concat());
    assert_eq!(headers["X-Pinless-Signature"], STANDARD.encode(mac.finalize().into_bytes()));

    let all = json!({"properties": {"pinless_dialin": [{"phone_number": "+12095038039", "room_creation_api": url}]}});
    for path in ["/", ""] {
        let (status, domain) = world.post(path, all.clone()).await;
        assert_eq!(status, 200);
        let entries = domain["config"]["pinless_dialin"].as_array().unwrap();
        assert_eq!(entries.len(), 1, "the whole list is replaced");
        assert!(entries[0]["hmac"].is_string() && entries[0]["sip_uri"].is_string(), "{domain}");
    }
    assert_eq!(world.request("GET", &path, None).await.0, 404);
}

#[tokio::test]
async fn numbers_are_offered_bought_listed_and_released() {
    let owned = PhoneNumber::parse("+15550100777").unwrap();
    let options = SandboxOptions { numbers: vec![owned], ..SandboxOptions::default() };
    let world = World::with(options, StatusCode::OK).await;
    let (_, offered) = world.request("GET", "/list-available-numbers?areacode=949", None).await;
    assert_shape(&offered["data"][0], &wire("available_numbers")["data"][0], &["number"], "offer");
    for search in ["areacode=949&region=CA", "city=Irvine", "contains=55", "starts_with=949&ends_with=113"] {
        let (status, refusal) =
            world.request("GET", &format!("/list-available-numbers?{search}"), None).await;
        assert_eq!((status, &refusal["error"]), (400, &json!("validation-error")), "{search}");
    }
    let number = offered["data"][0]["number"].clone();
    let (status, bought) = world.post("/buy-phone-number", json!({"number": number})).await;
    assert_eq!((status, &bought["number"]), (200, &number));
    assert_shape(&bought, &wire("bought_number"), &["id", "number"], "bought");
    let taken = world.post("/buy-phone-number", json!({"number": number})).await;
    assert_eq!(taken, (422, wire("refused_422_buy")));
    let (_, random) = world.request("POST", "/buy-phone-number", None).await;
    assert!(random["number"].as_str().unwrap().starts_with("+1"));
    let (_, purchased) = world.request("GET", "/purchased-phone-numbers", None).await;
    assert_eq!(purchased["data"].as_array().unwrap().len(), 3);
    let made_up = ["id", "name", "number", "created_date", "pagination_id"];
    assert_shape(&purchased["data"][0], &wire("purchased_numbers")["data"][0], &made_up, "purchased");
    let (_, page) = world.request("GET", "/purchased-phone-numbers?limit=1&starting_after=1", None).await;
    assert_eq!((&page["data"], &page["total_count"]), (&json!([purchased["data"][1]]), &json!(3)));
    let release = async |id: &Value| {
        world.request("DELETE", &format!("/release-phone-number/{}", id.as_str().unwrap()), None).await
    };
    assert_eq!(release(&bought["id"]).await, (422, wire("refused_422_release")));
    let old = &purchased["data"][0]["id"];
    assert_eq!(release(old).await, (200, json!({"deleted": true, "id": old})));
    assert_eq!(release(old).await.0, 404);
}

#[tokio::test]
async fn only_numbers_of_the_account_are_configured_if_it_has_any() {
    let numbers = vec![PhoneNumber::parse("+15550100777").unwrap()];
    let world = World::with(SandboxOptions { numbers, ..SandboxOptions::default() }, StatusCode::OK).await;
    let entry = |number: &str| json!({"type": "pinless_dialin", "phone_number": number, "room_creation_api": "https://bot.example.com"});
    let (status, refusal) = world.post("/domain-dialin-config", entry("+12096181843")).await;
    assert_eq!(status, 400);
    assert_eq!(
        refusal["info"],
        "Failed to configure pinless dialin: 12096181843 not associated with domain: sandbox"
    );
    let (status, created) = world.post("/domain-dialin-config", entry("+15550100777")).await;
    assert_eq!(status, 200);
    let path = format!("/domain-dialin-config/{}", created["id"].as_str().unwrap());
    let moved = json!({"phone_number": "+12096181843"});
    assert_eq!(world.request("PUT", &path, Some(moved)).await.0, 400);
    let (_, listed) = world.request("GET", "/domain-dialin-config?limit=100", None).await;
    assert_eq!((&listed["total_count"], &listed["data"][0]["id"]), (&json!(1), &created["id"]));
}

#[tokio::test]
async fn the_log_has_what_was_asked_and_what_the_webhook_answered() {
    let mut world = World::with(SandboxOptions::default(), StatusCode::IM_A_TEAPOT).await;
    world.room("a").await;
    assert_eq!(world.post("/rooms/a/dialOut/start", json!({"phoneNumber": "+15557654321"})).await.0, 400);
    let (status, log) = world.request("GET", "/logs/api", None).await;
    assert_eq!(status, 200);
    let refused = &log[0];
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(refused), keys(&wire("api_log")[1]));
    assert_eq!((&refused["url"], &refused["status"]), (&json!("/v1/rooms/a/dialOut/start"), &json!(400)));
    assert_eq!(refused["request"], r#"{"phoneNumber":"+15557654321"}"#);
    assert!(refused["response"].as_str().unwrap().contains("owner or admin"));
    assert_eq!((&log[2]["method"], &log[2]["url"]), (&json!("POST"), &json!("/v1/rooms")));

    let mut caller = RawPhone::call(&world, CALLER, OUR_NUMBER).await;
    caller.event("answered").await;
    world.webhooks.recv().await.unwrap();
    let webhook = loop {
        let (_, log) = world.request("GET", "/logs/api?source=webhook&limit=1", None).await;
        if let Some(entry) = log.as_array().unwrap().first() {
            break entry.clone();
        }
    };
    assert_eq!((&webhook["status"], &webhook["url"]), (&json!(418), &json!(world.webhook_url)));
    assert_eq!(world.request("GET", "/logs/api?source=all", None).await.0, 400);
}

#[tokio::test]
async fn a_dialled_person_sees_the_chosen_number() {
    let numbers = ["+15550100777", "+15550100888"].map(|number| PhoneNumber::parse(number).unwrap());
    let options = SandboxOptions { numbers: numbers.to_vec(), ..SandboxOptions::default() };
    let world = World::with(options, StatusCode::OK).await;
    let (_, purchased) = world.request("GET", "/purchased-phone-numbers", None).await;
    let (_, token) = world.room("r").await;
    let _bot = Bot::join(&world, "r", &token).await;
    let mut desk = RawPhone::wait(&world, "sip:desk@example.com").await;
    for (caller_id, from) in [
        (Value::Null, "+15550100777"),
        (purchased["data"][1]["id"].clone(), "+15550100888"),
        (json!("+15550100999"), "+15550100999"),
    ] {
        let dial = json!({"sipUri": "sip:desk@example.com?X-Team=billing", "callerId": caller_id});
        assert_eq!(world.post("/rooms/r/dialOut/start", dial).await.0, 200);
        assert_eq!(desk.event("ringing").await["from"], from);
        desk.send("reject", json!({"reason": "busy"})).await;
    }
}

#[tokio::test]
async fn limits_are_enforced_on_request_and_faults_are_injected_over_http() {
    let options = SandboxOptions { rate_limits: true, ..SandboxOptions::default() };
    let world = World::with(options, StatusCode::OK).await;
    let mut statuses = Vec::new();
    for _ in 0..7 {
        statuses.push(world.post("/rooms/none/dialOut/start", json!({})).await);
    }
    assert!(statuses[..5].iter().all(|(status, _)| *status == 404));
    assert_eq!((statuses[5].0, &statuses[5].1["error"]), (429, &json!("rate-limit-error")));

    let control = format!("{}/control", world.sandbox.urls().phone);
    let fault = r#"{"service":"daily","fault":"refuse","status":503,"info":"ill","on":"rooms","times":1}"#;
    let injected = world.http.post(format!("{control}/faults")).body(fault).send().await.unwrap();
    assert_eq!(injected.status(), 201);
    assert_eq!(world.post("/rooms", json!({})).await, (503, json!({"error": "server-error", "info": "ill"})));
    assert_eq!(world.post("/rooms", json!({"name": "a"})).await.0, 200);
    world.http.post(format!("{control}/faults")).body(r#"{"id":"E24"}"#).send().await.unwrap();
    let listed = world.http.get(format!("{control}/faults")).send().await.unwrap().text().await.unwrap();
    assert!(listed.contains("dialout-answered"), "{listed}");
    world.http.delete(format!("{control}/faults")).send().await.unwrap();
    assert!(world.sandbox.faults().waiting().is_empty());
    let state: Value = world.http.get(format!("{control}/state")).send().await.unwrap().json().await.unwrap();
    assert_eq!(state["rooms"][0]["name"], "a");
}
