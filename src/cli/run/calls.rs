//! The calls of this process: each its own task, counted, watched, and ended on shutdown.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tracing::Instrument as _;

use super::answers::Answers;
use super::flow_file::Reread;
use super::flows::{Flows, UnknownFlow};
use super::memory::Memory;
use super::providers::Providers;
use crate::cloud::{DailyAccess, FlowRef, SessionArgs};
use crate::machine::CallInfo;
use crate::pii::PhoneNumber;
use crate::plan::Plan;
use crate::server::{self, StartBot, StartError, Started};
use crate::session::{self, CallEvent, CallRecord, CallSetup, CallStatus, Journal, Vendors, Watch};
use crate::settings;
use crate::telemetry::call_span;
use crate::telephony::daily::Daily;
use crate::telephony::{DialIn, DialLimits, Room, RoomClient, RoomRequest, Telephony, TelephonyError};

#[cfg(test)]
mod tests;

/// Added to the longest a call and its handoff may last, for the room's own expiry.
const ROOM_SPARE: Duration = Duration::from_secs(300);
/// How long a held caller waits for a line when all are busy. With the room's creation after it, it is still
/// shorter than a start may take; the caller hears hold music meanwhile.
const LINE_WITHIN: Duration = Duration::from_secs(8);
/// Events of one call that may wait for the terminal.
const EVENTS: usize = 1024;

/// How long a call that nobody wants any more may take to say so and end.
const ABANDONED_WITHIN: Duration = Duration::from_secs(5);

/// Runs the calls of this process.
pub(in crate::cli) struct Calls {
    flows: Arc<Flows>,
    vendors: CallVendors,
    journal: Option<Journal>,
    news: mpsc::Sender<News>,
    tasks: TaskTracker,
    dial_limits: Arc<DialLimits>,
    answers: Arc<Answers>,
    memory: Arc<Memory>,
    lines: Arc<Semaphore>,
    most: usize,
    /// Cancelled with `shutdown`, or before it.
    draining: CancellationToken,
    shutdown: CancellationToken,
    kill: CancellationToken,
}

/// The vendors of all calls, and who hears, thinks and speaks in which.
pub(in crate::cli) struct CallVendors {
    pub(super) telephony: Arc<dyn Telephony>,
    pub(super) rooms: Arc<dyn RoomClient>,
    pub(super) speech: Speech,
}

/// Who hears, thinks and speaks.
pub(super) enum Speech {
    /// Whom the call's flow names.
    ByFlow(Box<Providers>),
    /// The same in all calls.
    Fixed(Vendors),
}

impl CallVendors {
    /// The vendors of a call.
    fn of(&self, plan: &Plan) -> Result<Vendors, StartError> {
        match &self.speech {
            Speech::Fixed(vendors) => Ok(vendors.clone()),
            Speech::ByFlow(providers) => providers
                .choose(&plan.services, (&self.telephony, &self.rooms))
                .map_err(|error| StartError::Failed(error.to_string())),
        }
    }
}

impl From<Vendors> for CallVendors {
    fn from(vendors: Vendors) -> Self {
        let (telephony, rooms) = (Arc::clone(&vendors.telephony), Arc::clone(&vendors.rooms));
        Self { telephony, rooms, speech: Speech::Fixed(vendors) }
    }
}

/// A call that was started.
pub(in crate::cli) struct CallHandle {
    /// Comes when everything of the call is gone; an error if the call broke.
    pub(in crate::cli) record: oneshot::Receiver<Arc<CallRecord>>,
    /// Cancelled: nobody wants the call any more. It says so, and ends within [`ABANDONED_WITHIN`].
    pub(in crate::cli) abandon: CancellationToken,
}

/// What the terminal is told.
pub(in crate::cli) enum News {
    /// A call has begun.
    Began(LiveCall),
    /// The flow was read again.
    Flow(Reread),
}

/// A call as the terminal sees it.
pub(in crate::cli) struct LiveCall {
    pub(super) plan: Arc<Plan>,
    pub(super) status: watch::Receiver<CallStatus>,
    pub(in crate::cli) events: mpsc::Receiver<CallEvent>,
}

