//! Results for a person and for programs.

use std::io::{self, Write};
use std::time::Duration;

use serde_json::{Value, json};

use crate::diagnostic::{Style, render_failure};

use super::files::Loaded;
use super::runner::{Done, Failed, Tested, Verdict};
use super::{Format, TestArgs, count, junit};

const GREEN: &str = "\u{1b}[32;1m";
const RED: &str = "\u{1b}[31;1m";
const YELLOW: &str = "\u{1b}[33;1m";
const RESET: &str = "\u{1b}[0m";

/// Where results go as they come.
pub(super) struct Sink<'o> {
    format: Format,
    out: &'o mut dyn Write,
}

impl<'o> Sink<'o> {
    pub(super) fn new(format: Format, out: &'o mut dyn Write) -> Self {
        Self { format, out }
    }

    /// For persons only.
    pub(super) fn say(&mut self, text: &str) -> io::Result<()> {
        if self.format == Format::Human { write!(self.out, "{text}") } else { Ok(()) }
    }

    /// A test is done.
    pub(super) fn test(&mut self, done: &Done) -> io::Result<()> {
        let (colour, word) = match done.verdict {
            Verdict::Passed => (GREEN, "PASS"),
            Verdict::Failed(_) => (RED, "FAIL"),
            Verdict::Skipped(_) => (YELLOW, "SKIP"),
        };
        let time = seconds(done.took);
        let orders = if done.runs > 1 { format!(" ({} orders)", done.runs) } else { String::new() };
        let explored = match done.configurations {
            0 => String::new(),
            seen => format!(" ({seen} configurations)"),
        };
        let why = match done.verdict {
            Verdict::Skipped(why) => format!(" ({why})"),
            _ => String::new(),
        };
        self.say(&format!(
            "{colour}{word:>8}{RESET} [{time:>7}s] {}: {}{orders}{explored}{why}\n",
            done.path, done.name
        ))
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64())
}

/// Shows what failed, and the sum.
pub(super) fn finish(
    args: &TestArgs,
    loaded: &[Loaded],
    tested: &Tested,
    sink: &mut Sink<'_>,
) -> io::Result<()> {
    for done in &tested.tests {
        if let Verdict::Failed(failed) = &done.verdict
            && let Some(file) = loaded.get(done.file)
        {
            let text = failure(file, done, failed);
            sink.say(&text)?;
        }
    }
    sink.say(&summary(tested))?;
    match args.format {
        Format::Human => Ok(()),
        Format::Json => writeln!(sink.out, "{}", json(loaded, tested)),
        Format::Junit => sink.out.write_all(junit::render(tested).as_bytes()),
    }
}

fn failure(file: &Loaded, done: &Done, failed: &Failed) -> String {
    let source = &file.suite.source;
    let shown = &failed.failure;
    let snippet = render_failure(source, shown.span, &shown.message, shown.help.as_deref(), Style::Colour);
    let order = failed
        .order
        .as_ref()
        .map_or(String::new(), |order| format!("  in this order of its race: {order}\n"));
    let story: String = failed.story.lines().map(|line| format!("  {line}\n")).collect();
    let story = if story.is_empty() { story } else { format!("  the call up to there:\n{story}") };
    format!("\n{RED}FAILED{RESET} {}\n{snippet}{order}{story}", done.name)
}

fn summary(tested: &Tested) -> String {
    let passed = count(tested, |verdict| matches!(verdict, Verdict::Passed));
    let failed = count(tested, |verdict| matches!(verdict, Verdict::Failed(_)));
    let skipped = count(tested, |verdict| matches!(verdict, Verdict::Skipped(_)));
    let all = tested.tests.len();
    let tests = if all == 1 { "1 test".to_owned() } else { format!("{all} tests") };
    let colour = if failed > 0 { RED } else { GREEN };
    let mut text =
        format!("\n{colour}{:>8}{RESET} {tests} in {}s: {passed} passed", "Summary", seconds(tested.took));
    if failed > 0 {
        text += &format!(", {failed} failed");
    }
    if skipped > 0 {
        text += &format!(", {skipped} skipped");
    }
    text + "\n"
}

fn json(loaded: &[Loaded], tested: &Tested) -> Value {
    let one = |done: &Done| {
        let mut test = json!({
            "file": done.path,
            "name": done.name,
            "orders": done.runs,
            "configurations": done.configurations,
            "seconds": done.took.as_secs_f64(),
        });
        match &done.verdict {
            Verdict::Passed => test["result"] = "passed".into(),
            Verdict::Skipped(why) => {
                test["result"] = "skipped".into();
                test["reason"] = (*why).into();
            }
            Verdict::Failed(failed) => {
                let place = loaded.get(done.file).map(|file| {
                    let (line, column) = file.suite.source.position(failed.failure.span.start);
                    json!({"line": line, "column": column})
                });
                test["result"] = "failed".into();
                test["message"] = failed.failure.message.as_str().into();
                test["help"] = failed.failure.help.as_deref().into();
                test["place"] = place.into();
                test["order"] = failed.order.as_deref().into();
                test["story"] = failed.story.lines().collect::<Vec<_>>().into();
            }
        }
        test
    };
    json!({
        "passed": count(tested, |verdict| matches!(verdict, Verdict::Passed)),
        "failed": count(tested, |verdict| matches!(verdict, Verdict::Failed(_))),
        "skipped": count(tested, |verdict| matches!(verdict, Verdict::Skipped(_))),
        "seconds": tested.took.as_secs_f64(),
        "tests": tested.tests.iter().map(one).collect::<Vec<_>>(),
    })
}
