//! Commands for legs from a client in the room: the requests of Daily's native library (`start_dialout`, …),
//! which do what the REST endpoints of nearly the same names do.
//!
//! A refusal is the error of the request and no event. Its text for a start is the one that the native library
//! was reported to give whatever the cause (pipecat issue 2418); the others are words that stand in it.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{ApiError, dial_out, transfer};
use crate::sandbox::faults::{Fault, Service};
use crate::sandbox::world::World;

/// Whatever a start is refused for.
const NOT_STARTED: &str = "Dialout(Properties(UnknownCallClientError))";
/// Commands of those who may not give them.
const NOT_ALLOWED: &str = "Dialout(NotAllowed)";

/// A request of a client.
#[derive(Deserialize, Debug)]
pub(crate) struct ClientRequest {
    id: u64,
    #[serde(flatten)]
    command: Command,
}

#[derive(Deserialize, Debug)]
#[serde(tag = "name", content = "properties", rename_all = "camelCase")]
enum Command {
    StartDialout(Value),
    StopDialout(String),
    SendDtmf(Value),
    SipCallTransfer(Value),
    SipRefer(Value),
}

impl Command {
    /// The name under which faults are ordered.
    fn name(&self) -> &'static str {
        match self {
            Self::StartDialout(_) => "startDialout",
            Self::StopDialout(_) => "stopDialout",
            Self::SendDtmf(_) => "sendDtmf",
            Self::SipCallTransfer(_) => "clientSipCallTransfer",
            Self::SipRefer(_) => "clientSipRefer",
        }
    }

    fn is_start(&self) -> bool {
        matches!(self, Self::StartDialout(_))
    }
}

/// Carries a request out. Gives what the client is told: nothing, once, or twice.
pub(crate) async fn carry_out(
    world: &Arc<World>,
    room: &str,
    is_owner: bool,
    request: ClientRequest,
) -> Vec<Value> {
    let ClientRequest { id, command } = request;
    let fits = |fault: &Fault| {
        matches!(fault, Fault::Refuse { .. } | Fault::Slow { .. } | Fault::Silent | Fault::Duplicate)
    };
    let fault = world.site.faults.take_if(Service::Daily, command.name(), fits);
    tokio::time::sleep(fault.as_ref().map_or(Duration::ZERO, Fault::delay)).await;
    let is_start = command.is_start();
    let done = match &fault {
        Some(Fault::Refuse { info, .. }) => Err(info.clone().unwrap_or_else(|| NOT_STARTED.to_owned())),
        _ if !is_owner => Err(NOT_ALLOWED.to_owned()),
        _ => obey(world, room, command).map_err(|error| match is_start {
            true => NOT_STARTED.to_owned(),
            false => error.info(),
        }),
    };
    let answer = match done {
        Ok(leg) => json!({"action": "request-completed", "id": id, "sessionId": leg}),
        Err(why) => json!({"action": "request-completed", "id": id, "errorMsg": why}),
    };
    match fault {
        // It was done, and nobody hears of it.
        Some(Fault::Silent) => Vec::new(),
        Some(Fault::Duplicate) => vec![answer.clone(), answer],
        _ => vec![answer],
    }
}

fn obey(world: &Arc<World>, room: &str, command: Command) -> Result<Option<Uuid>, ApiError> {
    match command {
        Command::StartDialout(properties) => {
            let deaf = properties.pointer("/permissions/canReceive/base") == Some(&Value::Bool(false));
            dial_out::dial(world, room, read(properties)?, deaf).map(Some)
        }
        Command::StopDialout(leg) => {
            let leg = Uuid::parse_str(&leg).map_err(|_| ApiError::invalid("not a UUID"))?;
            dial_out::hang_up(world, room, leg).map(|()| None)
        }
        Command::SendDtmf(properties) => dial_out::press(world, room, read(properties)?).map(|_| None),
        Command::SipCallTransfer(properties) => {
            transfer::carry_out(world, room, read(properties)?, |_| true).map(|_| None)
        }
        Command::SipRefer(properties) => {
            transfer::carry_out(world, room, read(properties)?, transfer::is_sip).map(|_| None)
        }
    }
}

fn read<T: DeserializeOwned>(properties: Value) -> Result<T, ApiError> {
    serde_json::from_value(properties).map_err(|error| ApiError::invalid(error.to_string()))
}
