//! The bot's ear: the caller's audio into the recogniser and the turn-taker, and turns out.

use std::time::Duration;

use futures_util::future::BoxFuture;

use super::line::Line;
use super::overheard::Overheard;
use crate::audio::Frame;
use crate::pii::Utterance;
use crate::plan::Sensitivity;
use crate::speech::turn::{Attention, TurnEvent, TurnSettings, TurnTaker};
use crate::speech::{SpeechError, SttCapabilities, SttCommand, SttEvent, SttStream};

/// Audio that waits for a recogniser to open: two seconds.
const MOST_WAITING: usize = 100;

/// Sound that is shorter may be nothing, and recognisers need not say so.
const WORTH_AN_ANSWER: Duration = Duration::from_millis(500);
/// What was not answered for so long will not be.
const OWED_FOR: Duration = Duration::from_secs(12);

pub(super) struct Ears {
    stt: Line<SttCommand, SttEvent>,
    turns: TurnTaker,
    can: SttCapabilities,
    on: bool,
    overheard: Overheard,
    /// The time of what was heard, or of the beat, last.
    now: Duration,
    /// Since when somebody speaks.
    speech_since: Option<Duration>,
    /// When the recogniser was asked for words that it has not given.
    asked: Option<Duration>,
}

impl Ears {
    /// Ears that do not listen yet.
    pub(super) fn new(stt: BoxFuture<'static, Result<SttStream, SpeechError>>, can: SttCapabilities) -> Self {
        let mut settings = TurnSettings { ends_turns: can.ends_turns, ..TurnSettings::default() };
        if !can.interims {
            settings.wordless = settings.transcript;
        }
        let mut turns = TurnTaker::new(settings);
        turns.mute(true);
        let stt = Line::opening(stt, MOST_WAITING);
        Self {
            stt,
            turns,
            can,
            on: false,
            overheard: Overheard::new(),
            now: Duration::ZERO,
            speech_since: None,
            asked: None,
        }
    }

    /// What the recogniser says next; never resolves without one.
    pub(super) async fn stt_event(&mut self) -> Result<Option<SttEvent>, SpeechError> {
        self.stt.next().await
    }

    pub(super) fn hear(&mut self, now: Duration, frame: Frame) {
        self.now = now;
        if !self.on {
            if !self.stt.is_closed() {
                self.overheard.hear(frame);
            }
            return;
        }
        self.attend_to(frame);
    }

    fn attend_to(&mut self, frame: Frame) {
        self.turns.hear(self.now, &frame);
        self.command(SttCommand::Audio(frame));
    }

    /// Takes what was recognised; an error is what made the stream end.
    pub(super) fn on_stt(
        &mut self,
        now: Duration,
        event: Result<Option<SttEvent>, SpeechError>,
    ) -> Result<(), Option<SpeechError>> {
        let end = match event {
            Ok(Some(SttEvent::Closed(Ok(()))) | None) => None,
            Ok(Some(SttEvent::Closed(Err(error)))) | Err(error) => Some(error),
            Ok(Some(event)) => {
                // One that ends turns says all the time that it is there.
                if self.can.ends_turns
                    || matches!(
                        event,
                        SttEvent::Final { speech_final: true, .. } | SttEvent::EndOfTurn { .. }
                    )
                {
                    self.asked = None;
                }
                self.turns.transcript(now, &event);
                return Ok(());
            }
        };
        self.stt.close();
        self.asked = None;
        Err(end)
    }

    /// Turns listening on or off. What the recogniser holds back when it is turned off must not come out
    /// with the words that are spoken after it is turned on again: it is asked for it now. Of one that ends
    /// turns itself, the turn-taker knows whether it holds anything. Who is in the middle of a word when it is turned
    /// on is heard from its beginning.
    pub(super) fn listen(&mut self, on: bool) {
        if self.on && !on && !self.can.ends_turns {
            self.command(SttCommand::Finalize);
        }
        let was_on = std::mem::replace(&mut self.on, on);
        self.turns.mute(!on);
        (self.speech_since, self.asked) = (None, None);
        if on && !was_on {
            self.overheard.take().into_iter().for_each(|frame| self.attend_to(frame));
        }
    }

    /// How readily the caller is taken to speak, and to be done.
    pub(super) fn attend(&mut self, level: Sensitivity) {
        self.turns.attend(match level {
            Sensitivity::Low => Attention::Low,
            Sensitivity::Normal => Attention::Normal,
            Sensitivity::High => Attention::High,
        });
    }

    pub(super) fn bot_speaking(&mut self, speaking: bool) {
        self.turns.bot_speaking(speaking);
    }

    pub(super) fn tick(&mut self, now: Duration) {
        self.now = now;
        self.turns.tick(now);
    }

    /// The next thing the caller did. At the end of speech the recogniser is asked for what it has.
    pub(super) fn poll(&mut self) -> Option<TurnEvent> {
        let event = self.turns.poll_event()?;
        if event == TurnEvent::SpeechStarted {
            self.speech_since.get_or_insert(self.now);
        }
        let asks = self.turns.asks_to_finalize(&event);
        if asks {
            self.command(SttCommand::Finalize);
        }
        let since = self.speech_since.unwrap_or(self.now);
        let is_worth_it = self.now.saturating_sub(since) >= WORTH_AN_ANSWER;
        // A short sound that follows pays no debt.
        if is_worth_it && (asks || event == TurnEvent::SpeechStopped) {
            self.asked = Some(self.now);
        }
        // Words have come, if not all of them: an answer to the turn is under way.
        if matches!(&event, TurnEvent::TurnEnded { text } if !text.is_blank()) {
            self.asked = None;
        }
        if matches!(event, TurnEvent::SpeechStopped | TurnEvent::TurnEnded { .. }) {
            self.speech_since = None;
        }
        Some(event)
    }

    /// Whether the caller has said something, and the recogniser does not say what.
    pub(super) fn owe_words(&self) -> bool {
        self.asked.is_some_and(|asked| self.now.saturating_sub(asked) < OWED_FOR)
    }

    /// The words of a turn that has not ended.
    pub(super) fn unfinished(&self) -> Option<Utterance> {
        self.turns.unfinished().filter(|words| !words.is_blank())
    }

    pub(super) fn close(&mut self) {
        self.stt.close();
        self.listen(false);
    }

    fn command(&mut self, command: SttCommand) {
        // A full queue means that the vendor is slow: fresh audio is dropped rather than the call delayed.
        if !self.stt.is_closed() && !self.stt.send(command) {
            tracing::debug!("audio for the recogniser was dropped");
        }
    }
}
