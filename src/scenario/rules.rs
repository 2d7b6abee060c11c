//! Rules of the call plane that hold in every call, whatever the flow and whatever happens.

use crate::machine::{Effect, Input, Millis, UtteranceId};
use crate::plan::{DialMethod, HandoffMode, Kind, StateId, TargetId};

use super::world::{LegStage, World};

/// What was broken, in words, each once, and what must be remembered of a call to judge it.
#[derive(Clone, Debug, Default)]
pub struct Rulebook {
    broken: Vec<String>,
    ended: bool,
    left_room: bool,
    /// Hold audio is on.
    holds: bool,
    /// The announcement of the `dial` that the call is in, before anybody is dialled.
    announcement: Option<UtteranceId>,
    /// Caller and operator are by themselves, and may be until then.
    together_until: Option<Millis>,
    /// The state that was entered last.
    state: Option<StateId>,
    /// States whose work was done, as `properties:` count it.
    done: Vec<StateId>,
}

/// How things stood before the machine was told something.
pub(super) struct Witness {
    /// Nothing that it is told now is a reason to do anything.
    leaves_alone: bool,
    /// It is told that a sentence was heard to its end.
    heard: bool,
    /// How many completions there were.
    completed: usize,
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
    /// Looks at how things stand before the machine is told this.
    pub(super) fn watch(&self, input: &Input) -> Witness {
        let is_of_the_two = matches!(input, Input::CallerLeft | Input::RoomClosed | Input::Leg { .. });
        Witness {
            leaves_alone: self.rules.together_until.is_some_and(|until| self.now() < until) && !is_of_the_two,
            heard: matches!(input, Input::Said { heard_all: true, .. }),
            completed: self.machine().completed().len(),
        }
    }

    /// Looks at what the machine has made of it.
    pub(super) fn check_step(&mut self, before: &Witness, effects: &[Effect]) {
        if before.leaves_alone && effects.iter().any(is_for_people) {
            self.rules.breaks("something was done to two people who were talking to each other".to_owned());
        }
        let has_operator = self.has_operator();
        if self.gone || !has_operator {
            self.rules.together_until = None;
        }
        let new = self.machine().completed().get(before.completed..).unwrap_or_default();
        // A sentence that was cut or could not be spoken has not been heard, whatever the flow makes of it.
        let counts = |state: StateId| before.heard || !matches!(self.plan().state(state).kind, Kind::Say(_));
        let done = new.iter().filter(|(state, event)| {
            self.plan().success_of(*state).is_some_and(|good| good.contains(event)) && counts(*state)
        });
        let done: Vec<StateId> = done.map(|(state, _)| *state).collect();
        self.rules.done.extend(done);
    }

