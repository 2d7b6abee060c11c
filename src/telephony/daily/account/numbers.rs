//! Phone numbers as Daily writes them. Its OpenAPI document and Pipecat's page spell the field of an offered
//! number differently (`phoneNumber`, `number`); both are read.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::pii::PhoneNumber;
use crate::telephony::TelephonyError;
use crate::telephony::daily::wire;

/// What is looked for in a number. Daily allows only some of these together; it refuses the others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NumberSearch {
    /// A state or province by its ISO 3166-2 letters, such as `CA`.
    pub region: Option<String>,
    /// An area code, such as `415`.
    pub areacode: Option<String>,
    /// A city; only with a region.
    pub city: Option<String>,
    /// 3 to 7 digits anywhere in the number.
    pub contains: Option<String>,
    /// 3 to 7 digits that it begins with.
    pub starts_with: Option<String>,
    /// 3 to 7 digits that it ends with.
    pub ends_with: Option<String>,
}

/// A number that can be bought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AvailableNumber {
    /// The number.
    pub number: PhoneNumber,
    /// Its state or province.
    pub region: Option<String>,
}

/// A number that was bought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurchasedNumber {
    /// Its id, which is what dial-out calls `callerId`.
    pub id: String,
    /// The number.
    pub number: PhoneNumber,
    /// Whether it can be used; unknown just after the purchase.
    pub verified: Option<bool>,
    /// When it was bought, as Daily writes it.
    pub bought: Option<String>,
}

impl NumberSearch {
    pub(super) fn query(&self) -> Vec<(&str, &str)> {
        let wishes = [
            ("region", &self.region),
            ("areacode", &self.areacode),
            ("city", &self.city),
            ("contains", &self.contains),
            ("starts_with", &self.starts_with),
            ("ends_with", &self.ends_with),
        ];
        wishes.into_iter().filter_map(|(name, wish)| Some((name, wish.as_deref()?))).collect()
    }
}

pub(super) fn purchase(number: Option<&PhoneNumber>) -> Value {
    number.map_or_else(|| json!({}), |number| json!({"number": number.reveal()}))
}

pub(super) fn read_available(answer: Value) -> Result<Vec<AvailableNumber>, TelephonyError> {
    #[derive(Deserialize)]
    struct Answer {
        data: Vec<Offer>,
    }
    #[derive(Deserialize)]
    struct Offer {
        #[serde(alias = "phoneNumber")]
        number: String,
        region: Option<String>,
    }
    let answer: Answer = wire::read(answer, "the numbers on offer")?;
    let offer = |offer: Offer| Ok(AvailableNumber { number: e164(&offer.number)?, region: offer.region });
    answer.data.into_iter().map(offer).collect()
}

#[derive(Deserialize)]
struct Purchased {
    id: String,
    number: String,
    verified: Option<bool>,
    status: Option<String>,
    created_date: Option<Value>,
}

/// One entry of the list of purchased numbers.
pub(super) fn read_purchased(entry: Value) -> Result<PurchasedNumber, TelephonyError> {
    read(entry, "a purchased number")
}

/// The answer to a purchase: number and id, nothing else.
pub(super) fn read_purchase(answer: Value) -> Result<PurchasedNumber, TelephonyError> {
    read(answer, "the new number")
}

fn read(value: Value, what: &str) -> Result<PurchasedNumber, TelephonyError> {
    let read: Purchased = wire::read(value, what)?;
    let by_status = read.status.as_deref().map(|status| status == "verified");
    Ok(PurchasedNumber {
        number: e164(&read.number)?,
        id: read.id,
        verified: read.verified.or(by_status),
        bought: read.created_date.as_ref().and_then(day),
    })
}

/// The day of a date that is a text, as documented, or seconds since 1970, as an older document has it.
fn day(date: &Value) -> Option<String> {
    let text = match date {
        Value::String(text) => text.clone(),
        Value::Number(seconds) => jiff::Timestamp::from_second(seconds.as_i64()?).ok()?.to_string(),
        _ => return None,
    };
    text.get(..10).map(str::to_owned)
}

fn e164(text: &str) -> Result<PhoneNumber, TelephonyError> {
    PhoneNumber::parse(text)
        .map_err(|_| TelephonyError::Protocol("a phone number that is not E.164".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn both_documented_spellings_of_an_offer_are_read() {
        for text in [
            include_str!("../../../../tests/wire/daily/available_numbers.json"),
            include_str!("../../../../tests/wire/daily/available_numbers_openapi.json"),
        ] {
            let offers = read_available(wire(text)).unwrap();
            assert_eq!(offers[0].number.reveal(), "+19499800001");
            assert_eq!(offers[0].region.as_deref(), Some("CA"));
        }
    }

    #[test]
    fn purchased_numbers_are_read_as_listed_and_as_just_bought() {
        let list = wire(include_str!("../../../../tests/wire/daily/purchased_numbers.json"));
        let listed = read_purchased(list["data"][0].clone()).unwrap();
        assert_eq!((listed.verified, listed.bought.as_deref()), (Some(true), Some("2025-03-14")));
        let bought =
            read_purchase(wire(include_str!("../../../../tests/wire/daily/bought_number.json"))).unwrap();
        assert_eq!((bought.number.reveal(), bought.verified), ("+18058700061", None));
        assert_eq!(day(&json!(1_795_363_200)).as_deref(), Some("2026-11-22"));
        assert_eq!(day(&json!("soon")), None);
    }

    #[test]
    fn only_what_is_wished_for_is_asked_for() {
        let search = NumberSearch { region: Some("CA".to_owned()), ..NumberSearch::default() };
        assert_eq!(search.query(), [("region", "CA")]);
    }

    #[test]
    fn an_answer_that_is_none_is_an_error_without_the_number_in_it() {
        let error = read_purchase(json!({"id": "a", "number": "5550100"})).unwrap_err().to_string();
        assert!(!error.contains("5550100"), "{error}");
        assert!(read_available(json!({"data": [{"region": "CA"}]})).is_err());
    }
}
