//! Dates as administrations write them.

use roster::Date;

/// The day in `text`. A time of day behind it, and its time zone, are left out: a date means the
/// day as it is written. `None` where it is no date or could be two.
pub(crate) fn day(text: &str) -> Option<Date> {
    let text = text.trim();
    let numbers =
        |at: usize| text.get(at..at + 1).is_some_and(|c| c.as_bytes()[0].is_ascii_digit());
    if text.len() >= 8 && (0..8).all(numbers) && !numbers(8) {
        return date(&text[..4], &text[4..6], &text[6..8]);
    }
    // A directory's time: 20260901063000Z, with a fraction or another zone perhaps.
    if (0..14).all(numbers) && text[14..].starts_with(['Z', '.', '+', '-']) {
        let is_rest = |c: char| c.is_ascii_digit() || ".,+-Z".contains(c);
        let day = date(&text[..4], &text[4..6], &text[6..8]);
        return day.filter(|_| text[14..].chars().all(is_rest));
    }
    let separator = text.find(|c: char| !c.is_ascii_digit())?;
    let mark = text[separator..].chars().next().filter(|c| "-/. ".contains(*c))?;
    let mut parts = text.splitn(3, mark);
    let (first, second, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let third = &rest[..rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())];
    if !is_time(&rest[third.len()..]) {
        return None;
    }
    if first.len() == 4 {
        return date(first, second, third);
    }
    if third.len() != 4 {
        return None;
    }
    // With slashes the month may come first: only a day above 12 tells.
    if mark == '/' && first.parse::<u8>().ok()? <= 12 && second != first {
        return match second.parse::<u8>().ok()? {
            13.. => date(third, first, second),
            _ => None,
        };
    }
    date(third, second, first)
}

/// Nothing, or what may follow a date.
fn is_time(rest: &str) -> bool {
    let mut chars = rest.chars();
    matches!(chars.next(), None | Some('T' | 't' | ' ' | '#' | '+' | 'Z' | 'z' | ':'))
        && chars.all(|c| c.is_ascii_digit() || " :.,+-ZzAaPpMm".contains(c))
}

fn date(year: &str, month: &str, day: &str) -> Option<Date> {
    let month = month_number(month)?;
    Date::new(year.parse().ok().filter(|y| *y > 0)?, month, day.parse().ok()?).ok()
}

/// A month by number, or by its English or Dutch name, in full or cut to three letters.
fn month_number(month: &str) -> Option<i8> {
    const NAMES: [&[&str]; 12] = [
        &["jan"],
        &["feb"],
        &["mar", "maa", "mrt"],
        &["apr"],
        &["may", "mei"],
        &["jun"],
        &["jul"],
        &["aug"],
        &["sep"],
        &["oct", "okt"],
        &["nov"],
        &["dec"],
    ];
    if month.bytes().all(|b| b.is_ascii_digit()) {
        return month.parse().ok().filter(|m| (1..=12).contains(m));
    }
    let start = month.get(..3)?.to_ascii_lowercase();
    let place = NAMES.iter().position(|names| names.contains(&start.as_str()))?;
    month.bytes().all(|b| b.is_ascii_alphabetic()).then_some(place as i8 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_in_many_forms() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(day(text).map(|d| d.to_string()).as_deref(), expected, "{text:?}");
        };
        let some = Some("2003-10-28");
        for same in [
            "2003-10-28",
            " 2003-10-28 ",
            "2003-10-28T16:06:02",
            "2003-10-28T16:06:02.123+01:00",
            "2003-10-28T16:06:02Z",
            "2003-10-28 04:06:02 PM",
            "2003/10/28",
            "20031028",
            "20031028T160602",
            "20031028160602Z",
            "20031028160602.0+0100",
            "28-oct-2003#16:06:02",
            "28-OCT-2003#4:06:02 PM",
            "28-okt-2003",
            "28 October 2003",
            "28-10-2003",
            "28.10.2003",
            "28/10/2003",
            "10/28/2003",
        ] {
            check(same, some);
        }
        check("4-4-2003", Some("2003-04-04"));
        check("4/4/2003", Some("2003-04-04"));
        for bad in [
            "",
            "x",
            "2003",
            "2003-13-01",
            "2003-02-30",
            "0000-00-00",
            "3/4/2003",
            "28-oct-03",
            "2003-10-28x",
            "28-foo-2003",
            "200310281",
            "20031028160602",
            "20031028160602Zx",
            "2003-10",
            "--",
            "é-é-2003",
            "1é-1-2003",
        ] {
            check(bad, None);
        }
    }
}
