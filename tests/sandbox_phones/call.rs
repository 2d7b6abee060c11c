//! A call with the caller in the room, and the end that leaves nothing.

use serde_json::json;

use crate::bot::Bot;
use crate::raw_phone::RawPhone;
use crate::world::World;

pub const CALLER: &str = "+15550100001";
pub const OUR_NUMBER: &str = "+15550100002";
pub const OPERATOR: &str = "+15550100003";

/// A caller and a bot in the room `r`.
pub struct Call {
    pub world: World,
    pub bot: Bot,
    pub caller: RawPhone,
    /// The caller's leg.
    pub leg: String,
}

impl Call {
    pub async fn start() -> Self {
        Self::start_in(World::start().await).await
    }

    pub async fn start_in(mut world: World) -> Self {
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

    /// Everybody goes, the room is deleted, and nothing is left.
    pub async fn end(self) {
        let Self { world, bot, caller, .. } = self;
        drop((bot, caller));
        let (status, _) = world.request("DELETE", "/rooms/r", None).await;
        assert_eq!(status, 200);
        world.quiet().await;
        world.sandbox.shutdown().await;
    }
}
