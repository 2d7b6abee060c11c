//! What belongs to a Daily account rather than to a call: numbers, dial-in configuration, its log, and what a
//! room and a token really are.
//!
//! Used when a person sets things up or looks for a fault; no call needs it. Documented at
//! docs.daily.co/reference/rest-api (OpenAPI 1.1.1) and docs.pipecat.ai (Daily phone numbers); where the two
//! differ, both are read.

mod dial_in;
mod log;
mod numbers;
mod room;

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use super::persist::NOT_REPEATABLE;
use super::rest::Rest;
use super::wire;
use crate::pii::{ApiKey, PhoneNumber};
use crate::telephony::TelephonyError;

pub use dial_in::{DialInConfig, DialInKind, DialInSettings};
pub use log::{LogEntry, LogSource};
pub use numbers::{AvailableNumber, NumberSearch, PurchasedNumber};
pub use room::{RoomFacts, TokenFacts};

/// How long one request may take, retries included: a person waits for it.
const WITHIN: Duration = Duration::from_secs(8);
/// Entries of a list that are asked for at a time.
const PAGE: usize = 100;
/// Pages that are read of one list.
const MOST_PAGES: usize = 10;

/// A client for what belongs to a Daily account.
#[derive(Debug)]
pub struct Account {
    rest: Rest,
}

impl Account {
    /// A client for a base URL that ends in `/v1`.
    ///
    /// # Errors
    /// [`TelephonyError::Refused`] if the URL or the key cannot be used at all.
    pub fn new(base_url: &str, key: ApiKey) -> Result<Self, TelephonyError> {
        Ok(Self { rest: Rest::new(base_url, key)? })
    }

    /// The name of the domain that the key belongs to: `GET /`.
    ///
    /// # Errors
    /// [`TelephonyError`]; `Unauthorized` if the key is not one.
    pub async fn domain(&self) -> Result<String, TelephonyError> {
        #[derive(Deserialize)]
        struct Domain {
            domain_name: String,
        }
        let domain: Domain = wire::read(self.get(&[], &[]).await?, "the domain")?;
        Ok(domain.domain_name)
    }

    /// Numbers that can be bought: `GET /list-available-numbers`.
    ///
    /// # Errors
    /// [`TelephonyError`].
    pub async fn available_numbers(
        &self,
        search: &NumberSearch,
    ) -> Result<Vec<AvailableNumber>, TelephonyError> {
        numbers::read_available(self.get(&["list-available-numbers"], &search.query()).await?)
    }

    /// Buys a number, or any Californian one: `POST /buy-phone-number`. Never tried twice: it costs money.
    ///
    /// # Errors
    /// [`TelephonyError`].
    pub async fn buy_number(&self, number: Option<&PhoneNumber>) -> Result<PurchasedNumber, TelephonyError> {
        let body = numbers::purchase(number);
        let answer = self.rest.post(&["buy-phone-number"], &body, NOT_REPEATABLE, deadline()).await?;
        numbers::read_purchase(answer)
    }

    /// Numbers that were bought: `GET /purchased-phone-numbers`.
    ///
    /// # Errors
    /// [`TelephonyError`].
    pub async fn purchased_numbers(&self) -> Result<Vec<PurchasedNumber>, TelephonyError> {
        let entries = self.list("purchased-phone-numbers").await?;
        entries.into_iter().map(numbers::read_purchased).collect()
    }

    /// Gives a number back: `DELETE /release-phone-number/:id`. Refused in the first 14 days.
    ///
    /// # Errors
    /// [`TelephonyError`].
    pub async fn release_number(&self, id: &str) -> Result<(), TelephonyError> {
        self.rest.delete(&["release-phone-number", id], deadline()).await.map(drop)
    }

    /// Every dial-in configuration: `GET /domain-dialin-config`. The list may leave secrets out;
    /// [`Account::dial_in`] has them.
    ///
    /// # Errors
    /// [`TelephonyError`].
    pub async fn dial_ins(&self) -> Result<Vec<DialInConfig>, TelephonyError> {
        self.list("domain-dialin-config").await?.into_iter().map(dial_in::read).collect()
    }

