//! Whole calls: dial-in, dial-out, and every way in which they end.

use std::time::Duration;

use axum::http::StatusCode;
use callflow::sandbox::SandboxOptions;
use callflow::sandbox::faults::{Fault, Injection, Service};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::bot::Bot;
use crate::call::{CALLER, Call, OPERATOR, OUR_NUMBER};
use crate::raw_phone::RawPhone;
use crate::world::World;

#[tokio::test]
async fn a_caller_is_held_forwarded_bridged_and_everything_ends() {
    let mut call = Call::start().await;
    let mut operator = RawPhone::wait(&call.world, OPERATOR).await;
    let leg = call.world.dial("r", OPERATOR).await;
    let ringing = call.bot.event("dialout-connected").await;
    assert_eq!((&ringing["sessionId"], &ringing["userId"]), (&json!(leg), &json!("op-1")));
    operator.event("ringing").await;
    operator.send("answer", json!({})).await;
    assert_eq!(call.bot.event("dialout-answered").await["sessionId"], json!(leg));
    assert_eq!(call.bot.event("participant-joined").await["participant"]["session_id"], json!(leg));
    call.caller.send("stop", json!({})).await;
    let left = call.bot.event("participant-left").await;
    assert_eq!(left["participant"]["session_id"], json!(call.leg));
    assert_eq!(call.bot.event("dialin-stopped").await["sessionId"], json!(call.leg));
    let stop = json!({"sessionId": leg});
    assert_eq!(call.world.post("/rooms/r/dialOut/stop", stop.clone()).await.0, 200);
    assert_eq!(operator.event("stop").await["reason"], "hangup");
    assert_eq!(call.bot.event("participant-left").await["participant"]["session_id"], json!(leg));
    call.bot.event("dialout-stopped").await;
    assert_eq!(call.world.post("/rooms/r/dialOut/stop", stop).await.0, 404);
    call.bot.socket.send(json!({"type": "leave"})).await;
    assert_eq!(call.bot.next_event().await, Some(json!({"action": "left-meeting"})));
    assert_eq!(call.bot.next_event().await, None);
    call.end().await;
}

#[tokio::test]
async fn a_held_caller_hears_music_and_is_let_go_when_nobody_forwards_the_call() {
    let mut world = World::start().await;
    let started = Instant::now();
    let mut caller = RawPhone::call(&world, CALLER, OUR_NUMBER).await;
    caller.event("answered").await;
    world.reported_call().await;
    caller.listen(1_000).await;
    assert!(caller.peak_of_last(500) > 300, "no music");
    assert!((45..=52).contains(&(caller.heard.len() / 160)), "{} frames a second", caller.heard.len() / 160);
    let stop = caller.patient_event("stop", Duration::from_secs(25)).await;
    assert_eq!(stop["reason"], "busy");
    assert!(caller.peak_of_last(400) > 8_000, "no busy tone");
    let held = started.elapsed().as_secs_f64();
    assert!((21.0..22.5).contains(&held), "held for {held} s");
    assert_eq!(caller.next().await, None, "a placed call is over with its stop");
    world.quiet().await;
}

#[tokio::test]
async fn a_refusing_webhook_and_a_number_out_of_service_end_the_call_at_once() {
    let world = World::with(SandboxOptions::default(), StatusCode::INTERNAL_SERVER_ERROR).await;
    let mut caller = RawPhone::call(&world, CALLER, OUR_NUMBER).await;
    caller.event("answered").await;
    assert_eq!(caller.event("stop").await["reason"], "busy");
    let mut lost = RawPhone::call(&world, CALLER, "not a number").await;
    assert_eq!(lost.event("stop").await["reason"], "not in service");
    world.quiet().await;
}

