//! What the caller said, in the model's memory: words that belong together become one message, and words that differ
//! by no more than how a recogniser writes them are the same.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::pii::Utterance;
use crate::speech::{LlmRequest, LlmStream, Message};

/// What the model remembers at most; the oldest messages are forgotten first.
const MOST_MESSAGES: usize = 80;
/// The same in bytes of text: the results of tools are long. It is about twelve thousand tokens.
const MOST_BYTES: usize = 48 * 1024;

/// How long a reply that was asked for ahead of time is good for.
const GUESS_HOLDS: Duration = Duration::from_secs(5);

/// A reply that was asked for before the caller's turn was over.
pub(super) struct Guess {
    pub words: Utterance,
    pub request: LlmRequest,
    pub stream: LlmStream,
    pub at: Instant,
}

impl Guess {
    /// Whether this is the reply to a request: everything is the same, but for how the caller's last words are written.
    pub(super) fn answers(&self, request: &LlmRequest) -> bool {
        let guess = &self.request;
        self.at.elapsed() < GUESS_HOLDS
            && guess.model == request.model
            && guess.system == request.system
            && guess.tools == request.tools
            && same_messages(&guess.messages, &request.messages)
    }
}

fn same_messages(guessed: &[Message], asked: &[Message]) -> bool {
    match (guessed.split_last(), asked.split_last()) {
        (Some((Message::User(guess), before)), Some((Message::User(said), before_asked))) => {
            same_words(guess, said) && before == before_asked
        }
        _ => guessed == asked,
    }
}

/// Interim words lack the punctuation and capitals that fixed ones have.
pub(super) fn same_words(a: &Utterance, b: &Utterance) -> bool {
    letters(a.text()) == letters(b.text())
}

/// The call so far in one note: the last words of both sides, shortest form that keeps who said what.
pub(crate) fn summary<'m>(messages: impl IntoIterator<Item = &'m Message>) -> Option<String> {
    const LINES: usize = 12;
    let line = |message: &Message| match message {
        Message::User(words) => Some(format!("The caller said: {}", words.text())),
        Message::Assistant(words) => Some(format!("You said: {}", words.text())),
        Message::Note(note) => Some(note.clone()),
        Message::ToolCall { .. } => None,
    };
    let lines: Vec<String> = messages.into_iter().filter_map(line).collect();
    let last = &lines[lines.len().saturating_sub(LINES)..];
    (!last.is_empty()).then(|| format!("Earlier in this call:\n{}", last.join("\n")))
}

/// Words that were said one after the other. Words that only say the first ones again, and more, stand alone.
pub(super) fn merged(said: &Utterance, more: &Utterance) -> Utterance {
    let (before, after) = (said.text().trim(), more.text().trim());
    if before.is_empty() || begins_with(after, before) {
        return more.clone();
    }
    Utterance::new(format!("{before} {after}"))
}

/// Whether a text begins with these words. The last of several may have been half a word; a single one is whole: "yes" is
/// no beginning of "yesterday".
fn begins_with(text: &str, words: &str) -> bool {
    let split = |text: &str| -> Vec<String> {
        text.split_whitespace().map(letters).filter(|word| !word.is_empty()).collect()
    };
    let (text, words) = (split(text), split(words));
    match (words.split_last(), text.get(words.len().saturating_sub(1))) {
        (None, _) => true,
        (Some((last, before)), Some(word)) => {
            // Scripts without capitals may have no spaces either: a word is then a sentence.
            let may_be_half = !before.is_empty() || !last.chars().any(char::is_lowercase);
            (word == last || (may_be_half && word.starts_with(last))) && text.starts_with(before)
        }
        (Some(_), None) => false,
    }
}

/// Takes the caller's words out of the message that ends with them.
pub(super) fn take_back(messages: &mut VecDeque<Message>, words: &Utterance) {
    let rest = |message: &Message| match message {
        Message::User(said) => said.text().strip_suffix(words.text()).map(|rest| rest.trim_end().to_owned()),
        _ => None,
    };
    let found = messages.iter().enumerate().rev().find_map(|(n, message)| Some((n, rest(message)?)));
    if let Some((n, rest)) = found {
        if rest.is_empty() {
            messages.remove(n);
        } else {
            messages[n] = Message::User(Utterance::new(rest));
        }
    }
}

/// Keeps memory within its bounds. The newest message is kept in any case.
pub(super) fn forget_oldest(messages: &mut VecDeque<Message>) {
    let mut bytes: usize = messages.iter().map(length).sum();
    while messages.len() > MOST_MESSAGES || (bytes > MOST_BYTES && messages.len() > 1) {
        bytes -= messages.pop_front().as_ref().map_or(0, length);
    }
}

fn length(message: &Message) -> usize {
    match message {
        Message::User(words) | Message::Assistant(words) => words.text().len(),
        Message::ToolCall { arguments, result, .. } => arguments.len() + result.len(),
        Message::Note(note) => note.len(),
    }
}

fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utterance(text: &str) -> Utterance {
        Utterance::new(text)
    }

    #[test]
    fn words_that_belong_together_are_one_message_and_none_stands_twice() {
        for (said, more, both) in [
            ("I need", "a person.", "I need a person."),
            ("i need", "I need a person.", "I need a person."),
            ("", "yes", "yes"),
            ("yes", "no", "yes no"),
            ("yes", "yesterday it broke", "yes yesterday it broke"),
            ("yes.", "Yes, it broke", "Yes, it broke"),
            ("I want a man", "I want a manager.", "I want a manager."),
            ("I want a", "I want", "I want a I want"),
            ("…", "hello", "hello"),
            ("你好", "你好，我要退款", "你好，我要退款"),
        ] {
            assert_eq!(merged(&utterance(said), &utterance(more)).text(), both);
        }
    }

    #[test]
    fn words_are_taken_back_from_the_message_that_ends_with_them() {
        let said = |text: &str| Message::User(utterance(text));
        let bot = Message::Assistant(utterance("Yes?"));
        let mut messages = VecDeque::from([said("well hello"), bot.clone()]);
        take_back(&mut messages, &utterance("hello"));
        assert!(messages == [said("well"), bot.clone()]);
        take_back(&mut messages, &utterance("well"));
        assert!(messages == [bot]);
    }

    #[test]
    fn long_results_of_tools_push_out_what_is_old_and_the_newest_message_stays() {
        let result = |length: usize| Message::ToolCall {
            id: "1".to_owned(),
            name: "orders".to_owned(),
            arguments: "{}".to_owned(),
            result: "x".repeat(length),
        };
        let mut messages =
            VecDeque::from([Message::User(utterance("hello")), result(30_000), result(30_000)]);
        forget_oldest(&mut messages);
        assert_eq!(messages.len(), 1);
        messages.push_back(result(100_000));
        forget_oldest(&mut messages);
        assert!(messages == [result(100_000)]);
        messages.extend((0..100).map(|_| Message::User(utterance("hm"))));
        forget_oldest(&mut messages);
        assert_eq!(messages.len(), MOST_MESSAGES);
    }
}
