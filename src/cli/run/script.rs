//! Piped lines: when each of them makes sense, and what is said of those that never did.
//!
//! A person at the terminal acts when they please; a script must not depend on how fast a machine is. So
//! each line waits for its moment, and each wait is bounded.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::line::{self, Line, LineError};
use crate::session::CallStatus;

/// The longest a line waits for its moment.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long the bot must be quiet before it counts as having finished.
const QUIET: Duration = Duration::from_millis(300);
/// How long after an action the bot may do nothing before the script goes on regardless.
const REACTION: Duration = Duration::from_secs(6);
/// Lines of one script.
const MOST_LINES: usize = 10_000;

/// The script of one call.
#[derive(Debug, Default)]
pub(super) struct Script {
    lines: VecDeque<Numbered>,
    complete: bool,
    /// The end was called; nothing more will be.
    finished: bool,
    front_since: Option<Instant>,
    resting_until: Option<Instant>,
    acted: Option<Acted>,
    calm: Option<Calm>,
}

#[derive(Debug)]
struct Numbered {
    number: usize,
    text: String,
    line: Line,
}

/// What was done last, and how the call stood then.
#[derive(Debug)]
struct Acted {
    at: Instant,
    before: CallStatus,
    still_talking: bool,
    reacted: bool,
}

/// Since when the call has stood still, and how.
#[derive(Debug)]
struct Calm {
    since: Instant,
    status: CallStatus,
}

/// Which of the phones rings or talks, as far as lines depend on it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Phones {
    pub(super) operator_rings: bool,
    pub(super) operator_talks: bool,
}

/// What the script says.
#[derive(Debug, PartialEq)]
pub(super) enum Cue {
    /// Do this now.
    Now(Line),
    /// This line never made sense; it is dropped.
    Unused(String),
    /// Nothing yet; look again at that time, or when something happens.
    Wait(Option<Instant>),
    /// All lines are done, and the call stands still: hang up.
    Finished,
}

impl Script {
    /// Adds a line as read. Lines beyond the limit are refused.
    pub(super) fn add(&mut self, number: usize, text: &str) -> Result<(), LineError> {
        let line = line::parse(text)?;
        if self.lines.len() >= MOST_LINES {
            return Err(LineError::Usage("the script is longer than 10000 lines"));
        }
        if line != Line::Nothing {
            self.lines.push_back(Numbered { number, text: text.trim().to_owned(), line });
        }
        Ok(())
    }

    /// No more lines will come.
    pub(super) fn complete(&mut self) {
        self.complete = true;
    }

    /// Takes note of how the call stands.
    pub(super) fn observe(&mut self, now: Instant, status: &CallStatus) {
        if let Some(acted) = &mut self.acted {
            let before = &acted.before;
            let moved = status.state != before.state
                || status.ringing != before.ringing
                || status.handed_off != before.handed_off
                || status.over;
            // A bot that is busy while the caller still talks is finishing something older.
            acted.reacted |= moved || (status.bot_busy && !acted.still_talking);
        }
        if self.calm.as_ref().is_none_or(|calm| calm.status != *status) {
            self.calm = Some(Calm { since: now, status: status.clone() });
        }
    }

    /// The phone that was told to talk has finished.
    pub(super) fn finished_talking(&mut self, now: Instant) {
        if let Some(acted) = &mut self.acted {
            acted.still_talking = false;
            acted.at = now;
        }
    }

    /// What is to be done next.
    pub(super) fn cue(&mut self, now: Instant, phones: Phones) -> Cue {
        if let Some(until) = self.resting_until {
            if now < until {
                return Cue::Wait(Some(until));
            }
            self.resting_until = None;
            self.front_since = None;
        }
        let since = *self.front_since.get_or_insert(now);
        let (line, patience_ends) = match self.lines.front() {
            Some(front) => (front.line.clone(), since + PATIENCE),
            None if self.finished => return Cue::Wait(None),
            None if self.complete => (Line::HangUp, since + PATIENCE),
            None => return Cue::Wait(None),
        };
        if let Line::Wait(rest) = line {
            self.lines.pop_front();
            self.resting_until = Some(now + rest);
            return Cue::Wait(self.resting_until);
        }
        match self.moment(&line, now, phones) {
            Moment::Now => self.take(now, line),
            Moment::Later(_) if now >= patience_ends => self.give_up(),
            Moment::Later(again) => Cue::Wait(Some(again.map_or(patience_ends, |a| a.min(patience_ends)))),
        }
    }

    /// What was never used, when the call is over.
    pub(super) fn leftovers(&mut self) -> Vec<String> {
        self.lines.drain(..).filter(|l| !matches!(l.line, Line::Wait(_))).map(|l| l.report()).collect()
    }

    fn take(&mut self, now: Instant, line: Line) -> Cue {
        self.front_since = None;
        if self.lines.pop_front().is_none() {
            self.finished = true;
            return Cue::Finished;
        }
        let still_talking = matches!(line, Line::Say(_) | Line::Operator(_));
        let before = self.calm.as_ref().map(|calm| calm.status.clone()).unwrap_or_default();
        self.acted = Some(Acted { at: now, before, still_talking, reacted: false });
        Cue::Now(line)
    }

