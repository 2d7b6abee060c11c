//! `callflow doctor`: looks at everything that a call needs, and says what to do about what is not right.
//!
//! Facts are gathered first, at the same time and bounded (`probe`), then judged (`check`); nothing is billed
//! and nobody is called. A room is made as for a call, and deleted. What each check means: docs/doctor.md.

mod check;
mod finding;
mod fix;
mod offline;
mod probe;
mod subject;

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;

use super::ExitStatus;
use super::phone::PhoneError;
use crate::pii::PhoneNumber;
use crate::sandbox::SandboxError;
use crate::server::ServerError;
use crate::settings;
use crate::telephony::TelephonyError;
use fix::Mended;
use offline::Offline;
use probe::Facts;
use subject::GetEnv;

pub use finding::{Advice, Examination, Finding, Verdict};
pub use subject::{Flow, Subject, Target};

/// Options of `doctor`.
#[derive(Args, Debug, Default)]
pub struct DoctorArgs {
    /// The flow that calls would run: its model, voice, targets and caller ids are looked at.
    #[arg(long, value_name = "FILE")]
    pub flow: Option<PathBuf>,
    /// How the webhook server is reached from outside [default: LOCAL_SERVER_URL].
    #[arg(long, value_name = "URL", value_parser = public_url, conflicts_with = "offline")]
    pub public_url: Option<String>,
    /// Port of the webhook server [default: 7860].
    #[arg(long, conflicts_with = "offline")]
    pub port: Option<u16>,
    /// The number whose calls should come here [default: any of the account].
    #[arg(long, value_name = "NUMBER", value_parser = number, conflicts_with = "offline")]
    pub number: Option<PhoneNumber>,
    /// One JSON object on standard output.
    #[arg(long)]
    pub json: bool,
    /// First mend what can be mended safely: the rights of .env, the secret in it, a number that goes nowhere,
    /// and, after a question, Daily's media library.
    #[arg(long, conflicts_with = "offline")]
    pub fix: bool,
    /// Examine the sandbox instead of the vendors: shows what the doctor does, without an account.
    #[arg(long)]
    pub offline: bool,
}

/// Why nothing could be examined.
#[derive(Debug, thiserror::Error)]
pub enum DoctorError {
    /// There is no runtime.
    #[error("cannot start: {0}")]
    Runtime(#[from] io::Error),
    /// The sandbox does not start.
    #[error("the sandbox cannot be started: {0}")]
    Sandbox(#[from] SandboxError),
    /// The server for the trial does not start.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The sandbox's account cannot be set up.
    #[error("the sandbox's account cannot be set up: {0}")]
    Account(#[from] TelephonyError),
    /// There is no secret for it.
    #[error(transparent)]
    Secret(#[from] PhoneError),
}

/// Examines and says how it ended: 0 if nothing failed, 1 if something did.
#[must_use]
pub fn run(args: &DoctorArgs, env: GetEnv<'_>, env_file: &Path) -> ExitStatus {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let examined =
        runtime.map_err(DoctorError::from).and_then(|runtime| runtime.block_on(visit(args, env, env_file)));
    match examined {
        Ok(examination) => {
            if args.json {
                anstream::println!("{}", examination.json());
            } else {
                anstream::println!("{}", examination.text());
            }
            if examination.is_fine() { ExitStatus::Success } else { ExitStatus::Findings }
        }
        Err(error) => {
            anstream::eprintln!("error: {error}");
            ExitStatus::Error
        }
    }
}

/// Examines what the arguments name, and mends before if that is asked for.
///
/// # Errors
/// See [`DoctorError`]; an installation that is not right is none.
pub async fn visit(args: &DoctorArgs, env: GetEnv<'_>, env_file: &Path) -> Result<Examination, DoctorError> {
    if args.offline {
        let offline = Offline::start().await?;
        let subject = Subject::new(args, &offline.env(env), env_file);
        let examination = examine(&subject).await;
        offline.shutdown().await;
        return Ok(examination);
    }
    let subject = Subject::new(args, env, env_file);
    if !args.fix {
        return Ok(examine(&subject).await);
    }
    let Mended { done, failed, secret } = fix::mend(&Facts::gather(&subject).await, args, env).await;
    let secret = secret.as_ref().map(|secret| secret.reveal().to_owned());
    let env = |name: &str| match &secret {
        Some(secret) if name == settings::WEBHOOK_SECRET => Some(secret.clone()),
        _ => env(name),
    };
    let after = examine(&Subject::new(args, &env, env_file)).await;
    Ok(Examination { fixed: done, not_fixed: failed, ..after })
}

/// Asks what there is to ask, and judges.
pub async fn examine(subject: &Subject) -> Examination {
    let facts = Facts::gather(subject).await;
    Examination { findings: check::all(&facts), ..Examination::default() }
}

fn public_url(text: &str) -> Result<String, String> {
    settings::public_url(text).ok_or_else(|| "write it as https://HOST".to_owned())
}

fn number(text: &str) -> Result<PhoneNumber, String> {
    PhoneNumber::parse(text).map_err(|error| error.to_string())
}

/// The time of day, in seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "the vendors' clocks are compared with this one")]
fn unix_now() -> i64 {
    let now = std::time::SystemTime::now();
    let since_1970 = now.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_1970.as_secs()).unwrap_or(i64::MAX)
}
