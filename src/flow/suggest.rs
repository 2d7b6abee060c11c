//! "Did you mean …?"

/// The candidate that was most probably meant, if one is near enough to be worth naming.
#[must_use]
pub fn nearest<'c>(written: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    // Names are short; what is longer is not a typing mistake and would only cost time.
    if written.len() > 100 {
        return None;
    }
    let lower = written.to_lowercase().replace('-', "_");
    let allowed = (written.chars().count() / 3).clamp(1, 4);
    candidates
        .into_iter()
        .filter(|c| c.len() <= 100)
        .map(|c| (distance(&lower, &c.to_lowercase()), c))
        .filter(|(distance, c)| *distance <= allowed && *distance < c.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, c)| c)
}

fn distance(a: &str, b: &str) -> usize {
    // A forgotten ending or beginning (`operator` for `operator_desk`) is nearer than its length says.
    let contained = a.len() >= 4 && (b.starts_with(a) || b.ends_with(a));
    let edits = strsim::damerau_levenshtein(a, b);
    if contained { edits.min(2) } else { edits }
}

/// The advice as a help line.
#[must_use]
pub fn did_you_mean<'c>(written: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<String> {
    nearest(written, candidates).map(|name| format!("did you mean `{name}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_suggested_and_far_ones_are_not() {
        let names = ["converse", "confirm_transfer", "goodbye", "dial"];
        for (written, meant) in [
            ("convers", Some("converse")),
            ("Goodbye", Some("goodbye")),
            ("confirm-transfer", Some("confirm_transfer")),
            ("confirm", Some("confirm_transfer")),
            ("dail", Some("dial")),
            ("x", None),
            ("greeting", None),
            ("", None),
        ] {
            assert_eq!(nearest(written, names), meant, "{written}");
        }
        assert_eq!(nearest(&"a".repeat(1_000_000), names), None);
    }
}
