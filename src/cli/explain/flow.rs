//! A flow as it is run: in the language's own shape, with everything that it leaves out filled in and marked.

use serde_json::Value;

use crate::flow::show_duration;
use crate::machine::{APOLOGY, LEFT_ALONE, SHUTTING_DOWN, TIME_IS_UP};
use crate::plan::{
    Branch, CallApi, Collect, ContextPolicy, Converse, Dial, DialMethod, DialRetry, EndCause, Event, First,
    Handoff, HandoffMode, Kind, LateAnswer, On, Plan, Sensitivity, Service, State, Text,
};

/// Where the mark stands.
const COLUMN: usize = 64;

/// Explains a flow; `written` is its file as plain data, which tells what is written and what is a default.
pub(super) fn explain(plan: &Plan, written: &Value) -> String {
    let mut page = Page { plan, out: String::new() };
    page.line(
        0,
        &format!("# {}, version {}. What the file does not say is marked.", plan.name, plan.hash),
        false,
    );
    page.call(written);
    page.services(&written["services"]);
    page.always();
    page.properties();
    page.line(0, "states:", false);
    for state in &plan.states {
        page.state(state, &written["states"][&*state.name]);
    }
    page.out
}

struct Page<'p> {
    plan: &'p Plan,
    out: String,
}

