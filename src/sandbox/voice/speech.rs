//! One speech as it is heard: from codes to letters, and the verdict at its end.

use std::time::Duration;

use super::alphabet::{CHECK, Checksum, Code, ESCAPE, ESCAPED, escaped, is_check, letter};
use super::{DAMAGE, Heard, SpokenWord, words};

/// Letters after which a text is given up: more than three minutes. Only a broken sender gets there.
const LONGEST: usize = 4_096;

/// A symbol of a speech: its code, unless it is damaged, and where it lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spoken {
    pub(super) code: Option<Code>,
    pub(super) start: Duration,
    pub(super) end: Duration,
}

/// What a symbol did to a speech.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Progress {
    /// Nothing that can be told yet.
    None,
    /// There is more text.
    Longer,
    /// It was the last.
    Ended,
}

/// What the next codes mean.
#[derive(Clone, Debug)]
enum Expects {
    Letter,
    Escaped(Vec<Code>, Duration),
    /// More of the checksum; none for a damaged symbol of it.
    Check(Vec<Option<Code>>),
}

/// What was heard of a speech so far.
#[derive(Clone, Debug)]
pub(super) struct Speech {
    letters: Vec<(char, Duration, Duration)>,
    expects: Expects,
    checksum: Checksum,
    intact: bool,
    /// Damaged symbols since the last whole one.
    lost: usize,
}

impl Speech {
    pub(super) fn new() -> Self {
        Self {
            letters: Vec::new(),
            expects: Expects::Letter,
            checksum: Checksum::default(),
            intact: true,
            lost: 0,
        }
    }

    /// A speech whose beginning was not heard whole.
    pub(super) fn joined_at(at: Duration) -> Self {
        let mut speech = Self::new();
        speech.damage(at, at);
        speech
    }

    /// Takes the next symbol.
    pub(super) fn push(&mut self, spoken: Spoken) -> Progress {
        let Some(code) = spoken.code else {
            self.lost += 1;
            return self.lost(spoken);
        };
        self.lost = 0;
        match &mut self.expects {
            Expects::Escaped(codes, start) => {
                self.checksum.add(code);
                codes.push(code);
                let start = *start;
                let Ok(codes) = <[Code; ESCAPED]>::try_from(codes.as_slice()) else {
                    return Progress::None;
                };
                self.expects = Expects::Letter;
                self.letter(escaped(codes), start, spoken.end)
            }
            Expects::Check(codes) if is_check(code) => {
                codes.push(Some(code));
                self.checked()
            }
            Expects::Letter if is_check(code) => {
                self.expects = Expects::Check(vec![Some(code)]);
                Progress::None
            }
            Expects::Check(_) | Expects::Letter => {
                self.checksum.add(code);
                self.expects = Expects::Letter;
                if code == ESCAPE {
                    self.expects = Expects::Escaped(Vec::new(), spoken.start);
                    return Progress::None;
                }
                self.letter(letter(code), spoken.start, spoken.end)
            }
        }
    }

    /// The text so far.
    pub(super) fn text(&self) -> String {
        self.letters.iter().map(|&(letter, ..)| letter).collect()
    }

    /// The words so far.
    pub(super) fn words(&self) -> Vec<SpokenWord> {
        words(self.letters.iter().copied())
    }

    /// The verdict on a speech whose end was heard.
    pub(super) fn ended(mut self) -> Heard {
        let shown = self.letters.iter().any(|&(letter, ..)| letter == DAMAGE);
        if !self.intact && !shown {
            // The checksum tells that something is wrong, but not where.
            let end = self.letters.last().map_or(Duration::ZERO, |&(.., end)| end);
            self.letters.push((DAMAGE, end, end));
        }
        self.heard(false)
    }

    /// The verdict on a speech after which the voice was silent.
    pub(super) fn broke_off(self) -> Heard {
        match self.expects {
            // Of the end mark, a part is enough to know that this was the end.
            Expects::Check(_) => Self { intact: false, ..self }.ended(),
            // One symbol that is not whole is what a cut leaves; more of them are damage.
            Expects::Letter | Expects::Escaped(..) if self.lost > 1 => self.heard(true),
            Expects::Letter | Expects::Escaped(..) => self.cut_at(Duration::MAX),
        }
    }

    /// The verdict on a speech whose listener hung up: what they did not hear is not damaged.
    pub(super) fn hung_up(self) -> Heard {
        match self.expects {
            Expects::Check(_) => self.cut_at(Duration::MAX),
            Expects::Letter | Expects::Escaped(..) => self.broke_off(),
        }
    }

    /// The verdict on a speech that another broke off at `at`.
    pub(super) fn cut_at(mut self, at: Duration) -> Heard {
        self.letters.retain(|&(_, start, _)| start < at);
        // Of what lies on the cut nobody expects that it is whole.
        while self.letters.pop_if(|&mut (letter, ..)| letter == DAMAGE).is_some() {}
        self.intact = false;
        self.heard(true)
    }

    fn heard(self, cut: bool) -> Heard {
        Heard::Text { text: self.text(), intact: self.intact, cut, words: self.words() }
    }

    fn letter(&mut self, letter: Option<char>, start: Duration, end: Duration) -> Progress {
        match letter {
            Some(letter) if self.letters.len() < LONGEST => self.letters.push((letter, start, end)),
            _ => self.damage(start, end),
        }
        Progress::Longer
    }

    fn lost(&mut self, spoken: Spoken) -> Progress {
        if let Expects::Check(codes) = &mut self.expects {
            codes.push(None);
            return self.checked();
        }
        self.expects = Expects::Letter;
        self.damage(spoken.start, spoken.end);
        Progress::Longer
    }

    /// Whether the checksum is complete; if so, what it says counts.
    fn checked(&mut self) -> Progress {
        match &self.expects {
            Expects::Check(codes) if codes.len() == CHECK => {
                self.intact &= codes[..] == self.checksum.codes().map(Some);
                Progress::Ended
            }
            _ => Progress::None,
        }
    }

    /// Shows damage, once for damage that continues.
    fn damage(&mut self, start: Duration, end: Duration) {
        self.intact = false;
        match self.letters.last_mut() {
            Some((DAMAGE, _, until)) => *until = end,
            _ => self.letters.push((DAMAGE, start, end)),
        }
    }
}
