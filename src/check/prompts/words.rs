//! A prompt as words with their places.

use std::ops::Range;

/// The text with `{{ … }}`, `{% … %}` and `{# … #}` blanked, byte by byte, so that places stay what they are.
pub(super) fn without_template(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    let opens = |rest: &str, at: usize| matches!(rest.as_bytes().get(at + 1), Some(b'{' | b'%' | b'#'));
    while let Some(start) = rest.match_indices('{').map(|(at, _)| at).find(|at| opens(rest, *at)) {
        let (before, from) = rest.split_at(start);
        plain.push_str(before);
        let close = match from.as_bytes().get(1) {
            Some(b'{') => "}}",
            Some(b'%') => "%}",
            _ => "#}",
        };
        let end = from.find(close).map_or(from.len(), |at| at + close.len());
        plain.extend(std::iter::repeat_n(' ', end));
        rest = &from[end..];
    }
    plain.push_str(rest);
    plain
}

/// One word of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word<'t> {
    /// As written, without the marks around it.
    pub text: &'t str,
    /// Its bytes.
    pub at: Range<usize>,
    /// A new sentence begins with it.
    pub first_of_sentence: bool,
    /// A new part of a sentence begins with it.
    pub first_of_clause: bool,
}

impl Word<'_> {
    pub(super) fn lower(&self) -> String {
        self.text.to_lowercase().replace('’', "'")
    }
}

/// The words: letters, digits, `_`, and apostrophes inside. Anything else stands between them.
pub(super) fn words(text: &str) -> Vec<Word<'_>> {
    let mut words: Vec<Word<'_>> = Vec::new();
    let (mut start, mut sentence, mut clause) = (None, true, true);
    let mut line_is_empty = false;
    for (at, c) in text.char_indices().chain([(text.len(), '\n')]) {
        let inside = c.is_alphanumeric() || c == '_' || (matches!(c, '\'' | '’') && start.is_some());
        if inside {
            start.get_or_insert(at);
            line_is_empty = false;
            continue;
        }
        if let Some(from) = start.take() {
            let word = text[from..at].trim_end_matches(['\'', '’']);
            words.push(Word {
                text: word,
                at: from..from + word.len(),
                first_of_sentence: std::mem::take(&mut sentence),
                first_of_clause: std::mem::take(&mut clause),
            });
        }
        let next = text.get(at + c.len_utf8()..).and_then(|rest| rest.chars().next());
        match c {
            '.' | '!' | '?' if next.is_none_or(char::is_whitespace) => (sentence, clause) = (true, true),
            // A paragraph, or an item of a list.
            '\n' if line_is_empty || matches!(next, Some('-' | '*' | '#')) => {
                (sentence, clause) = (true, true)
            }
            ',' | ';' | ':' | '(' | '–' | '—' => clause = true,
            _ => {}
        }
        if c == '\n' {
            line_is_empty = true;
        } else if !c.is_whitespace() {
            line_is_empty = false;
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_is_blanked_and_the_rest_stays_in_its_place() {
        assert_eq!(without_template("a {{ b }} c {% if é %}d"), "a         c            d");
        assert_eq!(without_template("open {{ end"), "open       ");
        assert_eq!(without_template("{ é }"), "{ é }");
    }

    #[test]
    fn sentences_and_clauses_begin_where_they_do() {
        let text = "Be kind. If asked, don't call order_status() at 5.30 pm\n\nNever\n- lie";
        let all = words(text);
        let told: Vec<_> = all.iter().map(|w| w.text).collect();
        let expected = [
            "Be",
            "kind",
            "If",
            "asked",
            "don't",
            "call",
            "order_status",
            "at",
            "5",
            "30",
            "pm",
            "Never",
            "lie",
        ];
        assert_eq!(told, expected);
        let first =
            |of: fn(&Word<'_>) -> bool| all.iter().filter(|w| of(w)).map(|w| w.text).collect::<Vec<_>>();
        assert_eq!(first(|w| w.first_of_sentence), ["Be", "If", "Never", "lie"]);
        assert_eq!(first(|w| w.first_of_clause), ["Be", "If", "don't", "at", "Never", "lie"]);
        assert!(all.iter().all(|w| &text[w.at.clone()] == w.text));
    }
}
