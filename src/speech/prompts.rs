//! Fixed sentences as audio, kept in memory and, if it is given a folder, on disk: what a voice has said once need
//! not be asked for again, by this call, the next one or the next process.
//!
//! Bounded both ways, the oldest go first. Which sentences may be kept is decided by whoever puts them: nothing
//! that holds data of a call. The disk is read and written by threads of its own; a file that cannot be read or
//! written costs nothing but the saving.

use std::collections::{HashMap, VecDeque};
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use sha2::{Digest as _, Sha256};

use super::{Word, spoken};

/// Bytes of audio kept in memory, and on disk: half an hour of speech.
const MOST_BYTES: usize = 64 * 1024 * 1024;
/// How a file begins: what it is, and the version of its shape. Then the digest of all that follows.
const MAGIC: &[u8; 4] = b"CFP2";
/// How a file's name ends.
const EXTENSION: &str = "prompt";
/// How the name of a file ends that is being written.
const UNFINISHED: &str = "new";
/// Nobody writes a sentence for so long: whoever began is gone.
const WRITTEN_WITHIN: Duration = Duration::from_secs(600);

/// A sentence as audio.
#[derive(Debug, PartialEq)]
pub struct Prompt {
    /// 16 kHz, mono.
    pub samples: Vec<i16>,
    /// Where its words lie, if the voice told.
    pub words: Vec<Word>,
}

/// A voice: sentences of another one are not used.
#[derive(Clone, Debug)]
pub struct VoiceKey {
    /// The vendor's name in the flow.
    pub provider: Arc<str>,
    /// The vendor's model.
    pub model: Arc<str>,
    /// The vendor's voice.
    pub voice: Option<Arc<str>>,
    /// BCP 47.
    pub language: Arc<str>,
}

/// A sentence in a voice, as a digest.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct PromptKey([u8; 32]);

impl VoiceKey {
    /// The key of a sentence, as it is written in the flow. It changes with everything the sound depends on, the
    /// version of [`spoken`] included.
    #[must_use]
    pub fn key(&self, text: &str) -> PromptKey {
        let version = spoken::VERSION.to_string();
        let voice = self.voice.as_deref().unwrap_or_default();
        let mut digest = Sha256::new();
        for part in [&*self.provider, &*self.model, voice, &*self.language, &version, text] {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part.as_bytes());
        }
        PromptKey(digest.finalize().into())
    }
}

impl PromptKey {
    fn file_name(self) -> String {
        let hex: String = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{hex}.{EXTENSION}")
    }

    fn of_file(name: &str) -> Option<Self> {
        let hex = name.strip_suffix(EXTENSION)?.strip_suffix('.')?;
        let mut key = [0; 32];
        if hex.len() != 64 || !hex.is_ascii() {
            return None;
        }
        for (byte, pair) in key.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(key))
    }
}

/// The sentences; shared by all calls of a process.
#[derive(Debug)]
pub struct PromptCache {
    kept: Arc<Mutex<Kept>>,
    folder: Option<PathBuf>,
    most: usize,
}

#[derive(Debug, Default)]
struct Kept {
    prompts: HashMap<PromptKey, Arc<Prompt>>,
    /// The oldest first.
    order: VecDeque<PromptKey>,
    bytes: usize,
}

impl Default for PromptCache {
    fn default() -> Self {
        Self::in_memory()
    }
}

impl PromptCache {
    /// A cache that ends with the process.
    #[must_use]
    pub fn in_memory() -> Self {
        Self { kept: Arc::default(), folder: None, most: MOST_BYTES }
    }

    /// A cache with a folder, which is made if it is missing, for its owner only. What lies in it is read in the
    /// background, so that nothing waits for a disk.
    #[must_use]
    pub fn on_disk(folder: PathBuf) -> Self {
        let cache = Self { folder: Some(folder.clone()), ..Self::in_memory() };
        let kept = Arc::clone(&cache.kept);
        let most = cache.most;
        in_background(move || load(&folder, &kept, most));
        cache
    }

    /// A sentence that was kept.
    #[must_use]
    pub fn get(&self, key: &PromptKey) -> Option<Arc<Prompt>> {
        lock(&self.kept).prompts.get(key).map(Arc::clone)
    }

    /// Keeps a sentence. One that is too long for the whole cache is not kept.
    pub fn put(&self, key: PromptKey, prompt: Prompt) {
        let prompt = Arc::new(prompt);
        if !lock(&self.kept).put(key, Arc::clone(&prompt), self.most) {
            return;
        }
        if let Some(folder) = self.folder.clone() {
            let most = self.most as u64;
            in_background(move || {
                if let Err(error) = write(&folder, key, &prompt).and_then(|()| shrink(&folder, most)) {
                    tracing::warn!(%error, "a sentence could not be kept on disk");
                }
            });
        }
    }
}

