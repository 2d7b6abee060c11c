//! F005: a recording that a flow names lies beside it and can be played.

use std::fs;
use std::path::{Component, Path};
use std::sync::Arc;

use crate::audio::{SAMPLE_RATE, read_wav};
use crate::diagnostic::{Diagnostic, Rule};
use crate::flow::{Document, Kind};
use crate::source::Spanned;

/// The largest file, in bytes: five minutes in good quality.
const LARGEST: u64 = 64 * 1024 * 1024;

/// The longest recording that is said, in samples: two minutes.
const LONGEST_SAID: usize = 120 * SAMPLE_RATE as usize;

/// A recording by the name that the flow gives it: 16 kHz, mono.
pub(super) type Recording = (String, Arc<[i16]>);

/// Reads every recording that the flow names, once.
pub(super) fn read(document: &Document, out: &mut Vec<Diagnostic>) -> Vec<Recording> {
    let folder = document.source.path().parent().unwrap_or(Path::new(""));
    let mut read: Vec<Recording> = Vec::new();
    for (name, is_said) in named(document) {
        let known =
            read.iter().find(|(known, _)| *known == name.value).map(|(_, samples)| Arc::clone(samples));
        let is_new = known.is_none();
        let why = match known.map_or_else(|| recording(folder, &name.value), Ok) {
            Ok(samples) if is_said && samples.len() > LONGEST_SAID => {
                "it lasts longer than two minutes, and nobody listens that long".to_owned()
            }
            Ok(samples) => {
                if is_new {
                    read.push((name.value.clone(), samples));
                }
                continue;
            }
            Err(why) => why,
        };
        let message = format!("`{}` cannot be played: {why}", name.value);
        let help = "name a WAV file in the flow's folder, such as `hold.wav`";
        out.push(Diagnostic::error(Rule::WrongValue, name.span, message).help(help));
    }
    read
}

/// The recordings that are named, and whether each is said and not merely repeated in the background.
fn named(document: &Document) -> impl Iterator<Item = (&Spanned<String>, bool)> {
    document.states.iter().filter_map(|state| match &state.kind.value {
        Kind::Dial(dial) => Some((dial.hold.as_ref()?.audio.as_ref()?, false)),
        Kind::Say(say) => Some((say.audio.as_ref()?, true)),
        _ => None,
    })
}

fn recording(folder: &Path, name: &str) -> Result<Arc<[i16]>, String> {
    // A flow from elsewhere must not make us read what is not its own.
    if !Path::new(name).components().all(|part| matches!(part, Component::Normal(_))) {
        return Err("it is not in the flow's folder".to_owned());
    }
    let path = folder.join(name);
    let file = fs::metadata(&path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        _ => error.to_string(),
    })?;
    if !file.is_file() {
        return Err("it is not a file".to_owned());
    }
    if file.len() > LARGEST {
        return Err("it is larger than 64 MB".to_owned());
    }
    let bytes = fs::read(&path).map_err(|error| error.to_string())?;
    read_wav(&bytes).map_err(|error| error.to_string())
}
