//! Daily's REST API with the documented bodies, error shapes, refusals and limits.
//!
//! Frames taken from Daily's documentation are under `tests/wire/daily`. What a request sets in motion is
//! done by [`room`](super::room) and [`network`](super::network); nothing here waits for a phone.

mod body;
mod by_client;
mod dial_out;
mod dialin_config;
mod domain;
mod error;
mod forward;
mod gate;
mod limits;
mod log;
mod numbers;
mod paging;
mod permissions;
mod rooms;
mod tokens;
mod transfer;

use std::sync::Arc;

use axum::Router;
use axum::http::Uri;
use axum::middleware::from_fn_with_state;
use axum::routing::{delete, get, post};

pub(crate) use by_client::{ClientRequest, carry_out};
pub(crate) use domain::Domain;
pub(crate) use error::ApiError;
pub(crate) use limits::Limits;
pub(crate) use log::{RequestLog, Source};
pub(crate) use tokens::{Claims, Tokens};

use super::world::World;

/// The API below `/v1`.
pub(crate) fn router(world: &Arc<World>) -> Router {
    Router::new()
        .route("/", get(dialin_config::get_domain).post(dialin_config::replace_all))
        .route("/rooms", get(rooms::list).post(rooms::create))
        .route("/rooms/{name}", get(rooms::get).delete(rooms::delete))
        .route("/rooms/{name}/presence", get(rooms::presence))
        .route("/rooms/{name}/dialOut/start", post(dial_out::start))
        .route("/rooms/{name}/dialOut/stop", post(dial_out::stop))
        .route("/rooms/{name}/dialOut/sendDTMF", post(dial_out::send_dtmf))
        .route("/rooms/{name}/update-permissions", post(permissions::update))
        .route("/rooms/{name}/sipCallTransfer", post(transfer::sip_call_transfer))
        .route("/rooms/{name}/sipRefer", post(transfer::sip_refer))
        .route("/meeting-tokens", post(tokens::create))
        .route("/meeting-tokens/{token}", get(tokens::get))
        .route("/dialin/pinlessCallUpdate", post(forward::pinless_call_update))
        .route("/list-available-numbers", get(numbers::list_available))
        .route("/buy-phone-number", post(numbers::buy))
        .route("/purchased-phone-numbers", get(numbers::list_purchased))
        .route("/release-phone-number/{id}", delete(numbers::release))
        .route("/domain-dialin-config", get(dialin_config::list).post(dialin_config::create))
        .route(
            "/domain-dialin-config/{id}",
            get(dialin_config::get).put(dialin_config::change).delete(dialin_config::delete),
        )
        .route("/logs/api", get(log::list))
        .fallback(unknown)
        .layer(from_fn_with_state(Arc::clone(world), gate::pass))
        .with_state(Arc::clone(world))
}

async fn unknown(uri: Uri) -> ApiError {
    ApiError::not_found(format!("no such endpoint: {}", uri.path()))
}
