//! F065: what the model reads with every turn is not longer than a conversation can afford.
//!
//! An estimate: four bytes of UTF-8 are taken for a token, which is about right for English and for the schemas of
//! tools, and too few tokens for languages that are cut finer. Parts of a template count as they are written. The
//! conversation itself, which is sent as well, is not counted.

use super::Offer;
use crate::diagnostic::{Diagnostic, Rule};
use crate::flow::{State, Template, ValueType};

/// More than this is slow to read for a model that must answer in the time of a breath.
pub(super) const MOST_TOKENS: usize = 4_000;
/// Bytes of a token.
const BYTES: usize = 4;
/// Bytes of the schema around one tool, and around one of its parameters.
const AROUND: usize = 110;
const AROUND_PARAM: usize = 25;

pub(super) fn check(state: &State, prompt: &Template, offer: &Offer<'_>) -> Option<Diagnostic> {
    let told = prompt.text.value.len();
    let offered = offered(offer);
    let tokens = (told + offered) / BYTES;
    if tokens <= MOST_TOKENS {
        return None;
    }
    let name = &state.name.value;
    let message = format!(
        "the model reads about {tokens} tokens with every turn in `{name}`: {} of the prompt, {} of intents and tools",
        told / BYTES,
        offered / BYTES
    );
    let warning = Diagnostic::warning(Rule::TokenBudget, state.kind.span, message);
    let help = format!(
        "keep it under {MOST_TOKENS} (an estimate): make two states of it, or ask a tool for what is rarely needed"
    );
    Some(warning.help(help))
}

/// Bytes of what is offered, as it is sent.
fn offered(offer: &Offer<'_>) -> usize {
    let intents = offer.intents.iter().map(|intent| {
        let examples: usize = intent.examples.iter().map(|example| example.value.len() + 4).sum();
        let slots: usize = intent.slots.iter().map(|slot| param(&slot.name.value, &slot.kind, None)).sum();
        let when = intent.when.as_ref().map_or(0, |when| when.value.len());
        AROUND + intent.name.value.len() + when + examples + slots
    });
    let tools = offer.tools.iter().map(|tool| {
        let of = |p: &crate::flow::Param| param(&p.name.value, &p.kind, p.description.as_deref());
        let params: usize = tool.params.iter().map(of).sum();
        AROUND + tool.name.value.len() + tool.when.as_ref().map_or(0, |when| when.value.len()) + params
    });
    intents.chain(tools).sum()
}

fn param(name: &str, kind: &ValueType, description: Option<&str>) -> usize {
    let words = match kind {
        ValueType::Enum(words) => words.iter().map(|word| word.len() + 3).sum(),
        _ => 0,
    };
    // A parameter that must be there stands in the list of those as well.
    AROUND_PARAM + 2 * name.len() + words + description.map_or(0, |text| text.len() + 18)
}
