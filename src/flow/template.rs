//! Texts with `{{ … }}` in them: which names they use, where, and whether a name may be missing.
//!
//! minijinja reads and renders templates; it does not say *where* a name stands. The places are found by
//! a small scan of the tags, and minijinja's own list of undeclared names decides what is a name at all.

use std::ops::Range;

use super::suggest::did_you_mean;
use crate::source::{Span, Spanned};

/// A text of the flow, with or without names of the call in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// As written, decoded.
    pub text: Spanned<String>,
    /// The names it uses, in order.
    pub names: Vec<NameUse>,
}

impl Template {
    /// The name, if the text is `{{ name }}` and nothing else.
    #[must_use]
    pub fn only_name(&self) -> Option<&str> {
        let inside = self.text.value.trim().strip_prefix("{{")?.strip_suffix("}}")?.trim();
        let [only] = self.names.as_slice() else { return None };
        (only.name == inside).then_some(inside)
    }
}

/// One use of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameUse {
    /// A variable, `call.…` or `env.…`.
    pub name: String,
    /// Where.
    pub span: Span,
    /// Whether the template copes if it has no value (`default`, `is defined`).
    pub optional: bool,
}

/// Something wrong in a template.
#[derive(Debug, PartialEq, Eq)]
pub struct TemplateError {
    /// What.
    pub message: String,
    /// Which bytes of the text show it.
    pub at: Range<usize>,
    /// How to mend it.
    pub help: String,
    /// Whether something is named that does not exist.
    pub is_name: bool,
}

/// What was found in a template.
#[derive(Debug, Default)]
pub struct Scanned {
    /// The names it uses, in order.
    pub found: Vec<Found>,
    /// What is wrong with it.
    pub errors: Vec<TemplateError>,
}

/// A name and where it stands in the text.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    /// The name, with its attribute for `call` and `env`.
    pub name: String,
    /// Its bytes.
    pub at: Range<usize>,
    /// See [`NameUse::optional`].
    pub optional: bool,
}

/// Filters a template may use.
const FILTERS: &[&str] = &[
    "abs",
    "capitalize",
    "d",
    "default",
    "first",
    "float",
    "format",
    "indent",
    "int",
    "join",
    "last",
    "length",
    "lower",
    "replace",
    "reverse",
    "round",
    "sort",
    "split",
    "string",
    "title",
    "trim",
    "unique",
    "upper",
];
/// Tests a template may use after `is`.
const TESTS: &[&str] = &[
    "defined",
    "divisibleby",
    "endingwith",
    "eq",
    "even",
    "false",
    "ge",
    "gt",
    "in",
    "le",
    "lt",
    "ne",
    "none",
    "number",
    "odd",
    "startingwith",
    "string",
    "true",
    "undefined",
];
/// Statements a template may use.
const STATEMENTS: &[&str] =
    &["if", "elif", "else", "endif", "for", "endfor", "set", "endset", "raw", "endraw"];

/// Whether minijinja has anything to do in this text.
#[must_use]
pub fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}

/// An environment for [`scan`]: it knows where syntax errors are.
#[must_use]
pub fn environment() -> minijinja::Environment<'static> {
    let mut env = minijinja::Environment::new();
    env.set_debug(true);
    env
}

/// Reads a text with `{{` or `{%` in it.
#[must_use]
pub fn scan(env: &minijinja::Environment<'_>, text: &str) -> Scanned {
    let template = match env.template_from_str(text) {
        Ok(template) => template,
        Err(error) => return Scanned { found: Vec::new(), errors: vec![syntax_error(text, &error)] },
    };
    let undeclared = template.undeclared_variables(false);
    let mut scan = Scan { undeclared, scanned: Scanned::default(), defined: Vec::new() };
    for tag in tags(text) {
        scan.tag(&tag);
    }
    scan.scanned
}

