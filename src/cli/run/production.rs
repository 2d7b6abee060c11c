//! `ENV=production`: the server takes the webhook, makes the room, and has Pipecat Cloud run the bot.
//!
//! A start that fails leaves no room behind, and the webhook is answered with the cause, which ends the
//! caller's wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use super::app::{self, RunError};
use super::calls::{call_id, lifetime, unix_now};
use super::flows::Flows;
use super::reach::Reach;
use super::routes::Routes;
use super::screen::Screen;
use super::{RunArgs, left_behind};
use crate::cli::ExitStatus;
use crate::cloud::{FlowRef, PipecatCloud, SessionArgs};
use crate::pii::PhoneNumber;
use crate::plan::Plan;
use crate::server::{Calls, Server, ServerOptions, StartBot, StartError, Started};
use crate::settings::Settings;
use crate::telephony::{DialIn, RoomRequest, Telephony};

/// How long starts in flight and left-over rooms may take at the end.
const DRAIN: Duration = Duration::from_secs(30);

/// Serves the webhook until a signal ends it.
pub(super) async fn run(
    args: &RunArgs,
    routes: Routes,
    mut settings: Settings,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<ExitStatus, RunError> {
    let Some(production) = settings.production.clone() else { return Ok(ExitStatus::Success) };
    if let Some(option) = option_of_a_local_run(args) {
        return Err(RunError::NotInProduction(option));
    }
    let (flows, warnings) = Flows::open(routes, None)?;
    let flows = Arc::new(flows);
    let daily = Arc::new(app::daily(&settings, None)?.of_server(left_behind::mark(&settings)));
    let calls = Arc::new(CloudCalls::new(
        Arc::clone(&flows),
        Arc::clone(&daily) as Arc<dyn Telephony>,
        PipecatCloud::new(&production.api_url, &production.agent, production.key.clone())?,
    ));
    let options = ServerOptions {
        webhook_secret: settings.webhook_secret.clone(),
        api_token: settings.api_token.clone(),
        is_public: settings.public_url.is_some() || args.tunnel,
        requests_per_second: settings.limits.requests_per_second,
        draining: calls.draining.clone(),
        ..ServerOptions::new(settings.listen)
    };
    let server = Server::bind(options, Arc::clone(&calls) as Arc<dyn Calls>).await?;
    let reach = Reach::open(args, &mut settings, server.url(), env).await?;
    let screen = Screen::new(false, true);
    screen.text(&warnings);
    for warning in settings.warnings() {
        screen.warn(&warning.to_string(), warning.fix());
    }
    screen.start_in_production(&flows, &settings, &production, &reach);

    let (quit, stop_server) = (CancellationToken::new(), CancellationToken::new());
    let _signals = AbortOnDropHandle::new(tokio::spawn({
        let stop = stop_server.clone();
        let polite = "finishing: calls that are being started are; those on Pipecat Cloud go on";
        super::signals::watch(quit.clone(), polite, move || stop.cancel())
    }));
    // A room whose bot never came is one of them.
    let _sweeping = AbortOnDropHandle::new(tokio::spawn(left_behind::sweep(daily)));
    let serving = tokio::spawn(server.run(stop_server.clone()));
    quit.cancelled().await;
    calls.drain().await;
    reach.close().await;
    stop_server.cancel();
    if let Err(error) = serving.await {
        tracing::error!(%error, "the webhook server's task failed");
    }
    Ok(ExitStatus::Success)
}

/// An option that was given and means nothing where no call runs.
fn option_of_a_local_run(args: &RunArgs) -> Option<&'static str> {
    let given = [
        (args.once, "--once"),
        (args.json, "--json"),
        (args.record.is_some(), "--record"),
        (args.speed.is_some(), "--speed"),
    ];
    given.into_iter().find(|(given, _)| *given).map(|(_, option)| option)
}

/// Starts calls on Pipecat Cloud.
pub(in crate::cli) struct CloudCalls {
    flows: Arc<Flows>,
    telephony: Arc<dyn Telephony>,
    cloud: PipecatCloud,
    /// Deletions of rooms in which no bot was started.
    tidying: TaskTracker,
    starting: AtomicUsize,
    draining: CancellationToken,
}

