//! How a vendor answers: whether at all, how fast, how evenly, and what time it is there.
//!
//! A few requests without a key, which every vendor refuses: that is answer enough, and costs nothing.

use std::time::Duration;

use tokio::time::sleep;

use super::http;
use crate::cli::doctor::unix_now;
use crate::settings::Access;

/// Requests to each vendor.
const REQUESTS: usize = 5;
/// Between two of them: far below every documented limit.
const PAUSE: Duration = Duration::from_millis(100);

/// How a vendor answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::cli::doctor) struct Pulse {
    /// How long each answer took, but for the first, which also opened the connection.
    pub(in crate::cli::doctor) took: Vec<Duration>,
    /// Requests that were not answered.
    pub(in crate::cli::doctor) lost: usize,
    /// Why the last of these was not.
    pub(in crate::cli::doctor) why: Option<String>,
    /// By how many seconds the vendor's clock is ahead of ours.
    pub(in crate::cli::doctor) ahead: Option<i64>,
    /// Whether it answered at all.
    pub(in crate::cli::doctor) answered: bool,
}

/// Asks a vendor a few times. One that does not answer the first time is not asked again.
pub(in crate::cli::doctor) async fn feel(access: &Access) -> Pulse {
    let mut pulse = Pulse::default();
    let client = match http::client(&access.base_url) {
        Ok(client) => client,
        Err(why) => return Pulse { lost: 1, why: Some(why), ..pulse },
    };
    for n in 0..REQUESTS {
        match http::send(client.get(&access.base_url)).await {
            Ok(answer) => {
                pulse.answered = true;
                pulse.ahead = pulse.ahead.or(answer.date.map(|date| date - unix_now()));
                pulse.took.extend((n > 0).then_some(answer.took));
            }
            Err(why) => {
                pulse.lost += 1;
                pulse.why = Some(why);
                if !pulse.answered {
                    break;
                }
            }
        }
        sleep(PAUSE).await;
    }
    pulse
}
