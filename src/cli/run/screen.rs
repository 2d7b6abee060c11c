//! What a person sees: the start screen, and one line for each thing that happens in a call.
//!
//! Writes text and nothing else. With `--json` everything goes to standard error. When real people call and
//! nobody sits at a terminal, the output is somebody's log: it then has no words and no numbers.

use std::io::{IsTerminal as _, Write as _};

use tokio::time::Instant;

use super::flows::Flows;
use super::reach::Reach;
use crate::pii::PhoneNumber;
use crate::settings::{Production, Service, ServiceNote, Settings};

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
    pub(super) fn start(&self, flows: &Flows, settings: &Settings, reach: &Reach) {
        let mut out = flow_lines(flows, self.discreet);
        out.push_str("  part               played by               made real by\n");
        for note in settings.vendors.explain() {
            out.push_str(&vendor_line(&note));
        }
        if settings.vendors.is_phone_emulated() {
            out.push_str(
                "  (1) only together, and `callflow daily fetch` installs what Daily's rooms need\n",
            );
        }
        if settings.vendors.of(Service::OpenAi).is_emulated() {
            out.push_str("  (2) the stand-in matches keywords: it tries the flow, not the prompt\n");
        }
        if settings.vendors.offline {
            out.push_str("  --offline: keys are ignored, nothing is billed\n");
        }
        out.push_str(&webhook_lines(settings, reach));
        out.push_str(&target_lines(flows, settings, self.discreet));
        out.push('\n');
        self.text(&out);
    }

    /// The same, where calls run on Pipecat Cloud.
    pub(super) fn start_in_production(
        &self,
        flows: &Flows,
        settings: &Settings,
        production: &Production,
        reach: &Reach,
    ) {
        let mut out = flow_lines(flows, self.discreet);
        out.push_str(&format!(
            "  ENV=production: calls run on Pipecat Cloud, agent `{}`; its image must hold the flows above\n",
            production.agent
        ));
        out.push_str(&webhook_lines(settings, reach));
        out.push('\n');
        self.text(&out);
    }
}

/// Which flows there are, and who answers which number.
fn flow_lines(flows: &Flows, discreet: bool) -> String {
    let bold = |text: &str| format!("\x1b[1m{text}\x1b[0m");
    let list: Vec<_> = flows.list().collect();
    let mut out = format!("\n{} {}: ", bold("callflow"), env!("CARGO_PKG_VERSION"));
    let described = |flow: &super::flow_file::FlowFile| {
        let plan = flow.plan();
        let (name, states) = (bold(&plan.name), plan.states.len());
        format!("{name} from {}, {states} states, checked\n", flow.path().display())
    };
    if let [(only, numbers)] = &list[..]
        && numbers.is_empty()
    {
        return out + &described(only) + "\n";
    }
    out.push_str(&format!("{} flows\n\n", list.len()));
    for (index, (flow, numbers)) in list.iter().enumerate() {
        let shown =
            |number: &&PhoneNumber| if discreet { number.to_string() } else { number.reveal().to_owned() };
        let numbers = numbers.iter().map(shown);
        let others = (index == 0).then(|| "all other numbers".to_owned());
        let answers: Vec<_> = numbers.chain(others).collect();
        let answers = if answers.is_empty() {
            "only calls that ask for it by name".to_owned()
        } else {
            answers.join(", ")
        };
        out.push_str(&format!("  {}  answers {answers}\n", described(flow).replace('\n', "\n           ")));
    }
    out + "\n"
}

fn webhook_lines(settings: &Settings, reach: &Reach) -> String {
    let webhook = &reach.webhook;
    let mut out = format!("\n  webhook    {webhook}/start   (health: {webhook}/health)\n");
    if let Some(url) = &settings.public_url {
        out.push_str(&format!("             from outside {url}/start\n"));
    }
    if let Some(note) = &reach.note {
        out.push_str(&format!("             {note}\n"));
    }
    out
}

/// Whom the flows may dial; each once.
fn target_lines(flows: &Flows, settings: &Settings, discreet: bool) -> String {
    let mut lines: Vec<String> = Vec::new();
    for (flow, _) in flows.list() {
        for target in &flow.plan().targets {
            let default =
                settings.operator.as_ref().is_some_and(|o| o.is_default && o.address == target.address);
            let note =
                if default { "   (OPERATOR_NUMBER is not set; this is its offline default)" } else { "" };
            let address = match discreet {
                true => target.address.to_string(),
                false => target.address.reveal().to_owned(),
            };
            let line = format!("  {:<10} {address}{note}\n", target.name);
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
    }
    lines.concat()
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
        (true, _) if note.key.is_empty() => {
            (format!("sandbox, as {}", note.vendor), "a call without --offline (2)".to_owned())
        }
        (true, Service::OpenAi) if note.part == "model" => {
            (format!("sandbox, as {}", note.vendor), format!("{} (2)", note.key))
        }
        (true, _) => (format!("sandbox, as {}", note.vendor), format!("{} (1)", note.key)),
    };
    format!("  {:<18} {by:<23} {real}\n", note.part)
}
