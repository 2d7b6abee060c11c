//! Runs tests, each in every order of its races, and keeps what came of them.

use std::io;
use std::time::Duration;

use tokio::time::Instant;

use crate::scenario::coverage::Coverage;
use crate::scenario::{Failure, Test, orders, run, run_played};

use super::TestArgs;
use super::files::Loaded;
use super::model::Models;
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
    /// Configurations that were explored.
    pub configurations: usize,
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

const WITHOUT_KEY: &str = "needs a real model, and OPENAI_API_KEY is not set";
const WITHOUT_SERVER: &str = "needs a real model, and the environment does not say where the flow's own is";
const WHILE_OFFLINE: &str = "needs a real model, and --offline asks none";

/// Which model is asked in tests that need one.
pub(super) enum Asking {
    /// None is to be asked.
    Offline,
    /// These.
    Models(Models),
}

/// Whether a test is wanted.
pub(super) fn is_wanted(args: &TestArgs, path: &str, test: &Test) -> bool {
    args.filter.as_ref().is_none_or(|text| {
        test.name.value.contains(text.as_str())
            || path.contains(text.as_str())
            || test.tags.iter().any(|tag| tag.value.contains(text.as_str()))
    })
}

pub(super) fn run_all(
    args: &TestArgs,
    asking: &Asking,
    loaded: &[Loaded],
    sink: &mut Sink<'_>,
) -> io::Result<Tested> {
    let began = Instant::now();
    let mut tested = Tested {
        coverage: loaded.iter().map(|one| Coverage::of(one.subject.plan())).collect(),
        ..Tested::default()
    };
    'all: for (file, one) in loaded.iter().enumerate() {
        for test in one.suite.tests.iter().filter(|test| is_wanted(args, &one.path, test)) {
            let began = Instant::now();
            let Judged { verdict, runs, configurations } =
                judge(test, one, asking, tested.coverage.get_mut(file));
            let (path, name) = (one.path.clone(), test.name.value.clone());
            let done = Done { file, path, name, verdict, took: began.elapsed(), runs, configurations };
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

/// What came of one test.
pub(super) struct Judged {
    pub verdict: Verdict,
    pub runs: usize,
    pub configurations: usize,
}

pub(super) fn judge(
    test: &Test,
    one: &Loaded,
    asking: &Asking,
    mut coverage: Option<&mut Coverage>,
) -> Judged {
    let mut judged = Judged { verdict: Verdict::Passed, runs: 0, configurations: 0 };
    let models = match asking {
        _ if !test.needs_model() => None,
        Asking::Models(models) => Some(models),
        Asking::Offline => {
            judged.verdict = Verdict::Skipped(WHILE_OFFLINE);
            return judged;
        }
    };
    let Some(plan) = one.subject.plan_of(test) else {
        let failure = Failure {
            span: test.name.span,
            message: "the flow cannot begin like this".to_owned(),
            help: Some("look at `given` and `start_in`".to_owned()),
            story: Vec::new(),
        };
        judged.verdict = Verdict::Failed(Box::new(Failed { failure, story: String::new(), order: None }));
        return judged;
    };
    let orders = orders(test);
    judged.runs = orders.len();
    for order in orders {
        let ran = match models.map(|models| models.one(&one.subject)) {
            None => run(test, &plan, &order),
            Some(Ok(Some(model))) => run_played(test, &plan, &order, model),
            Some(Ok(None)) => {
                let own = one.subject.plan().services.llm.endpoint.is_some();
                judged.verdict = Verdict::Skipped(if own { WITHOUT_SERVER } else { WITHOUT_KEY });
                return judged;
            }
            Some(Err(error)) => {
                let message = format!("the model could not be asked: {error}");
                let failure = Failure { span: test.name.span, message, help: None, story: Vec::new() };
                judged.verdict =
                    Verdict::Failed(Box::new(Failed { failure, story: String::new(), order: None }));
                return judged;
            }
        };
        judged.configurations += ran.explored.configurations;
        if let Some(failure) = ran.failure {
            let mut story = crate::scenario::tell(ran.world.story());
            failure.story.iter().for_each(|line| story.extend([line.as_str(), "\n"]));
            let shown = |race: &Vec<usize>| {
                race.iter().map(|index| (index + 1).to_string()).collect::<Vec<_>>().join(", ")
            };
            let order = (!order.is_empty()).then(|| order.iter().map(shown).collect::<Vec<_>>().join("; "));
            judged.verdict = Verdict::Failed(Box::new(Failed { failure, story, order }));
            return judged;
        }
        // What a model does once, it may not do again: that is no coverage.
        if let Some(coverage) = coverage.as_deref_mut().filter(|_| models.is_none()) {
            coverage.add(&ran.world);
        }
    }
    judged
}
