//! What is said for what is written, and what holds for any text.

use proptest::prelude::*;

use super::*;

fn check(cases: &[(&str, &str)]) {
    for (written, said) in cases {
        assert_eq!(spoken(written, "en-US"), *said, "for {written:?}");
    }
}

#[test]
fn numbers() {
    check(&[
        ("I have 3 options.", "I have three options."),
        ("about 1,250 people", "about one thousand two hundred fifty people"),
        ("Pi is 3.14.", "Pi is three point one four."),
        ("It is -5 outside", "It is minus five outside"),
        ("the 1st, 2nd and 23rd", "the first, second and twenty-third"),
        ("10-15 minutes", "ten to fifteen minutes"),
        ("version 1.2.3", "version one point two point three"),
        ("agent 007", "agent zero zero seven"),
        ("order 12345678", "order one two three, four five six, seven eight"),
        ("your code is 4711", "your code is four thousand seven hundred eleven"),
        ("code 4711, PIN 123456", "code four seven one one, PIN one two three, four five six"),
        ("1/2 or 5/6, 24/7", "one half or five over six, twenty-four seven"),
        ("#5 of 10+", "number five of ten plus"),
        ("press 1", "press one"),
        ("call 911!", "call nine one one!"),
        ("2 + 2 = 4", "two plus two equals four"),
        ("COVID-19 and a 24-hour line", "COVID-nineteen and a twenty-four-hour line"),
    ]);
}

#[test]
fn money_and_percentages() {
    check(&[
        ("$5", "five dollars"),
        ("$1", "one dollar"),
        ("$5.50.", "five dollars and fifty cents."),
        ("$0.99", "ninety-nine cents"),
        ("£1.01", "one pound and one penny"),
        ("$1,234.00", "one thousand two hundred thirty-four dollars"),
        ("€20/month", "twenty euros per month"),
        ("20 EUR or 20€", "twenty euros or twenty euros"),
        ("$2.5 million", "two point five million dollars"),
        ("-$5 and -$0.50", "minus five dollars and minus fifty cents"),
        ("$5k", "five thousand dollars"),
        ("$10-15", "ten to fifteen dollars"),
        ("$10–$15", "ten to fifteen dollars"),
        ("5%, 2.5 %", "five percent, two point five percent"),
        ("10-15%", "ten to fifteen percent"),
        ("¥500", "five hundred yen"),
    ]);
}

#[test]
fn dates_and_times() {
    check(&[
        ("on March 3", "on March third"),
        ("Mar. 3rd, 2026.", "March third, twenty twenty-six."),
        ("3 March 2026", "March third, twenty twenty-six"),
        ("March 3-5", "March third to fifth"),
        ("March 2026", "March twenty twenty-six"),
        ("2026-03-04", "March fourth, twenty twenty-six"),
        ("03/04/2026", "March fourth, twenty twenty-six"),
        ("25/12/2026", "December twenty-fifth, twenty twenty-six"),
        ("You may 3 times", "You may three times"),
        ("in 1999, since 2005", "in nineteen ninety-nine, since two thousand five"),
        ("2020-2024", "twenty twenty to twenty twenty-four"),
        ("the 1990s and the '80s", "the nineteen nineties and the 'eighties"),
        ("at 10:30", "at ten thirty"),
        ("at 10:05 am", "at ten oh five a.m."),
        ("at 10:00 PM.", "at ten p.m."),
        ("at 9am, 10 a.m., and 5 p.m.", "at nine a.m., ten a.m., and five p.m."),
        ("9am-5pm", "nine a.m. to five p.m."),
        ("9-5pm", "nine to five p.m."),
        ("9:00–17:30", "nine o'clock to seventeen thirty"),
        ("at 14:00", "at fourteen hundred"),
        ("March 10 am", "March ten a.m."),
        ("16:9", "sixteen to nine"),
    ]);
    assert_eq!(spoken("03/04/2026", "en-GB"), "April third, twenty twenty-six");
}

