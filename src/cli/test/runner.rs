//! Runs tests, each in every order of its races, and keeps what came of them.

use std::io;
use std::time::Duration;

use tokio::time::Instant;

use crate::scenario::coverage::Coverage;
use crate::scenario::{Failure, Test, orders, run};

use super::TestArgs;
use super::files::Loaded;
use super::report::Sink;

/// Everything that was run.
#[derive(Default)]
pub(super) struct Tested {
    pub tests: Vec<Done>,
    /// By index of the file.
    pub coverage: Vec<Coverage>,
    pub took: Duration,
}

/// One test.
pub(super) struct Done {
    /// Index of its file.
    pub file: usize,
    pub path: String,
    pub name: String,
    pub verdict: Verdict,
    pub took: Duration,
    /// Orders of its races that were run.
    pub runs: usize,
}

pub(super) enum Verdict {
    Passed,
    Failed(Box<Failed>),
    Skipped(&'static str),
}

pub(super) struct Failed {
    pub failure: Failure,
    /// The call until there.
    pub story: String,
    /// The order of its races, if it has any.
    pub order: Option<String>,
}

const WITHOUT_MODEL: &str = "tagged `llm`: talks to a real model, which `callflow test` does not";

/// Whether a test is wanted.
pub(super) fn is_wanted(args: &TestArgs, path: &str, test: &Test) -> bool {
    args.filter.as_ref().is_none_or(|text| {
        test.name.value.contains(text.as_str())
            || path.contains(text.as_str())
            || test.tags.iter().any(|tag| tag.value.contains(text.as_str()))
    })
}

pub(super) fn run_all(args: &TestArgs, loaded: &[Loaded], sink: &mut Sink<'_>) -> io::Result<Tested> {
    let began = Instant::now();
    let mut tested = Tested {
        coverage: loaded.iter().map(|one| Coverage::of(one.subject.plan())).collect(),
        ..Tested::default()
    };
    'all: for (file, one) in loaded.iter().enumerate() {
        for test in one.suite.tests.iter().filter(|test| is_wanted(args, &one.path, test)) {
            let began = Instant::now();
            let (verdict, runs) = verdict(test, one, tested.coverage.get_mut(file));
            let (path, name) = (one.path.clone(), test.name.value.clone());
            let done = Done { file, path, name, verdict, took: began.elapsed(), runs };
            sink.test(&done)?;
            let failed = matches!(done.verdict, Verdict::Failed(_));
            tested.tests.push(done);
            if failed && args.fail_fast {
                break 'all;
            }
        }
    }
    tested.took = began.elapsed();
    Ok(tested)
}

pub(super) fn verdict(test: &Test, one: &Loaded, mut coverage: Option<&mut Coverage>) -> (Verdict, usize) {
    if test.has_tag("llm") {
        return (Verdict::Skipped(WITHOUT_MODEL), 0);
    }
    let Some(plan) = one.subject.plan_of(test) else {
        let failure = Failure {
            span: test.name.span,
            message: "the flow cannot begin like this".to_owned(),
            help: Some("look at `given` and `start_in`".to_owned()),
        };
        return (Verdict::Failed(Box::new(Failed { failure, story: String::new(), order: None })), 0);
    };
    let orders = orders(test);
    let runs = orders.len();
    for order in orders {
        let ran = run(test, &plan, &order);
        if let Some(failure) = ran.failure {
            let story = crate::scenario::tell(ran.world.story());
            let shown = |race: &Vec<usize>| {
                race.iter().map(|index| (index + 1).to_string()).collect::<Vec<_>>().join(", ")
            };
            let order = (!order.is_empty()).then(|| order.iter().map(shown).collect::<Vec<_>>().join("; "));
            return (Verdict::Failed(Box::new(Failed { failure, story, order })), runs);
        }
        if let Some(coverage) = coverage.as_deref_mut() {
            coverage.add(&ran.world);
        }
    }
    (Verdict::Passed, runs)
}
