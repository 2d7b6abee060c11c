//! The calls of this process: each its own task, counted, watched, and ended on shutdown.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tracing::Instrument as _;

use super::flow_file::{FlowFile, Reread};
use crate::machine::CallInfo;
use crate::plan::Plan;
use crate::server::{self, StartBot, StartError, Started};
use crate::session::{self, CallEvent, CallSetup, CallStatus, Journal, Vendors, Watch};
use crate::telemetry::call_span;
use crate::telephony::{DialIn, DialLimits, Room, RoomRequest};

#[cfg(test)]
mod tests;

/// Added to the longest a call and its handoff may last, for the room's own expiry.
const ROOM_SPARE: Duration = Duration::from_secs(300);
/// How long a held caller waits for a line when all are busy. With the room's creation after it, it is still
/// shorter than a start may take; the caller hears hold music meanwhile.
const LINE_WITHIN: Duration = Duration::from_secs(8);
/// Events of one call that may wait for the terminal.
const EVENTS: usize = 1024;

/// Runs the calls of this process.
pub(super) struct Calls {
    flow: Arc<FlowFile>,
    vendors: Vendors,
    journal: Option<Journal>,
    news: mpsc::Sender<News>,
    tasks: TaskTracker,
    dial_limits: Arc<DialLimits>,
    lines: Arc<Semaphore>,
    most: usize,
    shutdown: CancellationToken,
    kill: CancellationToken,
}

/// What the terminal is told.
pub(super) enum News {
    /// A call has begun.
    Began(LiveCall),
    /// The flow was read again.
    Flow(Reread),
}

/// A call as the terminal sees it.
pub(super) struct LiveCall {
    pub(super) plan: Arc<Plan>,
    pub(super) status: watch::Receiver<CallStatus>,
    pub(super) events: mpsc::Receiver<CallEvent>,
}

impl Calls {
    pub(super) fn new(
        flow: Arc<FlowFile>,
        vendors: Vendors,
        journal: Option<Journal>,
        dial_limits: Arc<DialLimits>,
        most: usize,
    ) -> (Arc<Self>, mpsc::Receiver<News>) {
        let (news, receiver) = mpsc::channel(64);
        let calls = Self {
            flow,
            vendors,
            journal,
            news,
            tasks: TaskTracker::new(),
            dial_limits,
            lines: Arc::new(Semaphore::new(most)),
            most,
            shutdown: CancellationToken::new(),
            kill: CancellationToken::new(),
        };
        (Arc::new(calls), receiver)
    }

    /// Cancelled when no more calls are taken.
    pub(super) fn draining(&self) -> CancellationToken {
        self.shutdown.clone()
    }

    /// Asks every call to finish, and waits for them; two people who were connected may go on talking
    /// until `patience` is over. What is left then is torn down.
    pub(super) async fn drain(&self, patience: Duration) {
        const TEAR_DOWN: Duration = Duration::from_secs(10);
        self.shutdown.cancel();
        self.tasks.close();
        if tokio::time::timeout(patience, self.tasks.wait()).await.is_err() {
            self.end_now();
            if tokio::time::timeout(TEAR_DOWN, self.tasks.wait()).await.is_err() {
                tracing::error!("calls did not end in time; their rooms end at their expiry");
            }
        }
    }

    /// Tears every call down, whatever it is doing.
    pub(super) fn end_now(&self) {
        self.kill.cancel();
    }

    async fn start_dial_in(&self, dial_in: DialIn, id: Arc<str>) -> Result<Started, StartError> {
        let line = self.line(LINE_WITHIN).await?;
        let plan = self.plan_for_next_call();
        let now = unix_now();
        let lifetime = lifetime(&plan);
        let request = RoomRequest { caller: dial_in.from.clone(), lifetime, now };
        let room = self.vendors.telephony.create_room(request).await.map_err(StartError::Telephony)?;
        if self.shutdown.is_cancelled() {
            // The shutdown came while the room was made: nobody would take the caller there.
            self.discard(&room).await;
            return Err(StartError::Draining);
        }
        let started =
            Started { room_url: room.url.clone(), token: Some(room.token.clone()), call_id: id.to_string() };
        let info = CallInfo { id, from: dial_in.from.clone(), to: dial_in.to.clone(), started_at: now };
        tracing::info!(call = started.call_id, "a call has come in and has a room");
        self.spawn(line, plan, info, room, dial_in);
        Ok(started)
    }

