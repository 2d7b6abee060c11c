//! Steps about tools: what the model asks of them, and what becomes of a request.

use std::time::Duration;

use crate::machine::{Input, Millis, ProposedCall, ToolCallId, ToolFailure, ToolResult};
use crate::pii::Payload;
use crate::plan::ToolId;
use crate::source::{Span, Spanned};

use super::document::Answer;
use super::run::{Failure, PATIENCE, speak, turn, where_it_is};
use super::world::World;

/// A model that was told something asks for a tool within this time, or never.
const MODEL_ASKS_WITHIN: Duration = Duration::from_secs(5);

impl Answer {
    fn result(&self) -> ToolResult {
        match self {
            Self::Ok(value) => ToolResult::Ok { value: value.clone() },
            Self::Fails(cause) => ToolResult::Failed { cause: *cause },
        }
    }
}

/// Waits until a tool is being asked; which request, and what will have come of it.
pub(super) fn await_request(world: &mut World, answer: &Answer, span: Span) -> Result<Input, Failure> {
    if !world.pass_while(PATIENCE, |world| world.requests().is_empty()) {
        let failure = Failure::new(span, "no tool is asked here");
        return Err(failure.help(where_it_is(world)));
    }
    let call = world.requests().first().map_or(ToolCallId(0), |request| request.call);
    Ok(Input::ToolDone { call, result: answer.result() })
}

/// What comes of the request that is under way, or of the next one.
pub(super) fn answer(world: &mut World, answer: &Answer, span: Span) -> Result<(), Failure> {
    let input = await_request(world, answer, span)?;
    let Some(request) = world.requests().first().cloned() else { return Ok(()) };
    let at = match answer {
        Answer::Fails(ToolFailure::Timeout) => request.until,
        _ => world.answer_of(request.call).unwrap_or(world.now()),
    };
    // In its time comes this and nothing else.
    world.forget_answer(request.call);
    world.pass_until(Millis(at.0.saturating_sub(1)));
    if !world.requests().iter().any(|known| known.call == request.call) {
        return Err(Failure::new(span, "the tool was given up before this").help(where_it_is(world)));
    }
    world.pass_until(at);
    world.deliver(input);
    Ok(())
}

/// The caller says something, and the model asks for a tool.
pub(super) fn asks(
    world: &mut World,
    name: &Spanned<String>,
    args: &Payload,
    span: Span,
) -> Result<(), Failure> {
    let plan = std::sync::Arc::clone(world.plan());
    let index = plan.tools.iter().position(|tool| *tool.name == *name.value).map(ToolId::from_index);
    let tool = index.ok_or_else(|| Failure::new(name.span, "there is no such tool"))?;
    let words = plan.tool(tool).when.to_string();
    turn(world, span, &words)?;
    world.want_tool(ProposedCall { tool: Some(tool), args: Some(args.clone()) });
    speak(world, &words);
    let asked = world.requested();
    world.pass_while(MODEL_ASKS_WITHIN, |world| world.requested() == asked && !world.is_settled());
    if world.wants_tool() {
        let state = world.state_name();
        let message = format!("`{}` is not offered to the model in `{state}`", name.value);
        return Err(Failure::new(name.span, message).help("the state does not have it under `tools:`"));
    }
    Ok(())
}
