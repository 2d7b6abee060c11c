//! docs/edge-cases.md: a row for each case, and every test that it names exists.

use std::collections::BTreeSet;
use std::fs;

use callflow::sandbox::catalogue::faults_of;
use callflow::scenario::faults::{CATALOGUE, Case, Place};

use crate::named_tests::{code, every_test_exists};

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
        let on_the_wire = faults_of(case.id).is_some();
        let by = match case.place {
            Place::Machine(_) if on_the_wire => "`faults:`, sandbox",
            Place::Machine(_) => "`faults:`",
            Place::Wire(body) => {
                assert!(on_the_wire && body == format!(r#"{{"id":"{}"}}"#, case.id), "{body}");
                "sandbox"
            }
            Place::Check(_) => "check",
        };
        assert_eq!(row.split('|').nth(4).unwrap().trim(), by, "{row}");
    }
}

#[test]
fn every_test_that_is_named_exists() {
    assert!(every_test_exists(&rows().join("\n")) > 100, "the tests were not found");
}

#[test]
fn the_pages_name_what_can_be_brought_about_and_what_cannot() {
    let words = |page: &str, from: &str, to: &str| {
        let text = fs::read_to_string(page).unwrap();
        let text = text.split_once(from).unwrap_or_else(|| panic!("{page}: {from}")).1;
        let text = text.split_once(to).unwrap_or_else(|| panic!("{page}: {to}")).0.to_owned();
        let is_id = |word: &&str| word.len() == 3 && word.starts_with('E');
        text.split(|c: char| !c.is_alphanumeric()).filter(is_id).map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let cases = |of: fn(&Case) -> bool| -> BTreeSet<String> {
        CATALOGUE.iter().filter(|case| of(case)).map(|case| case.id.to_owned()).collect()
    };
    let elsewhere = words("docs/testing.md", "cannot be injected", "decided before");
    assert_eq!(elsewhere, cases(|case| !case.is_injectable()));
    let sandbox = words("docs/sandbox-protocol.md", "produce the case, once:", "Other cases");
    assert_eq!(sandbox, cases(|case| faults_of(case.id).is_some()));
}
