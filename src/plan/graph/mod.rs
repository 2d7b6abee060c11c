//! A flow as a picture: what is drawn, and in three languages.
//!
//! [`Graph`] decides what there is to see: states as nodes of a shape for each kind, edges between the same two
//! states as one link with several labels, those of failures as another one in red, and what the engine adds by
//! itself (a caller who hangs up, a failed service) as dotted links. [`Graph::mermaid`] and [`Graph::dot`] leave the layout to others, [`Graph::svg`] does it here.

mod build;
mod cover;
mod dot;
mod mermaid;
mod svg;
mod trace;

pub use cover::Reached;
pub use trace::{Trace, TraceError};

use super::EdgeId;

/// What is drawn.
#[derive(Debug, Clone)]
pub struct Graph {
    /// `name:` of the flow.
    pub name: String,
    /// The call's beginning first, then the states in the order of the file, then what the engine adds.
    pub nodes: Vec<Node>,
    /// From node to node.
    pub links: Vec<Link>,
    /// Whether a recorded call is drawn over it.
    pub traced: bool,
    /// The sums of what tests reach, if that is drawn over it.
    pub sums: Option<Vec<String>>,
}

/// A state, or a place that the engine adds.
#[derive(Debug, Clone)]
pub struct Node {
    /// The state's name; a few words for other places.
    pub name: String,
    /// What it does, in a few words.
    pub caption: String,
    /// Its shape.
    pub shape: Shape,
    /// How often the recorded calls were here.
    pub visits: u32,
    /// What tests reach of it, if that is drawn.
    pub mark: Mark,
}

/// What tests reach of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// It is not counted: the engine does it by itself, or no tests are drawn.
    Uncounted,
    /// All of it, together so often.
    Reached(u32),
    /// Some of it.
    Partly(u32),
    /// Nothing of it.
    Missing,
}

/// What a node is, told by its shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Where a call begins.
    Start,
    /// `say`.
    Say,
    /// `converse`.
    Converse,
    /// `confirm`.
    Confirm,
    /// `collect`.
    Collect,
    /// `choose`.
    Choose,
    /// `call_api`.
    CallApi,
    /// `dial`.
    Dial,
    /// `handoff`.
    Handoff,
    /// `end`.
    End,
    /// Any state: where flow-wide edges begin.
    Anywhere,
    /// The end that the engine adds.
    Ended,
}

impl Shape {
    /// The colours of its ground and of its border.
    fn colors(self) -> (&'static str, &'static str) {
        match self {
            Self::Start => ("#0f172a", "#0f172a"),
            Self::Say => ("#eff6ff", "#60a5fa"),
            Self::Converse => ("#ecfdf5", "#34d399"),
            Self::Confirm => ("#fefce8", "#eab308"),
            Self::Collect => ("#fdf2f8", "#f472b6"),
            Self::Choose => ("#faf5ff", "#c084fc"),
            Self::CallApi => ("#eef2ff", "#818cf8"),
            Self::Dial => ("#fff7ed", "#fb923c"),
            Self::Handoff => ("#f0fdfa", "#14b8a6"),
            Self::End => ("#1e293b", "#0f172a"),
            Self::Anywhere | Self::Ended => ("#ffffff", "#94a3b8"),
        }
    }
}

/// One or more edges of the same tone between two nodes.
#[derive(Debug, Clone)]
pub struct Link {
    /// Index of the node it leaves.
    pub from: usize,
    /// Index of the node it leads to.
    pub to: usize,
    /// What takes it, one line each.
    pub labels: Vec<String>,
    /// The edges that each label stands for; none for what the engine adds.
    pub edges: Vec<Vec<EdgeId>>,
    /// What tests reach of each label, if that is drawn.
    pub marks: Vec<Mark>,
    /// How it is drawn.
    pub tone: Tone,
    /// What is said on the way.
    pub says: Vec<String>,
    /// How often the recorded calls went this way.
    pub visits: u32,
}

/// How a link is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tone {
    /// As the author hopes.
    Normal,
    /// Something did not work out: red.
    Failure,
    /// Added by the engine: dotted.
    Default,
}
