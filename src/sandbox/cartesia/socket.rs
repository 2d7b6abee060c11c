//! One client's socket: contexts side by side, their requests and their ends.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::context::Context;
use super::request::{Generation, Request};
use super::wire::{Errors, Refusal};
use crate::sandbox::conversation::{Conversation, Incoming};
use crate::sandbox::faults::Fault;

/// A socket without requests is closed after this.
const IDLE: Duration = Duration::from_secs(300);
/// Contexts that may be open at a time.
const MOST_CONTEXTS: usize = 64;
/// Ended contexts whose ids are remembered.
const REMEMBERED: usize = 1_024;

/// Serves one client until it leaves or is idle for too long.
pub(super) async fn run(conversation: Conversation, errors: Errors) {
    let mut socket = Socket {
        conversation,
        errors,
        contexts: BTreeMap::new(),
        ended: VecDeque::new(),
        active: Instant::now(),
    };
    if socket.serve().await {
        socket.conversation.close(1000, "idle").await;
    }
}

struct Socket {
    conversation: Conversation,
    errors: Errors,
    contexts: BTreeMap<Arc<str>, Open>,
    /// Ids are used once.
    ended: VecDeque<Arc<str>>,
    /// When the last request came.
    active: Instant,
}

/// An open context, and what befalls it.
struct Open {
    context: Context,
    /// The fault that was due was taken: once a context, with its first audio.
    had_its_fault: bool,
    /// It says nothing.
    silent: bool,
}

impl Open {
    fn new(first: &Generation) -> Self {
        Self { context: Context::new(first), had_its_fault: false, silent: false }
    }
}

impl Socket {
    /// Says whether the socket is idle; else the client is gone.
    async fn serve(&mut self) -> bool {
        loop {
            let idle = self.active + IDLE;
            let due = self.contexts.values().filter_map(|open| open.context.due()).min();
            match self.conversation.next(due.unwrap_or(idle).min(idle)).await {
                Incoming::Gone => return false,
                Incoming::Text(text) => self.request(&text),
                Incoming::Binary(_) => self.refuse(&Refusal::invalid("Requests are text.")),
                Incoming::Nothing if Instant::now() >= idle => return true,
                Incoming::Nothing => self.overdue(),
            }
        }
    }

    fn request(&mut self, text: &str) {
        self.active = Instant::now();
        match Request::parse(text) {
            Ok(Request::Cancel(context)) => self.end(&Arc::from(context)),
            Ok(Request::Generate(generation)) => {
                let id: Arc<str> = Arc::from(generation.context.as_str());
                if let Err(refusal) = self.generate(&id, &generation) {
                    self.end(&id);
                    self.refuse(&refusal.of(&id));
                }
            }
            Err(refusal) => self.refuse(&refusal),
        }
    }

    fn generate(&mut self, id: &Arc<str>, generation: &Generation) -> Result<(), Refusal> {
        if self.ended.contains(id) {
            return Err(Refusal::closed_context());
        }
        if !self.contexts.contains_key(id) && self.contexts.len() >= MOST_CONTEXTS {
            return Err(Refusal::too_many_contexts());
        }
        if !self.contexts.contains_key(id) {
            self.conversation.trace(id);
        }
        let open = self.contexts.entry(Arc::clone(id)).or_insert_with(|| Open::new(generation));
        let spoken = open.context.take(generation, Instant::now())?;
        self.answer(id, spoken.messages)?;
        if spoken.last {
            self.contexts.remove(id);
            self.remember(id);
        }
        Ok(())
    }

    fn overdue(&mut self) {
        let now = Instant::now();
        let spoken: Vec<_> =
            self.contexts.iter_mut().map(|(id, open)| (Arc::clone(id), open.context.overdue(now))).collect();
        for (id, messages) in spoken {
            if let Err(refusal) = self.answer(&id, messages) {
                self.end(&id);
                self.refuse(&refusal.of(&id));
            }
        }
    }

    /// Sends what an open context says, if the fault that is due for it lets it.
    fn answer(&mut self, id: &Arc<str>, messages: Vec<String>) -> Result<(), Refusal> {
        let Some(open) = self.contexts.get_mut(id) else { return Ok(()) };
        let mut fault = None;
        if !open.had_its_fault && open.context.has_spoken() {
            open.had_its_fault = true;
            fault = self.conversation.fault("speak");
        }
        open.silent |= fault == Some(Fault::Silent);
        if let Some(Fault::Refuse { status, info }) = fault {
            return Err(Refusal::ordered(status, info));
        }
        if !open.silent {
            self.conversation.answer(id, messages, fault.as_ref());
        }
        Ok(())
    }

    /// Ends a context: nothing more is said in it, and its id is used up.
    fn end(&mut self, id: &Arc<str>) {
        self.contexts.remove(id);
        self.conversation.forget(id);
        self.remember(id);
    }

    fn remember(&mut self, id: &Arc<str>) {
        if self.ended.contains(id) {
            return;
        }
        if self.ended.len() == REMEMBERED {
            self.ended.pop_front();
        }
        self.ended.push_back(Arc::clone(id));
    }

    fn refuse(&mut self, refusal: &Refusal) {
        let topic = Arc::from(refusal.context.as_deref().unwrap_or_default());
        self.conversation.answer(&topic, vec![refusal.message(self.errors)], None);
    }
}
