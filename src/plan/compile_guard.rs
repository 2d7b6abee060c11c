//! Guards: names become ids, places are dropped.

use super::compile::Compiler;
use super::{Expr, Op, Value};
use crate::flow::guard;

pub(super) fn expr(compiler: &Compiler<'_>, written: &guard::Expr) -> Expr {
    use guard::ExprKind as K;
    match &written.kind {
        K::Literal(literal) => Expr::Literal(Value::from(literal.clone())),
        K::Duration(seconds) => Expr::Literal(Value::Number(*seconds)),
        K::Var(name) => Expr::Var(compiler.var(name)),
        K::CallFrom => Expr::CallFrom,
        K::CallTo => Expr::CallTo,
        K::Attempts(state) => Expr::Attempts(compiler.state(&state.value)),
        K::Within(hours) => Expr::Within(compiler.hours(&hours.value)),
        K::IsSet(var) => Expr::IsSet(compiler.var(&var.value)),
        K::FromIsSet => Expr::FromIsSet,
        K::ToIsSet => Expr::ToIsSet,
        K::Not(inner) => Expr::Not(Box::new(expr(compiler, inner))),
        K::Binary(op, a, b) => {
            Expr::Binary(operator(*op), Box::new(expr(compiler, a)), Box::new(expr(compiler, b)))
        }
    }
}

fn operator(op: guard::Op) -> Op {
    match op {
        guard::Op::And => Op::And,
        guard::Op::Or => Op::Or,
        guard::Op::Eq => Op::Eq,
        guard::Op::Ne => Op::Ne,
        guard::Op::Lt => Op::Lt,
        guard::Op::Le => Op::Le,
        guard::Op::Gt => Op::Gt,
        guard::Op::Ge => Op::Ge,
        guard::Op::In => Op::In,
    }
}
