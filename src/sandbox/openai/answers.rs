//! One sentence that makes sense from a support bot, always the same for the same request.

use super::request::{ChatRequest, Role};
use crate::matcher::yes_no;
use crate::sandbox::voice::DAMAGE;

/// Answers about a topic; `{}` is the topic.
const ABOUT: [&str; 4] = [
    "I can help with {}. What would you like to know?",
    "Sure, let's look at {}. Could you tell me a little more?",
    "I'm happy to help with {}. What exactly happened?",
    "Thanks for asking about {}. What would you like me to check?",
];
/// Answers when there is no topic.
const OPEN: [&str; 3] = [
    "I see. Could you tell me a little more about that?",
    "All right. What would you like me to do?",
    "I understand. How can I help you with that?",
];
/// Words before a topic, as they are said back.
const DETERMINERS: [(&str, &str); 8] = [
    ("my", "your"),
    ("our", "your"),
    ("your", "our"),
    ("the", "the"),
    ("this", "this"),
    ("that", "that"),
    ("a", "a"),
    ("an", "an"),
];
/// Words of a topic at most.
const LONGEST_TOPIC: usize = 3;
/// Words that no topic holds.
const FUNCTION_WORDS: &str = " i you he she it we they me him her us them is are was were am be been being has have had \
    do does did can could will would shall should may might must not no yes to of in on at by for from with about \
    into over after before and or but so because since if then than when where why who what which how there here \
    please just very really again now today want need like know get got go going make help question questions \
    hello hi hey tell say ask something anything some any i'm i'd i've i'll it's don't can't won't didn't isn't ";
const GREETINGS: [&str; 5] = ["hello", "hi", "hey", "good morning", "good afternoon"];

/// What the bot answers in words.
pub(super) fn answer(request: &ChatRequest) -> String {
    let said = request.last_user_text();
    if request.last_speaker() == Some(Role::Tool)
        && let Some(told) = told(request.last_tool_text())
    {
        return told;
    }
    match request.last_speaker() {
        Some(Role::User) => reply_to(said),
        Some(_) if !said.is_empty() => "Is there anything else I can help you with?".to_owned(),
        _ => "Hello! How can I help you today?".to_owned(),
    }
}

/// What a tool has found, said back.
fn told(result: &str) -> Option<String> {
    const MOST: usize = 3;
    if result.starts_with("error") {
        return Some("I'm sorry, I could not find that out. Is there anything else?".to_owned());
    }
    let facts: serde_json::Map<String, serde_json::Value> = serde_json::from_str(result).ok()?;
    let said = facts.iter().filter(|(_, value)| !value.is_object() && !value.is_array() && !value.is_null());
    let said = said.take(MOST).map(|(name, value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        format!("The {} is {value}.", name.replace('_', " "))
    });
    let said = said.collect::<Vec<_>>().join(" ");
    (!said.is_empty()).then_some(said)
}

fn reply_to(said: &str) -> String {
    let plain = said.trim().trim_end_matches(['.', '!', '?', ',']).to_lowercase();
    if said.contains(DAMAGE) {
        return "Sorry, the line broke up. Could you say that again?".to_owned();
    }
    if plain.is_empty() {
        return "Sorry, I didn't hear anything. Could you say that again?".to_owned();
    }
    if GREETINGS.contains(&plain.as_str()) {
        return "Hello! What can I do for you?".to_owned();
    }
    if plain.starts_with("thank") {
        return "You're welcome. Is there anything else?".to_owned();
    }
    if let Some(topic) = topic(said) {
        return pick(&ABOUT, said).replace("{}", &topic);
    }
    match yes_no(said) {
        Some(true) => "Great. What can I do for you?".to_owned(),
        Some(false) => "All right. Is there anything else?".to_owned(),
        None => pick(&OPEN, said).to_owned(),
    }
}

