//! Text to intent, by the words they share.
//!
//! A word counts by what it tells: content words fully, light words ("talk", "help") a little, words of
//! every sentence not at all. Word endings are cut, a few plain synonyms are one word, and what is negated
//! ("I don't want a manager") matches only what is negated too ("no more questions"). An example without
//! a telling word ("put me through") is looked for as it stands.

use std::cell::OnceCell;

use super::{Token, tokens};

/// An intent as [`best`] sees it: what it is told by is read once, and not for every text.
#[derive(Debug, Clone)]
pub struct Candidate {
    examples: Vec<Example>,
    /// The terms of `when` and of all examples.
    vocabulary: Terms,
}

#[derive(Debug, Clone)]
struct Example {
    terms: Terms,
    weight: f32,
    /// What is looked for as it stands; empty if the terms tell enough.
    phrase: Vec<String>,
}

impl Candidate {
    /// `when` says in words when it applies, `examples` are sentences that mean it.
    #[must_use]
    pub fn new<'a>(when: &str, examples: impl IntoIterator<Item = &'a str>) -> Self {
        let mut vocabulary = Terms::of(when);
        let examples: Vec<_> = examples.into_iter().map(Example::of).collect();
        for term in examples.iter().flat_map(|example| &example.terms.0) {
            vocabulary.insert(term.clone());
        }
        Self { examples, vocabulary }
    }
}

impl Example {
    fn of(text: &str) -> Self {
        let terms = Terms::of(text);
        let weight = terms.weight();
        let phrase = if weight < LEAST_SHARED { words_of(text) } else { Vec::new() };
        Self { terms, weight, phrase }
    }
}

/// Below this, a text means none of the candidates.
const THRESHOLD: f32 = 0.7;
/// What must be shared at least: one content word, or two light ones.
const LEAST_SHARED: f32 = 0.5;

/// What an example is worth that was said as it stands.
const PHRASE: f32 = 0.9;

/// The index of the candidate that a text fits best, if it fits any well enough.
///
/// A text fits that holds all telling words of an example; less of it will do the less else the text says.
/// A text also fits, though less well, if nearly all its telling words are found in `when` and the
/// examples together. Of equals, the first wins.
pub fn best<'a>(text: &str, candidates: impl IntoIterator<Item = &'a Candidate>) -> Option<usize> {
    let said = Terms::of(text);
    let words = OnceCell::new();
    let words = || &**words.get_or_init(|| words_of(text));
    candidates
        .into_iter()
        .map(|candidate| score(&said, &words, candidate))
        .enumerate()
        .filter(|(_, score)| *score >= THRESHOLD)
        .reduce(|best, next| if next.1 > best.1 { next } else { best })
        .map(|(index, _)| index)
}

fn score<'w>(said: &Terms, words: &impl Fn() -> &'w [String], candidate: &Candidate) -> f32 {
    let mut best = 0.0_f32;
    for Example { terms, weight, phrase } in &candidate.examples {
        if phrase.len() > 1 && is_phrase_of(phrase, words()) {
            // Of two words or more, courtesy apart.
            best = best.max(PHRASE);
        }
        let shared = said.shared_with(terms);
        if shared >= LEAST_SHARED {
            best = best.max(0.7 * shared / weight + 0.3 * shared / said.weight());
        }
    }
    let known = said.shared_with(&candidate.vocabulary);
    if known >= LEAST_SHARED { best.max(0.75 * known / said.weight()) } else { best }
}

/// Whether words contain a phrase, and not in the negative.
fn is_phrase_of(phrase: &[String], said: &[String]) -> bool {
    let is_here = |start: usize| {
        let negated = start > 0 && is_listed(&said[start - 1], NEGATORS);
        said[start..].starts_with(phrase) && !negated
    };
    (0..said.len()).any(is_here)
}

/// The words of a text without those of courtesy.
fn words_of(text: &str) -> Vec<String> {
    let word = |token| match token {
        Token::Word(word) if !is_listed(&word, COURTESY) => Some(word),
        _ => None,
    };
    tokens(text).into_iter().filter_map(word).collect()
}

/// The distinct telling words of a text.
#[derive(Debug, Clone)]
struct Terms(Vec<Term>);

#[derive(Debug, Clone, PartialEq)]
struct Term {
    stem: String,
    negated: bool,
}

/// How far a negation still reaches.
#[derive(Clone, Copy)]
enum Negation {
    None,
    /// After "no": the next word, if it is a telling one.
    NextWord,
    /// After "not" and its like: so many telling words of the clause.
    Clause(u8),
}

