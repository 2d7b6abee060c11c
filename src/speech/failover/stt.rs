//! Recognisers in a row: the next one hears the last seconds again when one is gone or does not answer.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use super::adapt::Adapter;
use super::ring::Ring;
use super::{MOST_SWITCHES, Member, OPEN_WITHIN, in_order};
use crate::speech::socket::is_permanent;
use crate::speech::vad::{Vad, VadSettings};
use crate::speech::{SpeechError, Stt, SttCapabilities, SttCommand, SttEvent, SttParams, SttStream};

/// Over two seconds of audio.
const COMMANDS: usize = 128;
const EVENTS: usize = 64;
/// Frames of speech without a word after which a recogniser that gives interim words is taken to be deaf.
const DEAF_AFTER: usize = 100;
/// From the end of speech to its words, of a recogniser that heard it as it was spoken; and of one that is
/// sent it then.
const ANSWER_WITHIN: Duration = Duration::from_millis(1200);
const TRANSCRIBED_WITHIN: Duration = Duration::from_millis(2500);
/// Fewer frames than these since the last words need no answer.
const WORTH_AN_ANSWER: usize = 10;
/// Frames that are kept when words are fixed in the middle of speech: they may lie behind these.
const NOT_YET_FIXED: usize = 50;
/// Commands that wait for a recogniser, beyond which the oldest audio is dropped.
const MOST_PENDING: usize = 600;

/// Recognisers, the preferred one first.
pub struct SttChain {
    members: Arc<[Member<dyn Stt>]>,
}

impl SttChain {
    /// A chain of at least one.
    #[must_use]
    pub fn new(members: Vec<Member<dyn Stt>>) -> Self {
        Self { members: members.into() }
    }
}

impl Stt for SttChain {
    /// Those of the preferred one; the others are made to look like it.
    fn capabilities(&self) -> SttCapabilities {
        self.members.first().map(|member| member.provider.capabilities()).unwrap_or_default()
    }

    fn open(&self, params: SttParams) -> BoxFuture<'static, Result<SttStream, SpeechError>> {
        let (members, promised) = (Arc::clone(&self.members), self.capabilities().ends_turns);
        async move {
            let mut last = nobody();
            let order = in_order(&members);
            for (attempt, &index) in order.iter().enumerate() {
                match open(&members[index], &params, attempt + 1 == order.len()).await {
                    Ok(stream) => {
                        let (commands, told) = mpsc::channel(COMMANDS);
                        let (tell, events) = mpsc::channel(EVENTS);
                        let hearing = Hearing::new(members, params, promised, index, stream, (told, tell));
                        let task = AbortOnDropHandle::new(tokio::spawn(hearing.run().in_current_span()));
                        return Ok(SttStream { commands, events, task });
                    }
                    Err(error) => last = error,
                }
            }
            Err(last)
        }
        .boxed()
    }
}

fn nobody() -> SpeechError {
    SpeechError::Unreachable { vendor: "the recogniser", detail: "nobody is to be asked".to_owned() }
}

async fn open(member: &Member<dyn Stt>, params: &SttParams, is_last: bool) -> Result<SttStream, SpeechError> {
    let opening = member.provider.open(SttParams { model: Arc::clone(&member.model), ..params.clone() });
    member.health.asked();
    let opened = if is_last {
        opening.await
    } else {
        let silent = SpeechError::Silent { vendor: "the recogniser", waited: OPEN_WITHIN };
        timeout(OPEN_WITHIN, opening).await.unwrap_or(Err(silent))
    };
    if let Err(error) = &opened {
        member.health.failed(error);
        tracing::warn!(%error, model = %member.model, "a recogniser cannot be opened");
    }
    opened
}

/// One caller's stream, over any number of recognisers.
struct Hearing {
    members: Arc<[Member<dyn Stt>]>,
    params: SttParams,
    promised: bool,
    current: usize,
    stream: SttStream,
    adapter: Adapter,
    commands: mpsc::Receiver<SttCommand>,
    events: mpsc::Sender<SttEvent>,
    ring: Ring,
    pending: VecDeque<SttCommand>,
    /// Hears speech on its own, so that it is known when words should come. Not without somebody to go to.
    vad: Option<Vad>,
    /// Frames of speech since the recogniser last said anything.
    unanswered: usize,
    /// A `Finalize` that was not answered, and the frames that came after it.
    finalizing: Option<usize>,
    answer_by: Option<Instant>,
    /// Recognisers in a row that did not say anything.
    mute: usize,
    switches: usize,
    /// Those that will never work: wrong keys, unknown models.
    hopeless: Vec<usize>,
}

