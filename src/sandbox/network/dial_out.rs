//! A dialled leg: set up, ringing, answered, in the room, over.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::event::LegFacts;
use super::legs::{Direction, Extension, Leg, LegOrder, Progress};
use super::line::{FromPhone, Line};
use super::relay::carry_over;
use super::talk::{TalkEnd, talk};
use crate::pii::Address;
use crate::sandbox::room::Room;
use crate::sandbox::world::World;

/// From the request to the first ring.
const SETUP: Duration = Duration::from_millis(100);
/// From there to the news that nobody is there.
const SEARCH: Duration = Duration::from_millis(300);
/// Numbers that ring for ever although nobody waits at them.
const RINGS_FOR_EVER: &str = "0199";

/// A dial-out as it was asked for.
#[derive(Debug)]
pub(crate) struct DialOut {
    pub(crate) to: Address,
    pub(crate) user_id: Option<String>,
    pub(crate) display_name: Option<String>,
    pub(crate) caller_id: Option<String>,
    pub(crate) extension: Option<Extension>,
    /// Hears nobody in the room until it is allowed to.
    pub(crate) deaf: bool,
}

/// Starts a leg and gives its session id; everything else is told by events.
pub(crate) fn start_dial_out(world: &Arc<World>, room: Arc<Room>, dial_out: DialOut) -> Uuid {
    let leg = world.network.register(&room.name, Direction::DialOut);
    let id = leg.id;
    world.tasks.spawn(run(Arc::clone(world), room, dial_out, leg));
    id
}

async fn run(world: Arc<World>, room: Arc<Room>, dial_out: DialOut, mut leg: Leg) {
    let Some(session) = room.session_end() else { return };
    let from = world.caller_number(dial_out.caller_id.as_deref());
    let facts = LegFacts::dial_out(&room, leg.id, dial_out.to.reveal(), dial_out.user_id.as_deref());
    let mut line = None;
    let (id, orders) = (leg.id, &mut leg);
    let answered = tokio::select! {
        answered = ring(&world, &room, &facts, id, &dial_out.to, &from, &mut line) => answered,
        () = cancelled(orders, &session) => {
            if let Some(line) = line {
                line.stop("cancelled");
            }
            return room.announce(&facts.event("dialout-stopped"));
        }
    };
    match (answered, line) {
        (Ok(()), Some(mut line)) => {
            room.announce(&facts.event("dialout-answered"));
            let DialOut { display_name, extension, deaf, .. } = dial_out;
            let end = talk(&mut line, &mut leg, &room, display_name, extension, deaf).await;
            room.announce(&facts.event("dialout-stopped"));
            match end {
                TalkEnd::HungUp => {}
                TalkEnd::Stopped => line.stop("hangup"),
                TalkEnd::RoomEnded => line.stop("room ended"),
                TalkEnd::Transferred(transfer) => {
                    leg.note(Progress::Transferred);
                    carry_over(world, line, transfer, from).await;
                }
            }
        }
        (Err(message), _) => room.announce(&facts.dial_out_error(message)),
        (Ok(()), None) => tracing::error!("a leg was answered by nobody"),
    }
}

/// Dials until somebody answers. The error is the event's `errorMsg`.
async fn ring(
    world: &World,
    room: &Arc<Room>,
    facts: &LegFacts,
    id: Uuid,
    to: &Address,
    from: &str,
    line: &mut Option<Line>,
) -> Result<(), &'static str> {
    sleep(SETUP).await;
    *line = world.network.ring(to, from);
    if line.is_none() && !rings_for_ever(to) {
        sleep(SEARCH).await;
        return Err("not reachable");
    }
    world.network.note(id, Progress::Ringing);
    room.announce(&facts.event("dialout-connected"));
    match line {
        Some(line) => answer_of(line).await,
        None => std::future::pending().await,
    }
}

/// Waits until a ringing phone answers, or does not.
pub(super) async fn answer_of(line: &mut Line) -> Result<(), &'static str> {
    loop {
        match line.recv().await {
            FromPhone::Answer => return Ok(()),
            FromPhone::Reject(rejection) => return Err(rejection.text()),
            FromPhone::HangUp => return Err("not reachable"),
            FromPhone::Audio(_) | FromPhone::Key(_) => {}
        }
    }
}

/// Waits until the leg is told to stop or the session ends.
async fn cancelled(leg: &mut Leg, session: &CancellationToken) {
    loop {
        tokio::select! {
            () = session.cancelled() => return,
            order = leg.next_order() => if matches!(order, LegOrder::Stop) {
                return;
            },
        }
    }
}

/// Whether a number without a phone rings for ever rather than being out of reach.
pub(super) fn rings_for_ever(to: &Address) -> bool {
    matches!(to, Address::Phone(number) if number.reveal().ends_with(RINGS_FOR_EVER))
}
