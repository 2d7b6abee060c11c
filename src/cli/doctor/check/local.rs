//! This machine: settings, the flow, Daily's library, the webhook's port.

use super::super::finding::Verdict;
use super::super::probe::Facts;
use super::super::probe::local::{LibraryProblem, Port};

/// D01: variables can be read, and make sense together.
pub(super) fn settings(facts: &Facts<'_>) -> Verdict {
    match &facts.subject.run {
        Err(errors) => {
            let whats: Vec<String> = errors.0.iter().map(ToString::to_string).collect();
            let fixes: Vec<String> = errors.0.iter().map(crate::settings::SettingsError::fix).collect();
            Verdict::failed(whats.join("; "), fixes.join("; "))
        }
        Ok(warnings) => match warnings.as_slice() {
            [] => Verdict::ok("every variable can be read"),
            [first, ..] => Verdict::warning(first.to_string(), first.fix()),
        },
    }
}

/// D02: nobody else reads the keys.
pub(super) fn env_file(facts: &Facts<'_>) -> Verdict {
    match &facts.local.env_file {
        None => Verdict::ok("there is none; variables of the process are used"),
        Some(file) if file.is_open => {
            let path = file.path.display();
            Verdict::warning(
                format!("{path} can be read by other users of this machine"),
                format!("chmod 600 {path}, or `callflow doctor --fix`"),
            )
        }
        Some(file) => Verdict::ok(format!("{} can be read by its owner only", file.path.display())),
    }
}

/// D03: the flow has no errors.
pub(super) fn flow(facts: &Facts<'_>) -> Verdict {
    let flow = &facts.subject.flow;
    match (&flow.name, &flow.errors) {
        (None, _) => Verdict::ok("none named (--flow); voice, model and operator are the defaults"),
        (Some(name), None) => Verdict::ok(format!("`{name}` has no errors")),
        (Some(name), Some(why)) => {
            Verdict::failed(format!("{name}: {why}"), "mend the flow; what follows is about the defaults")
        }
    }
}

/// D04: Daily's media library is there.
pub(super) fn library(facts: &Facts<'_>) -> Verdict {
    match &facts.local.library {
        None if facts.subject.is_production => Verdict::skipped("rooms are joined on Pipecat Cloud"),
        None => Verdict::skipped("rooms are emulated"),
        Some(Ok(check)) if !check.has_microphone => Verdict::failed(
            "it loads, but makes no microphone: nobody would hear the bot",
            "run `callflow daily check`, and `callflow daily fetch` for the version that is known to work",
        ),
        Some(Ok(check)) => match check.version {
            Some(version) => Verdict::ok(format!("daily-python {version} loads")),
            None => Verdict::warning(
                "it loads, but is not the version that was tested",
                "run `callflow daily fetch` and remove DAILY_CORE_LIBRARY, or try a call",
            ),
        },
        Some(Err(LibraryProblem::NoFolder)) => Verdict::failed(
            "there is no home for it: neither HOME nor XDG_DATA_HOME is set",
            "set HOME, or DAILY_CORE_LIBRARY to the library itself",
        ),
        Some(Err(LibraryProblem::Core(error))) => {
            Verdict::failed(error.to_string(), "run `callflow daily fetch`; without it no call can be taken")
        }
    }
}

/// D06: the webhook server can listen, or does.
pub(super) fn port(facts: &Facts<'_>) -> Verdict {
    match &facts.local.port {
        Port::Any => Verdict::warning(
            "another one is taken at each start",
            "for real calls set CALLFLOW_PORT to a number, so that a tunnel finds it",
        ),
        Port::Free(listen) => Verdict::ok(format!("{listen} is free")),
        Port::Ours(listen) => Verdict::ok(format!("callflow answers at {listen}")),
        Port::Taken(listen) => Verdict::failed(
            format!("another program has {listen}"),
            "stop it, or choose another port with --port or CALLFLOW_PORT (and in the tunnel)",
        ),
        Port::Unusable(listen, why) => Verdict::failed(
            format!("nobody can listen at {listen}: {why}"),
            "choose another address or port with CALLFLOW_BIND and CALLFLOW_PORT",
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::facts::{fine, subject};
    use super::*;
    use crate::cli::doctor::probe::local::EnvFile;
    use crate::settings::{SettingsError, SettingsErrors, SettingsWarning};
    use crate::telephony::daily::core::CoreError;

    #[test]
    fn d01_names_every_problem_with_its_fix_and_warns() {
        let mut subject = subject();
        let wrong = |name| SettingsError::BadKey { name };
        subject.run = Err(SettingsErrors(vec![wrong("OPENAI_API_KEY"), wrong("DAILY_API_KEY")]));
        let (what, fix) = (settings(&fine(&subject)), "OPENAI_API_KEY again");
        let (text, advice) = what.text();
        assert!(what.word() == "failed" && text.contains("OPENAI_API_KEY") && text.contains("DAILY_API_KEY"));
        assert!(advice.unwrap().contains(fix));
        subject.run = Ok(vec![SettingsWarning::UnsignedWebhooks]);
        assert_eq!(settings(&fine(&subject)).word(), "warning");
    }

    #[test]
    fn d02_wants_keys_to_be_read_by_their_owner_only() {
        let subject = subject();
        let mut facts = fine(&subject);
        facts.local.env_file = Some(EnvFile { path: PathBuf::from(".env"), is_open: true });
        let verdict = env_file(&facts);
        assert_eq!((verdict.word(), verdict.text().1.unwrap().contains("chmod 600 .env")), ("warning", true));
        facts.local.env_file = None;
        assert_eq!(env_file(&facts).word(), "ok");
    }

    #[test]
    fn d03_tells_of_a_broken_flow() {
        let mut subject = subject();
        subject.flow.name = Some("support".to_owned());
        assert_eq!(flow(&fine(&subject)).word(), "ok");
        subject.flow.errors = Some("it has errors".to_owned());
        assert_eq!(flow(&fine(&subject)).word(), "failed");
    }

    #[test]
    fn d04_says_how_to_get_the_library() {
        let subject = subject();
        let mut facts = fine(&subject);
        facts.local.library =
            Some(Err(LibraryProblem::Core(CoreError::Missing { path: PathBuf::from("x") })));
        let verdict = library(&facts);
        assert!(verdict.word() == "failed" && verdict.text().1.unwrap().contains("callflow daily fetch"));
        facts.local.library = Some(Err(LibraryProblem::NoFolder));
        assert_eq!(library(&facts).word(), "failed");
        facts.local.library = None;
        assert_eq!(library(&facts).word(), "skipped");
        let mut check = fine(&subject).local.library.unwrap().unwrap();
        check.version = None;
        facts.local.library = Some(Ok(check));
        assert_eq!(library(&facts).word(), "warning");
    }

    #[test]
    fn d06_tells_another_program_from_ours() {
        let subject = subject();
        let mut facts = fine(&subject);
        let listen = subject.survey.listen;
        let cases = [
            (Port::Any, "warning"),
            (Port::Free(listen), "ok"),
            (Port::Ours(listen), "ok"),
            (Port::Taken(listen), "failed"),
            (Port::Unusable(listen, "denied".to_owned()), "failed"),
        ];
        for (is, word) in cases {
            facts.local.port = is;
            assert_eq!(port(&facts).word(), word, "{:?}", facts.local.port);
        }
    }
}
