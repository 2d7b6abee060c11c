//! Taking Markdown out of a piece: what a voice would read as "asterisk asterisk".

/// What stands at a `[`.
#[derive(Debug, PartialEq)]
pub(super) enum Link<'t> {
    /// `[text](target)`, this many bytes long.
    Whole { text: &'t str, length: usize },
    /// It may become one.
    Unfinished,
    /// Just a bracket.
    None,
}

/// Reads a link at the start of a text that begins with `[`.
pub(super) fn link(text: &str) -> Link<'_> {
    let Some(close) = text.find([']', '\n']) else { return Link::Unfinished };
    if text[close..].starts_with('\n') {
        return Link::None;
    }
    let after = &text[close + 1..];
    if after.is_empty() {
        return Link::Unfinished;
    }
    if !after.starts_with('(') {
        return Link::None;
    }
    match after.find([')', '\n']) {
        None => Link::Unfinished,
        Some(end) if after[end..].starts_with('\n') => Link::None,
        Some(end) => Link::Whole { text: &text[1..close], length: close + 1 + end + 1 },
    }
}

/// The piece without ornament; empty if it was nothing else.
pub(super) fn speakable(piece: &str, line_start: bool) -> String {
    let piece = if line_start { without_line_marks(piece) } else { piece };
    without_marks(piece).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Bullets, headings, quotes and rules, which count at the start of a line only.
fn without_line_marks(mut line: &str) -> &str {
    if line.len() >= 3 && line.chars().all(|c| matches!(c, '-' | '*' | '_' | ' ')) {
        return "";
    }
    loop {
        let unmarked = line.trim_start_matches('#');
        let unmarked =
            unmarked.strip_prefix(['-', '*', '+', '•', '>']).filter(|_| unmarked == line).unwrap_or(unmarked);
        if unmarked.len() == line.len() || !(unmarked.is_empty() || unmarked.starts_with(' ')) {
            return line;
        }
        line = unmarked.trim_start();
    }
}

/// Emphasis, code and links, wherever they stand.
fn without_marks(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut emphasised = false;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let mut taken = c.len_utf8();
        match c {
            '`' => {}
            '*' => {
                taken = rest.len() - rest.trim_start_matches('*').len();
                let (before, after) = (out.chars().next_back(), rest[taken..].chars().next());
                if is_emphasis(taken, before, after, emphasised) {
                    emphasised = !emphasised;
                } else {
                    out.push_str(&rest[..taken]);
                }
            }
            '!' if rest[1..].starts_with('[') && matches!(link(&rest[1..]), Link::Whole { .. }) => {}
            '[' => match link(rest) {
                Link::Whole { text, length } => {
                    out.push_str(&without_marks(text));
                    taken = length;
                }
                _ => out.push(c),
            },
            _ => out.push(c),
        }
        rest = &rest[taken..];
    }
    out
}

/// A star may also be a key of the phone ("press *", "dial *67") or a multiplication.
fn is_emphasis(run: usize, before: Option<char>, after: Option<char>, emphasised: bool) -> bool {
    if run >= 2 {
        return true;
    }
    let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    match (is_word(before), is_word(after)) {
        (true, true) => false,
        (true, false) => true,
        (false, true) => !after.is_some_and(|c| c.is_ascii_digit()),
        (false, false) => emphasised,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_count_only_where_they_mark() {
        assert_eq!(speakable("## Title", true), "Title");
        assert_eq!(speakable("#1 is first", true), "#1 is first");
        assert_eq!(speakable("> - deep", true), "deep");
        assert_eq!(speakable("- 5 is less", false), "- 5 is less");
        assert_eq!(speakable("-5 is less", true), "-5 is less");
        assert_eq!(speakable("***bold*** and `code`", true), "bold and code");
        assert_eq!(speakable("(*so*)", true), "(so)");
    }

    #[test]
    fn a_link_may_be_unfinished_or_none() {
        assert_eq!(link("[a](b) c"), Link::Whole { text: "a", length: 6 });
        for unfinished in ["[", "[a", "[a]", "[a](", "[a](b"] {
            assert_eq!(link(unfinished), Link::Unfinished, "{unfinished}");
        }
        for none in ["[a] b", "[a\n", "[a](b\n"] {
            assert_eq!(link(none), Link::None, "{none}");
        }
    }
}