    fn spawn(&self, line: Line, plan: Arc<Plan>, info: CallInfo, room: Room, dial_in: DialIn) {
        let (watch, status, events) = Watch::new(EVENTS);
        let call = LiveCall { plan: Arc::clone(&plan), status, events };
        // Nobody has to look on: with a full or closed queue the call simply is not shown.
        let _unwatched = self.news.try_send(News::Began(call));
        let setup = CallSetup {
            plan,
            info,
            room,
            dial_in: Some(dial_in),
            vendors: self.vendors.clone(),
            dial_limits: Arc::clone(&self.dial_limits),
            watch,
            journal: self.journal.clone(),
            shutdown: self.shutdown.clone(),
            kill: self.kill.clone(),
        };
        self.tasks.spawn(async move {
            let _line = line;
            // A panic in one call must not reach another; it is logged and the room expires.
            if std::panic::AssertUnwindSafe(session::run(setup)).catch_unwind().await.is_err() {
                tracing::error!("a call's task failed; this is a bug");
            }
        });
    }

    fn plan_for_next_call(&self) -> Arc<Plan> {
        match self.flow.reread() {
            Reread::Same => {}
            changed => {
                match &changed {
                    Reread::Broken { .. } => {
                        tracing::warn!("the flow file has errors; the last good version serves")
                    }
                    _ => tracing::info!("the flow file was read again"),
                }
                let _unwatched = self.news.try_send(News::Flow(changed));
            }
        }
        self.flow.plan()
    }

    async fn discard(&self, room: &Room) {
        if let Err(error) = self.vendors.telephony.delete_room(&room.name).await {
            tracing::warn!(room = room.name, %error, "a room that is not needed is left to expire");
        }
    }

    /// A free line, waited for as long as that.
    async fn line(&self, patience: Duration) -> Result<Line, StartError> {
        let task = self.tasks.token();
        // Asked when the token is taken, so that a shutdown either waits for it or is seen here.
        tokio::select! {
            biased;
            () = self.shutdown.cancelled() => Err(StartError::Draining),
            free = timeout(patience, Arc::clone(&self.lines).acquire_owned()) => match free {
                Ok(Ok(place)) => Ok(Line { _place: place, _task: task }),
                _ => Err(StartError::AtCapacity { limit: self.most }),
            },
        }
    }
}

impl server::Calls for Calls {
    fn start(&self, dial_in: DialIn) -> BoxFuture<'_, Result<Started, StartError>> {
        let id = call_id(&dial_in.call_id);
        let span = call_span(&id);
        self.start_dial_in(dial_in, id.into()).instrument(span).boxed()
    }

    fn start_bot(&self, bot: StartBot) -> BoxFuture<'_, Result<Started, StartError>> {
        async move {
            let line = self.line(Duration::ZERO).await?;
            let plan = self.plan_for_next_call();
            let info = CallInfo {
                id: call_id(&bot.dial_in.call_id).into(),
                from: bot.dial_in.from.clone(),
                to: bot.dial_in.to.clone(),
                started_at: unix_now(),
            };
            let started = Started {
                room_url: bot.room_url.clone(),
                token: Some(bot.token.clone()),
                call_id: info.id.to_string(),
            };
            let name = bot.room_url.rsplit('/').next().unwrap_or_default().to_owned();
            let room =
                Room { name, url: bot.room_url, token: bot.token, sip_endpoint: None, expires_at: None };
            self.spawn(line, plan, info, room, bot.dial_in);
            Ok(started)
        }
        .boxed()
    }

    fn live(&self) -> usize {
        self.most - self.lines.available_permits()
    }
}

/// One of the places for concurrent calls; given back when the call is over. A shutdown waits for all that
/// are taken, those of calls that are only being started included.
struct Line {
    _place: OwnedSemaphorePermit,
    _task: TaskTrackerToken,
}

/// The room must outlive the call and the talk after the handoff.
fn lifetime(plan: &Plan) -> Duration {
    use crate::plan::Kind;
    let talk = plan.states.iter().filter_map(|s| match &s.kind {
        Kind::Handoff(handoff) => Some(handoff.max),
        _ => None,
    });
    plan.call.max_duration + talk.max().unwrap_or_default() + ROOM_SPARE
}

/// The vendor's id is ours, too: one id finds a call in everybody's logs.
fn call_id(vendors: &str) -> String {
    let clean: String = vendors.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(64).collect();
    if clean.is_empty() { uuid::Uuid::now_v7().to_string() } else { clean }
}

/// Wall-clock time, read once a call.
#[expect(clippy::disallowed_methods, reason = "the one place where a call learns what time it is outside")]
pub(super) fn unix_now() -> i64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}
