//! Why a telephone leg is not started, moved or kept apart, and what to change.

/// Why the vendor does not do what was asked with a leg. Prints what to change, for whoever runs the bot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum LegRefusal {
    /// The room was created without `enable_dialout`.
    #[error(
        "the room may not dial out: create it with `enable_dialout: true`, as callflow does with the rooms it makes"
    )]
    Room,
    /// The domain is not approved for telephone numbers.
    #[error(
        "the Daily domain is not approved for dialling telephone numbers: ask Daily's support to enable dial-out for it (targets with `sip:` need no approval)"
    )]
    Domain,
    /// The plan has no dial-out.
    #[error(
        "the plan of the Daily domain has no dial-out: add a credit card or change the plan in Daily's dashboard"
    )]
    Plan,
    /// The number is outside of the United States and Canada.
    #[error(
        "the number is outside of the US and Canada: ask Daily's sales to enable international dial-out for the domain, or choose another target"
    )]
    International,
    /// Nobody in the room may command legs.
    #[error("only an owner of the room commands legs: give the bot a meeting token with `is_owner: true`")]
    NotOwner,
    /// Not allowed, and the vendor does not say by what.
    #[error(
        "Daily does not allow it and does not say why: check that the room has `enable_dialout`, that the bot's token is an owner's, and that the domain is approved for dialling telephone numbers"
    )]
    NotAllowed,
    /// As many legs as the room may have.
    #[error(
        "the room has as many telephone legs as it may: `max_sip_pstn_sessions_per_room` is 5 unless Daily's support raises it, and every dial-in endpoint of the room counts"
    )]
    TooManyLegs,
    /// The same is under way already.
    #[error("Daily is dialling for this room already: it takes the next dial-out when that one is over")]
    InProgress,
    /// The vendor has no worker free.
    #[error("Daily has no worker free for it: try again later, for example with `retry:` in the `dial`")]
    NoWorker,
    /// The leg that was to be moved is not on a call.
    #[error("the leg is not on a call any more, or its session id is not that of a telephone")]
    NoSuchLeg,
    /// `callerId`.
    #[error(
        "Daily does not take the caller id: `caller_id:` is the id (not the number) of a number bought in this domain"
    )]
    CallerId,
    /// `extension`.
    #[error("Daily does not take the extension: `extension:` is at most 20 of 0 to 9, `*`, `#` and `w`")]
    Extension,
    /// `phoneNumber`, `sipUri` or `toEndPoint`.
    #[error("Daily does not take the target's address: write `+` and digits (E.164), or sip:user@host")]
    Address,
}
