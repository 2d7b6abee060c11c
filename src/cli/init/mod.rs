//! `callflow init DIR`: a folder with a flow to begin with, its tests, and what helps to edit and check it.
//!
//! Writes all of it or nothing: what is there already is named and left alone, unless `--force` says otherwise.

mod starter;

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use super::ExitStatus;
use starter::StarterFile;

/// Longest name of a flow, in characters; the schema says the same.
const LONGEST_NAME: usize = 64;

/// Files and folders that are named as left alone; of more, how many.
const MOST_LEFT: usize = 20;

/// Arguments of `callflow init`.
#[derive(Args, Debug, Clone)]
#[command(
    after_help = "Begin a project:   callflow init bakery && cd bakery && callflow --flow flows/bakery.yaml"
)]
pub struct InitArgs {
    /// The folder; made if it is not there. `.` is this one.
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// The flow's name: letters, digits, `_` and `-` [default: the folder's name].
    #[arg(long)]
    pub name: Option<String>,
    /// Write over files that are there.
    #[arg(long)]
    pub force: bool,
}

/// Why there is no new project.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// No flow can have this name.
    #[error("a flow cannot be named `{0}`: 1 to {LONGEST_NAME} letters, digits, `_` and `-`")]
    Name(String),
    /// A file stands where the folder should be.
    #[error("{} is a file, and a project is a folder", .0.display())]
    File(PathBuf),
    /// Files that would be lost.
    #[error("{} there already: {}", if .0.len() == 1 { "this is" } else { "these are" }, list(.0))]
    Exists(Vec<PathBuf>),
    /// The system refuses.
    #[error("cannot write {path}: {cause}", path = path.display())]
    Io {
        /// What was to be written.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
}

impl InitError {
    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::Name(_) => "`--name bakery` gives it another one",
            Self::File(_) => {
                "give the name of a folder; one that is not there is made: `callflow init bakery`"
            }
            Self::Exists(_) => "nothing was written; take another folder, or `--force` to write over them",
            Self::Io { .. } => "look at the folder and its permissions",
        }
    }
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// Writes the project, and says what to do next. [`ExitStatus::Error`] if nothing came of it.
#[must_use]
pub fn run(args: &InitArgs) -> ExitStatus {
    match init(args) {
        Ok(made) => {
            let said = tell(&args.dir, &made, &mut anstream::stdout());
            // The project is there, whether or not somebody reads about it.
            if let Err(error) = said.and_then(|()| io::stdout().flush()) {
                anstream::eprintln!("error: cannot write to standard output: {error}");
                return ExitStatus::Error;
            }
            ExitStatus::Success
        }
        Err(error) => {
            anstream::eprintln!("error: {error}\nhelp: {}", error.help());
            ExitStatus::Error
        }
    }
}

/// What there is now.
struct Made {
    /// The flow's name.
    name: String,
    /// What was written.
    files: Vec<StarterFile>,
    /// Which of these were there before.
    replaced: Vec<PathBuf>,
    /// What else is in the folders that were written to.
    left: Vec<String>,
}

fn init(args: &InitArgs) -> Result<Made, InitError> {
    let name = match &args.name {
        Some(name) if is_name(name) => name.clone(),
        Some(name) => return Err(InitError::Name(name.clone())),
        None => name_of(&args.dir),
    };
    if args.dir.metadata().is_ok_and(|there| !there.is_dir()) {
        return Err(InitError::File(args.dir.clone()));
    }
    let files = starter::files(&name);
    // A dangling link is there as well.
    let there = |path: &PathBuf| path.symlink_metadata().is_ok();
    let existing: Vec<_> = files.iter().map(|file| args.dir.join(&file.path)).filter(there).collect();
    if !args.force && !existing.is_empty() {
        return Err(InitError::Exists(existing));
    }
    let left = others(&args.dir, &files);
    for file in &files {
        let path = args.dir.join(&file.path);
        write(&path, &file.text, args.force).map_err(|cause| InitError::Io { path, cause })?;
    }
    Ok(Made { name, files, replaced: existing, left })
}

/// What stands in the folders that are written to and is none of the project's files, by its path from the folder. What
/// cannot be listed is as little touched as the rest.
fn others(dir: &Path, files: &[StarterFile]) -> Vec<String> {
    let ours: BTreeSet<&Path> = files.iter().flat_map(|file| Path::new(&file.path).ancestors()).collect();
    let folders = ours.iter().filter(|path| !files.iter().any(|file| Path::new(&file.path) == **path));
    let mut others: Vec<String> = folders
        .flat_map(|folder| {
            fs::read_dir(dir.join(folder)).into_iter().flatten().flatten().map(move |entry| (folder, entry))
        })
        .map(|(folder, entry)| (folder.join(entry.file_name()), entry.path().is_dir()))
        .filter(|(path, _)| !ours.contains(&**path))
        .map(|(path, is_folder)| path.display().to_string() + if is_folder { "/" } else { "" })
        .collect();
    others.sort();
    others
}