impl Kept {
    fn put(&mut self, key: PromptKey, prompt: Arc<Prompt>, most: usize) -> bool {
        let bytes = prompt.samples.len() * 2;
        if bytes > most || self.prompts.contains_key(&key) {
            return false;
        }
        while self.bytes + bytes > most
            && let Some(oldest) = self.order.pop_front()
        {
            let gone = self.prompts.remove(&oldest);
            self.bytes -= gone.map_or(0, |prompt| prompt.samples.len() * 2);
        }
        self.bytes += bytes;
        self.order.push_back(key);
        self.prompts.insert(key, prompt);
        true
    }
}

fn lock(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    // Nothing in here is left half done.
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

/// On a thread for blocking work; at once where there is no runtime.
fn in_background(work: impl FnOnce() + Send + 'static) {
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn_blocking(work)),
        Err(_) => work(),
    }
}

fn load(folder: &Path, kept: &Mutex<Kept>, most: usize) {
    remove_unfinished(folder);
    for (path, ..) in files(folder, EXTENSION) {
        let key = path.file_name().and_then(|name| PromptKey::of_file(name.to_str()?));
        let Some(key) = key else { continue };
        match fs::read(&path).ok().and_then(|bytes| decode(&bytes)) {
            Some(prompt) => {
                lock(kept).put(key, Arc::new(prompt), most);
            }
            None => {
                tracing::warn!("a kept sentence cannot be read and is removed");
                if let Err(error) = fs::remove_file(&path) {
                    tracing::debug!(%error, "nor can it be removed");
                }
            }
        }
    }
}

/// What was being written when a process was killed would lie there for ever.
fn remove_unfinished(folder: &Path) {
    for (path, modified, _) in files(folder, UNFINISHED) {
        // What is dated in the future is not old: it may be being written, by another clock.
        let is_old = modified.elapsed().is_ok_and(|age| age > WRITTEN_WITHIN);
        let of = path.file_stem().and_then(|name| Path::new(name).file_stem()?.to_str());
        let is_ours = of.is_some_and(|key| PromptKey::of_file(&format!("{key}.{EXTENSION}")).is_some());
        if is_old
            && is_ours
            && let Err(error) = fs::remove_file(&path)
        {
            tracing::debug!(%error, "half a kept sentence cannot be removed");
        }
    }
}

/// The files of a folder whose names end so, the oldest first: path, age, bytes.
fn files(folder: &Path, extension: &str) -> Vec<(PathBuf, SystemTime, u64)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let file = |entry: fs::DirEntry| {
        let path = entry.path();
        let about = entry.metadata().ok().filter(fs::Metadata::is_file)?;
        let ours = path.extension().is_some_and(|found| found == extension);
        ours.then_some((path, about.modified().ok()?, about.len()))
    };
    let mut files: Vec<_> = entries.flatten().filter_map(file).collect();
    files.sort_by_key(|(_, modified, _)| *modified);
    files
}

/// Written beside its place and then moved there: nobody reads half a file.
fn write(folder: &Path, key: PromptKey, prompt: &Prompt) -> std::io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let place = folder.join(key.file_name());
    // Containers that share a folder may share a process id, too.
    let beside = place.with_extension(format!("{}.{UNFINISHED}", uuid::Uuid::new_v4().simple()));
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    let written = encode(prompt).and_then(|bytes| file.write_all(&bytes));
    let written = written.and_then(|()| fs::rename(&beside, &place));
    if written.is_err()
        && let Err(error) = fs::remove_file(&beside)
    {
        tracing::debug!(%error, "half a kept sentence cannot be removed");
    }
    written
}

fn shrink(folder: &Path, most: u64) -> std::io::Result<()> {
    let files = files(folder, EXTENSION);
    let mut all: u64 = files.iter().map(|(.., bytes)| bytes).sum();
    for (path, _, bytes) in files {
        if all <= most {
            break;
        }
        match fs::remove_file(path) {
            // Another process was faster.
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => all -= bytes,
        }
    }
    Ok(())
}

fn encode(prompt: &Prompt) -> std::io::Result<Vec<u8>> {
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let words: Vec<_> =
        prompt.words.iter().map(|word| (&word.text, micros(word.start), micros(word.end))).collect();
    let words = serde_json::to_vec(&words)?;
    let mut content = (words.len() as u64).to_le_bytes().to_vec();
    content.extend(words);
    content.extend(prompt.samples.iter().flat_map(|sample| sample.to_le_bytes()));
    Ok([MAGIC.as_slice(), Sha256::digest(&content).as_slice(), &content].concat())
}

