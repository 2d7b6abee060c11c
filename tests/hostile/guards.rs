//! Conditions: whatever is written, an error points into it.

use callflow::flow::guard::parse;
use callflow::source::Span;
use proptest::prelude::*;

fn read(text: &str) {
    match parse(text, &|range| Span::new(range.start, range.end)) {
        Ok(expr) => {
            let mut nodes = 0;
            expr.walk(&mut |part| {
                assert!(part.span.end as usize <= text.len());
                nodes += 1;
            });
            assert!(nodes < 1000, "{nodes} parts");
        }
        Err(error) => {
            assert!(error.at.start <= error.at.end && error.at.end <= text.len(), "{error:?} in {text:?}");
            assert!(
                text.is_char_boundary(error.at.start) && text.is_char_boundary(error.at.end),
                "{error:?}"
            );
            assert!(!error.message.is_empty());
        }
    }
}

#[test]
fn deep_and_long_conditions_are_refused() {
    for text in [
        "(".repeat(1_000_000),
        "not ".repeat(250_000),
        "a == b and ".repeat(100_000),
        "[".repeat(1_000_000),
        "'".to_owned() + &"x".repeat(1_000_000),
        "a".repeat(1_000_000),
        "9".repeat(1_000_000),
    ] {
        read(&text);
    }
}

proptest! {
    #[test]
    fn any_text_is_a_condition_or_an_error_that_points_into_it(text in any::<String>()) {
        read(&text);
    }

    #[test]
    fn words_of_conditions_in_any_order_are_one_or_an_error_that_points_into_them(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "a", "call.from", "and", "or", "not", "in", "is", "set", "(", ")", "[", "]", ",", "==", "!=", "<=", ">",
                "'x'", "\"y\"", "8s", "1h", "3", "-2.5", "true", "within(office)", "attempts(a)", "2026-12-24", "é", "'",
            ]),
            0..30,
        ),
        gap in " ?",
    ) {
        read(&words.join(&gap));
    }
}
