//! From the text of a test file to a [`Suite`]: every key and value is read, and every mistake is kept.
//!
//! Says nothing about whether names are those of a flow: that is [`super::names`]'.

mod expect;
mod explore;
mod steps;
mod tools;

use crate::check::truncate;
use crate::diagnostic::{Diagnostic, Rule};
use crate::flow::{Core, Key, Node, Value};
use crate::flow::{Reader, Shape, load};
use crate::pii::PhoneNumber;
use crate::source::{SourceFile, Span, Spanned};

use super::document::{Assigned, Given, Suite, Test};
use super::faults;

/// Tests of one file.
const MOST_TESTS: usize = 2_000;
/// `given.from` of a caller whose number is not shown.
const WITHHELD: &str = "withheld";

pub(super) const SUITE: Shape =
    Shape { what: "a test file", keys: &["flow", "tests"], later: &[], elsewhere: &[] };
pub(super) const TEST: Shape = Shape {
    what: "a test",
    keys: &["name", "given", "start_in", "script", "explore", "expect", "never", "judge", "faults", "tags"],
    later: &[],
    elsewhere: &[("race", "a race is a step: write it under `script:`")],
};
pub(super) const GIVEN: Shape =
    Shape { what: "`given`", keys: &["vars", "env", "at", "from", "to"], later: &[], elsewhere: &[] };

/// The names that a step can have.
pub(super) fn step_names() -> impl Iterator<Item = &'static str> {
    steps::names()
}

/// The names that `tool.failed` takes.
pub(super) fn failure_names() -> Vec<&'static str> {
    tools::failure_names()
}

/// The names that `explore.without` can have.
pub(super) fn absent_names() -> Vec<&'static str> {
    explore::absent_names()
}

/// The parser's keys, and where the schema has them.
#[cfg(test)]
pub(super) fn shapes() -> Vec<(&'static str, &'static str, &'static [&'static str])> {
    vec![
        ("a file", "", SUITE.keys),
        ("a test", "/$defs/Test", TEST.keys),
        ("given", "/$defs/Given", GIVEN.keys),
        ("expect", "/$defs/Expect", expect::EXPECT.keys),
        ("never", "/$defs/Never/anyOf/0", expect::NEVER.keys),
        ("explore", "/$defs/Explore", explore::EXPLORE.keys),
        ("a part", "/$defs/Part", steps::PART.keys),
    ]
}

/// Reads a test file. `None` if there is no map to read.
#[must_use]
pub fn parse(source: &SourceFile) -> (Option<Suite>, Vec<Diagnostic>) {
    let mut reader = Reader::new(source);
    let Some(root) = load(source, &mut reader.diagnostics) else {
        if reader.diagnostics.is_empty() {
            let error = Diagnostic::error(Rule::MissingKey, Span::default(), "the file is empty");
            reader.report(error.help("a test file holds `tests:`, a list"));
        }
        return (None, reader.diagnostics);
    };
    let suite = suite(&mut reader, &root);
    let mut found = reader.diagnostics;
    truncate(&mut found);
    (suite, found)
}

fn suite(reader: &mut Reader<'_>, root: &Node) -> Option<Suite> {
    let fields = reader.fields(root, &SUITE)?;
    let flow = fields.get("flow").and_then(|node| reader.text(node, "the path of a flow"));
    let top = Span::new(root.span.start as usize, root.span.start as usize);
    let help = "write `tests:` and below it each test behind `- name: …`";
    let mut tests = Vec::new();
    if let Some(node) = fields.require(reader, "tests", top, "a test file", help) {
        let items = reader.items(node, "a list of tests");
        if items.len() > MOST_TESTS {
            let message = format!("more than {MOST_TESTS} tests in one file");
            reader.error(Rule::WrongValue, node.span, message, "divide them among several files");
        }
        tests.extend(items.iter().take(MOST_TESTS).filter_map(|item| test(reader, item)));
        names_are_distinct(reader, &tests);
    }
    Some(Suite { source: reader.source.clone(), flow, tests })
}

fn names_are_distinct(reader: &mut Reader<'_>, tests: &[Test]) {
    let mut seen = std::collections::HashMap::new();
    for test in tests {
        if let Some(first) = seen.insert(test.name.value.as_str(), test.name.span) {
            let error = Diagnostic::error(Rule::BadName, test.name.span, "two tests have this name");
            reader.report(error.also(first, "the first").help("say what is different about them"));
        }
    }
}

