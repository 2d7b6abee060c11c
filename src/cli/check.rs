//! `callflow check`: reports every problem of one or more flows.
//!
//! Findings go to standard output, what kept a file from being looked at to standard error.

mod at_once;
mod explored;
mod files;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::explore::in_check;
use super::test::{TestFiles, Uncovered, uncovered};
use super::{ExitStatus, folders};
use crate::check::{self, EnvMode};
use crate::diagnostic::{
    Diagnostic, Findings, Style, render_github, render_human, render_json, render_sarif, render_short,
};
use crate::settings::Env;
use crate::source::SourceFile;

use at_once::at_once;
use explored::Explored;
pub use files::{Found, ReadError, find, read};

/// Arguments of `callflow check`.
#[derive(Args, Debug, Clone)]
pub struct CheckArgs {
    /// Flow files, and folders to be searched for them.
    #[arg(required = true, value_name = "FILE|DIR")]
    pub paths: Vec<PathBuf>,
    /// How findings are shown.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
    /// Also check that the environment has the variables that the flows need.
    #[arg(long)]
    pub env: bool,
    /// Apply the static rules only: do not explore the calls of flows that have no errors.
    #[arg(long)]
    pub no_explore: bool,
    /// Explore every flow. Otherwise one that was explored before, and nothing was found, and in which nothing has
    /// changed, is not explored again; `callflow/explored` in the user's cache folder knows.
    #[arg(long)]
    pub no_cache: bool,
    /// Run the tests beside the flows as well, and say what they do not reach.
    #[arg(long)]
    pub tests: bool,
    /// Let warnings fail the check as well.
    #[arg(long)]
    pub strict: bool,
}

/// How findings are shown.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// With the lines they are about, and advice.
    Human,
    /// One line each: `path:line:col: error[F008]: message`.
    Short,
    /// One JSON object on the last line.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// Annotations of GitHub Actions.
    Github,
}

/// Checks, prints, and says how it ended: [`ExitStatus::Success`] with nothing but warnings,
/// [`ExitStatus::Findings`] with errors in a flow, [`ExitStatus::Error`] if something could not be looked at.
#[must_use]
pub fn run(args: &CheckArgs, env: &Env) -> ExitStatus {
    let lookup = |name: &str| env.get(name);
    // Both streams drop colours where nobody can see them.
    match check_all(args, &lookup, &mut anstream::stdout(), &mut anstream::stderr()) {
        Ok(status) => status,
        // The reader (`head`, a pager) has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitStatus::Error,
        Err(error) => {
            anstream::eprintln!("error: cannot print the findings: {error}");
            ExitStatus::Error
        }
    }
}

/// Asks for a variable of the environment.
type Lookup<'a> = &'a (dyn Fn(&str) -> Option<String> + Sync);

/// What was seen so far.
#[derive(Default)]
struct Tally {
    flows: usize,
    errors: usize,
    warnings: usize,
    unusable: bool,
    /// Tests that fail.
    failed: usize,
    /// What is shown at the end, all together.
    findings: Vec<Findings>,
}

fn check_all(
    args: &CheckArgs,
    env: Lookup<'_>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<ExitStatus> {
    let mut tally = Tally::default();
    let mut all = Vec::new();
    for path in &args.paths {
        match find(path) {
            Ok(Found { flows, skipped }) => {
                for path in skipped {
                    writeln!(
                        err,
                        "skipped: {} has no `callflow:` line, so it is not a flow",
                        path.display()
                    )?;
                }
                if flows.is_empty() {
                    writeln!(err, "error: there are no flows in {}", path.display())?;
                    writeln!(err, "help: a flow is a .yaml file that begins with `callflow: 1`")?;
                    tally.unusable = true;
                }
                all.extend(flows);
            }
            Err(error) => unusable(&error, &mut tally, err)?,
        }
    }
    let tests = if args.tests { TestFiles::at(&args.paths) } else { TestFiles::default() };
    let cache = folders::cache(&env).filter(|_| !args.no_cache && !args.no_explore);
    let explored = Explored::within(cache);
    at_once(
        &all,
        |path| look(path, args, &tests, &explored, env),
        |path, seen| show(path, seen, args, &mut tally, out, err),
    )?;
    if let Err(error) = explored.keep() {
        tracing::debug!(%error, "what was explored cannot be remembered");
    }
    for path in tests.others(&all) {
        let seen = uncovered(&[&path]);
        tested(&path, &seen.failed, &seen.unusable, &mut tally, err)?;
    }
    match args.format {
        Format::Human if tally.flows > 0 => writeln!(out, "{}", summary(&tally))?,
        Format::Json => out.write_all(render_json(&tally.findings).as_bytes())?,
        Format::Sarif => out.write_all(render_sarif(&tally.findings).as_bytes())?,
        Format::Human | Format::Short | Format::Github => {}
    }
    out.flush()?;
    Ok(match () {
        () if tally.unusable => ExitStatus::Error,
        () if tally.errors + tally.failed > 0 || (args.strict && tally.warnings > 0) => ExitStatus::Findings,
        () => ExitStatus::Success,
    })
}

