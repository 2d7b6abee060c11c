//! docs/security.md names a test for every threat, and settings: both must exist.

use std::fs;

use crate::named_tests::{code, every_test_exists};

fn document() -> String {
    fs::read_to_string("docs/security.md").unwrap()
}

#[test]
fn every_test_that_holds_a_line_exists() {
    let count = every_test_exists(&document());
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
