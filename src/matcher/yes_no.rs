//! Yes or no: a grammar of phrases, the longest first.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::{Token, tokens};

/// Whether a text says yes or no.
///
/// `None` for neither, for both at once ("yes, no, wait") and for doubt ("I'm not sure", "yes, but what
/// does it cost"): asking again is better than a wrong yes. An answer must begin or end the text, so
/// that "I have no internet" is none; a lukewarm "okay" must be nearly all of it.
#[must_use]
pub fn yes_no(text: &str) -> Option<bool> {
    let tokens = tokens(text);
    let words: Vec<&str> = tokens
        .iter()
        .filter_map(|token| match token {
            Token::Word(word) => Some(word.as_str()),
            Token::Break => None,
        })
        .collect();
    let read: Vec<Meaning> = Phrases { rest: &words }.filter(|meaning| *meaning != Meaning::Filler).collect();
    let has = |meaning| read.contains(&meaning);

    let answer = match (has(Meaning::Yes) || has(Meaning::Lukewarm), has(Meaning::No)) {
        _ if has(Meaning::Doubt) => return None,
        (false, false) => return (read.is_empty() && words.contains(&"please")).then_some(true),
        (true, true) => return None,
        (yes, _) => yes,
    };
    let other_words = read.iter().filter(|meaning| **meaning == Meaning::Other).count();
    let agrees = read.first() == Some(&Meaning::Lukewarm) && other_words <= 3;
    let mut firm = read.iter().filter(|meaning| **meaning != Meaning::Lukewarm);
    let decides = [firm.next(), firm.next_back()]
        .into_iter()
        .flatten()
        .any(|meaning| matches!(meaning, Meaning::Yes | Meaning::No));
    let asks_back =
        words.first().is_some_and(|word| QUESTIONS.contains(word)) && read.first() == Some(&Meaning::Other);
    ((decides || agrees) && !asks_back).then_some(answer)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Yes,
    /// Yes, if not much else is said.
    Lukewarm,
    No,
    Doubt,
    /// Says nothing either way.
    Filler,
    Other,
}

/// Reads phrases off a text, each time the longest that is known.
struct Phrases<'a> {
    rest: &'a [&'a str],
}

impl Iterator for Phrases<'_> {
    type Item = Meaning;

    fn next(&mut self) -> Option<Meaning> {
        let (first, after) = self.rest.split_first()?;
        let known = KNOWN.get(first).into_iter().flatten();
        let known = known.filter_map(|(behind, meaning)| Some((after.strip_prefix(&**behind)?, *meaning)));
        let known = known.min_by_key(|(rest, _)| rest.len());
        let (rest, meaning) = known.unwrap_or((after, Meaning::Other));
        self.rest = rest;
        Some(meaning)
    }
}

