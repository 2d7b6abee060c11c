//! F021: guards compare like with like.

use super::scope::Scope;
use super::walk;
use crate::diagnostic::{Diagnostic, Rule};
use crate::flow::guard::{Expr, ExprKind, Op};
use crate::flow::{Document, Literal, ValueType, did_you_mean};

/// Words of an enum that are looked at for a suggestion.
const MOST_WORDS: usize = 100;

pub(super) fn check(document: &Document, scope: &Scope<'_>, out: &mut Vec<Diagnostic>) {
    for guard in walk::guards(document) {
        let mut typing = Typing { document, scope, out };
        let found = typing.type_of(guard);
        typing.must_be_bool(guard, &found, "a guard");
    }
}

/// The type of an expression.
#[derive(Clone, Debug, PartialEq)]
enum Type {
    Bool,
    Number,
    Duration,
    Text,
    Phone,
    Date,
    Enum(usize),
    List,
    /// Something is wrong with it that has been reported.
    Unknown,
}

impl Type {
    fn name(&self) -> &'static str {
        match self {
            Self::Bool => "true or false",
            Self::Number => "a number",
            Self::Duration => "a length of time",
            Self::Text => "a text",
            Self::Phone => "a phone number",
            Self::Date => "a date",
            Self::Enum(_) => "one of a few words",
            Self::List => "a list",
            Self::Unknown => "unknown",
        }
    }

    fn is_ordered(&self) -> bool {
        matches!(self, Self::Number | Self::Duration | Self::Date | Self::Unknown)
    }
}

struct Typing<'t, 'd> {
    document: &'d Document,
    scope: &'t Scope<'d>,
    out: &'t mut Vec<Diagnostic>,
}

impl Typing<'_, '_> {
    fn type_of(&mut self, expr: &Expr) -> Type {
        match &expr.kind {
            ExprKind::Literal(Literal::Bool(_))
            | ExprKind::Within(_)
            | ExprKind::IsSet(_)
            | ExprKind::FromIsSet
            | ExprKind::ToIsSet => Type::Bool,
            ExprKind::Literal(Literal::Number(_)) | ExprKind::Attempts(_) => Type::Number,
            ExprKind::Literal(Literal::Text(_)) => Type::Text,
            ExprKind::Literal(Literal::List(_)) => Type::List,
            ExprKind::Duration(_) => Type::Duration,
            ExprKind::CallFrom | ExprKind::CallTo => Type::Phone,
            ExprKind::Var(name) => self.type_of_var(name),
            ExprKind::Not(inner) => {
                let found = self.type_of(inner);
                self.must_be_bool(inner, &found, "what `not` stands before");
                Type::Bool
            }
            ExprKind::Binary(op @ (Op::And | Op::Or), a, b) => {
                for side in [a, b] {
                    let found = self.type_of(side);
                    self.must_be_bool(side, &found, &format!("each side of `{}`", op.symbol()));
                }
                Type::Bool
            }
            ExprKind::Binary(Op::In, a, b) => {
                self.membership(a, b);
                Type::Bool
            }
            ExprKind::Binary(op, a, b) => {
                self.comparison(*op, a, b, expr);
                Type::Bool
            }
        }
    }

    fn type_of_var(&self, name: &str) -> Type {
        let Some(index) = self.scope.vars.meant(name) else { return Type::Unknown };
        match &self.document.vars[index].kind {
            ValueType::Text => Type::Text,
            ValueType::Int | ValueType::Number => Type::Number,
            ValueType::Bool => Type::Bool,
            ValueType::Enum(_) => Type::Enum(index),
            ValueType::Phone => Type::Phone,
            ValueType::Date => Type::Date,
            ValueType::Duration => Type::Duration,
            ValueType::List => Type::List,
        }
    }

