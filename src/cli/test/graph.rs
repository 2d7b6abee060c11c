//! What the tests of a flow reach, drawn over its picture.

use std::path::{Path, PathBuf};

use crate::plan::Plan;
use crate::plan::graph::{Graph, Reached};
use crate::scenario::coverage::{Coverage, Share};
use crate::scenario::{orders, run};

use super::files::{Found, find, load};

/// Why there is nothing to draw over a flow.
#[derive(Debug, thiserror::Error)]
pub enum CoverError {
    /// There are no tests.
    #[error("{0}")]
    NoTests(String),
    /// The test file cannot be read or has mistakes; the text is to be printed as it is.
    #[error("{0}")]
    Unusable(String),
    /// They are of another flow.
    #[error("{tests} tests another flow than {flow}", flow = flow.display())]
    OtherFlow {
        /// The test file.
        tests: String,
        /// The flow that is drawn.
        flow: PathBuf,
    },
}

/// Runs the tests beside a flow, or those of a file, and draws what they reach.
///
/// # Errors
/// [`CoverError`], if there are no tests, or they are not of this flow. A test that fails is named on standard error, and
/// what it reached is not drawn.
pub(in crate::cli) fn cover(
    graph: &mut Graph,
    flow: &Path,
    tests: Option<&Path>,
    plan: &Plan,
) -> Result<(), CoverError> {
    let found = match tests {
        Some(path) => Found::Tests(path.to_owned()),
        None => {
            let found = find(flow, false).map_err(CoverError::NoTests)?.pop();
            found.ok_or_else(|| CoverError::NoTests(format!("{} has no tests", flow.display())))?
        }
    };
    let loaded = load(&found).map_err(CoverError::Unusable)?;
    if loaded.subject.plan().hash != plan.hash {
        return Err(CoverError::OtherFlow { tests: loaded.path, flow: flow.to_owned() });
    }
    let mut coverage = Coverage::of(plan);
    for test in loaded.suite.tests.iter().filter(|test| !test.needs_model()) {
        let Some(plan) = loaded.subject.plan_of(test) else { continue };
        for order in orders(test) {
            let ran = run(test, &plan, &order);
            match ran.failure {
                None => coverage.add(&ran.world),
                Some(failure) => {
                    anstream::eprintln!("warning: `{}` fails: {}", test.name.value, failure.message);
                    break;
                }
            }
        }
    }
    let share = |what: &str, share: Share| format!("{what} {} of {}", share.reached, share.all);
    let sums = [
        share("states", coverage.states()),
        share("edges", coverage.edges()),
        share("outcomes", coverage.outcomes()),
    ];
    let (states, edges) = coverage.counts();
    graph.cover(&Reached { states, edges, sums: &sums });
    Ok(())
}
