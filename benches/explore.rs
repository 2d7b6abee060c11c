//! How long it takes to explore a flow, and how that grows with its states, with the targets of a `dial` and with the
//! tries of a question.
//!
//! Prints tables of Markdown. `cargo bench --bench explore`; less than a minute.

mod generated;
mod timing;

use std::sync::Arc;

use callflow::check::{EnvMode, check};
use callflow::cli::explore::IN_CHECK;
use callflow::explore::{Limits, Report, explore, holds};
use callflow::plan::{self, Plan};
use callflow::source::SourceFile;

use generated::{of_states, of_targets, of_tries};
use timing::{median, ms};

fn plan(text: &str) -> Arc<Plan> {
    let source = SourceFile::new("flow.yaml", text.to_owned());
    plan::compile(check(&source, EnvMode::Unknown).flow.expect("the flow has no errors"))
}

fn row(name: &str, text: &str) {
    let plan = plan(text);
    let (time, Report { configurations, steps, complete, .. }) =
        median(|| explore(&plan, &Limits::default(), &mut |_| {}));
    assert!(complete, "{name} was not explored to the end");
    let (in_check, holds) = median(|| holds(&plan, IN_CHECK));
    assert!(holds, "{name} was not found to hold everything");
    let (time, in_check) = (ms(time), ms(in_check));
    println!("| {name} | {} | {configurations} | {steps} | {time} | {in_check} |", plan.states.len());
}

fn head(of: &str) {
    println!("\n| {of} | states | configurations | steps | time | in `check` |\n|---|---|---|---|---|---|");
}

fn main() {
    head("shipped flow");
    row("`cold_transfer`", include_str!("../flows/cold_transfer.yaml"));
    row("`business_hours`", include_str!("../flows/business_hours.yaml"));
    row("`order_status`", include_str!("../flows/order_status.yaml"));
    row("`table_booking`", include_str!("../flows/table_booking.yaml"));
    head("sentences, conversations and questions in a row");
    for states in [25, 50, 100, 200] {
        row(&states.to_string(), &of_states(states));
    }
    head("targets of a `dial`");
    for targets in [1, 2, 4, 8] {
        row(&targets.to_string(), &of_targets(targets));
    }
    head("tries of a `confirm`");
    for tries in [1, 2, 4, 8] {
        row(&tries.to_string(), &of_tries(tries));
    }
}