    fn must_be_bool(&mut self, expr: &Expr, found: &Type, what: &str) {
        if matches!(found, Type::Bool | Type::Unknown) {
            return;
        }
        let message = format!("{what} must be true or false, and this is {}", found.name());
        self.report(expr, message, "compare it with something, or ask whether it `is set`");
    }

    fn comparison(&mut self, op: Op, a: &Expr, b: &Expr, whole: &Expr) {
        let (left, right) = (self.type_of(a), self.type_of(b));
        if left == Type::Unknown || right == Type::Unknown {
            return;
        }
        if let Some(fits) = self.literal_fits(&left, b).or_else(|| self.literal_fits(&right, a)) {
            if fits && !matches!(op, Op::Eq | Op::Ne) && !(left.is_ordered() || right.is_ordered()) {
                self.unordered(op, whole, &left);
            }
            return;
        }
        let same = std::mem::discriminant(&left) == std::mem::discriminant(&right);
        if !same {
            let message = format!("{} and {} are never equal or in order", left.name(), right.name());
            let of_time = left == Type::Duration || right == Type::Duration;
            let help = match of_time {
                true => "a length of time is written with its unit, such as 20s",
                false => "compare like with like",
            };
            self.report(whole, message, help);
        } else if !matches!(op, Op::Eq | Op::Ne) && !left.is_ordered() {
            self.unordered(op, whole, &left);
        }
    }

    fn unordered(&mut self, op: Op, whole: &Expr, found: &Type) {
        let message =
            format!("`{}` orders numbers, lengths of time and dates, not {}", op.symbol(), found.name());
        self.report(whole, message, "use `==`, `!=` or `in`");
    }

    /// Whether a text in quotes can be a value of a type that is written so. `None` if the question does
    /// not arise; reports if it cannot.
    fn literal_fits(&mut self, wanted: &Type, literal: &Expr) -> Option<bool> {
        let ExprKind::Literal(Literal::Text(text)) = &literal.kind else { return None };
        let kind = match wanted {
            Type::Phone => ValueType::Phone,
            Type::Date => ValueType::Date,
            Type::Enum(var) => self.document.vars[*var].kind.clone(),
            _ => return None,
        };
        // Values are stored as read; a text that reads differently would never be equal.
        if kind.read(text) == Some(Literal::Text(text.clone())) {
            return Some(true);
        }
        let message = format!("`{text}` is never a value of this {kind}");
        let meant = match &kind {
            ValueType::Enum(words) => did_you_mean(text, words.iter().take(MOST_WORDS).map(AsRef::as_ref)),
            _ => None,
        };
        self.report(literal, message, &meant.unwrap_or(kind.example()));
        Some(false)
    }

    fn membership(&mut self, a: &Expr, b: &Expr) {
        let (left, right) = (self.type_of(a), self.type_of(b));
        if let ExprKind::Literal(Literal::List(items)) = &b.kind {
            for item in items {
                let item = Expr { kind: ExprKind::Literal(item.clone()), span: b.span };
                let found = self.type_of(&item);
                let known = left != Type::Unknown && self.literal_fits(&left, &item).is_none();
                if known && std::mem::discriminant(&found) != std::mem::discriminant(&left) {
                    let message = format!("{} is never in a list of {}", left.name(), plural(&found));
                    self.report(b, message, "compare like with like");
                    return;
                }
            }
            return;
        }
        let fits = match right {
            Type::List | Type::Unknown => true,
            Type::Text => matches!(left, Type::Text | Type::Unknown),
            _ => false,
        };
        if !fits {
            let message = format!("nothing can be `in` {}", right.name());
            self.report(b, message, "write a list, such as ['a', 'b'], or a text");
        }
    }

    fn report(&mut self, at: &Expr, message: String, help: &str) {
        self.out.push(Diagnostic::error(Rule::GuardType, at.span, message).help(help));
    }
}

fn plural(found: &Type) -> &'static str {
    match found {
        Type::Number => "numbers",
        Type::Text => "texts",
        Type::Bool => "booleans",
        _ => "other things",
    }
}
