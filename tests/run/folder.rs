//! A folder of a test's own, and the program in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::process::{Ran, run};

/// A folder of the test's own, gone with it.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let root = std::env::temp_dir().join(format!("callflow-run-{name}-{}", std::process::id()));
        let _not_there = std::fs::remove_dir_all(&root);
        std::fs::create_dir_all(&root).unwrap();
        Self(root)
    }

    pub fn callflow(&self, args: &[&str], input: &str) -> Ran {
        // After the subcommand, where options of every command may stand.
        let mut command = Command::new(env!("CARGO_BIN_EXE_callflow"));
        command.args(args).args(["--env-file", "/dev/null"]).current_dir(&self.0).env_clear();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        run(command, input)
    }

    /// A script of bash with the program on its path, stopped at its first error.
    #[expect(clippy::disallowed_methods, reason = "a script needs the path of whoever runs the tests")]
    pub fn shell(&self, script: &str) -> Ran {
        let program = Path::new(env!("CARGO_BIN_EXE_callflow")).parent().unwrap().display();
        let path = format!("{program}:{}", std::env::var("PATH").unwrap());
        let mut command = Command::new("bash");
        command.args(["-eo", "pipefail", "-c", script]).current_dir(&self.0).env_clear().env("PATH", path);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        run(command, "")
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.0.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.0.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(&self.0);
    }
}