enum Happening {
    Sent,
    Command(Option<SttCommand>),
    Event(Option<SttEvent>),
    Overdue,
}

impl Hearing {
    fn new(
        members: Arc<[Member<dyn Stt>]>,
        params: SttParams,
        promised: bool,
        current: usize,
        stream: SttStream,
        (commands, events): (mpsc::Receiver<SttCommand>, mpsc::Sender<SttEvent>),
    ) -> Self {
        let adapter = Adapter::new(promised, members[current].provider.capabilities().ends_turns);
        let vad = (members.len() > 1).then(|| Vad::new(VadSettings::default()));
        Self {
            members,
            params,
            promised,
            current,
            stream,
            adapter,
            commands,
            events,
            ring: Ring::default(),
            pending: VecDeque::new(),
            vad,
            unanswered: 0,
            finalizing: None,
            answer_by: None,
            mute: 0,
            switches: 0,
            hopeless: Vec::new(),
        }
    }

    async fn run(mut self) {
        let end = self.go_on().await;
        if self.events.send(SttEvent::Closed(end)).await.is_err() {
            tracing::trace!("nobody waits for the end of the recogniser");
        }
    }

    async fn go_on(&mut self) -> Result<(), SpeechError> {
        let mut closing = false;
        loop {
            let answer_by = self.answer_by.unwrap_or_else(Instant::now);
            let happened = tokio::select! {
                biased;
                permit = self.stream.commands.reserve(), if !self.pending.is_empty() => {
                    if let (Ok(permit), Some(command)) = (permit, self.pending.pop_front()) {
                        closing |= matches!(command, SttCommand::Close);
                        permit.send(command);
                    } else {
                        // It is gone, which its last event says, too.
                        self.pending.clear();
                    }
                    Happening::Sent
                }
                command = self.commands.recv(), if !closing => Happening::Command(command),
                event = self.stream.events.recv() => Happening::Event(event),
                () = sleep_until(answer_by), if self.answer_by.is_some() => Happening::Overdue,
            };
            let lost = match happened {
                Happening::Sent => None,
                Happening::Command(Some(command)) => self.command(command),
                Happening::Command(None) => return Ok(()),
                Happening::Event(Some(SttEvent::Closed(end))) if closing => return end,
                Happening::Event(None) if closing => return Ok(()),
                Happening::Event(Some(SttEvent::Closed(Err(error)))) => Some(error),
                Happening::Event(Some(SttEvent::Closed(Ok(()))) | None) => Some(SpeechError::Disconnected {
                    vendor: "the recogniser",
                    detail: "it closed the stream".to_owned(),
                }),
                Happening::Event(Some(event)) => {
                    self.hear_of(event).await;
                    None
                }
                Happening::Overdue => {
                    Some(SpeechError::Silent { vendor: "the recogniser", waited: self.patience() })
                }
            };
            if let Some(error) = lost
                && !closing
                && !self.replace(error).await?
            {
                return Ok(());
            }
        }
    }

    /// Takes a command; an error if the recogniser should have said something by now.
    fn command(&mut self, command: SttCommand) -> Option<SpeechError> {
        self.note(&command);
        if matches!(command, SttCommand::Finalize) && self.needs_an_answer() && self.answer_by.is_none() {
            self.answer_by = Some(Instant::now() + self.patience());
        }
        self.send(command);
        let is_deaf = self.unanswered >= DEAF_AFTER && self.can().interims;
        is_deaf.then(|| SpeechError::Silent {
            vendor: "the recogniser",
            waited: Duration::from_millis(DEAF_AFTER as u64 * crate::audio::FRAME_MS),
        })
    }

    /// Remembers what the next recogniser has to hear.
    fn note(&mut self, command: &SttCommand) {
        match command {
            SttCommand::Audio(frame) => {
                self.ring.push(frame.clone());
                if let Some(after) = &mut self.finalizing {
                    *after += 1;
                }
                if let Some(vad) = &mut self.vad {
                    vad.hear(frame);
                    self.unanswered += usize::from(vad.is_speaking());
                }
            }
            SttCommand::Finalize => self.finalizing = Some(0),
            SttCommand::Close => {}
        }
    }

