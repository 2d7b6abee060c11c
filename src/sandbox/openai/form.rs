//! Forms with files (RFC 7578), as far as a transcription needs them, and the sound file in them (RIFF, 16-bit PCM).

use super::error::ApiError;

/// Bytes of a form: the documented 25 MB of a file, and a little for its fields.
pub(super) const LARGEST: usize = 26 << 20;

/// The fields of a form, files among them.
#[derive(Debug, Default)]
pub(super) struct Form<'a> {
    fields: Vec<(String, &'a [u8])>,
}

impl<'a> Form<'a> {
    /// Reads a body by the boundary that its content type names.
    pub(super) fn parse(content_type: &str, body: &'a [u8]) -> Result<Self, ApiError> {
        let boundary = content_type
            .strip_prefix("multipart/form-data")
            .and_then(|rest| rest.split(';').find_map(|part| part.trim().strip_prefix("boundary=")))
            .map(|boundary| boundary.trim_matches('"'))
            .filter(|boundary| !boundary.is_empty())
            .ok_or_else(|| ApiError::invalid("file", "The body must be multipart/form-data."))?;
        let mark = format!("--{boundary}");
        let mut form = Self::default();
        let mut rest = body;
        while let Some(at) = find(rest, mark.as_bytes()) {
            let after = &rest[at + mark.len()..];
            let end = find(after, format!("\r\n{mark}").as_bytes()).unwrap_or(after.len());
            form.fields.extend(field(&after[..end]));
            rest = after.get(end..).unwrap_or_default();
        }
        Ok(form)
    }

    /// A field's bytes.
    pub(super) fn bytes(&self, name: &str) -> Option<&'a [u8]> {
        self.fields.iter().find(|(key, _)| key == name).map(|(_, value)| *value)
    }

    /// A field's text.
    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        std::str::from_utf8(self.bytes(name)?).ok()
    }
}

/// One part: its headers, an empty line, its bytes.
fn field(part: &[u8]) -> Option<(String, &[u8])> {
    let split = find(part, b"\r\n\r\n")?;
    let head = std::str::from_utf8(&part[..split]).ok()?;
    let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with("content-disposition"))?;
    let name = line.split(';').find_map(|p| p.trim().strip_prefix("name="))?.trim_matches('"');
    Some((name.to_owned(), &part[split + 4..]))
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// The rate and the samples of a RIFF file with one channel of 16-bit PCM.
pub(super) fn wav(file: &[u8]) -> Option<(u32, Vec<i16>)> {
    let chunks = file.strip_prefix(b"RIFF")?.get(4..)?.strip_prefix(b"WAVE")?;
    let (mut rest, mut rate) = (chunks, None);
    loop {
        let (id, after) = rest.split_at_checked(4)?;
        let (length, after) = after.split_at_checked(4)?;
        let length = u32::from_le_bytes(length.try_into().ok()?) as usize;
        let body = after.get(..length.min(after.len()))?;
        match id {
            b"fmt " => {
                let pcm_mono_16 = body.get(..4)? == [1, 0, 1, 0] && body.get(14..16)? == [16, 0];
                rate = Some(u32::from_le_bytes(body.get(4..8)?.try_into().ok()?)).filter(|_| pcm_mono_16);
            }
            b"data" => {
                let samples = body.as_chunks::<2>().0.iter().map(|&pair| i16::from_le_bytes(pair));
                return Some((rate?, samples.collect()));
            }
            _ => {}
        }
        // Chunks begin at even places.
        rest = after.get(length + length % 2..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: &str = "multipart/form-data; boundary=b0";

    #[test]
    fn fields_and_files_are_found_whatever_is_in_them() {
        let body = b"--b0\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n\
                     --b0\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\
                     Content-Type: audio/wav\r\n\r\nRI\r\n\r\n--FF\r\n--b0--\r\n";
        let form = Form::parse(KIND, body).unwrap();
        assert_eq!((form.text("model"), form.text("language")), (Some("whisper-1"), None));
        assert_eq!(form.bytes("file"), Some(&b"RI\r\n\r\n--FF"[..]));
        assert!(Form::parse("application/json", body).is_err());
        assert!(Form::parse("multipart/form-data; boundary=other", body).unwrap().fields.is_empty());
    }

    #[test]
    fn a_sound_file_is_read_and_garbage_is_not() {
        let mut file = b"RIFF\0\0\0\0WAVELIST\x03\0\0\0abc\0fmt \x10\0\0\0\x01\0\x01\0".to_vec();
        file.extend(16_000u32.to_le_bytes());
        file.extend([0, 125, 0, 0, 2, 0, 16, 0]);
        file.extend(b"data\x04\0\0\0\x01\x02\x03\x04");
        assert_eq!(wav(&file), Some((16_000, vec![0x201, 0x403])));
        for cut in 0..file.len() - 4 {
            assert!(wav(&file[..cut]).is_none_or(|(_, samples)| samples.len() < 2), "{cut}");
        }
        assert_eq!(wav(b"ID3"), None);
    }
}
