//! Guards as written: a small expression language with places, read by hand so that a mistake is shown
//! where it is.
//!
//! Comparison, `and`, `or`, `not`, `in`, `is set`, `within(hours)` and `attempts(state)`. No arithmetic, no
//! loops, no calls. Types are `check`'s.

mod lexer;
mod parser;

pub use parser::{GuardError, parse};

use super::value::Literal;
use crate::source::{Span, Spanned};

/// An expression and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where it stands.
    pub span: Span,
}

/// What an expression can be.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// A constant; lists hold constants only.
    Literal(Literal),
    /// A constant length of time.
    Duration(f64),
    /// A variable.
    Var(String),
    /// `call.from`.
    CallFrom,
    /// `call.to`.
    CallTo,
    /// `attempts(state)`.
    Attempts(Spanned<String>),
    /// `within(hours)`.
    Within(Spanned<String>),
    /// `name is set`.
    IsSet(Spanned<String>),
    /// `call.from is set`: not withheld.
    FromIsSet,
    /// `call.to is set`.
    ToIsSet,
    /// `not …`.
    Not(Box<Expr>),
    /// Two operands.
    Binary(Op, Box<Expr>, Box<Expr>),
}

/// A binary operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// `and`.
    And,
    /// `or`.
    Or,
    /// `==`.
    Eq,
    /// `!=`.
    Ne,
    /// `<`.
    Lt,
    /// `<=`.
    Le,
    /// `>`.
    Gt,
    /// `>=`.
    Ge,
    /// `in`.
    In,
}

impl Op {
    /// As written.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        match self {
            Self::And => "and",
            Self::Or => "or",
            Self::Eq => "==",
            Self::Ne => "!=",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
            Self::In => "in",
        }
    }
}

impl Expr {
    /// Calls `visit` for this expression and everything in it.
    pub fn walk<'e>(&'e self, visit: &mut dyn FnMut(&'e Expr)) {
        visit(self);
        match &self.kind {
            ExprKind::Not(inner) => inner.walk(visit),
            ExprKind::Binary(_, a, b) => {
                a.walk(visit);
                b.walk(visit);
            }
            _ => {}
        }
    }

    /// The parts that must all hold for it to hold.
    #[must_use]
    pub fn conjuncts(&self) -> Vec<&Expr> {
        match &self.kind {
            ExprKind::Binary(Op::And, a, b) => [a.conjuncts(), b.conjuncts()].concat(),
            _ => vec![self],
        }
    }

    /// The parts of which one must hold for it to hold.
    #[must_use]
    pub fn disjuncts(&self) -> Vec<&Expr> {
        match &self.kind {
            ExprKind::Binary(Op::Or, a, b) => [a.disjuncts(), b.disjuncts()].concat(),
            _ => vec![self],
        }
    }
}