impl Calls {
    pub(in crate::cli) fn new(
        flows: Arc<Flows>,
        vendors: impl Into<CallVendors>,
        journal: Option<Journal>,
        dial_limits: Arc<DialLimits>,
        most: usize,
    ) -> (Arc<Self>, mpsc::Receiver<News>) {
        let (news, receiver) = mpsc::channel(64);
        let shutdown = CancellationToken::new();
        let calls = Self {
            flows,
            vendors: vendors.into(),
            journal,
            news,
            tasks: TaskTracker::new(),
            dial_limits,
            answers: Arc::default(),
            memory: Arc::default(),
            lines: Arc::new(Semaphore::new(most)),
            most,
            draining: shutdown.child_token(),
            shutdown,
            kill: CancellationToken::new(),
        };
        (Arc::new(calls), receiver)
    }

    /// How long callers waited for answers, in the calls that are over.
    pub(super) fn answers(&self) -> &Answers {
        &self.answers
    }

    /// Cancelled when no more calls are taken.
    pub(in crate::cli) fn draining(&self) -> CancellationToken {
        self.draining.clone()
    }

    /// Cancelled when all calls are asked to finish.
    pub(super) fn shutdown(&self) -> CancellationToken {
        self.shutdown.clone()
    }

    /// Takes no more calls, and waits for those that are on, for so long at most.
    pub(in crate::cli) async fn let_finish(&self, patience: Duration) {
        self.draining.cancel();
        self.tasks.close();
        if timeout(patience, self.tasks.wait()).await.is_err() {
            tracing::warn!("calls are still on after {patience:?}");
        }
    }

