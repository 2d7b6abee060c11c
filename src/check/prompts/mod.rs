//! F062, F063, F064, F065: what the model is told fits what the flow lets it do.
//!
//! These rules read English, and rather say nothing than something wrong: they look for names that are written as
//! names, numbers that are written as telephone numbers, and a few ways to promise a transfer.

mod budget;
mod mentions;
mod numbers;
mod promises;
mod words;

use std::ops::Range;

use super::graph::Graph;
use super::scope::Scope;
use crate::diagnostic::Diagnostic;
use crate::flow::{Converse, Document, Event, Intent, Kind, State, Template, Tool, locate};
use crate::source::Span;

/// Findings of one rule in one prompt: whoever reads three needs no thirtieth.
const MOST: usize = 5;

pub(super) fn check(graph: &Graph<'_>, scope: &Scope<'_>, out: &mut Vec<Diagnostic>) {
    let document = graph.document;
    let (mut dials, mut guesses) = (None, mentions::MOST_GUESSED);
    for (index, state) in document.states.iter().enumerate() {
        let Kind::Converse(converse) = &state.kind.value else { continue };
        let Some(prompt) = &converse.prompt else { continue };
        let offer = Offer::of(document, scope, state, converse);
        let told = Told { document, prompt, plain: words::without_template(&prompt.text.value) };
        let mut found: Vec<_> =
            mentions::check(&told, state, &offer, scope, &mut guesses).into_iter().take(MOST).collect();
        found.extend(numbers::check(&told).into_iter().take(MOST));
        if let Some(promise) = promises::find(&told.plain) {
            let reaches = dials.get_or_insert_with(|| promises::states_that_reach_a_dial(graph));
            if !reaches.get(index).copied().unwrap_or(true) {
                found.push(promises::broken(&told, state, promise));
            }
        }
        out.extend(found.into_iter().map(|found| with_state(found, state)));
        out.extend(budget::check(state, prompt, &offer));
    }
}

/// A prompt that stands elsewhere (`prompt_file:`, `phrases:`) is shown with its state, where it can be waived.
fn with_state(found: Diagnostic, state: &State) -> Diagnostic {
    let place = found.primary.span;
    match state.span.start <= place.start && place.end <= state.span.end {
        true => found,
        false => found.also(state.kind.span, "the prompt of this state"),
    }
}

/// One prompt.
struct Told<'d> {
    document: &'d Document,
    prompt: &'d Template,
    /// Its text with everything of the template language blanked, byte by byte.
    plain: String,
}

impl Told<'_> {
    /// Where a piece of the text stands in the file.
    fn place(&self, piece: Range<usize>) -> Span {
        let text = &self.prompt.text;
        locate(&self.document.source, text.span, &text.value, piece)
    }
}

/// What the model is offered in a state.
struct Offer<'d> {
    intents: Vec<&'d Intent>,
    tools: Vec<&'d Tool>,
}

impl<'d> Offer<'d> {
    fn of(document: &'d Document, scope: &Scope<'_>, state: &'d State, converse: &'d Converse) -> Self {
        let names = state.on.iter().chain(&document.always).filter_map(|on| match &on.event.value {
            Event::Intent(name) => Some(name),
            _ => None,
        });
        let mut intents: Vec<&Intent> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for name in names {
            if let Some(index) = scope.intents.meant(name).filter(|index| seen.insert(*index)) {
                intents.extend(document.intents.get(index));
            }
        }
        let tools =
            converse.tools.iter().filter_map(|name| document.tools.get(scope.tools.meant(&name.value)?));
        Self { intents, tools: tools.collect() }
    }

    /// What the model can call.
    fn names(&self) -> impl Iterator<Item = &'d str> {
        let intents = self.intents.iter().map(|intent| intent.name.value.as_str());
        intents.chain(self.tools.iter().map(|tool| tool.name.value.as_str()))
    }
}
