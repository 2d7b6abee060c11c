//! The top of a flow.
#![expect(dead_code, reason = "mirror types: only their shape is used")]

use std::collections::BTreeMap;

use schemars::JsonSchema;

use super::events::Edges;
use super::states::State;
use super::tools::Tool;
use super::words::{Constant, Duration, NAME, Plain, StateName};

/// A call flow: what a phone bot says, hears and does.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Flow {
    /// The version of the language: 1.
    #[schemars(extend("const" = 1))]
    callflow: u8,
    /// The flow's name in records and logs; the file's name if left out.
    #[schemars(regex(pattern = "^[A-Za-z0-9_-]{1,64}$"), extend("examples" = ["cold_transfer"]))]
    name: Option<String>,
    /// What the flow is for, for its readers.
    #[schemars(extend("examples" = ["Answers support calls and hands the caller to a person on request."]))]
    description: Option<Plain>,
    /// The state in which a call begins.
    #[schemars(extend("examples" = ["greet"]))]
    start: StateName,
    /// The environment variables that the flow can see, each with its type. They are checked before the first
    /// call.
    #[schemars(extend("propertyNames" = {"pattern": NAME}, "examples" = [{"OPERATOR_NUMBER": "phone"}]))]
    env: Option<BTreeMap<String, EnvType>>,
    /// What holds for every call.
    call: Option<Call>,
    /// Who hears, thinks and speaks. Every entry may be left out.
    services: Option<Services>,
    /// Who can be dialled. No other number can ever be reached.
    #[schemars(extend("propertyNames" = {"pattern": NAME}, "examples" = [{"operator": {"phone": "{{ env.OPERATOR_NUMBER }}"}}]))]
    targets: Option<BTreeMap<String, Target>>,
    /// What may be asked of servers outside, by `call_api`, by the model (`converse: {tools: …}`) and by `notify`.
    #[schemars(extend("propertyNames" = {"pattern": NAME}, "examples" = [{"order_status": {"when": "The caller asks where an order is.", "params": {"order_id": "text"}, "http": {"url": "https://api.example.com/orders/{{ order_id }}"}}}]))]
    tools: Option<BTreeMap<String, Tool>>,
    /// What the caller may want. The model proposes an intent; the state decides what comes of it.
    #[schemars(extend("propertyNames" = {"pattern": NAME}, "examples" = [{"goodbye": {"when": "The caller says goodbye.", "examples": ["bye"]}}]))]
    intents: Option<BTreeMap<String, Intent>>,
    /// Variables with their types.
    #[schemars(extend("propertyNames" = {"pattern": NAME}, "examples" = [{"topic": {"type": "text", "default": "your question"}}]))]
    vars: Option<BTreeMap<String, VarOrType>>,
    /// Opening hours, asked for as `within(name)`.
    #[schemars(extend("propertyNames" = {"pattern": NAME}, "examples" = [{"office": {"tz": "Europe/Berlin", "open": ["Mon-Fri 09:00-17:00"]}}]))]
    hours: Option<BTreeMap<String, Hours>>,
    /// Sentences by name, said with `{phrase: name}` wherever a text is expected.
    #[schemars(extend("propertyNames" = {"pattern": NAME}, "examples" = [{"sorry": "I'm sorry, that did not work."}]))]
    phrases: Option<BTreeMap<String, Plain>>,
    /// Edges that several states share: tried after a state's own, before `always`.
    #[schemars(extend("propertyNames" = {"pattern": NAME}, "examples" = [{"talking": {"on": {"intent.goodbye": "bye"}}}]))]
    groups: Option<BTreeMap<String, Group>>,
    /// Edges of the whole flow, tried after those of each state.
    #[schemars(extend("examples" = [{"call.max_duration": {"to": "goodbye", "say": "Our time is up."}}]))]
    always: Option<Edges>,
    /// What must hold on every way through the flow; the explorer (`callflow check`) proves it.
    #[schemars(extend("examples" = [[{"before": {"dial": "consent"}}]]))]
    properties: Option<Vec<Property>>,
    /// Files of states in the flow's folder, which are then states of this flow.
    #[schemars(extend("examples" = [["closing.yaml"]]))]
    r#use: Option<Vec<String>>,
    /// The states by name.
    #[schemars(extend("propertyNames" = {"pattern": NAME}, "minProperties" = 1))]
    states: BTreeMap<String, State>,
}

/// Edges that several states share.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Group {
    /// What the group is for, for its readers.
    #[schemars(extend("examples" = ["Where the caller is listened to."]))]
    description: Option<Plain>,
    /// Where each event leads.
    #[schemars(extend("examples" = [{"intent.goodbye": "bye"}]))]
    on: Edges,
}

