//! A text of the flow, with or without `{{ … }}` in it.

use std::fmt;
use std::sync::Arc;

/// A text that is spoken or sent to the model; templates are parsed once, when the flow is compiled.
#[derive(Clone)]
pub struct Text {
    source: Arc<str>,
    template: Option<Arc<minijinja::Environment<'static>>>,
}

/// How values are written into a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Escape {
    /// As they are.
    None,
    /// Percent-encoded, for a part of a URL.
    Url,
    /// As JSON.
    Json,
}

/// All but the unreserved characters of RFC 3986 as `%XX`.
fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// A template could not be rendered. The checker rules this out for declared names; what is left is a
/// filter that fails on a value of the call.
#[derive(Debug, thiserror::Error)]
#[error("a template of the flow could not be rendered")]
pub struct RenderError(#[from] minijinja::Error);

/// Steps a template may take before it is stopped.
const FUEL: u64 = 20_000;

impl Text {
    /// A text as written in the flow; parsed as a template only if it holds `{{` or `{%`.
    ///
    /// # Errors
    /// [`RenderError`] if the template has a syntax error.
    pub fn new(source: &str) -> Result<Self, RenderError> {
        Self::escaped(source, Escape::None)
    }

    /// [`Text::new`], with values written so that they cannot be taken for anything else.
    ///
    /// # Errors
    /// See [`Text::new`].
    pub fn escaped(source: &str, escape: Escape) -> Result<Self, RenderError> {
        let template = if source.contains("{{") || source.contains("{%") {
            let mut env = minijinja::Environment::new();
            env.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
            let json = escape == Escape::Json;
            env.set_auto_escape_callback(move |_| match json {
                true => minijinja::AutoEscape::Json,
                false => minijinja::AutoEscape::None,
            });
            if escape == Escape::Url {
                env.set_formatter(|out, _, value| Ok(out.write_str(&percent_encoded(&value.to_string()))?));
            }
            env.set_fuel(Some(FUEL));
            env.add_template_owned("text", source.to_owned())?;
            Some(Arc::new(env))
        } else {
            None
        };
        Ok(Self { source: source.into(), template })
    }

    /// A text that is known to hold no template.
    #[must_use]
    pub fn plain(source: &str) -> Self {
        Self { source: source.into(), template: None }
    }

    /// Whether it is the same in every call, so that its audio can be prepared.
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        self.template.is_none()
    }

    /// Whether it can be rendered whatever the values of its names are, and is not empty then: all that is done with
    /// them is to write them down, and there is something else in it.
    #[must_use]
    pub fn always_says_something(&self) -> bool {
        if self.is_fixed() {
            return true;
        }
        let is_name = |name: &str| {
            let mut parts = name.trim().split('.');
            parts.all(|part| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_'))
        };
        let mut pieces = self.source.split("{{");
        let before = pieces.next().unwrap_or_default();
        let mut says = !before.trim().is_empty();
        let names_only = pieces.all(|piece| match piece.split_once("}}") {
            Some((name, after)) => {
                says |= !after.trim().is_empty();
                is_name(name)
            }
            None => false,
        });
        names_only && says && !self.source.contains("{%") && !self.source.contains("{#")
    }

    /// As written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The text with the values of a call (a map with `call`, `env` and the variables by name).
    ///
    /// # Errors
    /// [`RenderError`], see there.
    pub fn render(&self, values: &minijinja::Value) -> Result<Arc<str>, RenderError> {
        match &self.template {
            None => Ok(Arc::clone(&self.source)),
            Some(env) => Ok(env.get_template("text")?.render(values)?.into()),
        }
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({:?})", self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_may_fail_or_be_empty_by_its_values_is_told_from_one_that_never_is() {
        for (text, expected) in [
            ("Hello.", true),
            ("It is {{ status }}, {{ call.from }}.", true),
            ("{{ status }}", false),
            ("{{ one }} {{ other }}", false),
            ("It is {{ 10 // count }}.", false),
            ("It is {{ status | upper }}.", false),
            ("It is {% if status %}good{% endif %}.", false),
            ("It is {{ status }}. {# a note #}", false),
        ] {
            assert_eq!(Text::new(text).unwrap().always_says_something(), expected, "{text}");
        }
    }
}
