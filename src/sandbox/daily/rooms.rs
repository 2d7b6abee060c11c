//! `POST /rooms`, `GET /rooms`, `GET /rooms/:name` and its `/presence`, `DELETE /rooms/:name`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{ApiError, body::Body};
use crate::sandbox::clock::{iso_8601, unix_now};
use crate::sandbox::room::{Present, Room, RoomSettings};
use crate::sandbox::world::World;

/// Longest room name.
const LONGEST_NAME: usize = 128;
/// Rooms of one page at most, and by default.
const PAGE: usize = 100;
/// Properties at their defaults are not echoed: `config` lists only what differs.
const FALSE_BY_DEFAULT: [&str; 4] = ["enable_chat", "start_video_off", "eject_at_room_exp", "enable_dialout"];

#[derive(Deserialize)]
pub(super) struct NewRoom {
    name: Option<String>,
    privacy: Option<String>,
    #[serde(default)]
    properties: Map<String, Value>,
}

pub(super) async fn create(
    State(world): State<Arc<World>>,
    Body(request): Body<NewRoom>,
) -> Result<Json<Value>, ApiError> {
    let name = request.name.unwrap_or_else(random_name);
    if !is_name(&name) {
        return Err(ApiError::invalid("name must be 1 to 128 characters of A-Z, a-z, 0-9, '-' and '_'"));
    }
    let public = match request.privacy.as_deref() {
        None | Some("public") => true,
        Some("private") => false,
        Some(_) => return Err(ApiError::invalid("privacy must be public or private")),
    };
    let settings = RoomSettings::read(&request.properties).map_err(ApiError::invalid)?;
    let config = echo(request.properties);
    let room = world
        .rooms
        .create(name.clone(), public, settings, config)
        .ok_or_else(|| ApiError::invalid(format!("a room named {name} already exists")))?;
    Ok(Json(describe(&world, &room)))
}

pub(super) async fn get(
    State(world): State<Arc<World>>,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(describe(&world, &*find(&world, &name)?)))
}

/// Which rooms of the list are wanted.
#[derive(Deserialize)]
pub(super) struct Page {
    limit: Option<usize>,
    starting_after: Option<Uuid>,
    ending_before: Option<Uuid>,
}

/// Newest first. `starting_after` leads to the next page, with older rooms, and `ending_before` back, as Daily's
/// page on errors and pagination has it; its page on this request says the opposite.
pub(super) async fn list(
    State(world): State<Arc<World>>,
    Query(page): Query<Page>,
) -> Result<Json<Value>, ApiError> {
    let mut rooms = world.rooms.all();
    rooms.sort_by(|a, b| b.created_at.total_cmp(&a.created_at));
    let place = |id: Uuid| {
        let place = rooms.iter().position(|room| room.id == id);
        place.ok_or_else(|| ApiError::invalid("no room with that id"))
    };
    let limit = page.limit.unwrap_or(PAGE).min(PAGE);
    let first = match (page.starting_after, page.ending_before) {
        (None, None) => 0,
        (Some(id), None) => place(id)? + 1,
        (None, Some(id)) => place(id)?.saturating_sub(limit),
        (Some(_), Some(_)) => return Err(ApiError::invalid("give either starting_after or ending_before")),
    };
    let end = match page.ending_before {
        Some(id) => place(id)?,
        None => rooms.len().min(first + limit),
    };
    let data: Vec<Value> = rooms[first..end].iter().map(|room| describe(&world, room)).collect();
    Ok(Json(json!({"total_count": rooms.len(), "data": data})))
}

/// `GET /rooms/:name/presence`. Daily's own may be 15 seconds late.
pub(super) async fn presence(
    State(world): State<Arc<World>>,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let now = unix_now();
    let describe = |present: Present| {
        json!({
            "room": name,
            "id": present.id,
            "userId": null,
            "userName": present.user_name,
            "mtgSessionId": present.meeting,
            "joinTime": iso_8601(present.joined_at),
            "duration": (now - present.joined_at).max(0.0) as u64,
        })
    };
    let data: Vec<Value> = find(&world, &name)?.present().into_iter().map(describe).collect();
    Ok(Json(json!({"total_count": data.len(), "data": data})))
}

pub(super) async fn delete(
    State(world): State<Arc<World>>,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    if !world.rooms.delete(&name) {
        return Err(no_room(&name));
    }
    Ok(Json(json!({"deleted": true, "name": name})))
}

/// The room of that name, or Daily's 404.
pub(super) fn find(world: &World, name: &str) -> Result<Arc<Room>, ApiError> {
    world.rooms.get(name).ok_or_else(|| no_room(name))
}

fn no_room(name: &str) -> ApiError {
    ApiError::not_found(format!("room {name} not found"))
}

fn describe(world: &World, room: &Room) -> Value {
    let mut config = room.config.clone();
    if let Some((first, extra)) = room.endpoints.split_first() {
        // Read-only output, beside `sip` and not inside it.
        let mut sip_uri = json!({"endpoint": first});
        if !extra.is_empty() {
            sip_uri["extra_endpoints"] = json!(extra);
        }
        config.insert("sip_uri".to_owned(), sip_uri);
    }
    json!({
        "id": room.id,
        "name": room.name,
        "api_created": true,
        "privacy": if room.public { "public" } else { "private" },
        "url": format!("{}/{}", world.origin, room.name),
        "created_at": iso_8601(room.created_at),
        "config": config,
    })
}

/// The properties as Daily gives them back: without defaults and nulls, `exp` in whole seconds.
fn echo(mut properties: Map<String, Value>) -> Map<String, Value> {
    properties.retain(|name, value| {
        let default = FALSE_BY_DEFAULT.contains(&name.as_str()) && *value == Value::Bool(false);
        !value.is_null() && !default && name != "sip_uri"
    });
    if let Some(exp) = properties.get_mut("exp")
        && let Some(seconds) = exp.as_f64()
    {
        *exp = json!(seconds as i64);
    }
    properties
}

fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    (1..=LONGEST_NAME).contains(&name.len()) && name.chars().all(plain)
}

fn random_name() -> String {
    Uuid::new_v4().simple().to_string()[..20].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_echo_has_whole_seconds_and_no_defaults() {
        let properties =
            json!({"exp": 1795371781.8130617, "enable_chat": false, "enable_dialout": true, "geo": null});
        let Value::Object(properties) = properties else { unreachable!() };
        assert_eq!(Value::Object(echo(properties)), json!({"exp": 1795371781, "enable_dialout": true}));
    }

    #[test]
    fn names_are_checked() {
        assert!(is_name("pipecat-telephony_2a6718be") && is_name(&random_name()));
        for bad in ["", "with space", "ünder", &"x".repeat(129)] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