/// Something that must hold on every way through the flow.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Property {
    /// What it is for, for its readers.
    #[schemars(extend("examples" = ["Nobody is connected who has not heard that the call is recorded."]))]
    description: Option<Plain>,
    /// For a kind of state, or a state: which state must have done its work before a call comes there. A `say` has
    /// been heard to its end, a `confirm` accepted, a `collect` filled, a `call_api` answered, somebody reached by a
    /// `dial`; a `converse` or `choose` has been gone through.
    #[schemars(extend("propertyNames" = {"pattern": NAME}, "minProperties" = 1, "examples" = [{"dial": "consent"}, {"handoff": ["consent", "identify"]}]))]
    before: BTreeMap<String, OneOrSeveral>,
}

/// A state, or several.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub(super) enum OneOrSeveral {
    /// A state.
    One(StateName),
    /// All of these.
    Several(Vec<StateName>),
}

/// What an environment variable holds.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub(super) enum EnvType {
    /// E.164 or a SIP address.
    Phone,
    /// Any text.
    Text,
    /// A whole number.
    Int,
    /// Any number.
    Number,
    /// `true` or `false`.
    Bool,
    /// A day.
    Date,
    /// A length of time.
    Duration,
    /// Texts, separated by commas.
    List,
}

/// A type.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub(super) enum Type {
    /// Any text.
    Text,
    /// A whole number.
    Int,
    /// Any number.
    Number,
    /// `true` or `false`.
    Bool,
    /// One of the words under `values`.
    Enum,
    /// E.164 or a SIP address.
    Phone,
    /// A day, such as 2026-12-25.
    Date,
    /// A length of time with its unit.
    Duration,
    /// A list of texts.
    List,
}

/// What holds for every call.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Call {
    /// The language spoken, as BCP 47 has it; `en-US` if left out.
    #[schemars(regex(pattern = "^[A-Za-z][A-Za-z0-9]{0,7}(-[A-Za-z0-9]{1,8})*$"), extend("examples" = ["en-US", "de"]))]
    language: Option<String>,
    /// The longest a call may last until the handoff; 20m if left out.
    max_duration: Option<Duration>,
}

/// Who hears, thinks and speaks.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Services {
    /// Speech to text.
    stt: Option<SpeechToText>,
    /// The language model.
    llm: Option<LanguageModel>,
    /// Text to speech.
    tts: Option<TextToSpeech>,
}

/// Speech to text.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct SpeechToText {
    /// The vendor; the one whose model it is if left out.
    #[schemars(extend("enum" = ["deepgram", "deepgram_flux", "openai"]))]
    provider: Option<String>,
    /// The vendor's model; the vendor's usual one if left out.
    #[schemars(extend("examples" = ["nova-3-general"]))]
    model: Option<String>,
    /// Who steps in, in the middle of a turn, when this one fails.
    fallback: Option<OtherSpeechToText>,
}

/// Speech to text that steps in when the first one fails.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct OtherSpeechToText {
    /// The vendor; the one whose model it is if left out.
    #[schemars(extend("enum" = ["deepgram", "deepgram_flux", "openai"]))]
    provider: Option<String>,
    /// The vendor's model; the vendor's usual one if left out.
    #[schemars(extend("examples" = ["nova-3-general"]))]
    model: Option<String>,
}

/// The language model.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct LanguageModel {
    /// The vendor; the one whose model it is if left out.
    #[schemars(extend("enum" = ["openai"]))]
    provider: Option<String>,
    /// The vendor's model; the vendor's usual one if left out.
    #[schemars(extend("examples" = ["gpt-4o"]))]
    model: Option<String>,
    /// Another server that speaks the vendor's protocol (Ollama, vLLM, Groq); such URLs end in `/v1`.
    #[schemars(extend("examples" = ["http://127.0.0.1:11434/v1", "{{ env.MODEL_URL }}"]))]
    base_url: Option<String>,
    /// The key of the server at `base_url`, from the environment; none is sent if left out.
    #[schemars(regex(pattern = r"^\{\{\s*env\.\w+\s*\}\}$"), extend("examples" = ["{{ env.GROQ_API_KEY }}"]))]
    key: Option<String>,
    /// Who steps in, in the middle of a turn, when this one fails.
    fallback: Option<OtherLanguageModel>,
}

/// The language model that steps in when the first one fails.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct OtherLanguageModel {
    /// The vendor; the one whose model it is if left out.
    #[schemars(extend("enum" = ["openai"]))]
    provider: Option<String>,
    /// The vendor's model; the vendor's usual one if left out.
    #[schemars(extend("examples" = ["gpt-4o"]))]
    model: Option<String>,
    /// Another server that speaks the vendor's protocol (Ollama, vLLM, Groq); such URLs end in `/v1`.
    #[schemars(extend("examples" = ["http://127.0.0.1:11434/v1", "{{ env.MODEL_URL }}"]))]
    base_url: Option<String>,
    /// The key of the server at `base_url`, from the environment; none is sent if left out.
    #[schemars(regex(pattern = r"^\{\{\s*env\.\w+\s*\}\}$"), extend("examples" = ["{{ env.GROQ_API_KEY }}"]))]
    key: Option<String>,
}

