//! Whom a participant may hear: Daily's `canReceive`, for audio.

use std::collections::HashMap;

use uuid::Uuid;

use super::Room;

/// The permission of one participant. Everybody may hear everybody until told otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hearing {
    base: bool,
    by_id: HashMap<Uuid, bool>,
}

/// A change of it; what is absent stays as it is.
#[derive(Clone, Debug)]
pub(crate) struct HearingChange {
    pub(crate) base: Option<bool>,
    pub(crate) by_id: Option<HashMap<Uuid, bool>>,
}

impl Default for Hearing {
    fn default() -> Self {
        Self { base: true, by_id: HashMap::new() }
    }
}

impl Hearing {
    /// What somebody may hear who comes in.
    pub(super) fn of_a_newcomer(deaf: bool) -> Self {
        Self { base: !deaf, ..Self::default() }
    }

    /// Whether this one may be heard.
    pub(super) fn allows(&self, talker: Uuid) -> bool {
        self.by_id.get(&talker).copied().unwrap_or(self.base)
    }

    /// Whether everybody may be heard, whoever comes.
    pub(super) fn is_unlimited(&self) -> bool {
        self.base && self.by_id.values().all(|&heard| heard)
    }

    fn change(&mut self, change: HearingChange) {
        self.base = change.base.unwrap_or(self.base);
        if let Some(by_id) = change.by_id {
            self.by_id = by_id;
        }
    }
}

impl Room {
    /// Changes whom participants may hear; `None` is everybody who is not named. False, and nothing is changed,
    /// if one of them is not in the room.
    pub(crate) fn change_hearing(&self, changes: Vec<(Option<Uuid>, HearingChange)>) -> bool {
        let mut inside = self.lock();
        let named: Vec<Uuid> = changes.iter().filter_map(|(id, _)| *id).collect();
        if !named.iter().all(|id| inside.members.iter().any(|member| member.id == *id)) {
            return false;
        }
        for (id, change) in changes {
            let means = |member: Uuid| id.map_or(!named.contains(&member), |id| id == member);
            for member in inside.members.iter_mut().filter(|member| means(member.id)) {
                member.hearing.change(change.clone());
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_participant_s_own_entry_counts_before_the_base() {
        let (one, other) = (Uuid::new_v4(), Uuid::new_v4());
        let mut hearing = Hearing::default();
        assert!(hearing.allows(one) && hearing.is_unlimited());
        hearing.change(HearingChange { base: Some(false), by_id: Some(HashMap::from([(one, true)])) });
        assert!(hearing.allows(one) && !hearing.allows(other) && !hearing.is_unlimited());
        hearing.change(HearingChange { base: Some(true), by_id: None });
        assert!(hearing.allows(other) && hearing.is_unlimited());
        hearing.change(HearingChange { base: None, by_id: Some(HashMap::from([(one, false)])) });
        assert!(!hearing.allows(one) && hearing.allows(other));
    }
}
