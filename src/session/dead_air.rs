//! No dead air: when the bot owes the caller something and they hear nothing, a few words pass the time, and then
//! music, until there is an answer, or an apology.
//!
//! What is owed is known here and nowhere else: words of the recogniser, a reply of the model, the sound of a voice. The
//! machine is not told, and decides about failures as ever; a tool that takes its time is its own business.

use std::time::Duration;

use tokio::time::Instant;

use super::call::Call;

/// How long the caller hears nothing before the time is filled: with the way of the sound under three seconds.
const QUIET: Duration = Duration::from_millis(2_400);
/// How long something must be owed by then: a question that the bot asks after a long silence is not late.
const OWED: Duration = Duration::from_millis(1_200);
/// What passes the time, if it is there as audio.
pub(super) const FILLER: &str = "One moment, please.";

/// What the caller does.
#[derive(Clone, Copy, Debug, Default)]
enum Caller {
    #[default]
    Away,
    Speaking,
    Silent {
        since: Instant,
    },
}

/// What is known of the silence.
#[derive(Debug, Default)]
pub(super) struct DeadAir {
    caller: Caller,
    owed_since: Option<Instant>,
    filled: bool,
}

impl DeadAir {
    pub(super) fn caller_speaks(&mut self) {
        self.caller = Caller::Speaking;
    }

    /// Since so long.
    pub(super) fn caller_is_silent(&mut self, since: Duration) {
        let now = Instant::now();
        self.caller = Caller::Silent { since: now.checked_sub(since).unwrap_or(now) };
    }

    fn caller_is_there(&mut self, there: bool) {
        match (there, self.caller) {
            (false, _) => self.caller = Caller::Away,
            (true, Caller::Away) => self.caller_is_silent(Duration::ZERO),
            (true, _) => {}
        }
    }

    /// How long it has been silent on the caller's side; `None` while they speak, or are not there.
    fn silence(&self) -> Option<Duration> {
        match self.caller {
            Caller::Silent { since } => Some(since.elapsed()),
            Caller::Away | Caller::Speaking => None,
        }
    }
}

impl Call {
    /// To be called with every beat.
    pub(super) fn mind_dead_air(&mut self) {
        self.dead_air.caller_is_there(self.people.caller_here && !self.stage.handed_off);
        let owes = self.voice.owes_sound() || self.dialogue.is_thinking() || self.ears.owe_words();
        let silence = self.dead_air.silence().filter(|_| owes && !self.voice.is_paused());
        let Some(silence) = silence else {
            self.dead_air.owed_since = None;
            return self.end_filling();
        };
        let owed = self.dead_air.owed_since.get_or_insert_with(Instant::now).elapsed();
        if self.dead_air.filled {
            if self.voice.is_heard() {
                self.end_filling();
            }
        } else if silence.min(self.voice.silence()) >= QUIET && owed >= OWED {
            tracing::info!("the caller is asked for patience");
            self.dead_air.filled = true;
            self.voice.fill(FILLER);
        }
    }

    fn end_filling(&mut self) {
        if std::mem::take(&mut self.dead_air.filled) {
            self.voice.end_filling();
        }
    }
}
