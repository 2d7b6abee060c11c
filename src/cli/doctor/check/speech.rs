//! The speech vendors' keys, the voice and the model.

use super::super::finding::Verdict;
use super::super::probe::Facts;
use super::super::probe::speech::cartesia_voice_of;
use crate::settings::Service;
use crate::speech::account::AccountError;

/// D41: Deepgram knows the key.
pub(super) fn deepgram(facts: &Facts<'_>) -> Verdict {
    if let Some(skipped) = not_used(facts, Service::Deepgram) {
        return skipped;
    }
    match &facts.speech.deepgram {
        None => no_key(Service::Deepgram, "console.deepgram.com"),
        Some(Ok(projects)) => Verdict::ok(format!("good, of {projects} project{}", plural(*projects))),
        Some(Err(AccountError::NotPermitted(_))) => Verdict::warning(
            "a key that may not list its projects; whether it may transcribe is not known",
            "try a call, or make a key with the role Member",
        ),
        Some(Err(error)) => refused(Service::Deepgram, error),
    }
}

/// D42: Cartesia knows the key and the voice.
pub(super) fn cartesia(facts: &Facts<'_>) -> Verdict {
    if let Some(skipped) = not_used(facts, Service::Cartesia) {
        return skipped;
    }
    let voice = cartesia_voice_of(&facts.subject.flow.services);
    match &facts.speech.cartesia {
        None => no_key(Service::Cartesia, "play.cartesia.ai"),
        Some(Ok(found)) => match &found.language {
            Some(language) => Verdict::ok(format!("good; the voice is \"{}\" ({language})", found.name)),
            None => Verdict::ok(format!("good; the voice is \"{}\"", found.name)),
        },
        Some(Err(AccountError::NotThere(_))) => Verdict::failed(
            format!("the key is good, but there is no voice {voice}"),
            "choose one at play.cartesia.ai and write its id as services.tts.voice in the flow",
        ),
        Some(Err(error)) => refused(Service::Cartesia, error),
    }
}

/// D43: OpenAI knows the key and has the model.
pub(super) fn openai(facts: &Facts<'_>) -> Verdict {
    if let Some(skipped) = not_used(facts, Service::OpenAi) {
        return skipped;
    }
    let mut chain = facts.subject.flow.services.llm.chain();
    let Some(model) = chain.find(|one| one.endpoint.is_none()).map(|one| &*one.model) else {
        return match &facts.speech.openai {
            None => no_key(Service::OpenAi, "platform.openai.com/api-keys"),
            Some(Ok(_)) => Verdict::ok("good, for hearing and voice; the flow's model is another server's"),
            Some(Err(error)) => refused(Service::OpenAi, error),
        };
    };
    let is_own = !facts.subject.survey.is_vendors_own(Service::OpenAi);
    match &facts.speech.openai {
        None => no_key(Service::OpenAi, "platform.openai.com/api-keys"),
        Some(Ok(models)) if models.iter().any(|one| one == model) => {
            Verdict::ok(format!("good; it has {model}"))
        }
        Some(Ok(_)) => Verdict::failed(
            format!("the key is good, but may not use {model}"),
            "choose another services.llm.model in the flow, or get access to this one",
        ),
        Some(Err(error @ (AccountError::NotThere(_) | AccountError::Protocol))) if is_own => {
            Verdict::warning(
                format!("the server at OPENAI_BASE_URL does not list its models: {error}"),
                "try an offline call: it uses this model",
            )
        }
        Some(Err(error)) => refused(Service::OpenAi, error),
    }
}

/// A flow may have somebody else hear, speak or think, and the bot may run elsewhere.
fn not_used(facts: &Facts<'_>, service: Service) -> Option<Verdict> {
    if facts.subject.is_production && facts.subject.survey.of(service).key.is_none() {
        return Some(Verdict::skipped("calls run on Pipecat Cloud, whose secrets hold the key"));
    }
    let is_used = facts.subject.uses().any(service);
    (!is_used).then(|| Verdict::skipped(format!("the flow does not use {}", service.vendor())))
}