#[tokio::test]
async fn a_caller_who_hangs_up_before_the_forward_cannot_be_forwarded() {
    let mut world = World::start().await;
    let mut caller = RawPhone::call(&world, CALLER, OUR_NUMBER).await;
    caller.event("answered").await;
    let report = world.reported_call().await;
    let (_, token) = world.room("r").await;
    let mut bot = Bot::join(&world, "r", &token).await;
    let ready = bot.event("dialin-ready").await;
    caller.send("stop", json!({})).await;
    assert_eq!(caller.next().await, None);
    let mut forward = json!({"callId": report["callId"], "callDomain": report["callDomain"]});
    let (status, refusal) = world.post("/dialin/pinlessCallUpdate", forward.clone()).await;
    assert_eq!((status, &refusal["info"]), (400, &json!("Missing fields")));
    forward["sipUri"] = ready["sipEndpoint"].clone();
    let (status, refusal) = world.post("/dialin/pinlessCallUpdate", forward).await;
    assert_eq!((status, &refusal["info"]), (404, &json!("Call Forwarding Failed")));
}

#[tokio::test]
async fn nobody_is_forwarded_before_the_room_is_ready_or_onto_an_endpoint_in_use() {
    let mut world = World::start().await;
    let mut first = RawPhone::call(&world, CALLER, OUR_NUMBER).await;
    first.event("answered").await;
    let report = world.reported_call().await;
    let (room, token) = world.room("r").await;
    let endpoint = room["config"]["sip_uri"]["endpoint"].clone();
    let forward = |report: &serde_json::Value| json!({"callId": report["callId"], "callDomain": report["callDomain"], "sipUri": endpoint});
    assert_eq!(world.post("/dialin/pinlessCallUpdate", forward(&report)).await.0, 404);
    let mut bot = Bot::join(&world, "r", &token).await;
    assert_eq!(world.post("/dialin/pinlessCallUpdate", forward(&report)).await.0, 404);
    bot.event("dialin-ready").await;
    assert_eq!(world.post("/dialin/pinlessCallUpdate", forward(&report)).await.0, 200);
    let mut second = RawPhone::call(&world, CALLER, OUR_NUMBER).await;
    second.event("answered").await;
    let second_report = world.reported_call().await;
    assert_eq!(world.post("/dialin/pinlessCallUpdate", forward(&second_report)).await.0, 404);
    bot.event("dialin-connected").await;
    bot.event("participant-joined").await;
    first.send("stop", json!({})).await;
    bot.event("participant-left").await;
    bot.event("dialin-stopped").await;
    // The endpoint is free again, and the caller who is held can have it.
    assert_eq!(world.post("/dialin/pinlessCallUpdate", forward(&second_report)).await.0, 200);
    bot.event("dialin-connected").await;
}

#[tokio::test]
async fn a_caller_who_leaves_while_it_rings_stops_nothing_but_their_own_leg() {
    let mut call = Call::start().await;
    let mut operator = RawPhone::wait(&call.world, OPERATOR).await;
    let leg = call.world.dial("r", OPERATOR).await;
    call.bot.event("dialout-connected").await;
    operator.event("ringing").await;
    call.caller.send("stop", json!({})).await;
    call.bot.event("participant-left").await;
    call.bot.event("dialin-stopped").await;
    // It rings on until the bot says otherwise; then the phone stops at once.
    operator.listen(500).await;
    let asked = Instant::now();
    assert_eq!(call.world.post("/rooms/r/dialOut/stop", json!({"sessionId": leg})).await.0, 200);
    assert_eq!(operator.event("stop").await["reason"], "cancelled");
    assert!(asked.elapsed() < Duration::from_millis(50));
    assert_eq!(call.bot.event("dialout-stopped").await["sessionId"], json!(leg));
    // The phone waits on and rings again.
    call.world.dial("r", OPERATOR).await;
    operator.event("ringing").await;
    call.end().await;
}

