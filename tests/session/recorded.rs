//! A `say` that plays a recording of the flow's folder.

use std::path::PathBuf;

use callflow::audio::SAMPLE_RATE;
use callflow::machine::Outcome;
use callflow::sandbox::voice::encode;
use tokio::time::Instant;

use crate::world::{World, bot_said, states};

const WORDS: &str = "Welcome to the Blue Door.";

/// A folder of its own with a recording: so many samples of silence, and these words.
struct Folder(PathBuf);

impl Folder {
    fn new(silence: usize) -> Self {
        let folder = std::env::temp_dir().join(format!("callflow-recorded-{}-{silence}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: SAMPLE_RATE,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut writer = hound::WavWriter::create(folder.join("welcome.wav"), spec).unwrap();
        let samples = std::iter::repeat_n(0, silence).chain(encode(WORDS));
        samples.for_each(|sample| writer.write_sample(sample).unwrap());
        writer.finalize().unwrap();
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

/// Plays it to a caller, and checks that it was heard whole, and took its time.
async fn is_played(silence: usize) {
    let folder = Folder::new(silence);
    let flow = format!(
        "{{callflow: 1, start: greet, states: {{greet: {{say: {{audio: welcome.wav, text: \"{WORDS}\"}}, next: bye}}, bye: {{end: silent}}}}}}"
    );
    let mut world = World::with_flow_at(&folder.0.join("flow.yaml"), &flow);
    let begun = Instant::now();
    world.begin();
    world.until("joined").await;
    world.caller_arrives().await;
    world.until(&bot_said(WORDS)).await;
    assert_eq!(world.room.understood_since(begun), [WORDS]);
    let log = world.log.clone();
    let record = world.over().await;
    assert_eq!((record.outcome, states(&record)), (Outcome::Completed, vec!["greet", "bye"]));
    let turn = &record.turns[0];
    let length = ((silence + encode(WORDS).len()) / 16) as u64;
    assert_eq!((turn.text.text(), turn.heard.text()), (WORDS, WORDS));
    let lasted = turn.end_ms - turn.start_ms;
    assert!((length - 20..length + 300).contains(&lasted), "{lasted} of {length}");
    assert!(!log.text().contains("speak Welcome"), "{}", log.text());
}

#[tokio::test(start_paused = true)]
async fn a_recording_is_heard_to_its_end_and_its_words_stand_in_the_record() {
    is_played(0).await;
}

#[tokio::test(start_paused = true)]
async fn silence_at_the_beginning_of_a_recording_takes_its_time() {
    is_played(SAMPLE_RATE as usize * 3 / 2).await;
}
