//! Money, percentages and units.

use super::number::{Number, cardinal};
use super::rules::Hit;
use super::text::Word;

/// Sign, one, many, hundredth, hundredths.
type Currency = (&'static str, &'static str, &'static str, &'static str, &'static str);

const CURRENCIES: [Currency; 6] = [
    ("US$", "dollar", "dollars", "cent", "cents"),
    ("$", "dollar", "dollars", "cent", "cents"),
    ("€", "euro", "euros", "cent", "cents"),
    ("£", "pound", "pounds", "penny", "pence"),
    ("¥", "yen", "yen", "", ""),
    ("₹", "rupee", "rupees", "paisa", "paise"),
];
const CODES: [Currency; 4] = [
    ("USD", "dollar", "dollars", "cent", "cents"),
    ("EUR", "euro", "euros", "cent", "cents"),
    ("GBP", "pound", "pounds", "penny", "pence"),
    ("CHF", "franc", "francs", "centime", "centimes"),
];
const MAGNITUDES: [(&str, &str); 8] = [
    ("k", "thousand"),
    ("K", "thousand"),
    ("m", "million"),
    ("M", "million"),
    ("bn", "billion"),
    ("b", "billion"),
    ("B", "billion"),
    ("T", "trillion"),
];
/// Symbol, one, many.
const UNITS: [(&str, &str, &str); 41] = [
    ("km", "kilometer", "kilometers"),
    ("m", "meter", "meters"),
    ("cm", "centimeter", "centimeters"),
    ("mm", "millimeter", "millimeters"),
    ("mi", "mile", "miles"),
    ("ft", "foot", "feet"),
    ("yd", "yard", "yards"),
    ("kg", "kilogram", "kilograms"),
    ("g", "gram", "grams"),
    ("mg", "milligram", "milligrams"),
    ("lb", "pound", "pounds"),
    ("lbs", "pound", "pounds"),
    ("oz", "ounce", "ounces"),
    ("l", "liter", "liters"),
    ("L", "liter", "liters"),
    ("ml", "milliliter", "milliliters"),
    ("mL", "milliliter", "milliliters"),
    ("mph", "mile per hour", "miles per hour"),
    ("km/h", "kilometer per hour", "kilometers per hour"),
    ("°C", "degree Celsius", "degrees Celsius"),
    ("°F", "degree Fahrenheit", "degrees Fahrenheit"),
    ("°", "degree", "degrees"),
    ("ms", "millisecond", "milliseconds"),
    ("s", "second", "seconds"),
    ("sec", "second", "seconds"),
    ("secs", "second", "seconds"),
    ("min", "minute", "minutes"),
    ("mins", "minute", "minutes"),
    ("h", "hour", "hours"),
    ("hr", "hour", "hours"),
    ("hrs", "hour", "hours"),
    ("KB", "kilobyte", "kilobytes"),
    ("kB", "kilobyte", "kilobytes"),
    ("MB", "megabyte", "megabytes"),
    ("GB", "gigabyte", "gigabytes"),
    ("TB", "terabyte", "terabytes"),
    ("Mbps", "megabit per second", "megabits per second"),
    ("kW", "kilowatt", "kilowatts"),
    ("kWh", "kilowatt hour", "kilowatt hours"),
    ("m²", "square meter", "square meters"),
    ("km²", "square kilometer", "square kilometers"),
];
const PER: [&str; 12] =
    ["second", "minute", "min", "hour", "hr", "day", "night", "week", "month", "mo", "year", "person"];

/// An amount, or an interval of amounts, in words.
struct Quantity {
    text: String,
    /// Whether its noun stands in the singular.
    one: bool,
}

impl Quantity {
    fn parse(text: &str) -> Option<Self> {
        if let Some(number) = Number::parse(text) {
            return Some(Self { text: number.amount(), one: number.is_one() });
        }
        let (from, to) = text.split_once(['-', '–'])?;
        let (from, to) = (Number::parse(from)?, Number::parse(to)?);
        Some(Self { text: format!("{} to {}", from.amount(), to.amount()), one: false })
    }

    fn of<'a>(&self, one: &'a str, many: &'a str) -> String {
        format!("{} {}", self.text, if self.one { one } else { many })
    }
}

/// The measure with which these words begin.
pub(super) fn speak<'a>(words: &[Word<'a>]) -> Option<Hit<'a>> {
    let first = words[0];
    let next = words.get(1).filter(|next| first.trail.is_empty() && next.lead.is_empty());
    if let Some(next) = next
        && let Some(text) = of_two(first.core, next.core)
    {
        return Some(Hit::of(&words[..2], text));
    }
    let text = one_word(first.core).or_else(|| per(first.core))?;
    Some(Hit::of(&words[..1], text))
}

