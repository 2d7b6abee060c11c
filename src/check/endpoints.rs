//! F005, F024, F025, F028: where the requests of tools go. The flow and its environment decide that, and
//! nothing that is said in a call.

use std::fmt;

use reqwest::Url;

use super::env::{EnvMode, NotPlain, with_values};
use crate::diagnostic::{Diagnostic, Rule};
use crate::flow::{Document, Kind, NameUse, Template, Tool};
use crate::source::Span;

/// Where a tool's requests go. Prints without it: it may hold what the environment keeps.
#[derive(Clone)]
pub struct Endpoint {
    /// Scheme and host, and what of the path the environment brings with them.
    pub base: String,
    /// The rest, as written: its `{{ … }}` are rendered for each request, and encoded.
    pub rest: String,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Endpoint(…)")
    }
}

/// Where nobody is (RFC 2606): the base of a flow that was checked without its environment.
const NOWHERE: &str = "https://nowhere.invalid";

/// The endpoints, in the order of `tools:`. `None` if anything is wrong.
pub(super) fn resolve(
    document: &Document,
    values: &[Option<String>],
    mode: EnvMode<'_>,
    out: &mut Vec<Diagnostic>,
) -> Option<Vec<Endpoint>> {
    let resolved: Vec<_> =
        document.tools.iter().map(|tool| endpoint(document, tool, values, mode, out)).collect();
    resolved.into_iter().collect()
}

fn endpoint(
    document: &Document,
    tool: &Tool,
    values: &[Option<String>],
    mode: EnvMode<'_>,
    out: &mut Vec<Diagnostic>,
) -> Option<Endpoint> {
    let url = tool.http.as_ref()?.url.as_ref()?;
    let text = url.text.value.trim();
    let head = match head(text) {
        Ok(head) => head,
        Err(found) => {
            out.push(undecided(url, found));
            return None;
        }
    };
    let (head, rest) = text.split_at(head);
    let from_env = head.contains("{{");
    if !(from_env || head.starts_with("https://") || head.starts_with("http://")) {
        let message = "this is not the address of a server";
        let help = "begin it with `https://`, or with `{{ env.NAME }}` that does";
        out.push(Diagnostic::error(Rule::WrongValue, url.text.span, message).help(help));
        return None;
    }
    let base = match with_values(document, head, values) {
        Ok(_) if from_env && !matches!(mode, EnvMode::Known(_)) => NOWHERE.to_owned(),
        Ok(base) => base,
        Err(NotPlain::Unknown | NotPlain::Tag) => return None,
    };
    let Some(parsed) = server(&base) else {
        let span = url.text.span;
        let (rule, message) = match from_env {
            true => {
                (Rule::EnvMissing, "with the values of the environment, this is not the address of a server")
            }
            false => (Rule::WrongValue, "this is not the address of a server"),
        };
        let help = "it is `https://` and a host, without a user, `?` or `#`";
        out.push(Diagnostic::error(rule, span, message).help(help));
        return None;
    };
    if !is_private(&parsed) {
        unencrypted(document, tool, rest, url, out);
    }
    let base = if rest.starts_with('/') { base.trim_end_matches('/').to_owned() } else { base };
    Some(Endpoint { base, rest: rest.to_owned() })
}

/// What stands where only text of the flow and its environment may.
enum Undecided {
    Name,
    Tag,
}

/// Where the host of a URL ends: behind it parameters may stand.
fn head(text: &str) -> Result<usize, Undecided> {
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        if let Some(tag) = rest.strip_prefix("{{") {
            let (name, _) = tag.split_once("}}").ok_or(Undecided::Tag)?;
            let var = name.trim().strip_prefix("env.").ok_or(Undecided::Name)?;
            if !var.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                return Err(Undecided::Tag);
            }
            at += 2 + name.len() + 2;
        } else if rest.starts_with("{%") || rest.starts_with("{#") {
            return Err(Undecided::Tag);
        } else if rest.starts_with("://") {
            at += 3;
        } else if matches!(c, '/' | '?' | '#' | '\\') {
            return Ok(at);
        } else {
            at += c.len_utf8();
        }
    }
    Ok(at)
}

