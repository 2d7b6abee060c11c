//! The sentences of a flow that are the same in every call.

use std::sync::Arc;

use super::{Event, Kind, Plan, Text};

impl Plan {
    /// Every sentence that the flow has spoken and that holds no template, the accept gate's included.
    #[must_use]
    pub fn fixed_sentences(&self) -> Vec<Arc<str>> {
        let mut texts: Vec<&Text> = Vec::new();
        for state in &self.states {
            match &state.kind {
                Kind::Say(say) => texts.push(&say.text),
                Kind::Confirm(confirm) => texts.push(&confirm.question),
                Kind::Converse(converse) => {
                    texts.extend(converse.silence.steps.iter().filter_map(|step| step.say.as_ref()));
                }
                Kind::Dial(dial) => {
                    texts.extend(&dial.announce);
                    texts.extend(dial.hold.say.as_ref().map(|(text, _)| text));
                    texts.extend(dial.accept.as_ref().map(|accept| &accept.question));
                }
                Kind::End(end) => texts.extend(&end.say),
                _ => {}
            }
        }
        let edges = self.states.iter().flat_map(|state| &state.on).chain(&self.always);
        texts.extend(edges.flat_map(|on| &on.branches).filter_map(|branch| branch.say.as_ref()));
        texts.into_iter().filter(|text| text.is_fixed()).map(|text| text.source().into()).collect()
    }

    /// Sentences that the flow spells out whole for when a service has failed: those of its `service.failed`, and the
    /// first of the state that it leads to.
    #[must_use]
    pub fn sentences_of_failure(&self) -> Vec<Arc<str>> {
        let edges = self.states.iter().flat_map(|state| &state.on).chain(&self.always);
        let failures = edges.filter(|on| on.event == Event::ServiceFailed);
        let texts = failures.flat_map(|on| &on.branches).flat_map(|branch| {
            let next = match &self.state(branch.to).kind {
                Kind::End(end) => end.say.as_ref(),
                Kind::Dial(dial) => dial.announce.as_ref(),
                Kind::Say(say) => Some(&say.text),
                _ => None,
            };
            branch.say.as_ref().into_iter().chain(next)
        });
        texts.filter(|text| text.is_fixed()).map(|text| text.source().into()).collect()
    }
}
