//! Small ids for the named things of a flow.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(u16);

        impl $name {
            /// The id of the n-th item. A flow has far fewer than 65 535 of anything (the parser bounds it).
            #[must_use]
            pub fn from_index(index: usize) -> Self {
                Self(u16::try_from(index).unwrap_or(u16::MAX))
            }

            /// Its index in the plan's list.
            #[must_use]
            pub fn index(self) -> usize {
                usize::from(self.0)
            }
        }
    )*};
}

ids! {
    /// A state of the flow.
    StateId;
    /// An intent of the flow.
    IntentId;
    /// A dial target of the flow.
    TargetId;
    /// A tool of the flow.
    ToolId;
    /// A variable of the flow.
    VarId;
    /// A set of opening hours.
    HoursId;
    /// One edge, the unit that `max_visits` counts.
    EdgeId;
}

/// The first 16 hex digits of the SHA-256 of a flow's text.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct FlowHash(Arc<str>);

impl FlowHash {
    /// Hashes a flow's text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        use sha2::Digest as _;
        let digest = sha2::Sha256::digest(text.as_bytes());
        let hex: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Self(hex.into())
    }
}

impl fmt::Display for FlowHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for FlowHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}