#[tokio::test]
async fn each_refusal_of_the_far_end_is_one_error_with_free_text() {
    let mut call = Call::start().await;
    let mut operator = RawPhone::wait(&call.world, OPERATOR).await;
    for (reason, text) in [("busy", "busy here"), ("rejected", "declined"), ("unreachable", "not reachable")]
    {
        let leg = call.world.dial("r", OPERATOR).await;
        call.bot.event("dialout-connected").await;
        operator.event("ringing").await;
        operator.send("reject", json!({"reason": reason})).await;
        let error = call.bot.event("dialout-error").await;
        assert_eq!((&error["errorMsg"], &error["sessionId"]), (&json!(text), &json!(leg)));
        assert_eq!(error["details"]["destination"], OPERATOR);
    }
    let leg = call.world.dial("r", "+15550109999").await;
    let error = call.bot.event("dialout-error").await;
    assert_eq!((&error["errorMsg"], &error["sessionId"]), (&json!("not reachable"), &json!(leg)));
    call.bot.silent(1_000).await;
    call.end().await;
}

#[tokio::test]
async fn a_number_that_rings_for_ever_rings_until_it_is_stopped() {
    let mut call = Call::start().await;
    let leg = call.world.dial("r", "+15550100199").await;
    call.bot.event("dialout-connected").await;
    call.bot.silent(20_000).await;
    assert_eq!(call.world.post("/rooms/r/dialOut/stop", json!({"sessionId": leg})).await.0, 200);
    call.bot.event("dialout-stopped").await;
    call.end().await;
}

