//! From tokens to an expression. `or` binds loosest, then `and`, then `not`, then one comparison.

use std::ops::Range;

use super::lexer::{Token, tokens};
use super::{Expr, ExprKind, Literal, Op};
use crate::source::{Span, Spanned};

/// Why a text is not a guard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardError {
    /// What is wrong.
    pub message: String,
    /// Which bytes of the guard show it.
    pub at: Range<usize>,
    /// How to mend it; may be empty.
    pub help: &'static str,
}

impl GuardError {
    pub(super) fn new(message: impl Into<String>, at: Range<usize>, help: &'static str) -> Self {
        Self { message: message.into(), at, help }
    }
}

/// A longer guard is not something a person wrote, and every step over a guard is recursive.
const MAX_TOKENS: usize = 400;

/// Deeper nesting than this is not something a person wrote.
const MAX_DEPTH: usize = 32;

/// Reads a guard. `place` says where a byte range of the text stands in the file.
///
/// # Errors
/// [`GuardError`].
pub fn parse(text: &str, place: &dyn Fn(Range<usize>) -> Span) -> Result<Expr, GuardError> {
    let tokens = tokens(text, MAX_TOKENS + 1)?;
    if let Some((_, at)) = tokens.get(MAX_TOKENS) {
        return Err(GuardError::new(
            "this guard is too long",
            at.clone(),
            "split it over several branches or states",
        ));
    }
    let mut parser = Parser { tokens, next: 0, place, end: text.len(), depth: 0 };
    let expr = parser.or()?;
    match parser.peek() {
        None => Ok(expr.located),
        Some((token, at)) => {
            let help = match token {
                Token::Sign("==" | "!=" | "<" | "<=" | ">" | ">=") => {
                    "compare two things at a time, joined by `and`"
                }
                _ => "join conditions with `and` or `or`",
            };
            Err(GuardError::new("the guard should end here", at.clone(), help))
        }
    }
}

struct Parser<'p> {
    tokens: Vec<(Token, Range<usize>)>,
    next: usize,
    place: &'p dyn Fn(Range<usize>) -> Span,
    end: usize,
    depth: usize,
}

/// An expression with the byte range it covers in the guard.
struct Part {
    located: Expr,
    range: Range<usize>,
}

type Parsed = Result<Part, GuardError>;