    /// Lets a command wait its turn. Of too many, the oldest audio is dropped, never a control.
    fn send(&mut self, command: SttCommand) {
        if self.pending.len() >= MOST_PENDING
            && let Some(oldest) = self.pending.iter().position(|one| matches!(one, SttCommand::Audio(_)))
        {
            self.pending.remove(oldest);
        }
        self.pending.push_back(command);
    }

    async fn hear_of(&mut self, event: SttEvent) {
        if self.mute == 0 && self.unanswered > 0 {
            self.members[self.current].health.succeeded(None);
        }
        self.mute = 0;
        self.unanswered = 0;
        match &event {
            // It hears, and there are no words: not deaf, and nothing to tell, unless it was promised that it ends turns.
            // Then nobody asks it, and this is all that is known of it.
            SttEvent::Interim(words) if words.is_blank() && !self.promised => return,
            SttEvent::Final { speech_final: true, .. } | SttEvent::EndOfTurn { .. } => {
                self.switches = 0;
                self.answer_by = None;
                self.ring.fixed(self.finalizing.take().unwrap_or(NOT_YET_FIXED));
            }
            SttEvent::Final { text, .. } if !text.is_blank() => self.ring.fixed(NOT_YET_FIXED),
            _ => {}
        }
        for told in self.adapter.take(event) {
            if self.events.send(told).await.is_err() {
                tracing::debug!("nobody listens to the recogniser any more");
            }
        }
    }

    fn can(&self) -> SttCapabilities {
        self.members[self.current].provider.capabilities()
    }

    /// One that ends turns may have nothing to say to being told to.
    fn needs_an_answer(&self) -> bool {
        !self.can().ends_turns && self.ring.len() > WORTH_AN_ANSWER
    }

    /// Nobody can step in for one that is alone: it is given more time before it is asked once more.
    fn patience(&self) -> Duration {
        let is_alone = self.members.len() == 1 && self.mute == 0;
        if self.can().interims && !is_alone { ANSWER_WITHIN } else { TRANSCRIBED_WITHIN }
    }

    /// Goes to the next recogniser, or once more to the only one. `false` if told to close meanwhile.
    async fn replace(&mut self, error: SpeechError) -> Result<bool, SpeechError> {
        let mut error = error;
        self.members[self.current].health.failed(&error);
        loop {
            if is_permanent(&error) {
                self.hopeless.push(self.current);
            }
            self.mute += 1;
            self.switches += 1;
            let Some(next) = self.next_member() else { return Err(error) };
            tracing::warn!(%error, model = %self.members[next].model, "the last seconds are heard by another recogniser");
            self.current = next;
            let member = self.members[next].clone();
            let params = self.params.clone();
            let opening = open(&member, &params, false);
            tokio::pin!(opening);
            let opened = loop {
                tokio::select! {
                    opened = &mut opening => break opened,
                    command = self.commands.recv() => match command {
                        Some(SttCommand::Close) | None => return Ok(false),
                        Some(command) => self.note(&command),
                    },
                }
            };
            match opened {
                Ok(stream) => {
                    self.begin(stream);
                    return Ok(true);
                }
                Err(cause) => error = cause,
            }
        }
    }

    fn next_member(&self) -> Option<usize> {
        let most = self.members.len().max(2);
        if self.mute > most || self.switches > MOST_SWITCHES {
            return None;
        }
        let (count, current) = (self.members.len(), self.current);
        // The others first, then this one again.
        let others = (1..=count).map(|step| (current + step) % count);
        let mut hopeful = others.filter(|index| !self.hopeless.contains(index)).peekable();
        let first = hopeful.peek().copied()?;
        Some(
            hopeful
                .find(|&index| index != current && self.members[index].health.may_be_asked())
                .unwrap_or(first),
        )
    }

    fn begin(&mut self, stream: SttStream) {
        self.stream = stream;
        self.adapter = Adapter::new(self.promised, self.can().ends_turns);
        self.pending = self.ring.frames().cloned().map(SttCommand::Audio).collect();
        self.unanswered = 0;
        self.answer_by = None;
        if self.finalizing.is_some() {
            self.pending.push_back(SttCommand::Finalize);
            if self.needs_an_answer() {
                self.answer_by = Some(Instant::now() + self.patience());
            }
        }
    }
}
