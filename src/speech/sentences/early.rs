//! Where a first piece may end when the model falls silent within it.

/// Letters that must be there for a piece to leave before its clause has ended.
const ENOUGH: usize = 25;
/// Letters that the piece must then have.
const LEAST: usize = 15;
/// What may begin something that is spoken as a whole, or not at all.
const OPENERS: [char; 6] = ['[', '*', '`', '<', '(', '_'];

/// The byte at which the beginning of a text may be cut: behind a plain word, before another word, and never within a
/// number, an address, a link or emphasis. What stands behind the last space may be half a word.
pub(super) fn early_end(text: &str) -> Option<usize> {
    if text.chars().count() < ENOUGH {
        return None;
    }
    let plain = text.find(OPENERS).map_or(text, |at| &text[..at]);
    let spaces = plain.char_indices().rev().filter(|(_, c)| *c == ' ').map(|(at, _)| at);
    let mut cuts = spaces.take_while(|&at| plain[..at].chars().count() >= LEAST);
    cuts.find(|&at| {
        let before = plain[..at].rsplit(' ').next().unwrap_or_default();
        let after = text[at + 1..].chars().next();
        is_plain(before) && after.is_none_or(|c| c.is_alphabetic() || OPENERS.contains(&c))
    })
}

/// Letters only, and perhaps a clause's end; no number, address or abbreviation.
fn is_plain(word: &str) -> bool {
    let word = word.trim_end_matches([',', ';', ':']);
    !word.is_empty() && word.chars().all(|c| c.is_alphabetic() || matches!(c, '\'' | '’' | '-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn early(text: &str) -> Option<&str> {
        early_end(text).map(|at| &text[..at])
    }

    #[test]
    fn it_leaves_at_the_last_whole_word() {
        assert_eq!(early("I am looking at your account rig"), Some("I am looking at your account"));
        assert_eq!(early("I am looking at your account "), Some("I am looking at your account"));
        assert_eq!(early("I am looking at it"), None, "too short to leave");
        assert_eq!(early("Donaudampfschifffahrtsgesellschaft"), None);
        assert_eq!(early("I see, Donaudampfschifffahrtsgesell"), None, "what would be left is too short");
    }

    #[test]
    fn nothing_is_cut_within_a_number_an_address_a_link_or_after_an_abbreviation() {
        assert_eq!(early("The number you can call is 415 555 01"), Some("The number you can call"));
        assert_eq!(early("You will have to pay $1,000 in"), Some("You will have to"));
        assert_eq!(early("Please write a mail to help@exam"), Some("Please write a mail to"));
        assert_eq!(early("You have to go and see Dr. Smi"), Some("You have to go and see"));
        assert_eq!(early("Just have a look at [our own si"), Some("Just have a look at"));
        assert_eq!(early("This is something *very importa"), Some("This is something"));
    }
}
