//! `callflow sandbox` as a process of its own.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// Kills the process when a test fails before its end.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _gone = self.0.kill();
    }
}

#[test]
fn the_first_line_of_json_names_every_base_url_and_a_signal_ends_it_well() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_callflow"));
    let child = command.args(["sandbox", "--json"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut process = Process(child);
    let mut first = String::new();
    BufReader::new(process.0.stdout.take().unwrap()).read_line(&mut first).unwrap();
    let urls: Value = serde_json::from_str(&first).unwrap();
    let origin = urls["phone"].as_str().unwrap();
    assert!(origin.starts_with("http://127.0.0.1:"));
    for (service, path) in
        [("daily", "/v1"), ("openai", "/openai/v1"), ("deepgram", "/deepgram"), ("cartesia", "/cartesia")]
    {
        assert_eq!(urls[service], format!("{origin}{path}"));
    }
    let address = origin.strip_prefix("http://").unwrap();
    std::net::TcpStream::connect(address).unwrap();
    let id = process.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    assert_eq!(process.0.wait().unwrap().code(), Some(0));
}
