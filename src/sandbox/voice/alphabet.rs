//! Text as seven-bit codes, and codes as pairs of harmonics. No audio.

use super::{HIGHS, LOWS};

/// A seven-bit value; one symbol.
pub(super) type Code = u8;

/// The two codes after the reference symbol; together they begin a text wherever they are heard.
pub(super) const START: [Code; 2] = [0x01, 0x02];
/// Three codes that are a Unicode scalar value follow, highest bits first.
pub(super) const ESCAPE: Code = 0x04;
/// Symbols after [`ESCAPE`].
pub(super) const ESCAPED: usize = 3;
/// Symbols of checksum, which are the end mark too: no text has a code like theirs.
pub(super) const CHECK: usize = 3;
/// The first of the sixteen codes that a checksum is spoken with.
const CHECK_BASE: Code = 0x10;

/// The harmonics of a symbol, counted from the first of their group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Tones {
    /// Below `LOWS`.
    pub(super) low: usize,
    /// Below `HIGHS`.
    pub(super) high: usize,
}

/// What every utterance begins with; clear to a voice activity detector.
pub(super) const REFERENCE: Tones = Tones { low: 2, high: 2 };

/// The tones that say `code` after a symbol whose low harmonic was `before`.
pub(super) fn tones(before: usize, code: Code) -> Tones {
    let step = usize::from(code >> 4) + 1;
    Tones { low: (before + step) % LOWS, high: usize::from(code) % HIGHS }
}

/// The code of `tones` after a symbol whose low harmonic was `before`; none if the low harmonic is the same.
pub(super) fn code(before: usize, tones: Tones) -> Option<Code> {
    let step = (tones.low + LOWS - before) % LOWS;
    let step = Code::try_from(step.checked_sub(1)?).ok()?;
    Some((step << 4) | Code::try_from(tones.high).ok()?)
}

/// The codes of one letter.
pub(super) fn codes_of(letter: char) -> Vec<Code> {
    match letter {
        ' '..='~' | '\n' | '\t' | '\r' => vec![letter as Code],
        _ => {
            let scalar = u32::from(letter);
            let seven = |shift: u32| ((scalar >> shift) & 0x7F) as Code;
            vec![ESCAPE, seven(14), seven(7), seven(0)]
        }
    }
}

/// The letter that a code stands for by itself.
pub(super) fn letter(code: Code) -> Option<char> {
    let letter = char::from(code);
    (matches!(letter, ' '..='~') || matches!(letter, '\n' | '\t' | '\r')).then_some(letter)
}

/// The letter that was escaped as three codes.
pub(super) fn escaped(codes: [Code; ESCAPED]) -> Option<char> {
    char::from_u32(codes.iter().fold(0, |scalar, &code| (scalar << 7) | u32::from(code)))
}

/// Whether a code, outside an escape, belongs to the checksum at the end.
pub(super) fn is_check(code: Code) -> bool {
    code & 0x70 == CHECK_BASE
}

/// The checksum of a text's codes: a CRC-12 (polynomial 0x80F), as three codes of four bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Checksum(u16);

impl Checksum {
    const POLYNOMIAL: u16 = 0x80F;

    /// Takes the next code of the text.
    pub(super) fn add(&mut self, code: Code) {
        for bit in (0..7).rev() {
            let carry = (self.0 >> 11) ^ u16::from((code >> bit) & 1);
            self.0 = (self.0 << 1) & 0xFFF;
            if carry == 1 {
                self.0 ^= Self::POLYNOMIAL;
            }
        }
    }

    /// The checksum as it is spoken.
    pub(super) fn codes(self) -> [Code; CHECK] {
        [8, 4, 0].map(|shift| CHECK_BASE | ((self.0 >> shift) & 0xF) as Code)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_letter_comes_back(letter: char) {
            let codes = codes_of(letter);
            let back = match codes[..] {
                [ESCAPE, a, b, c] => escaped([a, b, c]),
                [code] if !is_check(code) => super::letter(code),
                _ => None,
            };
            prop_assert_eq!(back, Some(letter));
        }

        #[test]
        fn every_code_changes_the_low_harmonic_and_comes_back(before in 0..LOWS, value in 0u8..128) {
            let tones = tones(before, value);
            prop_assert_ne!(tones.low, before);
            prop_assert_eq!(code(before, tones), Some(value));
        }
    }

    #[test]
    fn the_checksum_sees_one_code_changed_swapped_or_missing() {
        let sum = |text: &str| {
            let mut sum = Checksum::default();
            text.bytes().for_each(|code| sum.add(code));
            sum.codes()
        };
        let whole = sum("I need a manager");
        for other in ["I need a nanager", "I need a mnaager", "I need a manage", "I need  manager", ""] {
            assert_ne!(sum(other), whole, "{other}");
        }
    }
}