impl Page<'_> {
    fn line(&mut self, depth: usize, text: &str, default: bool) {
        let line = format!("{:indent$}{text}", "", indent = 2 * depth);
        let mark = if default { "# default" } else { "" };
        self.out.push_str(
            format!("{line:COLUMN$}{}{mark}", if line.chars().count() < COLUMN { "" } else { " " })
                .trim_end(),
        );
        self.out.push('\n');
    }

    /// A key with its value, and whether the file has it.
    fn key(&mut self, depth: usize, key: &str, value: &str, written: &Value) {
        self.line(depth, &format!("{key}: {value}"), written[key].is_null());
    }

    fn call(&mut self, written: &Value) {
        let (plan, call) = (self.plan, &written["call"]);
        self.key(0, "start", &plan.state(plan.start).name, written);
        self.line(0, "call:", false);
        self.key(1, "language", &plan.call.language, call);
        self.key(1, "max_duration", &show_duration(plan.call.max_duration), call);
    }

    fn services(&mut self, written: &Value) {
        let services = &self.plan.services;
        self.line(0, "services:", false);
        for (name, service) in [("stt", &services.stt), ("llm", &services.llm), ("tts", &services.tts)] {
            self.line(1, &format!("{name}:"), false);
            self.service(2, service, &written[name]);
            if let Some(fallback) = &service.fallback {
                self.line(2, "fallback:", false);
                self.service(3, fallback, &written[name]["fallback"]);
            }
        }
    }

    fn service(&mut self, depth: usize, service: &Service, written: &Value) {
        self.key(depth, "provider", service.provider.name(), written);
        self.key(depth, "model", &service.model, written);
        if let Some(voice) = &service.voice {
            self.key(depth, "voice", voice, written);
        }
        if service.endpoint.is_some() {
            self.key(depth, "base_url", written["base_url"].as_str().unwrap_or_default(), written);
        }
    }

    fn always(&mut self) {
        let plan = self.plan;
        self.line(0, "always:", false);
        self.ons(1, &plan.always, None);
        let ends = |sentence: &str| format!("says {sentence:?}, and the call ends");
        for (event, what) in [
            (Event::CallerLeft, "the call ends, in silence".to_owned()),
            (Event::ServiceFailed, ends(APOLOGY)),
            (Event::MaxDuration, ends(TIME_IS_UP)),
            (Event::RoomExpiring, ends(TIME_IS_UP)),
            (Event::Shutdown, ends(SHUTTING_DOWN)),
        ] {
            if !plan.always.iter().any(|on| on.event == event) {
                self.line(1, &format!("{}: ({what})", plan.event_text(event)), true);
            }
        }
    }

    /// Kinds spelled out as the states that they stand for.
    fn properties(&mut self) {
        let plan = self.plan;
        if !plan.properties.is_empty() {
            self.line(0, "properties:", false);
        }
        for wish in &plan.properties {
            let (later, first) = (&plan.state(wish.state).name, &plan.state(wish.first).name);
            let done = plan.work_done(wish.first);
            self.line(1, &format!("- before: {{{later}: {first}}}    # once it {done}"), false);
        }
    }

    fn state(&mut self, state: &State, written: &Value) {
        self.line(1, &format!("{}:", state.name), false);
        match &state.kind {
            Kind::Say(say) => {
                self.line(2, &format!("say: {}", shown(&say.text)), false);
                if let Some(audio) = &say.audio {
                    self.line(3, &format!("audio: {audio}"), false);
                }
                self.key(3, "interruptible", &say.interruptible.to_string(), &written["say"]);
            }
            Kind::Converse(converse) => self.converse(converse, &written["converse"]),
            Kind::Confirm(confirm) => {
                let written = &written["confirm"];
                self.line(2, &format!("confirm: {}", shown(&confirm.question)), false);
                self.key(3, "tries", &confirm.tries.to_string(), written);
                self.key(3, "timeout", &show_duration(confirm.answer_within), written);
                self.key(3, "interruptible", &confirm.interruptible.to_string(), written);
                self.line(3, "keys: (1 accepts, 2 declines)", true);
            }
            Kind::Collect(collect) => self.collect(collect, &written["collect"]),
            Kind::Choose(choose) => {
                self.line(2, "choose:", false);
                for choice in &choose.choices {
                    let to = &self.plan.state(choice.to).name;
                    let text = match &choice.guard {
                        Some(guard) => format!("- {{if: {}, to: {to}}}", self.plan.guard_text(guard)),
                        None => format!("- else: {to}"),
                    };
                    self.line(3, &text, false);
                }
            }
            Kind::CallApi(api) => self.call_api(api, &written["call_api"]),
            Kind::Dial(dial) => self.dial(dial, &written["dial"]),
            Kind::Handoff(handoff) => self.handoff(handoff, state, &written["handoff"]),
            Kind::End(end) => {
                self.line(2, &format!("end: {}", end.say.as_ref().map_or("silent".to_owned(), shown)), false);
                let cause = match end.cause {
                    EndCause::Completed => "completed",
                    EndCause::CallerLeft => "caller_left",
                    EndCause::Failed => "failed",
                };
                self.key(3, "cause", cause, &written["end"]);
            }
        }
        if let Some(timeout) = state.timeout {
            self.line(2, &format!("timeout: {}", show_duration(timeout)), false);
        }
        if !state.on.is_empty() {
            self.line(2, "on:", false);
            self.ons(3, &state.on, Some(written));
        }
    }

    fn converse(&mut self, converse: &Converse, written: &Value) {
        self.line(2, &format!("converse: {}", shown(&converse.prompt)), false);
        let first = match converse.first {
            First::Auto => "auto",
            First::Bot => "bot",
            First::Caller => "caller",
        };
        self.key(3, "first", first, written);
        let context = match converse.context {
            ContextPolicy::Append => "append",
            ContextPolicy::Reset => "reset",
            ContextPolicy::Summary => "summary",
        };
        self.key(3, "context", context, written);
        if !converse.tools.is_empty() {
            let tools: Vec<_> = converse.tools.iter().map(|tool| &*self.plan.tool(*tool).name).collect();
            self.line(3, &format!("tools: [{}]", tools.join(", ")), false);
            self.key(3, "fill", &shown(&converse.fill), written);
        }
        let default = written["silence"].is_null();
        self.line(3, "silence:", default);
        for step in &converse.silence.steps {
            let say = step.say.as_ref().map_or(String::new(), |say| format!(", say: {}", shown(say)));
            self.line(4, &format!("- {{after: {}{say}}}", show_duration(step.after)), default);
        }
        let then = match converse.silence.then {
            Some((_, to)) => format!("then: {}", self.plan.state(to).name),
            None => "then: (the call ends)".to_owned(),
        };
        self.line(4, &then, default);
        let sensitivity = match converse.sensitivity {
            Sensitivity::Low => "low",
            Sensitivity::Normal => "normal",
            Sensitivity::High => "high",
        };
        self.key(3, "sensitivity", sensitivity, written);
        self.key(3, "guesses", &converse.guesses.to_string(), written);
    }

    fn collect(&mut self, collect: &Collect, written: &Value) {
        self.line(2, &format!("collect: {}", shown(&collect.ask)), false);
        self.line(3, "slots:", false);
        for slot in &collect.slots {
            let name = &self.plan.vars[slot.var.index()].name;
            self.line(4, &format!("{name}: {}", slot.kind), false);
            if collect.slots.len() > 1 {
                self.line(5, &format!("ask: {}", shown(&slot.ask)), slot.ask_is_default);
            }
        }
        self.key(3, "tries", &collect.tries.to_string(), written);
        self.key(3, "timeout", &show_duration(collect.answer_within), written);
        self.key(3, "interruptible", &collect.interruptible.to_string(), written);
        let dtmf = &written["dtmf"];
        self.line(3, "dtmf:", dtmf.is_null());
        let digits = collect.keys.digits.map_or("(any number)".to_owned(), |digits| digits.to_string());
        self.key(4, "digits", &digits, dtmf);
        self.key(4, "end_key", &format!("{:?}", collect.keys.end_key.to_string()), dtmf);
        self.line(4, &format!("pause: {} (ends an answer)", show_duration(collect.keys.pause)), true);
    }

    fn call_api(&mut self, api: &CallApi, written: &Value) {
        self.line(2, &format!("call_api: {}", self.plan.tool(api.tool).name), false);
        self.key(3, "timeout", &show_duration(api.timeout), written);
        self.key(3, "retry", &retry(self.plan, api.retry, "(it is tried once)"), written);
        let fill = api.fill.as_ref().map_or("(nothing is said)".to_owned(), shown);
        self.key(3, "fill", &fill, written);
    }

    fn dial(&mut self, dial: &Dial, written: &Value) {
        let names: Vec<_> = dial.targets.iter().map(|target| &*self.plan.target(*target).name).collect();
        self.line(2, &format!("dial: [{}]", names.join(", ")), false);
        let method = match dial.method {
            DialMethod::DialOut => "dial_out",
            DialMethod::SipTransfer => "sip_transfer",
            DialMethod::SipRefer => "sip_refer",
        };
        self.key(3, "method", method, written);
        let announce = dial.announce.as_ref().map_or("(nothing is said)".to_owned(), shown);
        self.key(3, "announce", &announce, written);
        if dial.method != DialMethod::DialOut {
            return;
        }
        self.key(3, "ring", &show_duration(dial.ring), written);
        let audio = dial.hold.audio.as_deref().unwrap_or("(the bundled tone)");
        self.line(3, &format!("hold: {audio}"), written["hold"]["audio"].is_null());
        if let Some((say, every)) = &dial.hold.say {
            self.line(4, &format!("say: {}", shown(say)), false);
            self.key(4, "say_every", &show_duration(*every), &written["hold"]);
        }
        let late = match dial.late_answer {
            LateAnswer::HangUp => "hang_up",
            LateAnswer::Accept => "accept",
        };
        self.key(3, "late_answer", late, written);
        self.key(3, "retry", &retry(self.plan, dial.retry, "(each target is tried once)"), written);
        let listen: Vec<_> = dial.listen.iter().map(|intent| &*self.plan.intent(*intent).name).collect();
        self.key(3, "listen", &format!("[{}]", listen.join(", ")), written);
        if let Some((tool, _)) = &dial.notify {
            self.line(3, &format!("notify: {}", self.plan.tool(*tool).name), false);
        }
    }

    fn handoff(&mut self, handoff: &Handoff, state: &State, written: &Value) {
        let mode = match handoff.mode {
            HandoffMode::KeepRoom => "keep_room",
            HandoffMode::Leave => "leave",
        };
        self.line(2, &format!("handoff: {mode}"), false);
        self.key(3, "max", &show_duration(handoff.max), written);
        if !state.on.iter().any(|on| on.event == Event::OperatorLeft) {
            self.line(3, &format!("operator.left: (says {LEFT_ALONE:?}, and the call ends)"), true);
        }
    }

    fn ons(&mut self, depth: usize, ons: &[On], state: Option<&Value>) {
        // `next:` stands for what is said and what is not.
        let next = state.is_some_and(|state| !state["next"].is_null());
        for on in ons {
            let name = self.plan.event_text(on.event);
            let default = next && matches!(on.event, Event::Said | Event::Failed);
            match on.branches.as_slice() {
                [only] => self.line(depth, &format!("{name}: {}", self.branch(only)), default),
                several => {
                    self.line(depth, &format!("{name}:"), default);
                    for branch in several {
                        self.line(depth + 1, &format!("- {}", self.branch(branch)), default);
                    }
                }
            }
        }
    }

    fn branch(&self, branch: &Branch) -> String {
        let to = &self.plan.state(branch.to).name;
        let guard = branch.guard.as_ref().map(|guard| format!("if: {}", self.plan.guard_text(guard)));
        let most = branch.max_visits.map(|most| format!("max_visits: {most}"));
        let say = branch.say.as_ref().map(|say| format!("say: {}", shown(say)));
        let more: Vec<String> = guard.into_iter().chain(most).chain(say).collect();
        if more.is_empty() { to.to_string() } else { format!("{{to: {to}, {}}}", more.join(", ")) }
    }
}

fn retry(plan: &Plan, retry: Option<DialRetry>, none: &str) -> String {
    retry.map_or(none.to_owned(), |retry| {
        let on: Vec<_> = retry.on.events().into_iter().map(|event| plan.event_text(event)).collect();
        let on = on.join(", ").replace("operator.", "");
        let on = if on.is_empty() { String::new() } else { format!(", on: [{on}]") };
        let wait = show_duration(retry.wait);
        format!("{{times: {}, wait: {wait}, backoff: {}{on}}}", retry.times, retry.backoff)
    })
}

/// A sentence or prompt on one line.
fn shown(text: &Text) -> String {
    const LONGEST: usize = 72;
    let line = text.source().split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("\"{}…\"", &line[..end]),
        None => format!("\"{line}\""),
    }
}
