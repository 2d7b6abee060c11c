//! What a caller says or keys, of any make: understood as intents, as yes or no and as values; and what a bot says, put
//! into words for a voice. The twins are in `src/matcher` and `src/speech/spoken`.

#![no_main]

use callflow::matcher::{Candidate, Sought, best, keyed, spoken as values, yes_no};
use callflow::speech::spoken::spoken;
use libfuzzer_sys::fuzz_target;

fn sought() -> Vec<Sought<'static>> {
    vec![
        Sought::Text,
        Sought::Digits(Some(4)),
        Sought::Digits(None),
        Sought::Int,
        Sought::Number,
        Sought::Bool,
        Sought::Enum(vec!["small", "large"]),
        Sought::Phone,
        Sought::Date { month_first: true },
        Sought::Date { month_first: false },
        Sought::Duration,
        Sought::List,
    ]
}

fuzz_target!(|text: &str| {
    let _ = yes_no(text);
    let examples = ["I want to speak to a manager", "can I talk to a real person"];
    let shipped = Candidate::new("The caller asks for a supervisor.", examples);
    let _ = best(text, &[shipped, Candidate::new(text, [text])]);
    let all = sought();
    for one in &all {
        let _ = keyed(text, one);
        assert_eq!(values(text, std::slice::from_ref(one), Some(0)).len(), 1);
    }
    for asked in [None, Some(0), Some(all.len())] {
        assert_eq!(values(text, &all, asked).len(), all.len());
    }
    for language in ["en-US", "de"] {
        let said = spoken(text, language);
        assert_eq!(spoken(&said, language), said, "twice is not as once");
        // Numbers and signs become words, but no text becomes a book.
        assert!(said.len() <= 200 + 60 * text.len(), "{} bytes of {}", said.len(), text.len());
    }
});
