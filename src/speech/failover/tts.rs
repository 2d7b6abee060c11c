//! Voices in a row: the next one speaks the rest when one fails or is slow with its first sound.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use super::rest::Given;
use super::{FIRST_AUDIO, MOST_SWITCHES, Member, OPEN_WITHIN, in_order};
use crate::pii::Utterance;
use crate::speech::socket::is_permanent;
use crate::speech::{
    ContextId, SpeechError, Tts, TtsCapabilities, TtsCommand, TtsEvent, TtsParams, TtsStream, Word,
};

const COMMANDS: usize = 64;
const EVENTS: usize = 64;
/// Commands that wait for a voice; no more are taken beyond.
const MOST_PENDING: usize = 256;

/// Voices, the preferred one first.
pub struct TtsChain {
    members: Arc<[Member<dyn Tts>]>,
}

impl TtsChain {
    /// A chain of at least one.
    #[must_use]
    pub fn new(members: Vec<Member<dyn Tts>>) -> Self {
        Self { members: members.into() }
    }
}

impl Tts for TtsChain {
    fn capabilities(&self) -> TtsCapabilities {
        self.members.first().map(|member| member.provider.capabilities()).unwrap_or_default()
    }

    fn open(&self, params: TtsParams) -> BoxFuture<'static, Result<TtsStream, SpeechError>> {
        let members = Arc::clone(&self.members);
        async move {
            let mut last = nobody();
            let order = in_order(&members);
            for (attempt, &index) in order.iter().enumerate() {
                match open(&members[index], &params, attempt + 1 == order.len()).await {
                    // Nobody to go to: what the voice tells is told.
                    Ok(stream) if members.len() == 1 => return Ok(stream),
                    Ok(stream) => {
                        let (commands, told) = mpsc::channel(COMMANDS);
                        let (tell, events) = mpsc::channel(EVENTS);
                        let speaking = Speaking::new(members, params, index, stream, (told, tell));
                        let task = AbortOnDropHandle::new(tokio::spawn(speaking.run().in_current_span()));
                        return Ok(TtsStream { commands, events, task });
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
    SpeechError::Unreachable { vendor: "the voice", detail: "nobody is to be asked".to_owned() }
}

async fn open(member: &Member<dyn Tts>, params: &TtsParams, is_last: bool) -> Result<TtsStream, SpeechError> {
    let (model, voice) = (Arc::clone(&member.model), member.voice.clone());
    let opening = member.provider.open(TtsParams { model, voice, ..params.clone() });
    let opened = if is_last {
        opening.await
    } else {
        let silent = SpeechError::Silent { vendor: "the voice", waited: OPEN_WITHIN };
        timeout(OPEN_WITHIN, opening).await.unwrap_or(Err(silent))
    };
    if let Err(error) = &opened {
        member.health.failed(error);
        tracing::warn!(%error, model = %member.model, "a voice cannot be opened");
    }
    opened
}

/// What is known of a context.
#[derive(Default)]
struct Context {
    /// What the present voice was given, or is to be.
    text: String,
    last: bool,
    /// What it has given.
    given: Given,
    /// Samples that voices before it have given.
    before: usize,
    /// It was told that another voice than the first speaks.
    substituted: bool,
    /// Since when audio is owed.
    owed: Option<Instant>,
    /// When the present voice was first asked; taken by its first audio.
    asked: Option<Instant>,
}

/// One call's voice, over any number of providers.
struct Speaking {
    members: Arc<[Member<dyn Tts>]>,
    params: TtsParams,
    current: usize,
    stream: TtsStream,
    commands: mpsc::Receiver<TtsCommand>,
    events: mpsc::Sender<TtsEvent>,
    contexts: BTreeMap<ContextId, Context>,
    pending: VecDeque<TtsCommand>,
    untold: VecDeque<TtsEvent>,
    heard_at: Instant,
    /// Voices in a row that gave nothing.
    mute: usize,
    switches: usize,
    hopeless: Vec<usize>,
}

enum Happening {
    Done,
    Command(Option<TtsCommand>),
    Event(Option<TtsEvent>),
    Overdue,
}

impl Speaking {
    fn new(
        members: Arc<[Member<dyn Tts>]>,
        params: TtsParams,
        current: usize,
        stream: TtsStream,
        (commands, events): (mpsc::Receiver<TtsCommand>, mpsc::Sender<TtsEvent>),
    ) -> Self {
        Self {
            members,
            params,
            current,
            stream,
            commands,
            events,
            contexts: BTreeMap::new(),
            pending: VecDeque::new(),
            untold: VecDeque::new(),
            heard_at: Instant::now(),
            mute: 0,
            switches: 0,
            hopeless: Vec::new(),
        }
    }

    async fn run(mut self) {
        let end = self.go_on().await;
        for event in self.untold.drain(..) {
            if self.events.send(event).await.is_err() {
                tracing::trace!("nobody reads what the voice still had to tell");
            }
        }
        if self.events.send(TtsEvent::Closed(end)).await.is_err() {
            tracing::trace!("nobody waits for the end of the voice");
        }
    }

    /// Commands are taken even while the reader of events lags; the voice is not read then.
    async fn go_on(&mut self) -> Result<(), SpeechError> {
        loop {
            let all_told = self.untold.is_empty();
            let deadline = self.deadline();
            let happened = tokio::select! {
                biased;
                permit = self.events.reserve(), if !all_told => match (permit, self.untold.pop_front()) {
                    (Ok(permit), Some(event)) => {
                        permit.send(event);
                        Happening::Done
                    }
                    _ => return Ok(()),
                },
                permit = self.stream.commands.reserve(), if !self.pending.is_empty() => {
                    match (permit, self.pending.pop_front()) {
                        (Ok(permit), Some(command)) => permit.send(command),
                        // It is gone, which its last event says, too.
                        _ => self.pending.clear(),
                    }
                    Happening::Done
                }
                command = self.commands.recv(), if self.pending.len() < MOST_PENDING => Happening::Command(command),
                event = self.stream.events.recv(), if all_told => Happening::Event(event),
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if all_told && deadline.is_some() => {
                    Happening::Overdue
                }
            };
            match happened {
                Happening::Done => {}
                Happening::Command(Some(TtsCommand::Speak { context, text, last })) => {
                    self.speak(context, &text, last)
                }
                Happening::Command(Some(TtsCommand::Cancel(context))) => {
                    self.contexts.remove(&context);
                    self.untold.retain(|event| concerned(event) != Some(context));
                    self.pending.push_back(TtsCommand::Cancel(context));
                }
                Happening::Command(Some(TtsCommand::Close) | None) => return Ok(()),
                Happening::Event(Some(TtsEvent::Closed(Err(error)))) => self.replace(error, true).await?,
                Happening::Event(Some(TtsEvent::Closed(Ok(()))) | None) => {
                    let detail = "it closed the stream".to_owned();
                    self.replace(SpeechError::Disconnected { vendor: "the voice", detail }, true).await?;
                }
                Happening::Event(Some(TtsEvent::Failed(context, error))) => {
                    if self.contexts.contains_key(&context) {
                        self.replace(error, false).await?;
                    }
                }
                Happening::Event(Some(event)) => self.take(event),
                Happening::Overdue => {
                    let waited = self.patience();
                    self.replace(SpeechError::Silent { vendor: "the voice", waited }, false).await?;
                }
            }
        }
    }

    fn speak(&mut self, id: ContextId, text: &Utterance, last: bool) {
        let now = Instant::now();
        let context = self.contexts.entry(id).or_default();
        context.text.push_str(text.text());
        context.last |= last;
        if !text.is_blank() {
            context.asked.get_or_insert(now);
        }
        if last {
            context.owed = Some(now);
        } else if !text.is_blank() {
            context.owed.get_or_insert(now);
        }
        self.pending.push_back(TtsCommand::Speak { context: id, text: text.clone(), last });
    }

    fn take(&mut self, event: TtsEvent) {
        let Some(id) = concerned(&event) else { return };
        let Some(context) = self.contexts.get_mut(&id) else { return };
        match event {
            TtsEvent::Audio { samples, .. } => {
                let now = Instant::now();
                self.heard_at = now;
                self.mute = 0;
                if let Some(asked) = context.asked.take() {
                    self.members[self.current].health.succeeded(Some(now.duration_since(asked)));
                }
                context.given.samples += samples.len();
                context.owed = context.last.then_some(now);
                if self.current != 0 && !std::mem::replace(&mut context.substituted, true) {
                    self.untold.push_back(TtsEvent::Substituted(id));
                }
                self.untold.push_back(TtsEvent::Audio { context: id, samples });
            }
            TtsEvent::Words { words, .. } => {
                context.given.words.extend(words.iter().cloned());
                let before = Given { samples: context.before, words: Vec::new() }.length();
                let moved = |word: Word| Word { start: word.start + before, end: word.end + before, ..word };
                let words = words.into_iter().map(moved).collect();
                self.untold.push_back(TtsEvent::Words { context: id, words });
            }
            TtsEvent::Done(_) => {
                self.heard_at = Instant::now();
                self.contexts.remove(&id);
                self.untold.push_back(event);
            }
            TtsEvent::Substituted(_) | TtsEvent::Failed(..) | TtsEvent::Closed(_) => {}
        }
    }

    /// Contexts are spoken one after the other: only the first one that is owed audio can be late.
    fn deadline(&self) -> Option<Instant> {
        let owed = self.contexts.values().find_map(|context| context.owed)?;
        Some(owed.max(self.heard_at) + self.patience())
    }

    fn patience(&self) -> std::time::Duration {
        self.members[self.current].health.patience(FIRST_AUDIO)
    }

    /// Has the rest of everything spoken by the next voice. With nobody left, the contexts fail; the stream
    /// only if it is gone.
    async fn replace(&mut self, error: SpeechError, is_gone: bool) -> Result<(), SpeechError> {
        let mut error = error;
        self.members[self.current].health.failed(&error);
        loop {
            if is_permanent(&error) && !self.hopeless.contains(&self.current) {
                self.hopeless.push(self.current);
            }
            self.mute += 1;
            self.switches += 1;
            let Some(next) = self.next_member() else { break };
            let member = self.members[next].clone();
            tracing::warn!(%error, model = %member.model, "another voice speaks the rest");
            self.current = next;
            match open(&member, &self.params, false).await {
                Ok(stream) => {
                    self.begin(stream);
                    return Ok(());
                }
                Err(cause) => error = cause,
            }
        }
        if is_gone {
            return Err(error);
        }
        for (id, context) in &mut self.contexts {
            if context.owed.take().is_some() {
                self.untold.push_back(TtsEvent::Failed(*id, error.clone()));
                self.pending.push_back(TtsCommand::Cancel(*id));
            }
        }
        self.contexts.clear();
        self.mute = 0;
        Ok(())
    }

    fn next_member(&self) -> Option<usize> {
        if self.mute >= self.members.len().max(2) || self.switches > MOST_SWITCHES {
            return None;
        }
        let (count, current) = (self.members.len(), self.current);
        let mut others =
            (1..count).map(|step| (current + step) % count).filter(|i| !self.hopeless.contains(i));
        let first = others.clone().next()?;
        Some(others.find(|&index| self.members[index].health.admits()).unwrap_or(first))
    }

    fn begin(&mut self, stream: TtsStream) {
        self.stream = stream;
        self.pending.clear();
        let now = Instant::now();
        self.heard_at = now;
        let mut over = Vec::new();
        for (&id, context) in &mut self.contexts {
            let given = std::mem::take(&mut context.given);
            context.text = given.rest_of(&context.text).to_owned();
            context.before += given.samples;
            let is_blank = context.text.trim().is_empty();
            if is_blank && context.last {
                over.push(id);
                continue;
            }
            context.owed = (!is_blank).then_some(now);
            context.asked = context.owed;
            if !is_blank {
                let text = Utterance::new(context.text.clone());
                self.pending.push_back(TtsCommand::Speak { context: id, text, last: context.last });
            }
        }
        for id in over {
            self.contexts.remove(&id);
            // It may lack its last sounds: not to be kept.
            self.untold.push_back(TtsEvent::Substituted(id));
            self.untold.push_back(TtsEvent::Done(id));
        }
    }
}

fn concerned(event: &TtsEvent) -> Option<ContextId> {
    match event {
        TtsEvent::Audio { context, .. } | TtsEvent::Words { context, .. } => Some(*context),
        TtsEvent::Substituted(context) | TtsEvent::Done(context) | TtsEvent::Failed(context, _) => {
            Some(*context)
        }
        TtsEvent::Closed(_) => None,
    }
}