    /// Looks at a command before it is carried out.
    pub(super) fn check_rules(&mut self, effect: &Effect) {
        if self.rules.ended {
            self.rules.breaks("something was commanded after the end of the call".to_owned());
        }
        if let Effect::Say { utterance, .. } = effect
            && self.is_announcing()
        {
            self.rules.announcement = Some(*utterance);
        }
        match effect {
            Effect::Enter { state } => {
                // Whoever left a `dial` during its announcement left the announcement behind.
                self.rules.announcement = None;
                self.check_order(*state);
            }
            Effect::Hold { on, .. } => self.check_hold(*on),
            Effect::Dial { target, .. } => self.check_dial(*target),
            Effect::Say { .. } | Effect::Reply { .. } if self.gone && !self.has_operator() => {
                self.rules.breaks("something was said to nobody".to_owned());
            }
            Effect::Handoff { mode } => self.check_handoff(*mode),
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

    fn check_dial(&mut self, target: TargetId) {
        if self.gone {
            self.rules.breaks("somebody was dialled for a caller who had hung up".to_owned());
        }
        if self.live_leg().is_some() {
            self.rules.breaks("somebody was dialled while another leg was still there".to_owned());
        }
        let is_named = self
            .plan()
            .states
            .iter()
            .any(|state| matches!(&state.kind, Kind::Dial(dial) if dial.targets.contains(&target)));
        if !is_named {
            self.rules.breaks("somebody was dialled whom the flow does not name".to_owned());
        }
        let announcement = self.rules.announcement.take();
        if announcement.is_some_and(|announcement| self.sentences().any(|heard| heard == announcement)) {
            self.rules.breaks("somebody was dialled before the announcement was over".to_owned());
        }
        if !self.rules.holds {
            self.rules.breaks("somebody was dialled, and the caller heard nothing meanwhile".to_owned());
        }
    }

    fn check_hold(&mut self, on: bool) {
        let rings = self
            .live_leg()
            .is_some_and(|leg| leg.method == DialMethod::DialOut && !leg.stopping && !self.has_operator());
        if !on && rings {
            self.rules.breaks("the hold audio ended before the operator was there".to_owned());
        }
        self.rules.holds = on;
    }

    fn check_handoff(&mut self, mode: HandoffMode) {
        if !self.has_operator() && !self.was_moved() {
            self.rules.breaks("the caller was handed to nobody".to_owned());
        }
        if self.is_sounding() {
            self.rules.breaks("the bot was still speaking when the caller was handed over".to_owned());
        }
        let max = match &self.plan().state(self.machine().state()).kind {
            Kind::Handoff(handoff) => Some(handoff.max),
            _ => None,
        };
        match mode {
            HandoffMode::KeepRoom => {
                self.rules.together_until = max.map(|max| self.now().after(max));
            }
            HandoffMode::Leave => self.rules.left_room = true,
        }
    }

    /// `properties:`: what must come first has come (F059).
    fn check_order(&mut self, entered: StateId) {
        let plan = std::sync::Arc::clone(self.plan());
        if let Some(left) = self.rules.state.replace(entered).filter(|left| plan.success_of(*left).is_none())
        {
            self.rules.done.push(left);
        }
        for wish in plan.properties.iter().filter(|wish| wish.state == entered) {
            if !self.rules.done.contains(&wish.first) {
                let (name, first) = (&plan.state(entered).name, &plan.state(wish.first).name);
                let work = plan.work_done(wish.first);
                self.rules.breaks(format!("the call came to `{name}` before `{first}` {work}"));
            }
        }
    }

    /// Whether what is said now is the announcement of a `dial`: nobody waits on hold yet.
    fn is_announcing(&self) -> bool {
        let kind = &self.plan().state(self.machine().state()).kind;
        let announces = matches!(kind, Kind::Dial(dial) if dial.announce.is_some());
        announces && !self.rules.holds && self.live_leg().is_none()
    }

    /// Somebody picked up and is there; with `accept:`, they and the caller hear each other.
    fn has_operator(&self) -> bool {
        self.live_leg().is_some_and(|leg| {
            leg.stage >= LegStage::Answered && !leg.stopping && (leg.bridged || !leg.apart)
        })
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

/// Whether somebody on the telephone notices it.
fn is_for_people(effect: &Effect) -> bool {
    match effect {
        Effect::Say { .. }
        | Effect::Reply { .. }
        | Effect::Dial { .. }
        | Effect::Ask { .. }
        | Effect::Bridge { .. }
        | Effect::StopDial { .. }
        | Effect::Handoff { .. }
        | Effect::End { .. } => true,
        Effect::Hold { on, .. } | Effect::Listen { on } => *on,
        // What a tool has answered that nobody waits for any more.
        Effect::Enter { .. }
        | Effect::Prepare { .. }
        | Effect::StopSpeaking
        | Effect::CancelReply { .. }
        | Effect::CallTool { .. }
        | Effect::CancelTool { .. }
        | Effect::ToolResult { .. }
        | Effect::Sensitivity { .. } => false,
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

    /// Somebody is asked before they are put through, after an announcement.
    const GATED: &str = "{callflow: 1, start: ring, targets: {desk: {phone: '+15550100123'}}, states: {ring: {dial: \
        {to: desk, announce: One moment., accept: {say: Press 1.}}, on: {accepted: over, otherwise: bye}}, \
        over: {handoff: keep_room}, bye: {end: Bye.}}}";
    const FLOW: &str = "{callflow: 1, start: ring, targets: {desk: {phone: '+15550100123'}}, states: \
        {ring: {dial: desk, on: {answered: over, otherwise: bye}}, over: {handoff: keep_room}, bye: {end: Bye.}}}";

    fn plan() -> Arc<Plan> {
        plan_of(FLOW)
    }

    fn plan_of(flow: &str) -> Arc<Plan> {
        compile(check(&SourceFile::new("x.yaml", flow), EnvMode::Unknown).flow.unwrap())
    }

    fn began(plan: Arc<Plan>) -> World {
        let mut world = World::new(plan, &Circumstances::default(), Vec::new());
        world.begin();
        world.deliver(Input::CallerJoined);
        world
    }

    fn is_broken(world: &World, words: &str) -> bool {
        world.broken_rules().iter().any(|rule| rule.contains(words))
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
            let mut world = began(plan());
            prepare(&mut world);
            world.enact_for_test(effect);
            assert!(is_broken(&world, words), "{words}: {:?}", world.broken_rules());
        }
    }

    #[test]
    fn a_caller_who_hears_nothing_while_it_rings_is_noticed() {
        let off = || Effect::Hold { on: false, audio: None };
        let mut world = began(plan());
        world.enact_for_test(off());
        assert!(is_broken(&world, "hold audio ended before"), "{:?}", world.broken_rules());
        world.enact_for_test(dial(2));
        assert!(is_broken(&world, "heard nothing meanwhile"), "{:?}", world.broken_rules());
    }

    #[test]
    fn a_target_of_no_dial_is_noticed() {
        let mut world = began(plan());
        let target = TargetId::from_index(7);
        assert!(!is_broken(&world, "does not name"));
        world.check_dial(target);
        assert!(is_broken(&world, "does not name"), "{:?}", world.broken_rules());
    }

    #[test]
    fn a_dial_over_its_own_announcement_and_a_handoff_before_the_two_hear_each_other_are_noticed() {
        let mut world = began(plan_of(GATED));
        let mut hasty = world.clone();
        hasty.enact_for_test(dial(1));
        assert!(is_broken(&hasty, "before the announcement was over"), "{:?}", hasty.broken_rules());
        while world.live_leg().is_none() && world.step() {}
        answered(&mut world);
        world.enact_for_test(Effect::Handoff { mode: HandoffMode::KeepRoom });
        assert!(is_broken(&world, "handed to nobody"), "{:?}", world.broken_rules());
    }

    #[test]
    fn what_is_done_to_two_who_talk_is_noticed_unless_one_of_them_leaves() {
        let mut world = began(plan());
        answered(&mut world);
        let leaves = world.watch(&Input::CallerLeft);
        world.check_step(&leaves, &[say()]);
        assert_eq!(world.broken_rules(), <[String; 0]>::default());
        let expires = world.watch(&Input::RoomExpiring);
        world.check_step(&expires, &[say()]);
        assert!(is_broken(&world, "talking to each other"), "{:?}", world.broken_rules());
    }

    #[test]
    fn a_call_as_it_should_be_breaks_none() {
        let mut world = began(plan());
        answered(&mut world);
        assert!(world.run_to_its_end());
        world.check_silence_after_the_end();
        assert_eq!(world.broken_rules(), <[String; 0]>::default());
    }
}
