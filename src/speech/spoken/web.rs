//! Web and mail addresses, said as a person would: `dot`, `at`, `slash`.

use super::number::digits;
use super::text::words;

/// Names of the top level that a text is likely to mean as such; others are too often a missing space.
const TOP_LEVEL: &[&str] = &[
    "com", "org", "net", "edu", "gov", "io", "ai", "app", "dev", "info", "biz", "co", "uk", "us", "ca", "eu",
    "de", "fr", "es", "it", "nl", "ch", "at", "au", "nz", "in", "ie", "example", "test",
];
/// A longer path cannot be remembered; only the host is said then.
const LONGEST_PATH: usize = 40;

/// Whether a word is a web or mail address.
pub(super) fn is_address(core: &str) -> bool {
    mail(core).is_some() || site(core).is_some()
}

/// The text with all its addresses spoken.
pub(super) fn speak(text: &str) -> String {
    let (words, end) = words(text);
    let mut out = String::with_capacity(text.len());
    for word in words {
        let spoken = mail(word.core).or_else(|| site(word.core));
        for part in [word.gap, word.lead, spoken.as_deref().unwrap_or(word.core), word.trail] {
            out.push_str(part);
        }
    }
    out + end
}

fn mail(core: &str) -> Option<String> {
    let address = core.strip_prefix("mailto:").unwrap_or(core);
    let (name, host) = address.split_once('@')?;
    let proper = |c: char| c.is_ascii_alphanumeric() || "._%+-".contains(c);
    let has_name = name.contains(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(proper);
    (has_name && is_host(host)).then(|| format!("{} at {}", spell(name), spell(host)))
}

fn site(core: &str) -> Option<String> {
    let bare = core.strip_prefix("https://").or_else(|| core.strip_prefix("http://"));
    let explicit = bare.is_some() || core.starts_with("www.");
    let bare = bare.unwrap_or(core);
    let bare = bare.strip_prefix("www.").unwrap_or(bare);
    let end = bare.find(['?', '#']).unwrap_or(bare.len());
    let bare = bare[..end].trim_end_matches('/');
    let (host, path) = bare.split_at(bare.find('/').unwrap_or(bare.len()));
    let (name, port) = host.split_once(':').unwrap_or((host, ""));
    let is_site = if explicit { is_any_host(name) } else { is_host(name) };
    if !is_site || !port.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let path = if path.len() <= LONGEST_PATH { path } else { "" };
    Some(spell(&format!("{host}{path}")))
}

/// Labels, of which the last is a known top level in small letters.
fn is_host(host: &str) -> bool {
    let top = host.rsplit('.').next().unwrap_or_default();
    host.contains('.') && TOP_LEVEL.contains(&top) && is_any_host(host) && has_letters(host, top)
}

/// `3.in` is a number and a word without a space between.
fn has_letters(host: &str, top: &str) -> bool {
    host[..host.len() - top.len()].contains(|c: char| c.is_ascii_alphabetic())
}

fn is_any_host(host: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    };
    host.split('.').all(label) && host.contains(|c: char| c.is_ascii_alphanumeric())
}

/// Words as they are, digits singly, punctuation by name.
fn spell(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '.' => out.push_str(" dot "),
            '/' => out.push_str(" slash "),
            '-' => out.push_str(" dash "),
            '_' => out.push_str(" underscore "),
            '+' => out.push_str(" plus "),
            ':' => out.push_str(" colon "),
            '%' => out.push_str(" percent "),
            '~' => out.push_str(" tilde "),
            c if c.is_ascii_digit() => out.push_str(&format!(" {} ", digits(c.encode_utf8(&mut [0; 4])))),
            c if c.is_alphabetic() => out.push(c),
            _ => out.push(' '),
        }
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_said_and_sentences_are_not_addresses() {
        for (text, said) in [
            ("Go to https://www.example.com/help.", "Go to example dot com slash help."),
            ("(example.com)", "(example dot com)"),
            ("jo.doe_7@mail.example.org,", "jo dot doe underscore seven at mail dot example dot org,"),
            ("http://localhost:8080/v2", "localhost colon eight zero eight zero slash v two"),
            ("https://example.com/a?token=5#x", "example dot com slash a"),
            ("e.g. this.That U.S. 3.in node.js @home a@b", "e.g. this.That U.S. 3.in node.js @home a@b"),
        ] {
            assert_eq!(speak(text), said);
        }
        let long = format!("https://example.com/{}", "x/".repeat(40));
        assert_eq!(speak(&long), "example dot com");
    }
}
