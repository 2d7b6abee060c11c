//! `--fix`: what can be mended without taking anything from anybody.
//!
//! A number that leads elsewhere stays there: its calls may be somebody's. Nothing is bought or deleted.

use std::io::{self, IsTerminal as _};

use super::DoctorArgs;
use super::check::config_of;
use super::probe::Facts;
use super::probe::account::Details;
use super::subject::GetEnv;
use crate::cli::daily::{self, DailyArgs, DailyCommand, FetchArgs};
use crate::cli::phone::{Context, PhoneCommand, RouteArgs, execute, leads_to};
use crate::cli::{ExitStatus, confirm::NotConfirmed};
use crate::pii::{ApiKey, PhoneNumber};
use crate::settings::{self, Service};
use crate::telephony::daily::account::Account;
use crate::telephony::daily::core::wheel::DEFAULT_INDEX;

/// What was mended.
#[derive(Debug, Default)]
pub(super) struct Mended {
    /// One line for each thing.
    pub(super) done: Vec<String>,
    /// One line for each thing that could not be mended.
    pub(super) failed: Vec<String>,
    /// The secret of the webhook, if it is stored now and was not before.
    pub(super) secret: Option<ApiKey>,
}

pub(super) async fn mend(facts: &Facts<'_>, args: &DoctorArgs, env: GetEnv<'_>) -> Mended {
    let mut mended = Mended::default();
    close_env_file(facts, &mut mended);
    keep_secret(facts, &mut mended);
    route_the_only_number(facts, &mut mended).await;
    if matches!(facts.local.library, Some(Err(_))) && !args.json && io::stdin().is_terminal() {
        let index = DEFAULT_INDEX.to_owned();
        let fetch = FetchArgs { yes: false, wheel: None, index, data: None };
        if daily::run(&DailyArgs { command: DailyCommand::Fetch(fetch) }, env) == ExitStatus::Success {
            mended.done.push("installed Daily's media library".to_owned());
        }
    }
    mended
}

/// D02.
fn close_env_file(facts: &Facts<'_>, mended: &mut Mended) {
    let Some(file) = facts.local.env_file.as_ref().filter(|file| file.is_open) else { return };
    match settings::close_to_others(&file.path) {
        Ok(()) => mended.done.push(format!("{} can be read by its owner only", file.path.display())),
        Err(error) => mended.failed.push(error.to_string()),
    }
}

/// D24: Daily signs calls that come here, and we do not know with what.
fn keep_secret(facts: &Facts<'_>, mended: &mut Mended) {
    let survey = &facts.subject.survey;
    let (Some(details), None, Some(public_url)) =
        (details(facts), &survey.webhook_secret, &survey.public_url)
    else {
        return;
    };
    let Ok(configs) = &details.dial_ins else { return };
    let here = configs.iter().find(|config| leads_to(config, public_url));
    let Some(secret) = here.and_then(|config| config.settings.secret.clone()) else { return };
    match settings::store(&facts.subject.env_file, settings::WEBHOOK_SECRET, secret.reveal()) {
        Ok(_) => {
            let path = facts.subject.env_file.display();
            mended
                .done
                .push(format!("stored the webhook's secret in {path}; a running server needs a restart"));
            mended.secret = Some(secret);
        }
        Err(error) => mended.failed.push(format!("the webhook's secret: {error}")),
    }
}

/// D23: the account has one number, or one was named, and its calls go nowhere.
async fn route_the_only_number(facts: &Facts<'_>, mended: &mut Mended) {
    let survey = &facts.subject.survey;
    let (Some(details), Some(public_url)) = (details(facts), &survey.public_url) else { return };
    let Some(number) = the_number(facts, details) else { return };
    if details.dial_ins.as_ref().is_ok_and(|configs| config_of(configs, number).is_some()) {
        return;
    }
    let access = survey.of(Service::Telephony);
    let Some(Ok(account)) = access.key.clone().map(|key| Account::new(&access.base_url, key)) else { return };
    let context = Context {
        account,
        survey: survey.clone(),
        env_file: &facts.subject.env_file,
        confirm: &|_| Err(NotConfirmed::NobodyToAsk),
    };
    let url = format!("{public_url}/start");
    let route = RouteArgs { url: Some(url), ..RouteArgs::of(number.clone()) };
    match execute(&PhoneCommand::Route(route), &context).await {
        Ok(_) => {
            mended.done.push(format!("{} calls {public_url}/start", number.reveal()));
            mended.secret = stored_secret(facts).or(mended.secret.take());
        }
        Err(error) => mended.failed.push(error.to_string()),
    }
}

fn the_number<'a>(facts: &'a Facts<'_>, details: &'a Details) -> Option<&'a PhoneNumber> {
    let numbers = details.numbers.as_ref().ok()?;
    match (&facts.subject.number, numbers.as_slice()) {
        (Some(named), numbers) => numbers.iter().find(|one| one.number == *named).map(|one| &one.number),
        (None, [only]) => Some(&only.number),
        (None, _) => None,
    }
}

fn stored_secret(facts: &Facts<'_>) -> Option<ApiKey> {
    let file = settings::load_dotenv(&facts.subject.env_file).ok()??;
    file.get(settings::WEBHOOK_SECRET).map(ApiKey::new)
}

fn details<'a>(facts: &'a Facts<'_>) -> Option<&'a Details> {
    facts.daily.as_ref()?.details.as_ref()
}
