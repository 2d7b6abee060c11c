//! Puts the parts of a run together: settings, sandbox, vendors, server, terminal. And takes them apart.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::RunArgs;
use super::answers::AnswerTimes;
use super::calls::{CallVendors, Calls, Speech};
use super::desk::Desk;
use super::flow_file::EnvLookup;
use super::flows::{Flows, FlowsError};
use super::kept::Kept;
use super::providers::Providers;
use super::reach::Reach;
use super::routes::{Routes, RoutesError};
use super::screen::Screen;
use super::script::Script;
use super::stage::Stage;
use super::tunnel::TunnelError;
use super::{input, left_behind, production, providers};
use crate::cli::{ExitStatus, MediaError, media};
use crate::cloud::CloudError;
use crate::machine::Outcome;
use crate::pii::{AddressError, ApiKey, PhoneNumber};
use crate::plan::{Plan, Target};
use crate::sandbox::{NotBase64, Sandbox, SandboxError, SandboxOptions};
use crate::server::{Server, ServerError, ServerOptions};
use crate::session::{CallRecord, Journal, JournalError};
use crate::settings::{Env, Media, Settings, SettingsErrors, Vendor};
use crate::speech::socket::EndpointError;
use crate::telephony::daily::Daily;
use crate::telephony::{DialLimits, RoomClient, TelephonyError};

/// What `--from` says of a caller who withholds the number.
const WITHHELD: &str = "withheld";

