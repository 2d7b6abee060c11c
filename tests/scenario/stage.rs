//! Plays tests that stand in a text.

use std::fs;
use std::path::Path;

use callflow::diagnostic::{Diagnostic, Style, render_failure, render_human};
use callflow::scenario::{Ran, Subject, Suite, Test, names, orders, parse, run, tell};
use callflow::source::SourceFile;

/// A flow that the project ships.
pub fn shipped(name: &str) -> Subject {
    let path = Path::new("flows").join(name);
    let text = fs::read_to_string(&path).unwrap();
    Subject::new(SourceFile::new(path, text)).unwrap()
}

/// A flow of a text.
pub fn flow(text: &str) -> Subject {
    Subject::new(SourceFile::new("x.yaml", text.to_owned()))
        .unwrap_or_else(|(source, found)| panic!("{}", render_human(&source, &found, Style::Plain)))
}

/// Everything that is wrong with a test file.
pub fn findings(text: &str, subject: &Subject) -> Vec<Diagnostic> {
    let source = SourceFile::new("x.test.yaml", text.to_owned());
    let (suite, mut found) = parse(&source);
    if let Some(suite) = suite {
        found.extend(names::check(&suite, subject));
    }
    found
}

/// A test file in which nothing is wrong.
pub fn suite(text: &str, subject: &Subject) -> Suite {
    let source = SourceFile::new("x.test.yaml", text.to_owned());
    let found = findings(text, subject);
    assert!(found.is_empty(), "{}", render_human(&source, &found, Style::Plain));
    parse(&source).0.unwrap()
}

/// Runs a test in every order of its races.
pub fn play(test: &Test, subject: &Subject) -> Vec<Ran> {
    let plan = subject.plan_of(test).expect("a way to begin");
    orders(test).iter().map(|order| run(test, &plan, order)).collect()
}

/// Runs every test of a text; panics with the first that fails.
pub fn all_pass(text: &str, subject: &Subject) {
    let suite = suite(text, subject);
    assert!(!suite.tests.is_empty());
    for test in &suite.tests {
        for ran in play(test, subject) {
            if let Some(failure) = ran.failure {
                let shown = render_failure(
                    &suite.source,
                    failure.span,
                    &failure.message,
                    failure.help.as_deref(),
                    Style::Plain,
                );
                panic!("{}\n{shown}{}", test.name.value, tell(ran.world.story()));
            }
        }
    }
}

/// Why the only test of a text fails.
pub fn failure(text: &str, subject: &Subject) -> String {
    let suite = suite(text, subject);
    let ran = play(&suite.tests[0], subject);
    let failed = ran.into_iter().find_map(|ran| ran.failure).expect("a failure");
    let help = failed.help.unwrap_or_default();
    format!("{}: {} ({help})", suite.source.slice(failed.span), failed.message)
}
