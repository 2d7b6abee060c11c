//! Durations as two cells of a table.

use std::fmt;
use std::time::Duration;

/// The median and the 95th percentile, in milliseconds.
pub struct Millis<'a>(pub &'a mut Vec<Duration>);

impl Millis<'_> {
    fn at(sorted: &[Duration], share: f64) -> f64 {
        let rank = (share * sorted.len() as f64).ceil() as usize;
        sorted.get(rank.saturating_sub(1)).map_or(f64::NAN, |time| time.as_secs_f64() * 1000.0)
    }
}

impl Millis<'_> {
    /// The same and the 99th percentile, for programs; `null` if there is nothing.
    pub fn json(&self) -> serde_json::Value {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        if sorted.is_empty() {
            return serde_json::Value::Null;
        }
        let at = |share| Self::at(&sorted, share);
        serde_json::json!({ "p50_ms": at(0.50), "p95_ms": at(0.95), "p99_ms": at(0.99), "count": sorted.len() })
    }
}

impl fmt::Display for Millis<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        write!(f, "{:.1} ms | {:.1} ms", Self::at(&sorted, 0.50), Self::at(&sorted, 0.95))
    }
}
