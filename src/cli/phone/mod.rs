//! `callflow phone`: finds, buys, lists and releases numbers at Daily, and points them at a webhook.
//!
//! Numbers here are the user's own. They are the result, so standard output shows them whole; logs do not.

mod lead;
mod numbers;
pub(super) mod route;
mod table;

use std::io;
use std::path::Path;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::ExitStatus;
use super::confirm::{self, NotConfirmed};
use crate::pii::PhoneNumber;
use crate::settings::{Overrides, Service, SettingsErrors, StoreError, Survey};
use crate::telephony::TelephonyError;
use crate::telephony::daily::account::{Account, PurchasedNumber};

pub(in crate::cli) use lead::leads_to;
pub use numbers::{BuyArgs, ReleaseArgs, SearchArgs};
pub use route::{RouteArgs, UrlError};

/// Phone numbers at Daily.
#[derive(Args, Debug)]
pub struct PhoneArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: PhoneCommand,
    /// One JSON value on standard output instead of a table.
    #[arg(long, global = true)]
    pub json: bool,
}

/// What can be done with numbers.
#[derive(Subcommand, Debug)]
pub enum PhoneCommand {
    /// Show numbers that can be bought.
    Search(SearchArgs),
    /// Buy a number. It is billed each month and cannot be given back for 14 days.
    Buy(BuyArgs),
    /// Show the numbers of the account, and where their calls go.
    List,
    /// Give a number back.
    Release(ReleaseArgs),
    /// Point a number at this server's webhook.
    ///
    /// For example: `callflow phone route +14155550110 --url https://bot.example.com/start`
    Route(RouteArgs),
}

/// Why nothing, or not all, was done.
#[derive(Debug, thiserror::Error)]
pub enum PhoneError {
    /// There is no key.
    #[error(
        "DAILY_API_KEY is not set: copy it from Daily's dashboard (Developers) into .env. To try this without an \
         account, run `callflow sandbox` and set what it prints"
    )]
    NoKey,
    /// A variable cannot be read.
    #[error(transparent)]
    Settings(#[from] SettingsErrors),
    /// Daily did not do it.
    #[error("{error}{hint}")]
    Daily {
        /// Why.
        error: TelephonyError,
        /// What may help, with a separator, or nothing.
        hint: &'static str,
    },
    /// The number is not one of the account's.
    #[error(
        "{number} is not a number of this Daily account, which has {have}; `callflow phone list` shows them"
    )]
    NotOurs {
        /// The number, whole: the person has just typed it.
        number: String,
        /// What it has instead.
        have: String,
    },
    /// The URL cannot be the webhook.
    #[error("{0}")]
    Url(UrlError),
    /// The number is used in another way.
    #[error(
        "{number} serves dial-in with a PIN; `callflow phone route {number} --remove` ends that, then route it again"
    )]
    UsesPin {
        /// The number.
        number: String,
    },
    /// The number has no dial-in configuration.
    #[error("{number} has no dial-in configuration: there is nothing to remove")]
    NotRouted {
        /// The number.
        number: String,
    },
    /// Daily did not take our secret.
    #[error(
        "the number was routed, but Daily kept another secret than CALLFLOW_WEBHOOK_SECRET, so webhooks would be \
         refused; remove that variable and run the same command again, which stores Daily's"
    )]
    OtherSecret,
    /// The number is routed, but the secret is not stored.
    #[error(
        "the number was routed, but its secret was not stored: {0}; run the same command again when that is mended"
    )]
    NotStored(StoreError),
    /// Somebody did not say yes.
    #[error(transparent)]
    NotConfirmed(#[from] NotConfirmed),
    /// There is no randomness for a secret.
    #[error("the system gives no random bytes for a secret")]
    NoRandomness,
    /// There is no runtime.
    #[error("cannot start: {0}")]
    Runtime(#[from] io::Error),
}

impl From<TelephonyError> for PhoneError {
    fn from(error: TelephonyError) -> Self {
        Self::Daily { error, hint: "" }
    }
}

/// What a command came to, for people and for programs.
#[derive(Debug, PartialEq)]
pub struct Report {
    /// For people; several lines.
    pub text: String,
    /// For programs.
    pub json: Value,
}

/// What the commands work with.
pub struct Context<'a> {
    /// Daily's account.
    pub account: Account,
    /// The environment.
    pub survey: Survey,
    /// Where a secret is stored.
    pub env_file: &'a Path,
    /// Asks a person.
    pub confirm: &'a dyn Fn(&str) -> Result<(), NotConfirmed>,
}

