//! `POST /public/{agent}/start` and `DELETE /agents/{agent}/sessions/{id}`.

use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::sleep;
use uuid::Uuid;

use super::agents::{Lease, NoLease};
use super::dialin::make_room;
use super::error::ApiError;
use super::session;
use crate::sandbox::faults::{Fault, Service};
use crate::sandbox::world::World;

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Start {
    create_daily_room: bool,
    daily_room_properties: Map<String, Value>,
    body: Map<String, Value>,
}

/// Puts a session on a free instance.
pub(super) async fn start(
    State(world): State<Arc<World>>,
    Path(agent): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    authorize(&headers)?;
    if let Some(answer) = fault(&world).await {
        return answer;
    }
    let start: Start = match &body[..] {
        b"" => Start::default(),
        body => serde_json::from_slice(body).map_err(|_| ApiError::invalid("Invalid request body"))?,
    };
    let lease = lease(&world, &agent)?;
    let mut answer = json!({"sessionId": lease.session});
    let room = if start.create_daily_room {
        let room = make_room(&world, &start.daily_room_properties).map_err(|why| ApiError::invalid(&why))?;
        answer["dailyRoom"] = room.url.clone().into();
        answer["dailyToken"] = room.token.clone().into();
        Some(room)
    } else {
        None
    };
    session::begin(&world, lease, room, &Value::Object(start.body));
    Ok(Json(answer).into_response())
}

/// Ends a session: the platform closes its request.
pub(super) async fn stop(
    State(world): State<Arc<World>>,
    Path((agent, session)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    authorize(&headers)?;
    let found = Uuid::parse_str(&session).is_ok_and(|session| world.agents.stop(&agent, session));
    if found { Ok(Json(json!({}))) } else { Err(ApiError::not_found("Session not found")) }
}

pub(super) fn lease(world: &World, agent: &str) -> Result<Lease, ApiError> {
    world.agents.lease(agent).map_err(|why| match why {
        NoLease::Unknown => ApiError::not_found("Agent not found"),
        NoLease::AtCapacity => ApiError::at_capacity(),
    })
}

/// Any key is good.
fn authorize(headers: &HeaderMap) -> Result<(), ApiError> {
    let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let key = header.and_then(|value| value.strip_prefix("Bearer ")).map(str::trim);
    if key.is_some_and(|key| !key.is_empty()) { Ok(()) } else { Err(ApiError::unauthorized()) }
}

/// The fault that is due, as an answer; a slow one only takes its time.
async fn fault(world: &World) -> Option<Result<Response, ApiError>> {
    let fits = |fault: &Fault| !(fault.is_of_rooms() || matches!(fault, Fault::Duplicate | Fault::Reorder));
    match world.site.faults.take_if(Service::Pipecat, "start", fits)? {
        Fault::Refuse { status, info } => Some(Err(ApiError::ordered(status, info))),
        Fault::Garbage => Some(Ok("<html>Bad Gateway</html>".into_response())),
        Fault::Disconnect => {
            let reset = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
            Some(Ok(Body::from_stream(stream::iter([Err::<&[u8], _>(reset)])).into_response()))
        }
        Fault::Silent => {
            world.site.stop.cancelled().await;
            Some(Err(ApiError::ordered(503, None)))
        }
        slow => {
            sleep(slow.delay()).await;
            None
        }
    }
}
