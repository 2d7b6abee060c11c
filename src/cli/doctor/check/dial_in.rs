//! The way of a call from Daily to here: the key, the numbers, where they lead, and the secret that signs.

use super::super::finding::Verdict;
use super::super::probe::Facts;
use super::super::probe::account::Details;
use super::{details, unanswered};
use crate::cli::phone::leads_to;
use crate::pii::PhoneNumber;
use crate::telephony::TelephonyError;
use crate::telephony::daily::account::{DialInConfig, DialInKind, PurchasedNumber};

/// D21: Daily knows the key.
pub(super) fn key(facts: &Facts<'_>) -> Verdict {
    let Some(daily) = &facts.daily else {
        return Verdict::failed(
            "DAILY_API_KEY is not set",
            "copy it from Daily's dashboard (Developers), or from Pipecat Cloud's, into .env",
        );
    };
    match &daily.domain {
        Ok(domain) => Verdict::ok(format!("of the domain `{domain}`")),
        Err(TelephonyError::Unauthorized) => Verdict::failed(
            "Daily refuses DAILY_API_KEY",
            "copy it again from Daily's dashboard (Developers); keys end when they are regenerated",
        ),
        Err(error) => unanswered("Daily did not say whose key it is", error),
    }
}

/// D22: there is a number that can be called.
pub(super) fn numbers(facts: &Facts<'_>) -> Verdict {
    let details = match details(facts) {
        Ok(details) => details,
        Err(skipped) => return skipped,
    };
    let numbers = match &details.numbers {
        Ok(numbers) => numbers,
        Err(error) => return unanswered("the numbers could not be listed", error),
    };
    if let Some(wanted) = &facts.subject.number
        && !numbers.iter().any(|one| one.number == *wanted)
    {
        return Verdict::failed(
            format!("{} is not a number of this account", wanted.reveal()),
            "`callflow phone list` shows those that are",
        );
    }
    let unverified: Vec<&str> = of_interest(facts, numbers)
        .filter(|one| one.verified == Some(false))
        .map(|one| one.number.reveal())
        .collect();
    if numbers.is_empty() {
        Verdict::failed(
            "the account has no number that could be called",
            "`callflow phone search` shows what is on offer, `callflow phone buy` buys",
        )
    } else if unverified.is_empty() {
        Verdict::ok(list(numbers.iter().map(|one| one.number.reveal())))
    } else {
        Verdict::warning(
            format!("{} cannot be used yet: Daily has not verified it", list(unverified)),
            "wait an hour; then ask Daily's support",
        )
    }
}

/// D23: a number leads to our webhook.
pub(super) fn configuration(facts: &Facts<'_>) -> Verdict {
    let (numbers, configs) = match routes(facts) {
        Ok(routes) => routes,
        Err(verdict) => return verdict,
    };
    let routes: Vec<(&PhoneNumber, Option<&DialInConfig>)> =
        of_interest(facts, numbers).map(|one| (&one.number, config_of(configs, &one.number))).collect();
    let Some(public_url) = &facts.subject.survey.public_url else {
        return Verdict::warning(
            format!("{}; whether that is here is not known", list(routes.iter().map(describe))),
            "say how this server is reached from outside: LOCAL_SERVER_URL, or --public-url",
        );
    };
    let ours = format!("{public_url}/start");
    let leads_here =
        |route: &&(_, Option<&DialInConfig>)| route.1.is_some_and(|config| leads_to(config, public_url));
    if let Some((number, _)) = routes.iter().find(leads_here) {
        return Verdict::ok(format!("{} calls {ours}", number.reveal()));
    }
    let number = routes.first().map_or("NUMBER", |(number, _)| number.reveal());
    let has_pin = routes.first().is_some_and(|(_, config)| config.is_some_and(|config| !is_pinless(config)));
    let remove =
        if has_pin { format!("callflow phone route {number} --remove, then ") } else { String::new() };
    Verdict::failed(
        format!("no number calls {ours}: {}", list(routes.iter().map(describe))),
        format!("{remove}callflow phone route {number} --url {ours}"),
    )
}

