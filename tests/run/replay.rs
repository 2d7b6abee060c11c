//! `callflow replay` and `callflow graph --trace`: whatever the file of a journal is, it is said.

use crate::folder::Folder;

const FLOW: &str = "callflow: 1\nname: shop\nstart: hi\nstates:\n  hi: {say: Hello., next: bye}\n  \
    bye: {end: Goodbye.}\n";

fn recorded(name: &str) -> Folder {
    recorded_with(name, FLOW, "")
}

/// A folder with a flow and the journal of a call of it, in which the caller says this.
fn recorded_with(name: &str, flow: &str, said: &str) -> Folder {
    let folder = Folder::new(name);
    folder.write("shop.yaml", flow);
    let call = ["--flow", "shop.yaml", "--once", "--json", "--offline", "--port", "0", "--speed", "max"];
    folder.callflow(&[&call[..], &["--record", "call.jsonl"]].concat(), said);
    folder
}

fn replay(folder: &Folder, journal: &str, flow: &str) -> (Option<i32>, String, String) {
    let ran = folder.callflow(&["replay", journal, "--flow", flow], "");
    (ran.code, ran.out, ran.err)
}

#[test]
fn a_journal_that_was_cut_in_the_middle_of_a_line_is_replayed_so_far_and_that_is_said() {
    let folder = recorded("cut");
    let (code, out, err) = replay(&folder, "call.jsonl", "shop.yaml");
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    assert!(out.ends_with("every step went as recorded\n"), "{out}");

    let journal = folder.read("call.jsonl");
    let lines: Vec<_> = journal.lines().collect();
    folder.write("cut.jsonl", &format!("{}\n{}\n{}", lines[0], lines[1], &lines[2][..40]));
    let (code, out, err) = replay(&folder, "cut.jsonl", "shop.yaml");
    assert_eq!(err, "warning: cut.jsonl: line 3, the last, is broken off, and was passed over\n");
    assert_eq!(code, Some(0), "{out}");
    assert!(
        out.contains(": 1 steps of shop") && out.ends_with("the journal ends before the call does\n"),
        "{out}"
    );
    let drawn = folder.callflow(&["graph", "shop.yaml", "--trace", "cut.jsonl"], "");
    assert_eq!((drawn.code, drawn.err), (Some(0), err));
}

#[test]
fn a_call_of_another_flow_is_told_from_one_of_another_version() {
    let folder = recorded("other");
    folder.write("edited.yaml", &FLOW.replace("Hello", "Good day"));
    folder.write("other.yaml", &FLOW.replace("name: shop", "name: bank"));
    let (code, out, _) = replay(&folder, "call.jsonl", "edited.yaml");
    assert_eq!(code, Some(1));
    assert!(out.contains("recorded with another version of the flow"), "{out}");
    let (_, out, _) = replay(&folder, "call.jsonl", "other.yaml");
    assert!(out.contains("recorded with another flow: shop, and this is bank\n"), "{out}");
    assert!(!out.contains("version"), "{out}");
}

#[test]
fn a_trace_tells_two_edges_between_the_same_states_apart_as_long_as_the_call_can_be_replayed() {
    let asks = "confirm: Shall I?, on: {accepted: bye, declined: bye, exhausted: bye, failed: bye}";
    let folder = recorded_with("edges", &FLOW.replace("say: Hello., next: bye", asks), "yes\n");
    let taken = |journal: &str| {
        let drawn = folder.callflow(&["graph", "shop.yaml", "--trace", journal, "--format", "svg"], "");
        assert_eq!(drawn.code, Some(0), "{}", drawn.err);
        ["normal", "failure"].map(|tone| drawn.out.contains(&format!("class=\"link {tone} taken\"")))
    };
    assert_eq!(taken("call.jsonl"), [true, false]);
    let journal = folder.read("call.jsonl");
    assert!(journal.contains("Shall I?"), "{journal}");
    folder.write("edited.jsonl", &journal.replace("Shall I?", "Shall we?"));
    assert_eq!(taken("edited.jsonl"), [true, true]);
}

#[test]
fn what_is_no_journal_is_an_error_with_advice() {
    let folder = Folder::new("no-journal");
    folder.write("shop.yaml", FLOW);
    folder.write("empty.jsonl", "");
    folder.write("notes.txt", "hello\n");
    folder.write("folder/x", "");
    std::fs::write(folder.0.join("program"), b"\x7fELF\xff\xfe\x00\x01").unwrap();
    for (journal, says) in [
        ("missing.jsonl", "the journal missing.jsonl does not exist"),
        ("folder", "folder is a folder, and a journal is a file"),
        ("program", "program is not a journal: it is not text"),
        ("empty.jsonl", "empty.jsonl: there is no call in it"),
        ("notes.txt", "notes.txt: line 1 is not a "),
    ] {
        let (code, out, replayed) = replay(&folder, journal, "shop.yaml");
        assert_eq!((code, out.as_str()), (Some(2), ""));
        let drawn = folder.callflow(&["graph", "shop.yaml", "--trace", journal], "");
        assert_eq!((drawn.code, drawn.out.as_str()), (Some(2), ""));
        for err in [replayed, drawn.err] {
            assert!(err.starts_with(&format!("error: {says}")), "{err}");
            assert!(
                err.contains("\nhelp: a journal is what `callflow --flow FLOW --record FILE` writes"),
                "{err}"
            );
        }
    }
    let (code, _, err) = replay(&folder, "empty.jsonl", "gone.yaml");
    assert_eq!(code, Some(2));
    assert!(err.starts_with("error: gone.yaml does not exist\nhelp: "), "{err}");
}
