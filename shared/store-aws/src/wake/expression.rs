//! What Scheduler takes as a recurring expression. An emulator takes anything, so that a mistake
//! is found here and not in production.

use std::ops::RangeInclusive;

use store::StoreError;

const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// One field of a cron expression.
struct Field {
    name: &'static str,
    range: RangeInclusive<u16>,
    /// Names for the numbers from the range's start on.
    words: &'static [&'static str],
    /// What else may stand in it.
    special: &'static str,
}

const FIELDS: [Field; 6] = [
    Field { name: "minute", range: 0..=59, words: &[], special: "" },
    Field { name: "hour", range: 0..=23, words: &[], special: "" },
    Field { name: "day of month", range: 1..=31, words: &[], special: "?LW" },
    Field { name: "month", range: 1..=12, words: &MONTHS, special: "" },
    Field { name: "day of week", range: 1..=7, words: &DAYS, special: "?L#" },
    Field { name: "year", range: 1970..=2199, words: &[], special: "" },
];

/// Checks `rate(15 minutes)` and `cron(0 5 ? * MON-FRI *)`.
pub(super) fn check_expression(expression: &str) -> Result<(), StoreError> {
    let within = |name: &str| expression.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')');
    let checked = match (within("rate"), within("cron")) {
        (Some(rate), _) => check_rate(rate),
        (_, Some(cron)) => check_cron(cron),
        _ => Err("it is neither rate(...) nor cron(...)".to_owned()),
    };
    checked.map_err(|reason| StoreError::Invalid { what: "schedule expression", reason })
}

/// Checks that a zone's name is written like one. Whether there is such a zone, AWS says.
pub(super) fn check_timezone(timezone: &str) -> Result<(), StoreError> {
    let odd = |byte: u8| !byte.is_ascii_alphanumeric() && !b"/_+-".contains(&byte);
    if timezone.is_empty() || timezone.len() > 50 || timezone.bytes().any(odd) {
        return Err(StoreError::Invalid {
            what: "time zone",
            reason: "it is not written like `Europe/Dublin` or `UTC`".to_owned(),
        });
    }
    Ok(())
}

fn check_rate(rate: &str) -> Result<(), String> {
    let (value, unit) = rate.split_once(' ').ok_or("a rate is written `rate(15 minutes)`")?;
    let value: u32 = value.parse().map_err(|_| format!("`{value}` is not a number"))?;
    let units = ["minute", "minutes", "hour", "hours", "day", "days"];
    if value == 0 || !units.contains(&unit) {
        return Err("a rate is one or more minutes, hours or days".to_owned());
    }
    Ok(())
}

fn check_cron(cron: &str) -> Result<(), String> {
    let fields: Vec<&str> = cron.split_ascii_whitespace().collect();
    if fields.len() != FIELDS.len() {
        return Err(format!(
            "a cron expression has six fields (minute, hour, day of month, month, day of week, \
             year), this one {}",
            fields.len()
        ));
    }
    for (text, field) in fields.iter().zip(&FIELDS) {
        for part in text.split(',') {
            if !field.takes(part) {
                return Err(format!("`{part}` is not a {}", field.name));
            }
        }
    }
    if (fields[2] == "?") == (fields[4] == "?") {
        return Err("one of day of month and day of week, and only one, must be `?`".to_owned());
    }
    Ok(())
}

impl Field {
    fn takes(&self, part: &str) -> bool {
        let may = |special: char| self.special.contains(special);
        if let Some((from, step)) = part.split_once('/') {
            let counts = step.parse::<u16>().is_ok_and(|step| step > 0);
            return counts && (from == "*" || self.takes_span(from));
        }
        match part {
            "*" => true,
            "?" => may('?'),
            "L" => may('L'),
            "LW" => may('L') && may('W'),
            _ => self.takes_span(part) || self.takes_special(part),
        }
    }

    fn takes_span(&self, part: &str) -> bool {
        match part.split_once('-') {
            Some((from, to)) => self.number(from).is_some() && self.number(to).is_some(),
            None => self.number(part).is_some(),
        }
    }

    /// `15W`, `6L` and `3#2`.
    fn takes_special(&self, part: &str) -> bool {
        let may = |special: char| self.special.contains(special);
        let is_number = |text: &str| self.number(text).is_some();
        if let Some((day, week)) = part.split_once('#') {
            return may('#') && is_number(day) && matches!(week, "1" | "2" | "3" | "4" | "5");
        }
        let before = |letter| part.strip_suffix(letter).is_some_and(is_number) && may(letter);
        before('W') || before('L') && may('#')
    }

    fn number(&self, text: &str) -> Option<u16> {
        let upper = text.to_ascii_uppercase();
        if let Some(place) = self.words.iter().position(|word| *word == upper) {
            return Some(self.range.start() + u16::try_from(place).ok()?);
        }
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|number| digits && self.range.contains(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_that_aws_takes() {
        for good in [
            "rate(1 minute)",
            "rate(15 minutes)",
            "rate(2 days)",
            "cron(0 5 ? * MON-FRI *)",
            "cron(0/15 6-20 * * ? *)",
            "cron(0 5 1,15 * ? 2026-2030)",
            "cron(30 4 L * ? *)",
            "cron(30 4 LW JAN-MAR ? *)",
            "cron(30 4 15W * ? *)",
            "cron(30 4 ? * 6L *)",
            "cron(30 4 ? * 3#2 *)",
            "cron(5,35 14 * * ? *)",
        ] {
            assert!(check_expression(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn expressions_that_only_an_emulator_takes() {
        for bad in [
            "",
            "daily",
            "rate(0 minutes)",
            "rate(15)",
            "rate(5 weeks)",
            "rate(-5 minutes)",
            "cron(0 5 * * *)",
            "cron(0 5 * * * *)",
            "cron(0 5 ? * ? *)",
            "cron(60 5 ? * MON *)",
            "cron(0 24 ? * MON *)",
            "cron(0 5 ? * MOO *)",
            "cron(0 5 ? 13 MON *)",
            "cron(0/0 5 ? * MON *)",
            "cron(0 5 32 * ? *)",
            "cron(0 5 ? * 3#6 *)",
            "cron(0 5 ? * MON 1969)",
            "cron(0 5 ? * MON *",
            "at(2026-11-22T05:07:38)",
        ] {
            assert!(check_expression(bad).is_err(), "{bad}");
        }
        assert!(check_timezone("Europe/Dublin").is_ok() && check_timezone("UTC").is_ok());
        assert!(check_timezone("").is_err() && check_timezone("Europe Dublin").is_err());
    }
}