    fn give_up(&mut self) -> Cue {
        self.front_since = None;
        match self.lines.pop_front() {
            Some(line) => Cue::Unused(line.report()),
            None => {
                self.finished = true;
                Cue::Finished
            }
        }
    }

    fn moment(&self, line: &Line, now: Instant, phones: Phones) -> Moment {
        if matches!(line, Line::Help | Line::Quit | Line::Call | Line::Nothing) {
            return Moment::Now;
        }
        let Some(calm) = &self.calm else { return Moment::Later(None) };
        if let Some(acted) = &self.acted {
            if acted.still_talking {
                return Moment::Later(None);
            }
            let patience = acted.at + REACTION;
            // After the handoff nobody has to react: two people talk.
            if !acted.reacted && !calm.status.handed_off && now < patience {
                return Moment::Later(Some(patience));
            }
        }
        let status = &calm.status;
        let listens = status.listening && !status.bot_busy;
        let wanted = match line {
            Line::Answer | Line::Reject(_) => phones.operator_rings,
            Line::Say(_) => listens || status.handed_off,
            Line::Operator(_) | Line::OperatorHangUp => phones.operator_talks,
            Line::OperatorDtmf(_) => phones.operator_talks && (status.asked || status.handed_off),
            // After the handoff only while two people talk: a caller left alone is told so, and the call ends.
            Line::HangUp | Line::Dtmf(_) => {
                let two_talk = status.handed_off && phones.operator_talks;
                listens || two_talk || (status.ringing && phones.operator_rings)
            }
            Line::Help | Line::Quit | Line::Call | Line::Nothing | Line::Wait(_) => true,
        };
        let quiet_at = calm.since + QUIET;
        match wanted {
            false => Moment::Later(None),
            true if now < quiet_at => Moment::Later(Some(quiet_at)),
            true => Moment::Now,
        }
    }
}

enum Moment {
    Now,
    Later(Option<Instant>),
}

impl Numbered {
    fn report(&self) -> String {
        format!("line {} was not used: {}", self.number, self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pii::Utterance;

    fn script(lines: &[&str]) -> Script {
        let mut script = Script::default();
        for (n, line) in lines.iter().enumerate() {
            script.add(n + 1, line).unwrap();
        }
        script.complete();
        script
    }

    fn listening() -> CallStatus {
        CallStatus { state: "converse".into(), listening: true, ..CallStatus::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn speech_waits_until_the_bot_has_finished_and_listens() {
        let mut script = script(&["hello"]);
        let now = Instant::now();
        script.observe(now, &CallStatus { bot_busy: true, ..listening() });
        assert!(matches!(script.cue(now, Phones::default()), Cue::Wait(_)));
        script.observe(now, &listening());
        assert_eq!(script.cue(now, Phones::default()), Cue::Wait(Some(now + QUIET)));
        assert_eq!(script.cue(now + QUIET, Phones::default()), Cue::Now(Line::Say(Utterance::new("hello"))));
    }

    #[tokio::test(start_paused = true)]
    async fn the_next_line_waits_for_the_reaction_to_the_last() {
        let mut script = script(&["yes", "/hangup"]);
        let now = Instant::now();
        script.observe(now, &listening());
        assert!(matches!(script.cue(now + QUIET, Phones::default()), Cue::Now(_)));
        let later = now + Duration::from_secs(2);
        script.finished_talking(later);
        assert!(matches!(script.cue(later, Phones::default()), Cue::Wait(_)), "the bot has not reacted");
        let ringing = CallStatus { state: "dialing".into(), ringing: true, ..CallStatus::default() };
        script.observe(later, &ringing);
        let rings = Phones { operator_rings: true, ..Phones::default() };
        assert_eq!(script.cue(later + QUIET, rings), Cue::Now(Line::HangUp));
    }

    #[tokio::test(start_paused = true)]
    async fn a_line_that_never_makes_sense_is_reported() {
        let mut script = script(&["/answer"]);
        let now = Instant::now();
        script.observe(now, &listening());
        assert!(matches!(script.cue(now, Phones::default()), Cue::Wait(_)));
        let cue = script.cue(now + PATIENCE, Phones::default());
        assert_eq!(cue, Cue::Unused("line 1 was not used: /answer".to_owned()));
        assert_eq!(script.cue(now + PATIENCE, Phones::default()), Cue::Finished);
        assert_eq!(script.cue(now + PATIENCE, Phones::default()), Cue::Wait(None), "the end comes once");
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_is_as_long_as_it_says_and_the_end_hangs_up() {
        let mut script = script(&["/wait 2s"]);
        let now = Instant::now();
        script.observe(now, &listening());
        let end = now + Duration::from_secs(2);
        assert_eq!(script.cue(now, Phones::default()), Cue::Wait(Some(end)));
        assert_eq!(script.cue(end, Phones::default()), Cue::Finished);
    }
}