/// Why a run could not be started. Each has its fix in the text.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Settings are wrong.
    #[error(transparent)]
    Settings(#[from] SettingsErrors),
    /// The choice of flows cannot be used.
    #[error(transparent)]
    Routes(#[from] RoutesError),
    /// Flows cannot be used.
    #[error(transparent)]
    Flows(#[from] FlowsError),
    /// An option that makes sense only where the call runs.
    #[error("{0} is about calls that run here, but ENV=production runs them on Pipecat Cloud; set ENV=local")]
    NotInProduction(&'static str),
    /// Pipecat Cloud's settings cannot be used.
    #[error(transparent)]
    Cloud(#[from] CloudError),
    /// There is no tunnel.
    #[error(transparent)]
    Tunnel(#[from] TunnelError),
    /// The journal cannot be written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The sandbox cannot be started.
    #[error("the sandbox cannot be started")]
    Sandbox(#[from] SandboxError),
    /// The webhook secret is not base64.
    #[error(transparent)]
    Secret(#[from] NotBase64),
    /// The webhook server cannot be started.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// A vendor's base URL cannot be used.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// Daily's base URL or key cannot be used.
    #[error(transparent)]
    Telephony(#[from] TelephonyError),
    /// The record of the call has no reader.
    #[error("the call is over, but its record cannot be written to standard output: {0}")]
    Record(#[source] io::Error),
    /// `--speed` with a vendor that lives in real time.
    #[error(
        "--speed is for calls in which everything is emulated: {vendor} is real here, and its time cannot be hurried; remove --speed, or pass --offline"
    )]
    Speed {
        /// Which.
        vendor: &'static str,
    },
    /// Live rooms cannot be joined.
    #[error(transparent)]
    Media(#[from] MediaError),
    /// `--from` or `--to` is no phone number.
    #[error("{option} is {source}")]
    Number {
        /// Which option.
        option: &'static str,
        /// Why.
        source: AddressError,
    },
}

impl RunError {
    /// Says what is wrong, with its fix, and with which status the process ends.
    pub(in crate::cli) fn report(&self) -> ExitStatus {
        match self {
            Self::Flows(error) => {
                anstream::eprint!("{}", error.rendered());
                if error.is_finding() { ExitStatus::Findings } else { ExitStatus::Error }
            }
            Self::Routes(RoutesError::Findings { rendered }) => {
                anstream::eprint!("{rendered}");
                ExitStatus::Error
            }
            error => {
                anstream::eprintln!("error: {error}");
                ExitStatus::Error
            }
        }
    }
}

/// What the flows see of the environment.
pub(in crate::cli) fn flow_env(settings: &Settings, env: &Arc<Env>) -> EnvLookup {
    let (settings, env) = (settings.clone(), Arc::clone(env));
    Arc::new(move |name| settings.flow_env(&|name| env.get(name))(name))
}

/// Runs the flows until the person, a signal, or `--once` ends it.
pub(super) async fn run(args: &RunArgs, env: Arc<Env>) -> Result<ExitStatus, RunError> {
    let routes = Routes::chosen(&args.flows.flow, args.flows.routes.as_deref())?;
    let get = |name: &str| env.get(name);
    let mut settings = Settings::from_env(&get, &args.overrides(providers::uses_of_files(&routes)))?;
    if settings.production.is_some() {
        return production::run(args, routes, settings, &get).await;
    }
    let real = settings.vendors.explain().into_iter().find(|note| !note.emulated).map(|note| note.vendor);
    let library = (settings.vendors.media == Media::NativeLibrary).then_some("Daily's media library");
    if let (Some(vendor), Some(_)) = (real.or(library), args.speed) {
        return Err(RunError::Speed { vendor });
    }
    let (flows, warnings) = Flows::open(routes, Some(&flow_env(&settings, &env)))?;
    let flows = Arc::new(flows);
    let journal = args.record.as_deref().map(Journal::create).transpose()?;
    let number =
        |option, text: &str| PhoneNumber::parse(text).map_err(|source| RunError::Number { option, source });
    let from = (args.from != WITHHELD).then(|| number("--from", &args.from)).transpose()?;
    let to = number("--to", &args.to)?;

    let media = media::prepare(&settings.vendors, &get)?;
    let sandbox = match settings.vendors.needs_sandbox() {
        true => Some(Sandbox::start(SandboxOptions::default()).await?),
        false => None,
    };
    let daily = Arc::new(daily(&settings, sandbox.as_ref())?.of_server(left_behind::mark(&settings)));
    let vendors = vendors(&settings, sandbox.as_ref(), Arc::clone(&daily), media.rooms);
    let dial_limits = dial_limits(&settings, &flows);
    let undialable = undialable(&flows, &dial_limits);
    let (calls, news) =
        Calls::new(Arc::clone(&flows), vendors, journal, Arc::new(dial_limits), settings.limits.calls);
    let options = ServerOptions {
        webhook_secret: settings.webhook_secret.clone(),
        api_token: settings.api_token.clone(),
        is_public: settings.public_url.is_some() || args.tunnel,
        requests_per_second: settings.limits.requests_per_second,
        draining: calls.draining(),
        ..ServerOptions::new(settings.listen)
    };
    let server = Server::bind(options, Arc::clone(&calls) as Arc<dyn crate::server::Calls>).await?;
    let reach = Reach::open(args, &mut settings, server.url(), &get).await?;
    let desk = match &sandbox {
        Some(sandbox) if settings.vendors.is_phone_emulated() => {
            let secret = settings.webhook_secret.as_ref().map(ApiKey::reveal);
            sandbox.set_webhook(&format!("{}/start", reach.webhook), secret)?;
            Some(Desk::new(sandbox.urls().phone.clone(), from, to))
        }
        _ => None,
    };

    let people_are_real = !settings.vendors.is_phone_emulated();
    let screen = Screen::new(args.json, people_are_real);
    let interactive = std::io::stdin().is_terminal();
    screen.text(&warnings);
    for warning in settings.warnings() {
        screen.warn(&warning.to_string(), warning.fix());
    }
    undialable.iter().for_each(|(warning, fix)| screen.warn(warning, fix));
    screen.start(&flows, &settings, &reach);
    if let Some(library) = &media.library {
        screen.text(&format!("  rooms are joined with {}\n\n", library.display()));
    }
    if interactive && desk.is_some() {
        screen.text("  You are the caller and the operator: /call places a call, /help shows the rest.\n\n");
    }
    let script = (!interactive && desk.is_some()).then(Script::default);

    let quit = CancellationToken::new();
    let end_now = Arc::clone(&calls);
    let polite = "finishing: calls in progress may end; once more to end them now";
    let signals = super::signals::watch(quit.clone(), polite, move || end_now.end_now());
    let signals = AbortOnDropHandle::new(tokio::spawn(signals));
    // A sandbox that ends with this process has no rooms of earlier ones.
    let sweeping = (!settings.vendors.is_phone_emulated())
        .then(|| AbortOnDropHandle::new(tokio::spawn(left_behind::sweep(daily))));
    let stop_server = CancellationToken::new();
    let serving = tokio::spawn(server.run(stop_server.clone()));
    let ends = (quit, calls.shutdown());
    let record = Stage::new(screen, desk, news, input::lines(), script, args.once, ends).run().await;

    calls.drain(settings.drain).await;
    reach.close().await;
    stop_server.cancel();
    if let Err(error) = serving.await {
        tracing::error!(%error, "the webhook server's task failed");
    }
    if let Some(sandbox) = sandbox {
        sandbox.shutdown().await;
    }
    drop((signals, sweeping));
    let times = calls.answers().times();
    if let Some(times) = &times {
        Screen::new(args.json, people_are_real).text(&format!("\n  {times}\n"));
    }
    finish(args, record.as_deref(), times)
}

/// Who may be dialled how often: what the settings say, where these flows dial.
pub(in crate::cli) fn dial_limits(settings: &Settings, flows: &Flows) -> DialLimits {
    let plans: Vec<Arc<Plan>> = flows.list().map(|(flow, _)| flow.plan()).collect();
    let targets = plans.iter().flat_map(|plan| &plan.targets);
    DialLimits::new(&settings.limits.dialling, targets.map(|target| &target.address))
}

/// The flows' targets that this server will not dial, and what to do about each.
pub(in crate::cli) fn undialable(flows: &Flows, limits: &DialLimits) -> Vec<(String, &'static str)> {
    let refused = |target: &Target| {
        let refusal = limits.allows(&target.address).err()?;
        Some((format!("`{}` cannot be dialled: {refusal}", target.name), refusal.fix()))
    };
    flows
        .list()
        .flat_map(|(flow, _)| flow.plan().targets.iter().filter_map(refused).collect::<Vec<_>>())
        .collect()
}

/// The record, and what the process says by its status.
fn finish(
    args: &RunArgs,
    record: Option<&CallRecord>,
    times: Option<AnswerTimes>,
) -> Result<ExitStatus, RunError> {
    if args.json
        && let Some(record) = record
    {
        print(&Printed { record, answer_ms: times }).map_err(RunError::Record)?;
    }
    Ok(match record {
        _ if !args.once => ExitStatus::Success,
        Some(record) if record.outcome != Outcome::Failed => ExitStatus::Success,
        Some(_) | None => ExitStatus::CallFailed,
    })
}

/// The record of the last call, and how long callers waited for answers in all calls of the run.
#[derive(serde::Serialize)]
struct Printed<'r> {
    #[serde(flatten)]
    record: &'r CallRecord,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer_ms: Option<AnswerTimes>,
}

fn print(record: &Printed<'_>) -> io::Result<()> {
    let mut line = serde_json::to_string(record)?;
    line.push('\n');
    let mut out = io::stdout().lock();
    out.write_all(line.as_bytes())?;
    out.flush()
}

/// Where a vendor is and with which key: the vendor itself, or the sandbox. The code is the same.
pub(super) fn at(vendor: &Vendor, emulated: &str) -> (String, ApiKey) {
    match vendor {
        Vendor::Real { base_url, key } => (base_url.clone(), key.clone()),
        Vendor::Emulated | Vendor::Elsewhere => (emulated.to_owned(), ApiKey::new("sandbox")),
    }
}

pub(in crate::cli) fn daily(settings: &Settings, sandbox: Option<&Sandbox>) -> Result<Daily, TelephonyError> {
    let emulated = sandbox.map_or("", |sandbox| &sandbox.urls().daily);
    let (url, key) = at(&settings.vendors.telephony, emulated);
    Daily::new(&url, key)
}

/// The vendors' clients; who hears, thinks and speaks is each flow's choice.
pub(in crate::cli) fn vendors(
    settings: &Settings,
    sandbox: Option<&Sandbox>,
    telephony: Arc<Daily>,
    rooms: Arc<dyn RoomClient>,
) -> CallVendors {
    let providers = Providers::new(settings, sandbox, Kept::of(&settings.vendors));
    CallVendors { telephony, rooms, speech: Speech::ByFlow(Box::new(providers)) }
}