/// What is seen in one file.
struct Seen {
    source: SourceFile,
    diagnostics: Vec<Diagnostic>,
    /// What is not decided, and how it could be.
    open: Option<&'static str>,
    /// Its tests that fail.
    failed: Vec<String>,
    /// What kept tests from being run.
    unusable: Vec<String>,
}

fn look(
    path: &Path,
    args: &CheckArgs,
    tests: &TestFiles,
    explored: &Explored,
    env: Lookup<'_>,
) -> Result<Seen, ReadError> {
    let source = read(path)?;
    let mode = if args.env { EnvMode::Known(env) } else { EnvMode::Unknown };
    let check::Checked { source, flow, mut diagnostics } = check::check(&source, mode);
    let mut open = None;
    let (mut failed, mut unusable) = (Vec::new(), Vec::new());
    if let Some(flow) = &flow {
        diagnostics.extend(super::lock::finding(path, flow.document()));
        if let Some(Uncovered { findings, failed: fail, unusable: cannot }) = tests.uncovered(path) {
            diagnostics.extend(findings);
            (failed, unusable) = (fail, cannot);
        }
        diagnostics.sort_by_key(|d| (d.primary.span, d.id));
    }
    match flow {
        Some(flow) if args.no_explore => {
            // What the machine keeps in any flow needs no word; what this flow asks for itself does.
            let asks = !flow.document().properties.is_empty();
            open = asks.then_some(
                "has `properties:`, which only exploring decides (F059); leave out `--no-explore`",
            );
        }
        Some(flow) => {
            let fingerprint = explored.fingerprint(&flow);
            if fingerprint.is_some_and(|flow| explored.has(flow)) {
                return Ok(Seen { source, diagnostics, open, failed, unusable });
            }
            let (found, all) = in_check(flow);
            if let Some(flow) = fingerprint.filter(|_| all && found.is_empty()) {
                explored.note(flow);
            }
            diagnostics.extend(found);
            diagnostics.sort_by_key(|d| (d.primary.span, d.id));
            open = (!all).then_some("has more calls than `check` explores; `callflow explore` goes on");
        }
        None => {}
    }
    Ok(Seen { source, diagnostics, open, failed, unusable })
}

