//! The bot's ear: the caller's audio into the recogniser and the turn-taker, and turns out.

use std::time::Duration;

use crate::audio::Frame;
use crate::speech::turn::{TurnEvent, TurnSettings, TurnTaker};
use crate::speech::{SttCapabilities, SttCommand, SttEvent, SttStream};

pub(super) struct Ears {
    stt: Option<SttStream>,
    turns: TurnTaker,
    on: bool,
}

impl Ears {
    pub(super) fn new(stt: Option<SttStream>, can: SttCapabilities) -> Self {
        let settings = TurnSettings { ends_turns: can.ends_turns, ..TurnSettings::default() };
        Self { stt, turns: TurnTaker::new(settings), on: true }
    }

    /// The next event of the recogniser; never resolves without one.
    pub(super) async fn stt_event(&mut self) -> Option<SttEvent> {
        match &mut self.stt {
            Some(stream) => stream.events.recv().await,
            None => std::future::pending().await,
        }
    }

    pub(super) fn hear(&mut self, now: Duration, frame: Frame) {
        if !self.on {
            return;
        }
        self.turns.hear(now, &frame);
        self.command(SttCommand::Audio(frame));
    }

    /// Takes what was recognised; an error is what made the stream end.
    pub(super) fn on_stt(
        &mut self,
        now: Duration,
        event: Option<SttEvent>,
    ) -> Result<(), Option<crate::speech::SpeechError>> {
        match event {
            Some(SttEvent::Closed(Err(error))) => {
                self.stt = None;
                Err(Some(error))
            }
            Some(SttEvent::Closed(Ok(()))) | None => {
                self.stt = None;
                Err(None)
            }
            Some(event) => {
                self.turns.transcript(now, &event);
                Ok(())
            }
        }
    }

    pub(super) fn listen(&mut self, on: bool) {
        self.on = on;
        self.turns.mute(!on);
    }

    pub(super) fn bot_speaking(&mut self, speaking: bool) {
        self.turns.bot_speaking(speaking);
    }

    pub(super) fn tick(&mut self, now: Duration) {
        self.turns.tick(now);
    }

    /// The next thing the caller did. The end of speech makes the recogniser give out what it has.
    pub(super) fn poll(&mut self) -> Option<TurnEvent> {
        let event = self.turns.poll_event()?;
        if self.turns.asks_to_finalize(&event) {
            self.command(SttCommand::Finalize);
        }
        Some(event)
    }

    pub(super) fn close(&mut self) {
        self.listen(false);
        self.stt = None;
    }

    fn command(&self, command: SttCommand) {
        // A full queue means that the vendor is slow: fresh audio is dropped rather than the call delayed.
        if let Some(stt) = &self.stt
            && stt.commands.try_send(command).is_err()
        {
            tracing::debug!("audio for the recogniser was dropped");
        }
    }
}
