//! docs/edge-cases.md: a row for each case, and every test that it names exists.

use std::collections::BTreeSet;
use std::fs;

use callflow::scenario::faults::{CATALOGUE, Place};

fn code(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

fn rows() -> Vec<String> {
    let document = fs::read_to_string("docs/edge-cases.md").unwrap();
    document.lines().filter(|line| line.starts_with("| E")).map(str::to_owned).collect()
}

#[test]
fn every_case_has_a_row_and_every_row_a_test() {
    let rows = rows();
    let ids: Vec<_> = rows.iter().map(|row| row.split('|').nth(1).unwrap().trim().to_owned()).collect();
    let wanted: Vec<_> = (1..=71).map(|n| format!("E{n:02}")).collect();
    assert_eq!(ids, wanted);
    assert_eq!(CATALOGUE.iter().map(|case| case.id).collect::<Vec<_>>(), wanted);
    for (row, case) in rows.iter().zip(CATALOGUE) {
        assert_eq!(row.split('|').count(), 7, "{row}");
        assert!(row.contains(case.title), "{row}: the catalogue says {}", case.title);
        let tests = row.split('|').nth(5).unwrap();
        assert!(code(tests).any(|code| code.contains(".rs::")), "nothing holds {row}");
        let injected = row.split('|').nth(4).unwrap().contains("`faults:`");
        assert_eq!(injected, matches!(case.place, Place::Machine(_)), "{row}");
    }
}

#[test]
fn every_test_that_is_named_exists() {
    let rows = rows().join("\n");
    let mut seen = BTreeSet::new();
    for (file, name) in code(&rows).filter_map(|code| code.split_once(".rs::")) {
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
        seen.insert(name.to_owned());
    }
    assert!(seen.len() > 60, "{}", seen.len());
}
