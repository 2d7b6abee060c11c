//! `callflow --flow FILE`: checks and compiles flows, serves their webhook, and runs their calls, here or (in
//! production) on Pipecat Cloud.

mod answers;
pub(super) mod app;
pub(super) mod calls;
mod desk;
pub(super) mod flow_file;
pub(super) mod flows;
mod input;
mod kept;
mod left_behind;
mod line;
mod memory;
pub(super) mod production;
pub(super) mod providers;
mod reach;
pub(super) mod routes;
mod screen;
mod script;
pub(super) mod signals;
mod stage;
mod tunnel;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

pub use app::RunError;
pub use flow_file::FlowFileError;
pub use flows::FlowsError;
pub use routes::{FlowArg, RoutesError};
pub use tunnel::TunnelError;

use super::ExitStatus;
use crate::sandbox::clock::Metronome;
use crate::settings::{self, Env, Overrides, Uses};

/// Options of a run.
#[derive(Args, Debug)]
pub struct RunArgs {
    /// Which flows run.
    #[command(flatten)]
    pub flows: FlowArgs,
    /// Port of the webhook server; 0 takes a free one [default: 7860].
    #[arg(long)]
    pub port: Option<u16>,
    /// Address the webhook server listens on [default: 127.0.0.1].
    #[arg(long, value_name = "IP")]
    pub bind: Option<IpAddr>,
    /// How this server is reached from outside, for example through a tunnel [default: LOCAL_SERVER_URL].
    #[arg(long, value_name = "URL", value_parser = public_url)]
    pub public_url: Option<String>,
    /// Open a tunnel through ngrok (NGROK_AUTHTOKEN), in builds with the feature `tunnel`.
    #[arg(long, conflicts_with = "public_url")]
    pub tunnel: bool,
    /// A domain of your ngrok account, so that the public URL stays the same.
    #[arg(long, value_name = "NAME", requires = "tunnel")]
    pub tunnel_domain: Option<String>,
    /// Ignore all keys: every vendor is emulated, nothing is ever billed.
    #[arg(long)]
    pub offline: bool,
    /// Accept a mix of real and emulated vendors that would make no sense otherwise.
    #[arg(long)]
    pub mix: bool,
    /// End after the first call; status 0 if it ended in a final state, 3 if not.
    #[arg(long)]
    pub once: bool,
    /// Standard output gets one JSON object, the call record, on its last line; all else goes to standard error.
    #[arg(long)]
    pub json: bool,
    /// Write the journal: one JSON line for each step of the machine.
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Run an offline call faster than real time: a factor such as 8, or `max`.
    #[arg(long, value_name = "FACTOR", value_parser = speed)]
    pub speed: Option<Speed>,
    /// The caller's number in an offline call, or `withheld`.
    #[arg(long, value_name = "NUMBER", default_value = "+15550100001")]
    pub from: String,
    /// The number that is called in an offline call.
    #[arg(long, value_name = "NUMBER", default_value = "+15550100002")]
    pub to: String,
    /// Calls that may run at a time; more wait a moment and are then refused with status 503 [default: 200].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub max_calls: Option<u32>,
}

/// Which flows run, and which numbers each answers.
#[derive(Args, Debug)]
pub struct FlowArgs {
    /// A flow to run. Given several times, NUMBER=FILE answers calls to that number, and the first one all
    /// others.
    #[arg(long, value_name = "[NUMBER=]FILE")]
    pub flow: Vec<FlowArg>,
    /// Flows by called number: a YAML file with `default: FILE` and `routes: {"+1…": FILE}`.
    #[arg(long, value_name = "FILE", conflicts_with = "flow")]
    pub routes: Option<PathBuf>,
}

/// How fast time passes in an offline call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// As many times real time.
    Times(f64),
    /// As fast as the machine can.
    Max,
}

fn public_url(text: &str) -> Result<String, String> {
    settings::public_url(text).ok_or_else(|| "write it as https://HOST".to_owned())
}

fn speed(text: &str) -> Result<Speed, String> {
    if text == "max" {
        return Ok(Speed::Max);
    }
    match text.trim_end_matches('x').parse::<f64>() {
        Ok(factor) if (0.1..=1000.0).contains(&factor) => Ok(Speed::Times(factor)),
        _ => Err("write a factor from 0.1 to 1000, or `max`".to_owned()),
    }
}

impl RunArgs {
    fn overrides(&self, uses: Uses) -> Overrides {
        Overrides {
            offline: self.offline,
            mix: self.mix,
            port: self.port,
            bind: self.bind,
            public_url: self.public_url.clone(),
            max_calls: self.max_calls.map(|most| most as usize),
            uses,
            ..Overrides::default()
        }
    }
}

/// Runs; everything that goes wrong before the first call is printed with its fix.
pub(super) fn run(args: &RunArgs, env: Env) -> ExitStatus {
    let runtime = match args.speed {
        None => tokio::runtime::Builder::new_multi_thread().enable_all().build(),
        Some(_) => tokio::runtime::Builder::new_current_thread().enable_all().build(),
    };
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            anstream::eprintln!("error: the runtime cannot be started: {error}");
            return ExitStatus::Error;
        }
    };
    let ran = runtime.block_on(async {
        let _clock = args.speed.map(|speed| match speed {
            Speed::Times(factor) => Metronome::start(Some(factor)),
            Speed::Max => Metronome::start(None),
        });
        app::run(args, Arc::new(env)).await
    });
    // The thread that reads standard input may wait for ever; it ends with the process.
    runtime.shutdown_background();
    ran.unwrap_or_else(|error| error.report())
}