/// Text to speech.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct TextToSpeech {
    /// The vendor; the one whose model it is if left out.
    #[schemars(extend("enum" = ["cartesia", "deepgram", "openai"]))]
    provider: Option<String>,
    /// The vendor's model; the vendor's usual one if left out.
    #[schemars(extend("examples" = ["sonic-3"]))]
    model: Option<String>,
    /// The vendor's voice, by its id or name.
    #[schemars(extend("examples" = ["b7d50908-b17c-442d-ad8d-810c63997ed9", "alloy"]))]
    voice: Option<String>,
    /// Who steps in, in the middle of a turn, when this one fails.
    fallback: Option<OtherTextToSpeech>,
}

/// Text to speech that steps in when the first one fails.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct OtherTextToSpeech {
    /// The vendor; the one whose model it is if left out.
    #[schemars(extend("enum" = ["cartesia", "deepgram", "openai"]))]
    provider: Option<String>,
    /// The vendor's model; the vendor's usual one if left out.
    #[schemars(extend("examples" = ["sonic-3"]))]
    model: Option<String>,
    /// The vendor's voice, by its id or name.
    #[schemars(extend("examples" = ["b7d50908-b17c-442d-ad8d-810c63997ed9", "alloy"]))]
    voice: Option<String>,
}

/// Somebody who can be dialled: either `phone` or `sip`.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("oneOf" = [{"required": ["phone"]}, {"required": ["sip"]}]))]
pub(super) struct Target {
    /// A telephone number (`+` and 8 to 15 digits), or `{{ env.NAME }}`.
    #[schemars(extend("examples" = ["+15550100123", "{{ env.OPERATOR_NUMBER }}"]))]
    phone: Option<String>,
    /// A SIP address.
    #[schemars(extend("examples" = ["sip:desk@example.com"]))]
    sip: Option<String>,
    /// Keys that are sent after the answer, at most 20 signs; before them `w` for each half a second of pause.
    #[schemars(regex(pattern = "^w{0,19}[0-9*#]{1,20}$"), extend("examples" = ["ww204"]))]
    extension: Option<String>,
    /// The id of the purchased number that the person called sees.
    #[schemars(extend("examples" = ["9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d"]))]
    caller_id: Option<String>,
}

/// Something the caller may want.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Intent {
    /// When it applies, in a sentence; the model reads it.
    #[schemars(extend("examples" = ["The caller asks for a person."]))]
    when: String,
    /// Sentences that mean it.
    #[schemars(extend("examples" = [["I want to speak to a manager", "can I talk to a real person"]]))]
    examples: Option<Vec<String>>,
    /// What the model may fill in. A slot fills the variable of its name, if there is one.
    #[schemars(extend("propertyNames" = {"pattern": NAME}, "examples" = [{"topic": {"type": "text", "optional": true}}]))]
    slots: Option<BTreeMap<String, SlotOrType>>,
}

/// A slot, or only its type.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub(super) enum SlotOrType {
    /// Its type.
    Type(Type),
    /// All of it.
    Slot(Slot),
}

/// A value that comes with an intent.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Slot {
    /// Its type.
    r#type: Type,
    /// The words of an enum.
    #[schemars(extend("examples" = [["sales", "support"]]))]
    values: Option<Vec<String>>,
    /// Whether the model may leave it out; `false` if left out.
    optional: Option<bool>,
}

/// A variable, or only its type.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub(super) enum VarOrType {
    /// Its type.
    Type(Type),
    /// All of it.
    Var(Var),
}

/// A variable.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Var {
    /// Its type.
    r#type: Type,
    /// The words of an enum.
    #[schemars(extend("examples" = [["sales", "support"]]))]
    values: Option<Vec<String>>,
    /// Its value until it is set.
    #[schemars(extend("examples" = ["your question", 3, true, "90s"]))]
    default: Option<Constant>,
    /// Whether it must never be spoken or shown to the model; `false` if left out.
    secret: Option<bool>,
}

/// A set of opening hours.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Hours {
    /// The time zone's name in the IANA database.
    #[schemars(extend("examples" = ["America/New_York"]))]
    tz: String,
    /// Days and times at which it is open.
    #[schemars(extend("examples" = [["Mon-Fri 09:00-17:30", "Sat,Sun 10:00-14:00", "daily 00:00-24:00"]]))]
    open: Vec<String>,
    /// Days on which it is not.
    #[schemars(extend("examples" = [["2026-12-25"]]))]
    closed: Option<Vec<String>>,
}
