//! The document as written: a spanned YAML tree and the typed flow read from it.
//!
//! Parsing never stops at the first mistake, and says nothing about whether names resolve or the flow
//! makes sense: that is `check`'s.

mod load;
mod tree;
mod value;

pub use load::{MAX_BYTES, load};
pub use tree::{Core, Key, Node, Scalar, ScalarStyle, Value, locate};
pub use value::{BadDuration, Literal, ValueType, parse_duration, show_duration};
