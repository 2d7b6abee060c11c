//! `callflow bot`: the bot in a container on Pipecat Cloud, or behind anything that keeps the same contract.
//!
//! One request is one call. The flows are checked before the port is open, and a call runs as it does in a
//! local server.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::run::app::{self, RunError};
use super::run::calls::{CallHandle, Calls};
use super::run::flows::{Flows, UnknownFlow};
use super::run::routes::Routes;
use super::run::{FlowArgs, providers, signals};
use super::{ExitStatus, media};
use crate::cloud::{FlowRef, SessionArgs};
use crate::plan::Plan;
use crate::sandbox::{Sandbox, SandboxOptions};
use crate::server::{BotRefusal, BotServer, Bots, Session, StartError};
use crate::session::{CallRecord, Journal};
use crate::settings::{Env, NO_KEY, Overrides, Settings, Vendor};

/// How long a new call waits for the end of the one before it.
const FREE_WITHIN: Duration = Duration::from_secs(10);
/// How long calls may take to say that they must end, once their time after SIGTERM is over.
const FINISH_WITHIN: Duration = Duration::from_secs(30);
/// The platform's own helper ends when this file is there (`waiting_server.py`).
const TOKEN_REFRESHER: &str = "/var/run/token-refresher";

/// Options of a bot's container.
#[derive(Args, Debug)]
pub struct BotArgs {
    /// Which flows run.
    #[command(flatten)]
    pub flows: FlowArgs,
    /// Port; 0 takes a free one [default: PORT, else 8080].
    #[arg(long)]
    pub port: Option<u16>,
    /// Address to listen on. What it serves is not protected [default: 0.0.0.0].
    #[arg(long, value_name = "IP")]
    pub bind: Option<IpAddr>,
    /// Refuse a call for whose flow the server has another version than this image; without it the image's
    /// version runs, with a warning.
    #[arg(long)]
    pub strict: bool,
    /// Calls that may run at a time. Pipecat Cloud sends one to each instance.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub max_calls: u32,
    /// Standard output gets one JSON object, the call record, for each call.
    #[arg(long)]
    pub json: bool,
    /// Write the journal: one JSON line for each step of the machine.
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Ignore all keys: vendors are emulated. Their room is the sandbox's, whose URL each call brings.
    #[arg(long)]
    pub offline: bool,
    /// Accept a mix of real and emulated vendors that would make no sense otherwise.
    #[arg(long)]
    pub mix: bool,
}

/// Runs the container and says how it ended.
pub(super) fn run(args: &BotArgs, env: Env) -> ExitStatus {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            anstream::eprintln!("error: the runtime cannot be started: {error}");
            return ExitStatus::Error;
        }
    };
    match runtime.block_on(serve(args, Arc::new(env))) {
        Ok(()) => ExitStatus::Success,
        Err(error) => error.report(),
    }
}

/// Serves calls until a signal ends it.
async fn serve(args: &BotArgs, env: Arc<Env>) -> Result<(), RunError> {
    let routes = Routes::chosen(&args.flows.flow, args.flows.routes.as_deref())?;
    let overrides = Overrides {
        offline: args.offline,
        mix: args.mix,
        port: args.port,
        bind: args.bind,
        max_calls: Some(args.max_calls as usize),
        uses: providers::uses_of_files(&routes),
        ..Overrides::default()
    };
    let get = |name: &str| env.get(name);
    let settings = Settings::for_bot(&get, &overrides)?;
    let (flows, warnings) = Flows::open(routes, Some(&app::flow_env(&settings, &env)))?;
    anstream::eprint!("{warnings}");
    let journal = args.record.as_deref().map(Journal::create).transpose()?;
    let media = media::prepare(&settings.vendors, &get)?;
    let sandbox = match settings.vendors.needs_sandbox() {
        true => Some(Sandbox::start(SandboxOptions::default()).await?),
        false => None,
    };
    let daily = Arc::new(app::daily(&settings, sandbox.as_ref())?);
    let vendors = app::vendors(&settings, sandbox.as_ref(), daily, media.rooms);
    let dial_limits = Arc::new(app::dial_limits(&settings, &flows));
    for (warning, fix) in app::undialable(&flows, &dial_limits) {
        anstream::eprintln!("warning: {warning}; {fix}");
    }
    let named = |plan: &Plan| format!("{} ({})", plan.name, plan.hash);
    let names: Vec<_> = flows.list().map(|(flow, _)| named(&flow.plan())).collect();
    let (calls, _unwatched) =
        Calls::new(Arc::new(flows), vendors, journal, dial_limits, settings.limits.calls);
    let bots = CallBots::new(Arc::clone(&calls), &settings, args);
    let server = BotServer::bind(settings.listen, Arc::new(bots), calls.draining()).await?;
    anstream::eprintln!("callflow bot {}: {}", env!("CARGO_PKG_VERSION"), names.join(", "));
    anstream::eprintln!("ready at {} (POST /bot, GET /readyz, GET /livez)", server.url());

    let quit = CancellationToken::new();
    let _signals = AbortOnDropHandle::new(tokio::spawn({
        let calls = Arc::clone(&calls);
        let polite = "no new calls; the call in progress goes on; once more to end it now";
        signals::watch(quit.clone(), polite, move || calls.end_now())
    }));
    let stop_server = CancellationToken::new();
    let serving = tokio::spawn(server.run(stop_server.clone()));
    quit.cancelled().await;
    stop_token_refresher(Path::new(TOKEN_REFRESHER));
    calls.let_finish(settings.drain).await;
    calls.drain(FINISH_WITHIN).await;
    stop_server.cancel();
    if let Err(error) = serving.await {
        tracing::error!(%error, "the container's server failed");
    }
    if let Some(sandbox) = sandbox {
        sandbox.shutdown().await;
    }
    Ok(())
}