fn decode(bytes: &[u8]) -> Option<Prompt> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (digest, content) = rest.split_first_chunk::<32>()?;
    if Sha256::digest(content).as_slice() != digest {
        return None;
    }
    let (length, rest) = content.split_first_chunk::<8>()?;
    let (words, samples) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
    let words: Vec<(String, u64, u64)> = serde_json::from_slice(words).ok()?;
    let at = Duration::from_micros;
    let words =
        words.into_iter().map(|(text, start, end)| Word { text, start: at(start), end: at(end) }).collect();
    let samples: Vec<i16> =
        samples.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
    (!samples.is_empty()).then_some(Prompt { samples, words })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn voice() -> VoiceKey {
        VoiceKey {
            provider: "p".into(),
            model: "m".into(),
            voice: Some("v".into()),
            language: "en-US".into(),
        }
    }

    fn prompt(samples: usize) -> Prompt {
        let word =
            Word { text: "hello".into(), start: Duration::from_millis(1), end: Duration::from_micros(2_500) };
        Prompt { samples: vec![-7; samples], words: vec![word] }
    }

    fn scratch(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("callflow-{}-prompts-{name}", std::process::id()));
        if folder.exists() {
            fs::remove_dir_all(&folder).unwrap();
        }
        folder
    }

    #[test]
    fn another_voice_model_language_or_text_is_another_sentence() {
        let keys = [
            voice().key("a"),
            voice().key("b"),
            VoiceKey { provider: "q".into(), ..voice() }.key("a"),
            VoiceKey { model: "n".into(), ..voice() }.key("a"),
            VoiceKey { voice: None, ..voice() }.key("a"),
            VoiceKey { language: "en-GB".into(), ..voice() }.key("a"),
        ];
        let different: std::collections::HashSet<_> = keys.iter().collect();
        assert_eq!(different.len(), keys.len());
        assert_eq!(PromptKey::of_file(&keys[0].file_name()), Some(keys[0]));
        assert_eq!(PromptKey::of_file("notes.prompt"), None);
    }

    #[test]
    fn what_was_kept_is_there_for_the_next_process_and_nobody_elses() {
        let folder = scratch("next");
        let key = voice().key("Hello.");
        PromptCache::on_disk(folder.clone()).put(key, prompt(320));
        let next = PromptCache::on_disk(folder.clone());
        assert_eq!(next.get(&key).as_deref(), Some(&prompt(320)));
        assert_eq!(next.get(&voice().key("Bye.")), None);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&folder.join(key.file_name()))), (0o700, 0o600));
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_damaged_file_is_removed_and_others_files_are_not_touched() {
        let folder = scratch("damaged");
        fs::create_dir_all(&folder).unwrap();
        let damaged = folder.join(voice().key("x").file_name());
        fs::write(&damaged, b"CFP1 and then nothing that makes sense").unwrap();
        fs::write(folder.join("notes.txt"), b"mine").unwrap();
        let cache = PromptCache::on_disk(folder.clone());
        assert_eq!(cache.get(&voice().key("x")), None);
        assert!(!damaged.exists() && folder.join("notes.txt").exists());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn one_bit_that_fell_over_is_noticed_and_nothing_of_it_is_heard() {
        let folder = scratch("bit");
        let key = voice().key("x");
        PromptCache::on_disk(folder.clone()).put(key, prompt(320));
        let path = folder.join(key.file_name());
        let whole = fs::read(&path).unwrap();
        for at in [40, whole.len() / 2, whole.len() - 1] {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            fs::write(&path, &bytes).unwrap();
            assert_eq!(PromptCache::on_disk(folder.clone()).get(&key), None, "byte {at}");
            assert!(!path.exists());
        }
        fs::write(&path, &whole[..whole.len() - 2]).unwrap();
        assert_eq!(PromptCache::on_disk(folder.clone()).get(&key), None, "its end is missing");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_a_killed_process_left_half_written_is_removed_when_it_is_old() {
        let folder = scratch("half");
        fs::create_dir_all(&folder).unwrap();
        let key = voice().key("x").file_name();
        let half = |middle: &str| folder.join(&key).with_extension(format!("{middle}.new"));
        let (old, fresh, foreign) = (half("1"), half("2"), folder.join("notes.new"));
        for path in [&old, &fresh, &foreign] {
            fs::write(path, b"CFP2 and").unwrap();
        }
        let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        for path in [&old, &foreign] {
            fs::File::options().write(true).open(path).unwrap().set_modified(long_ago).unwrap();
        }
        let _cache = PromptCache::on_disk(folder.clone());
        assert_eq!((old.exists(), fresh.exists(), foreign.exists()), (false, true, true));
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn it_never_grows_beyond_its_bound_in_memory_or_on_disk() {
        let folder = scratch("bound");
        let cache = PromptCache { most: 10_000, folder: Some(folder.clone()), kept: Arc::default() };
        for n in 0..30 {
            cache.put(voice().key(&format!("{n}")), prompt(1_000));
        }
        cache.put(voice().key("too long"), prompt(6_000));
        assert!(lock(&cache.kept).bytes <= 10_000);
        assert_eq!(lock(&cache.kept).prompts.len(), 5);
        assert!(cache.get(&voice().key("29")).is_some() && cache.get(&voice().key("0")).is_none());
        assert!(files(&folder, EXTENSION).iter().map(|(.., bytes)| bytes).sum::<u64>() <= 10_000);
        fs::remove_dir_all(folder).unwrap();
    }
}
