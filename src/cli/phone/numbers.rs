//! Finding, buying, listing and releasing numbers.

use clap::Args;
use serde_json::json;

use super::table::table;
use super::{Context, PhoneError, Report, number};
use crate::pii::PhoneNumber;
use crate::telephony::TelephonyError;
use crate::telephony::daily::account::{DialInConfig, DialInKind, NumberSearch, PurchasedNumber};

/// What to look for. Daily allows these combinations and no others.
#[derive(Args, Debug)]
pub struct SearchArgs {
    /// State or province: two letters, such as CA.
    #[arg(long, conflicts_with = "areacode")]
    pub region: Option<String>,
    /// Area code, such as 415.
    #[arg(long)]
    pub areacode: Option<String>,
    /// City; needs --region.
    #[arg(long, requires = "region", conflicts_with_all = ["contains", "starts_with", "ends_with"])]
    pub city: Option<String>,
    /// 3 to 7 digits anywhere in the number.
    #[arg(long, value_name = "DIGITS", value_parser = digits, conflicts_with_all = ["starts_with", "ends_with"])]
    pub contains: Option<String>,
    /// 3 to 7 digits at its beginning.
    #[arg(long, value_name = "DIGITS", value_parser = digits, conflicts_with = "ends_with")]
    pub starts_with: Option<String>,
    /// 3 to 7 digits at its end.
    #[arg(long, value_name = "DIGITS", value_parser = digits)]
    pub ends_with: Option<String>,
}

/// What to buy.
#[derive(Args, Debug)]
pub struct BuyArgs {
    /// A number that `callflow phone search` showed.
    #[arg(value_parser = number, required_unless_present = "any", conflicts_with = "any")]
    pub number: Option<PhoneNumber>,
    /// Whichever Californian number Daily gives.
    #[arg(long)]
    pub any: bool,
    /// Buy without asking.
    #[arg(long)]
    pub yes: bool,
}

/// What to release.
#[derive(Args, Debug)]
pub struct ReleaseArgs {
    /// The number.
    #[arg(value_parser = number)]
    pub number: PhoneNumber,
    /// Release without asking.
    #[arg(long)]
    pub yes: bool,
}

fn digits(text: &str) -> Result<String, String> {
    let are_digits = (3..=7).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if are_digits { Ok(text.to_owned()) } else { Err("write 3 to 7 digits".to_owned()) }
}

pub(super) async fn search(args: &SearchArgs, context: &Context<'_>) -> Result<Report, PhoneError> {
    let search = NumberSearch {
        region: args.region.as_deref().map(str::to_uppercase),
        areacode: args.areacode.clone(),
        city: args.city.clone(),
        contains: args.contains.clone(),
        starts_with: args.starts_with.clone(),
        ends_with: args.ends_with.clone(),
    };
    let offers = context.account.available_numbers(&search).await?;
    let json = offers.iter().map(|offer| json!({"number": offer.number.reveal(), "region": offer.region}));
    let json = json.collect();
    let text = match offers.as_slice() {
        [] => "No number fits. Look for less.".to_owned(),
        [first, ..] => {
            let rows: Vec<_> = offers
                .iter()
                .map(|offer| [offer.number.reveal().to_owned(), offer.region.clone().unwrap_or_default()])
                .collect();
            let buy = format!("Buy one: callflow phone buy {}", first.number.reveal());
            format!("{}\n\n{buy}", table(["NUMBER", "REGION"], &rows))
        }
    };
    Ok(Report { text, json })
}

pub(super) async fn buy(args: &BuyArgs, context: &Context<'_>) -> Result<Report, PhoneError> {
    let domain = context.account.domain().await?;
    let what = args.number.as_ref().map_or("a Californian number", PhoneNumber::reveal);
    let question = format!(
        "Buy {what} for the Daily domain `{domain}`? It is billed each month and cannot be released for 14 days."
    );
    context.ask(args.yes, &question)?;
    let bought = context.account.buy_number(args.number.as_ref()).await.map_err(|error| {
        let hint = match error {
            TelephonyError::Refused(_) => "; it may be taken: `callflow phone search` shows what is on offer",
            TelephonyError::Unreachable(_) | TelephonyError::Vendor { .. } => {
                "; look with `callflow phone list` before you try again: it may have been bought"
            }
            _ => "",
        };
        PhoneError::Daily { error, hint }
    })?;
    let number = bought.number.reveal();
    Ok(Report {
        text: format!(
            "Bought {number} (id {}).\n\nSend its calls here: callflow phone route {number} --url https://YOUR-HOST/start",
            bought.id
        ),
        json: json!({"number": number, "id": bought.id}),
    })
}

pub(super) async fn list(context: &Context<'_>) -> Result<Report, PhoneError> {
    let (numbers, dial_ins) =
        tokio::try_join!(context.account.purchased_numbers(), context.account.dial_ins())?;
    let config =
        |one: &PurchasedNumber| dial_ins.iter().find(|c| c.settings.number.as_ref() == Some(&one.number));
    let json = numbers.iter().map(|one| {
        let config = config(one);
        json!({
            "number": one.number.reveal(),
            "id": one.id,
            "verified": one.verified,
            "bought": one.bought,
            "dial_in": config.map(|config| kind(&config.kind)),
            "webhook": config.and_then(|config| config.settings.webhook.clone()),
        })
    });
    let json = json.collect();
    if numbers.is_empty() {
        let text = "The account has no numbers. `callflow phone search` shows what can be bought.".to_owned();
        return Ok(Report { text, json });
    }
    let rows: Vec<_> = numbers
        .iter()
        .map(|one| {
            let verified = if one.verified == Some(false) { "not verified" } else { "" };
            let bought = one.bought.clone().unwrap_or_default();
            [
                one.number.reveal().to_owned(),
                goes_to(config(one)),
                one.id.clone(),
                bought,
                verified.to_owned(),
            ]
        })
        .collect();
    let text = table(["NUMBER", "CALLS GO TO", "ID (caller_id)", "BOUGHT", ""], &rows);
    Ok(Report { text, json })
}

fn kind(kind: &DialInKind) -> &str {
    match kind {
        DialInKind::Pinless => "pinless",
        DialInKind::Pin => "pin",
        DialInKind::Other(kind) => kind,
    }
}

fn goes_to(config: Option<&DialInConfig>) -> String {
    match config {
        None => "nowhere".to_owned(),
        Some(DialInConfig { kind: DialInKind::Pin, .. }) => "rooms, with a PIN".to_owned(),
        Some(config) => config.settings.webhook.clone().unwrap_or_else(|| "nowhere".to_owned()),
    }
}

pub(super) async fn release(args: &ReleaseArgs, context: &Context<'_>) -> Result<Report, PhoneError> {
    let owned = context.owned(&args.number).await?;
    let number = owned.number.reveal();
    let question = format!("Release {number}? It is gone then, and somebody else may get it.");
    context.ask(args.yes, &question)?;
    context.account.release_number(&owned.id).await?;
    Ok(Report {
        text: format!("Released {number}."),
        json: json!({"number": number, "id": owned.id, "released": true}),
    })
}
