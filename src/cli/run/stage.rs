//! The terminal during calls: lines in, what everybody hears out. For a person, and for a piped script.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::calls::{LiveCall, News};
use super::desk::{Desk, DeskError, DeskEvent};
use super::flow_file::Reread;
use super::input::Typed;
use super::line::{self, HELP, Line};
use super::screen::{Screen, Tone};
use super::script::{Cue, Script};
use crate::sandbox::phone::PhoneEvent;
use crate::session::{CallEvent, CallRecord, CallStatus};

/// How long after the caller's line was closed a call may still begin to show.
const LATE_NEWS: Duration = Duration::from_secs(5);

/// The terminal and what hangs on it.
pub(super) struct Stage {
    pub(super) screen: Screen,
    pub(super) desk: Option<Desk>,
    pub(super) news: mpsc::Receiver<News>,
    pub(super) typed: mpsc::Receiver<Typed>,
    /// Lines wait for their moment instead of being done at once.
    pub(super) script: Option<Script>,
    /// The first call that ends, ends the program.
    pub(super) once: bool,
    pub(super) quit: CancellationToken,
    /// To be cancelled when no more calls are to be taken.
    pub(super) draining: CancellationToken,
    live: Option<Live>,
    last: Option<Arc<CallRecord>>,
    placed: bool,
    /// Since when the script's call is not there, though nobody told of its end.
    missing_since: Option<Instant>,
    /// That call was given up.
    missed: bool,
    /// Standard input has ended.
    all_typed: bool,
}

struct Live {
    status: watch::Receiver<CallStatus>,
    events: mpsc::Receiver<CallEvent>,
}

enum Wake {
    Typed(Option<Typed>),
    News(Option<News>),
    Desk(DeskEvent),
    Call(Option<CallEvent>),
    Status,
    Again,
    Quit,
}

impl Stage {
    pub(super) fn new(
        screen: Screen,
        desk: Option<Desk>,
        news: mpsc::Receiver<News>,
        typed: mpsc::Receiver<Typed>,
        script: Option<Script>,
        once: bool,
        (quit, draining): (CancellationToken, CancellationToken),
    ) -> Self {
        Self {
            screen,
            desk,
            news,
            typed,
            script,
            once,
            quit,
            draining,
            live: None,
            last: None,
            placed: false,
            missing_since: None,
            missed: false,
            all_typed: false,
        }
    }

    /// Runs until it is told to quit, or until the first call is over (`once`). Gives that call's record.
    ///
    /// A call that is shown when it is told to quit is shown to its end: its phones are on this desk.
    pub(super) async fn run(mut self) -> Option<Arc<CallRecord>> {
        let mut again = None;
        loop {
            if self.script.is_some() {
                again = self.follow_script().await;
            }
            if self.is_done() {
                self.report_leftovers();
                return self.last;
            }
            match self.next(again).await {
                Wake::Quit => self.draining.cancel(),
                Wake::Typed(typed) => self.on_typed(typed).await,
                Wake::News(news) => self.on_news(news).await,
                Wake::Desk(event) => self.on_desk(event),
                Wake::Call(event) => self.on_call(event),
                Wake::Status | Wake::Again => {}
            }
        }
    }

    fn is_done(&self) -> bool {
        let in_call = self.live.is_some() || self.desk.as_ref().is_some_and(Desk::in_call);
        let is_leaving = self.draining.is_cancelled() && !in_call;
        is_leaving || (self.once && (self.last.is_some() || self.missed))
    }

    async fn next(&mut self, again: Option<Instant>) -> Wake {
        let Self { desk, news, typed, live, quit, draining, all_typed, .. } = self;
        let (call_event, status_changed) = match live {
            Some(live) => (Some(&mut live.events), Some(&mut live.status)),
            None => (None, None),
        };
        tokio::select! {
            biased;
            () = quit.cancelled(), if !draining.is_cancelled() => Wake::Quit,
            event = if_some(call_event.map(mpsc::Receiver::recv)) => Wake::Call(event),
            event = if_some(desk.as_mut().map(Desk::event)) => Wake::Desk(event),
            news = news.recv() => Wake::News(news),
            line = typed.recv(), if !*all_typed => Wake::Typed(line),
            () = if_some(status_changed.map(changed)) => Wake::Status,
            () = if_some(again.map(tokio::time::sleep_until)) => Wake::Again,
        }
    }

