//! What `callflow test` can do beside running tests: list, coverage, missing tests, and what a flow survives.

use std::io::{self, Write};

use serde_json::json;

use crate::cli::ExitStatus;
use crate::diagnostic::{Style, render_human};
use crate::scenario::coverage::{Coverage, Share};
use crate::scenario::faults::{CATALOGUE, Case, Fault, find};
use crate::scenario::{Test, generate, orders, parse, run, run_with};
use crate::source::SourceFile;

use super::TestArgs;
use super::files::Loaded;
use super::report::Sink;
use super::runner::{Tested, is_wanted};

pub(super) fn list(args: &TestArgs, loaded: &[Loaded], out: &mut dyn Write) -> io::Result<ExitStatus> {
    for one in loaded {
        for test in one.suite.tests.iter().filter(|test| is_wanted(args, &one.path, test)) {
            writeln!(out, "{}: {}", one.path, test.name.value)?;
        }
    }
    Ok(ExitStatus::Success)
}

pub(super) fn list_faults(out: &mut dyn Write) -> io::Result<ExitStatus> {
    for case in CATALOGUE {
        writeln!(out, "{}  {}: {}", case.id, case.title, case.place.how())?;
    }
    Ok(ExitStatus::Success)
}

/// Reports coverage if it is wanted; whether it is enough.
pub(super) fn coverage(
    args: &TestArgs,
    loaded: &[Loaded],
    tested: &Tested,
    sink: &mut Sink<'_>,
) -> io::Result<bool> {
    let flows = flows(loaded, tested);
    if let Some(path) = &args.coverage_json {
        let all: Vec<_> = flows.iter().map(|(one, coverage)| coverage.json(&one.subject)).collect();
        let text = format!("{:#}\n", json!({"flows": all}));
        std::fs::write(path, text).map_err(|error| {
            io::Error::new(error.kind(), format!("cannot write {}: {error}", path.display()))
        })?;
    }
    let least = usize::from(args.min_coverage.unwrap_or(0));
    let mut enough = true;
    for (one, coverage) in flows {
        if args.coverage {
            sink.say("\n")?;
            sink.say(&render_human(one.subject.source(), &coverage.findings(&one.subject), Style::Colour))?;
            let share = |share: Share| format!("{}/{} ({} %)", share.reached, share.all, share.percent());
            let (states, edges, outcomes) = (coverage.states(), coverage.edges(), coverage.outcomes());
            let flow = one.subject.source().path().display();
            let (states, edges, outcomes) = (share(states), share(edges), share(outcomes));
            sink.say(&format!("{flow}: states {states}, edges {edges}, outcomes {outcomes}\n"))?;
        }
        if coverage.least() < least {
            enough = false;
            let flow = one.subject.source().path().display();
            sink.say(&format!("error: {flow} is covered by {} %, wanted are {least} %\n", coverage.least()))?;
        }
    }
    Ok(enough)
}

/// Flows with what all test files of them reach together.
fn flows<'l>(loaded: &'l [Loaded], tested: &Tested) -> Vec<(&'l Loaded, Coverage)> {
    let mut flows: Vec<(&Loaded, Coverage)> = Vec::new();
    for (one, coverage) in loaded.iter().zip(&tested.coverage) {
        let path = one.subject.source().path();
        match flows.iter_mut().find(|(known, _)| known.subject.source().path() == path) {
            Some((_, sum)) => sum.merge(coverage),
            None => flows.push((one, coverage.clone())),
        }
    }
    flows
}

