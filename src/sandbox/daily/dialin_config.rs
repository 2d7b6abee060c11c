//! Where callers go: the dial-in configuration, by the domain API and by the one with entries.
//!
//! Saving tries the webhook with `{"Test":"test"}`, as Daily does; the answer to that changes nothing.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::domain::DialInConfig;
use super::paging::Page;
use super::{ApiError, body::Body};
use crate::sandbox::network::test_ping;
use crate::sandbox::world::World;

const PINLESS: &str = "pinless_dialin";
/// The name of the emulated domain.
const DOMAIN: &str = "sandbox";

#[derive(Deserialize)]
pub(super) struct DomainChange {
    #[serde(default)]
    properties: DomainProperties,
}

#[derive(Default, Deserialize)]
struct DomainProperties {
    pinless_dialin: Option<Vec<Map<String, Value>>>,
}

/// `POST /`: replaces all pinless entries.
pub(super) async fn replace_all(
    State(world): State<Arc<World>>,
    Body(change): Body<DomainChange>,
) -> Result<Json<Value>, ApiError> {
    if let Some(entries) = change.properties.pinless_dialin {
        let new: Result<Vec<_>, _> =
            entries.into_iter().map(|entry| DialInConfig::new(Uuid::new_v4(), PINLESS, entry)).collect();
        let new = new.map_err(ApiError::invalid)?;
        new.iter().for_each(|entry| ping(&world, entry));
        let mut domain = world.domain.lock();
        domain.dial_ins.retain(|entry| entry.kind != PINLESS);
        domain.dial_ins.extend(new);
    }
    Ok(domain_answer(&world))
}

/// `GET /`.
pub(super) async fn get_domain(State(world): State<Arc<World>>) -> Json<Value> {
    domain_answer(&world)
}

/// `GET /domain-dialin-config`.
pub(super) async fn list(
    State(world): State<Arc<World>>,
    Query(page): Query<Page>,
) -> Result<Json<Value>, ApiError> {
    page.of(world.domain.lock().dial_ins.iter().map(describe).collect())
}

/// `POST /domain-dialin-config`.
pub(super) async fn create(
    State(world): State<Arc<World>>,
    Body(config): Body<Map<String, Value>>,
) -> Result<Json<Value>, ApiError> {
    let entry = read(Uuid::new_v4(), config)?;
    let number = entry.text("phone_number");
    must_be_ours(&world, number)?;
    let taken = world.domain.lock().dial_ins.iter().any(|other| other.text("phone_number") == number);
    if number.is_some() && taken {
        return Err(ApiError::invalid("the phone number is assigned already"));
    }
    ping(&world, &entry);
    let answer = describe(&entry);
    world.domain.lock().dial_ins.push(entry);
    Ok(Json(answer))
}

/// `GET /domain-dialin-config/:id`.
pub(super) async fn get(
    State(world): State<Arc<World>>,
    Path(id): Path<Uuid>,
) -> Result<Json<Value>, ApiError> {
    let domain = world.domain.lock();
    let entry = domain.dial_ins.iter().find(|entry| entry.id == id);
    entry.map(|entry| Json(describe(entry))).ok_or_else(no_entry)
}

/// `PUT /domain-dialin-config/:id`. The secret stays if none is given.
pub(super) async fn change(
    State(world): State<Arc<World>>,
    Path(id): Path<Uuid>,
    Body(mut config): Body<Map<String, Value>>,
) -> Result<Json<Value>, ApiError> {
    let entry = {
        must_be_ours(&world, config.get("phone_number").and_then(Value::as_str))?;
        let mut domain = world.domain.lock();
        let old = domain.dial_ins.iter_mut().find(|entry| entry.id == id).ok_or_else(no_entry)?;
        for (name, value) in &old.config {
            config.entry(name.clone()).or_insert_with(|| value.clone());
        }
        *old = read(id, config)?;
        old.clone()
    };
    ping(&world, &entry);
    Ok(Json(describe(&entry)))
}

/// `DELETE /domain-dialin-config/:id`.
pub(super) async fn delete(
    State(world): State<Arc<World>>,
    Path(id): Path<Uuid>,
) -> Result<Json<Value>, ApiError> {
    let mut domain = world.domain.lock();
    let index = domain.dial_ins.iter().position(|entry| entry.id == id).ok_or_else(no_entry)?;
    domain.dial_ins.remove(index);
    Ok(Json(json!({"deleted": true, "id": id})))
}

fn read(id: Uuid, config: Map<String, Value>) -> Result<DialInConfig, ApiError> {
    let kind = match config.get("type").and_then(Value::as_str) {
        None | Some(PINLESS) => PINLESS,
        Some("pin_dialin") => "pin_dialin",
        Some(_) => return Err(ApiError::invalid("type must be pinless_dialin or pin_dialin")),
    };
    DialInConfig::new(id, kind, config).map_err(ApiError::invalid)
}

/// A number that the account did not buy is refused, unless it bought none at all: a sandbox without numbers
/// lets any number be called.
fn must_be_ours(world: &World, number: Option<&str>) -> Result<(), ApiError> {
    let domain = world.domain.lock();
    let Some(number) = number.filter(|_| !domain.purchased.is_empty()) else { return Ok(()) };
    if domain.purchased.iter().any(|purchased| purchased.number.reveal() == number) {
        return Ok(());
    }
    let digits = number.trim_start_matches('+');
    let info = format!("Failed to configure pinless dialin: {digits} not associated with domain: {DOMAIN}");
    Err(ApiError::invalid(info))
}

fn describe(entry: &DialInConfig) -> Value {
    json!({"id": entry.id, "type": entry.kind, "config": entry.config})
}

fn domain_answer(world: &World) -> Json<Value> {
    let domain = world.domain.lock();
    let pinless = domain.dial_ins.iter().filter(|entry| entry.kind == PINLESS).enumerate();
    let entries: Vec<Value> = pinless
        .map(|(index, entry)| {
            let mut config = entry.config.clone();
            config
                .insert("sip_uri".to_owned(), json!(format!("static-address--{index}@sandbox.sip.daily.co")));
            Value::Object(config)
        })
        .collect();
    Json(json!({
        "domain_name": DOMAIN,
        "domain_id": Uuid::nil(),
        "config": {"lang": "en", "pinless_dialin": entries},
    }))
}

fn ping(world: &World, entry: &DialInConfig) {
    if let Some(webhook) = entry.webhook() {
        world.tasks.spawn(test_ping(world.http.clone(), world.log.clone(), webhook));
    }
}

fn no_entry() -> ApiError {
    ApiError::not_found("no such dial-in configuration")
}