    async fn on_typed(&mut self, typed: Option<Typed>) {
        self.all_typed |= typed.is_none();
        match (typed, &mut self.script) {
            (Some(Typed { number, text }), Some(script)) => {
                if let Err(error) = script.add(number, &text) {
                    self.screen.line(Tone::Problem, "", &format!("line {number} was not used: {error}"));
                }
            }
            (Some(Typed { text, .. }), None) => match line::parse(&text) {
                Ok(line) => self.perform(line).await,
                Err(error) => self.screen.line(Tone::Problem, "", &error.to_string()),
            },
            (None, Some(script)) => script.complete(),
            // The person closed the terminal's input. Without phones on the desk nobody was typing: a server
            // goes on without standard input.
            (None, None) if self.desk.is_some() => self.perform(Line::Quit).await,
            (None, None) => {}
        }
    }

    async fn on_news(&mut self, news: Option<News>) {
        match news {
            Some(News::Began(LiveCall { plan, status, events })) => {
                if let Some(desk) = &mut self.desk
                    && let Err(error) = desk.wait_for_targets(&plan).await
                {
                    self.screen.line(Tone::Problem, "operator", &error.to_string());
                }
                // The terminal shows one call at a time; others go on unseen.
                if self.live.is_none() {
                    if self.desk.is_none() {
                        self.screen.call_begins();
                    }
                    self.live = Some(Live { status, events });
                }
            }
            Some(News::Flow(Reread::Broken { findings })) => {
                self.screen.text(&findings);
                self.screen.line(
                    Tone::Problem,
                    "flow",
                    "the edit has errors; the last good version serves this call",
                );
            }
            Some(News::Flow(Reread::Changed { warnings })) => {
                self.screen.text(&warnings);
                self.screen.line(Tone::Event, "flow", "the new version serves from this call on");
            }
            Some(News::Flow(Reread::Same)) | None => {}
        }
    }

    /// Does what the script asks for, as long as it asks. Gives the time to look again.
    async fn follow_script(&mut self) -> Option<Instant> {
        loop {
            let now = Instant::now();
            if !self.placed {
                self.placed = true;
                self.perform(Line::Call).await;
            }
            let phones = self.desk.as_ref().map(Desk::phones).unwrap_or_default();
            let in_call = self.desk.as_ref().is_some_and(Desk::in_call);
            let status = self.live.as_ref().map(|live| live.status.borrow().clone());
            let script = self.script.as_mut()?;
            match status {
                Some(status) if in_call => script.observe(now, &status),
                _ if in_call => return None,
                // The call is over: nothing is left to do for its lines.
                Some(_) => {
                    self.report_leftovers();
                    return None;
                }
                None if self.last.is_some() => return None,
                None => return self.miss_the_call(now),
            }
            match script.cue(now, phones) {
                Cue::Now(line) => self.perform(line).await,
                Cue::Unused(report) => self.screen.line(Tone::Problem, "script", &report),
                Cue::Wait(again) => return again,
                Cue::Finished => self.perform(Line::HangUp).await,
            }
        }
    }

    /// The script's call was never taken, or news of it is late. Gives the time to look again.
    fn miss_the_call(&mut self, now: Instant) -> Option<Instant> {
        let since = *self.missing_since.get_or_insert(now);
        if now < since + LATE_NEWS {
            return Some(since + LATE_NEWS);
        }
        if !std::mem::replace(&mut self.missed, true) {
            self.screen.line(Tone::Problem, "caller", "the call was not taken");
            self.report_leftovers();
        }
        None
    }

    async fn perform(&mut self, line: Line) {
        let Some(desk) = &mut self.desk else {
            return match line {
                Line::Nothing | Line::Wait(_) => {}
                Line::Help => self.screen.text(HELP),
                Line::Quit => self.quit.cancel(),
                _ => self.screen.line(Tone::Problem, "", "the phones are real here; call the number"),
            };
        };
        let done = match line {
            Line::Nothing | Line::Wait(_) => Ok(()),
            Line::Help => {
                self.screen.text(HELP);
                Ok(())
            }
            Line::Quit => {
                self.quit.cancel();
                // Nobody is left to speak for two people who were connected.
                let two_talk = self.live.as_ref().is_some_and(|live| live.status.borrow().handed_off);
                if two_talk { desk.hang_up() } else { Ok(()) }
            }
            Line::Call if self.draining.is_cancelled() => Err(DeskError::Leaving),
            Line::Call => {
                let placed = desk.call().await;
                if placed.is_ok() {
                    self.screen.call_begins();
                    self.screen.line(Tone::Event, "caller", "places a call");
                }
                placed
            }
            Line::Say(words) => desk.say(&words),
            Line::Dtmf(keys) => desk.press(&keys),
            Line::HangUp => desk.hang_up(),
            Line::Operator(words) => desk.operator_say(&words),
            Line::OperatorDtmf(keys) => desk.operator_press(&keys),
            Line::OperatorHangUp => desk.operator_hang_up(),
            Line::Answer => desk.answer(),
            Line::Reject(reason) => desk.reject(reason),
        };
        if let Err(error) = done {
            self.screen.line(Tone::Problem, "", &error.to_string());
        }
    }

