//! The names of a test file held against its flow: F008, F010, F005, and F072 for what can never happen.

use crate::check::truncate;
use crate::diagnostic::{Diagnostic, Rule};
use crate::flow::{did_you_mean, listed, shortened};
use crate::plan::{DialMethod, Event, Kind, Plan, State, ToolId};
use crate::source::{Span, Spanned};

use super::Subject;
use super::document::{Action, Assigned, Expectation, Expected, Phone, Step, Suite, Test};

/// Everything that does not fit the flow.
#[must_use]
pub fn check(suite: &Suite, subject: &Subject) -> Vec<Diagnostic> {
    let mut names = Names { subject, plan: subject.plan(), out: Vec::new(), guesses: MOST_GUESSED };
    suite.tests.iter().for_each(|test| names.test(test));
    names.out.sort_by_key(|found| (found.primary.span, found.id));
    truncate(&mut names.out);
    names.out
}

/// Names that are looked up for what they were meant to be.
const MOST_GUESSED: usize = 100;

struct Names<'s> {
    subject: &'s Subject,
    plan: &'s Plan,
    out: Vec<Diagnostic>,
    /// So many more names are looked up for what they were meant to be.
    guesses: usize,
}

impl Names<'_> {
    fn test(&mut self, test: &Test) {
        if let Some(state) = &test.start_in {
            self.state(&state.value, state.span);
        }
        self.values(&test.given.vars, "a variable", |plan| plan.vars.iter().map(|var| &*var.name).collect());
        for assigned in &test.given.vars {
            let var = self.plan.vars.iter().find(|var| *var.name == *assigned.name.value);
            if let Some(var) = var.filter(|var| var.kind.read(&assigned.value.value).is_none()) {
                let message = format!("this is not a value of `{}`", var.name);
                let help = format!("it is {}", var.kind.example());
                self.out.push(Diagnostic::error(Rule::WrongValue, assigned.value.span, message).help(help));
            }
        }
        self.environment(test);
        test.script.iter().for_each(|step| self.step(step));
        if let Some(explore) = &test.explore {
            self.expectations(explore.never.as_slice());
            let names = explore.ends_in.iter().chain(&explore.reaches);
            names.for_each(|name| self.state(&name.value, name.span));
        }
        self.expectations(&test.expect);
    }

    fn environment(&mut self, test: &Test) {
        let declared = &self.subject.document().env;
        let names: Vec<_> = declared.iter().map(|var| var.name.value.as_str()).collect();
        for assigned in &test.given.env {
            match declared.iter().find(|var| var.name.value == assigned.name.value) {
                None => {
                    self.unknown(Rule::UnknownName, "no variable of the environment", &assigned.name, &names)
                }
                Some(var) if var.kind.read(&assigned.value.value).is_none() => {
                    let message = format!("this is not a value of `{}`", var.name.value);
                    let help = format!("it is {}", var.kind.example());
                    self.out
                        .push(Diagnostic::error(Rule::WrongValue, assigned.value.span, message).help(help));
                }
                Some(_) => {}
            }
        }
    }

    fn values(&mut self, all: &[Assigned], what: &str, known: impl Fn(&Plan) -> Vec<&str>) {
        let known = known(self.plan);
        for assigned in all.iter().filter(|assigned| !known.contains(&assigned.name.value.as_str())) {
            let message = format!("`{}` is not {what} of the flow", shortened(&assigned.name.value));
            let help = self.meant(&assigned.name.value, &known);
            self.out.push(Diagnostic::error(Rule::UnknownName, assigned.name.span, message).help_if(help));
        }
    }

    fn meant(&mut self, written: &str, known: &[&str]) -> Option<String> {
        self.guesses = self.guesses.checked_sub(1)?;
        did_you_mean(written, known.iter().copied())
    }

    fn unknown(&mut self, rule: Rule, what: &str, name: &Spanned<String>, known: &[&str]) {
        let message = format!("the flow has {what} `{}`", shortened(&name.value));
        let help = self.meant(&name.value, known).or_else(|| {
            (!known.is_empty() && known.len() <= 12).then(|| format!("it has {}", listed(known)))
        });
        self.out.push(Diagnostic::error(rule, name.span, message).help_if(help));
    }

    fn state(&mut self, name: &str, span: Span) {
        if self.plan.state_named(name).is_none() {
            let known: Vec<_> = self.plan.states.iter().map(|state| &*state.name).collect();
            self.unknown(Rule::UnknownState, "no state", &Spanned::new(name.to_owned(), span), &known);
        }
    }

    fn step(&mut self, step: &Step) {
        match &step.action {
            Action::Intent { name, slots } => self.intent(name, slots),
            Action::Expect(expected) => self.expectations(expected),
            Action::Race(racers) => racers.iter().for_each(|racer| self.step(racer)),
            Action::Phone(phone) => self.phone(*phone, step.span),
            Action::Plays(part) => {
                part.until.iter().for_each(|until| self.state(&until.value, until.span));
            }
            Action::ToolAsked { name, .. } => self.tool_asked(name),
            Action::ToolAnswers(_) => self.tool_answers(step.span),
            Action::Says(_)
            | Action::Interrupts(_)
            | Action::Joins
            | Action::Leaves
            | Action::Presses(_)
            | Action::Said
            | Action::Quiet
            | Action::Wait(_)
            | Action::ServiceFails(_)
            | Action::ReplyFails(_)
            | Action::SayFails
            | Action::RoomExpires
            | Action::RoomCloses
            | Action::Shutdown
            | Action::TimeIsUp => {}
        }
    }

    fn intent(&mut self, name: &Spanned<String>, slots: &[Assigned]) {
        let Some(id) = self.plan.intent_named(&name.value) else {
            let known: Vec<_> = self.plan.intents.iter().map(|intent| &*intent.name).collect();
            self.unknown(Rule::UnknownName, "no intent", name, &known);
            return;
        };
        let states = self.plan.states.iter().flat_map(|state| &state.on);
        if !states.chain(&self.plan.always).any(|on| on.event == Event::Intent(id)) {
            let message = format!("no state of the flow is left by `intent.{}`", name.value);
            self.impossible(name.span, message, "give it an edge, or leave the step out");
        }
        let known: Vec<_> = self.plan.intent(id).slots.iter().map(|slot| &*slot.name).collect();
        for slot in slots.iter().filter(|slot| !known.contains(&slot.name.value.as_str())) {
            let message = format!("`{}` has no slot `{}`", name.value, shortened(&slot.name.value));
            let help = self.meant(&slot.name.value, &known);
            self.out.push(Diagnostic::error(Rule::UnknownName, slot.name.span, message).help_if(help));
        }
    }

    /// The model can ask for what some `converse` has under `tools:`.
    fn tool_asked(&mut self, name: &Spanned<String>) {
        let known: Vec<_> = self.plan.tools.iter().map(|tool| &*tool.name).collect();
        let Some(index) = known.iter().position(|tool| *tool == name.value) else {
            return self.unknown(Rule::UnknownName, "no tool", name, &known);
        };
        let offers = |state: &State| matches!(&state.kind, Kind::Converse(converse) if converse.tools.contains(&ToolId::from_index(index)));
        if !self.plan.states.iter().any(offers) {
            let message = format!("the model is never offered `{}` in this flow", name.value);
            self.impossible(name.span, message, "no `converse` has it under `tools:`");
        }
    }

    fn tool_answers(&mut self, span: Span) {
        if self.plan.tools.is_empty() {
            let help = "it has no `tools:`";
            self.impossible(span, "no tool is asked in this flow".to_owned(), help);
        }
    }

    /// F072: the phone of a flow that dials nobody, or not in this way.
    fn phone(&mut self, phone: Phone, span: Span) {
        let plan = self.plan;
        let dials = || {
            plan.states.iter().filter_map(|state| match &state.kind {
                Kind::Dial(dial) => Some(dial),
                _ => None,
            })
        };
        if dials().next().is_none() {
            let help = "nobody is ever dialled in this flow";
            return self.impossible(span, "no phone rings in this flow".to_owned(), help);
        }
        match phone {
            Phone::Accepted | Phone::Declined | Phone::Key(_)
                if dials().all(|dial| dial.accept.is_none()) =>
            {
                let message = "who picks up is asked nothing in this flow".to_owned();
                self.impossible(span, message, "no `dial` has `accept:`; write `operator.answered`");
            }
            Phone::Transferred if dials().all(|dial| dial.method == DialMethod::DialOut) => {
                let message = "the caller's leg is never moved in this flow".to_owned();
                self.impossible(span, message, "no `dial` has `method: sip_transfer` or `sip_refer`");
            }
            Phone::Answered | Phone::Left | Phone::Ringing | Phone::NoAnswer
                if dials().all(|dial| dial.method != DialMethod::DialOut) =>
            {
                let message = "nobody picks up in this flow".to_owned();
                self.impossible(span, message, "every `dial` moves the caller's leg; write `transferred`");
            }
            _ => {}
        }
    }

    fn impossible(&mut self, span: Span, message: String, help: &str) {
        self.out.push(Diagnostic::error(Rule::ImpossibleEvent, span, message).help(help));
    }

    fn expectations(&mut self, all: &[Expected]) {
        for expected in all {
            match &expected.what {
                Expectation::State(name) | Expectation::Final(name) => self.state(name, expected.span),
                Expectation::States(names) => names.iter().for_each(|name| self.state(name, expected.span)),
                Expectation::Targets(_, names) => {
                    let known: Vec<_> = self.plan.targets.iter().map(|target| &*target.name).collect();
                    for name in names.iter().filter(|name| !known.contains(&name.as_str())) {
                        let name = Spanned::new(name.clone(), expected.span);
                        self.unknown(Rule::UnknownName, "no target", &name, &known);
                    }
                }
                Expectation::Never(banned) => self.expectations(banned),
                Expectation::OneOf(lists) => lists.iter().for_each(|list| self.expectations(list)),
                Expectation::Outcome(_)
                | Expectation::Said(_)
                | Expectation::Count(..)
                | Expectation::Transfer(_) => {}
            }
        }
    }
}