impl Terms {
    fn of(text: &str) -> Self {
        let mut terms = Self(Vec::new());
        let mut negation = Negation::None;
        let mut after_why = false;
        for token in tokens(text) {
            let Token::Word(word) = token else {
                negation = Negation::None;
                continue;
            };
            let word = word.as_str();
            match word {
                "no" => negation = Negation::NextWord,
                _ if is_listed(word, NEGATORS) => {
                    negation = if after_why { Negation::None } else { Negation::Clause(3) };
                }
                _ if is_listed(word, NEW_CLAUSE) => negation = Negation::None,
                _ if is_listed(word, STOP) => {
                    if matches!(negation, Negation::NextWord) && !is_listed(word, MORE) {
                        negation = Negation::None;
                    }
                }
                _ => {
                    let negated = !matches!(negation, Negation::None);
                    terms.insert(Term { stem: canonical(word), negated });
                    negation = negation.spent();
                }
            }
            after_why = word == "why";
        }
        terms
    }

    fn insert(&mut self, term: Term) {
        if !self.0.contains(&term) {
            self.0.push(term);
        }
    }

    fn weight(&self) -> f32 {
        self.0.iter().map(Term::weight).sum()
    }

    fn shared_with(&self, other: &Self) -> f32 {
        self.0.iter().filter(|term| other.0.contains(term)).map(Term::weight).sum()
    }
}

impl Term {
    fn weight(&self) -> f32 {
        match self.stem.as_str() {
            "all" => 0.5,
            stem if is_listed(stem, LIGHT) => 0.25,
            _ => 1.0,
        }
    }
}

impl Negation {
    /// The negation after one telling word.
    fn spent(self) -> Self {
        match self {
            Self::Clause(left) if left > 1 => Self::Clause(left - 1),
            _ => Self::None,
        }
    }
}

/// The stem of a word, the same for words that mean the same.
fn canonical(word: &str) -> String {
    if let Some((_, same)) = SYNONYMS.iter().find(|(w, _)| *w == word) {
        return (*same).to_owned();
    }
    if word.len() <= 3 || !word.is_ascii() || word == "all" {
        return word.to_owned();
    }
    stem(word)
}

/// Cuts the endings of plurals and verb forms. Not a linguist's stem: it only has to be the same for both.
fn stem(word: &str) -> String {
    let singular = if let Some(root) = word.strip_suffix("ies") {
        format!("{root}y")
    } else if let Some(root) = word.strip_suffix('s')
        && !root.ends_with(['s', 'u', 'i'])
    {
        root.to_owned()
    } else {
        word.to_owned()
    };
    let root = ["ing", "ed"]
        .into_iter()
        .find_map(|ending| singular.strip_suffix(ending).filter(|root| root.len() >= 3))
        .unwrap_or(&singular);
    let root = if root.len() > 3 { root.strip_suffix('e').unwrap_or(root) } else { root };
    let mut letters = root.chars().rev();
    let doubled = letters.next() == letters.next();
    if doubled { root[..root.len() - 1].to_owned() } else { root.to_owned() }
}

/// Word lists are text, so that they read as text.
fn is_listed(word: &str, list: &str) -> bool {
    let ends = |at: Option<&u8>| at.is_none_or(u8::is_ascii_whitespace);
    let list_of = list.as_bytes();
    list.match_indices(word).any(|(at, _)| {
        ends(at.checked_sub(1).and_then(|before| list_of.get(before))) && ends(list_of.get(at + word.len()))
    })
}

