//! Whole calls: dial-in, dial-out, and every way in which they end.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::bot::Bot;
use crate::raw_phone::RawPhone;
use crate::world::World;

const CALLER: &str = "+15550100001";
const OUR_NUMBER: &str = "+15550100002";
const OPERATOR: &str = "+15550100003";

/// A call with the caller in the room and everything before it checked.
struct Call {
    world: World,
    bot: Bot,
    caller: RawPhone,
    leg: String,
}

impl Call {
    async fn start() -> Self {
        Self::start_in(World::start().await).await
    }

    async fn start_in(mut world: World) -> Self {
        let mut caller = RawPhone::call(&world, CALLER, OUR_NUMBER).await;
        caller.event("answered").await;
        let report = world.reported_call().await;
        let (room, token) = world.room("r").await;
        let mut bot = Bot::join(&world, "r", &token).await;
        let ready = bot.event("dialin-ready").await;
        let endpoint = room["config"]["sip_uri"]["endpoint"].as_str().unwrap();
        assert_eq!(ready["sipEndpoint"], format!("sip:{endpoint}"));
        let forward = json!({
            "callId": report["callId"], "callDomain": report["callDomain"], "sipUri": ready["sipEndpoint"]
        });
        let answer = world.post("/dialin/pinlessCallUpdate", forward.clone()).await;
        assert_eq!(answer, (200, json!({"ok": "true"})));
        let connected = bot.event("dialin-connected").await;
        assert_eq!(connected["sipFrom"], CALLER);
        let joined = bot.event("participant-joined").await;
        assert_eq!(joined["participant"]["session_id"], connected["sessionId"]);
        assert_eq!(joined["participant"]["owner"], false);
        let again = world.post("/dialin/pinlessCallUpdate", forward).await;
        assert_eq!(again.0, 404, "a caller is forwarded once");
        let leg = connected["sessionId"].as_str().unwrap().to_owned();
        Self { world, bot, caller, leg }
    }

    async fn end(self) {
        let Self { world, bot, caller, .. } = self;
        drop((bot, caller));
        let (status, _) = world.request("DELETE", "/rooms/r", None).await;
        assert_eq!(status, 200);
        world.quiet().await;
        world.sandbox.shutdown().await;
    }
}

#[tokio::test]
async fn a_caller_is_held_forwarded_transferred_by_dial_out_and_everything_ends() {
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
