//! A condition of any make: read, or refused at a place within it. The twin is `tests/hostile/guards.rs`.

#![no_main]

use callflow::flow::guard::parse;
use callflow::source::Span;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match parse(text, &|range| Span::new(range.start, range.end)) {
        Ok(expr) => {
            let mut parts = 0;
            expr.walk(&mut |part| {
                assert!(part.span.start <= part.span.end && part.span.end as usize <= text.len(), "{part:?}");
                parts += 1;
            });
            assert!(parts < 1000, "{parts} parts");
        }
        Err(error) => {
            assert!(text.get(error.at.clone()).is_some(), "{error:?}");
            assert!(!error.message.is_empty());
        }
    }
});
