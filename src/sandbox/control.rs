//! `/control`: faults on order, and what is there.
//!
//! Here the rest of the sandbox is steered and seen, so it is for programs of this machine or for holders of the
//! token, and for no web page in between.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::SandboxOptions;
use super::catalogue;
use super::faults::Injection;
use super::state::SandboxState;
use super::traces::Trace;
use super::world::World;
use crate::access::{AccessToken, is_local};

/// The routes.
pub(super) fn router(world: &Arc<World>) -> Router<Arc<World>> {
    Router::new()
        .route("/control/faults", post(inject).get(waiting).delete(clear))
        .route("/control/state", get(state))
        .route("/control/traces", get(traces))
        .route_layer(from_fn_with_state(Arc::clone(world), guard))
}

async fn guard(State(world): State<Arc<World>>, request: Request, next: Next) -> Response {
    let SandboxOptions { control_token, bind, .. } = &world.options;
    let admitted = match control_token {
        Some(token) => AccessToken::new(token).is_presented(request.headers()),
        None => bind.is_loopback() && is_local(request.headers()),
    };
    if admitted {
        return next.run(request).await;
    }
    let why = "for programs of the same machine, or with CALLFLOW_API_TOKEN as `Authorization: Bearer`";
    (StatusCode::FORBIDDEN, Json(json!({"error": why}))).into_response()
}

async fn state(State(world): State<Arc<World>>) -> Json<SandboxState> {
    Json(SandboxState::of(&world))
}

async fn traces(State(world): State<Arc<World>>) -> Json<Vec<Trace>> {
    Json(world.site.traces.all())
}

async fn waiting(State(world): State<Arc<World>>) -> Json<Vec<Injection>> {
    Json(world.site.faults.waiting())
}

async fn clear(State(world): State<Arc<World>>) -> StatusCode {
    world.site.faults.clear();
    StatusCode::NO_CONTENT
}

async fn inject(State(world): State<Arc<World>>, body: String) -> Response {
    let injections = match read(&body) {
        Ok(injections) => injections,
        Err(why) => return refused(&why),
    };
    for injection in &injections {
        if let Err(why) = world.site.faults.inject(injection.clone()) {
            return refused(&why.to_string());
        }
    }
    (StatusCode::CREATED, Json(injections)).into_response()
}

/// One fault, or those that produce a case of the catalogue.
fn read(body: &str) -> Result<Vec<Injection>, String> {
    let value: Value = serde_json::from_str(body).map_err(|error| error.to_string())?;
    match value.get("id").and_then(Value::as_str) {
        Some(id) => catalogue::faults_of(id)
            .ok_or_else(|| format!("no faults produce {id}; the phones' behaviour may")),
        None => {
            serde_json::from_value(value).map(|injection| vec![injection]).map_err(|error| error.to_string())
        }
    }
}

fn refused(why: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({"error": why}))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_short_for_its_faults_and_a_fault_stands_for_itself() {
        let case = read(r#"{"id":"E24"}"#).unwrap();
        let fault =
            read(r#"{"service":"daily","fault":"duplicate","on":"dialout-answered","times":1}"#).unwrap();
        assert_eq!(case, fault);
        assert!(read(r#"{"id":"E16"}"#).unwrap_err().contains("E16"));
        assert!(read("{").is_err() && read(r#"{"service":"daily"}"#).is_err());
    }
}