    fn on_desk(&mut self, event: DeskEvent) {
        let (who, event) = match event {
            DeskEvent::Caller(event) => ("caller".to_owned(), event),
            DeskEvent::Operator(name, event) => (name, event),
        };
        let screen = &self.screen;
        match event {
            PhoneEvent::Heard { text, intact, cut } => {
                let mark = if cut {
                    " —"
                } else if intact {
                    ""
                } else {
                    "  [damaged]"
                };
                screen.line(Tone::Speech, &format!("{who} hears"), &format!("{}{mark}", text.text()));
            }
            PhoneEvent::Ringing { .. } => {
                screen.line(Tone::Event, &who, "the phone rings: /answer, /reject or /hangup");
            }
            PhoneEvent::Connected => screen.line(Tone::Event, &who, "is connected"),
            PhoneEvent::HungUp { reason } => {
                screen.line(Tone::Event, &who, &format!("the line is closed ({reason})"));
            }
            PhoneEvent::FinishedSaying => {
                if let Some(script) = &mut self.script {
                    script.finished_talking(Instant::now());
                }
            }
            PhoneEvent::SoundBegan
            | PhoneEvent::SoundEnded
            | PhoneEvent::HearingNow(_)
            | PhoneEvent::Dtmf(_) => {}
        }
    }

    fn on_call(&mut self, event: Option<CallEvent>) {
        let screen = &self.screen;
        match event {
            Some(CallEvent::Entered { state }) => screen.line(Tone::State, "state", &state),
            Some(CallEvent::CallerSaid { text }) => screen.line(Tone::Speech, "bot hears", text.text()),
            Some(CallEvent::Dialing { target }) => {
                screen.line(Tone::Event, "bot", &format!("dials {target}"));
            }
            Some(CallEvent::LegFailed { raw, fix, .. }) => {
                screen.line(Tone::Event, "operator", &format!("not reached: {raw}"));
                if let Some(fix) = fix {
                    screen.line(Tone::Problem, "to mend it", &fix);
                }
            }
            Some(CallEvent::Accepted) => screen.line(Tone::Event, "operator", "takes the call"),
            Some(CallEvent::BotLeft { after_ms }) => {
                let what = format!("has left the conversation, {after_ms} ms after the answer");
                screen.line(Tone::Event, "bot", &what);
            }
            // The phones show these themselves.
            Some(CallEvent::BotSaid { .. } | CallEvent::Ringing | CallEvent::Answered) => {}
            Some(CallEvent::Ended(record)) => {
                screen.line(Tone::State, "call over", &summary(&record));
                self.last = Some(record);
                self.live = None;
            }
            None => self.live = None,
        }
    }

    fn report_leftovers(&mut self) {
        for report in self.script.as_mut().map(Script::leftovers).unwrap_or_default() {
            self.screen.line(Tone::Problem, "script", &format!("{report} (the call was over)"));
        }
    }
}

/// Waits for a future that may not be there; never resolves without one.
async fn if_some<T>(future: Option<impl Future<Output = T>>) -> T {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

/// Waits for the next change; never resolves when the call is gone (its last event says so).
async fn changed(status: &mut watch::Receiver<CallStatus>) {
    if status.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn summary(record: &CallRecord) -> String {
    let outcome = serde_json::to_value(record.outcome).ok();
    let outcome = outcome.as_ref().and_then(|v| v.as_str()).unwrap_or("?");
    let seconds = record.duration_ms as f64 / 1000.0;
    format!("{outcome} after {seconds:.1} s: {}", record.states.join(" → "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pii::PhoneNumber;

    #[tokio::test(start_paused = true)]
    async fn a_run_of_one_call_ends_if_the_call_is_never_taken() {
        let number = |text| PhoneNumber::parse(text).unwrap();
        let nowhere = "http://127.0.0.1:9".to_owned();
        let desk = Desk::new(nowhere, Some(number("+15550100001")), number("+15550100002"));
        let (_no_news, news) = mpsc::channel(1);
        let (typing, typed) = mpsc::channel(1);
        typing.send(Typed { number: 1, text: "hello".to_owned() }).await.unwrap();
        drop(typing);
        let script = Some(Script::default());
        let stage =
            Stage::new(Screen::new(true, false), Some(desk), news, typed, script, true, <_>::default());
        let ended = tokio::time::timeout(Duration::from_secs(60), stage.run()).await;
        assert!(matches!(ended, Ok(None)), "{ended:?}");
    }
}
