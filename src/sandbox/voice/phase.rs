//! The pilot's phase: constant while audio is whole, broken where samples are missing, doubled or swapped.

use super::spectrum::Spectrum;

/// Cosines of the angles beyond which the pilot's two harmonics have left their phase. 20 ms are 80° of the
/// first and 160° of the second; measurements are within a few degrees.
const LIMITS: [f32; 2] = [0.91, 0.80];
/// Measurements in a row that must be off.
const SURE: u32 = 3;
/// Measurements until nothing from before the voice, or before a break, is within the window any more.
const SETTLED: u32 = 6;
/// Share of a new measurement in the reference.
const FOLLOW: f32 = 0.1;

/// Follows the pilot of one voice.
#[derive(Clone, Debug)]
pub(super) struct PilotPhase {
    /// Unit vectors; none until the window lies within the voice, and while a break settles.
    reference: Option<[(f32, f32); 2]>,
    off: u32,
    settling: u32,
}

impl Default for PilotPhase {
    fn default() -> Self {
        Self { reference: None, off: 0, settling: SETTLED }
    }
}

impl PilotPhase {
    /// Takes a measurement with voice; says whether the phase is found broken by it.
    pub(super) fn breaks(&mut self, spectrum: &Spectrum) -> bool {
        let pilot = spectrum.pilot.map(unit);
        if self.settling > 0 {
            self.settling -= 1;
            return false;
        }
        let Some(reference) = &mut self.reference else {
            self.reference = Some(pilot);
            return false;
        };
        let off = (0..pilot.len()).any(|n| dot(reference[n], pilot[n]) < LIMITS[n]);
        if !off {
            self.off = 0;
            for (reference, pilot) in reference.iter_mut().zip(pilot) {
                *reference = unit((reference.0 + FOLLOW * pilot.0, reference.1 + FOLLOW * pilot.1));
            }
            return false;
        }
        self.off += 1;
        if self.off < SURE {
            return false;
        }
        *self = Self::default();
        true
    }
}

fn unit((re, im): (f32, f32)) -> (f32, f32) {
    let length = re.hypot(im).max(f32::MIN_POSITIVE);
    (re / length, im / length)
}

fn dot(a: (f32, f32), b: (f32, f32)) -> f32 {
    a.0 * b.0 + a.1 * b.1
}
