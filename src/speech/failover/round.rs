//! Whom to ask next of several who were asked for the same thing: each once, and who was only slow once more. No I/O,
//! no clock.

use std::collections::BTreeSet;

/// What is known of the members since one of them last gave something.
#[derive(Debug)]
pub(super) struct Round {
    count: usize,
    /// Asked, and to be asked again only if nobody else is left.
    slow: BTreeSet<usize>,
    /// Asked, and of no use now.
    failed: BTreeSet<usize>,
    /// Of no use ever: wrong keys, unknown models.
    hopeless: BTreeSet<usize>,
}

/// Who is asked next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Next {
    pub(super) index: usize,
    /// Nobody is left who was not asked: it is given all the time there is.
    pub(super) is_last: bool,
}

impl Round {
    pub(super) fn of(count: usize) -> Self {
        Self { count, slow: BTreeSet::new(), failed: BTreeSet::new(), hopeless: BTreeSet::new() }
    }

    /// Something was given, or given up: everybody may be asked again.
    pub(super) fn begins_again(&mut self) {
        self.slow.clear();
        self.failed.clear();
    }

    /// One took too long. Who had all the time there is has failed.
    pub(super) fn was_slow(&mut self, index: usize, had_all_the_time: bool) {
        if had_all_the_time || !self.slow.insert(index) {
            self.failed.insert(index);
        }
    }

    /// One failed, for now or for ever.
    pub(super) fn failed(&mut self, index: usize, for_ever: bool) {
        self.failed.insert(index);
        if for_ever {
            self.hopeless.insert(index);
        }
    }

    /// Who comes after `current`: the first who was not asked, those that are well before the others; then who was
    /// slow.
    pub(super) fn next(&self, current: usize, is_well: impl Fn(usize) -> bool) -> Option<Next> {
        let of_use = |index: &usize| !self.failed.contains(index) && !self.hopeless.contains(index);
        let after = (1..=self.count).map(|step| (current + step) % self.count).filter(of_use);
        let (slow, fresh): (Vec<_>, Vec<_>) = after.partition(|index| self.slow.contains(index));
        let well = fresh.iter().copied().find(|&index| is_well(index));
        let index = well.or(fresh.first().copied()).or(slow.first().copied())?;
        Some(Next { index, is_last: fresh.len() <= 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(round: &Round, current: usize) -> Option<(usize, bool)> {
        round.next(current, |_| true).map(|Next { index, is_last }| (index, is_last))
    }

    #[test]
    fn the_last_one_is_given_time_and_who_was_slow_is_asked_once_more_if_it_fails() {
        let mut round = Round::of(2);
        round.was_slow(0, false);
        assert_eq!(next(&round, 0), Some((1, true)));
        round.failed(1, false);
        assert_eq!(next(&round, 1), Some((0, true)));
        round.was_slow(0, true);
        assert_eq!(next(&round, 0), None);
        round.begins_again();
        assert_eq!(next(&round, 0), Some((1, false)));
    }

    #[test]
    fn who_is_ill_is_asked_after_the_others_and_who_is_hopeless_never() {
        let mut round = Round::of(3);
        round.failed(0, true);
        let well = |index| index != 1;
        assert_eq!(round.next(0, well), Some(Next { index: 2, is_last: false }));
        round.was_slow(2, false);
        assert_eq!(round.next(2, well), Some(Next { index: 1, is_last: true }));
        round.begins_again();
        assert_eq!(round.next(2, |_| false), Some(Next { index: 1, is_last: false }));
    }
}
