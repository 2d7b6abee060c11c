//! How what is said is printed: as what it is and how long, without the words.

use std::fmt;

use super::{LlmEvent, LlmRequest, Message, Word};

impl fmt::Debug for LlmRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LlmRequest")
            .field("model", &self.model)
            .field("request_id", &self.request_id)
            .field("messages", &self.messages.len())
            .field("tools", &self.tools.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(words) => f.debug_tuple("User").field(words).finish(),
            Self::Assistant(words) => f.debug_tuple("Assistant").field(words).finish(),
            Self::ToolCall { id, name, .. } => {
                f.debug_struct("ToolCall").field("id", id).field("name", name).finish_non_exhaustive()
            }
            Self::Note(note) => write!(f, "Note({} chars)", note.chars().count()),
        }
    }
}

impl fmt::Debug for LlmEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(words) => write!(f, "Text({} chars)", words.chars().count()),
            Self::ToolCall { id, name, arguments } => f
                .debug_struct("ToolCall")
                .field("id", id)
                .field("name", name)
                .field("well_formed", &arguments.is_ok())
                .finish(),
            Self::Done => f.write_str("Done"),
            Self::Failed(error) => f.debug_tuple("Failed").field(error).finish(),
        }
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Word({:?} to {:?})", self.start, self.end)
    }
}
