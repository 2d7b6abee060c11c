//! What a check came to, and how it is shown: a line for people, an object for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// What one check came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is as it should be.
    Ok(String),
    /// Calls work, or may work, but somebody should look at it.
    Warning(Advice),
    /// Calls do not work like this.
    Failed(Advice),
    /// It was not looked at, and why.
    Skipped(String),
}

/// What is wrong and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// What was found, in one line.
    pub what: String,
    /// What to do, in one line.
    pub fix: String,
}

/// One check and what it came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Stable: `D` and two digits.
    pub id: &'static str,
    /// What is looked at.
    pub title: &'static str,
    /// What it came to.
    pub verdict: Verdict,
}

/// Everything that was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Examination {
    /// In the order of the catalogue.
    pub findings: Vec<Finding>,
    /// What `--fix` has done before.
    pub fixed: Vec<String>,
    /// What it could not do, and why.
    pub not_fixed: Vec<String>,
}

impl Verdict {
    pub(super) fn ok(what: impl Into<String>) -> Self {
        Self::Ok(what.into())
    }

    pub(super) fn warning(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::Warning(Advice { what: what.into(), fix: fix.into() })
    }

    pub(super) fn failed(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::Failed(Advice { what: what.into(), fix: fix.into() })
    }

    pub(super) fn skipped(why: impl Into<String>) -> Self {
        Self::Skipped(why.into())
    }

    /// Its word: `ok`, `warning`, `failed`, `skipped`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Ok(_) => "ok",
            Self::Warning(_) => "warning",
            Self::Failed(_) => "failed",
            Self::Skipped(_) => "skipped",
        }
    }

    /// What was found, and what to do about it.
    #[must_use]
    pub fn text(&self) -> (&str, Option<&str>) {
        match self {
            Self::Ok(what) | Self::Skipped(what) => (what, None),
            Self::Warning(Advice { what, fix }) | Self::Failed(Advice { what, fix }) => (what, Some(fix)),
        }
    }

    /// On and off, as terminals have it.
    fn colours(&self) -> (&'static str, &'static str) {
        match self {
            Self::Ok(_) => ("\x1b[32m", "\x1b[0m"),
            Self::Warning(_) => ("\x1b[33m", "\x1b[0m"),
            Self::Failed(_) => ("\x1b[1;31m", "\x1b[0m"),
            Self::Skipped(_) => ("\x1b[2m", "\x1b[0m"),
        }
    }
}

impl Examination {
    /// Whether nothing failed.
    #[must_use]
    pub fn is_fine(&self) -> bool {
        !self.findings.iter().any(|finding| matches!(finding.verdict, Verdict::Failed(_)))
    }

    /// What a check came to.
    #[must_use]
    pub fn of(&self, id: &str) -> Option<&Verdict> {
        self.findings.iter().find(|finding| finding.id == id).map(|finding| &finding.verdict)
    }

    /// For programs.
    #[must_use]
    pub fn json(&self) -> Value {
        let check = |finding: &Finding| {
            let (what, fix) = finding.verdict.text();
            json!({
                "id": finding.id,
                "check": finding.title,
                "result": finding.verdict.word(),
                "text": what,
                "fix": fix,
            })
        };
        let checks: Vec<Value> = self.findings.iter().map(check).collect();
        json!({"version": 1, "ok": self.is_fine(), "checks": checks, "fixed": self.fixed, "not_fixed": self.not_fixed})
    }

    /// For people, with colours.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = String::new();
        let width = self.findings.iter().map(|finding| finding.title.chars().count()).max().unwrap_or(0);
        for done in &self.fixed {
            writeln!(out, "fixed: {done}").expect("a String takes all text");
        }
        for left in &self.not_fixed {
            writeln!(out, "not fixed: {left}").expect("a String takes all text");
        }
        for finding in &self.findings {
            let (on, off) = finding.verdict.colours();
            let (what, fix) = finding.verdict.text();
            let Finding { id, title, verdict } = finding;
            writeln!(out, "{on}{:<8}{off} {id}  {title:<width$}  {what}", verdict.word())
                .expect("a String takes all text");
            if let Some(fix) = fix {
                writeln!(out, "{:16}{:width$}fix: {fix}", "", "").expect("a String takes all text");
            }
        }
        let count =
            |word: &str| self.findings.iter().filter(|finding| finding.verdict.word() == word).count();
        let summary = ["failed", "warning", "skipped", "ok"].map(|word| format!("{} {word}", count(word)));
        write!(out, "\n{} checks: {}", self.findings.len(), summary.join(", "))
            .expect("a String takes all text");
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn examination() -> Examination {
        let finding = |id, title, verdict| Finding { id, title, verdict };
        Examination {
            findings: vec![
                finding("D21", "Daily key", Verdict::ok("the domain is `acme`")),
                finding("D23", "dial-in", Verdict::failed("goes nowhere", "route it")),
                finding("D31", "x", Verdict::skipped("needs D21")),
            ],
            fixed: vec!["closed .env".to_owned()],
            not_fixed: vec!["the rest".to_owned()],
        }
    }

    #[test]
    fn people_read_a_line_for_each_check_and_the_fix_below_it() {
        let text = anstream::adapter::strip_str(&examination().text()).to_string();
        assert_eq!(
            text,
            "fixed: closed .env\nnot fixed: the rest\n\
             ok       D21  Daily key  the domain is `acme`\n\
             failed   D23  dial-in    goes nowhere\n                         fix: route it\n\
             skipped  D31  x          needs D21\n\n\
             3 checks: 1 failed, 0 warning, 1 skipped, 1 ok"
        );
    }

    #[test]
    fn programs_read_the_same() {
        let json = examination().json();
        assert_eq!((&json["ok"], &json["version"]), (&json!(false), &json!(1)));
        assert_eq!(
            json["checks"][1],
            json!({"id": "D23", "check": "dial-in", "result": "failed", "text": "goes nowhere", "fix": "route it"})
        );
        assert_eq!(json["checks"][0]["fix"], Value::Null);
    }
}
