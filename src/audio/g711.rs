//! G.711: the two companding laws of telephone networks, one byte a sample at 8 kHz.
//!
//! Samples are 16-bit linear; µ-law works on the upper 14 bits and A-law on the upper 13, as the
//! Recommendation's tables do. Decoding is a table look-up, encoding a count of leading zeros.

/// µ-law's silence (positive zero).
pub const ULAW_SILENCE: u8 = 0xFF;
/// A-law's value nearest to silence.
pub const ALAW_SILENCE: u8 = 0xD5;

/// Added to a magnitude before its segment is sought (33 in the Recommendation's 14-bit scale).
const ULAW_BIAS: i32 = 33 << 2;
/// The largest magnitude that µ-law codes before the bias is added (8158 in 14 bits).
const ULAW_CLIP: i32 = 8158 << 2;

const ULAW_TO_LINEAR: [i16; 256] = ulaw_table();
const ALAW_TO_LINEAR: [i16; 256] = alaw_table();

/// One µ-law byte as a linear sample (ITU-T G.711, table 2).
#[must_use]
pub fn ulaw_to_linear(byte: u8) -> i16 {
    ULAW_TO_LINEAR[usize::from(byte)]
}

/// One linear sample as a µ-law byte (ITU-T G.711, table 2).
#[must_use]
pub fn linear_to_ulaw(sample: i16) -> u8 {
    let magnitude = i32::from(sample).abs().min(ULAW_CLIP) + ULAW_BIAS;
    // The bias puts the leading one at bit 7 or above, and the clip at bit 14 or below.
    let segment = 24 - magnitude.leading_zeros();
    let step = (magnitude >> (segment + 3)) & 0x0F;
    let code = ((segment as u8) << 4) | step as u8;
    if sample < 0 { !code & 0x7F } else { !code }
}

/// One A-law byte as a linear sample (ITU-T G.711, table 1).
#[must_use]
pub fn alaw_to_linear(byte: u8) -> i16 {
    ALAW_TO_LINEAR[usize::from(byte)]
}

/// One linear sample as an A-law byte (ITU-T G.711, table 1).
#[must_use]
pub fn linear_to_alaw(sample: i16) -> u8 {
    // One's complement gives negative samples the same intervals as positive ones.
    let magnitude = i32::from(if sample < 0 { !sample } else { sample });
    let code = if magnitude < 256 {
        (magnitude >> 4) as u8
    } else {
        let segment = 24 - magnitude.leading_zeros();
        let step = (magnitude >> (segment + 3)) & 0x0F;
        ((segment as u8) << 4) | step as u8
    };
    let sign = if sample < 0 { 0 } else { 0x80 };
    (sign | code) ^ 0x55
}

/// µ-law bytes as linear samples at the same rate.
#[must_use]
pub fn decode_ulaw(bytes: &[u8]) -> Vec<i16> {
    bytes.iter().map(|&byte| ulaw_to_linear(byte)).collect()
}

/// Linear samples as µ-law bytes at the same rate.
#[must_use]
pub fn encode_ulaw(samples: &[i16]) -> Vec<u8> {
    samples.iter().map(|&sample| linear_to_ulaw(sample)).collect()
}

/// A-law bytes as linear samples at the same rate.
#[must_use]
pub fn decode_alaw(bytes: &[u8]) -> Vec<i16> {
    bytes.iter().map(|&byte| alaw_to_linear(byte)).collect()
}

/// Linear samples as A-law bytes at the same rate.
#[must_use]
pub fn encode_alaw(samples: &[i16]) -> Vec<u8> {
    samples.iter().map(|&sample| linear_to_alaw(sample)).collect()
}

const fn ulaw_table() -> [i16; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let code = !(byte as u8);
        let segment = (code >> 4) & 0x07;
        let step = (code & 0x0F) as i32;
        let magnitude = ((((step << 1) + 33) << segment) - 33) << 2;
        table[byte] = if code & 0x80 != 0 { -magnitude as i16 } else { magnitude as i16 };
        byte += 1;
    }
    table
}

