//! A voice that speaks at once, with word times, unless it is told to be worse.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use callflow::sandbox::voice::encode_with_words;
use callflow::speech::{ContextId, SpeechError, Tts, TtsCommand, TtsEvent, TtsParams, TtsStream, Word};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::sync::{Notify, mpsc};
use tokio_util::task::AbortOnDropHandle;

use super::{Log, Opening, broken};

pub struct FakeTts {
    log: Log,
    pub opening: Mutex<Opening>,
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Texts (parts of them) that are never answered.
    mute: Mutex<Vec<String>>,
    /// Texts (parts of them) whose context fails.
    refused: Mutex<Vec<String>>,
    /// Texts (parts of them) that it says it has spoken, without a sound.
    toneless: Mutex<Vec<String>>,
    /// Another voice speaks in its place.
    substituted: AtomicBool,
    /// Before each answer.
    delay: Mutex<Duration>,
    dying: Notify,
}

impl FakeTts {
    pub fn new(log: &Log) -> Self {
        Self { log: log.clone(), opening: Mutex::default(), inner: Arc::default() }
    }

    pub fn is_mute_on(&self, text: &str) {
        self.inner.mute.lock().unwrap().push(text.to_owned());
    }

    pub fn is_toneless_on(&self, text: &str) {
        self.inner.toneless.lock().unwrap().push(text.to_owned());
    }

    pub fn refuses(&self, text: &str) {
        self.inner.refused.lock().unwrap().push(text.to_owned());
    }

    pub fn is_slow_by(&self, ms: u64) {
        *self.inner.delay.lock().unwrap() = Duration::from_millis(ms);
    }

    /// From now on another voice speaks in its place.
    pub fn is_substituted(&self) {
        self.inner.substituted.store(true, Ordering::SeqCst);
    }

    /// The stream ends with an error.
    pub fn dies(&self) {
        self.inner.dying.notify_one();
    }
}

impl Inner {
    fn knows(list: &Mutex<Vec<String>>, text: &str) -> bool {
        list.lock().unwrap().iter().any(|part| text.contains(part.as_str()))
    }

    async fn speak(
        &self,
        context: ContextId,
        text: &str,
        last: bool,
        said: &mut HashMap<ContextId, Option<Duration>>,
    ) -> Vec<TtsEvent> {
        let delay = *self.delay.lock().unwrap();
        tokio::time::sleep(delay).await;
        if Self::knows(&self.mute, text) {
            said.insert(context, None);
        }
        let Some(from) = said.entry(context).or_insert(Some(Duration::ZERO)) else { return Vec::new() };
        if Self::knows(&self.refused, text) {
            return vec![TtsEvent::Failed(context, broken())];
        }
        if Self::knows(&self.toneless, text) {
            return vec![TtsEvent::Done(context)];
        }
        let (samples, words) = encode_with_words(text);
        let words = words
            .into_iter()
            .map(|w| Word { text: w.text, start: *from + w.start, end: *from + w.end })
            .collect();
        *from += Duration::from_secs_f64(samples.len() as f64 / 16_000.0);
        let substituted = self.substituted.load(Ordering::SeqCst).then_some(TtsEvent::Substituted(context));
        let audio = samples.chunks(1_600).map(|s| TtsEvent::Audio { context, samples: s.to_vec() });
        let mut events: Vec<TtsEvent> = substituted.into_iter().chain(audio).collect();
        events.push(TtsEvent::Words { context, words });
        if last {
            events.push(TtsEvent::Done(context));
        }
        events
    }
}

impl Tts for FakeTts {
    fn open(&self, _: TtsParams) -> BoxFuture<'static, Result<TtsStream, SpeechError>> {
        let (log, inner) = (self.log.clone(), Arc::clone(&self.inner));
        let opening = self.opening.lock().unwrap().clone();
        async move {
            opening.pass().await?;
            log.add("tts opened");
            let (commands, mut commands_in) = mpsc::channel(64);
            let (events, events_out) = mpsc::channel(64);
            let trace = log.on_drop("tts dropped");
            let task = async move {
                let _trace = trace;
                let mut said = HashMap::new();
                loop {
                    let command = tokio::select! {
                        () = inner.dying.notified() => {
                            let _gone = events.send(TtsEvent::Closed(Err(broken()))).await;
                            return;
                        }
                        command = commands_in.recv() => command,
                    };
                    let events_due = match command {
                        Some(TtsCommand::Speak { context, text, last }) => {
                            log.add(format!("speak {}", text.text()));
                            inner.speak(context, text.text(), last, &mut said).await
                        }
                        Some(TtsCommand::Cancel(context)) => {
                            log.add(format!("cancel {}", context.0));
                            continue;
                        }
                        Some(TtsCommand::Close) => continue,
                        None => return,
                    };
                    for event in events_due {
                        let _gone = events.send(event).await;
                    }
                }
            };
            Ok(TtsStream { commands, events: events_out, task: AbortOnDropHandle::new(tokio::spawn(task)) })
        }
        .boxed()
    }
}
