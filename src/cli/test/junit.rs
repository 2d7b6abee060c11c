//! Results as JUnit XML, as CI systems read it: a suite for each file, a case for each test.

use std::fmt::Write as _;

use super::runner::{Done, Tested, Verdict};

/// The whole document.
pub(super) fn render(tested: &Tested) -> String {
    let mut files: Vec<&str> = tested.tests.iter().map(|test| test.path.as_str()).collect();
    files.dedup();
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing to a String cannot fail.
    let _ = writeln!(xml, "<testsuites{}>", counts(&tested.tests.iter().collect::<Vec<_>>()));
    for file in files {
        let tests: Vec<_> = tested.tests.iter().filter(|test| test.path == file).collect();
        let _ = writeln!(xml, "  <testsuite name=\"{}\"{}>", escaped(file), counts(&tests));
        tests.iter().for_each(|test| case(&mut xml, test));
        xml += "  </testsuite>\n";
    }
    xml + "</testsuites>\n"
}

fn counts(tests: &[&Done]) -> String {
    let failed = tests.iter().filter(|test| matches!(test.verdict, Verdict::Failed(_))).count();
    let skipped = tests.iter().filter(|test| matches!(test.verdict, Verdict::Skipped(_))).count();
    let time: f64 = tests.iter().map(|test| test.took.as_secs_f64()).sum();
    let all = tests.len();
    format!(" tests=\"{all}\" failures=\"{failed}\" errors=\"0\" skipped=\"{skipped}\" time=\"{time:.3}\"")
}

fn case(xml: &mut String, test: &Done) {
    let (path, name) = (escaped(&test.path), escaped(&test.name));
    let time = test.took.as_secs_f64();
    let _ = write!(xml, "    <testcase classname=\"{path}\" name=\"{name}\" time=\"{time:.3}\"");
    match &test.verdict {
        Verdict::Passed => xml.push_str("/>\n"),
        Verdict::Skipped(why) => {
            let _ = writeln!(xml, ">\n      <skipped message=\"{}\"/>\n    </testcase>", escaped(why));
        }
        Verdict::Failed(failed) => {
            let help = failed.failure.help.as_deref().unwrap_or_default();
            let (message, text) =
                (escaped(&failed.failure.message), escaped(&format!("{help}\n{}", failed.story)));
            let _ =
                writeln!(xml, ">\n      <failure message=\"{message}\">{text}</failure>\n    </testcase>");
        }
    }
}

/// A text inside XML: what has a meaning there is spelt out, what may not stand there is left out.
fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => out.push(c),
        }
        out
    })
}