#[tokio::test]
async fn dialling_out_needs_the_rooms_leave_an_owner_and_a_free_place() {
    let world = World::start().await;
    let dial = async |room: &str| {
        let (status, refusal) =
            world.post(&format!("/rooms/{room}/dialOut/start"), json!({"phoneNumber": OPERATOR})).await;
        (status, refusal["info"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(dial("nowhere").await.0, 404);
    world.post("/rooms", json!({"name": "plain"})).await;
    let text = "dial-out not enabled for room. add enable_dialout property to room";
    assert_eq!(dial("plain").await, (400, text.to_owned()));
    let (_, owner) = world.room("r").await;
    let guest = world.token("r", false).await;
    let _guest = Bot::join(&world, "r", &guest).await;
    assert!(dial("r").await.1.contains("owner"));
    let _owner = Bot::join(&world, "r", &owner).await;
    for _ in 0..4 {
        world.dial("r", "+15550100199").await;
    }
    assert!(dial("r").await.1.contains("max_sip_pstn_sessions_per_room"));
}

#[tokio::test]
async fn the_room_ends_with_its_owner_or_survives_as_the_reading_says() {
    for ends in [true, false] {
        let options = SandboxOptions { room_ends_with_owner: ends, ..SandboxOptions::default() };
        let mut call = Call::start_in(World::with(options, StatusCode::OK).await).await;
        let mut operator = RawPhone::wait(&call.world, OPERATOR).await;
        call.world.dial("r", OPERATOR).await;
        operator.event("ringing").await;
        operator.send("answer", json!({})).await;
        for action in ["dialout-connected", "dialout-answered", "participant-joined"] {
            call.bot.event(action).await;
        }
        call.bot.socket.send(json!({"type": "leave"})).await;
        assert_eq!(call.bot.event("left-meeting").await, json!({"action": "left-meeting"}));
        if ends {
            assert_eq!(call.caller.event("stop").await["reason"], "room ended");
            assert_eq!(operator.event("stop").await["reason"], "room ended");
        } else {
            call.caller.listen(500).await;
            operator.listen(500).await;
            assert_eq!(call.world.sandbox.state().legs.len(), 2);
            operator.send("stop", json!({})).await;
        }
        call.end().await;
        // The clock of this round is paused: the next one needs a runtime of its own kind.
        tokio::time::resume();
    }
}

#[tokio::test]
async fn an_owner_whose_connection_breaks_while_it_rings_takes_the_ringing_along() {
    let mut call = Call::start().await;
    let mut operator = RawPhone::wait(&call.world, OPERATOR).await;
    call.world.dial("r", OPERATOR).await;
    operator.event("ringing").await;
    call.bot = call.bot.broken_off_and_replaced_by_guest(&call.world).await;
    assert_eq!(operator.event("stop").await["reason"], "cancelled");
    assert_eq!(call.caller.event("stop").await["reason"], "room ended");
    assert_eq!(call.world.request("DELETE", "/rooms/elsewhere", None).await.0, 200);
    call.end().await;
}

#[tokio::test]
async fn an_expired_room_throws_everybody_out_and_is_gone() {
    let world = World::start().await;
    let soon = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs_f64() + 30.0;
    let properties = json!({"exp": soon, "eject_at_room_exp": true, "enable_dialout": true});
    world.post("/rooms", json!({"name": "short", "properties": properties})).await;
    let token = world.token("short", true).await;
    let mut bot = Bot::join(&world, "short", &token).await;
    let mut operator = RawPhone::wait(&world, OPERATOR).await;
    world.dial("short", OPERATOR).await;
    operator.event("ringing").await;
    operator.send("answer", json!({})).await;
    for action in ["dialout-connected", "dialout-answered", "participant-joined"] {
        bot.event(action).await;
    }
    bot.silent(25_000).await;
    assert_eq!(bot.event("left-meeting").await["reason"], "ended");
    assert_eq!(bot.next_event().await, None);
    assert_eq!(operator.event("stop").await["reason"], "room ended");
    world.quiet().await;
    assert_eq!(world.request("GET", "/rooms/short", None).await.0, 404);
    let (_, answer) = Bot::try_join(&world, "short", &token).await;
    assert_eq!(answer["action"], "error");
}

#[tokio::test]
async fn a_deleted_room_ends_the_call_for_everybody() {
    let mut call = Call::start().await;
    let (status, answer) = call.world.request("DELETE", "/rooms/r", None).await;
    assert_eq!((status, answer), (200, json!({"deleted": true, "name": "r"})));
    assert_eq!(call.bot.event("left-meeting").await["reason"], "ended");
    assert_eq!(call.caller.event("stop").await["reason"], "room ended");
    call.world.quiet().await;
}

#[tokio::test]
async fn a_transferred_caller_leaves_the_room_and_talks_to_the_target_directly() {
    for (method, target) in [("sipCallTransfer", OPERATOR), ("sipRefer", "sip:desk@example.com")] {
        let mut call = Call::start().await;
        let mut target_phone = RawPhone::wait(&call.world, target).await;
        let path = format!("/rooms/r/{method}");
        let bots_own = json!({"sessionId": call.bot.id, "toEndPoint": target});
        assert_eq!(call.world.post(&path, bots_own).await.1["info"], "invalid sessionId");
        let unknown = json!({"sessionId": "6b1f2e5a-0000-4000-8000-000000000001", "toEndPoint": target});
        assert_eq!(call.world.post(&path, unknown).await.1["info"], "No SIP call in progress");
        let to_number = json!({"sessionId": call.leg, "toEndPoint": "+15550109999"});
        if method == "sipRefer" {
            assert_eq!(call.world.post(&path, to_number).await.0, 400, "REFER goes to sip: only");
        }
        let transfer = json!({"sessionId": call.leg, "toEndPoint": target});
        assert_eq!(call.world.post(&path, transfer).await, (200, json!({"ok": "true"})));
        call.bot.event("participant-left").await;
        call.bot.event("dialin-stopped").await;
        target_phone.event("ringing").await;
        call.caller.listen(300).await;
        assert!(call.caller.peak_of_last(200) > 8_000, "no ringback");
        target_phone.send("answer", json!({})).await;
        call.bot.silent(200).await;
        for _ in 0..20 {
            call.caller.say(&[5_000; 160]).await;
            target_phone.listen(20).await;
        }
        assert!(target_phone.peak_of_last(100) > 4_500, "the target does not hear the caller");
        target_phone.send("stop", json!({})).await;
        assert_eq!(call.caller.event("stop").await["reason"], "hangup");
        call.end().await;
        tokio::time::resume();
    }
}

#[tokio::test]
async fn faults_double_events_and_webhooks_and_break_connections() {
    let mut call = Call::start().await;
    let faults = call.world.sandbox.faults().clone();
    let mut operator = RawPhone::wait(&call.world, OPERATOR).await;
    faults.inject(Injection::once(Service::Daily, Fault::Duplicate).on("dialout-answered")).unwrap();
    call.world.dial("r", OPERATOR).await;
    operator.event("ringing").await;
    operator.send("answer", json!({})).await;
    call.bot.event("dialout-connected").await;
    let first = call.bot.event("dialout-answered").await;
    assert_eq!(call.bot.event("dialout-answered").await, first);
    call.bot.event("participant-joined").await;
    faults.inject(Injection::once(Service::Daily, Fault::Reorder).on("participant-left")).unwrap();
    operator.send("stop", json!({})).await;
    call.bot.event("dialout-stopped").await;
    call.bot.event("participant-left").await;

    faults.inject(Injection::once(Service::Daily, Fault::Duplicate).on("webhook")).unwrap();
    let mut second = RawPhone::call(&call.world, CALLER, OUR_NUMBER).await;
    second.event("answered").await;
    let report = call.world.reported_call().await;
    assert_eq!(call.world.reported_call().await, report);

    let refusal = Fault::Refuse { status: 403, info: Some("no".to_owned()) };
    faults.inject(Injection::once(Service::Daily, refusal).on("dialOut/start")).unwrap();
    let dial = json!({"phoneNumber": OPERATOR});
    let answer = call.world.post("/rooms/r/dialOut/start", dial.clone()).await;
    assert_eq!(answer, (403, json!({"error": "forbidden-error", "info": "no"})));
    faults.inject(Injection::once(Service::Daily, Fault::Disconnect).on("dialOut/start")).unwrap();
    let url = format!("{}/rooms/r/dialOut/start", call.world.sandbox.urls().daily);
    let broken = call.world.http.post(url).bearer_auth("k").json(&dial).send().await;
    let text = match broken {
        Ok(answer) => answer.text().await,
        Err(error) => Err(error),
    };
    assert!(text.is_err(), "{text:?}");

    faults.inject(Injection::once(Service::Daily, Fault::Disconnect).on("dtmf-event")).unwrap();
    call.caller.send("dtmf", json!({"dtmf": {"digit": "1"}})).await;
    assert_eq!(call.bot.next_event().await, None);
}

#[tokio::test]
async fn twenty_calls_at_once_do_not_disturb_each_other() {
    let mut world = World::start().await;
    let mut callers = Vec::new();
    for n in 0..20 {
        let from = format!("+155501001{n:02}");
        let mut caller = RawPhone::call(&world, &from, OUR_NUMBER).await;
        caller.event("answered").await;
        callers.push((caller, world.reported_call().await));
    }
    let world = std::sync::Arc::new(world);
    let mut calls = JoinSet::new();
    for (n, (caller, report)) in callers.into_iter().enumerate() {
        let world = std::sync::Arc::clone(&world);
        calls.spawn(async move {
            let room = format!("room-{n}");
            let (_, token) = world.room(&room).await;
            let mut bot = Bot::join(&world, &room, &token).await;
            let ready = bot.event("dialin-ready").await;
            let forward = json!({
                "callId": report["callId"], "callDomain": report["callDomain"], "sipUri": ready["sipEndpoint"]
            });
            assert_eq!(world.post("/dialin/pinlessCallUpdate", forward).await.0, 200);
            assert_eq!(bot.event("dialin-connected").await["sipFrom"], report["From"]);
            bot.event("participant-joined").await;
            bot.subscribe(true).await;
            let level = (500.0 * 1.15f64.powi(n as i32)) as i16;
            for _ in 0..50 {
                caller.say(&[level; 160]).await;
                sleep(Duration::from_millis(20)).await;
            }
            caller.send("stop", json!({})).await;
            bot.event("participant-left").await;
            bot.event("dialin-stopped").await;
            let heard = bot.usual_level();
            let off = (f64::from(heard) / f64::from(level) - 1.0).abs();
            assert!(off < 0.05, "heard {heard} instead of {level}");
        });
    }
    while let Some(call) = calls.join_next().await {
        call.unwrap();
    }
    for n in 0..20 {
        assert_eq!(world.request("DELETE", &format!("/rooms/room-{n}"), None).await.0, 200);
    }
    world.quiet().await;
}