fn syntax_error(text: &str, error: &minijinja::Error) -> TemplateError {
    let what = error.detail().unwrap_or("syntax error");
    let at = error.range().filter(|at| text.get(at.clone()).is_some_and(|t| !t.is_empty()));
    TemplateError {
        message: format!("not a valid template: {what}"),
        at: at.unwrap_or(0..text.len()),
        help: "values stand in `{{ … }}`, conditions in `{% if … %}…{% endif %}`".to_owned(),
        is_name: false,
    }
}

/// The inside of one `{{ … }}` or `{% … %}`.
struct Tag {
    is_statement: bool,
    tokens: Vec<(Token, Range<usize>)>,
}

#[derive(Debug, PartialEq, Eq, Clone)]
enum Token {
    Word(String),
    Text,
    Sign(char),
}

fn tags(text: &str) -> Vec<Tag> {
    let mut tags = Vec::new();
    let mut at = 0;
    while let Some(open) = text[at..].find('{').map(|i| at + i) {
        let (close, is_statement) = match text.as_bytes().get(open + 1) {
            Some(b'{') => ("}}", false),
            Some(b'%') => ("%}", true),
            Some(b'#') => {
                at = text[open..].find("#}").map_or(text.len(), |i| open + i + 2);
                continue;
            }
            _ => {
                at = open + 1;
                continue;
            }
        };
        let (tokens, end) = tokens(text, open + 2, close);
        at = end;
        let raw = is_statement && matches!(tokens.first(), Some((Token::Word(w), _)) if w == "raw");
        tags.push(Tag { is_statement, tokens });
        if raw {
            at = text[at..].find("endraw").map_or(text.len(), |i| text[..at + i].rfind('{').unwrap_or(at));
        }
    }
    tags
}

/// The tokens up to the closing sign, and where the tag ends.
fn tokens(text: &str, start: usize, close: &str) -> (Vec<(Token, Range<usize>)>, usize) {
    let mut tokens = Vec::new();
    let mut at = start;
    while let Some(c) = text[at..].chars().next() {
        if text[at..].starts_with(close) {
            return (tokens, at + close.len());
        }
        let length = match c {
            '"' | '\'' => quoted(&text[at..], c),
            c if c.is_alphanumeric() || c == '_' => {
                text[at..].find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len() - at)
            }
            c => c.len_utf8(),
        };
        let token = match c {
            '"' | '\'' => Some(Token::Text),
            c if c.is_whitespace() => None,
            c if c.is_alphanumeric() || c == '_' => Some(Token::Word(text[at..at + length].to_owned())),
            c => Some(Token::Sign(c)),
        };
        tokens.extend(token.map(|t| (t, at..at + length)));
        at += length;
    }
    (tokens, text.len())
}

fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (i, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return i + 1,
            _ => {}
        }
    }
    text.len()
}

struct Scan {
    undeclared: std::collections::HashSet<String>,
    scanned: Scanned,
    /// For each open `if`: the names that its condition has found to be defined.
    defined: Vec<Vec<String>>,
}

impl Scan {
    fn tag(&mut self, tag: &Tag) {
        let tokens: &[_] = match tag.tokens.first() {
            // White-space control: `{{- x -}}`.
            Some((Token::Sign('-' | '+'), _)) => &tag.tokens[1..],
            _ => &tag.tokens,
        };
        if tag.is_statement {
            self.statement(tokens);
        }
        let first = usize::from(tag.is_statement);
        for i in first..tokens.len() {
            self.token(tokens, i);
        }
    }

    fn statement(&mut self, tokens: &[(Token, Range<usize>)]) {
        let Some((Token::Word(word), at)) = tokens.first() else { return };
        match word.as_str() {
            "if" => self.defined.push(names_defined(tokens)),
            "elif" => {
                self.defined.pop();
                self.defined.push(names_defined(tokens));
            }
            "else" => {
                if let Some(last) = self.defined.last_mut() {
                    last.clear();
                }
            }
            "endif" => drop(self.defined.pop()),
            word if STATEMENTS.contains(&word) => {}
            word => self.refuse(format!("a flow's templates have no `{word}`"), word, at, STATEMENTS),
        }
    }

