//! Phone numbers: what can be bought, buying, what was bought, releasing.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::domain::Purchased;
use super::paging::Page;
use super::{ApiError, body::Body};
use crate::pii::PhoneNumber;
use crate::sandbox::clock::iso_8601;
use crate::sandbox::world::World;

/// The numbers that the shop offers: number, region, city. All are reserved for fiction.
const SHOP: [(&str, &str, &str); 8] = [
    ("+14155550110", "CA", "San Francisco"),
    ("+14155550111", "CA", "San Francisco"),
    ("+12135550112", "CA", "Los Angeles"),
    ("+19495550113", "CA", "Irvine"),
    ("+12125550114", "NY", "New York"),
    ("+13125550115", "IL", "Chicago"),
    ("+15125550116", "TX", "Austin"),
    ("+12065550117", "WA", "Seattle"),
];

#[derive(Deserialize)]
pub(super) struct Wishes {
    region: Option<String>,
    areacode: Option<String>,
    city: Option<String>,
    contains: Option<String>,
    starts_with: Option<String>,
    ends_with: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Purchase {
    number: Option<String>,
}

pub(super) async fn list_available(
    State(world): State<Arc<World>>,
    Query(wishes): Query<Wishes>,
) -> Result<Json<Value>, ApiError> {
    if !wishes.go_together() {
        return Err(ApiError::validation("invalid path parameter"));
    }
    let offered = SHOP.iter().filter(|offer| !is_taken(&world, offer.0) && wishes.fit(offer));
    let data: Vec<Value> =
        offered.map(|(number, region, _)| json!({"number": number, "region": region})).collect();
    Ok(Json(json!({"total_count": data.len(), "data": data})))
}

pub(super) async fn buy(
    State(world): State<Arc<World>>,
    Body(purchase): Body<Purchase>,
) -> Result<Json<Value>, ApiError> {
    let wanted = |offer: &&(&str, &str, &str)| match &purchase.number {
        Some(number) => offer.0 == number,
        None => offer.1 == "CA",
    };
    let offer = SHOP.iter().filter(wanted).find(|offer| !is_taken(&world, offer.0));
    let (number, ..) = offer.ok_or_else(|| ApiError::invalid_attribute("Number is invalid."))?;
    let number = PhoneNumber::parse(number).expect("the shop sells E.164 numbers");
    let bought = Purchased::new(number, false);
    let answer = json!({"id": bought.id, "number": bought.number.reveal()});
    world.domain.lock().purchased.push(bought);
    Ok(Json(answer))
}

pub(super) async fn list_purchased(
    State(world): State<Arc<World>>,
    Query(page): Query<Page>,
) -> Result<Json<Value>, ApiError> {
    page.of(world.domain.lock().purchased.iter().enumerate().map(describe).collect())
}

pub(super) async fn release(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let mut domain = world.domain.lock();
    let index = domain.purchased.iter().position(|purchased| purchased.id.to_string() == id);
    let index = index.ok_or_else(|| ApiError::not_found("no such phone number"))?;
    if !domain.purchased[index].settled {
        return Err(ApiError::too_young());
    }
    domain.purchased.remove(index);
    Ok(Json(json!({"deleted": true, "id": id})))
}

fn describe((index, purchased): (usize, &Purchased)) -> Value {
    let number = purchased.number.reveal();
    json!({
        "name": number,
        "type": "purchased_phone_number",
        "id": purchased.id,
        "pagination_id": index + 1,
        "created_date": iso_8601(purchased.bought_at),
        "number": number,
        "status": "verified",
        "verified": true,
    })
}

fn is_taken(world: &World, number: &str) -> bool {
    world.domain.lock().purchased.iter().any(|purchased| purchased.number.reveal() == number)
}

impl Wishes {
    /// The combinations that are documented.
    fn go_together(&self) -> bool {
        let digits = [&self.contains, &self.starts_with, &self.ends_with];
        let given: Vec<&String> = digits.into_iter().flatten().collect();
        let are_digits =
            |wish: &&String| (3..=7).contains(&wish.len()) && wish.bytes().all(|byte| byte.is_ascii_digit());
        let region_or_areacode = !(self.region.is_some() && self.areacode.is_some());
        let city =
            self.city.is_none() || (self.region.is_some() && self.areacode.is_none() && given.is_empty());
        region_or_areacode && city && given.len() <= 1 && given.iter().all(are_digits)
    }

    fn fit(&self, (number, region, city): &(&str, &str, &str)) -> bool {
        let national = &number[2..];
        let is = |wish: &Option<String>, fits: &dyn Fn(&str) -> bool| wish.as_deref().is_none_or(fits);
        is(&self.region, &|wish| region.eq_ignore_ascii_case(wish))
            && is(&self.city, &|wish| city.eq_ignore_ascii_case(wish))
            && is(&self.areacode, &|wish| national.starts_with(wish))
            && is(&self.contains, &|wish| number.contains(wish))
            && is(&self.starts_with, &|wish| national.starts_with(wish) || number[1..].starts_with(wish))
            && is(&self.ends_with, &|wish| number.ends_with(wish))
    }
}
