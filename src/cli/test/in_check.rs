//! What `callflow check --tests` says of the tests of a flow: what they do not reach, and which fail.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::files::{Found, Loaded, flow_of_file, load, tests_below, tests_in};
use super::runner::{Asking, Judged, Verdict, judge};
use crate::cli::check::same;
use crate::diagnostic::Diagnostic;
use crate::scenario::coverage::Coverage;

/// What the tests of a flow leave open.
#[derive(Debug, Default)]
pub struct Uncovered {
    /// F070 and F071, of the flow's file; none if a test file cannot be used.
    pub findings: Vec<Diagnostic>,
    /// Tests that fail, by name.
    pub failed: Vec<String>,
    /// What kept test files from being run, to be printed as it is.
    pub unusable: Vec<String>,
}

/// The test files that `check` comes upon by their canonical paths, and the flow that each is about.
#[derive(Debug, Default)]
pub struct TestFiles(BTreeMap<PathBuf, About>);

#[derive(Debug)]
struct About {
    /// As it is shown.
    file: PathBuf,
    /// Canonical, if it is there.
    flow: PathBuf,
    /// It is in a folder that is to be looked at, not only beside a flow.
    wanted: bool,
}

impl TestFiles {
    /// Those below folders, and those in the folders of files. What cannot be searched is reported by the search
    /// for flows.
    #[must_use]
    pub fn at(paths: &[PathBuf]) -> Self {
        let mut all = Self::default();
        for path in paths {
            let wanted = path.is_dir();
            let found = if wanted { tests_below(path) } else { tests_in(path.parent().unwrap_or(path)) };
            for file in found.unwrap_or_default() {
                let known = all.0.entry(same(&file)).or_insert_with(|| {
                    let flow = same(&flow_of_file(&file));
                    About { file, flow, wanted }
                });
                known.wanted |= wanted;
            }
        }
        all
    }

    /// The test files about a flow: those that stand beside it, and those that name it.
    fn of(&self, flow: &Path) -> Vec<&Path> {
        let flow = same(flow);
        self.0.values().filter(|about| about.flow == flow).map(|about| about.file.as_path()).collect()
    }

    /// Those to be looked at that are about none of these flows.
    #[must_use]
    pub fn others(&self, flows: &[PathBuf]) -> Vec<PathBuf> {
        let flows: Vec<_> = flows.iter().map(|flow| same(flow)).collect();
        let others = self.0.values().filter(|about| about.wanted && !flows.contains(&about.flow));
        others.map(|about| about.file.clone()).collect()
    }

    /// Runs the tests of a flow. `None` if there are none.
    #[must_use]
    pub fn uncovered(&self, flow: &Path) -> Option<Uncovered> {
        let files = self.of(flow);
        (!files.is_empty()).then(|| uncovered(&files))
    }
}

/// Runs the tests of one flow.
#[must_use]
pub fn uncovered(files: &[&Path]) -> Uncovered {
    let mut all = Uncovered::default();
    let mut reached: Option<(Loaded, Coverage)> = None;
    for file in files {
        let one = match load(&Found::Tests(file.to_path_buf())) {
            Ok(one) => one,
            Err(message) => {
                all.unusable.push(message);
                continue;
            }
        };
        let mut coverage = Coverage::of(one.subject.plan());
        for test in &one.suite.tests {
            let judged = judge(test, &one, &Asking::Offline, Some(&mut coverage));
            if let Judged { verdict: Verdict::Failed(_), .. } = judged {
                all.failed.push(test.name.value.clone());
            }
        }
        match &mut reached {
            Some((_, sum)) => sum.merge(&coverage),
            None => reached = Some((one, coverage)),
        }
    }
    // What a file that cannot be used would reach is not known.
    if let Some((one, coverage)) = reached.filter(|_| all.unusable.is_empty()) {
        all.findings = coverage.findings(&one.subject);
    }
    all
}