    fn token(&mut self, tokens: &[(Token, Range<usize>)], i: usize) {
        let (Token::Word(word), at) = &tokens[i] else { return };
        let (what, known) = match i.checked_sub(1).map(|before| &tokens[before].0) {
            Some(Token::Sign('.')) => return,
            Some(Token::Sign('|')) => ("filter", FILTERS),
            _ if is_test(tokens, i) => ("test", TESTS),
            _ if self.undeclared.contains(word) && !is_argument_name(tokens, i) => {
                return self.name(tokens, i);
            }
            _ => return,
        };
        if !known.contains(&word.as_str()) {
            self.refuse(format!("there is no {what} `{word}`"), word, at, known);
        }
    }

    fn name(&mut self, tokens: &[(Token, Range<usize>)], i: usize) {
        let (Token::Word(word), at) = &tokens[i] else { return };
        let (mut name, mut range, mut next) = (word.clone(), at.clone(), i + 1);
        if word == "call" || word == "env" {
            let (Some((Token::Sign('.'), _)), Some((Token::Word(attribute), end))) =
                (tokens.get(i + 1), tokens.get(i + 2))
            else {
                self.scanned.errors.push(TemplateError {
                    message: format!("`{word}` has parts, and one of them is wanted here"),
                    at: at.clone(),
                    help: if word == "call" {
                        "write call.id, call.from or call.to"
                    } else {
                        "write env.NAME"
                    }
                    .to_owned(),
                    is_name: false,
                });
                return;
            };
            name = format!("{word}.{attribute}");
            range.end = end.end;
            next = i + 3;
        }
        let optional =
            copes(&tokens[next.min(tokens.len())..]) || self.defined.iter().flatten().any(|d| *d == name);
        self.scanned.found.push(Found { name, at: range, optional });
    }

    fn refuse(&mut self, message: String, written: &str, at: &Range<usize>, candidates: &[&str]) {
        let help = did_you_mean(written, candidates.iter().copied());
        let help = help.unwrap_or_else(|| format!("there are {}", candidates.join(", ")));
        self.scanned.errors.push(TemplateError { message, at: at.clone(), help, is_name: true });
    }
}

/// Whether a word follows `is` or `is not`.
fn is_test(tokens: &[(Token, Range<usize>)], i: usize) -> bool {
    let word = |back: usize| match i.checked_sub(back).map(|at| &tokens[at].0) {
        Some(Token::Word(word)) => word.as_str(),
        _ => "",
    };
    word(0) != "not" && (word(1) == "is" || (word(1) == "not" && word(2) == "is"))
}

/// `name=` in a call's parentheses; `==` is a comparison.
fn is_argument_name(tokens: &[(Token, Range<usize>)], i: usize) -> bool {
    matches!(tokens.get(i + 1), Some((Token::Sign('='), _)))
        && !matches!(tokens.get(i + 2), Some((Token::Sign('='), _)))
}

/// Whether what follows a name copes with its absence.
fn copes(rest: &[(Token, Range<usize>)]) -> bool {
    match (rest.first().map(|t| &t.0), rest.get(1).map(|t| &t.0)) {
        (Some(Token::Sign('|')), Some(Token::Word(filter))) => filter == "default" || filter == "d",
        (Some(Token::Word(is)), Some(Token::Word(test))) if is == "is" => {
            matches!(test.as_str(), "defined" | "undefined" | "not")
        }
        _ => false,
    }
}

