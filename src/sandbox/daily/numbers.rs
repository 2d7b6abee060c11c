//! Phone numbers: what can be bought, buying, what was bought, releasing.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::domain::Purchased;
use super::{ApiError, body::Body};
use crate::pii::PhoneNumber;
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
) -> Json<Value> {
    let offered = SHOP.iter().filter(|offer| !is_taken(&world, offer.0) && wishes.fit(offer));
    let data: Vec<Value> =
        offered.map(|(number, region, _)| json!({"number": number, "region": region})).collect();
    Json(json!({"total_count": data.len(), "data": data}))
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
    let (number, ..) = offer.ok_or_else(|| ApiError::invalid("the number is not available"))?;
    let number = PhoneNumber::parse(number).expect("the shop sells E.164 numbers");
    let bought = Purchased::new(number, false);
    let answer = json!({"id": bought.id, "number": bought.number.reveal()});
    world.domain.lock().purchased.push(bought);
    Ok(Json(answer))
}

pub(super) async fn list_purchased(State(world): State<Arc<World>>) -> Json<Value> {
    let data: Vec<Value> = world.domain.lock().purchased.iter().map(describe).collect();
    Json(json!({"total_count": data.len(), "data": data}))
}

pub(super) async fn release(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let mut domain = world.domain.lock();
    let index = domain.purchased.iter().position(|purchased| purchased.id.to_string() == id);
    let index = index.ok_or_else(|| ApiError::not_found("no such phone number"))?;
    if !domain.purchased[index].settled {
        return Err(ApiError::invalid("a phone number cannot be released within 14 days of its purchase"));
    }
    domain.purchased.remove(index);
    Ok(Json(json!({"deleted": true, "id": id})))
}

fn describe(purchased: &Purchased) -> Value {
    let number = purchased.number.reveal();
    json!({
        "name": number,
        "id": purchased.id,
        "created_date": purchased.bought_at as i64,
        "type": "purchased_phone_number",
        "number": number,
        "status": "verified",
        "verified": true,
    })
}

fn is_taken(world: &World, number: &str) -> bool {
    world.domain.lock().purchased.iter().any(|purchased| purchased.number.reveal() == number)
}

impl Wishes {
    fn fit(&self, (number, region, city): &(&str, &str, &str)) -> bool {
        let national = &number[2..];
        let is = |wish: &Option<String>, fits: &dyn Fn(&str) -> bool| wish.as_deref().is_none_or(fits);
        is(&self.region, &|wish| region.eq_ignore_ascii_case(wish))
            && is(&self.city, &|wish| city.eq_ignore_ascii_case(wish))
            && is(&self.areacode, &|wish| national.starts_with(wish))
            && is(&self.contains, &|wish| number.contains(wish))
            && is(&self.starts_with, &|wish| number.trim_start_matches('+').starts_with(wish))
            && is(&self.ends_with, &|wish| number.ends_with(wish))
    }
}