fn no_key(service: Service, place: &str) -> Verdict {
    let variable = service.key_variable();
    Verdict::failed(format!("{variable} is not set"), format!("make a key at {place} and put it into .env"))
}

fn refused(service: Service, error: &AccountError) -> Verdict {
    let (vendor, variable) = (service.vendor(), service.key_variable());
    match error {
        AccountError::KeyRefused => Verdict::failed(
            format!("{vendor} refuses {variable}"),
            format!("copy {variable} again from {vendor}; keys end when they are deleted there"),
        ),
        AccountError::Limited(_) => Verdict::failed(
            format!("{vendor}: {error}"),
            format!("look at the plan and the credit of the account at {vendor}"),
        ),
        AccountError::Unreachable(_) => Verdict::failed(format!("{vendor}: {error}"), "see D11 to D15"),
        error => Verdict::failed(format!("{vendor}: {error}"), "the words are the vendor's; try again later"),
    }
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

#[cfg(test)]
mod tests {
    use super::super::facts::{fine, subject};
    use super::*;
    use crate::plan::Provider;

    #[test]
    fn d41_tells_a_wrong_key_from_one_that_may_little() {
        let subject = subject();
        let mut facts = fine(&subject);
        facts.speech.deepgram = Some(Err(AccountError::KeyRefused));
        assert!(deepgram(&facts).text().1.unwrap().contains("DEEPGRAM_API_KEY"));
        facts.speech.deepgram = Some(Err(AccountError::NotPermitted(String::new())));
        assert_eq!(deepgram(&facts).word(), "warning");
        facts.speech.deepgram = None;
        assert!(deepgram(&facts).text().0.contains("not set"));
    }

    #[test]
    fn d42_tells_the_key_from_the_voice() {
        let subject = subject();
        let mut facts = fine(&subject);
        facts.speech.cartesia = Some(Err(AccountError::NotThere(String::new())));
        let verdict = cartesia(&facts);
        assert!(verdict.text().0.contains("no voice b7d50908"), "{verdict:?}");
        for wrong in [AccountError::KeyRefused, AccountError::Unreachable("no route".to_owned())] {
            facts.speech.cartesia = Some(Err(wrong));
            assert_eq!(cartesia(&facts).word(), "failed");
        }
        facts.speech.cartesia = None;
        assert!(cartesia(&facts).text().0.contains("CARTESIA_API_KEY"));
    }

    #[test]
    fn d43_wants_the_flow_s_model_and_is_mild_with_servers_of_one_s_own() {
        let mut subject = subject();
        let mut facts = fine(&subject);
        facts.speech.openai = Some(Ok(vec!["gpt-5".to_owned()]));
        assert!(openai(&facts).text().0.contains("may not use gpt-4o"));
        facts.speech.openai = Some(Err(AccountError::Limited("no credit".to_owned())));
        assert!(openai(&facts).text().0.contains("no credit"));
        facts.speech.openai = Some(Err(AccountError::Protocol));
        assert_eq!(openai(&facts).word(), "failed");
        subject.survey.vendors[2].base_url = "http://127.0.0.1:11434/v1".to_owned();
        let mut facts = fine(&subject);
        facts.speech.openai = Some(Err(AccountError::Protocol));
        assert_eq!(openai(&facts).word(), "warning");
        facts.speech.openai = None;
        assert_eq!(openai(&facts).word(), "failed");
    }

    #[test]
    fn vendors_that_the_flow_does_not_use_need_no_key() {
        let mut subject = subject();
        subject.flow.services.stt.provider = Provider::OpenAi;
        subject.flow.services.tts.provider = Provider::OpenAi;
        let mut facts = fine(&subject);
        (facts.speech.deepgram, facts.speech.cartesia) = (None, None);
        assert_eq!((deepgram(&facts).word(), cartesia(&facts).word()), ("skipped", "skipped"));
    }

    #[test]
    fn keys_that_are_only_at_pipecat_cloud_are_not_missed_here() {
        let mut subject = subject();
        subject.is_production = true;
        let mut facts = fine(&subject);
        facts.speech.openai = None;
        assert_eq!(openai(&facts).word(), "skipped");
    }
}