/// Names that a condition made of `x is defined and …` has found to be defined.
fn names_defined(tokens: &[(Token, Range<usize>)]) -> Vec<String> {
    let word = |t: &Token, w: &str| *t == Token::Word(w.into());
    if tokens.iter().any(|(t, _)| word(t, "or") || word(t, "not")) {
        return Vec::new();
    }
    let mut names = Vec::new();
    for (i, window) in tokens.windows(3).enumerate() {
        if let [(Token::Word(name), _), (is, _), (test, _)] = window
            && word(is, "is")
            && word(test, "defined")
        {
            let prefix = match i.checked_sub(2).map(|p| (&tokens[p].0, &tokens[p + 1].0)) {
                Some((Token::Word(root), Token::Sign('.'))) => format!("{root}."),
                _ => String::new(),
            };
            names.push(prefix + name);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<(String, bool)> {
        let env = environment();
        let Scanned { found, errors } = scan(&env, text);
        assert_eq!(errors, [], "{text}");
        for f in &found {
            assert_eq!(text[f.at.clone()].replace(' ', ""), f.name, "{text}");
        }
        found.into_iter().map(|f| (f.name, f.optional)).collect()
    }

    fn errors(text: &str) -> Vec<String> {
        let env = environment();
        scan(&env, text).errors.into_iter().map(|e| text[e.at].to_owned()).collect()
    }

    #[test]
    fn names_are_found_with_their_parts() {
        assert_eq!(
            names("Hi {{ name }}, {{ call.from|default('') }}"),
            [("name".into(), false), ("call.from".into(), true)]
        );
        assert_eq!(names("{{- env.OFFICE | upper -}}"), [("env.OFFICE".into(), false)]);
        assert_eq!(
            names("{{ 'name' ~ name }} name {# {{ x }} #}{% raw %}{{ y }}{% endraw %}"),
            [("name".into(), false)]
        );
        assert_eq!(
            names("{% for i in items %}{{ i }}{{ loop.index }}{% endfor %}"),
            [("items".into(), false)]
        );
        assert_eq!(
            names("{{ a.upper }} {{ x|join(d=sep) }}"),
            [("a".into(), false), ("x".into(), false), ("sep".into(), false)]
        );
    }

    #[test]
    fn a_test_for_being_defined_covers_its_branch_only() {
        let text = "{% if a is defined and b == 1 %}{{ a }}{{ b }}{% else %}{{ a }}{% endif %}{{ a }}";
        let expected = [("a", true), ("b", false), ("a", true), ("b", false), ("a", false), ("a", false)];
        assert_eq!(names(text), expected.map(|(n, o)| (n.to_owned(), o)));
        assert_eq!(names("{% if a is defined or b %}{{ a }}{% endif %}").last(), Some(&("a".into(), false)));
        assert_eq!(
            names("{% if call.from is defined %}{{ call.from }}{% endif %}").last(),
            Some(&("call.from".into(), true))
        );
    }

    #[test]
    fn what_does_not_exist_is_shown() {
        assert_eq!(
            errors("{{ a | shout }} {{ a is odder }} {{ a is not odder }}"),
            ["shout", "odder", "odder"]
        );
        assert_eq!(errors("{% include 'x' %}{{ call }}"), ["include", "call"]);
        assert_eq!(errors("one\nhello {{ name\nthree"), ["three"]);
    }

    #[test]
    fn the_lists_hold_only_what_the_renderer_knows() {
        let env = environment();
        let unknown = |e: Option<minijinja::Error>| {
            use minijinja::ErrorKind::{UnknownFilter, UnknownTest};
            e.is_some_and(|e| matches!(e.kind(), UnknownFilter | UnknownTest))
        };
        for filter in FILTERS {
            assert!(!unknown(env.render_str(&format!("{{{{ 'a'|{filter} }}}}"), ()).err()), "{filter}");
        }
        for test in TESTS.iter().filter(|t| **t != "in") {
            assert!(!unknown(env.render_str(&format!("{{{{ 1 is {test} }}}}"), ()).err()), "{test}");
        }
    }
}
