//! Lists page by page (docs.daily.co, pagination): `limit`, and `starting_after` the id of an entry.

use axum::Json;
use serde::Deserialize;
use serde_json::{Value, json};

use super::ApiError;

/// Longest page.
const LONGEST: usize = 100;

/// Which page is asked for.
#[derive(Default, Deserialize)]
pub(super) struct Page {
    limit: Option<usize>,
    starting_after: Option<String>,
}

impl Page {
    /// That page of all entries, with the count of all.
    pub(super) fn of(&self, entries: Vec<Value>) -> Result<Json<Value>, ApiError> {
        let total = entries.len();
        let is_last_seen = |entry: &Value| {
            ["pagination_id", "id"].iter().any(|key| match (&entry[*key], &self.starting_after) {
                (Value::String(id), Some(seen)) => id == seen,
                (Value::Number(id), Some(seen)) => id.to_string() == *seen,
                _ => false,
            })
        };
        let skipped = entries.iter().position(is_last_seen).map_or(0, |at| at + 1);
        let most = most(self.limit, LONGEST)?;
        let data: Vec<Value> = entries.into_iter().skip(skipped).take(most).collect();
        Ok(Json(json!({"total_count": total, "data": data})))
    }
}

/// How many entries an answer may have.
pub(super) fn most(limit: Option<usize>, default: usize) -> Result<usize, ApiError> {
    match limit.unwrap_or(default) {
        limit @ 1..=LONGEST => Ok(limit),
        _ => Err(ApiError::invalid(format!("limit must be from 1 to {LONGEST}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_without_gap_or_repeat() {
        let all: Vec<Value> = (0..5).map(|n| json!({"id": format!("e{n}"), "pagination_id": n})).collect();
        let page = |limit, after: Option<&str>| {
            let page = Page { limit: Some(limit), starting_after: after.map(str::to_owned) };
            page.of(all.clone()).map(|Json(answer)| answer)
        };
        let first = page(2, None).unwrap();
        assert_eq!((&first["total_count"], first["data"].as_array().unwrap().len()), (&json!(5), 2));
        assert_eq!(page(2, Some("1")).unwrap()["data"][0]["id"], "e2");
        assert_eq!(page(9, Some("e3")).unwrap()["data"], json!([all[4]]));
        assert!(page(0, None).is_err() && page(101, None).is_err());
    }
}
