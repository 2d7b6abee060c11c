//! The document as written: a spanned YAML tree and the typed flow read from it.
//!
//! Parsing never stops at the first mistake, and says nothing about whether names resolve or the flow
//! makes sense: that is `check`'s.

pub mod defaults;
mod document;
mod event;
mod files;
pub mod guard;
mod kinds;
mod load;
mod parse;
mod provider;
mod schema;
mod suggest;
mod template;
mod tools;
mod tree;
mod value;

pub use document::{
    Assignment, Branch, Call, Document, EnvVar, Group, Hours, Intent, MustPrecede, On, Open, Phrase, Service,
    Services, Slot, State, Target, Var, Waiver,
};
pub use event::{BadEvent, Event, Plain};
pub use kinds::{
    Accept, Collect, CollectSlot, Confirm, ContextPolicy, Converse, Dial, DialMethod, End, EndCause, First,
    Handoff, HandoffMode, Hold, Keys, Kind, LateAnswer, Retry, Rung, Say, Sensitivity,
};
pub use load::{MAX_BYTES, load};
pub use parse::parse;
pub(crate) use parse::{Reader, Shape, listed, shortened};
pub use provider::{Part, Provider};
pub use schema::{json_schema, json_schema_text};
pub use suggest::{did_you_mean, nearest};
pub use template::{NameUse, Template};
pub use tools::{Body, CallApi, Http, HttpMethod, JsonTemplate, OnInterrupt, Param, Saved, Tool, ToolEffect};
pub use tree::{Core, Key, Node, Scalar, ScalarStyle, Value, locate};
pub use value::{BadDuration, Literal, ValueType, parse_duration, show_duration};
