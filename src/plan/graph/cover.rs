//! The coverage of a flow's tests drawn over it: what they reach, and what no test does.
//!
//! Where tests went is counted elsewhere, by state and by edge; here it becomes marks at states and labels.
//! What the engine adds by itself is not counted.

use super::{Graph, Mark, Shape};

/// What the tests of a flow reach.
#[derive(Debug, Clone, Copy)]
pub struct Reached<'c> {
    /// How often each state was entered, by its id.
    pub states: &'c [u32],
    /// How often each edge was taken, by its id.
    pub edges: &'c [u32],
    /// The sums, for the legend.
    pub sums: &'c [String],
}

impl Mark {
    /// All of these together.
    fn of(counts: impl Iterator<Item = u32> + Clone) -> Self {
        match (counts.clone().any(|count| count == 0), counts.clone().any(|count| count > 0)) {
            (false, false) => Self::Uncounted,
            (false, true) => Self::Reached(counts.sum()),
            (true, true) => Self::Partly(counts.sum()),
            (true, false) => Self::Missing,
        }
    }

    /// Marks of one link together.
    pub(super) fn sum(marks: &[Self]) -> Self {
        Self::of(
            marks
                .iter()
                .flat_map(|mark| match mark {
                    Self::Uncounted => [None, None],
                    Self::Reached(count) => [Some(*count), None],
                    Self::Partly(count) => [Some(*count), Some(0)],
                    Self::Missing => [Some(0), None],
                })
                .flatten(),
        )
    }

    /// In front of a label, or below a name.
    #[must_use]
    pub fn words(self) -> Option<String> {
        match self {
            Self::Uncounted => None,
            Self::Reached(count) => Some(format!("✓ {count}×")),
            Self::Partly(count) => Some(format!("◐ {count}×")),
            Self::Missing => Some("✗".to_owned()),
        }
    }

    /// Its name in style sheets.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Uncounted => "uncounted",
            Self::Reached(_) => "reached",
            Self::Partly(_) => "partly",
            Self::Missing => "missing",
        }
    }

    /// The colour of lines.
    pub(super) fn color(self) -> &'static str {
        match self {
            Self::Uncounted => "#cbd5e1",
            Self::Reached(_) => "#16a34a",
            Self::Partly(_) => "#ca8a04",
            Self::Missing => "#dc2626",
        }
    }

    /// What it means, for the legend.
    pub(super) fn meaning(self) -> &'static str {
        match self {
            Self::Uncounted => "done by the engine, not counted",
            Self::Reached(_) => "reached by tests",
            Self::Partly(_) => "some of it reached",
            Self::Missing => "no test",
        }
    }

    /// Every mark that a legend explains.
    pub(super) const ALL: [Self; 4] = [Self::Reached(0), Self::Partly(0), Self::Missing, Self::Uncounted];
}

impl Graph {
    /// Draws what tests reach over the flow.
    pub fn cover(&mut self, reached: &Reached<'_>) {
        self.sums = Some(reached.sums.to_vec());
        let count = |counts: &[u32], index: usize| counts.get(index).copied().unwrap_or(0);
        for (index, node) in self.nodes.iter_mut().enumerate() {
            if !matches!(node.shape, Shape::Start | Shape::Anywhere | Shape::Ended) {
                // The call's beginning stands before the states.
                node.mark = Mark::of(std::iter::once(count(reached.states, index.saturating_sub(1))));
            }
        }
        for link in &mut self.links {
            let marks = link
                .edges
                .iter()
                .map(|edges| Mark::of(edges.iter().map(|edge| count(reached.edges, edge.index()))));
            link.marks = marks.collect();
            for (label, mark) in link.labels.iter_mut().zip(&link.marks) {
                if let Some(words) = mark.words() {
                    *label = format!("{words}  {label}");
                }
            }
        }
    }

    /// The mark of a link.
    pub(super) fn mark(&self, link: &super::Link) -> Option<Mark> {
        self.sums.as_ref().map(|_| Mark::sum(&link.marks))
    }
}