    /// One dial-in configuration: `GET /domain-dialin-config/:id`.
    ///
    /// # Errors
    /// [`TelephonyError`].
    pub async fn dial_in(&self, id: &str) -> Result<DialInConfig, TelephonyError> {
        dial_in::read(self.get(&["domain-dialin-config", id], &[]).await?)
    }

    /// Points a number that has no configuration at a webhook: `POST /domain-dialin-config`.
    ///
    /// # Errors
    /// [`TelephonyError`]; `Refused` also if the number is not the account's, or has a configuration.
    pub async fn create_dial_in(&self, settings: &DialInSettings) -> Result<DialInConfig, TelephonyError> {
        let body = settings.creation();
        let answer = self.rest.post(&["domain-dialin-config"], &body, NOT_REPEATABLE, deadline()).await?;
        dial_in::read(answer)
    }

    /// Changes a configuration: `PUT /domain-dialin-config/:id`. To be given whole: whether Daily keeps what
    /// is left out is not documented.
    ///
    /// # Errors
    /// [`TelephonyError`].
    pub async fn change_dial_in(
        &self,
        id: &str,
        settings: &DialInSettings,
    ) -> Result<DialInConfig, TelephonyError> {
        let answer = self.rest.put(&["domain-dialin-config", id], &settings.body(), deadline()).await?;
        dial_in::read(answer)
    }

    /// Deletes a configuration: `DELETE /domain-dialin-config/:id`.
    ///
    /// # Errors
    /// [`TelephonyError`].
    pub async fn delete_dial_in(&self, id: &str) -> Result<(), TelephonyError> {
        self.rest.delete(&["domain-dialin-config", id], deadline()).await.map(drop)
    }

    /// The latest requests that Daily took or made, the latest first: `GET /logs/api`.
    ///
    /// # Errors
    /// [`TelephonyError`].
    pub async fn log(&self, source: LogSource) -> Result<Vec<LogEntry>, TelephonyError> {
        let limit = PAGE.to_string();
        log::read(self.get(&["logs", "api"], &[("source", source.word()), ("limit", &limit)]).await?)
    }

    /// What a room really is: `GET /rooms/:name`.
    ///
    /// # Errors
    /// [`TelephonyError`].
    pub async fn room(&self, name: &str) -> Result<RoomFacts, TelephonyError> {
        room::read_room(self.get(&["rooms", name], &[]).await?)
    }

    /// What a meeting token really allows: `GET /meeting-tokens/:token`.
    ///
    /// # Errors
    /// [`TelephonyError`].
    pub async fn token(&self, token: &ApiKey) -> Result<TokenFacts, TelephonyError> {
        room::read_token(self.get(&["meeting-tokens", token.reveal()], &[]).await?)
    }

    async fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Value, TelephonyError> {
        self.rest.get(path, query, deadline()).await
    }

    /// All entries of a list, page by page (docs.daily.co, pagination: `limit`, `starting_after`).
    async fn list(&self, path: &str) -> Result<Vec<Value>, TelephonyError> {
        #[derive(Deserialize)]
        struct Page {
            data: Vec<Value>,
        }
        let limit = PAGE.to_string();
        let mut entries: Vec<Value> = Vec::new();
        for _ in 0..MOST_PAGES {
            let last = entries.last().and_then(cursor);
            let mut query = vec![("limit", limit.as_str())];
            query.extend(last.as_deref().map(|last| ("starting_after", last)));
            let page: Page = wire::read(self.get(&[path], &query).await?, path)?;
            let is_last = page.data.len() < PAGE;
            entries.extend(page.data);
            if is_last {
                break;
            }
        }
        Ok(entries)
    }
}

/// What the next page starts after. Purchased numbers have a cursor of their own.
fn cursor(entry: &Value) -> Option<String> {
    match (&entry["pagination_id"], &entry["id"]) {
        (Value::Number(cursor), _) => Some(cursor.to_string()),
        (Value::String(cursor), _) | (_, Value::String(cursor)) => Some(cursor.clone()),
        _ => None,
    }
}

fn deadline() -> Instant {
    Instant::now() + WITHIN
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_page_starts_after_the_cursor_or_else_the_id() {
        assert_eq!(cursor(&json!({"id": "a", "pagination_id": 3391})).as_deref(), Some("3391"));
        assert_eq!(cursor(&json!({"id": "a"})).as_deref(), Some("a"));
        assert_eq!(cursor(&json!({})), None);
    }
}
