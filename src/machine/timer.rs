//! The timers of a call: a table with one slot for each kind, armed on entry, cleared on exit.

use serde::{Deserialize, Serialize};

/// Milliseconds since the call began. The machine's only notion of time.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub u64);

impl Millis {
    /// The point in time that much later.
    #[must_use]
    pub fn after(self, wait: std::time::Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)))
    }
}

/// What a deadline is for. The name goes into logs with every wake-up.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Timer {
    /// The caller's audio has not come.
    Join,
    /// `timeout:` of the state.
    State,
    /// A fixed sentence was neither said nor refused.
    Speech,
    /// The model's reply did not finish.
    Reply,
    /// The next rung of the silence ladder.
    Silence,
    /// An answer to a `confirm` or a `collect`.
    Answer,
    /// The pause that ends an answer on the keys.
    Keys,
    /// The announcement before a dial.
    Announce,
    /// The vendor's answer to a dial command.
    DialCommand,
    /// The ring limit of an attempt.
    Ring,
    /// What comes next at the accept gate: the question heard, a key, or the two brought together.
    Gate,
    /// The vendor's answer to a stop command.
    StopCommand,
    /// The pause before the next attempt.
    Retry,
    /// The next sentence over the hold audio.
    HoldSay,
    /// A request of a tool was not answered.
    Tool,
    /// The next sentence while a tool takes its time.
    Fill,
    /// `handoff.max`.
    Handoff,
    /// `call.max_duration`.
    MaxDuration,
}

const KINDS: usize = 18;

/// Where no deadline is set. No call lasts until then.
const NEVER: Millis = Millis(u64::MAX);

/// At most one deadline for each kind of timer.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Timers {
    at: [Millis; KINDS],
    /// Which are set, a bit each: few ever are.
    kinds: u32,
}

impl Default for Timers {
    fn default() -> Self {
        Self { at: [NEVER; KINDS], kinds: 0 }
    }
}

impl Timers {
    /// Sets or moves a deadline. The end of time is none.
    pub fn arm(&mut self, timer: Timer, at: Millis) {
        let bit = 1 << timer as u32;
        self.at[timer as usize] = at;
        self.kinds = if at == NEVER { self.kinds & !bit } else { self.kinds | bit };
    }

    /// Sets, moves or removes a deadline.
    pub fn set(&mut self, timer: Timer, at: Option<Millis>) {
        self.arm(timer, at.unwrap_or(NEVER));
    }

    /// Removes a deadline.
    pub fn clear(&mut self, timer: Timer) {
        self.arm(timer, NEVER);
    }

    /// Removes all deadlines that belong to a state. What outlives a state keeps its own: the call, the
    /// handoff, speech that is still to be heard, a leg that is being stopped.
    pub fn clear_state(&mut self) {
        for timer in ALL {
            match timer {
                Timer::State
                | Timer::Silence
                | Timer::Answer
                | Timer::Keys
                | Timer::Announce
                | Timer::DialCommand
                | Timer::Ring
                | Timer::Gate
                | Timer::Retry
                | Timer::HoldSay
                | Timer::Fill => self.clear(timer),
                Timer::Join
                | Timer::Speech
                | Timer::Reply
                | Timer::StopCommand
                | Timer::Tool
                | Timer::Handoff
                | Timer::MaxDuration => {}
            }
        }
    }

    /// Removes all deadlines.
    pub fn clear_all(&mut self) {
        *self = Self::default();
    }

    /// Whether a deadline of this kind is set.
    #[must_use]
    pub fn is_armed(&self, timer: Timer) -> bool {
        self.kinds & 1 << timer as u32 != 0
    }

    /// Which timers are armed, a bit each.
    pub(super) fn kinds(&self) -> u32 {
        self.kinds
    }

    /// Every deadline that is set, in the order of the kinds.
    fn set_ones(&self) -> impl Iterator<Item = (Millis, Timer)> {
        let mut rest = self.kinds;
        std::iter::from_fn(move || {
            let kind = rest.trailing_zeros() as usize;
            rest &= rest.wrapping_sub(1);
            Some((*self.at.get(kind)?, ALL[kind]))
        })
    }

    /// Every deadline that is set, the earliest first.
    #[must_use]
    pub fn armed(&self) -> Vec<(Millis, Timer)> {
        let mut armed = Vec::with_capacity(KINDS);
        armed.extend(self.set_ones());
        armed.sort_unstable();
        armed
    }

    /// Moves a deadline that is set; does nothing if it is not.
    pub fn move_to(&mut self, timer: Timer, at: Millis) {
        if self.is_armed(timer) {
            self.arm(timer, at);
        }
    }

    /// The earliest deadline and what it is for.
    #[must_use]
    pub fn next(&self) -> Option<(Millis, Timer)> {
        self.set_ones().min()
    }

    /// Takes the earliest deadline if it is not later than `now`.
    pub fn pop_due(&mut self, now: Millis) -> Option<Timer> {
        let (_, timer) = self.next().filter(|(at, _)| *at <= now)?;
        self.clear(timer);
        Some(timer)
    }
}

const ALL: [Timer; KINDS] = [
    Timer::Join,
    Timer::State,
    Timer::Speech,
    Timer::Reply,
    Timer::Silence,
    Timer::Answer,
    Timer::Keys,
    Timer::Announce,
    Timer::DialCommand,
    Timer::Ring,
    Timer::Gate,
    Timer::StopCommand,
    Timer::Retry,
    Timer::HoldSay,
    Timer::Tool,
    Timer::Fill,
    Timer::Handoff,
    Timer::MaxDuration,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_deadline_comes_first_and_once() {
        let mut timers = Timers::default();
        timers.arm(Timer::Ring, Millis(30));
        timers.arm(Timer::State, Millis(20));
        timers.arm(Timer::State, Millis(40));
        assert_eq!(timers.pop_due(Millis(29)), None);
        assert_eq!(timers.pop_due(Millis(50)), Some(Timer::Ring));
        assert_eq!(timers.pop_due(Millis(50)), Some(Timer::State));
        assert_eq!(timers.pop_due(Millis(50)), None);
    }
}
