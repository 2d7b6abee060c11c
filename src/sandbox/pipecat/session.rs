//! A session: one request to a container, open for as long as its call.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::sleep;

use super::agents::Lease;
use crate::sandbox::faults::Service;
use crate::sandbox::world::World;

/// The platform's default for the longest session; it then closes the request.
const LONGEST_SESSION: Duration = Duration::from_secs(7200);

/// A room that the platform made for the session.
pub(super) struct PlatformRoom {
    pub(super) url: String,
    pub(super) token: String,
}

/// Posts the body to the container, in a task of its own, and holds the instance until it answers.
pub(super) fn begin(world: &Arc<World>, lease: Lease, room: Option<PlatformRoom>, body: &Value) {
    let mut request = world
        .http
        .post(format!("{}/bot", lease.url))
        .header("x-daily-session-id", lease.session.to_string())
        .header("x-daily-transport-type", "daily")
        .json(body);
    if let Some(PlatformRoom { url, token }) = room {
        request = request.header("x-daily-room-url", url).header("x-daily-room-token", token);
    }
    let open = world.site.streams.open(Service::Pipecat);
    world.tasks.spawn(async move {
        let _open = open;
        tokio::select! {
            answer = request.send() => match answer {
                Ok(answer) if answer.status() == 200 => tracing::info!(session = %lease.session, "the bot is done"),
                Ok(answer) => tracing::warn!(status = answer.status().as_u16(), "the container refused the session"),
                Err(error) => tracing::warn!(error = %error.without_url(), "the container did not answer"),
            },
            () = lease.stop.cancelled() => tracing::info!(session = %lease.session, "the session was stopped"),
            () = sleep(LONGEST_SESSION) => tracing::info!(session = %lease.session, "the session's time is over"),
        }
    });
}