    /// Asks every call to finish, and waits for them; two people who were connected may go on talking
    /// until `patience` is over. What is left then is torn down.
    pub(in crate::cli) async fn drain(&self, patience: Duration) {
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
    pub(in crate::cli) fn end_now(&self) {
        self.kill.cancel();
    }

    async fn start_dial_in(&self, dial_in: DialIn, id: Arc<str>) -> Result<Started, StartError> {
        let line = self.line(LINE_WITHIN).await?;
        let plan = self.plan_for(None, dial_in.to.as_ref())?;
        let vendors = self.vendors.of(&plan)?;
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
        tracing::info!(call = started.call_id, "a call has come in and has a room");
        let _unattended = self.spawn(line, plan, vendors, room, dial_in, id);
        Ok(started)
    }

    /// Starts a call in a room that exists.
    pub(in crate::cli) fn start_in_room(
        &self,
        line: Line,
        plan: Arc<Plan>,
        args: SessionArgs,
    ) -> Result<CallHandle, StartError> {
        let telephony = self.telephony_for(args.daily).map_err(StartError::Telephony)?;
        let vendors = Vendors { telephony, ..self.vendors.of(&plan)? };
        let room = Room {
            name: room_name(&args.room_url),
            url: args.room_url,
            token: args.token,
            sip_endpoint: None,
            expires_at: None,
        };
        let id = call_id(&args.dial_in.call_id).into();
        Ok(self.spawn(line, plan, vendors, room, args.dial_in, id))
    }

    /// Deletes the room of a call that is not taken; nobody waits for it.
    pub(in crate::cli) fn delete_room_of(&self, args: SessionArgs) {
        let telephony = self.telephony_for(args.daily);
        let name = room_name(&args.room_url);
        self.tasks.spawn(async move {
            let deleted = match telephony {
                Ok(telephony) => telephony.delete_room(&name).await,
                Err(error) => Err(error),
            };
            if let Err(error) = deleted {
                tracing::warn!(%error, "the room of a refused call is left to expire");
            }
        });
    }

    /// The flow for a call, as its file is now.
    pub(in crate::cli) fn plan_for(
        &self,
        wanted: Option<&FlowRef>,
        called: Option<&PhoneNumber>,
    ) -> Result<Arc<Plan>, UnknownFlow> {
        let (plan, reread) = self.flows.choose(wanted, called)?.next();
        if !matches!(reread, Reread::Same) {
            let _unwatched = self.news.try_send(News::Flow(reread));
        }
        Ok(plan)
    }

    fn spawn(
        &self,
        line: Line,
        plan: Arc<Plan>,
        vendors: Vendors,
        room: Room,
        dial_in: DialIn,
        id: Arc<str>,
    ) -> CallHandle {
        let (watch, status, events) = Watch::new(EVENTS);
        let call = LiveCall { plan: Arc::clone(&plan), status, events };
        // Nobody has to look on: with a full or closed queue the call simply is not shown.
        let _unwatched = self.news.try_send(News::Began(call));
        let (shutdown, kill) = (self.shutdown.child_token(), self.kill.child_token());
        let abandon = CancellationToken::new();
        let setup = CallSetup {
            info: CallInfo { id, from: dial_in.from.clone(), to: dial_in.to.clone(), started_at: unix_now() },
            plan,
            room,
            dial_in: Some(dial_in),
            vendors,
            dial_limits: Arc::clone(&self.dial_limits),
            watch,
            journal: self.journal.clone(),
            shutdown: shutdown.clone(),
            kill: kill.clone(),
        };
        let (tell, record) = oneshot::channel();
        let call = Box::pin(end_when_abandoned(session::run(setup), abandon.clone(), shutdown, kill));
        let (answers, memory) = (Arc::clone(&self.answers), Arc::clone(&self.memory));
        self.tasks.spawn(async move {
            // A panic in one call must not reach another; it is logged and the room expires.
            let ended = std::panic::AssertUnwindSafe(call).catch_unwind().await;
            // The place is free before anybody hears that the call is over.
            drop(line);
            match ended {
                // Nobody has to wait for the record.
                Ok(record) => {
                    answers.add(&record);
                    drop(tell.send(record));
                }
                Err(_panic) => tracing::error!("a call's task failed; this is a bug"),
            }
            memory.call_ended();
        });
        CallHandle { record, abandon }
    }

    /// The rooms of a call whose Daily domain may not be ours.
    fn telephony_for(&self, daily: Option<DailyAccess>) -> Result<Arc<dyn Telephony>, TelephonyError> {
        let Some(DailyAccess { api_url, api_key }) = daily else {
            return Ok(Arc::clone(&self.vendors.telephony));
        };
        let url = api_url.as_deref().unwrap_or(settings::DAILY_API_URL);
        Ok(Arc::new(Daily::new(url, api_key)?))
    }

    async fn discard(&self, room: &Room) {
        if let Err(error) = self.vendors.telephony.delete_room(&room.name).await {
            tracing::warn!(room = room.name, %error, "a room that is not needed is left to expire");
        }
    }

    /// A free line, waited for as long as that.
    pub(in crate::cli) async fn line(&self, patience: Duration) -> Result<Line, StartError> {
        let task = self.tasks.token();
        // Asked when the token is taken, so that a shutdown either waits for it or is seen here.
        tokio::select! {
            biased;
            () = self.draining.cancelled() => Err(StartError::Draining),
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
            let plan = self.plan_for(bot.flow.as_ref(), bot.dial_in.to.as_ref())?;
            let started = Started {
                room_url: bot.room_url.clone(),
                token: Some(bot.token.clone()),
                call_id: call_id(&bot.dial_in.call_id),
            };
            let _unattended = self.start_in_room(line, plan, bot)?;
            Ok(started)
        }
        .boxed()
    }

    fn live(&self) -> usize {
        self.most - self.lines.available_permits()
    }
}

impl From<UnknownFlow> for StartError {
    fn from(UnknownFlow { name, known }: UnknownFlow) -> Self {
        Self::UnknownFlow { name, known }
    }
}

/// A call that is asked to end, and then made to, once nobody wants it any more.
async fn end_when_abandoned<T>(
    call: impl Future<Output = T>,
    abandoned: CancellationToken,
    shutdown: CancellationToken,
    kill: CancellationToken,
) -> T {
    let hurry = async {
        abandoned.cancelled().await;
        shutdown.cancel();
        tokio::time::sleep(ABANDONED_WITHIN).await;
        kill.cancel();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        ended = call => ended,
        () = hurry => unreachable!("it is pending for ever"),
    }
}

/// One of the places for concurrent calls; given back when the call is over. A shutdown waits for all that
/// are taken, those of calls that are only being started included.
pub(in crate::cli) struct Line {
    _place: OwnedSemaphorePermit,
    _task: TaskTrackerToken,
}

/// The room must outlive the call and the talk after the handoff.
pub(super) fn lifetime(plan: &Plan) -> Duration {
    use crate::plan::Kind;
    let talk = plan.states.iter().filter_map(|s| match &s.kind {
        Kind::Handoff(handoff) => Some(handoff.max),
        _ => None,
    });
    plan.call.max_duration + talk.max().unwrap_or_default() + ROOM_SPARE
}

/// The name of a room by its URL.
fn room_name(url: &str) -> String {
    url.rsplit('/').next().unwrap_or_default().to_owned()
}

/// The vendor's id is ours, too: one id finds a call in everybody's logs.
pub(super) fn call_id(vendors: &str) -> String {
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
