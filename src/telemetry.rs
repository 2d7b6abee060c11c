//! Logs: readable, or JSON; every line of a call carries its id.
//!
//! Logs go to standard error, because standard output belongs to the transcript and the record. No number,
//! no utterance and no key is logged: what could be one has a type that does not print (`pii`), and
//! libraries, some of which log the bytes they carry, are held back here, whatever the filter says.

use std::any::Any;

use tracing::level_filters::LevelFilter;
use tracing::{Dispatch, Span};
use tracing_subscriber::filter::{FilterExt, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::{EnvFilter, Registry, fmt};

use crate::settings::LogSettings;

/// What is logged if nobody says otherwise.
pub const DEFAULT_FILTER: &str = "warn,callflow=info";

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is not one.
    #[error(
        "not a log filter: {cause}; write a level (`debug`) or `target=level` pairs (`callflow::session=debug,warn`)"
    )]
    Filter {
        /// What the parser said.
        cause: tracing_subscriber::filter::ParseError,
    },
    /// Somebody else set up logging in this process before.
    #[error("logging was set up twice")]
    Twice,
}

/// Sends this process's logs to standard error.
///
/// # Errors
/// See [`TelemetryError`].
pub fn init(options: &LogSettings) -> Result<(), TelemetryError> {
    use std::io::IsTerminal;
    let color = options.color && std::io::stderr().is_terminal();
    let dispatch = dispatch(options, color, std::io::stderr)?;
    tracing::dispatcher::set_global_default(dispatch).map_err(|_| TelemetryError::Twice)
}

/// Has panics of this process tell where they happened, and why only if no value can be in it.
///
/// The message of a slice out of bounds, for one, repeats the text that was to be cut: what a caller said.
pub fn discreet_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let backtrace = std::backtrace::Backtrace::capture();
        tracing::error!(place, why = why(panic.payload()), "a bug: please report it");
        if backtrace.status() == std::backtrace::BacktraceStatus::Captured {
            tracing::error!("{backtrace}");
        }
    }));
}

/// A literal text, or none.
fn why(panic: &(dyn Any + Send)) -> &'static str {
    panic.downcast_ref::<&'static str>().copied().unwrap_or("(not shown: it may hold what was said)")
}

/// The span of one call: what is logged within it carries the call's id.
///
/// It is of the highest level so that no filter that lets a line through can take its call id away.
#[must_use]
pub fn call_span(call_id: &str) -> Span {
    tracing::error_span!(target: "callflow", "call", id = call_id)
}

fn dispatch<W>(options: &LogSettings, color: bool, writer: W) -> Result<Dispatch, TelemetryError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = options.filter.as_deref().unwrap_or(DEFAULT_FILTER);
    let filter = EnvFilter::builder()
        .parse(filter)
        .map_err(|cause| TelemetryError::Filter { cause })?
        .and(discretion());
    let lines = fmt::layer().with_writer(writer);
    let lines = if options.json {
        lines.json().flatten_event(true).with_span_list(false).with_ansi(false).boxed()
    } else {
        lines.with_ansi(color).boxed()
    };
    Ok(Dispatch::new(Registry::default().with(lines.with_filter(filter))))
}

/// Below `info`, libraries log headers, frames and bodies. Which of them do changes with every update, so
/// only what this crate logs is let through.
fn discretion() -> Targets {
    Targets::new().with_default(LevelFilter::INFO).with_target(env!("CARGO_CRATE_NAME"), LevelFilter::TRACE)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// Logs what `job` logs under a filter.
    fn logged(filter: Option<&str>, json: bool, job: impl FnOnce()) -> String {
        let captured = Captured::default();
        let writer = captured.clone();
        let options = LogSettings { filter: filter.map(str::to_owned), json, color: false };
        let dispatch = dispatch(&options, false, move || writer.clone()).unwrap();
        tracing::dispatcher::with_default(&dispatch, job);
        let bytes = captured.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn by_default_we_speak_and_libraries_only_warn() {
        let text = logged(None, false, || {
            tracing::info!("ours");
            tracing::debug!("chatter");
            tracing::info!(target: "some_library", "theirs");
            tracing::warn!(target: "some_library", "their warning");
        });
        assert!(text.contains("ours") && text.contains("their warning"), "{text}");
        assert!(!text.contains("chatter") && !text.contains("theirs"), "{text}");
    }

    #[test]
    fn every_line_of_a_call_carries_its_id_even_when_only_warnings_are_wanted() {
        for filter in [None, Some("warn"), Some("error"), Some("callflow=error")] {
            let text = logged(filter, false, || call_span("c-17").in_scope(|| tracing::error!("broken")));
            assert!(text.contains("call{id=\"c-17\"}"), "{filter:?}: {text}");
        }
    }

    #[test]
    fn json_lines_are_json_and_name_the_call() {
        let text = logged(None, true, || {
            call_span("c-17").in_scope(|| tracing::info!(state = "greet", "entered"));
        });
        let line: serde_json::Value = serde_json::from_str(text.trim()).unwrap();
        assert_eq!(line["span"]["id"], "c-17");
        assert_eq!((&line["message"], &line["state"]), (&"entered".into(), &"greet".into()));
    }

    #[test]
    fn no_filter_makes_a_library_log_what_it_carries() {
        for filter in ["trace", "tungstenite=trace", "hyper_util=trace,h2=debug,brand_new=trace"] {
            let text = logged(Some(filter), false, || {
                tracing::trace!(target: "tungstenite::protocol", "my card is 4111");
                tracing::debug!(target: "hyper_util::client", "+15550100123");
                tracing::debug!(target: "h2::codec", "Bearer sk-1");
                tracing::trace!(target: "brand_new", "yes please");
                tracing::error_span!(target: "brand_new", "request", body = "yes please").in_scope(|| ());
            });
            assert_eq!(text, "", "{filter}");
        }
    }

    #[test]
    fn a_panic_tells_no_value() {
        let of = |job: fn()| why(&*std::panic::catch_unwind(job).expect_err("it panics"));
        assert_eq!(of(|| panic!("a literal")), "a literal");
        for told in [
            of(|| drop("my zebra é"[..10].to_owned())),
            of(|| panic!("{}", "my zebra")),
            of(|| std::panic::panic_any("my zebra".to_owned())),
        ] {
            assert!(!told.contains("zebra"), "{told}");
        }
    }

    #[test]
    fn a_bad_filter_is_an_error() {
        let options = LogSettings { filter: Some("callflow=loud".into()), ..LogSettings::default() };
        assert!(matches!(dispatch(&options, false, std::io::sink), Err(TelemetryError::Filter { .. })));
    }
}