const fn alaw_table() -> [i16; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let code = (byte as u8) ^ 0x55;
        let segment = (code >> 4) & 0x07;
        let step = (code & 0x0F) as i32;
        let magnitude = match segment {
            0 => (step << 4) + 8,
            _ => ((step << 4) + 0x108) << (segment - 1),
        };
        table[byte] = if code & 0x80 == 0 { -magnitude as i16 } else { magnitude as i16 };
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Over the whole range: monotonic, and never off by more than half a step of its segment.
    fn check_law(encode: fn(i16) -> u8, decode: fn(u8) -> i16, clip: i32, half_step: fn(u8) -> i32) {
        let mut last = i16::MIN;
        for sample in i16::MIN..=i16::MAX {
            let code = encode(sample);
            let heard = decode(code);
            assert!(heard >= last, "not monotonic at {sample}");
            last = heard;
            let error = (i32::from(heard) - i32::from(sample).clamp(-clip, clip)).abs();
            assert!(error <= half_step(code), "{sample} became {heard}");
        }
    }

    #[test]
    fn ulaw_is_within_half_a_step_over_the_whole_range() {
        check_law(linear_to_ulaw, ulaw_to_linear, 8158 * 4, |code| 4 << (!code >> 4 & 7));
    }

    #[test]
    fn alaw_is_within_half_a_step_over_the_whole_range() {
        check_law(linear_to_alaw, alaw_to_linear, 32_767, |code| 8 << ((code ^ 0x55) >> 4 & 7).max(1) >> 1);
    }

    #[test]
    fn every_code_word_survives_a_round_trip() {
        for byte in 0..=255u8 {
            // 0x7F is negative zero, which has no linear value of its own.
            let expected = if byte == 0x7F { ULAW_SILENCE } else { byte };
            assert_eq!(linear_to_ulaw(ulaw_to_linear(byte)), expected, "µ-law {byte:#04x}");
            assert_eq!(linear_to_alaw(alaw_to_linear(byte)), byte, "A-law {byte:#04x}");
        }
    }

    #[test]
    fn the_laws_are_odd_and_have_the_recommended_extremes() {
        for byte in 0..128u8 {
            assert_eq!(ulaw_to_linear(byte), -ulaw_to_linear(byte | 0x80));
            assert_eq!(alaw_to_linear(byte), -alaw_to_linear(byte | 0x80));
        }
        assert_eq!(ulaw_to_linear(0x80), 8031 * 4);
        assert_eq!(ulaw_to_linear(0xFE), 2 * 4);
        assert_eq!(ulaw_to_linear(ULAW_SILENCE), 0);
        assert_eq!(alaw_to_linear(0xAA), 4032 * 8);
        assert_eq!(alaw_to_linear(ALAW_SILENCE), 8);
        assert_eq!(linear_to_ulaw(0), ULAW_SILENCE);
        assert_eq!(linear_to_alaw(0), ALAW_SILENCE);
        assert_eq!((linear_to_ulaw(i16::MAX), linear_to_ulaw(i16::MIN)), (0x80, 0x00));
    }

    /// The digital milliwatt of G.711 (tables 5 and 6): a 1 kHz tone, eight bytes a period.
    #[test]
    fn the_digital_milliwatt_is_a_sine() {
        let ulaw = decode_ulaw(&[0x1E, 0x0B, 0x0B, 0x1E, 0x9E, 0x8B, 0x8B, 0x9E]);
        let alaw = decode_alaw(&[0x34, 0x21, 0x21, 0x34, 0xB4, 0xA1, 0xA1, 0xB4]);
        for period in [ulaw, alaw] {
            let ratio = f64::from(period[1]) / f64::from(period[0]);
            assert!((ratio - (1.0 + 2f64.sqrt())).abs() < 0.1, "ratio {ratio}");
            assert!((0..4).all(|n| period[n] == -period[n + 4]));
        }
    }
}
