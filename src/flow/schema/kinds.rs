//! What stands behind the kind of a state.
#![expect(dead_code, reason = "mirror types: only their shape is used")]

use std::collections::BTreeMap;

use schemars::JsonSchema;

use super::sections::Type;
use super::words::{Duration, Guard, NAME, StateName, Text};

/// The words to say, or a map.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub(super) enum SayOrText {
    /// The words.
    Text(Text),
    /// All of it.
    Say(Say),
}

/// Speaks fixed text, or plays a recording.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("anyOf" = [{"required": ["text"]}, {"required": ["audio"]}]))]
pub(super) struct Say {
    /// The words; with `audio`, what the recording says.
    #[schemars(extend("examples" = ["Hello, how can I help?"]))]
    text: Option<Text>,
    /// A WAV file in the flow's folder, at most two minutes long, played in place of the voice.
    #[schemars(extend("examples" = ["welcome.wav"]))]
    audio: Option<String>,
    /// Whether the caller can talk over it; `false` if left out.
    interruptible: Option<bool>,
}

/// The prompt, or a map.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub(super) enum ConverseOrText {
    /// The prompt.
    Text(Text),
    /// All of it.
    Converse(Converse),
}

/// Lets the model talk with the caller.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("oneOf" = [{"required": ["prompt"]}, {"required": ["prompt_file"]}]))]
pub(super) struct Converse {
    /// The model's instructions.
    #[schemars(extend("examples" = ["You are Hailey, a friendly support agent. Your answers are spoken aloud."]))]
    prompt: Option<Text>,
    /// A text file in the flow's folder that holds them, at most 64 KB.
    #[schemars(extend("examples" = ["hailey.md"]))]
    prompt_file: Option<String>,
    /// Who speaks first. `auto`, if left out: the bot, unless the way here has just spoken.
    #[schemars(extend("enum" = ["auto", "bot", "caller"]))]
    first: Option<String>,
    /// What the model remembers on entry: `append` (all of the call, if left out), `reset` (nothing) or
    /// `summary`.
    #[schemars(extend("enum" = ["append", "reset", "summary"]))]
    context: Option<String>,
    /// What happens when the caller says nothing. If left out: 8s, "Are you still there?", 8s, the end.
    #[schemars(length(min = 1), extend("examples" = [[{"after": "8s", "say": "Are you still there?"}, {"after": "8s", "to": "bye"}]]))]
    silence: Option<Vec<Rung>>,
    /// How readily the caller is taken to speak, and to be done; `normal` if left out. `low` for noisy lines and
    /// for callers who pause while they think, `high` for quick answers: it does not wait for a breath.
    #[schemars(extend("enum" = ["low", "normal", "high"]))]
    sensitivity: Option<String>,
    /// Whether the model is asked in a pause already, before the caller's turn is over; true if left out. What was
    /// asked in vain is paid for, too.
    #[schemars(extend("examples" = [false]))]
    guesses: Option<bool>,
    /// The tools that the model may use here, declared under `tools:`; none if left out.
    #[schemars(extend("examples" = [["order_status"]]))]
    tools: Option<Vec<String>>,
    /// Said when a tool takes longer than 800ms, and every 6s after; "One moment, please." if left out.
    #[schemars(extend("examples" = ["One moment, please."]))]
    fill: Option<Text>,
}

/// One step of the silence ladder.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Rung {
    /// How long it is quiet before it.
    after: Duration,
    /// What is then said.
    #[schemars(extend("examples" = ["Are you still there?"]))]
    say: Option<Text>,
    /// Where it then leads; on the last step only.
    #[schemars(extend("examples" = ["goodbye"]))]
    to: Option<StateName>,
}

/// The question, or a map.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub(super) enum ConfirmOrText {
    /// The question.
    Text(Text),
    /// All of it.
    Confirm(Confirm),
}

/// Asks a yes/no question, answered by voice or with the keys 1 and 2.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Confirm {
    /// The question.
    #[schemars(extend("examples" = ["Shall I connect you now?"]))]
    question: Text,
    /// How often it is asked before `exhausted`; 2 if left out.
    #[schemars(range(min = 1, max = 10))]
    tries: Option<u32>,
    /// How long an answer may take; 10s if left out.
    timeout: Option<Duration>,
    /// Whether the caller can answer before it is finished; `true` if left out.
    interruptible: Option<bool>,
}

