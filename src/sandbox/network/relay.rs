//! After a transfer: a line rings somebody outside the room and is put through to them.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::Forward;
use super::dial_in::{connect, refuse};
use super::dial_out::{answer_of, rings_for_ever};
use super::keys::KeyTones;
use super::legs::{Extension, Transfer};
use super::line::{FromPhone, Line, Tune};
use super::talk::send_keys;
use crate::sandbox::world::World;

/// Longest ringing outside a room: nobody there could stop it.
const RING_LIMIT: Duration = Duration::from_secs(120);

/// Puts a line through to where it is transferred; nobody in the room hears of it any more.
pub(super) async fn carry_over(world: Arc<World>, mut line: Line, transfer: Transfer, from: String) {
    if let Some((room, endpoint)) = world.rooms.at_endpoint(transfer.to.reveal()) {
        return match room.take_endpoint(&endpoint).filter(|_| room.is_ready()) {
            Some(lease) => Box::pin(connect(world, line, Forward { room, endpoint, lease }, from)).await,
            None => refuse(line).await,
        };
    }
    let caller_id = transfer.caller_id.as_deref().map(|id| world.caller_number(Some(id)));
    let Some(mut other) = world.network.ring(&transfer.to, &caller_id.unwrap_or(from)) else {
        let patience = if rings_for_ever(&transfer.to) { RING_LIMIT } else { Duration::ZERO };
        if line.hear(&mut Tune::ringback(), sleep(patience)).await.is_ok() {
            refuse(line).await;
        }
        return;
    };
    let answered = line.hear(&mut Tune::ringback(), timeout(RING_LIMIT, answer_of(&mut other))).await;
    match answered {
        Ok(Ok(Ok(()))) => relay(line, other, transfer.extension).await,
        Ok(Ok(Err(_))) => refuse(line).await,
        Ok(Err(_)) => {
            other.stop("cancelled");
            refuse(line).await;
        }
        Err(_) => other.stop("cancelled"),
    }
}

/// Two lines that talk to each other: one frame in, one frame out.
async fn relay(mut one: Line, mut other: Line, mut extension: Option<Extension>) {
    let (mut to_one, mut to_other) = (KeyTones::default(), KeyTones::default());
    let wait = extension.as_ref().map_or(0.0, |extension| extension.wait_seconds);
    let mut extension_due = pin!(sleep(Duration::from_secs_f64(wait)));
    loop {
        tokio::select! {
            said = one.recv() => if !pass_on(said, &other, &mut to_other) {
                return other.stop("hangup");
            },
            said = other.recv() => if !pass_on(said, &one, &mut to_one) {
                return one.stop("hangup");
            },
            () = &mut extension_due, if extension.is_some() => {
                if let Some(extension) = extension.take() {
                    send_keys(&other, &mut to_other, &extension.keys);
                }
            }
        }
    }
}

/// Passes on what one side says; `false` when it has hung up.
fn pass_on(said: FromPhone, to: &Line, tones: &mut KeyTones) -> bool {
    match said {
        FromPhone::Audio(frame) => to.play(tones.mixed_into(frame)),
        FromPhone::Key(key) => send_keys(to, tones, key.encode_utf8(&mut [0; 4])),
        FromPhone::HangUp => return false,
        FromPhone::Answer | FromPhone::Reject(_) => {}
    }
    true
}
