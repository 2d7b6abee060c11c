//! docs/security.md names a test for every threat, and settings: both must exist.

use std::fs;

/// What stands between backticks.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

fn document() -> String {
    fs::read_to_string("docs/security.md").unwrap()
}

#[test]
fn every_test_that_holds_a_line_exists() {
    let document = document();
    let mut count = 0;
    for (file, name) in code(&document).filter_map(|code| code.split_once(".rs::")) {
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
    assert!(count > 40, "the tests were not found: {count}");
}

#[test]
fn every_threat_has_a_test() {
    let document = document();
    let table = document.split("## The threat model").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows: Vec<_> = table.lines().filter(|line| line.starts_with("| **")).collect();
    assert!(rows.len() > 15, "the table was not found");
    for row in rows {
        let held_by = row.trim_end_matches('|').rsplit('|').next().unwrap();
        assert!(code(held_by).any(|code| code.contains(".rs::")), "nothing holds: {row}");
    }
}

#[test]
fn every_setting_that_is_named_is_one() {
    let settings = fs::read_to_string(".env.example").unwrap();
    for name in
        code(&document()).flat_map(|code| code.split(['=', ' '])).filter(|word| word.starts_with("CALLFLOW_"))
    {
        assert!(settings.contains(&format!("\n{name}=")), "{name} is not in .env.example");
    }
}