/// Asks for values, by voice or on the keys of the telephone, until all of them are there.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Collect {
    /// What is asked for: names with their types. A slot fills the variable of its name.
    #[schemars(extend("propertyNames" = {"pattern": NAME}, "minProperties" = 1, "maxProperties" = 16, "examples" = [{"guests": "int", "day": "date"}]))]
    slots: BTreeMap<String, CollectSlotOrType>,
    /// The question.
    #[schemars(extend("examples" = ["For how many people, and on which day?"]))]
    ask: Text,
    /// How often one question is asked before `exhausted`; 3 if left out.
    #[schemars(range(min = 1, max = 10), extend("examples" = [3]))]
    tries: Option<u32>,
    /// How an answer on the keys ends; a pause of 3s always ends it.
    #[schemars(extend("examples" = [{"digits": 8, "end_key": "#"}]))]
    dtmf: Option<CollectKeys>,
    /// How long one answer may take to begin; 10s if left out.
    timeout: Option<Duration>,
    /// Whether the caller can answer before the question is finished; `true` if left out.
    interruptible: Option<bool>,
}

/// A slot of a `collect`, or only its type.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub(super) enum CollectSlotOrType {
    /// Its type.
    Type(Type),
    /// All of it.
    Slot(CollectSlot),
}

/// A value that is asked for.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct CollectSlot {
    /// Its type.
    r#type: Type,
    /// The words of an enum; on the keys, 1 is the first.
    #[schemars(extend("examples" = [["lunch", "dinner"]]))]
    values: Option<Vec<String>>,
    /// Asked when the others are there and this is not.
    #[schemars(extend("examples" = ["On which day?"]))]
    ask: Option<Text>,
}

/// How an answer on the keys of the telephone ends.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct CollectKeys {
    /// After how many digits. Text slots take digits, zeros kept, and so many.
    #[schemars(range(min = 1, max = 32), extend("examples" = [8]))]
    digits: Option<u32>,
    /// At this key; `#` if left out.
    #[schemars(regex(pattern = "^[*#]$"), extend("examples" = ["#"]))]
    end_key: Option<String>,
}

/// One entry of a `choose`: `if` and `to`, or `else`.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("oneOf" = [{"required": ["if", "to"]}, {"required": ["else"]}]))]
pub(super) struct Choice {
    /// The condition.
    r#if: Option<Guard>,
    /// Where it leads if the condition holds.
    #[schemars(extend("examples" = ["welcome"]))]
    to: Option<StateName>,
    /// Where it leads if no condition holds.
    #[schemars(extend("examples" = ["closed"]))]
    r#else: Option<StateName>,
}

/// Whom to dial, or a map.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub(super) enum DialOrTargets {
    /// Whom.
    Targets(Targets),
    /// All of it.
    Dial(Box<Dial>),
}

/// A target's name, or a list that is tried in order.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub(super) enum Targets {
    /// One.
    One(String),
    /// Several, one after the other.
    List(#[schemars(length(min = 1))] Vec<String>),
}

