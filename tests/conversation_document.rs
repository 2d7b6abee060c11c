//! docs/conversation.md has a line for every requirement, and the tests that it names exist.

mod named_tests;

use std::collections::BTreeSet;
use std::fs;

fn document() -> String {
    fs::read_to_string("docs/conversation.md").unwrap()
}

#[test]
fn every_test_that_is_named_exists() {
    assert!(named_tests::every_test_exists(&document()) > 60, "the tests were not found");
}

#[test]
fn every_requirement_has_a_line() {
    let document = document();
    let table = document.split("## The requirements").nth(1).unwrap();
    let mut numbers = BTreeSet::new();
    for row in table.lines().filter(|line| line.starts_with("| C")) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        assert!(cells.len() == 3 && cells[2].len() > 5, "nothing is said of {row}");
        let number = |text: &str| text.trim().trim_start_matches('C').parse::<u32>().unwrap();
        for part in cells[0].split(',') {
            match part.split_once('–') {
                Some((from, to)) => numbers.extend(number(from)..=number(to)),
                None => drop(numbers.insert(number(part))),
            }
        }
    }
    assert_eq!(numbers, (1..=78).collect());
}
