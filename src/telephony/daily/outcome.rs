//! What a failed leg's text may mean.
//!
//! Daily reports no cause. Its `errorMsg` is free text that may repeat what a carrier said; words in it are
//! taken as hints, numbers are not (no document says that they are SIP codes).

/// Why a leg failed, as far as the vendor's text lets one guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InferredOutcome {
    /// The far end is busy.
    Busy,
    /// Somebody declined.
    Rejected,
    /// No such number, or no way to it.
    Unreachable,
    /// It rang, and nobody answered.
    NoAnswer,
    /// The text says nothing of the kind.
    Failed,
}

/// Words of a person's or a carrier's answer, in the order in which they count.
const HINTS: [(InferredOutcome, &[&str]); 4] = [
    (InferredOutcome::Rejected, &["declined", "rejected by", "call rejected", "decline"]),
    (InferredOutcome::NoAnswer, &["no answer", "not answered", "no-answer"]),
    (
        InferredOutcome::Unreachable,
        &[
            "unreachable",
            "not reachable",
            "not be reached",
            "no route",
            "unallocated",
            "not in service",
            "does not exist",
            "unknown number",
            "invalid number",
        ],
    ),
    (InferredOutcome::Busy, &["busy"]),
];

/// Words that make it the vendor's own trouble, whatever else is said.
const OWN_TROUBLE: [&str; 5] = ["worker", "server", "capacity", "policy", "temporarily"];

/// Guesses an outcome from the text of a `dialout-error`. The flag says whether it was guessed; without a
/// hint the outcome is [`InferredOutcome::Failed`], which the vendor reported.
#[must_use]
pub fn infer_leg_outcome(raw: &str) -> (InferredOutcome, bool) {
    let text = raw.to_lowercase().replace('_', " ");
    if OWN_TROUBLE.iter().any(|word| text.contains(word)) {
        return (InferredOutcome::Failed, false);
    }
    let hint = HINTS.iter().find(|(_, words)| words.iter().any(|word| text.contains(word)));
    hint.map_or((InferredOutcome::Failed, false), |&(outcome, _)| (outcome, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_hints_and_numbers_are_not() {
        for (raw, outcome) in [
            ("Busy Here", InferredOutcome::Busy),
            ("USER_BUSY", InferredOutcome::Busy),
            ("the call was declined", InferredOutcome::Rejected),
            ("rejected by the far end", InferredOutcome::Rejected),
            ("No route to destination", InferredOutcome::Unreachable),
            ("the number is unreachable", InferredOutcome::Unreachable),
            ("not reachable", InferredOutcome::Unreachable),
            ("No answer from user", InferredOutcome::NoAnswer),
            ("486", InferredOutcome::Failed),
            ("failed with 603", InferredOutcome::Failed),
            ("all workers are busy", InferredOutcome::Failed),
            ("TEMPORARILY_NOT_AVAILABLE", InferredOutcome::Failed),
            ("rejected by dial-out policy", InferredOutcome::Failed),
            ("", InferredOutcome::Failed),
        ] {
            assert_eq!(infer_leg_outcome(raw), (outcome, outcome != InferredOutcome::Failed), "{raw}");
        }
    }
}
