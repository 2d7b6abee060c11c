//! Flows of any size, to see how what is explored grows: with states, with the targets of a `dial`, with the tries of a
//! question.

use std::fmt::Write as _;

/// A flow of so many states and an end: sentences, conversations and questions, one after the other.
pub fn of_states(states: usize) -> String {
    let mut text = String::from(
        "callflow: 1\nstart: s0\ncall: {max_duration: 2h}\nintents:\n  more: {when: The caller wants to go on.}\nstates:\n",
    );
    for index in 0..states {
        let next = if index + 1 < states { format!("s{}", index + 1) } else { "bye".to_owned() };
        let line = match index % 3 {
            0 => format!("  s{index}: {{say: Step {index}., next: {next}}}\n"),
            1 => format!(
                "  s{index}: {{converse: Be brief., on: {{intent.more: {next}, caller.dtmf(\"0\"): bye}}}}\n"
            ),
            _ => format!(
                "  s{index}: {{confirm: Shall I?, on: {{accepted: {next}, declined: {next}, exhausted: bye}}}}\n"
            ),
        };
        text.write_str(&line).expect("writing to a string does not fail");
    }
    text + "  bye: {end: Goodbye.}\n"
}

/// A transfer that tries so many people, one after the other.
pub fn of_targets(targets: usize) -> String {
    let mut declared = String::new();
    let mut names = Vec::new();
    for index in 0..targets {
        writeln!(declared, "  t{index}: {{phone: \"+15550100{:03}\", caller_id: main}}", 100 + index)
            .expect("writing to a string does not fail");
        names.push(format!("t{index}"));
    }
    format!(
        "callflow: 1\nstart: ring\ntargets:\n{declared}states:\n  ring:\n    dial: {{to: [{}], announce: One moment., \
         accept: Press 1 to take the call.}}\n    on: {{accepted: done, otherwise: bye}}\n  \
         done: {{handoff: keep_room}}\n  bye: {{end: \"I'm sorry, nobody is free. Goodbye.\"}}\n",
        names.join(", ")
    )
}

/// A question that is asked so often.
pub fn of_tries(tries: usize) -> String {
    format!(
        "callflow: 1\nstart: ask\nstates:\n  ask:\n    confirm: {{question: Shall I?, tries: {tries}}}\n    \
         on: {{accepted: bye, declined: bye, exhausted: bye}}\n  bye: {{end: Goodbye.}}\n"
    )
}