fn show(
    path: &Path,
    seen: Result<Seen, ReadError>,
    args: &CheckArgs,
    tally: &mut Tally,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<()> {
    let Seen { source, diagnostics, open, failed, unusable: cannot } = match seen {
        Ok(seen) => seen,
        Err(error) => return unusable(&error, tally, err),
    };
    tested(path, &failed, &cannot, tally, err)?;
    if let Some(open) = open {
        writeln!(err, "note: {} {open}", path.display())?;
    }
    let errors = diagnostics.iter().filter(|d| Diagnostic::is_error(d)).count();
    tally.flows += 1;
    tally.errors += errors;
    tally.warnings += diagnostics.len() - errors;
    let text = match args.format {
        Format::Human => render_human(&source, &diagnostics, Style::Colour),
        Format::Short => render_short(&source, &diagnostics),
        Format::Github => render_github(&source, &diagnostics),
        Format::Json | Format::Sarif => {
            tally.findings.push((source, diagnostics));
            return Ok(());
        }
    };
    out.write_all(text.as_bytes())
}

/// Shows what came of tests. One that fails is no finding of the flow, and covers nothing.
fn tested(
    path: &Path,
    failed: &[String],
    unusable: &[String],
    tally: &mut Tally,
    err: &mut dyn Write,
) -> io::Result<()> {
    tally.unusable |= !unusable.is_empty();
    tally.failed += failed.len();
    unusable.iter().try_for_each(|message| err.write_all(message.as_bytes()))?;
    failed.iter().try_for_each(|name| writeln!(err, "error: a test of {} fails: {name}", path.display()))
}

fn unusable(error: &ReadError, tally: &mut Tally, err: &mut dyn Write) -> io::Result<()> {
    tally.unusable = true;
    writeln!(err, "error: {error}")?;
    writeln!(err, "help: {}", error.help())
}

fn summary(tally: &Tally) -> String {
    let count = |n: usize, what: &str| match n {
        1 => format!("1 {what}"),
        n => format!("{n} {what}s"),
    };
    let flows = count(tally.flows, "flow");
    match (tally.errors, tally.warnings) {
        (0, 0) => format!("{flows} checked, nothing found"),
        (errors, 0) => format!("{flows} checked: {}", count(errors, "error")),
        (0, warnings) => format!("{flows} checked: {}", count(warnings, "warning")),
        (errors, warnings) => {
            format!("{flows} checked: {}, {}", count(errors, "error"), count(warnings, "warning"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "callflow: 1\nstart: bye\nstates:\n  bye: {end: Goodbye.}\n";
    const WARNED: &str = "callflow: 1\nstart: bye\nvars: {x: text}\nstates:\n  bye: {end: Goodbye.}\n";
    const BAD: &str = "callflow: 1\nstart: by\nstates:\n  bye: {end: Goodbye.}\n";

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str, files: &[(&str, &str)]) -> Self {
            let root = std::env::temp_dir().join(format!("callflow-check-{name}-{}", std::process::id()));
            let _ = std::fs::remove_dir_all(&root);
            for (name, text) in files {
                let path = root.join(name);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, text).unwrap();
            }
            Self(root)
        }

        fn run(&self, paths: &[&str], format: Format, strict: bool) -> (ExitStatus, String, String) {
            let paths = paths.iter().map(|p| self.0.join(p)).collect();
            self.checked(&CheckArgs {
                paths,
                format,
                env: false,
                no_explore: false,
                no_cache: false,
                tests: false,
                strict,
            })
        }

        /// A strict check with the tests of the flows.
        fn run_with_tests(&self, paths: &[&str]) -> (ExitStatus, String, String) {
            let paths = paths.iter().map(|p| self.0.join(p)).collect();
            let format = Format::Short;
            self.checked(&CheckArgs {
                paths,
                format,
                env: false,
                no_explore: true,
                no_cache: false,
                tests: true,
                strict: true,
            })
        }

        fn checked(&self, args: &CheckArgs) -> (ExitStatus, String, String) {
            let (mut out, mut err) = (Vec::new(), Vec::new());
            let status = check_all(args, &|_| None, &mut out, &mut err).unwrap();
            let shown =
                |bytes| String::from_utf8(bytes).unwrap().replace(&format!("{}/", self.0.display()), "");
            (status, shown(out), shown(err))
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn the_short_form_is_one_line_a_finding() {
        let folder = Folder::new("short", &[("a.yaml", BAD)]);
        let (status, out, err) = folder.run(&["a.yaml"], Format::Short, false);
        assert_eq!(status, ExitStatus::Findings);
        assert_eq!(out, "a.yaml:2:8: error[F014]: the call cannot begin in `by`: there is no such state\n");
        assert_eq!(err, "");
    }

    #[test]
    fn warnings_fail_only_a_strict_check() {
        let folder = Folder::new("strict", &[("a.yaml", WARNED)]);
        assert_eq!(folder.run(&["a.yaml"], Format::Short, false).0, ExitStatus::Success);
        assert_eq!(folder.run(&["a.yaml"], Format::Short, true).0, ExitStatus::Findings);
    }

    #[test]
    fn a_folder_is_searched_for_flows_and_what_is_skipped_is_said() {
        let files = [
            ("b.yml", GOOD),
            ("deep/a.yaml", BAD),
            ("deep/marked.yaml", &format!("\u{feff}{GOOD}")),
            ("b.test.yaml", "callflow: 1\n"),
            ("compose.yaml", "services: {}\n"),
            ("part.yaml", "states:\n  bye: {end: Goodbye.}\n"),
            ("gates.yaml", "start: 1\nstatus: 2\n"),
            (".hidden/c.yaml", BAD),
            ("notes.txt", "callflow: 1\n"),
        ];
        let folder = Folder::new("folder", &files);
        let (status, out, err) = folder.run(&[""], Format::Human, false);
        assert_eq!(status, ExitStatus::Findings);
        assert!(out.contains("deep/a.yaml:2:8") && out.ends_with("3 flows checked: 1 error\n"), "{out}");
        let skipped = |name: &str| format!("skipped: {name} has no `callflow:` line, so it is not a flow\n");
        assert_eq!(err, ["compose.yaml", "gates.yaml", "part.yaml"].map(skipped).concat());
    }

    #[test]
    fn a_flow_of_a_folder_that_forgot_its_version_is_a_finding() {
        let forgot = GOOD.strip_prefix("callflow: 1\n").unwrap();
        let folder = Folder::new("forgot", &[("a.yaml", GOOD), ("b.yaml", forgot)]);
        let (status, out, err) = folder.run(&[""], Format::Short, false);
        assert_eq!((status, err.as_str()), (ExitStatus::Findings, ""));
        assert_eq!(out, folder.run(&["b.yaml"], Format::Short, false).1);
        assert!(out.starts_with("b.yaml:1:1: error[F004]: a flow needs `callflow`"), "{out}");
    }

    #[test]
    fn tests_are_run_only_when_asked_for_and_what_they_leave_out_is_a_warning_that_can_be_waived() {
        let flow =
            "callflow: 1\nstart: hi\nstates:\n  hi: {say: Hello., next: bye}\n  bye: {end: Goodbye.}\n";
        let tests = "tests: [{name: hello, script: [caller.joined, said], expect: {final: bye}}]\n";
        let folder = Folder::new("tests", &[("a.yaml", flow), ("a.test.yaml", tests), ("b.yaml", flow)]);
        let run = |paths: &[&str]| folder.run_with_tests(paths);
        assert_eq!(
            folder.run(&["a.yaml", "b.yaml"], Format::Short, true),
            (ExitStatus::Success, String::new(), String::new())
        );
        let warned = "a.yaml:4:27: warning[F070]: no test takes `failed` of `hi` to `bye`\n";
        assert_eq!(run(&["a.yaml", "b.yaml"]), (ExitStatus::Findings, warned.to_owned(), String::new()));
        let waived = flow.replace("next: bye}", "next: bye, allow: [F070: not worth it]}");
        std::fs::write(folder.0.join("a.yaml"), waived).unwrap();
        assert_eq!(run(&["a.yaml"]), (ExitStatus::Success, String::new(), String::new()));
        assert_eq!(folder.run(&["a.yaml"], Format::Short, true).0, ExitStatus::Success);
        std::fs::write(folder.0.join("a.test.yaml"), tests.replace("bye", "hi")).unwrap();
        let (status, _, err) = run(&["a.yaml"]);
        assert_eq!((status, err.as_str()), (ExitStatus::Findings, "error: a test of a.yaml fails: hello\n"));
        std::fs::write(folder.0.join("a.test.yaml"), tests.replace("tests:", "test:")).unwrap();
        let (status, _, err) = run(&["a.yaml"]);
        assert_eq!(status, ExitStatus::Error);
        assert!(err.contains("a.test.yaml:1:"), "{err}");
    }

    #[test]
    fn a_test_file_of_another_name_is_about_the_flow_that_it_names() {
        let flow =
            "callflow: 1\nstart: hi\nstates:\n  hi: {say: Hello., next: bye}\n  bye: {end: Goodbye.}\n";
        let first = "tests: [{name: hello, script: [said], expect: {final: bye}}]\n";
        let second = "flow: ../a.yaml\ntests: [{name: mute, script: [say.failed], expect: {final: bye}}]\n";
        let files = [("a.yaml", flow), ("a.test.yaml", first), ("more/zz.test.yaml", second)];
        let folder = Folder::new("named-flow", &files);
        let run = |path: &str| folder.run_with_tests(&[path]);
        // What the two reach together is counted.
        assert_eq!(run(""), (ExitStatus::Success, String::new(), String::new()));
        assert_eq!(run("a.yaml").0, ExitStatus::Findings, "the second is in another folder");
        std::fs::rename(folder.0.join("more/zz.test.yaml"), folder.0.join("zz.test.yaml")).unwrap();
        std::fs::write(folder.0.join("zz.test.yaml"), second.replace("../", "")).unwrap();
        assert_eq!(run("a.yaml").0, ExitStatus::Success);

        for (wrong, says) in [
            (second.replace("../", "").replace("say.failed", "say.faild"), "no event `say.faild`"),
            (second.replace("../a", "gone"), "gone.yaml does not exist"),
        ] {
            std::fs::write(folder.0.join("zz.test.yaml"), wrong).unwrap();
            let (status, _, err) = run("");
            assert_eq!(status, ExitStatus::Error);
            assert!(err.contains(says), "{err}");
        }
        let fails = second.replace("../", "").replace("final: bye", "final: hi");
        std::fs::write(folder.0.join("zz.test.yaml"), fails).unwrap();
        let (status, _, err) = run("");
        assert_eq!(status, ExitStatus::Findings);
        assert!(err.contains("a.yaml fails: mute"), "{err}");
    }

    #[test]
    fn what_only_exploring_decides_is_said_to_be_open_without_it() {
        let wishes = "properties: [{before: {bye: hi}}]\n";
        let flow = format!(
            "callflow: 1\nstart: hi\n{wishes}states:\n  hi: {{say: Hello., next: bye}}\n  bye: {{end: Goodbye.}}\n"
        );
        let folder = Folder::new("open", &[("a.yaml", &*flow), ("b.yaml", &flow.replace(wishes, ""))]);
        let run = |no_explore: bool| {
            let paths = ["a.yaml", "b.yaml"].iter().map(|p| folder.0.join(p)).collect();
            let args = CheckArgs {
                paths,
                format: Format::Short,
                env: false,
                no_explore,
                no_cache: false,
                tests: false,
                strict: false,
            };
            let (mut out, mut err) = (Vec::new(), Vec::new());
            let status = check_all(&args, &|_| None, &mut out, &mut err).unwrap();
            let shown =
                |bytes| String::from_utf8(bytes).unwrap().replace(&format!("{}/", folder.0.display()), "");
            (status, shown(out), shown(err))
        };
        let (status, out, err) = run(false);
        assert_eq!((status, err.as_str()), (ExitStatus::Findings, ""));
        assert!(out.starts_with("a.yaml:5:27: error[F059]: "), "{out}");
        let open =
            "note: a.yaml has `properties:`, which only exploring decides (F059); leave out `--no-explore`\n";
        assert_eq!(run(true), (ExitStatus::Success, String::new(), open.to_owned()));
    }

    #[test]
    fn what_was_explored_is_remembered_and_what_was_found_is_found_again() {
        let wishes = "properties: [{before: {bye: hi}}]\n";
        let bad = format!(
            "callflow: 1\nstart: hi\n{wishes}states:\n  hi: {{say: Hello., next: bye}}\n  bye: {{end: Goodbye.}}\n"
        );
        let folder = Folder::new("cache", &[("f/good.yaml", GOOD), ("f/bad.yaml", &bad)]);
        let cache = folder.0.join("cache");
        let run = |no_cache: bool| {
            let args = CheckArgs {
                paths: vec![folder.0.join("f")],
                format: Format::Short,
                env: false,
                no_explore: false,
                no_cache,
                tests: false,
                strict: false,
            };
            let home = |name: &str| (name == "XDG_CACHE_HOME").then(|| cache.display().to_string());
            let (mut out, mut err) = (Vec::new(), Vec::new());
            let status = check_all(&args, &home, &mut out, &mut err).unwrap();
            (status, out, err)
        };
        let remembered = || std::fs::read_to_string(cache.join("callflow/explored")).ok();
        let fresh = run(true);
        assert_eq!(fresh.0, ExitStatus::Findings);
        assert_eq!(remembered(), None);
        for _ in 0..2 {
            assert_eq!(run(false), fresh);
            assert_eq!(remembered().unwrap().lines().count(), 1, "the good one, once");
        }
    }

    #[test]
    fn a_file_given_by_name_is_checked_whatever_it_holds() {
        let folder = Folder::new("named", &[("compose.yaml", "services: {}\n")]);
        let (status, out, _) = folder.run(&["compose.yaml"], Format::Short, false);
        assert_eq!(status, ExitStatus::Findings);
        assert!(out.contains("error[F004]: a flow needs `callflow`"), "{out}");
    }

    #[test]
    fn what_cannot_be_looked_at_ends_with_an_error_and_a_remedy() {
        let folder = Folder::new("unusable", &[("a.yaml", GOOD), ("empty/readme.md", "")]);
        std::fs::write(folder.0.join("latin1.yaml"), b"callflow: 1 # \xe4\n").unwrap();
        for (path, says) in [
            ("nowhere.yaml", "nowhere.yaml does not exist"),
            ("empty", "there are no flows in empty"),
            ("latin1.yaml", "latin1.yaml is not UTF-8"),
        ] {
            let (status, _, err) = folder.run(&["a.yaml", path], Format::Short, false);
            assert_eq!(status, ExitStatus::Error, "{path}");
            assert!(err.contains(says) && err.contains("help: "), "{err}");
        }
    }
}
