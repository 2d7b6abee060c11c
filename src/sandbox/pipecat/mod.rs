//! Pipecat Cloud, as its documentation and its local mock describe it: agents, their instances, and sessions.
//!
//! `POST /public/{agent}/start` puts a call on a free instance of the agent; the platform's own dial-in
//! webhook makes a room and does the same; `DELETE /agents/{agent}/sessions/{id}` ends a session. An instance
//! is a container that listens somewhere; one session runs on it at a time. Faults: `start`.

mod agents;
mod dialin;
mod error;
mod session;
mod start;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{delete, post};

pub(crate) use agents::Agents;
pub use agents::BadAgent;

use super::world::World;

/// The body of a start; a longer one is answered 413.
const LONGEST_BODY: usize = 1024 * 1024;

/// The routes below a base URL that ends in `/v1`.
pub(crate) fn router(world: &Arc<World>) -> Router {
    Router::new()
        .route("/public/{agent}/start", post(start::start))
        .route("/public/webhooks/{organization}/{agent}/dialin", post(dialin::dialin))
        .route("/agents/{agent}/sessions/{session}", delete(start::stop))
        .fallback(async || error::ApiError::not_found("Not found"))
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
        .with_state(Arc::clone(world))
}