/// D24: what Daily signs with is what we verify with.
pub(super) fn secret(facts: &Facts<'_>) -> Verdict {
    let (numbers, configs) = match routes(facts) {
        Ok(routes) => routes,
        Err(verdict) => return verdict,
    };
    let configs = of_interest(facts, numbers).filter_map(|one| Some((one, config_of(configs, &one.number)?)));
    let ours = facts.subject.survey.webhook_secret.as_ref();
    // Of several numbers only those that lead here matter.
    let leads_here = |config: &DialInConfig| match &facts.subject.survey.public_url {
        Some(public_url) => leads_to(config, public_url),
        None => is_pinless(config),
    };
    let signing: Vec<_> = configs.filter(|(_, config)| leads_here(config)).collect();
    let Some((first, _)) = signing.first() else { return Verdict::skipped("no number leads here (D23)") };
    let number = first.number.reveal();
    let Some(ours) = ours else {
        return Verdict::warning(
            "CALLFLOW_WEBHOOK_SECRET is not set: whoever finds the webhook can start calls",
            format!("callflow phone route {number} --url URL stores it, or `callflow doctor --fix`"),
        );
    };
    let differs = |config: &&DialInConfig| {
        config.settings.secret.as_ref().is_none_or(|theirs| theirs.reveal() != ours.reveal())
    };
    match signing.iter().find(|(_, config)| differs(config)) {
        None => Verdict::ok("Daily signs with the secret that this server knows"),
        Some((one, _)) => Verdict::failed(
            format!("Daily signs calls to {} with another secret: they are refused", one.number.reveal()),
            format!("callflow phone route {} --url URL gives Daily ours", one.number.reveal()),
        ),
    }
}

/// The numbers of the account and the configurations, both asked for and answered.
fn routes<'a>(facts: &'a Facts<'_>) -> Result<(&'a [PurchasedNumber], &'a [DialInConfig]), Verdict> {
    let Details { numbers, dial_ins, .. } = details(facts)?;
    let numbers = match numbers {
        Ok(numbers) if !numbers.is_empty() => numbers,
        _ => return Err(Verdict::skipped("needs a number (D22)")),
    };
    match dial_ins {
        Ok(configs) => Ok((numbers, configs)),
        Err(error) => Err(unanswered("the dial-in configurations could not be listed", error)),
    }
}

/// The number that was named, or all.
pub(super) fn of_interest<'a>(
    facts: &'a Facts<'_>,
    numbers: &'a [PurchasedNumber],
) -> impl Iterator<Item = &'a PurchasedNumber> {
    let wanted = facts.subject.number.as_ref();
    numbers.iter().filter(move |one| wanted.is_none_or(|wanted| one.number == *wanted))
}

pub(in crate::cli::doctor) fn config_of<'a>(
    configs: &'a [DialInConfig],
    number: &PhoneNumber,
) -> Option<&'a DialInConfig> {
    configs.iter().find(|config| config.settings.number.as_ref() == Some(number))
}

fn is_pinless(config: &DialInConfig) -> bool {
    config.kind == DialInKind::Pinless
}

fn webhook(config: &DialInConfig) -> Option<&str> {
    config.settings.webhook.as_deref()
}

fn describe((number, config): &(&PhoneNumber, Option<&DialInConfig>)) -> String {
    let number = number.reveal();
    match config {
        None => format!("{number} goes nowhere"),
        Some(config) if !is_pinless(config) => format!("{number} goes to rooms, with a PIN"),
        Some(config) => match webhook(config) {
            Some(url) => format!("{number} goes to {url}"),
            None => format!("{number} goes nowhere"),
        },
    }
}

