//! `POST /chat/completions`: who decides the reply, what befalls it, and how it is sent.

use std::io;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::completion::{Completion, Reply};
use super::error::ApiError;
use super::request::ChatRequest;
use super::script::ScriptedError;
use super::{Shared, answers, authorized, tools};
use crate::sandbox::clock::unix_now;
use crate::sandbox::faults::{Fault, Service};
use crate::sandbox::outbox::{Outbox, Step};
use crate::sandbox::site::OpenStream;

/// Ends every stream.
const DONE: &str = "[DONE]";

/// Between the last event and a break.
const BEFORE_BREAK: Duration = Duration::from_millis(20);

/// The route.
pub(super) async fn complete(State(shared): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    match answer(&shared, &headers, &body).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    }
}

async fn answer(shared: &Shared, headers: &HeaderMap, body: &[u8]) -> Result<Response, ApiError> {
    authorized(headers)?;
    let request = ChatRequest::parse(body)?;
    if shared.service == Service::Openai {
        request.check_model()?;
    }
    shared.site.traces.note_header(shared.service, headers);
    let fault = shared.site.faults.take(shared.service, "chat");
    match &fault {
        Some(Fault::Refuse { status, info }) => return Err(ApiError::ordered(*status, info.clone())),
        Some(Fault::Silent) => {
            shared.site.stop.cancelled().await;
            return Err(ApiError::ordered(503, None));
        }
        Some(Fault::Slow { ms }) => wait(&shared.site.stop, *ms).await,
        _ => {}
    }
    let scripted = shared.script.take(request.last_user_text());
    let (reply, broken) = match scripted {
        None => (decide(&request), None),
        Some(scripted) => {
            wait(&shared.site.stop, scripted.delay_ms).await;
            if let Some(error) = &scripted.error
                && let Some(status) = error.status
            {
                return Err(api_error(status, error));
            }
            let calls = scripted.calls.iter().map(|call| (call.name.clone(), call.text())).collect();
            (Reply { text: scripted.say, calls }, scripted.error)
        }
    };
    let completion = Completion::new(&request, &reply, unix_now() as u64);
    if !request.stream {
        return Ok(whole(&completion, fault.as_ref()));
    }
    let open = shared.site.streams.open(shared.service);
    Ok(streamed(outbox(&completion, broken.as_ref(), fault.as_ref()), open, shared.site.stop.clone()))
}

async fn wait(stop: &CancellationToken, ms: u64) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = sleep(Duration::from_millis(ms)) => {}
    }
}

/// What the stand-in says: a tool call if one fits, else a sentence.
fn decide(request: &ChatRequest) -> Reply {
    match tools::choose(request) {
        Some(tool) => {
            let arguments = tools::arguments(tool, request.last_user_text()).to_string();
            Reply { text: None, calls: vec![(tool.name.clone(), arguments)] }
        }
        None => Reply { text: Some(answers::answer(request)), calls: Vec::new() },
    }
}

fn api_error(status: u16, error: &ScriptedError) -> ApiError {
    let refusal = ApiError::ordered(status, error.message.clone()).with_code(error.code.clone());
    ApiError { retry_after: error.retry_after, ..refusal }
}

fn whole(completion: &Completion<'_>, fault: Option<&Fault>) -> Response {
    match fault {
        Some(Fault::Garbage) => (StatusCode::OK, "<html>").into_response(),
        Some(Fault::Disconnect) => {
            let broken = stream::iter([Ok(Bytes::from_static(b"{\"id\":")), Err(broken())]);
            Body::from_stream(broken).into_response()
        }
        _ => Json(completion.whole()).into_response(),
    }
}

/// The data of a stream's events. A fault befalls what follows the first chunk, which holds the role only.
fn outbox(completion: &Completion<'_>, broken: Option<&ScriptedError>, fault: Option<&Fault>) -> Outbox {
    let mut data: Vec<String> = completion.chunks().iter().map(ToString::to_string).collect();
    match broken {
        // The error comes instead of the end.
        Some(error) => {
            let said = completion.chunks_before_the_end();
            data.truncate(said);
            data.push(api_error(500, error).body().to_string());
        }
        None => data.push(DONE.to_owned()),
    }
    let rest = data.split_off(1);
    let mut outbox = Outbox::default();
    outbox.push(None, data, None);
    outbox.push(None, rest, fault.filter(|fault| !matches!(fault, Fault::Slow { .. })));
    outbox
}

fn streamed(outbox: Outbox, open: OpenStream, stop: CancellationToken) -> Response {
    let events = stream::unfold(Some((outbox, open, stop)), |state| async {
        let (mut outbox, open, stop) = state?;
        if outbox.is_empty() {
            return None;
        }
        let step = tokio::select! {
            () = stop.cancelled() => Step::Break,
            step = outbox.next() => step,
        };
        match step {
            Step::Send(data) => Some((Ok(event(&data)), Some((outbox, open, stop)))),
            Step::Break | Step::Close(..) => {
                // What was given out before is sent while nothing is ready; an error at once would take it along.
                sleep(BEFORE_BREAK).await;
                Some((Err(broken()), None))
            }
        }
    });
    ([(header::CONTENT_TYPE, "text/event-stream; charset=utf-8")], Body::from_stream(events)).into_response()
}

/// One server-sent event; an error has a name.
fn event(data: &str) -> Bytes {
    let name = if data.starts_with("{\"error\":") { "event: error\n" } else { "" };
    Bytes::from(format!("{name}data: {data}\n\n"))
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, "broken by order of the control API")
}