impl Parser<'_> {
    fn peek(&self) -> Option<&(Token, Range<usize>)> {
        self.tokens.get(self.next)
    }

    fn take(&mut self) -> Option<(Token, Range<usize>)> {
        let token = self.tokens.get(self.next).cloned();
        self.next += 1;
        token
    }

    fn at_word(&self, word: &str) -> bool {
        matches!(self.peek(), Some((Token::Word(w), _)) if w == word)
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.at_word(word);
        self.next += usize::from(found);
        found
    }

    fn sign(&mut self, sign: &'static str) -> Result<Range<usize>, GuardError> {
        match self.peek() {
            Some((Token::Sign(s), range)) if *s == sign => {
                let range = range.clone();
                self.next += 1;
                Ok(range)
            }
            other => {
                let at = other.map_or(self.end..self.end, |(_, range)| range.clone());
                Err(GuardError::new(format!("`{sign}` is missing here"), at, ""))
            }
        }
    }

    fn part(&self, kind: ExprKind, range: Range<usize>) -> Part {
        Part { located: Expr { kind, span: (self.place)(range.clone()) }, range }
    }

    fn binary(&self, op: Op, a: Part, b: Part) -> Part {
        let range = a.range.start..b.range.end;
        self.part(ExprKind::Binary(op, Box::new(a.located), Box::new(b.located)), range)
    }

    fn or(&mut self) -> Parsed {
        let mut left = self.and()?;
        while self.take_word("or") {
            let right = self.and()?;
            left = self.binary(Op::Or, left, right);
        }
        Ok(left)
    }

    fn and(&mut self) -> Parsed {
        let mut left = self.not()?;
        while self.take_word("and") {
            let right = self.not()?;
            left = self.binary(Op::And, left, right);
        }
        Ok(left)
    }

    fn not(&mut self) -> Parsed {
        let start = self.peek().map_or(self.end, |(_, range)| range.start);
        if !self.take_word("not") {
            return self.comparison();
        }
        let inner = self.nested(Self::not)?;
        Ok(self.negated(inner, start))
    }

    fn negated(&self, inner: Part, start: usize) -> Part {
        let range = start..inner.range.end;
        self.part(ExprKind::Not(Box::new(inner.located)), range)
    }

    fn nested(&mut self, parse: fn(&mut Self) -> Parsed) -> Parsed {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let at = self.peek().map_or(self.end..self.end, |(_, range)| range.clone());
            return Err(GuardError::new(
                "this guard is nested too deep",
                at,
                "use `vars:` or several states",
            ));
        }
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    fn comparison(&mut self) -> Parsed {
        let left = self.operand()?;
        let start = left.range.start;
        if self.take_word("is") {
            return self.is_set(left);
        }
        let op = match self.peek() {
            Some((Token::Sign("=="), _)) => Op::Eq,
            Some((Token::Sign("!="), _)) => Op::Ne,
            Some((Token::Sign("<"), _)) => Op::Lt,
            Some((Token::Sign("<="), _)) => Op::Le,
            Some((Token::Sign(">"), _)) => Op::Gt,
            Some((Token::Sign(">="), _)) => Op::Ge,
            Some((Token::Word(w), _)) if w == "in" => Op::In,
            Some((Token::Word(w), _)) if w == "not" => {
                self.next += 1;
                if !self.at_word("in") {
                    let at = self.peek().map_or(self.end..self.end, |(_, range)| range.clone());
                    return Err(GuardError::new(
                        "`in` is missing here",
                        at,
                        "write `not in`, or `and not …`",
                    ));
                }
                self.next += 1;
                let right = self.operand()?;
                let inner = self.binary(Op::In, left, right);
                return Ok(self.negated(inner, start));
            }
            _ => return Ok(left),
        };
        self.next += 1;
        let right = self.operand()?;
        Ok(self.binary(op, left, right))
    }

    fn is_set(&mut self, left: Part) -> Parsed {
        let start = left.range.start;
        let negated = self.take_word("not");
        let end = self.peek().map_or(self.end, |(_, range)| range.end);
        if !self.take_word("set") {
            let at = self.peek().map_or(self.end..self.end, |(_, range)| range.clone());
            return Err(GuardError::new(
                "`set` is missing here",
                at,
                "write `name is set` or `name is not set`",
            ));
        }
        let set = match left.located.kind {
            ExprKind::Var(name) => ExprKind::IsSet(Spanned::new(name, left.located.span)),
            ExprKind::CallFrom => ExprKind::FromIsSet,
            ExprKind::CallTo => ExprKind::ToIsSet,
            _ => {
                let help = "only a variable, call.from or call.to can be set or not";
                return Err(GuardError::new("this is not a variable", left.range, help));
            }
        };
        let part = self.part(set, start..end);
        Ok(if negated { self.negated(part, start) } else { part })
    }

    fn operand(&mut self) -> Parsed {
        let Some((token, range)) = self.take() else {
            let at = self.end..self.end;
            return Err(GuardError::new("the guard ends too early", at, "a value or a condition is missing"));
        };
        let kind = match token {
            Token::Number(n) => ExprKind::Literal(Literal::Number(n)),
            Token::Duration(seconds) => ExprKind::Duration(seconds),
            Token::Text(text) => ExprKind::Literal(Literal::Text(text.into())),
            Token::Word(word) => return self.word(word, range),
            Token::Sign("(") => {
                let inner = self.nested(Self::or)?;
                let close = self.sign(")")?;
                return Ok(Part { located: inner.located, range: range.start..close.end });
            }
            Token::Sign("[") => return self.list(range.start),
            Token::Sign(sign) => {
                let message = format!("a value is missing before `{sign}`");
                return Err(GuardError::new(message, range, ""));
            }
        };
        Ok(self.part(kind, range))
    }

    fn list(&mut self, start: usize) -> Parsed {
        let mut items = Vec::new();
        loop {
            if let Ok(close) = self.sign("]") {
                return Ok(self.part(ExprKind::Literal(Literal::List(items)), start..close.end));
            }
            if !items.is_empty() {
                self.sign(",")?;
            }
            let item = self.nested(Self::operand)?;
            match item.located.kind {
                ExprKind::Literal(literal) => items.push(literal),
                ExprKind::Duration(seconds) => items.push(Literal::Number(seconds)),
                _ => {
                    let help = "texts in a list stand in quotes";
                    return Err(GuardError::new("a list holds constants only", item.range, help));
                }
            }
        }
    }

    fn word(&mut self, word: String, range: Range<usize>) -> Parsed {
        let kind = match word.as_str() {
            "true" => ExprKind::Literal(Literal::Bool(true)),
            "false" => ExprKind::Literal(Literal::Bool(false)),
            "call.from" => ExprKind::CallFrom,
            "call.to" => ExprKind::CallTo,
            "attempts" | "within" => return self.call(&word, range.start),
            "and" | "or" | "in" | "is" | "not" | "set" => {
                let message = format!("a value is missing before `{word}`");
                return Err(GuardError::new(message, range, ""));
            }
            _ if word.contains('.') => {
                let help = "a guard can look at variables by name, call.from, call.to, attempts(state) and within(hours)";
                return Err(GuardError::new(format!("there is no `{word}`"), range, help));
            }
            _ => {
                if let Some((Token::Sign("("), _)) = self.peek() {
                    let help = "the functions are attempts(state) and within(hours)";
                    return Err(GuardError::new(format!("there is no function `{word}`"), range, help));
                }
                ExprKind::Var(word)
            }
        };
        Ok(self.part(kind, range))
    }

    fn call(&mut self, function: &str, start: usize) -> Parsed {
        self.sign("(")?;
        let (name, at) = match self.take() {
            Some((Token::Word(name), at)) => (name, at),
            other => {
                let at = other.map_or(self.end..self.end, |(_, range)| range);
                let message = format!("`{function}` wants a name in its parentheses");
                return Err(GuardError::new(message, at, "write attempts(state) or within(hours)"));
            }
        };
        let close = self.sign(")")?;
        // `within(hours.office)` and `within(office)` are the same.
        let name = match (function, name.strip_prefix("hours.")) {
            ("within", Some(bare)) => bare.to_owned(),
            _ => name,
        };
        let name = Spanned::new(name, (self.place)(at));
        let kind = if function == "within" { ExprKind::Within(name) } else { ExprKind::Attempts(name) };
        Ok(self.part(kind, start..close.end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Expr, GuardError> {
        parse(text, &|range| Span::new(range.start, range.end))
    }

    /// The expression with all brackets written out.
    fn shape(expr: &Expr) -> String {
        match &expr.kind {
            ExprKind::Literal(Literal::Text(t)) => format!("'{t}'"),
            ExprKind::Literal(Literal::Number(n)) => n.to_string(),
            ExprKind::Literal(literal) => format!("{literal:?}"),
            ExprKind::Duration(s) => format!("{s}s"),
            ExprKind::Var(name) => name.clone(),
            ExprKind::CallFrom => "from".into(),
            ExprKind::CallTo => "to".into(),
            ExprKind::Attempts(s) => format!("attempts({})", s.value),
            ExprKind::Within(h) => format!("within({})", h.value),
            ExprKind::IsSet(v) => format!("set({})", v.value),
            ExprKind::FromIsSet => "set(from)".into(),
            ExprKind::ToIsSet => "set(to)".into(),
            ExprKind::Not(e) => format!("!{}", shape(e)),
            ExprKind::Binary(op, a, b) => format!("({} {} {})", shape(a), op.symbol(), shape(b)),
        }
    }

    #[test]
    fn operators_bind_as_people_read_them() {
        for (text, expected) in [
            ("a == 1 or b and not c", "((a == 1) or (b and !c))"),
            ("(a or b) and c", "((a or b) and c)"),
            ("not a == 1", "!(a == 1)"),
            ("x not in ['a', \"b\"]", "!(x in List([Text(\"a\"), Text(\"b\")]))"),
            ("x is not set and y is set", "(!set(x) and set(y))"),
            ("call.from is not set or call.to is set", "(!set(from) or set(to))"),
            ("attempts(dialing) >= 2", "(attempts(dialing) >= 2)"),
            ("not within(hours.office)", "!within(office)"),
            ("call.from == '+15550100'", "(from == '+15550100')"),
            ("wait < 1m30s and n > -1.5", "((wait < 90s) and (n > -1.5))"),
            ("x in []", "(x in List([]))"),
        ] {
            assert_eq!(read(text).as_ref().map(shape), Ok(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn a_mistake_is_shown_where_it_is() {
        for (text, shown) in [
            ("a = 1", "="),
            ("a && b", "&&"),
            ("a == 'x", "'"),
            ("1 < a < 3", "<"),
            ("a b", "b"),
            ("within(3)", "3"),
            ("upper(a)", "upper"),
            ("{{ a }}", "{{"),
            ("slots.a", "slots.a"),
            ("3 is set", "3"),
            ("a is there", "there"),
            ("a == and", "and"),
            ("a == 12x", "12x"),
            ("a in [b]", "b"),
            ("ä == 1", "ä"),
        ] {
            let error = read(text).unwrap_err();
            assert_eq!(&text[error.at.clone()], shown, "{text}: {}", error.message);
        }
        for text in ["", "a ==", "(a", "a in [1", "not", "attempts(", "attempts(a"] {
            assert_eq!(read(text).unwrap_err().at, text.len()..text.len(), "{text}");
        }
    }

    #[test]
    fn deep_nesting_is_refused_and_does_not_overflow() {
        for unit in ["(", "not ", "a in [[", "["] {
            assert!(read(&unit.repeat(100)).is_err(), "{unit}");
            assert!(read(&unit.repeat(50_000)).is_err(), "{unit}");
        }
        assert!(read(&format!("a{}", " and a".repeat(50_000))).is_err());
    }

    #[test]
    fn places_cover_what_they_speak_of() {
        let text = "a == 1 and not within(office)";
        let expr = read(text).unwrap();
        let parts: Vec<_> = expr.conjuncts().iter().map(|e| &text[e.span.range()]).collect();
        assert_eq!(parts, ["a == 1", "not within(office)"]);
    }
}
