//! What holds where a flow says nothing: times and counts that both the rules and the compiler need.
//!
//! Sentences that are said for a flow are the compiler's.

use std::time::Duration;

/// `call.max_duration`.
pub const MAX_DURATION: Duration = Duration::from_secs(20 * 60);
/// `converse.silence`: this long, a sentence, this long again, the end.
pub const SILENCE: Duration = Duration::from_secs(8);
/// `confirm.tries`.
pub const CONFIRM_TRIES: u32 = 2;
/// `collect.tries`, for one question.
pub const COLLECT_TRIES: u32 = 3;
/// `dial.accept.tries`.
pub const ACCEPT_TRIES: u32 = 2;
/// `timeout` of one answer, in a `confirm`, a `collect` and an `accept`.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// `dial.ring`.
pub const RING: Duration = Duration::from_secs(30);
/// `retry.wait`: the pause before the next attempt.
pub const RETRY_WAIT: Duration = Duration::from_secs(2);
/// `timeout` of a tool.
pub const TOOL_TIMEOUT: Duration = Duration::from_secs(10);
