//! A caller: held with music while the webhook is told, forwarded into a room, gone.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use super::event::LegFacts;
use super::legs::{Direction, Progress};
use super::line::{Line, ToPhone, Tune};
use super::relay::carry_over;
use super::talk::{TalkEnd, talk};
use super::{Forward, webhook};
use crate::pii::Address;
use crate::sandbox::faults::{Fault, Service};
use crate::sandbox::world::World;

/// From the forward to `dialin-connected`, and from there to the participant: SIP and media set-up.
const SIGNALLING: Duration = Duration::from_millis(100);
const MEDIA_SETUP: Duration = Duration::from_millis(60);
/// How long a caller hears the busy tone who cannot be put through.
const BUSY_TONE: Duration = Duration::from_millis(1_500);
/// What a withheld number is called.
const WITHHELD: &str = "anonymous";

/// Takes a placed call until it is over.
pub(crate) async fn place_call(
    world: Arc<World>,
    mut line: Line,
    from: Option<Address>,
    to: Option<Address>,
) {
    let Some(to) = to else { return line.stop("not in service") };
    let Some(webhook) = world.domain.webhook_for(&to) else { return line.stop("not in service") };
    line.tell(ToPhone::Answered);
    let from = from.as_ref().map_or(WITHHELD, Address::reveal).to_owned();
    match hold(&world, &mut line, webhook, &from, &to).await {
        HoldEnd::Forwarded(forward) => connect(world, line, forward, from).await,
        HoldEnd::NotTaken => refuse(line).await,
        HoldEnd::HungUp => {}
    }
}

/// How a hold ended.
enum HoldEnd {
    Forwarded(Forward),
    /// The webhook refused, or nobody forwarded the call in time.
    NotTaken,
    HungUp,
}

/// Plays hold music until the caller is forwarded. The webhook's request outlives the hold: who answers
/// it may have forwarded the caller before.
async fn hold(
    world: &Arc<World>,
    line: &mut Line,
    webhook: webhook::Webhook,
    from: &str,
    to: &Address,
) -> HoldEnd {
    let mut held = world.network.hold();
    let report =
        webhook::Report { to: to.reveal(), from, call_id: held.call_id, call_domain: held.call_domain };
    let refused = post(world, webhook, webhook::body(&report));
    let forwarded = async {
        tokio::select! {
            forward = &mut held.forwarded => forward.ok(),
            () = refused => None,
        }
    };
    let forwarded = timeout(world.options.hold_limit, forwarded);
    match line.hear(&mut Tune::hold_music(), forwarded).await {
        Err(_) => HoldEnd::HungUp,
        Ok(Ok(Some(forward))) => HoldEnd::Forwarded(forward),
        Ok(Ok(None) | Err(_)) => HoldEnd::NotTaken,
    }
}

/// Posts the webhook in a task of its own. Resolves if it is refused, and never if it is taken.
fn post(world: &Arc<World>, webhook: webhook::Webhook, body: String) -> impl Future<Output = ()> + use<> {
    let fits = |fault: &Fault| {
        matches!(fault, Fault::Slow { .. } | Fault::Silent | Fault::Duplicate | Fault::Garbage)
    };
    let fault = world.site.faults.take_if(Service::Daily, "webhook", fits);
    let (answer, answered) = oneshot::channel();
    let (http, log) = (world.http.clone(), world.log.clone());
    let webhook = if fault == Some(Fault::Garbage) { webhook.forged() } else { webhook };
    world.tasks.spawn(async move {
        let copies = match fault {
            Some(Fault::Silent) => return,
            Some(Fault::Duplicate) => 2,
            Some(slow) => {
                sleep(slow.delay()).await;
                1
            }
            None => 1,
        };
        if webhook::report(http, log, webhook, body, copies).await.is_err() {
            // Nobody listens any more if the caller was forwarded or has hung up.
            answer.send(()).unwrap_or_default();
        }
    });
    async move {
        if answered.await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// The forwarded caller: signalling, then media, then the conversation, and what comes after it.
pub(super) async fn connect(world: Arc<World>, mut line: Line, forward: Forward, from: String) {
    let Forward { room, endpoint, lease: _lease } = forward;
    let mut leg = world.network.register(&room.name, Direction::DialIn);
    let facts = LegFacts::dial_in(&room, leg.id, &from, &endpoint);
    let mut music = Tune::hold_music();
    if line.hear(&mut music, sleep(SIGNALLING)).await.is_err() {
        return;
    }
    room.announce(&facts.event("dialin-connected"));
    if line.hear(&mut music, sleep(MEDIA_SETUP)).await.is_err() {
        return room.announce(&facts.event("dialin-stopped"));
    }
    let name = room.settings.sip.as_ref().map(|sip| sip.display_name.clone());
    let end = talk(&mut line, &mut leg, &room, name, None, false).await;
    room.announce(&facts.event("dialin-stopped"));
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

/// A busy tone, then the end.
pub(super) async fn refuse(mut line: Line) {
    if line.hear(&mut Tune::busy(), sleep(BUSY_TONE)).await.is_ok() {
        line.stop("busy");
    }
}
