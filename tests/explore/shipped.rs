//! The shipped flows hold everything, are explored completely, and are as large as docs/explorer.md says.

use std::fmt::Write as _;

use callflow::explore::{Report, span};

use crate::generated::{of_states, of_targets, of_tries};
use crate::rig::{explored, plan_of};

const FLOWS: [(&str, &str); 4] = [
    ("cold_transfer", include_str!("../../flows/cold_transfer.yaml")),
    ("business_hours", include_str!("../../flows/business_hours.yaml")),
    ("order_status", include_str!("../../flows/order_status.yaml")),
    ("table_booking", include_str!("../../flows/table_booking.yaml")),
];

/// A number as the document writes it: `44 532`.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// A row of the document, of a flow that holds everything in every call.
fn row(name: &str, text: &str) -> (String, Report) {
    let states = plan_of(text).states.len();
    let report = explored(text);
    assert!(
        report.complete && report.findings.is_empty() && report.unentered.is_empty(),
        "{name} {report:#?}"
    );
    let (configurations, steps) = (grouped(report.configurations), grouped(report.steps));
    (format!("| {name} | {states} | {configurations} | {steps} |\n"), report)
}

/// The document has these rows, one after the other.
fn is_documented(rows: &str) {
    let document = std::fs::read_to_string("docs/explorer.md").unwrap();
    assert!(document.contains(rows), "docs/explorer.md must have these rows:\n{rows}");
}

#[test]
fn the_shipped_flows_hold_every_property_in_every_call() {
    let (mut rows, mut silences) = (String::new(), String::new());
    for (name, text) in FLOWS {
        let (row, report) = row(&format!("`flows/{name}.yaml`"), text);
        rows += &row;
        // A question waits ten seconds for its answer, and little else is as quiet.
        let silence = span(report.longest_silence.unwrap().time);
        writeln!(silences, "{name}: {silence}").unwrap();
    }
    insta::assert_snapshot!("shipped", format!("{rows}\n{silences}"));
    is_documented(&rows);
}

#[test]
fn what_is_explored_grows_with_states_targets_and_tries_as_the_document_says() {
    let mut all = String::new();
    let mut grows = |flow: fn(usize) -> String, sizes: [usize; 4]| {
        let rows: String = sizes.iter().map(|size| row(&size.to_string(), &flow(*size)).0).collect();
        is_documented(&rows);
        all += &rows;
        all += "\n";
    };
    grows(of_states, [25, 50, 100, 200]);
    grows(of_targets, [1, 2, 4, 8]);
    grows(of_tries, [1, 2, 4, 8]);
    insta::assert_snapshot!("growth", all);
}