/// Does it and says how it ended. `env` looks variables up.
#[must_use]
pub fn run(args: &PhoneArgs, env: &dyn Fn(&str) -> Option<String>, env_file: &Path) -> ExitStatus {
    let done = Context::from_env(env, env_file, &confirm::at_terminal).and_then(|context| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(execute(&args.command, &context))
    });
    match done {
        Ok(report) if args.json => anstream::println!("{}", report.json),
        Ok(report) => anstream::println!("{}", report.text),
        Err(error) => {
            anstream::eprintln!("error: {error}");
            return ExitStatus::Error;
        }
    }
    ExitStatus::Success
}

/// Does it.
///
/// # Errors
/// See [`PhoneError`].
pub async fn execute(command: &PhoneCommand, context: &Context<'_>) -> Result<Report, PhoneError> {
    match command {
        PhoneCommand::Search(args) => numbers::search(args, context).await,
        PhoneCommand::Buy(args) => numbers::buy(args, context).await,
        PhoneCommand::List => numbers::list(context).await,
        PhoneCommand::Release(args) => numbers::release(args, context).await,
        PhoneCommand::Route(args) => route::run(args, context).await,
    }
}

impl<'a> Context<'a> {
    /// What the environment gives.
    ///
    /// # Errors
    /// [`PhoneError::NoKey`] and [`PhoneError::Settings`].
    pub fn from_env(
        env: &dyn Fn(&str) -> Option<String>,
        env_file: &'a Path,
        confirm: &'a dyn Fn(&str) -> Result<(), NotConfirmed>,
    ) -> Result<Self, PhoneError> {
        let survey = Survey::from_env(env, &Overrides::default());
        let daily = survey.of(Service::Telephony).clone();
        let problems: Vec<_> =
            survey.problems.iter().filter(|problem| concerns_phones(problem.variable())).cloned().collect();
        if !problems.is_empty() {
            return Err(SettingsErrors(problems).into());
        }
        let account = Account::new(&daily.base_url, daily.key.ok_or(PhoneError::NoKey)?)?;
        Ok(Self { account, survey, env_file, confirm })
    }

    fn ask(&self, yes: bool, question: &str) -> Result<(), PhoneError> {
        if yes { Ok(()) } else { Ok((self.confirm)(question)?) }
    }

    /// The purchased number with this number.
    async fn owned(&self, number: &PhoneNumber) -> Result<PurchasedNumber, PhoneError> {
        let owned = self.account.purchased_numbers().await?;
        let have = match owned.as_slice() {
            [] => "none".to_owned(),
            owned => owned.iter().map(|one| one.number.reveal()).collect::<Vec<_>>().join(", "),
        };
        let found = owned.into_iter().find(|one| one.number == *number);
        found.ok_or_else(|| PhoneError::NotOurs { number: number.reveal().to_owned(), have })
    }
}

/// Other variables may be wrong: they are none of these commands' business.
fn concerns_phones(variable: Option<&str>) -> bool {
    matches!(
        variable,
        Some("DAILY_API_KEY" | "DAILY_API_URL" | "LOCAL_SERVER_URL" | "CALLFLOW_WEBHOOK_SECRET")
    )
}

/// A number on the command line.
fn number(text: &str) -> Result<PhoneNumber, String> {
    PhoneNumber::parse(text).map_err(|error| error.to_string())
}
