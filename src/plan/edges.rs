//! Events and the edges they take.

use std::time::Duration;

use super::{EdgeId, Expr, IntentId, StateId, Text, VarId};

/// The closed vocabulary of what can happen to a call, as `on:` names it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Event {
    /// `caller.joined`.
    CallerJoined,
    /// `caller.left`.
    CallerLeft,
    /// `caller.dtmf("0")`: one of `0`–`9`, `*`, `#`.
    CallerDtmf(char),
    /// `caller.silent(8s)`.
    CallerSilent(Duration),
    /// `caller.interrupted`.
    CallerInterrupted,
    /// `intent.<name>`.
    Intent(IntentId),
    /// `said`: the state's own utterance was played to its end.
    Said,
    /// `failed`: the state's own command failed; in `dial`, short for `operator.failed`.
    Failed,
    /// `accepted` of a `confirm`.
    Accepted,
    /// `declined` of a `confirm`.
    Declined,
    /// `filled` of a `collect`.
    Filled,
    /// `exhausted`: the tries of a `confirm` or `collect` are used up.
    Exhausted,
    /// `ok` of a `call_api`.
    Ok,
    /// `operator.ringing`.
    OperatorRinging,
    /// `operator.answered`.
    OperatorAnswered,
    /// `operator.accepted`: the accept gate was passed.
    OperatorAccepted,
    /// `operator.no_answer`: our ring timer.
    OperatorNoAnswer,
    /// `operator.busy`.
    OperatorBusy,
    /// `operator.rejected`.
    OperatorRejected,
    /// `operator.unreachable`.
    OperatorUnreachable,
    /// `operator.voicemail`.
    OperatorVoicemail,
    /// `operator.failed`.
    OperatorFailed,
    /// `operator.left`, after the handoff.
    OperatorLeft,
    /// `transferred`: `sip_transfer` or `sip_refer` was issued.
    Transferred,
    /// `targets.exhausted`: the last target of the list failed.
    TargetsExhausted,
    /// `otherwise`: any completion of the state's own command that no other edge takes.
    Otherwise,
    /// `timeout`: the state's timer.
    Timeout,
    /// `call.max_duration`.
    MaxDuration,
    /// `service.failed`.
    ServiceFailed,
    /// `room.expiring`.
    RoomExpiring,
    /// `shutdown`.
    Shutdown,
}

/// All edges of one event in one state, tried in order.
#[derive(Debug)]
pub struct On {
    /// What happens.
    pub event: Event,
    /// Where it leads; the last one is unguarded.
    pub branches: Vec<Branch>,
}

/// One guarded way out.
#[derive(Debug)]
pub struct Branch {
    /// Its identity: counters of `max_visits` belong to it.
    pub edge: EdgeId,
    /// The next state.
    pub to: StateId,
    /// `if:`.
    pub guard: Option<Expr>,
    /// How often it may be taken in one call.
    pub max_visits: Option<u32>,
    /// Said on the way, before the next state begins; not interruptible.
    pub say: Option<Text>,
    /// Assignments made on the way.
    pub set: Vec<(VarId, Text)>,
}

/// One edge as a row of the plan, for graphs, coverage and the explorer.
#[derive(Debug, Clone, Copy)]
pub struct Edge {
    /// Where it starts; absent for flow-wide edges.
    pub from: Option<StateId>,
    /// What takes it; absent for the branches of a `choose`.
    pub event: Option<Event>,
    /// Where it leads.
    pub to: StateId,
}
