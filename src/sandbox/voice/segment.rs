//! From measurements to symbols: where one begins and ends, and whether its audio is whole.

use std::collections::VecDeque;

use super::alphabet::Tones;
use super::phase::PilotPhase;
use super::spectrum::{HOP, RATE, Spectrum};
use super::{HIGHS, SYMBOL_MS};

/// Counts measurements since the beginning of the audio.
pub(super) type Hop = u64;

/// Length of a whole symbol.
const SYMBOL: u64 = (SYMBOL_MS * RATE as usize / 1000 / HOP) as u64;
/// How far a symbol's length may be off: less than half of the 20 ms that get lost or doubled on a line.
const TOLERANCE: u64 = 2;
/// What is shorter is no symbol.
const SHORTEST: u64 = 4;
/// Measurements after which another low harmonic counts as a new symbol.
const SURE: u64 = 3;
/// Measurements without voice after which the voice has stopped, at least for now.
const FADED: u64 = 4;
/// Measurements without voice after which the voice is gone: 100 ms.
const GONE: u64 = 25;
/// How long a symbol is held back: damage shows in the pilot up to this much later.
const HELD: u64 = 9;
/// Damage that is noticed at one measurement lies in this many before.
const NOTICED: u64 = 8;

/// Below this share of its mean power the pilot is gone: 20 ms of it are missing.
const DIP: f32 = 0.3;
/// Share of a new measurement in the mean power of the pilot.
const LEVEL_FOLLOW: f32 = 0.1;
/// Power of the faintest voice, −55 dBFS.
const FAINTEST: f32 = 3.2e-6;

/// What was found in the audio.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Segment {
    /// A symbol.
    Symbol(Symbol),
    /// The voice stopped: the next symbol does not follow the last.
    Pause,
    /// The voice did not come back.
    Silence,
}

/// A symbol and where it lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Symbol {
    pub(super) tones: Tones,
    pub(super) start: Hop,
    pub(super) end: Hop,
    /// Something is missing, doubled or out of order here: the tones are not to be believed.
    pub(super) damaged: bool,
}

/// Measurements in a row with the same low harmonic.
#[derive(Clone, Copy, Debug)]
struct Run {
    low: usize,
    start: Hop,
    last: Hop,
    high: [f32; HIGHS],
}

impl Run {
    fn begin(low: usize, at: Hop, spectrum: &Spectrum) -> Self {
        Self { low, start: at, last: at, high: spectrum.high }
    }

    fn extend(&mut self, at: Hop, spectrum: &Spectrum) {
        self.last = at;
        self.high.iter_mut().zip(spectrum.high).for_each(|(sum, power)| *sum += power);
    }
}

/// Finds symbols in a stream of measurements.
#[derive(Clone, Debug, Default)]
pub(super) struct Segmenter {
    now: Hop,
    run: Option<Run>,
    /// Begins to look like the next run.
    next: Option<Run>,
    phase: PilotPhase,
    /// Mean power of the pilot lately.
    level: f32,
    /// Measurements since the last with a voice.
    unvoiced: u64,
    held: VecDeque<Symbol>,
    /// The newest damage: first and last measurement.
    damage: Option<(Hop, Hop)>,
}

impl Segmenter {
    /// Takes a measurement and gives what became certain by it.
    pub(super) fn push(&mut self, spectrum: &Spectrum) -> Vec<Segment> {
        self.now += 1;
        let mut found = Vec::new();
        if voiced(spectrum) && spectrum.pilot_power() > DIP * self.level {
            self.voiced(spectrum);
        } else {
            self.unvoiced += 1;
            match self.unvoiced {
                FADED => {
                    self.close(None);
                    self.release(Hop::MAX, &mut found);
                    found.push(Segment::Pause);
                    self.phase = PilotPhase::default();
                    self.level = 0.0;
                    self.damage = None;
                }
                GONE => found.push(Segment::Silence),
                _ => {}
            }
        }
        self.release(self.now.saturating_sub(HELD), &mut found);
        found
    }

    fn voiced(&mut self, spectrum: &Spectrum) {
        if (1..FADED).contains(&self.unvoiced) && self.run.is_some() {
            self.damaged(self.now.saturating_sub(self.unvoiced + NOTICED / 2), self.now);
        }
        self.unvoiced = 0;
        self.level += LEVEL_FOLLOW * (spectrum.pilot_power() - self.level);
        if self.phase.breaks(spectrum) {
            self.damaged(self.now.saturating_sub(NOTICED), self.now);
        }
        if let Some(low) = strongest(&spectrum.low) {
            self.follow(low, spectrum);
        }
    }

    fn follow(&mut self, low: usize, spectrum: &Spectrum) {
        let now = self.now;
        match (&mut self.run, &mut self.next) {
            (Some(run), next) if run.low == low => {
                run.extend(now, spectrum);
                *next = None;
            }
            (_, Some(next)) if next.low == low => next.extend(now, spectrum),
            (_, next) => *next = Some(Run::begin(low, now, spectrum)),
        }
        if let Some(next) = self.next.filter(|next| now + 1 - next.start >= SURE) {
            self.close(Some(next));
        }
    }

    /// Ends the present run, because the next began or the voice fell silent.
    fn close(&mut self, next: Option<Run>) {
        self.next = None;
        let Some(run) = std::mem::replace(&mut self.run, next) else {
            return;
        };
        let end = next.map_or(run.last + 1, |next| next.start);
        let length = end - run.start;
        match strongest(&run.high).filter(|_| length >= SHORTEST) {
            Some(high) => {
                let tones = Tones { low: run.low, high };
                let wrong_length = length.abs_diff(SYMBOL) > TOLERANCE;
                self.held.push_back(Symbol { tones, start: run.start, end, damaged: wrong_length });
            }
            None => self.damaged(run.start, end),
        }
    }

    /// Damage that came late still reaches the symbols that are held back and those to come.
    fn damaged(&mut self, from: Hop, to: Hop) {
        let from = match self.damage {
            Some((earlier, last)) if last >= from => earlier,
            _ => from,
        };
        self.damage = Some((from, to));
        self.held.iter_mut().filter(|symbol| overlaps(symbol, from, to)).for_each(|s| s.damaged = true);
    }

    fn release(&mut self, before: Hop, found: &mut Vec<Segment>) {
        let due = self.held.iter().take_while(|symbol| symbol.end <= before).count();
        for mut symbol in self.held.drain(..due) {
            symbol.damaged |= self.damage.is_some_and(|(from, to)| overlaps(&symbol, from, to));
            found.push(Segment::Symbol(symbol));
        }
    }
}

fn overlaps(symbol: &Symbol, from: Hop, to: Hop) -> bool {
    symbol.start <= to && from < symbol.end
}

/// Whether this is the encoder's voice: loud enough, nothing but harmonics, and pilot, low and high
/// harmonics in about their shares. Tones, music and noise lack one or another.
fn voiced(spectrum: &Spectrum) -> bool {
    let share = |power: f32| power / spectrum.total;
    spectrum.total > FAINTEST
        && share(spectrum.harmonic) > 0.7
        && (0.25..0.85).contains(&share(spectrum.pilot_power()))
        && share(spectrum.low.iter().sum()) > 0.04
        && share(spectrum.high.iter().sum()) > 0.02
}

/// The one that has most of the power, if one has.
fn strongest<const N: usize>(powers: &[f32; N]) -> Option<usize> {
    let sum: f32 = powers.iter().sum();
    powers.iter().position(|&power| power > 0.5 * sum)
}
