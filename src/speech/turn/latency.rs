//! How long the recogniser takes to fix its words, learned from how long it took.
//!
//! As TCP learns how long an answer may take (RFC 6298, section 2): a mean and a deviation, both moving; what is waited
//! for is the mean and four deviations. Bounded both ways, so that neither luck nor an outage teaches nonsense.

use std::time::Duration;

/// Answers after which there is an estimate.
const ENOUGH: u32 = 3;
/// Words are waited for at least so long: one late answer costs a request to the model.
const LEAST: Duration = Duration::from_millis(400);
/// And at most so long: a caller who waits longer says it again.
const MOST: Duration = Duration::from_millis(2_500);

/// What is known of one stream's recogniser.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Latency {
    mean: f64,
    deviation: f64,
    answers: u32,
}

impl Latency {
    /// The words of a turn were fixed so long after the caller was known to be silent.
    pub(super) fn learn(&mut self, took: Duration) {
        let took = took.min(MOST).as_secs_f64();
        if self.answers == 0 {
            (self.mean, self.deviation) = (took, took / 2.0);
        } else {
            self.deviation += ((self.mean - took).abs() - self.deviation) / 4.0;
            self.mean += (took - self.mean) / 8.0;
        }
        self.answers = self.answers.saturating_add(1);
    }

    /// How long an answer may take, as soon as enough of them have come.
    pub(super) fn allowance(&self) -> Option<Duration> {
        (self.answers >= ENOUGH)
            .then(|| Duration::from_secs_f64(self.mean + 4.0 * self.deviation).clamp(LEAST, MOST))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn learned(answers: &[u64]) -> Option<u128> {
        let mut latency = Latency::default();
        answers.iter().for_each(|&ms| latency.learn(Duration::from_millis(ms)));
        latency.allowance().map(|allowance| allowance.as_millis())
    }

    #[test]
    fn two_answers_teach_nothing_and_the_third_does() {
        assert_eq!(learned(&[700, 700]), None);
        // 0.35 × ¾ × ¾ is the deviation after three equal answers.
        assert_eq!(learned(&[700, 700, 700]), Some(700 + 787));
    }

    #[test]
    fn an_even_recogniser_is_soon_known_well_and_an_uneven_one_is_given_more() {
        let even = learned(&[700; 20]).unwrap();
        assert!((700..720).contains(&even), "{even}");
        let uneven = learned(&[300, 1_100].repeat(10)).unwrap();
        assert!(uneven > 1_700, "{uneven}");
    }

    #[test]
    fn one_slow_answer_is_forgotten_again() {
        let mut answers = vec![200; 20];
        answers.push(2_400);
        let after = learned(&answers).unwrap();
        answers.extend([200; 20]);
        assert!(after > 1_500 && learned(&answers).unwrap() < 600, "{after}");
    }

    proptest! {
        #[test]
        fn whatever_it_learns_it_stays_within_its_bounds(answers in proptest::collection::vec(0u64..100_000, 3..60)) {
            let allowance = learned(&answers).unwrap();
            prop_assert!((LEAST.as_millis()..=MOST.as_millis()).contains(&allowance));
        }
    }
}
