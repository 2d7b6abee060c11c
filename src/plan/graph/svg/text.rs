//! How wide a text may be, without a font; and texts that are safe inside XML.

/// Width of a text in a proportional font of this size: a little more than that of Helvetica or Arial.
pub(super) fn width(text: &str, size: f64) -> f64 {
    text.chars().map(em).sum::<f64>() * size
}

fn em(c: char) -> f64 {
    match c {
        'i' | 'j' | 'l' | 't' | 'f' | 'I' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | '(' | ')' | '['
        | ']' | ' ' => 0.33,
        'm' | 'w' | 'M' | 'W' | '@' | '%' => 0.92,
        'A'..='Z' | '…' => 0.74,
        c if c.is_ascii() => 0.60,
        '“' | '”' | '’' => 0.4,
        // Letters of other alphabets; most East Asian ones are square.
        c if c < '\u{1100}' => 0.65,
        _ => 1.05,
    }
}

/// A text as XML content or attribute.
pub(super) fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // Most control characters are not allowed in XML at all.
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