/// What a sentence is about: the words after its last "my", "the" and the like, else its longest telling word.
fn topic(said: &str) -> Option<String> {
    let mut topic: Option<String> = None;
    let mut longest = "";
    let words: Vec<&str> = said.split_whitespace().collect();
    for (n, word) in words.iter().enumerate() {
        let word = bare(word);
        let determiner = DETERMINERS.iter().find(|(heard, _)| word.eq_ignore_ascii_case(heard));
        if let Some((_, said_back)) = determiner {
            let phrase = noun_phrase(&words[n + 1..]);
            if !phrase.is_empty() {
                topic = Some(format!("{said_back} {}", phrase.join(" ")));
            }
        } else if is_telling(word) && word.len() > longest.len() {
            longest = word;
        }
    }
    topic.or_else(|| (longest.chars().count() > 3).then(|| longest.to_lowercase()))
}

/// The telling words that follow each other, up to the end of the clause.
fn noun_phrase<'a>(words: &[&'a str]) -> Vec<&'a str> {
    let mut phrase = Vec::new();
    for word in words.iter().take(LONGEST_TOPIC) {
        if !is_telling(bare(word)) {
            break;
        }
        phrase.push(bare(word));
        if word.ends_with([',', '.', ';', ':', '!', '?']) {
            break;
        }
    }
    phrase
}

fn bare(word: &str) -> &str {
    word.trim_matches(|c: char| !c.is_alphanumeric())
}

fn is_telling(word: &str) -> bool {
    let known = FUNCTION_WORDS.split_whitespace().any(|known| word.eq_ignore_ascii_case(known));
    let determiner = DETERMINERS.iter().any(|(heard, _)| word.eq_ignore_ascii_case(heard));
    !word.is_empty() && !known && !determiner
}

/// One of several, by the text alone (FNV-1a).
fn pick<'a>(choices: &[&'a str], said: &str) -> &'a str {
    let hash = said.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    choices[(hash % choices.len() as u64) as usize]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn topics_are_said_back() {
        for (said, expected) in [
            ("I need help with my bill", Some("your bill")),
            ("What are your opening hours?", Some("our opening hours")),
            ("The internet connection is down, please help", Some("the internet connection")),
            ("Do you sell umbrellas?", Some("umbrellas")),
            ("can you help me", None),
        ] {
            assert_eq!(topic(said).as_deref(), expected, "{said}");
        }
    }

    #[test]
    fn answers_are_the_same_again_and_differ_between_questions() {
        let answers = ["my bill", "my order", "my refund", "my contract", "my phone"].map(reply_to);
        assert_eq!(answers, ["my bill", "my order", "my refund", "my contract", "my phone"].map(reply_to));
        let openings = answers.iter().map(|answer| &answer[..5]).collect::<std::collections::BTreeSet<_>>();
        assert!(openings.len() > 1, "{answers:?}");
        assert!(answers[0].contains("your bill"));
    }

    #[test]
    fn damage_silence_and_small_talk_are_answered() {
        assert!(reply_to("I want \u{FFFD} bill").contains("again"));
        assert!(reply_to("  ").contains("again"));
        assert!(reply_to("Hello!").starts_with("Hello"));
        assert!(reply_to("Thanks a lot").starts_with("You're welcome"));
        assert!(reply_to("yes").starts_with("Great"));
        assert!(reply_to("no").contains("anything else"));
    }

    #[test]
    fn the_bot_may_speak_first_and_after_a_tool() {
        let answer_to = |messages: serde_json::Value| {
            let body = json!({"model": "gpt-4o", "messages": messages}).to_string();
            answer(&ChatRequest::parse(body.as_bytes()).unwrap())
        };
        let system = json!({"role": "system", "content": "You are Hailey."});
        assert!(answer_to(json!([system])).starts_with("Hello"));
        let call = json!({"role": "assistant", "content": null, "tool_calls":
            [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]});
        let tool = json!({"role": "tool", "tool_call_id": "a", "content": "busy"});
        let user = json!({"role": "user", "content": "I want a manager"});
        assert!(answer_to(json!([system, user, call, tool, system])).contains("anything else"));
        let found = json!({"role": "tool", "tool_call_id": "a", "content": "{\"status\": \"on its way\"}"});
        assert_eq!(answer_to(json!([system, user, call, found])), "The status is on its way.");
        let failed = json!({"role": "tool", "tool_call_id": "a", "content": "error: no answer in time"});
        assert!(answer_to(json!([system, user, call, failed])).contains("could not find"));
    }
}