const NEGATORS: &str = "not dont doesnt didnt never without";
const NEW_CLAUSE: &str = "but i so because just instead";
/// Words between "no" and what it negates.
const MORE: &str = "more other further any longer else";
/// Words that make a wish polite.
const COURTESY: &str = "can could will would you may might i id we want like to please just";
/// Words that tell a little.
const LIGHT: &str = "talk help someone somebody call";
const SYNONYMS: &[(&str, &str)] = &[
    ("speak", "talk"),
    ("speaking", "talk"),
    ("talking", "talk"),
    ("chat", "talk"),
    ("goodbye", "bye"),
    ("human", "person"),
    ("humans", "person"),
    ("people", "person"),
    ("persons", "person"),
    ("representative", "agent"),
    ("rep", "agent"),
];
/// Words of every sentence.
const STOP: &str = "
    a about actual actually after again am an and any anybody anyone are as ask asks at be been before being by
    caller callers can cant could did do does else for from further get gets getting give go going good got had
    has have having he hello her here hey hi him his how if id ill im in into is it its ive kind let lets like
    longer make may maybe me might more must my myself need needs now of off oh ok okay on one only or other our
    out please put quick real really right say says she should some something sort still such sure than thank
    thanks that thats the their them then there theres these they this those through to too uh um up us user
    very want wanted wants was way we well were what when where which who why will wish wishes with would yeah
    yes you your";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MANAGER: [&str; 2] = ["I want to speak to a manager", "can I talk to a real person"];
    const FAREWELL: [&str; 1] = ["that's all, bye"];

    /// The intents of the flow that the project ships.
    fn cold_transfer() -> [Candidate; 2] {
        [
            Candidate::new("The caller asks for a supervisor, a manager or a human agent.", MANAGER),
            Candidate::new("The caller says goodbye or has no more questions.", FAREWELL),
        ]
    }

    fn assert_all(expected: Option<usize>, texts: &str) {
        for text in texts.split(" | ") {
            assert_eq!(best(text, &cold_transfer()), expected, "{text}");
        }
    }

    #[test]
    fn requests_for_a_person_are_understood() {
        assert_all(
            Some(0),
            "I want to speak to a manager | can I talk to a person please | get me a human | \
             Get me a human! | I'd like to talk to somebody real, a person | \
             I need a manager for my bill | supervisor | the supervisor please | \
             Could I speak with your managers? | no I want to speak to a manager | \
             No, get me a person. | why don't you get me a human agent | \
             I've been waiting for three days and nobody calls me back so I want to speak to a manager right now | \
             I don't want to hear that again, I want to talk to a real person",
        );
    }

    #[test]
    fn farewells_are_understood() {
        assert_all(
            Some(1),
            "that's all, bye | bye | Bye bye. | Goodbye! | That's all | no, that's all, thanks | \
             I have no more questions | no more questions thank you | \
             I don't have any other questions | okay goodbye then",
        );
    }

    #[test]
    fn other_talk_matches_nothing() {
        assert_all(
            None,
            "  |   | … | I need help with my bill | I have a question about my bill | \
             can I talk to you about my bill | I want to talk | all my bills are wrong | \
             the manager of the store sold me a broken phone | yes | no | hello | \
             I don't want to speak to a manager | I do not need a human | no manager please | \
             What are your opening hours?",
        );
    }

    #[test]
    fn examples_of_plain_words_and_of_refusals_are_understood() {
        let candidates = [
            Candidate::new(
                "The caller wants to speak to a person, or has a problem that needs one.",
                ["I want to talk to someone", "can you put me through"],
            ),
            Candidate::new(
                "The caller no longer wants to be connected.",
                ["never mind", "stop, I don't want to wait"],
            ),
        ];
        for (text, expected) in [
            ("can you put me through", Some(0)),
            ("Put me through, please.", Some(0)),
            ("please don't put me through", None),
            ("I went through my bills", None),
            ("can I talk to someone?", Some(0)),
            ("get me a human", Some(0)),
            ("never mind", Some(1)),
            ("oh, never mind then", Some(1)),
            ("stop", Some(1)),
            ("I don't want to wait", Some(1)),
            ("I can wait", None),
            ("hello?", None),
        ] {
            assert_eq!(best(text, &candidates), expected, "{text}");
        }
    }

    #[test]
    fn the_better_fit_wins_and_the_first_of_equals() {
        let sales = &Candidate::new("The caller wants to buy a phone.", ["I want to buy a new phone"]);
        let broken = &Candidate::new("The caller has a broken phone.", ["my phone is broken"]);
        assert_eq!(best("my phone is broken", [sales, broken]), Some(1));
        assert_eq!(best("I'd like to buy a new phone", [sales, broken]), Some(0));
        assert_eq!(best("buy a phone", [sales, sales]), Some(0));
    }

    #[test]
    fn forms_of_a_word_are_one_word() {
        for (a, b) in [
            ("cancel", "cancelled"),
            ("cancel", "cancelling"),
            ("charge", "charged"),
            ("charge", "charging"),
            ("call", "calls"),
            ("call", "called"),
            ("policy", "policies"),
            ("transfer", "transferring"),
            ("address", "addresses"),
        ] {
            assert_eq!(canonical(a), canonical(b), "{a} and {b}");
        }
        assert_ne!(canonical("bus"), canonical("bu"));
        assert_ne!(canonical("bill"), canonical("bike"));
    }

    #[test]
    fn a_candidate_without_words_never_matches() {
        assert_eq!(best("anything", &[Candidate::new("", ["", "the"])]), None);
        assert_eq!(best("anything", &[]), None);
    }

    proptest! {
        #[test]
        fn an_example_always_matches_its_own_intent_and_nothing_panics(text in "\\PC{0,60}", index in 0..2_usize) {
            let _ = best(&text, &cold_transfer());
            let _ = best("bye", &[Candidate::new(&text, [&*text])]);
            for example in [&MANAGER[..], &FAREWELL][index] {
                prop_assert_eq!(best(example, &cold_transfer()), Some(index));
            }
        }
    }
}
