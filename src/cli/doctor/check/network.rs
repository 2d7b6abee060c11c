//! The clock, and the way to each vendor.

use std::time::Duration;

use super::super::finding::Verdict;
use super::super::probe::Facts;
use super::super::probe::pulse::Pulse;
use crate::settings::Service;

/// A clock that is off by less matters to nobody.
const CLOCK_FINE: i64 = 5;
/// From here on, what Daily signs or lets expire is refused: a signature is good for five minutes, and so
/// much is lost on the way already.
const CLOCK_USELESS: i64 = 120;
/// An answer that takes this much longer than usual is a stall that a caller hears.
const STALL: Duration = Duration::from_millis(400);
/// From here on, every turn of a conversation feels slow.
const FAR: Duration = Duration::from_millis(500);

/// D05: the clock is right.
pub(super) fn clock(facts: &Facts<'_>) -> Verdict {
    let mut ahead: Vec<i64> = facts.pulses.iter().filter_map(|pulse| pulse.ahead).collect();
    ahead.sort_unstable();
    let Some(&ahead) = ahead.get(ahead.len() / 2) else {
        return Verdict::skipped("no vendor answered with the time");
    };
    let words = match ahead {
        0.. => format!("this clock is {ahead} s behind the vendors'"),
        _ => format!("this clock is {} s ahead of the vendors'", -ahead),
    };
    let fix = "let the system set its clock (`timedatectl set-ntp true`)";
    match ahead.abs() {
        0..=CLOCK_FINE => Verdict::ok("agrees with the vendors' to within seconds"),
        off if off < CLOCK_USELESS => Verdict::warning(words, fix),
        _ => Verdict::failed(format!("{words}: signatures and rooms count as expired"), fix),
    }
}

/// D11.
pub(super) fn daily(facts: &Facts<'_>) -> Verdict {
    answers(facts, Service::Telephony)
}

/// D12.
pub(super) fn deepgram(facts: &Facts<'_>) -> Verdict {
    answers(facts, Service::Deepgram)
}

/// D13.
pub(super) fn openai(facts: &Facts<'_>) -> Verdict {
    answers(facts, Service::OpenAi)
}

/// D14.
pub(super) fn cartesia(facts: &Facts<'_>) -> Verdict {
    answers(facts, Service::Cartesia)
}

fn pulse<'a>(facts: &'a Facts<'_>, service: Service) -> &'a Pulse {
    let index = Service::ALL.iter().position(|one| *one == service);
    &facts.pulses[index.expect("`ALL` has all services")]
}

fn answers(facts: &Facts<'_>, service: Service) -> Verdict {
    let (pulse, url) = (pulse(facts, service), &facts.subject.survey.of(service).base_url);
    if pulse.answered {
        return Verdict::ok(match median(&pulse.took) {
            Some(usual) => format!("{url}, within {} ms", usual.as_millis()),
            None => url.clone(),
        });
    }
    let why = pulse.why.as_deref().unwrap_or("no answer");
    Verdict::failed(
        format!("{url} cannot be reached: {why}"),
        "look at the network, its DNS and firewall; behind a proxy set HTTPS_PROXY",
    )
}

/// D15: answers come, and evenly.
pub(super) fn stable(facts: &Facts<'_>) -> Verdict {
    let reached: Vec<(Service, &Pulse)> =
        Service::ALL.into_iter().zip(&facts.pulses).filter(|(_, pulse)| pulse.answered).collect();
    if reached.is_empty() {
        return Verdict::skipped("no vendor answers (D11 to D14)");
    }
    let fix = "use a wired or a nearer network for real calls; look at what else loads this one";
    let lost: usize = reached.iter().map(|(_, pulse)| pulse.lost).sum();
    if lost > 0 {
        let asked: usize = reached.iter().map(|(_, pulse)| pulse.took.len() + pulse.lost).sum();
        return Verdict::failed(format!("{lost} of {asked} requests were lost"), fix);
    }
    for (service, pulse) in &reached {
        let (Some(usual), Some(slowest)) = (median(&pulse.took), pulse.took.iter().max()) else { continue };
        let name = service.vendor();
        if *slowest >= usual + STALL {
            let (usual, slowest) = (usual.as_millis(), slowest.as_millis());
            return Verdict::warning(format!("{name} took {slowest} ms once, {usual} ms usually"), fix);
        }
        if usual >= FAR {
            let usual = usual.as_millis();
            return Verdict::warning(format!("{name} is {usual} ms away: every turn waits for it"), fix);
        }
    }
    Verdict::ok("all requests were answered, none of them late")
}

fn median(times: &[Duration]) -> Option<Duration> {
    let mut times = times.to_vec();
    times.sort_unstable();
    times.get(times.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::super::facts::{fine, subject};
    use super::*;

    fn ms(times: &[u64]) -> Vec<Duration> {
        times.iter().map(|&ms| Duration::from_millis(ms)).collect()
    }

    #[test]
    fn d05_believes_most_of_the_vendors() {
        let subject = subject();
        let mut facts = fine(&subject);
        for (ahead, word) in [(3, "ok"), (-60, "warning"), (600, "failed"), (-600, "failed")] {
            facts.pulses.iter_mut().for_each(|pulse| pulse.ahead = Some(ahead));
            facts.pulses[2].ahead = Some(9_999);
            let verdict = clock(&facts);
            assert_eq!(verdict.word(), word, "{ahead}: {verdict:?}");
        }
        let (text, _) = (clock(&facts), ());
        assert!(text.text().0.contains("ahead"), "a vendor behind us makes us ahead: {text:?}");
        facts.pulses.iter_mut().for_each(|pulse| pulse.ahead = None);
        assert_eq!(clock(&facts).word(), "skipped");
    }

    #[test]
    fn d11_to_d14_say_why_a_vendor_cannot_be_reached() {
        let subject = subject();
        let mut facts = fine(&subject);
        let checks: [fn(&Facts<'_>) -> Verdict; 4] = [daily, deepgram, openai, cartesia];
        for (index, check) in checks.into_iter().enumerate() {
            assert_eq!(check(&facts).word(), "ok");
            let why = Some("Name or service not known".to_owned());
            facts.pulses[index] = Pulse { lost: 1, why, ..Pulse::default() };
            let verdict = check(&facts);
            assert!(verdict.word() == "failed" && verdict.text().0.contains("not known"), "{verdict:?}");
        }
        assert_eq!(stable(&facts).word(), "skipped");
    }

    #[test]
    fn d15_hears_stalls_losses_and_distance() {
        let subject = subject();
        let mut facts = fine(&subject);
        facts.pulses[1].took = ms(&[40, 900, 42, 41]);
        assert!(stable(&facts).text().0.contains("Deepgram took 900 ms once, 42 ms usually"));
        facts.pulses[1].took = ms(&[600, 610, 620, 630]);
        assert_eq!(stable(&facts).word(), "warning");
        facts.pulses[0].lost = 1;
        let lost = stable(&facts);
        assert!(lost.word() == "failed" && lost.text().0.starts_with("1 of "), "{lost:?}");
    }
}
