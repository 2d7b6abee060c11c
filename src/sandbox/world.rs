//! What the parts of one sandbox share: rooms, network, domain, faults, tasks.

use super::SandboxOptions;
use super::daily::{Domain, Limits, RequestLog, Tokens};
use super::network::Network;
use super::pipecat::Agents;
use super::room::Rooms;
use super::site::Site;
use super::tasks::Tasks;
use crate::pii::PhoneNumber;

/// What a dialled person sees while no number has been bought.
const NO_NUMBER_BOUGHT: &str = "+15550100000";

/// One sandbox, as its parts see it.
pub(crate) struct World {
    pub(crate) options: SandboxOptions,
    /// `http://HOST:PORT`.
    pub(crate) origin: String,
    pub(crate) site: Site,
    pub(crate) tasks: Tasks,
    pub(crate) rooms: Rooms,
    pub(crate) network: Network,
    pub(crate) domain: Domain,
    pub(crate) tokens: Tokens,
    pub(crate) limits: Limits,
    pub(crate) agents: Agents,
    pub(crate) log: RequestLog,
    /// For webhooks.
    pub(crate) http: reqwest::Client,
}

impl World {
    pub(super) fn new(options: SandboxOptions, origin: String, http: reqwest::Client) -> Self {
        let site = Site::default();
        let tasks = Tasks::new(site.stop.clone());
        Self {
            rooms: Rooms::new(options.room_ends_with_owner, tasks.clone(), site.faults.clone()),
            domain: Domain::new(&options.numbers),
            network: Network::default(),
            tokens: Tokens::new(),
            limits: Limits::default(),
            agents: Agents::default(),
            log: RequestLog::default(),
            options,
            origin,
            site,
            tasks,
            http,
        }
    }

    /// What a dialled person sees. A number instead of an id is taken as it is: Daily's pages show both.
    pub(crate) fn caller_number(&self, caller_id: Option<&str>) -> String {
        let given = caller_id.and_then(|id| PhoneNumber::parse(id).ok());
        let number = given.or_else(|| self.domain.caller_number(caller_id));
        number.as_ref().map_or(NO_NUMBER_BOUGHT, PhoneNumber::reveal).to_owned()
    }
}
