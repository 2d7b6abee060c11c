//! The shipped flows hold everything, and are explored completely.

use callflow::explore::span;

use crate::rig::explored;

#[test]
fn the_cold_transfer_holds_every_property_in_every_call() {
    let report = explored(include_str!("../../flows/cold_transfer.yaml"));
    assert!(report.complete && report.findings.is_empty(), "{report:#?}");
    assert!(report.unentered.is_empty());
    println!("{} configurations, {} steps", report.configurations, report.steps);
    // A question waits ten seconds for its answer; nothing else is as quiet.
    assert_eq!(report.longest_silence.map(|silence| span(silence.time)).as_deref(), Some("10s"));
}

#[test]
fn the_front_desk_holds_every_property_in_every_call() {
    let report = explored(include_str!("../../flows/business_hours.yaml"));
    assert!(report.complete && report.findings.is_empty(), "{report:#?}");
    assert!(report.unentered.is_empty());
    println!("{} configurations, {} steps", report.configurations, report.steps);
}
