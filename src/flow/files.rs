//! Text files that a flow takes in: in its folder, and of a sane size.

use std::fs;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

/// Reads a file of the flow's folder. The error says why it cannot be used.
pub(super) fn read(flow: &Path, name: &str, most: usize) -> Result<(PathBuf, String), String> {
    // A flow from elsewhere must not make us read what is not its own.
    if !Path::new(name).components().all(|part| matches!(part, Component::Normal(_))) {
        return Err("it is not in the flow's folder".to_owned());
    }
    let path = flow.parent().unwrap_or(Path::new("")).join(name);
    let told = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        _ => error.to_string(),
    };
    if !fs::metadata(&path).map_err(told)?.is_file() {
        return Err("it is not a file".to_owned());
    }
    let mut bytes = Vec::new();
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    fs::File::open(&path).map_err(told)?.take(limit).read_to_end(&mut bytes).map_err(told)?;
    if bytes.len() > most {
        return Err(format!("it is larger than {} KB", most / 1024));
    }
    let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned())?;
    if text.trim().is_empty() { Err("it is empty".to_owned()) } else { Ok((path, text)) }
}
