//! A call from the caller's side: what is heard, when, and for how long nothing is.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use callflow::sandbox::phone::{PAUSE_MS, Phone, PhoneEvent};
use callflow::session::CallRecord;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_util::task::AbortOnDropHandle;

use crate::place::PATIENCE;

/// After so much silence an answer was all of it.
const ALL_SAID: Duration = Duration::from_millis(1_500);
/// A sound in which no word was understood by then has none: music, or a voice that is not the sandbox's.
const WORDS_WITHIN: Duration = Duration::from_millis(600);

/// What was heard.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Answer,
    Filler,
    Music,
    SayAgain,
    Apology,
}

impl Kind {
    fn of(text: &str) -> Self {
        match text {
            _ if "One moment, please.".starts_with(text) => Self::Filler,
            _ if text.starts_with("I'm sorry, I didn't catch") => Self::SayAgain,
            _ if text.starts_with("I'm sorry, something went") || text.starts_with("Something is broken") => {
                Self::Apology
            }
            _ => Self::Answer,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Filler => "filler",
            Self::Music => "music",
            Self::SayAgain => "asked again",
            Self::Apology => "apology",
        }
    }
}

/// Something that the caller waited for.
pub struct Wait {
    what: &'static str,
    /// In their order, each once, with the time since it was due.
    heard: Vec<(Kind, Duration)>,
    /// The longest time without a sound.
    pub silence: Duration,
}

impl Wait {
    /// The caller is to say it again.
    pub fn asks_again(&self) -> bool {
        self.heard.last().is_some_and(|(kind, _)| *kind == Kind::SayAgain)
    }

    pub fn has_apology(&self) -> bool {
        self.heard.iter().any(|(kind, _)| *kind == Kind::Apology)
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.what)?;
        if self.heard.is_empty() {
            return f.write_str("nothing");
        }
        for (n, (kind, after)) in self.heard.iter().enumerate() {
            let halves = after.as_millis().div_ceil(500);
            let apart = if n == 0 { "" } else { ", " };
            write!(f, "{apart}{} {:.1} s", kind.name(), halves as f64 / 2.0)?;
        }
        Ok(())
    }
}

pub struct Call {
    pub phone: Phone,
    pub operator: Phone,
    events: mpsc::Receiver<PhoneEvent>,
    operator_events: mpsc::Receiver<PhoneEvent>,
    task: AbortOnDropHandle<Arc<CallRecord>>,
    /// When sounds began and ended; the last may go on.
    sounds: Vec<(Instant, Option<Instant>)>,
    /// Pieces of what was said, each since when.
    pieces: Vec<(Instant, String)>,
    /// The last piece is not complete.
    hearing: bool,
    pub over: bool,
}

impl Call {
    pub fn new(
        (phone, events): (Phone, mpsc::Receiver<PhoneEvent>),
        (operator, operator_events): (Phone, mpsc::Receiver<PhoneEvent>),
        task: AbortOnDropHandle<Arc<CallRecord>>,
    ) -> Self {
        let (sounds, pieces) = (Vec::new(), Vec::new());
        Self { phone, operator, events, operator_events, task, sounds, pieces, hearing: false, over: false }
    }

    /// The next thing at the phone, within so long.
    async fn next(&mut self, within: Duration) -> Option<PhoneEvent> {
        let event = timeout(within, self.events.recv()).await.ok()?;
        let now = Instant::now();
        match &event {
            Some(PhoneEvent::SoundBegan) => self.sounds.push((now, None)),
            Some(PhoneEvent::SoundEnded) => self.sound_ended(now - Duration::from_millis(PAUSE_MS)),
            Some(PhoneEvent::HearingNow(text)) => self.piece(now, text.text(), true),
            Some(PhoneEvent::Heard { text, .. }) => self.piece(now, text.text(), false),
            Some(PhoneEvent::HungUp { .. }) | None => {
                self.sound_ended(now);
                self.over = true;
            }
            Some(_) => {}
        }
        event
    }

    fn sound_ended(&mut self, at: Instant) {
        if let Some((_, end @ None)) = self.sounds.last_mut() {
            *end = Some(at);
        }
    }

    fn piece(&mut self, now: Instant, text: &str, hearing: bool) {
        match self.pieces.last_mut().filter(|_| self.hearing) {
            Some((_, said)) => text.clone_into(said),
            None => self.pieces.push((now, text.to_owned())),
        }
        self.hearing = hearing;
    }