fn undecided(url: &Template, found: Undecided) -> Diagnostic {
    let of_call = |name: &&NameUse| !name.name.starts_with("env.");
    match (found, url.names.iter().find(of_call)) {
        (Undecided::Name, Some(name)) => {
            let message = format!("`{}` would decide which server is asked", name.name);
            let help = "the host is written here or comes from `env.`; put a `/` between it and what comes from the call";
            Diagnostic::error(Rule::DialTargetInput, name.span, message)
                .label("comes from the call")
                .help(help)
        }
        _ => Diagnostic::error(
            Rule::DialTargetInput,
            url.text.span,
            "the host of a tool is text and `{{ env.NAME }}`, nothing else",
        )
        .help("put the whole address into the environment, or declare several tools"),
    }
}

/// The address of a server, if it is one and no more.
fn server(base: &str) -> Option<Url> {
    let url = Url::parse(base).ok()?;
    let plain = url.username().is_empty() && url.password().is_none();
    let only = url.query().is_none() && url.fragment().is_none();
    (matches!(url.scheme(), "http" | "https") && url.has_host() && plain && only).then_some(url)
}

/// Whether nobody on the way can read what is sent there: it is encrypted, or does not leave this machine.
fn is_private(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let loopback = host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    url.scheme() == "https" || loopback
}

/// F024: what the environment keeps, and what is secret, goes only where nobody on the way can read it.
fn unencrypted(document: &Document, tool: &Tool, rest: &str, url: &Template, out: &mut Vec<Diagnostic>) {
    let Some(http) = &tool.http else { return };
    let report = |name: &str, span: Span, out: &mut Vec<Diagnostic>| {
        let message = format!("`{name}` would be sent where everybody on the way can read it");
        out.push(Diagnostic::error(Rule::Secret, span, message).help("ask the server over `https://`"));
    };
    let headers = http.headers.iter().map(|(_, text)| text);
    let sent = headers.chain(http.sent()).chain(&tool.idempotency).flat_map(|text| &text.names);
    let in_path = url.names.iter().filter(|name| rest.contains(name.name.as_str()));
    for name in sent.chain(in_path).filter(|name| name.name.starts_with("env.")) {
        report(&name.name, name.span, out);
    }
    let secret = super::vars::secret_names(document);
    for state in &document.states {
        let api = match &state.kind.value {
            Kind::CallApi(api) => api,
            Kind::Dial(dial) => {
                let notified = dial.notify.iter().filter(|name| name.value == tool.name.value);
                for (name, at) in notified.flat_map(|at| tool.params.iter().map(move |p| (&p.name, at.span)))
                {
                    if secret.contains(name.value.as_str()) {
                        report(&name.value, at, out);
                    }
                }
                continue;
            }
            _ => continue,
        };
        if api.tool.as_ref().is_none_or(|name| name.value != tool.name.value) {
            continue;
        }
        let names = api.args.iter().flat_map(|(_, text)| &text.names);
        for name in names.filter(|name| secret.contains(name.name.as_str()) || name.name.starts_with("env."))
        {
            report(&name.name, name.span, out);
        }
        let implicit = super::tools::implicit(tool, api).map(|param| &param.name);
        for name in implicit.filter(|name| secret.contains(name.value.as_str())) {
            report(&name.value, api.tool.as_ref().map_or(name.span, |tool| tool.span), out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_ends_before_anything_of_the_call() {
        let end = |text: &str| head(text).ok().map(|at| text[..at].to_owned());
        assert_eq!(end("https://api.test/orders/{{ id }}").as_deref(), Some("https://api.test"));
        assert_eq!(end("{{ env.API }}/orders/{{ id }}").as_deref(), Some("{{ env.API }}"));
        assert_eq!(
            end("https://{{ env.HOST }}:8443?x={{ id }}").as_deref(),
            Some("https://{{ env.HOST }}:8443")
        );
        assert_eq!(end("{{ env.API }}").as_deref(), Some("{{ env.API }}"));
        for text in [
            "https://{{ shop }}.test/x",
            "https://api.test{{ id }}",
            "{{ env.API }}{{ id }}",
            "{{ url }}",
            "https://{% if a %}b{% endif %}/",
            "https://{{ env.A ~ b }}/",
            "https://api.test:{{ port }}/",
            "https://{{ user }}@api.test/",
        ] {
            assert!(head(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_server_is_a_scheme_and_a_host() {
        for base in ["https://api.test", "http://127.0.0.1:80/v1", "https://[::1]:9"] {
            assert!(server(base).is_some(), "{base}");
        }
        for base in
            ["ftp://api.test", "https://", "https://a@api.test", "https://api.test?x", "api.test", "text"]
        {
            assert!(server(base).is_none(), "{base}");
        }
    }
}
