//! Calls of the front desk, piped: opening hours, a list of people, a caller who changes their mind; and the same flow
//! with a group and a second file. The clock of these calls is the wall's, so what depends on it is opened or closed.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::process::{Ran, call_of};

const SHIPPED: &str = include_str!("../../flows/business_hours.yaml");
const OFFICE: &str =
    "open: [\"Mon-Fri 09:00-17:30\", \"Sat 10:00-14:00\"]\n    closed: [2026-12-25, 2027-01-01]";

fn edited(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "the flow has no {from}");
    text.replace(from, to)
}

/// The shipped flow, at any hour.
fn always_open() -> String {
    edited(SHIPPED, OFFICE, "open: [\"Mon-Sun 00:00-24:00\"]")
}

/// A day of the week that it is nowhere now.
fn another_day() -> &'static str {
    #[expect(clippy::disallowed_methods, reason = "the program that is called here reads the same clock")]
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    // The first of January 1970 was a Thursday.
    ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][(now.as_secs() / 86_400 + 3) as usize % 7]
}

/// A folder with files, and calls of the first of them.
struct Desk(PathBuf);

impl Desk {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let folder = std::env::temp_dir().join(format!("callflow-desk-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        for (file, text) in files {
            std::fs::write(folder.join(file), text).unwrap();
        }
        Self(folder)
    }

    fn call(&self, lines: &[&str]) -> (Value, Ran) {
        let ran = call_of(self.0.join("desk.yaml").to_str().unwrap(), lines);
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        (ran.record(), ran)
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn within_the_hours_the_second_on_the_list_is_put_through_when_the_first_is_busy() {
    let desk = Desk::new("open", &[("desk.yaml", &always_open())]);
    let (record, ran) = desk.call(&["I want to talk to someone", "/reject busy", "/answer", "/hangup"]);
    let path = ["open_or_closed", "welcome", "reception", "may_connect", "connecting", "connected"];
    assert_eq!((&record["outcome"], &record["states"]), (&json!("transferred"), &json!(path)));
    let transfer = &record["transfer"];
    let seen = (&transfer["target"], &transfer["outcome"], &transfer["attempts"]);
    assert_eq!(seen, (&json!("back_office"), &json!("answered"), &json!(2)));
    // The variable has its default where the model names no topic.
    let announced = "caller hears    I'll try to reach somebody about your question. Please hold.";
    assert!(ran.err.contains(announced), "{}", ran.err);
}

#[test]
fn out_of_hours_nobody_is_dialled_and_the_caller_is_told_so() {
    let closed = edited(SHIPPED, OFFICE, &format!("open: [\"{} 09:00-17:30\"]", another_day()));
    let desk = Desk::new("closed", &[("desk.yaml", &closed)]);
    let (record, ran) = desk.call(&["I want to talk to someone", "that's all, thanks"]);
    let path =
        ["open_or_closed", "welcome_closed", "reception", "may_connect", "closed", "reception", "goodbye"];
    assert_eq!((&record["outcome"], &record["states"]), (&json!("completed"), &json!(path)));
    assert_eq!(record["transfer"], Value::Null);
    assert!(!ran.err.contains("dials"), "{}", ran.err);
}

#[test]
fn a_caller_who_changes_their_mind_while_it_rings_is_back_at_the_desk() {
    let desk = Desk::new("mind", &[("desk.yaml", &always_open())]);
    let asks = ["I want to talk to someone", "/wait 2s", "never mind", "that's all, thanks"];
    let (record, ran) = desk.call(&asks);
    assert_eq!(
        (&record["outcome"], &record["transfer"]["outcome"]),
        (&json!("completed"), &json!("cancelled"))
    );
    assert!(ran.err.contains("caller hears    All right, I've stopped calling."), "{}", ran.err);
}

/// As it is shipped, whatever the hour: one of the two greetings, and the way that belongs to it.
#[test]
fn the_flow_as_it_is_shipped_takes_a_call_at_any_hour() {
    let ran = call_of("flows/business_hours.yaml", &["that's all, thanks"]);
    let record = ran.record();
    assert_eq!((ran.code, &record["outcome"]), (Some(0), &json!("completed")), "{}", ran.err);
    let greeted = record["states"][1].as_str().unwrap();
    assert!(matches!(greeted, "welcome" | "welcome_closed"), "{record}");
    assert_eq!(record["states"], json!(["open_or_closed", greeted, "reception", "goodbye"]));
}

/// The goodbye stands in a second file, and the way to it in a group.
#[test]
fn edges_of_a_group_and_states_of_another_file_are_taken_in_a_call() {
    const GOODBYE: &str = "  goodbye: {end: \"Thank you for calling. Goodbye.\"}\n";
    let text = edited(&always_open(), GOODBYE, "");
    let text = edited(&text, "      intent.goodbye: goodbye\n", "");
    let text = edited(&text, "  reception:\n", "  reception:\n    group: listening\n");
    let groups = "use: [closing.yaml]\ngroups:\n  listening: {on: {intent.goodbye: goodbye}}\nstates:\n  open_or_closed:\n";
    let text = edited(&text, "states:\n  open_or_closed:\n", groups);
    let closing = format!("states:\n{GOODBYE}");
    let desk = Desk::new("split", &[("desk.yaml", &text), ("closing.yaml", &closing)]);
    let (record, ran) = desk.call(&["that's all, thanks"]);
    assert_eq!(record["states"], json!(["open_or_closed", "welcome", "reception", "goodbye"]));
    assert!(ran.err.contains("caller hears    Thank you for calling. Goodbye."), "{}", ran.err);
}
