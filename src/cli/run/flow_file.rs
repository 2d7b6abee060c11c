//! The flow file of a running server: read for every call, and never worse than the last good version.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::check::{self, EnvMode};
use crate::cli::check::{ReadError, read};
use crate::diagnostic::{Diagnostic, Style, render_human};
use crate::plan::{self, Plan};
use crate::source::SourceFile;

/// Looks up an environment variable of the flow.
pub(in crate::cli) type EnvLookup = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// One flow file.
pub(in crate::cli) struct FlowFile {
    path: PathBuf,
    /// Absent where the flow's calls run elsewhere: its environment is looked at there.
    env: Option<EnvLookup>,
    good: Mutex<Good>,
}

struct Good {
    plan: Arc<Plan>,
    /// What was read last, good or bad, so that a broken edit is reported once.
    seen: SourceFile,
    /// What was told of a broken edit.
    broken: Option<String>,
}

/// Why a flow file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FlowFileError {
    /// It is not there or cannot be read.
    #[error("cannot read the flow: {0}")]
    Unreadable(#[from] ReadError),
    /// It has errors.
    #[error("the flow has errors")]
    Findings {
        /// The file as read.
        source_file: SourceFile,
        /// What was found, warnings included.
        diagnostics: Vec<Diagnostic>,
    },
}

/// What reading again came to.
pub(in crate::cli) enum Reread {
    /// Nothing has changed.
    Same,
    /// A new version serves from now on.
    Changed {
        /// Warnings, rendered.
        warnings: String,
    },
    /// The edit is broken; the last good version goes on.
    Broken {
        /// The findings, rendered.
        findings: String,
    },
}

impl FlowFile {
    /// Reads, checks and compiles a flow; with it come the warnings, rendered.
    pub(super) fn open(path: &Path, env: Option<EnvLookup>) -> Result<(Self, String), FlowFileError> {
        let file = read(path)?;
        let Compiled { plan, source, warnings } = compile(&file, env.as_ref())?;
        let good = Mutex::new(Good { plan, seen: source, broken: None });
        Ok((Self { path: path.to_owned(), env, good }, warnings))
    }

    pub(in crate::cli) fn path(&self) -> &Path {
        &self.path
    }

    /// The last good version.
    pub(in crate::cli) fn plan(&self) -> Arc<Plan> {
        let good = self.good.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Arc::clone(&good.plan)
    }

    /// The version for the next call; the file is read again. Gives what came of that, too.
    pub(in crate::cli) fn next(&self) -> (Arc<Plan>, Reread) {
        let reread = self.reread();
        match &reread {
            Reread::Same => {}
            Reread::Changed { .. } => tracing::info!("the flow file was read again"),
            Reread::Broken { .. } => {
                tracing::warn!("the flow file has errors; the last good version serves");
            }
        }
        (self.plan(), reread)
    }

    fn reread(&self) -> Reread {
        let file = match read(&self.path) {
            Ok(file) => file,
            Err(error) => return Reread::Broken { findings: FlowFileError::from(error).rendered() },
        };
        let mut good = self.good.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let same = is_unchanged(&good.seen, &file);
        // A file that was missing may be there now, which nothing that was read can tell.
        if same && good.broken.is_none() {
            return Reread::Same;
        }
        match compile(&file, self.env.as_ref()) {
            Ok(Compiled { plan, source, warnings }) => {
                (good.plan, good.seen, good.broken) = (plan, source, None);
                Reread::Changed { warnings }
            }
            Err(error) => {
                let findings = error.rendered();
                let told = same && good.broken.as_ref() == Some(&findings);
                if let FlowFileError::Findings { source_file, .. } = error {
                    good.seen = source_file;
                }
                good.broken = Some(findings.clone());
                if told { Reread::Same } else { Reread::Broken { findings } }
            }
        }
    }
}

impl FlowFileError {
    /// The whole text for the person who wrote the flow.
    pub(in crate::cli) fn rendered(&self) -> String {
        match self {
            Self::Findings { source_file, diagnostics } => {
                render_human(source_file, diagnostics, Style::Colour)
            }
            Self::Unreadable(error) => format!("error: {self}\nhelp: {}\n", error.help()),
        }
    }
}

struct Compiled {
    plan: Arc<Plan>,
    /// The file with those that it takes in.
    source: SourceFile,
    warnings: String,
}

/// Whether a file, and those that it took in when it was read before, say what they said.
fn is_unchanged(before: &SourceFile, now: &SourceFile) -> bool {
    let mut files = before.files();
    files.next().is_some_and(|(_, text)| text == now.text())
        && files.all(|(path, text)| std::fs::read_to_string(path).is_ok_and(|now| now == text))
}

fn compile(file: &SourceFile, env: Option<&EnvLookup>) -> Result<Compiled, FlowFileError> {
    let checked = check::check(file, env.map_or(EnvMode::Unknown, |env| EnvMode::Known(&**env)));
    match checked.flow {
        Some(flow) => {
            let warnings = render_human(&checked.source, &checked.diagnostics, Style::Colour);
            Ok(Compiled { plan: plan::compile(flow), source: checked.source, warnings })
        }
        None => {
            Err(FlowFileError::Findings { source_file: checked.source, diagnostics: checked.diagnostics })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_of_a_file_that_the_flow_takes_in_serves_the_next_call() {
        let folder = std::env::temp_dir().join(format!("callflow-flow-file-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (flow, prompt) = (folder.join("flow.yaml"), folder.join("hailey.md"));
        let text = "callflow: 1\nstart: talk\nstates:\n  talk: {converse: {prompt_file: hailey.md}, on: {caller.dtmf(\"0\"): bye}}\n  bye: {end: Bye.}\n";
        std::fs::write(&flow, text).unwrap();
        std::fs::write(&prompt, "Be kind.").unwrap();
        let (file, _) = FlowFile::open(&flow, None).unwrap();
        let first = file.plan().hash.clone();
        assert!(matches!(file.next().1, Reread::Same));
        std::fs::write(&prompt, "Be quick.").unwrap();
        let (plan, reread) = file.next();
        assert!(matches!(reread, Reread::Changed { .. }) && plan.hash != first);
        std::fs::remove_file(&prompt).unwrap();
        let (kept, reread) = file.next();
        assert!(matches!(reread, Reread::Broken { .. }) && kept.hash == plan.hash);
        assert!(matches!(file.next().1, Reread::Same), "a broken edit is told once");
        std::fs::write(&prompt, "Be kind.").unwrap();
        let (plan, reread) = file.next();
        assert!(matches!(reread, Reread::Changed { .. }) && plan.hash == first);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