pub(super) fn generate(
    args: &TestArgs,
    loaded: &[Loaded],
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<ExitStatus> {
    if args.output.as_ref().is_some_and(|path| path.exists()) {
        writeln!(err, "error: {} is there already; choose another file and copy what you need", shown(args))?;
        return Ok(ExitStatus::Error);
    }
    if args.output.is_some() && loaded.len() > 1 {
        writeln!(err, "error: {} is for one flow, and these are {}", shown(args), loaded.len())?;
        return Ok(ExitStatus::Error);
    }
    let mut text = String::new();
    for one in loaded {
        let mut covered = Coverage::of(one.subject.plan());
        for test in one.suite.tests.iter().filter(|test| !test.needs_model()) {
            let Some(plan) = one.subject.plan_of(test) else { continue };
            // A test that fails shows nothing.
            let ran = orders(test).into_iter().map(|order| run(test, &plan, &order));
            ran.filter(|ran| ran.failure.is_none()).for_each(|ran| covered.add(&ran.world));
        }
        let (tests, count) = generate::generate(one.subject.plan(), covered);
        writeln!(err, "{}: {count} tests were missing", one.subject.source().path().display())?;
        if loaded.len() == 1 {
            let flow = one.subject.source().path().file_name().unwrap_or_default().to_string_lossy();
            text += &format!(
                "# Written by `callflow test --generate`: look at each, and say what you expect.\nflow: {flow}\n"
            );
        } else {
            text += &format!("# {}\n", one.path);
        }
        text += &tests;
    }
    match &args.output {
        Some(path) => std::fs::write(path, text)?,
        None => out.write_all(text.as_bytes())?,
    }
    Ok(ExitStatus::Success)
}

fn shown(args: &TestArgs) -> String {
    args.output.as_ref().map(|path| path.display().to_string()).unwrap_or_default()
}

/// Every test, and every shortest way through the flow, with each fault: what comes of it.
pub(super) fn survive(
    args: &TestArgs,
    loaded: &[Loaded],
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<ExitStatus> {
    let mut cases: Vec<(&'static Case, Fault)> = Vec::new();
    for id in &args.faults {
        if id == "all" {
            cases.extend(CATALOGUE.iter().filter_map(|case| Some((case, case.fault()?))));
            continue;
        }
        let case = find(id);
        match case.and_then(|case| Some((case, case.fault()?))) {
            Some(case) => cases.push(case),
            None => {
                let how = case.map_or_else(
                    || "is no case of the catalogue; see `callflow test --list-faults`".to_owned(),
                    |case| format!("({}) cannot be injected; {}", case.title, case.place.how()),
                );
                writeln!(err, "error: {id} {how}")?;
                return Ok(ExitStatus::Error);
            }
        }
    }
    let mut survived = true;
    for one in loaded {
        let (written, _) = generate::generate(one.subject.plan(), Coverage::of(one.subject.plan()));
        let source = SourceFile::new("generated.test.yaml", written);
        let ways = parse(&source).0.map(|suite| suite.tests).unwrap_or_default();
        writeln!(
            out,
            "{}: {} ways through it, with each fault",
            one.subject.source().path().display(),
            ways.len()
        )?;
        for (case, fault) in &cases {
            survived &= with_fault(one, &ways, case, *fault, out)?;
        }
    }
    Ok(if survived { ExitStatus::Success } else { ExitStatus::Findings })
}

fn with_fault(
    one: &Loaded,
    ways: &[Test],
    case: &Case,
    fault: Fault,
    out: &mut dyn Write,
) -> io::Result<bool> {
    let mut outcomes = std::collections::BTreeMap::<&'static str, u32>::new();
    let mut broken = None;
    for way in ways {
        let Some(plan) = one.subject.plan_of(way) else { continue };
        // What the way expects holds without the fault; here only that the call survives.
        let way = Test { expect: Vec::new(), ..way.clone() };
        let ran = run_with(&way, &plan, &[], vec![fault]);
        let outcome = ran.world.machine().outcome().map_or("none", crate::scenario::outcome_name);
        *outcomes.entry(outcome).or_default() += 1;
        broken = broken.or(ran.failure.map(|failure| (failure, ran.world)));
    }
    let ended: Vec<_> = outcomes.iter().map(|(outcome, count)| format!("{outcome} {count}")).collect();
    let verdict = if broken.is_none() { "survived" } else { "FAILED" };
    writeln!(out, "  {verdict:<8}  {}  {:<55}  {}", case.id, case.title, ended.join(", "))?;
    if let Some((failure, world)) = &broken {
        writeln!(out, "            {}", failure.message)?;
        write!(out, "{}", crate::scenario::tell(world.story()))?;
    }
    Ok(broken.is_none())
}
