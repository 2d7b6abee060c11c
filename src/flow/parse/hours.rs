//! `hours:`: time zones, opening times and closed days.

use super::fields::{Fields, Shape};
use super::reader::Reader;
use crate::diagnostic::Rule;
use crate::flow::document::{Hours, Open};
use crate::flow::tree::Node;
use crate::source::Spanned;

const HOURS: Shape =
    Shape { what: "a set of hours", keys: &["tz", "open", "closed"], later: &[], elsewhere: &[] };

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// See [`super::shapes`].
#[cfg(test)]
pub(super) fn shapes() -> Vec<(&'static str, Vec<&'static str>)> {
    vec![("Hours", HOURS.keys.to_vec())]
}

pub(super) fn hours(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Vec<Hours> {
    let Some(node) = fields.get("hours") else { return Vec::new() };
    let mut read = Vec::new();
    for (key, node) in reader.entries(node, "a map of opening hours") {
        let name = reader.declared(key, "a set of hours");
        read.push(one(reader, name, node));
    }
    read
}

fn one(reader: &mut Reader<'_>, name: Spanned<String>, node: &Node) -> Hours {
    let mut hours = Hours { name, zone: None, open: Vec::new(), closed: Vec::new() };
    let Some(fields) = reader.fields(node, &HOURS) else { return hours };
    let at = hours.name.span;
    let zone =
        fields.require(reader, "tz", at, "a set of hours", "name its time zone, such as Europe/Berlin");
    hours.zone = zone.and_then(|node| time_zone(reader, node));
    let help = "list its times, such as [\"Mon-Fri 09:00-17:30\"]";
    if let Some(node) = fields.require(reader, "open", at, "a set of hours", help) {
        let items = reader.items(node, "a list of opening times");
        hours.open = items.iter().filter_map(|item| opening(reader, item)).collect();
    }
    if let Some(node) = fields.get("closed") {
        let items = reader.items(node, "a list of days");
        hours.closed = items.iter().filter_map(|item| day(reader, item)).collect();
    }
    hours
}

fn time_zone(reader: &mut Reader<'_>, node: &Node) -> Option<jiff::tz::TimeZone> {
    let text = reader.text(node, "a time zone")?;
    let zone = jiff::tz::TimeZone::get(&text.value).ok();
    if zone.is_none() {
        let message = format!("there is no time zone `{}`", super::reader::shortened(&text.value));
        reader.error(
            Rule::WrongValue,
            node.span,
            message,
            "use its name in the IANA database, such as America/New_York",
        );
    }
    zone
}

fn day(reader: &mut Reader<'_>, node: &Node) -> Option<jiff::civil::Date> {
    let text = reader.text(node, "a day")?;
    let date = text.value.parse().ok();
    if date.is_none() {
        reader.error(Rule::WrongValue, node.span, "this is not a day", "write it as 2026-12-25");
    }
    date
}

fn opening(reader: &mut Reader<'_>, node: &Node) -> Option<Open> {
    let text = reader.text(node, "opening times")?;
    match parse_opening(&text.value) {
        Ok(open) => Some(open),
        Err(message) => {
            let help = "write `Mon-Fri 09:00-17:30`, `Sat,Sun 10:00-14:00` or `daily 00:00-24:00`";
            reader.error(Rule::WrongValue, node.span, message, help);
            None
        }
    }
}

fn parse_opening(text: &str) -> Result<Open, &'static str> {
    let (days, times) =
        text.trim().split_once(char::is_whitespace).ok_or("days and times are expected here")?;
    let (from, until) =
        times.trim().split_once('-').ok_or("two times with a `-` between them are expected here")?;
    let from = minutes(from).ok_or("this is not a time of day")?;
    let until = minutes(until).ok_or("this is not a time of day")?;
    if from >= until {
        return Err("it closes before it opens; for hours past midnight write two entries");
    }
    Ok(Open { days: parse_days(days).ok_or("these are not days of the week")?, from, until })
}

fn parse_days(text: &str) -> Option<[bool; 7]> {
    if text.eq_ignore_ascii_case("daily") {
        return Some([true; 7]);
    }
    let mut days = [false; 7];
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (weekday(first)?, weekday(last)?);
        // `Sat-Mon` goes round the end of the week.
        let mut day = first;
        loop {
            days[day] = true;
            if day == last {
                break;
            }
            day = (day + 1) % 7;
        }
    }
    Some(days)
}

fn weekday(text: &str) -> Option<usize> {
    DAYS.iter().position(|day| day.eq_ignore_ascii_case(text.trim()))
}

fn minutes(text: &str) -> Option<u16> {
    let (hours, minutes) = text.trim().split_once(':')?;
    let two_digits =
        |s: &str| (s.len() == 2 && s.bytes().all(|b| b.is_ascii_digit())).then(|| s.parse::<u16>().ok())?;
    let (hours, minutes) = (two_digits(hours)?, two_digits(minutes)?);
    let total = hours * 60 + minutes;
    (minutes < 60 && total <= 24 * 60).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opening_times_are_read() {
        let open = parse_opening("Mon-Fri 09:00-17:30").unwrap();
        assert_eq!(open, Open { days: [true, true, true, true, true, false, false], from: 540, until: 1050 });
        let open = parse_opening("sat,Mon  00:00 - 24:00").unwrap();
        assert_eq!(
            open,
            Open { days: [true, false, false, false, false, true, false], from: 0, until: 1440 }
        );
        assert_eq!(
            parse_opening("Sat-Mon 10:00-11:00").unwrap().days,
            [true, false, false, false, false, true, true]
        );
        assert_eq!(parse_opening("daily 10:00-11:00").unwrap().days, [true; 7]);
    }

    #[test]
    fn impossible_opening_times_are_refused() {
        for text in [
            "",
            "Mon",
            "Mon 9:00-10:00",
            "Mon 10:00-09:00",
            "Mon 10:00-24:01",
            "Mon 10:60-11:00",
            "Foo 10:00-11:00",
            "Mon-Foo 10:00-11:00",
            "Mon 10:00",
            "Mon 22:00-22:00",
            "Mon +9:00-10:00",
        ] {
            assert!(parse_opening(text).is_err(), "{text}");
        }
    }
}
