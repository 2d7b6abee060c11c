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
use super::round::{Next, Round};
use super::{ANY_AUDIO, FIRST_AUDIO, MOST_SWITCHES, Member, OPEN_WITHIN, in_order};
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
    member.health.asked();
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
    round: Round,
    /// Since when something is owed that the first voice of this round should have given.
    waited_since: Option<Instant>,
    /// Nobody is left who was not asked.
    is_last: bool,
    /// Since a context was last spoken to its end.
    switches: usize,
    /// The only voice was asked once more since then.
    again: bool,
}

enum Happening {
    Done,
    Command(Option<TtsCommand>),
    Event(Option<TtsEvent>),
    Overdue,
}

/// Why the present voice is left.
struct Lost {
    error: SpeechError,
    /// Its stream has ended.
    is_gone: bool,
    /// It gave nothing in time.
    is_slow: bool,
}

impl Lost {
    fn gone(error: SpeechError) -> Self {
        Self { error, is_gone: true, is_slow: false }
    }
}

impl Speaking {
    fn new(
        members: Arc<[Member<dyn Tts>]>,
        params: TtsParams,
        current: usize,
        stream: TtsStream,
        (commands, events): (mpsc::Receiver<TtsCommand>, mpsc::Sender<TtsEvent>),
    ) -> Self {
        let round = Round::of(members.len());
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
            round,
            waited_since: None,
            is_last: false,
            switches: 0,
            again: false,
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
            let lost = match happened {
                Happening::Done => None,
                Happening::Command(command) => {
                    if !self.command(command) {
                        return Ok(());
                    }
                    None
                }
                Happening::Event(Some(TtsEvent::Closed(Err(error)))) => Some(Lost::gone(error)),
                Happening::Event(Some(TtsEvent::Closed(Ok(()))) | None) => {
                    let detail = "it closed the stream".to_owned();
                    Some(Lost::gone(SpeechError::Disconnected { vendor: "the voice", detail }))
                }
                Happening::Event(Some(TtsEvent::Failed(context, error))) => self
                    .contexts
                    .contains_key(&context)
                    .then_some(Lost { error, is_gone: false, is_slow: false }),
                // There is no other sound to be had: better with a hole than not at all.
                Happening::Event(Some(TtsEvent::Garbled(context))) if self.is_alone() => {
                    self.untold.push_back(TtsEvent::Garbled(context));
                    None
                }
                Happening::Event(Some(TtsEvent::Garbled(context))) => {
                    let detail = "a part of the sound may be missing".to_owned();
                    let error = SpeechError::Protocol { vendor: "the voice", detail };
                    self.contexts.contains_key(&context).then_some(Lost {
                        error,
                        is_gone: false,
                        is_slow: false,
                    })
                }
                Happening::Event(Some(TtsEvent::Done(context))) if self.is_mute(context) => {
                    let detail = "it says that it has spoken, and there was no sound".to_owned();
                    let error = SpeechError::Protocol { vendor: "the voice", detail };
                    Some(Lost { error, is_gone: false, is_slow: false })
                }
                Happening::Event(Some(event)) => {
                    self.take(event);
                    None
                }
                Happening::Overdue => {
                    let waited = deadline.map_or(FIRST_AUDIO, |at| at - self.owed_since().unwrap_or(at));
                    let error = SpeechError::Silent { vendor: "the voice", waited };
                    Some(Lost { error, is_gone: false, is_slow: true })
                }
            };
            if let Some(lost) = lost
                && !self.replace(lost).await?
            {
                return Ok(());
            }
        }
    }

    /// `false` if told to close.
    fn command(&mut self, command: Option<TtsCommand>) -> bool {
        match command {
            Some(TtsCommand::Speak { context, text, last }) => self.speak(context, &text, last),
            Some(TtsCommand::Cancel(context)) => {
                self.contexts.remove(&context);
                self.untold.retain(|event| concerned(event) != Some(context));
                self.pending.push_back(TtsCommand::Cancel(context));
            }
            Some(TtsCommand::Close) | None => return false,
        }
        true
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
        if matches!(event, TtsEvent::Audio { .. }) && self.contexts.contains_key(&id) {
            self.begin_round();
        }
        let Some(context) = self.contexts.get_mut(&id) else { return };
        match event {
            TtsEvent::Audio { samples, .. } => {
                let now = Instant::now();
                self.heard_at = now;
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
                self.switches = 0;
                self.again = false;
                self.contexts.remove(&id);
                self.untold.push_back(event);
            }
            TtsEvent::Substituted(_) | TtsEvent::Garbled(_) | TtsEvent::Failed(..) | TtsEvent::Closed(_) => {}
        }
    }

    /// Whether there is something to be heard of a context, and the present voice gave no sound for it.
    fn is_mute(&self, id: ContextId) -> bool {
        let unheard =
            |context: &Context| context.given.samples == 0 && context.text.contains(char::is_alphanumeric);
        self.contexts.get(&id).is_some_and(unheard)
    }

    /// Contexts are spoken one after the other: only the first one that is owed audio can be late.
    /// Of one that is alone, its own client knows better.
    fn deadline(&self) -> Option<Instant> {
        if self.is_alone() {
            return None;
        }
        let due = self.owed_since()? + self.members[self.current].health.patience(FIRST_AUDIO);
        let at_last = self.waited_since.filter(|_| self.is_last).map(|since| since + ANY_AUDIO);
        Some(at_last.map_or(due, |at| at.max(due)))
    }

    fn owed_since(&self) -> Option<Instant> {
        let owed = self.contexts.values().find_map(|context| context.owed)?;
        Some(owed.max(self.heard_at))
    }

    /// Everybody may be asked again.
    fn begin_round(&mut self) {
        self.round.begins_again();
        self.is_last = false;
        self.waited_since = None;
    }

    /// Has the rest of everything spoken by the next voice. With nobody left, the contexts fail; the stream
    /// only if it is gone. `false` if told to close meanwhile.
    async fn replace(&mut self, lost: Lost) -> Result<bool, SpeechError> {
        let Lost { mut error, is_gone, is_slow } = lost;
        self.members[self.current].health.failed(&error);
        self.waited_since = self.waited_since.or(self.owed_since());
        if is_slow {
            self.round.was_slow(self.current, self.is_last);
        } else {
            self.round.failed(self.current, is_permanent(&error));
        }
        // The last one had all the time there is: to begin again with a slow one would take longer than a call waits.
        let is_too_late = is_slow && self.is_last;
        loop {
            let once_more = self.once_more(&error, is_slow);
            let next = once_more.or(self.next_member()).filter(|_| !is_too_late);
            let Some(Next { index, is_last }) = next else { break };
            self.switches += 1;
            let member = self.members[index].clone();
            tracing::warn!(%error, model = %member.model, "another voice speaks the rest");
            let params = self.params.clone();
            let opening = open(&member, &params, false);
            tokio::pin!(opening);
            let opened = loop {
                tokio::select! {
                    opened = &mut opening => break opened,
                    command = self.commands.recv(), if self.pending.len() < MOST_PENDING => {
                        if !self.command(command) {
                            return Ok(false);
                        }
                    }
                }
            };
            match opened {
                Ok(stream) => {
                    (self.current, self.is_last) = (index, is_last);
                    self.begin(stream);
                    return Ok(true);
                }
                Err(cause) => {
                    self.round.failed(index, is_permanent(&cause));
                    error = cause;
                }
            }
        }
        if is_gone {
            return Err(error);
        }
        // What is owed nothing was given all that it asked for, and may go on.
        for (id, _) in self.contexts.extract_if(.., |_, context| context.owed.is_some()) {
            self.untold.push_back(TtsEvent::Failed(id, error.clone()));
            self.pending.push_back(TtsCommand::Cancel(id));
        }
        self.begin_round();
        self.switches = 0;
        self.again = false;
        Ok(true)
    }

    fn is_alone(&self) -> bool {
        self.members.len() == 1
    }

    /// The only voice is asked once more if it was cut off: over a new connection it speaks the rest.
    fn once_more(&mut self, error: &SpeechError, is_slow: bool) -> Option<Next> {
        let is_cut_off = matches!(error, SpeechError::Disconnected { .. }) && !is_slow;
        let may = self.is_alone() && is_cut_off && !self.again;
        self.again |= may;
        may.then_some(Next { index: 0, is_last: true })
    }

    fn next_member(&self) -> Option<Next> {
        if self.switches >= MOST_SWITCHES {
            return None;
        }
        self.round.next(self.current, |index| self.members[index].health.may_be_asked())
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
            if self.members.len() == 1
                && context.before > 0
                && !std::mem::replace(&mut context.substituted, true)
            {
                // Made of two pieces: good for this call only.
                self.untold.push_back(TtsEvent::Substituted(id));
            }
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
        TtsEvent::Substituted(context)
        | TtsEvent::Garbled(context)
        | TtsEvent::Done(context)
        | TtsEvent::Failed(context, _) => Some(*context),
        TtsEvent::Closed(_) => None,
    }
}
