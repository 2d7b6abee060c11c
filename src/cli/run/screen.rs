//! What a person sees: the start screen, and one line for each thing that happens in a call.
//!
//! Writes text and nothing else. With `--json` everything goes to standard error. When real people call and
//! nobody sits at a terminal, the output is somebody's log: it then has no words and no numbers.

use std::io::{IsTerminal as _, Write as _};

use tokio::time::Instant;

use crate::plan::Plan;
use crate::settings::{Service, ServiceNote, Settings};

/// Where lines go.
pub(super) struct Screen {
    to_stderr: bool,
    discreet: bool,
    began: Option<Instant>,
}

/// How a line is set off.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// What somebody heard.
    Speech,
    /// The call's state.
    State,
    /// What happened.
    Event,
    /// Something is wrong.
    Problem,
}

impl Screen {
    /// A screen on standard output or standard error, for calls of real people or of emulated phones.
    pub(super) fn new(to_stderr: bool, people_are_real: bool) -> Self {
        let is_watched =
            if to_stderr { std::io::stderr().is_terminal() } else { std::io::stdout().is_terminal() };
        Self { to_stderr, discreet: people_are_real && !is_watched, began: None }
    }

    /// Times are shown relative to this from now on.
    pub(super) fn call_begins(&mut self) {
        self.began = Some(Instant::now());
    }

    /// One line of a call: `who` did or heard `what`.
    pub(super) fn line(&self, tone: Tone, who: &str, what: &str) {
        let at = self.began.map_or(0.0, |began| began.elapsed().as_secs_f64());
        let (on, off) = tone.colours();
        let what = if self.discreet && tone == Tone::Speech { "•••" } else { what };
        self.text(&format!("{at:6.1}  {on}{who:<16}{what}{off}\n"));
    }

    /// Text as it is.
    pub(super) fn text(&self, text: &str) {
        // Whoever reads may have gone (a closed pipe); a call does not end because of that.
        let _gone = if self.to_stderr {
            anstream::stderr().lock().write_all(text.as_bytes())
        } else {
            let mut out = anstream::stdout().lock();
            out.write_all(text.as_bytes()).and_then(|()| out.flush())
        };
    }

    /// Something that works, but should not stay as it is.
    pub(super) fn warn(&self, what: &str, fix: &str) {
        let (on, off) = Tone::Problem.colours();
        self.text(&format!("{on}warning{off}: {what}\n  fix: {fix}\n"));
    }

    /// What a newcomer should know before the first call.
    pub(super) fn start(&self, plan: &Plan, settings: &Settings, webhook: &str, flow_path: &str) {
        let bold = |text: &str| format!("\x1b[1m{text}\x1b[0m");
        let mut out = format!(
            "\n{} {}: {} from {flow_path}, {} states, checked\n\n",
            bold("callflow"),
            env!("CARGO_PKG_VERSION"),
            bold(&plan.name),
            plan.states.len(),
        );
        out.push_str("  part               played by               made real by\n");
        for note in settings.vendors.explain() {
            out.push_str(&vendor_line(&note));
        }
        if settings.vendors.is_phone_emulated() {
            out.push_str(
                "  (1) only together, and `callflow daily fetch` installs what Daily's rooms need\n",
            );
        }
        if settings.vendors.of(Service::Llm).is_emulated() {
            out.push_str("  (2) the stand-in matches keywords: it tries the flow, not the prompt\n");
        }
        if settings.vendors.offline {
            out.push_str("  --offline: keys are ignored, nothing is billed\n");
        }
        out.push_str(&format!("\n  webhook    {webhook}/start   (health: {webhook}/health)\n"));
        if let Some(url) = &settings.public_url {
            out.push_str(&format!("             from outside {url}/start\n"));
        }
        for target in &plan.targets {
            let default =
                settings.operator.as_ref().is_some_and(|o| o.is_default && o.address == target.address);
            let note =
                if default { "   (OPERATOR_NUMBER is not set; this is its offline default)" } else { "" };
            let address = match self.discreet {
                true => target.address.to_string(),
                false => target.address.reveal().to_owned(),
            };
            out.push_str(&format!("  {:<10} {address}{note}\n", target.name));
        }
        out.push('\n');
        self.text(&out);
    }
}

impl Tone {
    fn colours(self) -> (&'static str, &'static str) {
        match self {
            Self::Speech => ("", ""),
            Self::State => ("\x1b[36m", "\x1b[0m"),
            Self::Event => ("\x1b[2m", "\x1b[0m"),
            Self::Problem => ("\x1b[33m", "\x1b[0m"),
        }
    }
}

fn vendor_line(note: &ServiceNote) -> String {
    let (by, real) = match (note.emulated, note.service) {
        (false, _) => (note.vendor.to_owned(), "is real".to_owned()),
        (true, Service::Llm) => (format!("sandbox, as {}", note.vendor), format!("{} (2)", note.key)),
        (true, _) => (format!("sandbox, as {}", note.vendor), format!("{} (1)", note.key)),
    };
    format!("  {:<18} {by:<23} {real}\n", note.part)
}