    /// Until it is, or the call is over, or so long has passed.
    pub async fn until(&mut self, within: Duration, is: impl Fn(&PhoneEvent) -> bool) -> bool {
        let end = Instant::now() + within;
        while !self.over {
            match self.next(end.duration_since(Instant::now())).await {
                Some(event) if is(&event) => return true,
                Some(_) => {}
                None => return false,
            }
        }
        false
    }

    /// The same at the operator's phone. The caller's is heard meanwhile.
    pub async fn operator_until(&mut self, within: Duration, is: impl Fn(&PhoneEvent) -> bool) -> bool {
        let end = Instant::now() + within;
        while Instant::now() < end {
            while let Ok(event) = self.operator_events.try_recv() {
                if is(&event) {
                    return true;
                }
            }
            self.until(Duration::from_millis(20), |_| false).await;
        }
        false
    }

    /// Whether something was said that begins so.
    pub fn was_told(&self, words: &str) -> bool {
        self.pieces.iter().any(|(_, text)| text.starts_with(words))
    }

    pub async fn says(&mut self, words: &str) {
        if self.phone.say(words).is_ok() {
            self.until(PATIENCE, |event| *event == PhoneEvent::FinishedSaying).await;
        }
    }

    /// Waits for an answer to its end, or for whatever else ends the wait: the bot hangs up, or patience is lost.
    pub async fn answer(&mut self, what: &'static str, due: Instant, patience: Duration) -> Wait {
        let from = self.pieces.len();
        let is_answered = |call: &Self| {
            call.pieces[from..].iter().any(|(_, text)| !text.is_empty() && Kind::of(text) != Kind::Filler)
        };
        while !self.over && !is_answered(self) && due.elapsed() < patience {
            self.until(Duration::from_millis(100), |_| false).await;
        }
        self.until_all_is_said().await;
        self.wait(what, due, true)
    }

    /// Waits for the rest of what is being said.
    pub async fn rest_of_answer(&mut self, what: &'static str, due: Instant) -> Wait {
        self.until_all_is_said().await;
        self.wait(what, due, false)
    }

    /// Until it has been silent for a while.
    async fn until_all_is_said(&mut self) {
        let end = Instant::now() + PATIENCE;
        while !self.over && Instant::now() < end {
            let silent = match self.sounds.last() {
                Some((_, Some(ended))) => ended.elapsed() >= ALL_SAID,
                Some((_, None)) => false,
                None => true,
            };
            if silent {
                return;
            }
            self.until(Duration::from_millis(100), |_| false).await;
        }
    }

    /// What was heard since something was due. `awaited`: the silence before the first sound counts as well.
    pub fn wait(&self, what: &'static str, due: Instant, awaited: bool) -> Wait {
        let now = Instant::now();
        let mut silent_since = awaited.then_some(due);
        let mut silence = Duration::ZERO;
        for &(began, ended) in &self.sounds {
            if let Some(since) = silent_since.filter(|since| began > *since) {
                silence = silence.max(began - since);
            }
            let ended = ended.unwrap_or(now);
            if ended > due {
                silent_since = Some(ended);
            }
        }
        let heard = self.heard_since(due);
        if awaited
            && !heard.iter().any(|(kind, _)| !matches!(kind, Kind::Filler | Kind::Music))
            && let Some(since) = silent_since
        {
            silence = silence.max(now - since);
        }
        Wait { what, heard, silence }
    }

    fn heard_since(&self, due: Instant) -> Vec<(Kind, Duration)> {
        let spoken = self.pieces.iter().filter(|(at, text)| *at > due && !text.is_empty());
        let mut all: Vec<_> = spoken.map(|(at, text)| (*at, Kind::of(text))).collect();
        // Sound without a word, for as long as there is none.
        for &(began, ended) in &self.sounds {
            let until = ended.unwrap_or_else(Instant::now);
            let worded = |at: Instant| self.pieces.iter().any(|(p, _)| *p >= at && *p < at + WORDS_WITHIN);
            if began > due && until - began > WORDS_WITHIN && !worded(began) {
                all.push((began, Kind::Music));
            }
        }
        all.sort_by_key(|(at, _)| *at);
        all.dedup_by_key(|(_, kind)| *kind);
        all.into_iter().map(|(at, kind)| (kind, at - due)).collect()
    }

    pub async fn record(mut self) -> Arc<CallRecord> {
        if !self.over {
            let _gone = self.phone.hang_up();
        }
        timeout(PATIENCE, &mut self.task).await.expect("the call does not end").unwrap()
    }
}
