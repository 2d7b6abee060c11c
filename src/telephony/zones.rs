//! What the beginning of a telephone number says of its price: its country, and whether it is in a range
//! that is dear everywhere.
//!
//! From ITU-T E.164 (country codes), the North American Numbering Plan (area codes of `+1`), and national
//! numbering plans (premium rate). The lists are guards, not directories: a range that is missing is treated
//! as an ordinary number of its country.

/// Country codes of two digits; `1` and `7` have one, all others three.
const TWO_DIGITS: [&str; 44] = [
    "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47", "48",
    "49", "51", "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63", "64", "65", "66", "81",
    "82", "84", "86", "90", "91", "92", "93", "94", "95", "98",
];

/// Area codes of `+1` outside of the United States, their territories and Canada, and those of no place.
const OTHER_NORTH_AMERICAN: [&str; 24] = [
    "+1242", "+1246", "+1264", "+1268", "+1284", "+1345", "+1441", "+1473", "+1649", "+1658", "+1664",
    "+1721", "+1758", "+1767", "+1784", "+1809", "+1829", "+1849", "+1868", "+1869", "+1876", "+1500",
    "+1700", "+1710",
];

/// Premium rate, shared revenue, satellites, and international networks, which are as dear.
const PREMIUM: [&str; 36] = [
    "+1900", "+31900", "+31906", "+31909", "+3290", "+3389", "+34803", "+34806", "+34807", "+34905", "+3989",
    "+41900", "+41901", "+41906", "+43900", "+43901", "+43930", "+43931", "+43939", "+4487", "+449", "+4590",
    "+46900", "+46939", "+46944", "+47829", "+4870", "+49900", "+61190", "+81990", "+870", "+878", "+881",
    "+882", "+883", "+979",
];

/// The beginning of a number that stands for its country: its country code, and for countries that share
/// `+1` their area code. `number` is E.164.
pub(super) fn country(number: &str) -> &str {
    if let Some(area) = OTHER_NORTH_AMERICAN.iter().find(|area| number.starts_with(**area)) {
        return &number[..area.len()];
    }
    let digits = &number[1..];
    let code = match digits.as_bytes().first() {
        Some(b'1' | b'7') => 1,
        _ if TWO_DIGITS.iter().any(|code| digits.starts_with(code)) => 2,
        _ => 3,
    };
    &number[..=code.min(digits.len())]
}

/// The premium-rate or satellite range of a number, if it is in one.
pub(super) fn premium(number: &str) -> Option<&'static str> {
    PREMIUM.into_iter().find(|range| number.starts_with(range))
}

/// The range of a number that a shorter prefix does not cover: a premium-rate range, or another country's
/// area within `+1`.
pub(super) fn apart(number: &str) -> Option<&'static str> {
    let area = OTHER_NORTH_AMERICAN.into_iter().find(|area| number.starts_with(area));
    premium(number).or(area)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_is_told_by_its_code_and_within_north_america_by_its_area() {
        for (number, prefix) in [
            ("+15550100123", "+1"),
            ("+18765550100", "+1876"),
            ("+442079460000", "+44"),
            ("+989121234567", "+98"),
            ("+35312345678", "+353"),
            ("+79161234567", "+7"),
            ("+4930123456", "+49"),
        ] {
            assert_eq!(country(number), prefix);
        }
    }

    #[test]
    fn dear_ranges_are_told_and_ordinary_numbers_are_not() {
        assert_eq!(premium("+19005550100"), Some("+1900"));
        assert_eq!(premium("+449061234567"), Some("+449"));
        assert_eq!(premium("+881612345678"), Some("+881"));
        assert_eq!(premium("+883510001234"), Some("+883"));
        for number in ["+15550100123", "+442079460000", "+4930123456", "+33142685300", "+18005550100"] {
            assert_eq!(apart(number), None, "{number}");
        }
        assert_eq!(apart("+18095550100"), Some("+1809"));
    }
}
