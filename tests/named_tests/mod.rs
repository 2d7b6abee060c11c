//! For documents that name a test for each thing they claim: `path.rs::name` between backticks.

use std::fs;

/// What stands between backticks.
pub fn code(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Looks for every test that a document names, and says how many there are.
pub fn every_test_exists(document: &str) -> usize {
    let mut count = 0;
    for (file, name) in code(document).filter_map(|code| code.split_once(".rs::")) {
        let file = format!("{file}.rs");
        let text = fs::read_to_string(&file).unwrap_or_else(|_| panic!("there is no {file}"));
        let is_test = |at: usize| {
            let before = &text[..at];
            let attributes = &before[before.rfind("\n\n").unwrap_or(0)..];
            attributes.contains("#[test]")
                || attributes.contains("#[tokio::test")
                || before.contains("proptest! {")
        };
        let found = text.find(&format!("fn {name}("));
        assert!(found.is_some_and(is_test), "{file} has no test {name}");
        count += 1;
    }
    count
}