/// A phrase without its first word, and what it means.
type Known = (Vec<&'static str>, Meaning);

/// The table by the first word of each phrase.
static KNOWN: LazyLock<HashMap<&str, Vec<Known>>> = LazyLock::new(|| {
    let mut known: HashMap<_, Vec<_>> = HashMap::new();
    for (meaning, phrases) in TABLE {
        for phrase in phrases.split(", ") {
            let mut words = phrase.split(' ');
            if let Some(first) = words.next() {
                known.entry(first).or_default().push((words.collect(), *meaning));
            }
        }
    }
    known
});

const QUESTIONS: &[&str] =
    &["what", "who", "why", "how", "when", "where", "which", "is", "are", "does", "did"];

/// Phrases by meaning, in lower case without apostrophes, separated by commas.
const TABLE: &[(Meaning, &str)] = &[
    (
        Meaning::Yes,
        "yes, yeah, yea, ya, yep, yup, aye, sure, sure thing, of course, absolutely, definitely, \
         certainly, indeed, affirmative, correct, thats correct, thats right, that is right, \
         that is correct, exactly, go ahead, go for it, please do, do it, do that, do so, by all means, \
         why not, lets do it, lets do that, lets go, sounds good, that sounds good, sounds great, \
         that works, works for me, that would be great, that would be good, that would be nice, \
         that would be lovely, that would be fine, i would like that, id like that, i would love that, id love that, \
         i think so, i guess so, i suppose so, i dont mind, no problem, \
         not a problem, uh huh, mm hmm, mhm, thats fine, that is fine, thats what i want, \
         please go ahead",
    ),
    (
        Meaning::Lukewarm,
        "ok, okay, okey, k, alright, all right, fine, great, perfect, good, cool, right, very well, \
         lovely, wonderful, i do, i would, i guess",
    ),
    (
        Meaning::No,
        "no, nope, nah, nay, no thanks, no thank you, not, not now, not right now, not yet, not today, \
         not really, not at the moment, negative, never, never mind, nevermind, dont, do not, i dont, \
         i do not, i dont want that, i dont want to, i dont think so, please dont, dont do it, \
         dont do that, do not do that, lets not, id rather not, i would rather not, rather not, \
         of course not, absolutely not, definitely not, certainly not, by no means, no way, no need, \
         theres no need, stop, cancel, cancel that, forget it, later, maybe later, another time, \
         some other time, dont worry, dont bother",
    ),
    (
        Meaning::Doubt,
        "not sure, im not sure, i am not sure, not certain, dont know, i dont know, do not know, \
         i do not know, dunno, i dunno, no idea, i have no idea, maybe, perhaps, possibly, depends, \
         it depends, thats ok, thats okay, its ok, its okay, im ok, im okay, im good, im fine, but, \
         wait, hold on, hang on, one moment, a moment, dont understand, i dont understand, not correct, \
         not right, thats not right, not exactly, not necessarily, dont care, i dont care",
    ),
    // Longer than an answer that they begin or end with.
    (
        Meaning::Other,
        "i would like, i would rather, i would prefer, i do have, i do need, i do want, i guess i, make sure",
    ),
    (
        Meaning::Filler,
        "um, uh, er, erm, hm, hmm, mm, oh, ah, well, so, please, thanks, thank you, \
         thank you very much, thanks a lot, then, now, right now, just, actually, really, and, \
         very much, that, it, you can, you could, you may, if you could, hi, hello, sir, maam, like, \
         i mean, you know",
    ),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn assert_all(expected: Option<bool>, texts: &str) {
        for text in texts.split(" | ") {
            assert_eq!(yes_no(text), expected, "{text}");
        }
    }

    #[test]
    fn yes_in_its_many_forms() {
        assert_all(
            Some(true),
            "yes | Yes. | YES! | yeah | yep, please | sure | Sure, go ahead. | go ahead | okay | OK | \
             ok sure | please | please do | yes please | yes, thank you | of course | why not | \
             Um, yes. | well I guess so | that's right | that’s fine | sounds good to me | \
             I'd like that | absolutely, connect me | no problem | okay connect me please | \
             you can go ahead and do that | please go ahead and transfer me | \
             Yes, I want to talk to someone who can help | uh-huh | that would be great, thanks | \
             I want a manager, yes | okay yes I want to talk to a manager now | yes right now | I do | I would, thanks",
        );
    }

    #[test]
    fn no_in_its_many_forms() {
        assert_all(
            Some(false),
            "no | No. | nope | nah | no thanks | No, thank you. | not now | not right now | not yet | \
             don't | please don't | don't do that | Do not transfer me | never mind | \
             I don't think so | of course not | absolutely not | I'd rather not | no need | no no no | \
             maybe later | cancel that please | um, not really | No, I want to stay with you | \
             don't bother",
        );
    }

    #[test]
    fn doubt_both_and_neither_are_no_answer() {
        assert_all(
            None,
            "  |   | ... | hello? | um | yes no | yes, no, wait | no, go ahead | yes, but not now | \
             I'm not sure | not sure | I don't know | maybe | it depends | yes but what does it cost | \
             what do you mean, yes? | I have no internet at home | I have no idea | that's okay | \
             I'm good | wait | hold on | how long does it take | \
             okay so what happens to my open ticket then | \
             I want to know whether it is okay to pay by card | my name is Noah | is that right | \
             I would like to keep talking to you | I do have a question | make sure it's right | \
             are you sure",
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_and_an_answer_survives_courtesy(text in "\\PC{0,60}", yes in any::<bool>()) {
            let _ = yes_no(&text);
            let word = if yes { "yes" } else { "no" };
            for framed in [format!("{word} please"), format!("um {word}"), format!("{word}, thank you"), format!("well, {word}.")] {
                prop_assert_eq!(yes_no(&framed), Some(yes), "{}", framed);
            }
        }
    }
}