fn write(path: &Path, text: &str, force: bool) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut options = OpenOptions::new();
    options.write(true);
    // Without `--force`, a file that has come since the look at the folder is not written over either.
    if force {
        options.create(true).truncate(true)
    } else {
        options.create_new(true)
    };
    options.open(path)?.write_all(text.as_bytes())
}

fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    (1..=LONGEST_NAME).contains(&name.len()) && name.chars().all(fits)
}

/// The folder's name, as far as it can be a flow's; `flow` if nothing of it can.
fn name_of(dir: &Path) -> String {
    let whole = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    let folder = whole.components().rev().find_map(|part| match part {
        std::path::Component::Normal(name) => Some(name.to_string_lossy()),
        _ => None,
    });
    let name: String = folder
        .unwrap_or_default()
        .chars()
        .map(|c| if is_name(c.encode_utf8(&mut [0; 4])) { c } else { '_' })
        .take(LONGEST_NAME)
        .collect();
    let name = name.trim_matches('_');
    if name.is_empty() { "flow".to_owned() } else { name.to_owned() }
}

fn tell(dir: &Path, made: &Made, out: &mut dyn Write) -> io::Result<()> {
    let Made { name, files, replaced, left } = made;
    let longest = files.iter().map(|file| file.path.len()).max().unwrap_or(0);
    writeln!(out, "written to {}:", dir.display())?;
    for file in files {
        let over =
            if replaced.contains(&dir.join(&file.path)) { " (written over the one there was)" } else { "" };
        writeln!(out, "  {:longest$}   {}{over}", file.path, file.about)?;
    }
    if !left.is_empty() {
        writeln!(out, "\nleft as it was:")?;
        left.iter().take(MOST_LEFT).try_for_each(|path| writeln!(out, "  {path}"))?;
        if let more @ 1.. = left.len().saturating_sub(MOST_LEFT) {
            writeln!(out, "  and {more} more")?;
        }
    }
    writeln!(out, "\nnext:")?;
    if dir != Path::new(".") {
        writeln!(out, "  cd {}", in_a_shell(dir))?;
    }
    writeln!(out, "  callflow --flow flows/{name}.yaml   # talk to it: you are the caller and the shop")?;
    writeln!(out, "  callflow check .")?;
    writeln!(out, "  callflow test flows/")
}

/// A path as it is typed in a shell: in quotes if a shell would take it for anything else.
fn in_a_shell(path: &Path) -> String {
    let shown = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-+,:@%".contains(c);
    if !shown.is_empty() && shown.chars().all(plain) {
        shown
    } else {
        format!("'{}'", shown.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_made_of_the_folder_as_far_as_it_can_be_one() {
        for (dir, name) in [
            ("bakery", "bakery"),
            ("a/Corner Bakery!", "Corner_Bakery"),
            ("shops/", "shops"),
            ("Bäckerei-2", "B_ckerei-2"),
            ("...", "flow"),
            ("/", "flow"),
        ] {
            assert_eq!(name_of(Path::new(dir)), name, "{dir}");
            assert!(is_name(name));
        }
        assert!(is_name(&name_of(Path::new("."))) && is_name(&name_of(Path::new(&"x".repeat(300)))));
    }

    #[test]
    fn a_path_is_shown_as_a_shell_takes_it() {
        for (path, typed) in [
            ("bakery", "bakery"),
            ("shops/corner-2", "shops/corner-2"),
            ("my bakery", "'my bakery'"),
            ("the baker's", r"'the baker'\''s'"),
            ("a;b", "'a;b'"),
        ] {
            assert_eq!(in_a_shell(Path::new(path)), typed);
        }
    }

    #[test]
    fn a_name_that_no_flow_can_have_is_refused_before_anything_is_written() {
        for name in ["", "a b", "../x", "é", &"x".repeat(65)] {
            let args = InitArgs { dir: "nowhere".into(), name: Some(name.into()), force: true };
            assert!(matches!(init(&args), Err(InitError::Name(_))), "{name}");
            assert!(!Path::new("nowhere").exists());
        }
    }
}
