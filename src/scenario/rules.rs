//! Rules of the call plane that hold in every call, whatever the flow and whatever happens.

use crate::machine::{Effect, Input};
use crate::plan::{DialMethod, HandoffMode};

use super::world::{LegStage, World};

/// What was broken, in words, each once.
#[derive(Clone, Debug, Default)]
pub struct Rulebook {
    broken: Vec<String>,
    ended: bool,
    left_room: bool,
}

impl Rulebook {
    /// What was broken.
    #[must_use]
    pub fn broken(&self) -> &[String] {
        &self.broken
    }

    pub(super) fn breaks(&mut self, rule: String) {
        if !self.broken.contains(&rule) {
            self.broken.push(rule);
        }
    }
}

impl World {
    /// Looks at a command before it is carried out.
    pub(super) fn check_rules(&mut self, effect: &Effect) {
        if self.rules.ended {
            self.rules.breaks("something was commanded after the end of the call".to_owned());
        }
        if matches!(effect, Effect::Dial { .. }) && self.gone {
            self.rules.breaks("somebody was dialled for a caller who had hung up".to_owned());
        }
        match effect {
            Effect::Dial { .. } if self.live_leg().is_some() => {
                self.rules.breaks("somebody was dialled while another leg was still there".to_owned());
            }
            Effect::Say { .. } | Effect::Reply { .. } if self.gone && !self.has_operator() => {
                self.rules.breaks("something was said to nobody".to_owned());
            }
            Effect::Handoff { .. } if !self.has_operator() && !self.was_moved() => {
                self.rules.breaks("the caller was handed to nobody".to_owned());
            }
            Effect::Handoff { .. } if self.is_sounding() => {
                self.rules.breaks("the bot was still speaking when the caller was handed over".to_owned());
            }
            Effect::Handoff { mode: HandoffMode::Leave } => self.rules.left_room = true,
            Effect::End { .. } => {
                self.rules.ended = true;
                let left_running = self.legs().iter().any(|leg| {
                    leg.stage != LegStage::Gone && !leg.stopping && leg.method == DialMethod::DialOut
                });
                if left_running && !self.rules.left_room {
                    self.rules.breaks("a leg was left running at the end of the call".to_owned());
                }
            }
            _ => {}
        }
    }

    /// Somebody picked up and is there.
    fn has_operator(&self) -> bool {
        self.live_leg().is_some_and(|leg| leg.stage >= LegStage::Answered && !leg.stopping)
    }

    fn was_moved(&self) -> bool {
        self.legs().last().is_some_and(|leg| leg.method != DialMethod::DialOut)
    }

    /// Tells a call that is over what may still come, and looks that it does nothing.
    pub(super) fn check_silence_after_the_end(&mut self) {
        let late = [Input::CallerJoined, Input::CallerLeft, Input::Dtmf { digit: '0' }, Input::Shutdown];
        late.into_iter().for_each(|input| self.deliver(input));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::check::{EnvMode, check};
    use crate::machine::{AttemptId, LegEvent, Outcome, UtteranceId};
    use crate::pii::Utterance;
    use crate::plan::{Plan, TargetId, compile};
    use crate::scenario::Circumstances;
    use crate::source::SourceFile;

    const FLOW: &str = "{callflow: 1, start: ring, targets: {desk: {phone: '+15550100123'}}, states: \
        {ring: {dial: desk, on: {answered: over, otherwise: bye}}, over: {handoff: keep_room}, bye: {end: Bye.}}}";

    fn plan() -> Arc<Plan> {
        compile(check(&SourceFile::new("x.yaml", FLOW), EnvMode::Unknown).flow.unwrap())
    }

    fn dial(attempt: u32) -> Effect {
        let target = TargetId::from_index(0);
        Effect::Dial { attempt: AttemptId(attempt), target, method: DialMethod::DialOut, apart: false }
    }

    fn say() -> Effect {
        Effect::Say {
            utterance: UtteranceId(9),
            text: Utterance::new("hello"),
            audio: None,
            interruptible: false,
            aside: false,
        }
    }

    fn answered(world: &mut World) {
        world.deliver(Input::Leg { attempt: AttemptId(1), event: LegEvent::Answered });
    }

    /// A machine that breaks a rule cannot be had, so its commands are made up.
    #[test]
    fn commands_that_break_a_rule_are_noticed() {
        let handoff = Effect::Handoff { mode: HandoffMode::KeepRoom };
        let end = Effect::End { outcome: Outcome::Completed };
        type Prepare = fn(&mut World);
        let cases: [(Prepare, Effect, &str); 7] = [
            (|_| {}, dial(2), "another leg was still there"),
            (|world| world.deliver(Input::CallerLeft), dial(2), "for a caller who had hung up"),
            (|world| world.deliver(Input::CallerLeft), say(), "said to nobody"),
            (|_| {}, handoff.clone(), "handed to nobody"),
            (
                |world| {
                    answered(world);
                    world.enact_for_test(say());
                },
                handoff,
                "still speaking",
            ),
            (|_| {}, end, "left running"),
            (|world| world.rules.ended = true, say(), "after the end"),
        ];
        for (prepare, effect, words) in cases {
            let mut world = World::new(plan(), &Circumstances::default(), Vec::new());
            world.begin();
            world.deliver(Input::CallerJoined);
            prepare(&mut world);
            world.enact_for_test(effect);
            assert!(
                world.broken_rules().iter().any(|rule| rule.contains(words)),
                "{words}: {:?}",
                world.broken_rules()
            );
        }
    }

    #[test]
    fn a_call_as_it_should_be_breaks_none() {
        let mut world = World::new(plan(), &Circumstances::default(), Vec::new());
        world.begin();
        world.deliver(Input::CallerJoined);
        answered(&mut world);
        assert!(world.run_to_its_end());
        world.check_silence_after_the_end();
        assert_eq!(world.broken_rules(), <[String; 0]>::default());
    }
}
