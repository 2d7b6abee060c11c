//! The tools of a `converse`: what the model wants of them, and when it is asked again.
//!
//! A turn of the caller ends in words, in an intent or in a failure: results always lead to another question
//! to the model, and the number of questions is bounded.

use std::hash::Hash as _;
use std::time::Duration;

use super::abstraction::Fold;
use super::call::Step;
use super::conversing::Conversing;
use super::tools::Whose;
use super::{Effect, Proposal, ProposedCall, ReplyId, Timer};
use crate::pii::Utterance;
use crate::plan::{Converse, ToolArgs, ToolId};

/// Rounds of tools in one turn; then the model has to answer.
const ROUNDS: u32 = 5;
/// Replies with arguments that do not fit, in one turn; then the model has to answer.
const REPAIRS: u32 = 2;
/// Calls in one reply; what is more is refused.
const MOST_CALLS: usize = 8;
/// A tool that takes longer is talked over.
const FILL_AFTER: Duration = Duration::from_millis(800);
/// And again.
const FILL_EVERY: Duration = Duration::from_secs(6);

/// How far a turn has come.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Consulting {
    /// Rounds of tools since the caller's last turn.
    rounds: u32,
    /// Of these, how many had arguments that did not fit.
    misfits: u32,
    /// The model has results that it was not asked about yet.
    owed: bool,
    /// What the caller said while tools were to be finished.
    pub(super) heard: Option<Utterance>,
}

impl Consulting {
    /// For the explorer, which looks at the first round of a turn: those after it differ by their number only, until
    /// the model has to answer.
    pub(super) fn fold(&self, fold: &mut Fold<'_>) {
        let Self { rounds, misfits, owed, heard } = self;
        (*rounds >= ROUNDS || *misfits >= REPAIRS, owed, heard.is_some()).hash(fold);
    }

    /// The caller was told something instead.
    pub(super) fn answered(&mut self) {
        self.owed = false;
    }

    /// What the next question offers.
    pub(super) fn offer(&mut self, user: &Option<Utterance>, tools: &[ToolId]) -> Vec<ToolId> {
        if user.is_some() {
            (self.rounds, self.misfits) = (0, 0);
        }
        let must_answer = self.rounds >= ROUNDS || self.misfits >= REPAIRS;
        if must_answer { Vec::new() } else { tools.to_vec() }
    }
}

impl Conversing {
    /// The model wants to use tools. Each of its calls has exactly one result, now or later.
    pub(super) fn consult(&mut self, reply: ReplyId, calls: &[ProposedCall], step: &mut Step<'_>) {
        let converse = self.spec(step.plan);
        step.call.failed_replies = 0;
        self.consulting.rounds += 1;
        self.consulting.owed = true;
        let mut misfit = false;
        for (index, call) in calls.iter().enumerate() {
            let proposal = Proposal { reply, index: u32::try_from(index).unwrap_or(u32::MAX) };
            let fitting =
                if index < MOST_CALLS { judge(converse, call, step) } else { Err(TOO_MANY.to_owned()) };
            let begun = fitting.and_then(|(tool, args)| {
                let within = step.plan.tool(tool).timeout;
                let begun = step.call_tool(tool, args, false, within, Whose::Model(proposal));
                begun.ok_or_else(|| TOO_MANY.to_owned())
            });
            if let Err(why) = begun {
                misfit = true;
                step.tell_model(proposal, why);
            }
        }
        self.consulting.misfits += u32::from(misfit);
        if step.call.tools.model_waits() {
            step.call.timers.arm(Timer::Fill, step.now.after(FILL_AFTER));
            if let Ok(text) = step.sentence(&converse.fill) {
                step.emit(Effect::Prepare { text });
            }
        }
        // If nothing was begun, the model is asked again when this reply is over: an intent of it may still come.
    }

    /// A turn of the caller, to be answered once nothing is to be finished any more.
    pub(super) fn take_turn(&mut self, text: &Utterance, step: &mut Step<'_>) {
        step.interrupt_tools();
        self.consulting.heard = Some(text.clone());
        self.consulting.owed = true;
        self.resume(step);
    }

    /// The caller began to speak. If that cut a reply and nothing comes of it (a cough), the turn before is still to
    /// be answered.
    pub(super) fn cut_off(&mut self, had_reply: bool, step: &Step<'_>) {
        self.consulting.owed |= had_reply && !step.call.speech.has_reply();
    }

    /// Asks the model, if it is owed a question and nothing has to be waited for.
    pub(super) fn resume(&mut self, step: &mut Step<'_>) {
        if !self.consulting.owed || step.call.tools.model_waits() || step.call.speaking {
            return;
        }
        self.consulting.owed = false;
        step.call.timers.clear(Timer::Fill);
        let user = self.consulting.heard.take();
        self.reply(user, step);
    }

    /// A tool takes its time, and the caller should not sit in silence.
    pub(super) fn fill_in(&self, step: &mut Step<'_>) {
        if !step.call.tools.model_waits() {
            return;
        }
        step.call.timers.arm(Timer::Fill, step.now.after(FILL_EVERY));
        if step.call.speaking || !step.call.speech.is_silent() {
            return;
        }
        if let Ok(text) = step.sentence(&self.spec(step.plan).fill) {
            step.say_aside(text);
        }
    }
}

const TOO_MANY: &str = "error: too many tools at once; call fewer";

/// What can be asked of a tool, or what the model is told instead.
fn judge(converse: &Converse, call: &ProposedCall, step: &Step<'_>) -> Result<(ToolId, ToolArgs), String> {
    let offered = call.tool.filter(|tool| converse.tools.contains(tool));
    let tool = offered.ok_or("error: there is no such tool; answer the caller")?;
    let given = call.args.as_ref().and_then(|args| args.0.as_object());
    let given = given.ok_or("error: the arguments are not a JSON object; call it once more")?;
    match step.plan.tool(tool).arguments(given) {
        Ok(args) => Ok((tool, args)),
        Err(why) => Err(format!("error: {why}; call it once more, or ask the caller")),
    }
}
