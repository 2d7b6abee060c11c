//! The environment as far as it can be read, for tools that look at one part of it: setting up phones, finding
//! faults.
//!
//! Unlike [`Settings`](super::Settings), nothing here has to make sense together: a run that would be refused
//! is what a person wants to have explained.

use std::net::SocketAddr;

use super::{Overrides, Reader, Service, SettingsError};
use crate::pii::{Address, ApiKey};

/// What can be read of the environment.
#[derive(Clone, Debug)]
pub struct Survey {
    /// How each vendor is reached, in the order of [`Service::ALL`].
    pub vendors: [Access; 4],
    /// `OPERATOR_NUMBER`.
    pub operator: Option<Address>,
    /// Where the webhook server listens.
    pub listen: SocketAddr,
    /// How it is reached from outside, without a slash at the end.
    pub public_url: Option<String>,
    /// `CALLFLOW_WEBHOOK_SECRET`.
    pub webhook_secret: Option<ApiKey>,
    /// Variables that cannot be read.
    pub problems: Vec<SettingsError>,
}

/// How a vendor is reached.
#[derive(Clone, Debug)]
pub struct Access {
    /// Which.
    pub service: Service,
    /// `http` or `https`, no slash at the end; the vendor's own unless its variable names another.
    pub base_url: String,
    /// The key, if there is one that can be sent.
    pub key: Option<ApiKey>,
}

impl Survey {
    /// Reads what there is. `get` looks a variable up.
    #[must_use]
    pub fn from_env(get: &dyn Fn(&str) -> Option<String>, overrides: &Overrides) -> Self {
        let mut reader = Reader { get, problems: Vec::new() };
        let vendors = Service::ALL.map(|service| Access {
            service,
            base_url: reader.url(service.url_variable()).unwrap_or_else(|| service.default_url().to_owned()),
            key: reader.key(service.key_variable()),
        });
        Self {
            vendors,
            operator: reader.operator(false).map(|operator| operator.address),
            listen: reader.listen(overrides),
            public_url: reader.public_url(overrides),
            webhook_secret: reader.webhook_secret(),
            problems: reader.problems,
        }
    }

    /// How a vendor is reached.
    #[must_use]
    pub fn of(&self, service: Service) -> &Access {
        let index = Service::ALL.iter().position(|one| *one == service);
        &self.vendors[index.expect("`ALL` has all services")]
    }

    /// Whether a service is reached at its vendor, not at an emulator or a server of one's own.
    #[must_use]
    pub fn is_vendors_own(&self, service: Service) -> bool {
        self.of(service).base_url == service.default_url()
    }
}

impl Access {
    /// The variable that its key stands in.
    #[must_use]
    pub fn key_variable(&self) -> &'static str {
        self.service.key_variable()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn survey(variables: &'static [(&str, &str)]) -> Survey {
        let get = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        Survey::from_env(&get, &Overrides::default())
    }

    #[test]
    fn a_mix_that_no_run_accepts_is_read_all_the_same() {
        let survey = survey(&[
            ("DAILY_API_KEY", "d"),
            ("DEEPGRAM_URL", "ws://127.0.0.1:9/"),
            ("LOCAL_SERVER_URL", "https://a.example.com/"),
            ("OPERATOR_NUMBER", "5550100"),
            ("CARTESIA_API_KEY", "two words"),
        ]);
        assert_eq!(survey.of(Service::Telephony).key.as_ref().unwrap().reveal(), "d");
        assert_eq!(survey.of(Service::Telephony).base_url, "https://api.daily.co/v1");
        assert_eq!(survey.of(Service::Deepgram).base_url, "http://127.0.0.1:9");
        assert!(survey.of(Service::Cartesia).key.is_none() && survey.operator.is_none());
        assert_eq!(survey.public_url.as_deref(), Some("https://a.example.com"));
        let [key, operator] = survey.problems.as_slice() else { panic!("{:?}", survey.problems) };
        assert!(matches!(key, SettingsError::BadKey { name: "CARTESIA_API_KEY" }));
        assert!(matches!(operator, SettingsError::BadAddress { .. }));
    }
}
