//! What cannot be run is refused before any call: one message with the fix, and the right status.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::process::{Ran, callflow, run};

const FLOW: &str = "flows/cold_transfer.yaml";

fn refused(args: &[&str], env: &[(&str, &str)]) -> Ran {
    let mut command = callflow(args);
    command.envs(env.iter().copied());
    refused_by(command)
}

fn refused_by(command: Command) -> Ran {
    let ran = run(command, "");
    assert_eq!(ran.out, "", "nothing is shown before everything is well");
    for ugly in ["panicked", "RUST_BACKTRACE", "Error {", "os error"] {
        assert!(!ran.err.contains(ugly), "{}", ran.err);
    }
    ran
}

/// What a subcommand refuses.
fn refused_command(args: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_callflow"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).env_clear().args(args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    refused_by(command)
}

/// A flow file that is removed at the end.
struct File(PathBuf);

impl File {
    fn holding(name: &str, bytes: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("callflow-{}-{name}.yaml", std::process::id()));
        std::fs::write(&path, bytes).unwrap();
        Self(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _gone = std::fs::remove_file(&self.0);
    }
}

#[test]
fn what_is_no_flow_is_status_2_with_the_reason_and_the_fix() {
    let latin1 = File::holding("latin1", b"callflow: 1 # caf\xe9\n");
    let latin1 = latin1.0.to_str().unwrap();
    for (path, reason, fix) in [
        ("no/such.yaml", "no/such.yaml does not exist", "look at the path"),
        ("flows", "flows is a folder", "such as flows/cold_transfer.yaml"),
        (latin1, "is not UTF-8 text", "save the file as UTF-8"),
    ] {
        let ran = refused(&["--flow", path, "--offline", "--port", "0"], &[]);
        assert_eq!(ran.code, Some(2), "{}", ran.err);
        assert!(ran.err.contains(reason) && ran.err.contains(fix), "{}", ran.err);
    }
    assert_eq!(refused(&["--flow", "/dev/zero", "--offline", "--port", "0"], &[]).code, Some(1));
}

#[test]
fn a_test_file_where_a_flow_is_wanted_is_status_2_and_said_to_be_one() {
    let tests = "flows/cold_transfer.test.yaml";
    for args in [
        &["check", tests][..],
        &["explore", tests],
        &["explain", tests],
        &["lock", tests],
        &["graph", tests],
        &["replay", "call.journal.jsonl", "--flow", tests],
        &["--flow", tests, "--offline", "--port", "0", "--env-file", "/dev/null"],
    ] {
        let ran = refused_command(args);
        assert_eq!(ran.code, Some(2), "{args:?}: {}", ran.err);
        let says = format!("{tests} is a test file, and not a flow: `callflow test {tests}` runs it\n");
        assert!(ran.err.contains(&says) && ran.err.contains("give the path of the flow"), "{}", ran.err);
    }
}

#[test]
fn what_cannot_be_written_and_what_holds_no_flow_is_status_2_with_the_fix() {
    let empty = crate::folder::Folder::new("no-flows");
    let empty = empty.0.to_str().unwrap();
    for (args, reason, fix) in [
        (&["graph", FLOW, "-o", "nodir/x.svg"][..], "there is no folder nodir", "make the folder first"),
        (&["schema", "--write", "nodir/x.json"], "there is no folder nodir", "make the folder first"),
        (&["test", "flows", "--junit", "nodir/x.xml"], "there is no folder nodir", "make the folder first"),
        (&["lock", empty], "there are no flows in", "begins with `callflow: 1`"),
        (&["explore", FLOW, "--max-states", "0"], "0 is not in 1..", "--help"),
    ] {
        let ran = refused_command(args);
        assert_eq!(ran.code, Some(2), "{args:?}: {}", ran.err);
        assert!(ran.err.contains(reason) && ran.err.contains(fix), "{}", ran.err);
    }
}

#[test]
fn a_flow_with_errors_is_status_1_with_their_places() {
    let shipped = std::fs::read_to_string(FLOW).unwrap();
    for (name, text, finding) in [
        ("state", shipped.replace("next: converse", "next: konverse"), "did you mean `converse`?"),
        ("tab", shipped.replace("  greet:", "\tgreet:"), "tab"),
        ("key", shipped.replace("start: greet", "start: greet\nstart: greet"), "start"),
        ("empty", String::new(), "callflow: 1"),
    ] {
        let file = File::holding(name, text.as_bytes());
        let ran = refused(&["--flow", file.0.to_str().unwrap(), "--offline", "--port", "0"], &[]);
        assert_eq!(ran.code, Some(1), "{name}: {}", ran.err);
        assert!(ran.err.contains("error[F") && ran.err.contains(finding), "{name}: {}", ran.err);
    }
}

#[test]
fn settings_that_cannot_work_are_status_2_with_the_fix() {
    let check = |args: &[&str], env: &[(&str, &str)], fix: &str| {
        let ran = refused(&[&["--flow", FLOW, "--port", "0"], args].concat(), env);
        assert_eq!(ran.code, Some(2), "{}", ran.err);
        assert!(ran.err.starts_with("error: ") && ran.err.contains(fix), "{}", ran.err);
    };
    check(&["--offline"], &[("OPERATOR_NUMBER", "0800 call me")], "set OPERATOR_NUMBER to a number like");
    check(&["--offline", "--from", "12"], &[], "--from");
    check(&[], &[("DAILY_API_KEY", "k")], "pass --offline to ignore all keys");
    check(&[], &[("ENV", "production")], "PIPECAT_API_KEY");
    check(&[], &[("ENV", "production")], "\nerror: ENV=production needs PIPECAT_AGENT_NAME");
    check(&[], &[("ENV", "staging")], "set ENV to");
    check(&[], &[("OPENAI_API_KEY", "two words")], "OPENAI_API_KEY");
}

#[test]
fn a_flow_without_its_option_is_shown_how_to_run() {
    let ran = refused(&[FLOW], &[]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("callflow --flow flows/cold_transfer.yaml"), "{}", ran.err);
}

#[test]
fn a_real_model_is_not_hurried() {
    let env = [("OPENAI_API_KEY", "k")];
    let ran = refused(&["--flow", FLOW, "--port", "0", "--speed", "max"], &env);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("remove --speed, or pass --offline"), "{}", ran.err);
}

#[test]
fn a_busy_port_is_named_with_the_way_out() {
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = busy.local_addr().unwrap().port().to_string();
    let ran = refused(&["--flow", FLOW, "--offline", "--port", &port], &[]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains(&format!("port {port} is in use")) && ran.err.contains("--port"), "{}", ran.err);
}
