//! What every request passes before it is served: the key, the rate limit, the faults.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::stream;

use super::{ApiError, Source};
use crate::sandbox::faults::{Fault, Service};
use crate::sandbox::world::World;

/// Longest body that is read; a request is a thousandth of it.
const LONGEST_BODY: usize = 2 << 20;

/// The middleware.
pub(super) async fn pass(State(world): State<Arc<World>>, request: Request, next: Next) -> Response {
    // Whoever has no key belongs to no account, and so to no account's log.
    if let Err(refused) = authorise(&world, &request) {
        return refused.into_response();
    }
    let (method, url) = (request.method().to_string(), format!("/v1{}", request.uri().path()));
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LONGEST_BODY).await else {
        return ApiError::invalid("the body is too long or broke off").into_response();
    };
    let said = (!body.is_empty()).then(|| String::from_utf8_lossy(&body).into_owned());
    let response = answer(&world, Request::from_parts(head, Body::from(body)), next).await;
    let status = response.status();
    if status.is_success() {
        world.log.note(Source::Api, &method, &url, status.as_u16(), [said, None]);
        return response;
    }
    // Only refusals are read, which are short.
    let (head, body) = response.into_parts();
    let body = to_bytes(body, LONGEST_BODY).await.unwrap_or_default();
    let answered = String::from_utf8_lossy(&body).into_owned();
    world.log.note(Source::Api, &method, &url, status.as_u16(), [said, Some(answered)]);
    Response::from_parts(head, Body::from(body))
}

async fn answer(world: &World, request: Request, next: Next) -> Response {
    if world.options.rate_limits && !world.limits.admit(request.method(), request.uri().path()) {
        return ApiError::rate_limited().into_response();
    }
    let kind = kind_of(request.uri().path());
    let fits = |fault: &Fault| !(fault.is_of_rooms() || matches!(fault, Fault::Duplicate | Fault::Reorder));
    match world.site.faults.take_if(Service::Daily, &kind, fits) {
        Some(Fault::Refuse { status, info }) => ApiError::refusal(status, info).into_response(),
        Some(Fault::Garbage) => "<html>Bad Gateway</html>".into_response(),
        Some(Fault::Disconnect) => broken_off(),
        Some(Fault::Silent) => {
            world.site.stop.cancelled().await;
            ApiError::refusal(503, None).into_response()
        }
        Some(slow) => {
            tokio::time::sleep(slow.delay()).await;
            next.run(request).await
        }
        None => next.run(request).await,
    }
}

fn authorise(world: &World, request: &Request) -> Result<(), ApiError> {
    let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let key = header.and_then(|value| value.strip_prefix("Bearer ")).map(str::trim);
    let key = key.filter(|key| !key.is_empty()).ok_or_else(ApiError::bad_header)?;
    match &world.options.api_key {
        Some(ours) if ours.reveal() != key => Err(ApiError::bad_key()),
        _ => Ok(()),
    }
}

/// The name under which faults are ordered: the path's documented words, without names and ids.
fn kind_of(path: &str) -> String {
    let words: Vec<&str> = path.split('/').filter(|word| !word.is_empty()).collect();
    match words.as_slice() {
        [] => "domain".to_owned(),
        ["rooms", _, rest @ ..] if !rest.is_empty() => rest.join("/"),
        ["dialin", call] => (*call).to_owned(),
        [first, ..] => (*first).to_owned(),
    }
}

/// An answer whose connection breaks after the head.
fn broken_off() -> Response {
    let reset = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    Body::from_stream(stream::iter([Err::<&[u8], _>(reset)])).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_ordered_by_the_documented_words() {
        for (path, kind) in [
            ("/", "domain"),
            ("/rooms", "rooms"),
            ("/rooms/my-room", "rooms"),
            ("/rooms/my-room/dialOut/start", "dialOut/start"),
            ("/rooms/my-room/sipCallTransfer", "sipCallTransfer"),
            ("/dialin/pinlessCallUpdate", "pinlessCallUpdate"),
            ("/meeting-tokens", "meeting-tokens"),
        ] {
            assert_eq!(kind_of(path), kind);
        }
    }
}
