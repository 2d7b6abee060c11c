//! `explore:` of a test: everything that can follow the call that its script has built, and whether what is
//! required of it holds. The search is [`crate::explore`]'s; here is what a requirement means.

use crate::explore::{Limits, Question, Report, Trace, explore_from, span};
use crate::machine::{Effect, Outcome};
use crate::plan::{Plan, StateId};
use crate::source::Span;

use super::document::{Command, Expectation, Explore};
use super::judge::{outcome_name, words};
use super::run::{Failure, over};
use super::world::World;

/// How far an exploration went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Explored {
    /// Configurations that were reached.
    pub configurations: usize,
    /// Steps of the machine between them.
    pub steps: usize,
}

/// One requirement that a single step can break.
struct Requirement {
    span: Span,
    what: What,
}

enum What {
    Never(Expectation),
    EndsIn(Vec<String>),
    EndsAs(Vec<Outcome>),
}

/// Explores what can follow, if it was recorded what came before.
///
/// # Errors
/// The first that does not hold, with its shortest story; that not everything was seen; or that nothing can
/// follow.
pub(super) fn explore(wanted: &Explore, world: &World) -> Result<Explored, Failure> {
    let Some(so_far) = world.so_far().filter(|_| !world.machine().is_over()) else {
        return Err(over(world, wanted.span));
    };
    let plan = world.plan();
    let requirements = requirements(wanted);
    let breaks = |effects: &[Effect], state: Option<StateId>| {
        let all = requirements.iter().enumerate();
        all.filter(|(_, one)| is_broken(&one.what, effects, state, plan)).map(|(index, _)| index).collect()
    };
    let question = Question { without: &wanted.without, breaks: &breaks };
    let limits = Limits { configurations: wanted.max_states, ..Limits::default() };
    let report = explore_from(plan, &so_far, question, &limits);
    judge(wanted, &requirements, &report, plan)?;
    Ok(Explored { configurations: report.configurations, steps: report.steps })
}

fn requirements(wanted: &Explore) -> Vec<Requirement> {
    let mut all = Vec::new();
    if let Some(Expectation::Never(banned)) = wanted.never.as_ref().map(|never| &never.what) {
        let never = |one: &super::document::Expected| Requirement {
            span: one.span,
            what: What::Never(one.what.clone()),
        };
        all.extend(banned.iter().map(never));
    }
    if let Some(first) = wanted.ends_in.first() {
        let names = wanted.ends_in.iter().map(|name| name.value.clone()).collect();
        all.push(Requirement { span: first.span, what: What::EndsIn(names) });
    }
    if let Some(first) = wanted.ends_as.first() {
        let outcomes = wanted.ends_as.iter().map(|outcome| outcome.value).collect();
        all.push(Requirement { span: first.span, what: What::EndsAs(outcomes) });
    }
    all
}

fn is_broken(what: &What, effects: &[Effect], state: Option<StateId>, plan: &Plan) -> bool {
    let ended = effects.iter().find_map(|effect| match effect {
        Effect::End { outcome } => Some(*outcome),
        _ => None,
    });
    match what {
        What::Never(Expectation::State(name)) => effects.iter().any(|effect| match effect {
            Effect::Enter { state } => *plan.state(*state).name == **name,
            _ => false,
        }),
        What::Never(Expectation::Said(text)) => {
            let wanted = text.to_lowercase();
            effects.iter().any(|effect| match effect {
                Effect::Say { text, .. } | Effect::Ask { text, .. } => {
                    text.text().to_lowercase().contains(&wanted)
                }
                _ => false,
            })
        }
        What::Never(Expectation::Count(command, _)) => {
            effects.iter().any(|effect| Command::of(effect) == Some(*command))
        }
        What::Never(Expectation::Outcome(outcome)) => ended == Some(*outcome),
        // `never:` knows no others.
        What::Never(_) => false,
        What::EndsIn(names) => {
            let name = |state: StateId| &*plan.state(state).name;
            ended.is_some() && state.is_none_or(|state| !names.iter().any(|known| known == name(state)))
        }
        What::EndsAs(outcomes) => ended.is_some_and(|outcome| !outcomes.contains(&outcome)),
    }
}

fn judge(
    wanted: &Explore,
    requirements: &[Requirement],
    report: &Report,
    plan: &Plan,
) -> Result<(), Failure> {
    if let Some(broken) = report.broken.first()
        && let Some(requirement) = requirements.get(broken.requirement)
    {
        let message = match &requirement.what {
            What::Never(banned) => format!("this can happen: {}", words(banned)),
            What::EndsIn(_) | What::EndsAs(_) => ending(&broken.trace, plan),
        };
        return Err(told(Failure::new(requirement.span, message), &broken.trace, plan));
    }
    if let Some(finding) = report.findings.first() {
        let violation = &finding.violation;
        let message = format!("{}: {}", violation.rule, violation.message);
        return Err(told(Failure::new(wanted.span, message), &finding.trace, plan));
    }
    if !report.complete {
        let message = format!("not everything was seen: {} configurations, and more", report.configurations);
        let help = "raise `max_states`, or let less happen: `without: [failures, caller.dtmf]`";
        return Err(Failure::new(wanted.span, message).help(help));
    }
    for name in &wanted.reaches {
        if report.unentered.iter().any(|state| *plan.state(*state).name == *name.value) {
            let message = format!("no call comes to `{}` from here", name.value);
            let help = format!("all {} configurations were seen", report.configurations);
            return Err(Failure::new(name.span, message).help(help));
        }
    }
    let measured = [
        (&wanted.silence, &report.longest_silence, "a caller can hear nothing for"),
        (&wanted.ends_within, &report.longest_end, "if nothing happens any more, the call lasts another"),
    ];
    for (most, longest, what) in measured {
        if let (Some(most), Some(longest)) = (most, longest)
            && longest.time > most.value
        {
            let failure = Failure::new(most.span, format!("{what} {}", span(longest.time)));
            return Err(told(failure, &longest.trace, plan));
        }
    }
    Ok(())
}

/// How the call of a counterexample ends.
fn ending(trace: &Trace, plan: &Plan) -> String {
    let last = trace.steps.last();
    let state = last.and_then(|step| step.state).map_or("no state", |state| &*plan.state(state).name);
    let outcome = last.and_then(|step| {
        step.effects.iter().find_map(|effect| match effect {
            Effect::End { outcome } => Some(outcome_name(*outcome)),
            _ => None,
        })
    });
    format!("a call can end in `{state}` as {}", outcome.unwrap_or("something else"))
}

/// Adds the shortest story and how a script would tell it.
fn told(mut failure: Failure, trace: &Trace, plan: &Plan) -> Failure {
    if trace.steps.is_empty() {
        failure.story.push("it is so at this moment".to_owned());
        return failure;
    }
    failure.story.push("one of the shortest ways from there:".to_owned());
    for (number, sentence) in (1..).zip(trace.story(plan)) {
        let entered: String = sentence.enters.iter().map(|state| format!(" → {state}")).collect();
        failure.story.push(format!("{number:>3}. {}{entered}", sentence.happens));
        failure.story.extend(sentence.follows.into_iter().map(|follows| format!("       {follows}")));
    }
    failure.story.push("to go on with in the script:".to_owned());
    failure.story.extend(trace.written(plan).into_iter().map(|line| format!("      {line}")));
    failure
}