fn test(reader: &mut Reader<'_>, node: &Node) -> Option<Test> {
    let fields = reader.fields(node, &TEST)?;
    let top = Span::new(node.span.start as usize, node.span.start as usize + 1);
    let help = "say what is so, such as `name: a caller who hangs up is not called back`";
    let name = fields.require(reader, "name", top, "a test", help);
    let name = name.and_then(|node| reader.text(node, "the name of a test"));
    let name = name.unwrap_or_else(|| Spanned::new(String::new(), top));
    let given = fields.get("given").map(|node| given(reader, node)).unwrap_or_default();
    let start_in = fields.get("start_in").and_then(|node| reader.text(node, "the name of a state"));
    let script = fields.get("script").map(|node| steps::script(reader, node)).unwrap_or_default();
    let explore = fields.get("explore").and_then(|node| explore::explore(reader, node));
    let mut expect = fields.get("expect").map(|node| expect::expect(reader, node)).unwrap_or_default();
    expect.extend(fields.get("never").map(|node| expect::never(reader, node)));
    let judge = fields.get("judge").into_iter().flat_map(expect::one_or_more);
    let judge = judge.filter_map(|node| reader.text(node, "what must be so")).collect::<Vec<_>>();
    let faults = words(reader, fields.get("faults"), "a list of faults, such as [E17, E19]");
    for fault in &faults {
        known_fault(reader, fault);
    }
    let tags = words(reader, fields.get("tags"), "a list of tags");
    if let (Some(explore), Some(fault)) = (&explore, faults.first()) {
        let help = "what the catalogue injects, `explore` brings about by itself: leave `faults` out";
        let error = Diagnostic::error(Rule::WrongValue, fault.span, "a test explores or injects faults");
        reader.report(error.also(explore.span, "it explores").help(help));
    }
    if fields.get("script").is_none() && fields.get("explore").is_none() && faults.is_empty() {
        let help = "write what happens, such as `script: [\"I want to speak to a manager\", \"yes\"]`";
        reader.error(Rule::MissingKey, name.span, "a test needs `script`", help);
    }
    Some(Test { name, given, start_in, script, explore, expect, judge, faults, tags })
}

fn known_fault(reader: &mut Reader<'_>, fault: &Spanned<String>) {
    match faults::find(&fault.value) {
        Some(case) if case.is_injectable() => {}
        Some(case) => {
            let message = format!("`{}` cannot be injected here: {}", case.id, case.title);
            reader.error(Rule::WrongValue, fault.span, message, case.place.how());
        }
        None => {
            let message =
                format!("`{}` is not a case of the catalogue", crate::flow::shortened(&fault.value));
            let ids = || faults::CATALOGUE.iter().filter(|case| case.is_injectable()).map(|case| case.id);
            let known = crate::flow::did_you_mean(&fault.value, ids())
                .unwrap_or_else(|| "`callflow test --list-faults` shows them".to_owned());
            reader.error(Rule::UnknownName, fault.span, message, known);
        }
    }
}

fn words(reader: &mut Reader<'_>, node: Option<&Node>, what: &str) -> Vec<Spanned<String>> {
    let items = node.map(|node| reader.items(node, what)).unwrap_or_default();
    items.iter().filter_map(|item| reader.text(item, "one word")).collect()
}

fn given(reader: &mut Reader<'_>, node: &Node) -> Given {
    let Some(fields) = reader.fields(node, &GIVEN) else { return Given::default() };
    let assigned = |reader: &mut Reader<'_>, key| {
        let node = fields.get(key)?;
        let entries = reader.entries(node, "a map of names and values");
        Some(entries.iter().filter_map(|(key, node)| assigned(reader, key, node)).collect())
    };
    let vars = assigned(reader, "vars").unwrap_or_default();
    let env = assigned(reader, "env").unwrap_or_default();
    let at = fields.get("at").and_then(|node| moment(reader, node));
    let from = fields.get("from").and_then(|node| match node.scalar() {
        Some(scalar) if scalar.text == WITHHELD => Some(None),
        _ => number(reader, node).map(Some),
    });
    let to = fields.get("to").and_then(|node| number(reader, node));
    Given { vars, env, at, from, to }
}

/// A name and a value of any type, as a text.
fn assigned(reader: &mut Reader<'_>, key: &Key, node: &Node) -> Option<Assigned> {
    let name = Spanned::new(key.text.clone(), key.span);
    let value = match &node.value {
        Value::Scalar(scalar) if scalar.core() != Core::Null => scalar.text.clone(),
        Value::Sequence(items) => {
            let texts: Option<Vec<_>> = items.iter().map(|item| Some(item.scalar()?.text.clone())).collect();
            match texts {
                Some(texts) => texts.join(", "),
                None => {
                    reader.wrong(node, "a list of texts", "a variable holds one value or a list of texts");
                    return None;
                }
            }
        }
        Value::Scalar(_) | Value::Mapping(_) => {
            reader.wrong(node, "a value", "write one value, or leave the name out");
            return None;
        }
    };
    Some(Assigned { name, value: Spanned::new(value, node.span) })
}

fn number(reader: &mut Reader<'_>, node: &Node) -> Option<PhoneNumber> {
    let text = reader.text(node, "a telephone number")?;
    let number = PhoneNumber::parse(&text.value).ok();
    if number.is_none() {
        let help =
            "write `+` and 8 to 15 digits in quotes, such as \"+15550100123\"; or `withheld` for `from`";
        reader.error(Rule::WrongValue, node.span, "this is not a telephone number", help);
    }
    number
}

/// `2026-11-23T10:00-05:00`, or with a zone in brackets.
fn moment(reader: &mut Reader<'_>, node: &Node) -> Option<i64> {
    let text = node.scalar().map_or("", |scalar| scalar.text.as_str());
    let zoned = || text.parse::<jiff::Zoned>().map(|zoned| zoned.timestamp());
    match text.parse::<jiff::Timestamp>().or_else(|_| zoned()) {
        Ok(moment) => Some(moment.as_second()),
        Err(_) => {
            let help = "write it with its offset or zone: 2026-11-23T10:00-05:00, 2026-11-23T10:00[America/New_York]";
            reader.error(Rule::WrongValue, node.span, "this is not a moment", help);
            None
        }
    }
}
