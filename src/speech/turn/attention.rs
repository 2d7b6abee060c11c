//! How readily somebody is taken to speak, and to be done: one word of the flow, as times and scores.

use super::{TurnSettings, TurnTaker};

/// How readily the caller is taken to speak, and to be done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Attention {
    /// Later: for noisy lines, and for people who pause while they think.
    Low,
    /// As the settings are.
    #[default]
    Normal,
    /// Sooner, and without waiting for a breath: for quick answers.
    High,
}

impl TurnSettings {
    /// These settings for so much attention. `Normal` changes nothing. With `High`, words that are complete end the turn
    /// as soon as speech is known to have stopped: whoever goes on after a breath is a moment later heard as going on, and
    /// what they say is put together with what they said.
    ///
    /// How long the vendor's words are waited for stays as it is: that is the vendor's slowness, not the
    /// caller's. For the same reason a recogniser that ends turns itself keeps its own measure of an end.
    #[must_use]
    pub fn attending(self, attention: Attention) -> Self {
        let (times, breath, score) = match attention {
            Attention::Low => (1.8, 1.8, 0.1),
            Attention::Normal => return self,
            Attention::High => (0.6, 0.0, -0.05),
        };
        let mut settings = self;
        settings.vad.onset = self.vad.onset.mul_f64(times);
        settings.vad.start_score = (self.vad.start_score + score).max(self.vad.stay_score);
        settings.hangover = self.hangover.mul_f64(breath);
        settings.pause = self.pause.mul_f64(times);
        settings
    }
}

impl TurnTaker {
    /// From now on the caller is taken to speak, and to be done, so readily. A turn that is open goes on.
    pub fn attend(&mut self, attention: Attention) {
        let settings = self.settings.attending(attention);
        self.vad.tune(settings.vad);
        self.turns.tune(settings);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::policy::Turns;
    use super::super::{SttEvent, TurnEvent};
    use super::*;
    use crate::pii::Utterance;

    /// When the turn of somebody ends whose words were complete when they stopped speaking after a second.
    fn ends(attention: Attention) -> Option<Duration> {
        let mut turns = Turns::new(TurnSettings::default().attending(attention));
        turns.voice_started(Duration::ZERO);
        let stopped = Duration::from_secs(1);
        turns.voice_stopped(stopped);
        turns.transcript(stopped, &SttEvent::Final { text: Utterance::new("yes"), speech_final: true });
        let due = turns.deadline()?;
        turns.tick(due);
        let told = std::iter::from_fn(|| turns.poll_event());
        told.last().filter(|event| matches!(event, TurnEvent::TurnEnded { .. })).map(|_| due - stopped)
    }

    #[test]
    fn a_quick_answer_ends_its_turn_without_waiting_for_a_breath() {
        let after = [Attention::High, Attention::Normal, Attention::Low].map(ends);
        assert_eq!(after, [0, 250, 450].map(|ms| Some(Duration::from_millis(ms))));
    }

    #[test]
    fn more_attention_is_always_sooner_and_the_usual_one_is_the_settings() {
        let usual = TurnSettings::default();
        let [low, normal, high] =
            [Attention::Low, Attention::Normal, Attention::High].map(|attention| usual.attending(attention));
        assert_eq!(normal, usual);
        let times = |s: &TurnSettings| [s.vad.onset, s.hangover, s.pause];
        for index in 0..3 {
            assert!(times(&high)[index] < times(&usual)[index] && times(&usual)[index] < times(&low)[index]);
        }
        assert!(high.vad.start_score < usual.vad.start_score && usual.vad.start_score < low.vad.start_score);
        assert!(high.vad.start_score >= high.vad.stay_score);
    }
}
