//! A reply that another model goes on with: what was said already is not said again. No I/O, no clock.

/// The words of a reply that were given out, and a second telling of it.
#[derive(Debug, Default)]
pub(super) struct Continued {
    /// Everything that was given out.
    said: String,
    /// The second telling, as long as it may be the same from the beginning.
    held: Option<String>,
}

impl Continued {
    /// What was given out so far.
    pub(super) fn said(&self) -> &str {
        &self.said
    }

    /// Another model begins.
    pub(super) fn begins_again(&mut self) {
        self.held = (!self.said.trim().is_empty()).then(String::new);
    }

    /// Takes words of the model and gives those that are new.
    pub(super) fn push(&mut self, text: &str) -> Option<String> {
        let fresh = match &mut self.held {
            None => text.to_owned(),
            Some(held) => {
                held.push_str(text);
                match past(&self.said, held) {
                    Told::Nothing => return None,
                    Told::Repeats(rest) => rest.to_owned(),
                    Told::GoesOn => joined(&self.said, held),
                }
            }
        };
        self.held = None;
        self.said.push_str(&fresh);
        (!fresh.is_empty()).then_some(fresh)
    }

    /// The model has no more words. Held ones are only a part of what was said, and stay unsaid.
    pub(super) fn ends(&mut self) {
        self.held = None;
    }
}

enum Told<'h> {
    /// As far as it goes, it is what was said.
    Nothing,
    /// It is all that was said, and then this.
    Repeats(&'h str),
    /// It is something else: the model goes on.
    GoesOn,
}

/// Compares word by word: models and their tokens differ in white space.
fn past<'h>(said: &str, held: &'h str) -> Told<'h> {
    let mut spoken = said.split_whitespace();
    let mut rest = held.trim_start();
    loop {
        let Some(word) = spoken.next() else { return Told::Repeats(rest_of(held, rest)) };
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let (first, after) = rest.split_at(end);
        let is_cut = after.is_empty();
        if first == word {
            rest = after.trim_start();
        } else if is_cut && word.starts_with(first) {
            return Told::Nothing;
        } else if spoken.next().is_none() && first.starts_with(word) {
            // What was said ended in the middle of a word.
            return Told::Repeats(&rest[word.len()..]);
        } else {
            return Told::GoesOn;
        }
    }
}

/// With the white space before it, which keeps words apart.
fn rest_of<'h>(held: &'h str, rest: &'h str) -> &'h str {
    let before = &held[..held.len() - rest.len()];
    let spaces = before.len() - before.trim_end().len();
    &held[held.len() - rest.len() - spaces..]
}

fn joined(said: &str, held: &str) -> String {
    let apart = said.ends_with(char::is_whitespace) || held.starts_with(char::is_whitespace);
    if apart { held.to_owned() } else { format!(" {held}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(said: &str, again: &[&str]) -> String {
        let mut reply = Continued::default();
        reply.push(said);
        reply.begins_again();
        let fresh = again.iter().filter_map(|text| reply.push(text)).collect();
        reply.ends();
        fresh
    }

    #[test]
    fn a_model_that_tells_it_all_again_is_heard_from_where_the_other_stopped() {
        assert_eq!(told("We are open ", &["We are ", "open on", " Monday."]), " on Monday.");
        assert_eq!(told("We are op", &["We are open on Monday."]), "en on Monday.");
        assert_eq!(told("We are open.", &["We ", "are ", "open."]), "");
        assert_eq!(told("We are open.", &["We are"]), "");
    }

    #[test]
    fn a_model_that_goes_on_is_heard_whole() {
        assert_eq!(told("We are open", &["on ", "Monday."]), " on Monday.");
        assert_eq!(told("We are open ", &["We close", " late."]), "We close late.");
        assert_eq!(told("", &["Hello."]), "Hello.");
    }
}
