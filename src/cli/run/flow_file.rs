//! The flow file of a running server: read for every call, and never worse than the last good version.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::check::{self, EnvMode};
use crate::cli::check::{ReadError, read};
use crate::diagnostic::{Diagnostic, Style, render_human};
use crate::plan::{self, FlowHash, Plan};
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
    /// Hash of the text read last, good or bad, so that a broken edit is reported once.
    seen: FlowHash,
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
        let seen = FlowHash::of(file.text());
        let (plan, warnings) = compile(&file, env.as_ref())?;
        Ok((Self { path: path.to_owned(), env, good: Mutex::new(Good { plan, seen }) }, warnings))
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
        let hash = FlowHash::of(file.text());
        let mut good = self.good.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if good.seen == hash {
            return Reread::Same;
        }
        good.seen = hash;
        match compile(&file, self.env.as_ref()) {
            Ok((plan, warnings)) => {
                good.plan = plan;
                Reread::Changed { warnings }
            }
            Err(error) => Reread::Broken { findings: error.rendered() },
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

fn compile(file: &SourceFile, env: Option<&EnvLookup>) -> Result<(Arc<Plan>, String), FlowFileError> {
    let checked = check::check(file, env.map_or(EnvMode::Unknown, |env| EnvMode::Known(&**env)));
    match checked.flow {
        Some(flow) => {
            let warnings = render_human(file, &checked.diagnostics, Style::Colour);
            Ok((plan::compile(flow), warnings))
        }
        None => Err(FlowFileError::Findings { source_file: file.clone(), diagnostics: checked.diagnostics }),
    }
}
