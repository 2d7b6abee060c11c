//! What is examined: the environment, the files, the flow, and where the webhook should be.

use std::path::{Path, PathBuf};

use super::DoctorArgs;
use crate::check::{self, EnvMode};
use crate::cli::run::providers;
use crate::pii::{Address, PhoneNumber};
use crate::plan::{self, Plan};
use crate::settings::{
    OPERATOR_NUMBER, Overrides, Service, Settings, SettingsErrors, SettingsWarning, Survey, Uses,
};
use crate::source::SourceFile;
use crate::telephony::DialLimits;

/// Looks a variable up.
pub(super) type GetEnv<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What is examined.
pub struct Subject {
    /// The environment, as far as it can be read.
    pub survey: Survey,
    /// What a run would say of it.
    pub run: Result<Vec<SettingsWarning>, SettingsErrors>,
    /// Calls run on Pipecat Cloud, whose secrets hold the speech vendors' keys.
    pub is_production: bool,
    /// Whether rooms are joined with Daily's media library here.
    pub needs_library: bool,
    /// The file of settings.
    pub env_file: PathBuf,
    /// The flow, or what speaks against it.
    pub flow: Flow,
    /// The number that should lead here; any of the account if none is named.
    pub number: Option<PhoneNumber>,
    /// Where Daily's media library should be.
    pub library: Option<PathBuf>,
}

/// What a call would use: of a flow, or what every flow uses that says nothing else.
pub struct Flow {
    /// The flow's name; none if no flow was named.
    pub name: Option<String>,
    /// Why it cannot be run.
    pub errors: Option<String>,
    /// Who hears, thinks and speaks.
    pub services: plan::Services,
    /// Who may be dialled.
    pub targets: Vec<Target>,
}

/// Somebody who may be dialled.
#[derive(Clone, Debug)]
pub struct Target {
    /// The name in the flow, or the variable.
    pub name: String,
    /// Where.
    pub address: Address,
    /// The purchased number that is shown, by its id.
    pub caller_id: Option<String>,
    /// Why this server would not dial it, and what to do about it.
    pub refused: Option<(String, String)>,
}

impl Subject {
    /// What the arguments and the environment give.
    #[must_use]
    pub fn new(args: &DoctorArgs, get: GetEnv<'_>, env_file: &Path) -> Self {
        let overrides =
            Overrides { port: args.port, public_url: args.public_url.clone(), ..Overrides::default() };
        let survey = Survey::from_env(get, &overrides);
        let is_production = get("ENV").is_some_and(|env| env.trim().eq_ignore_ascii_case("production"));
        let mut flow = Flow::read(args.flow.as_deref(), get, survey.operator.as_ref());
        let uses = providers::uses([&flow.services]);
        let run = Settings::from_env(get, &Overrides { uses, ..overrides });
        if let Ok(settings) = &run {
            flow.hold_to(&DialLimits::new(
                &settings.limits.dialling,
                flow.targets.iter().map(|target| &target.address),
            ));
        }
        Self {
            is_production,
            // Rooms of an emulator cannot be joined with it.
            needs_library: !is_production && survey.is_vendors_own(Service::Telephony),
            survey,
            run: run.map(|settings| settings.warnings()),
            env_file: env_file.to_owned(),
            flow,
            number: args.number.clone(),
            library: crate::cli::daily::library(get),
        }
    }
}

impl Subject {
    /// Which vendors the flow uses.
    pub(super) fn uses(&self) -> Uses {
        providers::uses([&self.flow.services])
    }
}

impl Flow {
    fn read(file: Option<&Path>, get: GetEnv<'_>, operator: Option<&Address>) -> Self {
        let Some(file) = file else { return Self::of_nothing(operator) };
        match compile(file, get) {
            Ok(plan) => Self::of(&plan),
            Err(errors) => Self {
                name: Some(file.display().to_string()),
                errors: Some(errors),
                ..Self::of_nothing(operator)
            },
        }
    }

    /// What every flow uses that says nothing else, and the operator.
    fn of_nothing(operator: Option<&Address>) -> Self {
        let target = |address: &Address| Target {
            name: OPERATOR_NUMBER.to_owned(),
            address: address.clone(),
            caller_id: None,
            refused: None,
        };
        let services = plan::Services::default();
        Self { name: None, errors: None, services, targets: operator.map(target).into_iter().collect() }
    }

    fn of(plan: &Plan) -> Self {
        let target = |target: &plan::Target| Target {
            name: target.name.to_string(),
            address: target.address.clone(),
            caller_id: target.caller_id.as_deref().map(str::to_owned),
            refused: None,
        };
        Self {
            name: Some(plan.name.to_string()),
            errors: None,
            services: plan.services.clone(),
            targets: plan.targets.iter().map(target).collect(),
        }
    }

    fn hold_to(&mut self, limits: &DialLimits) {
        for target in &mut self.targets {
            let refusal = limits.allows(&target.address).err();
            target.refused = refusal.map(|refusal| (refusal.to_string(), refusal.fix().to_owned()));
        }
    }
}

fn compile(file: &Path, get: GetEnv<'_>) -> Result<std::sync::Arc<Plan>, String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("cannot read it: {error}"))?;
    let source = SourceFile::new(file, text);
    let get = |name: &str| get(name);
    let checked = check::check(&source, EnvMode::Known(&get));
    match checked.flow {
        Some(flow) => Ok(plan::compile(flow)),
        None => Err(format!("it has errors; `callflow check {}` shows them", file.display())),
    }
}
