//! Asks Daily about the account, and makes a room as a call would, which is deleted again.

use std::time::Duration;

use super::super::subject::Subject;
use crate::cli::doctor::unix_now;
use crate::settings::Service;
use crate::telephony::daily::Daily;
use crate::telephony::daily::account::{
    Account, DialInConfig, LogEntry, LogSource, PurchasedNumber, RoomFacts, TokenFacts,
};
use crate::telephony::{RoomRequest, Telephony, TelephonyError};

/// How long the room would live if this program were killed before it deletes it.
const ROOM_LIFETIME: Duration = Duration::from_secs(120);

/// What Daily said; `None` where it was not asked because the key is not one or Daily does not answer.
#[derive(Debug)]
pub(in crate::cli::doctor) struct AccountFacts {
    /// The name of the domain.
    pub(in crate::cli::doctor) domain: Result<String, TelephonyError>,
    /// All else.
    pub(in crate::cli::doctor) details: Option<Details>,
}

/// What Daily says to a good key.
#[derive(Debug)]
pub(in crate::cli::doctor) struct Details {
    /// The numbers that were bought.
    pub(in crate::cli::doctor) numbers: Result<Vec<PurchasedNumber>, TelephonyError>,
    /// Where calls go.
    pub(in crate::cli::doctor) dial_ins: Result<Vec<DialInConfig>, TelephonyError>,
    /// The room that was made.
    pub(in crate::cli::doctor) room: Result<RoomTrial, TelephonyError>,
    /// What was asked of Daily lately.
    pub(in crate::cli::doctor) api_log: Result<Vec<LogEntry>, TelephonyError>,
    /// What Daily asked of webhooks lately.
    pub(in crate::cli::doctor) webhook_log: Result<Vec<LogEntry>, TelephonyError>,
}

/// A room that was made as for a call.
#[derive(Debug)]
pub(in crate::cli::doctor) struct RoomTrial {
    /// What it is.
    pub(in crate::cli::doctor) room: Result<RoomFacts, TelephonyError>,
    /// What its token allows.
    pub(in crate::cli::doctor) token: Result<TokenFacts, TelephonyError>,
    /// Whether the token is for this room.
    pub(in crate::cli::doctor) name: String,
    /// Whether it is gone again.
    pub(in crate::cli::doctor) deleted: Result<(), TelephonyError>,
}

pub(in crate::cli::doctor) async fn ask(subject: &Subject) -> Option<AccountFacts> {
    let access = subject.survey.of(Service::Telephony);
    let key = access.key.clone()?;
    let clients = Account::new(&access.base_url, key.clone())
        .and_then(|account| Ok((account, Daily::new(&access.base_url, key)?)));
    let (account, daily) = match clients {
        Ok(clients) => clients,
        Err(error) => return Some(AccountFacts { domain: Err(error), details: None }),
    };
    let domain = account.domain().await;
    let details = match &domain {
        Ok(_) => Some(details(&account, &daily).await),
        // Nothing else would be answered either.
        Err(_) => None,
    };
    Some(AccountFacts { domain, details })
}

async fn details(account: &Account, daily: &Daily) -> Details {
    let (numbers, dial_ins, room, api_log, webhook_log) = tokio::join!(
        account.purchased_numbers(),
        dial_ins(account),
        try_room(account, daily),
        account.log(LogSource::Api),
        account.log(LogSource::Webhook),
    );
    Details { numbers, dial_ins, room, api_log, webhook_log }
}

/// All configurations with their secrets, which the list may leave out.
async fn dial_ins(account: &Account) -> Result<Vec<DialInConfig>, TelephonyError> {
    let mut configs = account.dial_ins().await?;
    for config in &mut configs {
        if config.settings.secret.is_none() && config.settings.number.is_some() {
            *config = account.dial_in(&config.id).await?;
        }
    }
    Ok(configs)
}

async fn try_room(account: &Account, daily: &Daily) -> Result<RoomTrial, TelephonyError> {
    let request = RoomRequest { caller: None, lifetime: ROOM_LIFETIME, now: unix_now() };
    let made = daily.create_room(request).await?;
    let (room, token) = tokio::join!(account.room(&made.name), account.token(&made.token));
    let deleted = daily.delete_room(&made.name).await;
    Ok(RoomTrial { room, token, name: made.name, deleted })
}