/// A list that a line can hold.
fn list<T: AsRef<str>>(items: impl IntoIterator<Item = T>) -> String {
    const MOST: usize = 4;
    let items: Vec<T> = items.into_iter().collect();
    let shown = items.iter().take(MOST).map(AsRef::as_ref).collect::<Vec<_>>().join(", ");
    match items.len().checked_sub(MOST) {
        None | Some(0) => shown,
        Some(more) => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::facts::{NUMBER, SECRET, fine, number, subject};
    use super::*;
    use crate::pii::ApiKey;

    fn config<'a>(facts: &'a mut Facts<'_>) -> &'a mut DialInConfig {
        &mut facts.daily.as_mut().unwrap().details.as_mut().unwrap().dial_ins.as_mut().unwrap()[0]
    }

    fn details_of<'a>(facts: &'a mut Facts<'_>) -> &'a mut Details {
        facts.daily.as_mut().unwrap().details.as_mut().unwrap()
    }

    #[test]
    fn d21_tells_a_missing_key_from_a_wrong_one_and_from_silence() {
        let subject = subject();
        let mut facts = fine(&subject);
        let daily = facts.daily.as_mut().unwrap();
        daily.domain = Err(TelephonyError::Unauthorized);
        daily.details = None;
        assert!(key(&facts).text().0.contains("refuses"));
        for check in [numbers, configuration, secret] {
            assert_eq!(check(&facts).word(), "skipped");
        }
        facts.daily.as_mut().unwrap().domain = Err(TelephonyError::Unreachable("refused".to_owned()));
        assert!(key(&facts).text().1.unwrap().contains("status.daily.co"));
        facts.daily = None;
        assert!(key(&facts).text().0.contains("not set"));
    }

    #[test]
    fn d22_wants_a_number_that_is_verified_and_ours() {
        let mut subject = subject();
        let mut facts = fine(&subject);
        details_of(&mut facts).numbers.as_mut().unwrap()[0].verified = Some(false);
        assert_eq!(numbers(&facts).word(), "warning");
        details_of(&mut facts).numbers = Ok(Vec::new());
        assert!(numbers(&facts).text().1.unwrap().contains("phone buy"));
        assert_eq!(configuration(&facts).word(), "skipped");
        details_of(&mut facts).numbers = Err(TelephonyError::Refused("no".to_owned()));
        assert_eq!(numbers(&facts).word(), "failed");
        subject.number = Some(PhoneNumber::parse("+15550100999").unwrap());
        assert!(numbers(&fine(&subject)).text().0.contains("+15550100999"));
    }

    #[test]
    fn d23_sees_another_host_another_route_a_pin_and_nothing() {
        let mut subject = subject();
        let mut facts = fine(&subject);
        for wrong in
            ["https://old.example.com/start", "https://bot.example.com/", "http://bot.example.com/start"]
        {
            config(&mut facts).settings.webhook = Some(wrong.to_owned());
            let verdict = configuration(&facts);
            let (what, fix) = verdict.text();
            assert!(verdict.word() == "failed" && what.contains(wrong), "{verdict:?}");
            let command = format!("callflow phone route {NUMBER} --url https://bot.example.com/start");
            assert_eq!(fix, Some(&*command));
        }
        for same in ["https://BOT.example.com/start", "https://bot.example.com:443/start/"] {
            config(&mut facts).settings.webhook = Some(same.to_owned());
            assert_eq!(configuration(&facts).word(), "ok", "{same}");
        }
        config(&mut facts).kind = DialInKind::Pin;
        assert!(configuration(&facts).text().1.unwrap().contains("--remove"));
        details_of(&mut facts).dial_ins = Ok(Vec::new());
        assert!(configuration(&facts).text().0.contains("goes nowhere"));
        subject.survey.public_url = None;
        let unknown = configuration(&fine(&subject));
        assert!(unknown.word() == "warning" && unknown.text().1.unwrap().contains("LOCAL_SERVER_URL"));
    }

    #[test]
    fn d23_is_content_with_one_number_unless_another_was_named() {
        let mut subject = subject();
        let mut facts = fine(&subject);
        details_of(&mut facts).numbers.as_mut().unwrap().insert(0, number("+15550100888"));
        assert_eq!(configuration(&facts).word(), "ok");
        subject.number = Some(PhoneNumber::parse("+15550100888").unwrap());
        let mut facts = fine(&subject);
        details_of(&mut facts).numbers.as_mut().unwrap().insert(0, number("+15550100888"));
        assert_eq!(configuration(&facts).word(), "failed");
    }

    #[test]
    fn d24_compares_secrets_and_shows_none() {
        let mut subject = subject();
        let mut facts = fine(&subject);
        config(&mut facts).settings.secret = Some(ApiKey::new("b3RoZXI="));
        let verdict = secret(&facts);
        assert_eq!(verdict.word(), "failed");
        assert!(!format!("{verdict:?}").contains("b3RoZXI=") && !format!("{verdict:?}").contains(SECRET));
        config(&mut facts).settings.webhook = Some("https://old.example.com/start".to_owned());
        assert_eq!(secret(&facts).word(), "skipped", "what does not lead here is another server's matter");
        subject.survey.webhook_secret = None;
        assert!(secret(&fine(&subject)).text().1.unwrap().contains("--fix"));
    }

    #[test]
    fn long_lists_are_cut() {
        assert_eq!(list(["a", "b"]), "a, b");
        assert_eq!(list(["a"; 6]), "a, a, a, a and 2 more");
    }
}