#[test]
fn telephone_numbers() {
    let said = "four one five, five five five, zero one three two";
    for written in
        ["(415) 555-0132", "415-555-0132", "415.555.0132", "4155550132", "415 555 0132", "(415)555-0132"]
    {
        assert_eq!(spoken(&format!("Call {written}."), "en-US"), format!("Call {said}."), "{written}");
    }
    check(&[
        ("+1 (415) 555-0132,", "plus one, four one five, five five five, zero one three two,"),
        ("+14155550132", "plus one, four one five, five five five, zero one three two"),
        ("(at +49 30 1234567)", "(at plus four nine, three zero, one two three, four five six seven)"),
        ("555-0132", "five five five, zero one three two"),
        ("300-1000 words", "three hundred to one thousand words"),
    ]);
}

#[test]
fn units_addresses_and_signs() {
    check(&[
        ("5 km, 1 km, 5km", "five kilometers, one kilometer, five kilometers"),
        ("60 mph at 20°C", "sixty miles per hour at twenty degrees Celsius"),
        ("16GB and 30 min", "sixteen gigabytes and thirty minutes"),
        ("5 in a row", "five in a row"),
        ("Mail jo@example.com!", "Mail jo at example dot com!"),
        ("AT&T, Q&A, R & D", "AT and T, Q and A, R and D"),
        ("and/or he/she", "and or he she"),
        ("yes—no – maybe", "yes, no, maybe"),
        ("NASA's API, B2B, MP3, U.S., e.g. this", "NASA's API, B2B, MP3, U.S., e.g. this"),
        ("**Sure!** 🎉 Let's go 🚀", "Sure! Let's go"),
        ("well-known co-op, it's", "well-known co-op, it's"),
    ]);
}

#[test]
fn the_space_at_both_ends_is_kept() {
    check(&[(" $5 ", " five dollars "), ("Hi 👋 ", "Hi "), ("  ", "  "), ("", "")]);
}

#[test]
fn other_languages_lose_only_symbols() {
    assert_eq!(spoken("Das kostet 5,50 € 😀 am 3. März", "de-DE"), "Das kostet 5,50 € am 3. März");
    assert_eq!(spoken("**صفر** www.example.com/a_b", "fa"), "صفر www.example.com/a_b");
    assert_eq!(spoken("5", ""), "5");
}

/// Texts in which figures and signs are frequent.
fn figures() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[0-9]{1,5}",
        "[$€£%#+=~@&/:.,°()'–—*_-]{1,2}",
        "(am|pm|km|May|Mar\\.|th|st|k|s|USD|in|code|a@b\\.com|www\\.x\\.io)",
        "[a-zA-Z]{1,6}",
        " ",
        "\\PC",
    ];
    proptest::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn twice_is_as_good_as_once(text in figures(), gb in any::<bool>()) {
        let language = if gb { "en-GB" } else { "en" };
        let once = spoken(&text, language);
        prop_assert_eq!(spoken(&once, language), once);
        let other = spoken(&text, "de");
        prop_assert_eq!(spoken(&other, "de"), other);
    }

    #[test]
    fn no_text_can_break_it(text in "\\PC{0,60}|(?s).{0,40}") {
        let once = spoken(&text, "en");
        prop_assert_eq!(spoken(&once, "en"), once);
    }

    #[test]
    fn words_stay_as_they_are_and_in_their_order(
        words in proptest::collection::vec("[a-zA-Z]{5,9}[,.!?]?|[0-9]{1,3}", 1..12),
    ) {
        let text = words.join(" ");
        let said = spoken(&text, "en");
        let mut rest = said.split_whitespace();
        let alone = |word: &str| word.starts_with(|c: char| c.is_ascii_digit());
        // Units, currencies and short months, which are written out, have four letters at most.
        for word in words.iter().filter(|word| !alone(word)) {
            prop_assert!(rest.any(|said| said == word), "{} in {}", word, said);
        }
    }

    #[test]
    fn of_english_figures_none_are_left(n in any::<u64>(), form in 0usize..7) {
        let text = match form {
            0 => format!("{n}"),
            1 => format!("${n}.{:02}", n % 100),
            2 => format!("{n}%"),
            3 => format!("{}:{:02}", n % 24, n % 60),
            4 => format!("{n}th"),
            5 => format!("+{n}"),
            _ => format!("{n} km"),
        };
        let said = spoken(&text, "en");
        prop_assert!(!said.contains(|c: char| c.is_ascii_digit()), "{} for {}", said, text);
    }
}