impl CloudCalls {
    pub(in crate::cli) fn new(flows: Arc<Flows>, telephony: Arc<dyn Telephony>, cloud: PipecatCloud) -> Self {
        Self {
            flows,
            telephony,
            cloud,
            tidying: TaskTracker::new(),
            starting: AtomicUsize::new(0),
            draining: CancellationToken::new(),
        }
    }

    /// Takes no more calls, and waits for what is under way.
    pub(in crate::cli) async fn drain(&self) {
        self.draining.cancel();
        let idle = async {
            while self.starting.load(Ordering::Relaxed) > 0 {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            self.tidying.close();
            self.tidying.wait().await;
        };
        if tokio::time::timeout(DRAIN, idle).await.is_err() {
            tracing::warn!("calls were still being started at the end");
        }
    }

    async fn start_dial_in(&self, dial_in: DialIn) -> Result<Started, StartError> {
        let _counted = self.count();
        let plan = self.plan_for(None, dial_in.to.as_ref())?;
        let request =
            RoomRequest { caller: dial_in.from.clone(), lifetime: lifetime(&plan), now: unix_now() };
        let room = self.telephony.create_room(request).await?;
        let unused = UnusedRoom { calls: self, name: Some(room.name) };
        let args = SessionArgs {
            room_url: room.url,
            token: room.token,
            dial_in,
            flow: Some(reference(&plan)),
            daily: None,
        };
        let started = self.start_in_room(args).await?;
        unused.keep();
        Ok(started)
    }

    async fn start_in_room(&self, args: SessionArgs) -> Result<Started, StartError> {
        let call_id = call_id(&args.dial_in.call_id);
        let session = self.cloud.start(&args).await?;
        let session = session.as_deref().unwrap_or("-");
        let flow = args.flow.as_ref().map_or("-", |flow| &*flow.name);
        tracing::info!(call = call_id, session, flow, "Pipecat Cloud started the bot");
        Ok(Started { call_id, room_url: args.room_url, token: Some(args.token) })
    }

    fn plan_for(
        &self,
        wanted: Option<&FlowRef>,
        called: Option<&PhoneNumber>,
    ) -> Result<Arc<Plan>, StartError> {
        Ok(self.flows.choose(wanted, called)?.next().0)
    }

    fn count(&self) -> Counted<'_> {
        self.starting.fetch_add(1, Ordering::Relaxed);
        Counted(&self.starting)
    }
}

impl Calls for CloudCalls {
    fn start(&self, dial_in: DialIn) -> BoxFuture<'_, Result<Started, StartError>> {
        self.start_dial_in(dial_in).boxed()
    }

    fn start_bot(&self, mut bot: StartBot) -> BoxFuture<'_, Result<Started, StartError>> {
        async move {
            let _counted = self.count();
            let plan = self.plan_for(bot.flow.as_ref(), bot.dial_in.to.as_ref())?;
            // A hash that whoever asked gave is theirs to compare; ours is what we would run.
            bot.flow.get_or_insert_with(|| reference(&plan));
            self.start_in_room(bot).await
        }
        .boxed()
    }

    fn live(&self) -> usize {
        self.starting.load(Ordering::Relaxed)
    }
}

fn reference(plan: &Plan) -> FlowRef {
    FlowRef { name: plan.name.to_string(), hash: Some(plan.hash.to_string()) }
}

/// A start under way.
struct Counted<'c>(&'c AtomicUsize);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A room without a bot; dropping it deletes the room, whether the start failed or was given up.
struct UnusedRoom<'c> {
    calls: &'c CloudCalls,
    name: Option<String>,
}

impl UnusedRoom<'_> {
    fn keep(mut self) {
        self.name = None;
    }
}

impl Drop for UnusedRoom<'_> {
    fn drop(&mut self) {
        let Some(name) = self.name.take() else { return };
        let telephony = Arc::clone(&self.calls.telephony);
        // Nobody waits for it: the caller has waited long enough.
        self.calls.tidying.spawn(async move {
            if let Err(error) = telephony.delete_room(&name).await {
                tracing::warn!(%error, "a room without a bot could not be deleted; it ends at its expiry");
            }
        });
    }
}
