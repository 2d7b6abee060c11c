//! One open stream: audio and commands in, turns out.

use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use super::super::audio::Audio;
use super::query::Listen;
use super::turns::{Event, TurnInfo, Turns};
use super::wire::{Command, Writer};
use crate::sandbox::conversation::{Conversation, Incoming};

/// Without any message for so long the stream is closed. Not documented for Flux; `/v1/listen` does so.
const NOTHING_WITHIN: Duration = Duration::from_secs(10);

const NORMAL: (u16, &str) = (1000, "");
const NOT_AUDIO: (u16, &str) = (1008, "DATA-0000");
const NO_MESSAGE: (u16, &str) = (1011, "NET-0001");
const REFUSED: (u16, &str) = (1008, "");

/// Serves one client until it or we have enough.
pub(super) async fn run(conversation: Conversation, options: Listen, request_id: Uuid) {
    let mut stream = Stream {
        audio: Audio::new(options.encoding),
        turns: Turns::new(options.thresholds, options.sample_rate),
        writer: Writer::new(request_id, options.hints),
        conversation,
    };
    if let Some((code, reason)) = stream.serve().await {
        stream.conversation.close(code, reason).await;
    }
}

struct Stream {
    conversation: Conversation,
    audio: Audio,
    turns: Turns,
    writer: Writer,
}

impl Stream {
    /// Gives out how to close, or nothing if the client is gone.
    async fn serve(&mut self) -> Option<(u16, &'static str)> {
        let connected = self.writer.connected();
        self.conversation.say("event", connected);
        loop {
            match self.conversation.next(Instant::now() + NOTHING_WITHIN).await {
                Incoming::Gone => return None,
                Incoming::Nothing => return Some(NO_MESSAGE),
                Incoming::Binary(bytes) => {
                    let Some(samples) = self.audio.samples(&bytes) else { return Some(NOT_AUDIO) };
                    let told = self.turns.push(&samples);
                    told.iter().for_each(|info| self.tell(info));
                }
                Incoming::Text(text) => match serde_json::from_str(&text) {
                    Ok(Command::CloseStream {}) => return Some(NORMAL),
                    Ok(Command::ForceEndTurn {}) => {
                        if let Some(info) = self.turns.force_end() {
                            self.tell(&info);
                        }
                    }
                    Ok(Command::Configure { thresholds: new, keyterms }) => {
                        let thresholds = &mut self.turns.thresholds;
                        let changed =
                            thresholds.change(new.eot_threshold, new.eager_eot_threshold, new.eot_timeout_ms);
                        let answer = match changed {
                            Ok(()) => self.writer.configured(*thresholds, &keyterms),
                            Err(why) => self.writer.not_configured(&why),
                        };
                        self.conversation.say("event", answer);
                    }
                    Err(_) => {
                        let why = "The text message is none of the known.";
                        let error = self.writer.fatal("UNPARSABLE_CLIENT_MESSAGE", why);
                        self.conversation.say("event", error);
                        return Some(REFUSED);
                    }
                },
            }
        }
    }

    fn tell(&mut self, info: &TurnInfo) {
        let kind = match info.event {
            Event::Update => "update",
            Event::StartOfTurn => "start_of_turn",
            Event::EagerEndOfTurn => "eager_end_of_turn",
            Event::TurnResumed => "turn_resumed",
            Event::EndOfTurn(_) => "end_of_turn",
        };
        let message = self.writer.turn(info);
        self.conversation.say(kind, message);
    }
}