/// Figure and unit apart. Single letters are too often something else there.
fn of_two(figure: &str, unit: &str) -> Option<String> {
    if let Some((sign, currency)) = signed(figure) {
        let scale = ["thousand", "million", "billion", "trillion"].into_iter().find(|name| *name == unit)?;
        return Some(format!("{} {scale} {}", Quantity::parse(sign)?.text, currency.2));
    }
    if let Some(currency) = CODES.iter().find(|(code, ..)| *code == unit) {
        return money(figure, currency);
    }
    if unit == "%" {
        return Some(format!("{} percent", Quantity::parse(figure)?.text));
    }
    let known = unit.chars().count() > 1 || unit == "°";
    known.then(|| in_units(figure, unit)).flatten()
}

fn one_word(core: &str) -> Option<String> {
    if let Some(figure) = core.strip_suffix('%') {
        return Some(format!("{} percent", Quantity::parse(figure)?.text));
    }
    if let Some(owed) = core.strip_prefix(['-', '−'])
        && signed(owed).is_some()
    {
        return one_word(owed).map(|text| format!("minus {text}"));
    }
    if let Some((figure, currency)) = signed(core) {
        return scaled(figure, currency)
            .or_else(|| money(figure, currency))
            .or_else(|| interval(figure, currency));
    }
    let figure = core.trim_end_matches(|c: char| !c.is_ascii_digit());
    in_units(figure, &core[figure.len()..])
}

/// Figures with a sign of money before or after them.
fn signed(core: &str) -> Option<(&str, &'static Currency)> {
    CURRENCIES.iter().find_map(|currency| {
        let sign = currency.0;
        let figure = core.strip_prefix(sign).or_else(|| core.strip_suffix(sign))?;
        figure.starts_with(|c: char| c.is_ascii_digit() || c == '.').then_some((figure, currency))
    })
}

fn money(figure: &str, currency: &Currency) -> Option<String> {
    let (_, one, many, hundredth, hundredths) = *currency;
    let number = Number::parse(figure)?;
    let cents = number.fraction().filter(|f| f.len() == 2 && !hundredth.is_empty());
    let (Some(cents), Some(whole)) = (cents, number.whole()) else {
        let quantity = Quantity { text: number.amount(), one: number.is_one() };
        return Some(quantity.of(one, many));
    };
    let cents: u64 = cents.parse().ok()?;
    let minus = if number.is_negative() { "minus " } else { "" };
    let wholes = format!("{} {}", cardinal(whole), if whole == 1 { one } else { many });
    let parts = format!("{} {}", cardinal(cents), if cents == 1 { hundredth } else { hundredths });
    Some(match (whole, cents) {
        (_, 0) => format!("{minus}{wholes}"),
        (0, _) => format!("{minus}{parts}"),
        _ => format!("{minus}{wholes} and {parts}"),
    })
}

/// `$5k`, `€2.5bn`.
fn scaled(figure: &str, currency: &Currency) -> Option<String> {
    MAGNITUDES.iter().find_map(|(suffix, scale)| {
        let quantity = Quantity::parse(figure.strip_suffix(suffix)?)?;
        Some(format!("{} {scale} {}", quantity.text, currency.2))
    })
}

/// `$10-15`, `$10-$15`.
fn interval(figure: &str, currency: &Currency) -> Option<String> {
    let (from, to) = figure.split_once(['-', '–'])?;
    let to = to.strip_prefix(currency.0).unwrap_or(to);
    Some(format!("{} to {}", Number::parse(from)?.amount(), money(to, currency)?))
}

fn in_units(figure: &str, unit: &str) -> Option<String> {
    let (_, one, many) = UNITS.iter().find(|(symbol, ..)| *symbol == unit)?;
    Some(Quantity::parse(figure)?.of(one, many))
}

/// `$20/month`, `5/day`.
fn per(core: &str) -> Option<String> {
    let (amount, period) = core.split_once('/')?;
    let period = PER.iter().find(|name| **name == period)?;
    let period = match *period {
        "min" => "minute",
        "hr" => "hour",
        "mo" => "month",
        other => other,
    };
    let amount = one_word(amount).or_else(|| Some(Quantity::parse(amount)?.text))?;
    Some(format!("{amount} per {period}"))
}