/// Reaches a person.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Dial {
    /// Whom: a target's name, or a list that is tried in order.
    #[schemars(extend("examples" = ["operator", ["front_desk", "back_office"]]))]
    to: Targets,
    /// How: `dial_out` (a new leg into the caller's room, if left out), `sip_transfer` or `sip_refer` (the
    /// caller's own leg is moved).
    #[schemars(extend("enum" = ["dial_out", "sip_transfer", "sip_refer"]))]
    method: Option<String>,
    /// Said to the caller before the first attempt.
    #[schemars(extend("examples" = ["One moment, I am connecting you."]))]
    announce: Option<Text>,
    /// How long each attempt may ring, 5s to 120s; 30s if left out.
    ring: Option<Duration>,
    /// What the caller hears while it rings; the bundled tone if left out.
    hold: Option<Hold>,
    /// What the person called is asked before the caller is put through: the sentence, or a map. With it, the
    /// way on is `accepted`.
    #[schemars(extend("examples" = ["You have a call. Press 1 to take it, or 2 to decline."]))]
    accept: Option<AcceptOrText>,
    /// What happens to an answer that comes too late; `hang_up` if left out.
    #[schemars(extend("enum" = ["hang_up", "accept"]))]
    late_answer: Option<String>,
    /// The id of the purchased number that the person called sees.
    #[schemars(extend("examples" = ["9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d"]))]
    caller_id: Option<String>,
    /// Further attempts for each target.
    retry: Option<Retry>,
    /// The only intents that are heard while it rings; none if left out.
    #[schemars(extend("examples" = [["cancel"]]))]
    listen: Option<Vec<String>>,
    /// A tool that is called once when a target's phone starts to ring. It neither delays nor fails the dial.
    #[schemars(extend("examples" = ["tell_operator"]))]
    notify: Option<String>,
}

/// What the caller hears while it rings.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Hold {
    /// A WAV file in the flow's folder, repeated; the bundled tone if left out.
    #[schemars(extend("examples" = ["hold.wav"]))]
    audio: Option<String>,
    /// A sentence said over it now and then.
    #[schemars(extend("examples" = ["I am still trying to reach somebody."]))]
    say: Option<Text>,
    /// How often; every 20s if left out.
    say_every: Option<Duration>,
}

/// The sentence, or a map.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub(super) enum AcceptOrText {
    /// The sentence.
    Text(Text),
    /// All of it.
    Accept(Accept),
}

/// What the person called is asked before the caller is put through.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Accept {
    /// What they hear. The caller hears the hold audio meanwhile, and neither hears the other.
    #[schemars(extend("examples" = ["You have a call. Press 1 to take it, or 2 to decline."]))]
    say: Text,
    /// The key that takes the call; `1` if left out.
    #[schemars(regex(pattern = "^[0-9*#]$"), extend("examples" = ["1"]))]
    key: Option<String>,
    /// The key that declines it; `2` if left out.
    #[schemars(regex(pattern = "^[0-9*#]$"), extend("examples" = ["2"]))]
    decline: Option<String>,
    /// How often it is said before nobody is taken to be there; 2 if left out.
    #[schemars(range(min = 1, max = 5))]
    tries: Option<u32>,
    /// How long a key may take, 3s to 60s; 10s if left out.
    timeout: Option<Duration>,
}

/// Further attempts.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Retry {
    /// How many.
    #[schemars(range(min = 1, max = 5))]
    times: u32,
    /// The pause before each; 2s if left out.
    wait: Option<Duration>,
    /// By what the pause grows from one to the next; 1 if left out.
    #[schemars(range(min = 1, max = 10))]
    backoff: Option<f64>,
    /// After which failures; after any if left out.
    #[schemars(length(min = 1), extend("items" = {"enum": ["no_answer", "busy", "rejected", "unreachable", "voicemail", "failed"]}, "examples" = [["no_answer", "busy"]]))]
    on: Option<Vec<String>>,
}

/// What the bot does, or a map.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub(super) enum HandoffOrMode {
    /// What the bot does.
    Mode(Mode),
    /// All of it.
    Handoff(Handoff),
}

/// What the bot does when it has handed over.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub(super) enum Mode {
    /// Stays in the room, deaf and mute, so that the room lasts.
    KeepRoom,
    /// Leaves the room.
    Leave,
}

/// The cold transfer.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Handoff {
    /// What the bot does.
    mode: Mode,
    /// The longest the two may talk; 2h if left out.
    max: Option<Duration>,
}

/// The last sentence, or a map.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub(super) enum EndOrText {
    /// The last sentence, or `silent`.
    Text(Text),
    /// All of it.
    End(End),
}

/// Ends the call.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct End {
    /// The last sentence.
    #[schemars(extend("examples" = ["Thank you for calling. Goodbye."]))]
    say: Option<Text>,
    /// What the record says; `completed` if left out.
    #[schemars(extend("enum" = ["completed", "caller_left", "failed"]))]
    cause: Option<String>,
}
