//! The result of an exploration, for people and for programs.

use std::io::{self, Write};
use std::sync::Arc;

use serde_json::{Value, json};

use super::places::Places;
use crate::diagnostic::{Style, render_human};
use crate::explore::{Finding, Measure, Report, Trace, span};
use crate::plan::Plan;
use crate::source::SourceFile;

pub(super) fn human(
    source: &SourceFile,
    plan: &Arc<Plan>,
    report: &Report,
    places: &Places,
    out: &mut dyn Write,
) -> io::Result<()> {
    for finding in &report.findings {
        let found = [places.diagnostic(plan, finding)];
        out.write_all(render_human(source, &found, Style::Colour).as_bytes())?;
        writeln!(out, "one of the shortest stories:")?;
        story(plan, &finding.trace, out)?;
        writeln!(out, "  so: {}", finding.violation.message)?;
        writeln!(out, "\nas a test, for the file beside the flow:\n{}", script(plan, finding))?;
    }
    let states = plan.states.len();
    writeln!(
        out,
        "{}: {} configurations and {} steps of {states} states",
        source.path().display(),
        report.configurations,
        report.steps
    )?;
    measure(plan, "longest silence that a caller can hear", report.longest_silence.as_ref(), out)?;
    measure(plan, "longest way to the end if nothing happens any more", report.longest_end.as_ref(), out)?;
    if report.complete && !report.unentered.is_empty() {
        let names: Vec<_> = report.unentered.iter().map(|id| format!("`{}`", plan.state(*id).name)).collect();
        writeln!(out, "never entered: {}", names.join(", "))?;
    }
    writeln!(out, "{}", verdict(report))
}

fn verdict(report: &Report) -> String {
    let found = match report.findings.len() {
        0 => "every property holds".to_owned(),
        1 => "one property does not hold".to_owned(),
        n => format!("{n} properties do not hold"),
    };
    match (report.complete, report.findings.is_empty()) {
        (true, true) => format!("{found} in every call of the model"),
        (true, false) => found,
        (false, true) => format!(
            "not complete: {found} in the configurations seen, and there are more (--max-states goes further)"
        ),
        (false, false) => format!("not complete: {found}, and there are more configurations"),
    }
}

fn measure(plan: &Plan, what: &str, measure: Option<&Measure>, out: &mut dyn Write) -> io::Result<()> {
    match measure {
        None => writeln!(out, "{what}: none"),
        Some(measure) => {
            writeln!(out, "{what}: {}", span(measure.time))?;
            match measure.trace.steps.is_empty() {
                true => writeln!(out, "    from the beginning"),
                false => writeln!(out, "    after {}", measure.trace.in_a_line(plan)),
            }
        }
    }
}

fn story(plan: &Plan, trace: &Trace, out: &mut dyn Write) -> io::Result<()> {
    for (number, sentence) in (1..).zip(trace.story(plan)) {
        let entered: String = sentence.enters.iter().map(|state| format!(" → {state}")).collect();
        writeln!(out, "{number:>3}. {}{entered}", sentence.happens)?;
        for follows in sentence.follows {
            writeln!(out, "       {follows}")?;
        }
    }
    Ok(())
}

fn script(plan: &Plan, finding: &Finding) -> String {
    let violation = &finding.violation;
    finding.trace.script(plan, &format!("{}: {}", violation.rule, violation.message))
}

pub(super) fn json(source: &SourceFile, plan: &Arc<Plan>, report: &Report, places: &Places) -> Value {
    let name = |state: Option<crate::plan::StateId>| state.map(|id| plan.state(id).name.to_string());
    let findings = report.findings.iter().map(|finding| {
        let violation = &finding.violation;
        let (line, column) = source.position(places.of_finding(finding).start);
        json!({
            "rule": violation.rule.code(),
            "message": violation.message,
            "state": name(violation.state),
            "from": name(violation.from),
            "line": line,
            "column": column,
            "story": told(plan, &finding.trace),
            "test": script(plan, finding),
        })
    });
    let measured = |measure: &Option<Measure>| {
        measure.as_ref().map(|measure| {
            json!({
                "ms": u64::try_from(measure.time.as_millis()).unwrap_or(u64::MAX),
                "after": told(plan, &measure.trace),
            })
        })
    };
    json!({
        "flow": plan.name,
        "hash": plan.hash,
        "complete": report.complete,
        "configurations": report.configurations,
        "steps": report.steps,
        "findings": findings.collect::<Vec<_>>(),
        "longest_silence": measured(&report.longest_silence),
        "longest_end": measured(&report.longest_end),
        "never_entered": report.unentered.iter().map(|id| &*plan.state(*id).name).collect::<Vec<_>>(),
    })
}

fn told(plan: &Plan, trace: &Trace) -> Vec<Value> {
    let sentences = trace.story(plan).into_iter();
    sentences.map(|s| json!({"happens": s.happens, "enters": s.enters, "follows": s.follows})).collect()
}
