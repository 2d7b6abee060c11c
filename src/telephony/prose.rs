//! A vendor's prose, made fit for errors, logs and records.
//!
//! Vendors repeat what they were given ("cannot dial +1555…"). Numbers and SIP users are taken out and the
//! rest is cut to a readable length; the wording, which tells causes apart, stays.

/// Longest text kept, in characters.
const LONGEST: usize = 300;
/// A run with fewer digits is a code or a count, not a telephone number.
const DIGITS_OF_A_NUMBER: usize = 7;

/// The text without telephone numbers, SIP users and control characters, cut to a readable length.
pub(crate) fn prose(text: &str) -> String {
    let text: String = text.chars().take(LONGEST).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let words: Vec<String> = text.split(' ').map(without_sip_user).collect();
    without_numbers(&words.join(" "))
}

fn without_sip_user(word: &str) -> String {
    let Some(scheme) = ["sip:", "sips:"].into_iter().find(|scheme| word.contains(scheme)) else {
        return word.to_owned();
    };
    match word.split_once(scheme).and_then(|(before, uri)| Some((before, uri.split_once('@')?))) {
        Some((before, (_user, host))) => format!("{before}{scheme}•••@{host}"),
        None => word.to_owned(),
    }
}

/// Masks every run of digits and the separators people put between them.
fn without_numbers(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut run = String::new();
    for c in text.chars() {
        if c.is_ascii_digit() || (c == '+' && run.is_empty()) || (!run.is_empty() && " -.()".contains(c)) {
            run.push(c);
        } else {
            close_run(&mut out, &mut run);
            out.push(c);
        }
    }
    close_run(&mut out, &mut run);
    out
}

fn close_run(out: &mut String, run: &mut String) {
    if run.chars().filter(char::is_ascii_digit).count() < DIGITS_OF_A_NUMBER {
        out.push_str(run);
    } else {
        let kept = run.trim_end_matches([' ', '-', '.', '(', ')']).len();
        out.push_str("•••");
        out.push_str(&run[kept..]);
    }
    run.clear();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_sip_users_are_taken_out_and_the_words_stay() {
        for (given, kept) in [
            ("cannot dial +15550100123: busy", "cannot dial •••: busy"),
            ("dialed (555) 010-0123.", "dialed (•••."),
            ("SIP 486 Busy Here", "SIP 486 Busy Here"),
            ("no route to sip:jane@desk.example.com now", "no route to sip:•••@desk.example.com now"),
            ("to <sip:5550100123@x.example>", "to <sip:•••@x.example>"),
            ("line\nbreak", "line break"),
            ("", ""),
        ] {
            assert_eq!(prose(given), kept);
        }
        assert_eq!(prose(&"é".repeat(5000)).chars().count(), LONGEST);
    }
}
