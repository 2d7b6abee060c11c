//! Recorded audio in WAV files, as a flow's folder may hold it. No other format, and no file is opened here.

use std::io::Cursor;
use std::sync::Arc;

use hound::{SampleFormat, WavReader, WavSpec};

use super::{Resampler, SAMPLE_RATE};

/// The longest recording, in seconds: hold audio is repeated, and stays in memory.
const LONGEST: u32 = 300;

/// Why a file is not a recording that can be played.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordingError {
    /// It is no WAV file, or a damaged one, or of an encoding that is not read.
    #[error("it is not a WAV file of plain samples")]
    NotWav,
    /// More than two channels, or a rate that no telephone audio comes in.
    #[error("it must have one or two channels and 8,000 to 48,000 samples a second")]
    Shape,
    /// Too long.
    #[error("it lasts longer than {LONGEST} seconds")]
    TooLong,
    /// Nothing in it.
    #[error("there is no sound in it")]
    Empty,
}

/// Reads a WAV file's bytes (8 to 32 bits or 32-bit floats, one or two channels) as 16 kHz mono.
///
/// # Errors
/// See [`RecordingError`].
pub fn read_wav(bytes: &[u8]) -> Result<Arc<[i16]>, RecordingError> {
    let mut reader = WavReader::new(Cursor::new(bytes)).map_err(|_| RecordingError::NotWav)?;
    let spec = reader.spec();
    if !(1..=2).contains(&spec.channels) || !(8_000..=48_000).contains(&spec.sample_rate) {
        return Err(RecordingError::Shape);
    }
    if reader.duration() > LONGEST * spec.sample_rate {
        return Err(RecordingError::TooLong);
    }
    let interleaved = samples(&mut reader, spec)?;
    let channels = usize::from(spec.channels);
    let mono: Vec<i16> = interleaved.chunks_exact(channels).map(mean).collect();
    let mut out = mono;
    if spec.sample_rate != SAMPLE_RATE {
        let mut resampler = Resampler::new(spec.sample_rate, SAMPLE_RATE);
        let mut resampled = resampler.push(&out);
        resampled.extend(resampler.flush());
        out = resampled;
    }
    if out.iter().all(|sample| *sample == 0) { Err(RecordingError::Empty) } else { Ok(out.into()) }
}

fn samples(reader: &mut WavReader<Cursor<&[u8]>>, spec: WavSpec) -> Result<Vec<i16>, RecordingError> {
    let samples: Result<Vec<i16>, hound::Error> = match spec.sample_format {
        SampleFormat::Float => {
            let clipped = |sample: f32| (sample.clamp(-1.0, 1.0) * f32::from(i16::MAX)) as i16;
            reader.samples::<f32>().map(|sample| sample.map(clipped)).collect()
        }
        SampleFormat::Int => {
            let bits = u32::from(spec.bits_per_sample);
            let scaled = |sample: i32| if bits > 16 { sample >> (bits - 16) } else { sample << (16 - bits) };
            reader.samples::<i32>().map(|sample| sample.map(|sample| scaled(sample) as i16)).collect()
        }
    };
    samples.map_err(|_| RecordingError::NotWav)
}

fn mean(channels: &[i16]) -> i16 {
    let sum: i32 = channels.iter().map(|sample| i32::from(*sample)).sum();
    i16::try_from(sum / i32::try_from(channels.len()).unwrap_or(1)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wav(spec: WavSpec, write: impl Fn(&mut hound::WavWriter<&mut Cursor<Vec<u8>>>)) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        let mut writer = hound::WavWriter::new(&mut bytes, spec).unwrap();
        write(&mut writer);
        writer.finalize().unwrap();
        bytes.into_inner()
    }

    fn spec(channels: u16, sample_rate: u32, bits: u16, sample_format: SampleFormat) -> WavSpec {
        WavSpec { channels, sample_rate, bits_per_sample: bits, sample_format }
    }

    #[test]
    fn every_usual_encoding_comes_out_the_same() {
        let kinds = [
            (8, SampleFormat::Int),
            (16, SampleFormat::Int),
            (24, SampleFormat::Int),
            (32, SampleFormat::Float),
        ];
        for (bits, format) in kinds {
            let bytes = wav(spec(2, 16_000, bits, format), |writer| {
                for _ in 0..100 {
                    // A half of full scale to the left, nothing to the right.
                    match format {
                        SampleFormat::Float => {
                            writer.write_sample(0.5_f32).unwrap();
                            writer.write_sample(0.0_f32).unwrap();
                        }
                        SampleFormat::Int => {
                            writer.write_sample(1_i32 << (bits - 2)).unwrap();
                            writer.write_sample(0_i32).unwrap();
                        }
                    }
                }
            });
            let mono = read_wav(&bytes).unwrap();
            assert_eq!(mono.len(), 100);
            assert!(mono.iter().all(|sample| (8_180..=8_195).contains(sample)), "{bits} {:?}", &mono[..2]);
        }
    }

    #[test]
    fn other_rates_are_resampled_and_last_as_long() {
        let bytes = wav(spec(1, 44_100, 16, SampleFormat::Int), |writer| {
            for n in 0..44_100_i32 {
                writer.write_sample(((f64::from(n) * 0.05).sin() * 9_000.0) as i32).unwrap();
            }
        });
        let samples = read_wav(&bytes).unwrap();
        assert!(samples.len().abs_diff(16_000) < 100, "{}", samples.len());
    }

    #[test]
    fn what_cannot_be_played_is_told_apart() {
        let silence =
            wav(spec(1, 8_000, 16, SampleFormat::Int), |writer| writer.write_sample(0_i32).unwrap());
        assert_eq!(read_wav(&silence), Err(RecordingError::Empty));
        let six = wav(spec(6, 8_000, 16, SampleFormat::Int), |writer| {
            for _ in 0..6 {
                writer.write_sample(1_i32).unwrap();
            }
        });
        assert_eq!(read_wav(&six), Err(RecordingError::Shape));
        assert_eq!(read_wav(b"ID3 an mp3"), Err(RecordingError::NotWav));
        let mut cut = wav(spec(1, 8_000, 16, SampleFormat::Int), |writer| {
            for _ in 0..100 {
                writer.write_sample(5_i32).unwrap();
            }
        });
        cut.truncate(cut.len() - 51);
        assert_eq!(read_wav(&cut), Err(RecordingError::NotWav));
    }
}
