//! `explore:`.

use std::time::Duration;

use crate::explore::Absent;
use crate::flow::{Node, Reader, Shape};
use crate::source::Spanned;

use super::super::document::Explore;
use super::expect::{OUTCOMES, never, one_or_more};

pub(in super::super) const EXPLORE: Shape = Shape {
    what: "`explore`",
    keys: &["never", "ends_in", "ends_as", "reaches", "silence", "ends_within", "without", "max_states"],
    later: &[],
    elsewhere: &[],
};

/// Configurations of one test: as many as it says, at most.
const MOST_STATES: u32 = 1_000_000;
/// If it does not say: what is a fraction of a second for an ordinary flow.
const USUAL_STATES: u32 = 20_000;
/// The longest silence and the longest way to the end that can be asked for.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

pub(super) fn explore(reader: &mut Reader<'_>, node: &Node) -> Option<Explore> {
    let fields = reader.fields(node, &EXPLORE)?;
    let never = fields.get("never").map(|node| never(reader, node));
    let names = |reader: &mut Reader<'_>, key| -> Vec<Spanned<String>> {
        let nodes = fields.get(key).into_iter().flat_map(one_or_more);
        nodes.filter_map(|node| reader.text(node, "the name of a state")).collect()
    };
    let ends_in = names(reader, "ends_in");
    let reaches = names(reader, "reaches");
    let nodes = fields.get("ends_as").into_iter().flat_map(one_or_more);
    let ends_as =
        nodes.filter_map(|node| Some(Spanned::new(reader.word(node, OUTCOMES)?, node.span))).collect();
    let most = |reader: &mut Reader<'_>, key| {
        let node = fields.get(key)?;
        reader.duration_within(node, Duration::from_millis(1), LONGEST)
    };
    let silence = most(reader, "silence");
    let ends_within = most(reader, "ends_within");
    let mut without = Vec::new();
    for node in fields.get("without").into_iter().flat_map(one_or_more) {
        without.extend(reader.word(node, &kinds()).into_iter().flatten());
    }
    let max_states = fields.get("max_states").and_then(|node| reader.integer(node, 1..=MOST_STATES));
    let max_states = max_states.map_or(USUAL_STATES, |most| most.value);
    Some(Explore {
        span: node.span,
        never,
        ends_in,
        ends_as,
        reaches,
        silence,
        ends_within,
        without,
        max_states: usize::try_from(max_states).unwrap_or(usize::MAX),
    })
}

/// What can be left out, by name: each kind, and the group of failures.
fn kinds() -> Vec<(&'static str, &'static [Absent])> {
    let each = Absent::ALL.iter().map(|(name, kind)| (*name, std::slice::from_ref(kind)));
    each.chain([Absent::FAILURES]).collect()
}

/// The names that `without` takes.
pub(in super::super) fn absent_names() -> Vec<&'static str> {
    kinds().into_iter().map(|(name, _)| name).collect()
}
