//! Speech as the body of an HTTP answer: in pieces, with the fault that befalls it.

use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::time::sleep;

use super::faults::{Fault, Service};
use super::site::Site;

/// Between the last piece and a break: what was given out before is sent while nothing is ready.
const BEFORE_BREAK: Duration = Duration::from_millis(20);

/// How a spoken answer goes on after the request was understood.
pub(super) enum Befallen {
    /// It is answered, with what is left of the fault.
    Answered(Option<Fault>),
    /// With this status and explanation instead.
    Refused(u16, Option<String>),
}

/// Lets the fault befall a request that is due for this kind of it; a silent one lasts until the sandbox stops.
pub(super) async fn befall(site: &Site, service: Service, kind: &str) -> Befallen {
    match site.faults.take(service, kind) {
        Some(Fault::Refuse { status, info }) => Befallen::Refused(status, info),
        Some(Fault::Silent) => {
            site.stop.cancelled().await;
            Befallen::Refused(503, None)
        }
        Some(fault) => {
            tokio::select! {
                () = site.stop.cancelled() => {}
                () = sleep(fault.delay()) => {}
            }
            Befallen::Answered(Some(fault))
        }
        None => Befallen::Answered(None),
    }
}

/// Samples as bytes, in pieces of so many, with their content type.
pub(super) fn spoken(
    site: &Site,
    service: Service,
    content_type: &'static str,
    bytes: &[u8],
    piece: usize,
    fault: Option<&Fault>,
) -> Response {
    if fault == Some(&Fault::Garbage) {
        return (StatusCode::OK, [(header::CONTENT_TYPE, "text/html")], "<html>").into_response();
    }
    let mut pieces: Vec<io::Result<Bytes>> =
        bytes.chunks(piece.max(1)).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    if fault == Some(&Fault::Disconnect) {
        pieces.truncate(pieces.len() / 2);
        pieces
            .push(Err(io::Error::new(io::ErrorKind::ConnectionReset, "broken by order of the control API")));
    }
    let open = site.streams.open(service);
    let body = stream::unfold((pieces.into_iter(), open), |(mut pieces, open)| async {
        let piece = pieces.next()?;
        if piece.is_err() {
            sleep(BEFORE_BREAK).await;
        }
        Some((piece, (pieces, open)))
    });
    ([(header::CONTENT_TYPE, content_type)], Body::from_stream(body)).into_response()
}