/// What the platform's own image does when it is asked to end.
fn stop_token_refresher(folder: &Path) {
    if folder.is_dir()
        && let Err(error) = std::fs::File::create(folder.join("shutdown"))
    {
        tracing::warn!(%error, "the platform's token refresher cannot be told to end");
    }
}

/// Bots that run this process's calls.
pub(super) struct CallBots {
    calls: Arc<Calls>,
    /// Whether this process can command Daily's rooms without a key of the request.
    has_daily_key: bool,
    strict: bool,
    prints_records: bool,
}

impl CallBots {
    pub(super) fn new(calls: Arc<Calls>, settings: &Settings, args: &BotArgs) -> Self {
        let has_daily_key =
            !matches!(&settings.vendors.telephony, Vendor::Real { key, .. } if key.reveal() == NO_KEY);
        Self {
            calls,
            has_daily_key: has_daily_key || args.mix,
            strict: args.strict,
            prints_records: args.json,
        }
    }

    async fn run_call(&self, args: SessionArgs, session: Session) -> Result<(), BotRefusal> {
        if args.daily.is_none() && !self.has_daily_key {
            return Err(BotRefusal::NoDailyKey);
        }
        // The platform may send a call while the one before it is still ending.
        let line = self.calls.line(FREE_WITHIN).await?;
        let plan = match self.plan_for(&args) {
            Ok(plan) => plan,
            Err(refusal) => {
                // Whoever made the room will not hear of it.
                self.calls.delete_room_of(args);
                return Err(refusal);
            }
        };
        let call_id = args.dial_in.call_id.clone();
        tracing::info!(session = session.0, call = call_id, flow = ?plan, "a call begins");
        let CallHandle { record, abandon } = self.calls.start_in_room(line, plan, args)?;
        let hung_up = HungUp { abandon, session: session.0, over: false };
        let record = record.await;
        hung_up.disarm();
        match record {
            Ok(record) => self.print(&record),
            Err(_broken) => tracing::error!(call = call_id, "a call broke; this is a bug"),
        }
        Ok(())
    }

    fn plan_for(&self, args: &SessionArgs) -> Result<Arc<Plan>, BotRefusal> {
        let plan = self.calls.plan_for(args.flow.as_ref(), args.dial_in.to.as_ref())?;
        self.compare_versions(args.flow.as_ref(), &plan)?;
        Ok(plan)
    }

    /// The image was tested as it is, and a caller is waiting: another version at the server is refused only
    /// if that was asked for.
    fn compare_versions(&self, wanted: Option<&FlowRef>, plan: &Plan) -> Result<(), BotRefusal> {
        let here = plan.hash.to_string();
        let there = wanted.and_then(|flow| flow.hash.clone()).filter(|there| *there != here);
        let Some(there) = there else { return Ok(()) };
        let refusal = BotRefusal::OtherVersion { name: plan.name.to_string(), here, there };
        if self.strict {
            return Err(refusal);
        }
        tracing::warn!("{refusal}; the image's version runs");
        Ok(())
    }

    fn print(&self, record: &CallRecord) {
        if !self.prints_records {
            return;
        }
        match serde_json::to_string(record) {
            Ok(json) => anstream::println!("{json}"),
            Err(error) => tracing::error!(%error, "the record cannot be written"),
        }
    }
}

impl Bots for CallBots {
    fn run(&self, args: SessionArgs, session: Session) -> BoxFuture<'_, Result<(), BotRefusal>> {
        self.run_call(args, session).boxed()
    }
}

/// The platform's request; dropped before the call is over, it ends the call.
struct HungUp {
    abandon: CancellationToken,
    session: String,
    over: bool,
}

impl HungUp {
    fn disarm(mut self) {
        self.over = true;
    }
}

impl Drop for HungUp {
    fn drop(&mut self) {
        if !self.over {
            tracing::warn!(session = self.session, "the platform hung up; the call is ended");
            self.abandon.cancel();
        }
    }
}

impl From<UnknownFlow> for BotRefusal {
    fn from(UnknownFlow { name, known }: UnknownFlow) -> Self {
        Self::UnknownFlow { name, known }
    }
}

impl From<StartError> for BotRefusal {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Draining => Self::Draining,
            StartError::AtCapacity { .. } => Self::Busy,
            StartError::UnknownFlow { name, known } => Self::UnknownFlow { name, known },
            StartError::Telephony(_)
            | StartError::Cloud(_)
            | StartError::TimedOut
            | StartError::Failed(_) => Self::Failed(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests;
