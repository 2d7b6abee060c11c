//! Raw audio as it arrives, whichever API it is for.

use std::borrow::Cow;

use crate::audio::g711::{decode_alaw, decode_ulaw};

/// How samples arrive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Encoding {
    Linear16,
    Mulaw,
    Alaw,
    /// Known to Deepgram, not to us: its audio is not decodable.
    Other,
}

/// Turns bytes into samples; a sample may be split between two messages.
pub(super) struct Audio {
    encoding: Encoding,
    odd_byte: Option<u8>,
}

impl Audio {
    pub(super) fn new(encoding: Encoding) -> Self {
        Self { encoding, odd_byte: None }
    }

    /// None if the encoding is not one of ours.
    pub(super) fn samples(&mut self, bytes: &[u8]) -> Option<Vec<i16>> {
        match self.encoding {
            Encoding::Mulaw => Some(decode_ulaw(bytes)),
            Encoding::Alaw => Some(decode_alaw(bytes)),
            Encoding::Linear16 => {
                let all = match self.odd_byte.take() {
                    Some(odd) => Cow::Owned([&[odd], bytes].concat()),
                    None => Cow::Borrowed(bytes),
                };
                let (pairs, rest) = all.as_chunks::<2>();
                self.odd_byte = rest.first().copied();
                Some(pairs.iter().map(|&pair| i16::from_le_bytes(pair)).collect())
            }
            Encoding::Other => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_survive_any_split() {
        let bytes: Vec<u8> = (0..=255).collect();
        let mut whole = Audio::new(Encoding::Linear16);
        let expected = whole.samples(&bytes).unwrap();
        let mut split = Audio::new(Encoding::Linear16);
        let pieces: Vec<i16> = bytes.chunks(3).flat_map(|piece| split.samples(piece).unwrap()).collect();
        assert_eq!(pieces, expected);
    }
}
