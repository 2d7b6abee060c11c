//! The webhook as Daily reaches it.

use super::super::finding::Verdict;
use super::super::probe::Facts;
use super::super::probe::local::Port;

/// D51: a server answers under the public URL, and knows the secret.
pub(super) fn answers(facts: &Facts<'_>) -> Verdict {
    let Some(public_url) = &facts.subject.survey.public_url else { return no_url() };
    let (start, trial) = (format!("{public_url}/start"), &facts.webhook);
    match &trial.ping {
        Some(Ok(200)) => {}
        Some(Ok(status @ 300..400)) => {
            return Verdict::failed(
                format!("{start} answers with a redirection ({status})"),
                "give the URL that it redirects to; whether Daily follows is not documented",
            );
        }
        Some(Ok(404)) => {
            return Verdict::failed(
                format!("{start} is not known there (404)"),
                "callflow takes calls at /start: look at what else has this URL, and at the tunnel",
            );
        }
        Some(Ok(status)) => {
            return Verdict::failed(
                format!("{start} answers a test with {status} instead of 200"),
                "if a tunnel answers, its other end is not there: see D06 and D52",
            );
        }
        Some(Err(why)) => {
            return Verdict::failed(
                format!("{start} does not answer: {why}"),
                "start the tunnel (`callflow --tunnel`, or `ngrok http 7860`), or mend the URL",
            );
        }
        None => return Verdict::skipped("not tried"),
    }
    match (trial.unsigned, trial.signed) {
        // 400: the signature was believed, and then nothing was in it.
        (Some(401), Some(400)) => Verdict::ok(format!("{start} answers, and verifies signatures")),
        (_, Some(status @ (401 | 403))) => Verdict::failed(
            format!("{start} answers, but refuses what is signed with our secret ({status})"),
            "restart the server, so that it reads CALLFLOW_WEBHOOK_SECRET again; check both clocks (D05)",
        ),
        (Some(400), _) => Verdict::warning(
            format!("{start} answers, and takes calls that nobody signed"),
            "set CALLFLOW_WEBHOOK_SECRET (D24) and restart the server",
        ),
        (Some(401), None) => Verdict::warning(
            format!("{start} answers and verifies signatures, but we do not know its secret"),
            "set CALLFLOW_WEBHOOK_SECRET as the server has it, to have it compared with Daily's",
        ),
        _ => Verdict::ok(format!("{start} answers")),
    }
}

/// D52: what answers there is the server at our port.
pub(super) fn tunnel(facts: &Facts<'_>) -> Verdict {
    if facts.subject.survey.public_url.is_none() {
        return no_url();
    }
    let (port, trial) = (facts.subject.survey.listen.port(), &facts.webhook);
    let tried = if trial.stand_in { " (tried with a server that was put up for it)" } else { "" };
    if matches!(trial.ping, Some(Err(_)) | None) {
        return Verdict::skipped("nothing answers under the public URL (D51)");
    }
    match (&trial.instance, &trial.local_instance) {
        (Some(there), Some(here)) if there == here => {
            Verdict::ok(format!("the public URL leads to port {port} of this machine{tried}"))
        }
        (Some(_), Some(_)) => Verdict::failed(
            format!("the public URL leads to another callflow server than the one at port {port}"),
            format!("point the tunnel at port {port}, or run the doctor where that server runs"),
        ),
        (Some(_), None) => Verdict::warning(
            format!("a callflow server answers, but none at port {port} of this machine"),
            "fine if it runs elsewhere; else give its port with --port",
        ),
        (None, Some(_)) if matches!(trial.ping, Some(Ok(200))) => Verdict::failed(
            "something answers under the public URL that is no callflow server",
            format!("point the tunnel or proxy at port {port}"),
        ),
        (None, Some(_)) => Verdict::failed(
            format!("the public URL does not lead to port {port}, where a server answers{tried}"),
            format!("point the tunnel at port {port}: `ngrok http {port}`, or `callflow --tunnel`"),
        ),
        (None, None) => match facts.local.port {
            Port::Taken(_) | Port::Unusable(..) => Verdict::skipped("no server can run at the port (D06)"),
            _ => Verdict::skipped("no server to compare with"),
        },
    }
}

fn no_url() -> Verdict {
    Verdict::skipped("no public URL is known: set LOCAL_SERVER_URL, or give --public-url")
}

#[cfg(test)]
mod tests {
    use super::super::facts::{fine, subject};
    use super::*;

    #[test]
    fn d51_tells_silence_redirections_and_other_servers_apart() {
        let mut subject = subject();
        let mut facts = fine(&subject);
        for (answer, words) in [
            (Err("connection refused".to_owned()), "does not answer: connection refused"),
            (Ok(301), "redirection"),
            (Ok(404), "not known there"),
            (Ok(502), "502 instead of 200"),
        ] {
            facts.webhook.ping = Some(answer);
            let verdict = answers(&facts);
            assert!(verdict.word() == "failed" && verdict.text().0.contains(words), "{verdict:?}");
        }
        subject.survey.public_url = None;
        assert_eq!((answers(&fine(&subject)).word(), tunnel(&fine(&subject)).word()), ("skipped", "skipped"));
    }

    #[test]
    fn d51_compares_secrets_without_a_call() {
        let subject = subject();
        let mut facts = fine(&subject);
        for (unsigned, signed, word) in [
            (Some(401), Some(400), "ok"),
            (Some(401), Some(403), "failed"),
            (Some(400), Some(400), "warning"),
            (Some(400), None, "warning"),
            (Some(401), None, "warning"),
            (None, None, "ok"),
        ] {
            (facts.webhook.unsigned, facts.webhook.signed) = (unsigned, signed);
            assert_eq!(answers(&facts).word(), word, "{unsigned:?} {signed:?}");
        }
    }

    #[test]
    fn d52_sees_where_the_tunnel_leads() {
        let subject = subject();
        let mut facts = fine(&subject);
        let (one, other) = (Some("one".to_owned()), Some("other".to_owned()));
        for (there, here, word) in [
            (&one, &one, "ok"),
            (&one, &other, "failed"),
            (&one, &None, "warning"),
            (&None, &one, "failed"),
            (&None, &None, "skipped"),
        ] {
            (facts.webhook.instance, facts.webhook.local_instance) = (there.clone(), here.clone());
            assert_eq!(tunnel(&facts).word(), word, "{there:?} {here:?}");
        }
        facts.webhook.local_instance = one;
        facts.webhook.ping = Some(Ok(502));
        assert!(tunnel(&facts).text().1.unwrap().contains("7860"));
        facts.webhook.ping = Some(Err("refused".to_owned()));
        assert_eq!(tunnel(&facts).word(), "skipped");
    }
}
