//! Days of the school's life, and what falls on them.

use std::time::Duration;

use roster::Date;

use crate::dice::Dice;

/// The last day that a school can be looked at; later ones show this one. It bounds how many keys
/// a school can ever give out, and with that how long they are.
pub(crate) const LAST_DAY: u32 = 32 * 365;

/// How many school years begin up to [`LAST_DAY`].
pub(crate) const YEARS: u64 = 33;

/// The last day of a school year on which something happens.
const LAST_EVENT: u64 = 340;

/// A day as the school sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Today {
    /// The school years since the first one, which is 0.
    pub year: u32,
    /// Days since this school year began on 1 August.
    pub day: u32,
}

impl Today {
    /// The day `number` of a school whose first school year begins on 1 August of `first_year`.
    pub(crate) fn of(first_year: i16, number: u32) -> Self {
        let mut year = 0;
        let mut day = number.min(LAST_DAY);
        loop {
            let leap = Date::new(first_year + year as i16 + 1, 2, 29).is_ok();
            let length = if leap { 366 } else { 365 };
            if day < length {
                return Self { year, day };
            }
            day -= length;
            year += 1;
        }
    }

    /// The date on which the school year `year` stands at `day`.
    pub(crate) fn date(first_year: i16, year: u32, day: u32) -> Date {
        let begin = ymd(first_year + year as i16, 8, 1);
        let span = Duration::from_secs(u64::from(day) * 86_400);
        begin.checked_add(span).unwrap_or(begin)
    }

    /// The same school year once all of it has happened, seen from a later one.
    pub(crate) fn end_of(year: u32) -> Self {
        Self { year, day: u32::MAX }
    }
}

/// The day of `this` school year on which an event falls that happens to `rate` in ten thousand a
/// year; `None` where it does not happen to this one.
pub(crate) fn event_day(dice: Dice, rate: u32) -> Option<u32> {
    dice.of(0).chance(rate).then(|| 1 + dice.of(1).below(LAST_EVENT) as u32)
}

/// Whether such an event has happened by `day`.
pub(crate) fn happened(dice: Dice, rate: u32, day: u32) -> bool {
    event_day(dice, rate).is_some_and(|on| on <= day)
}

/// A date that is known to exist; 29 February is not among those asked for.
pub(crate) fn ymd(year: i16, month: i8, day: i8) -> Date {
    Date::new(year, month, day).unwrap_or(Date::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_year_turns_on_the_first_of_august() {
        let check = |number, year, day| {
            assert_eq!(Today::of(2026, number), Today { year, day }, "day {number}");
        };
        check(0, 0, 0);
        check(364, 0, 364);
        check(365, 1, 0);
        // 2028 has a 29 February, within the school year that begins in 2027.
        check(365 + 365, 1, 365);
        check(365 + 366, 2, 0);
        assert_eq!(Today::date(2026, 0, 0), ymd(2026, 8, 1));
        assert_eq!(Today::date(2026, 1, 365), ymd(2028, 7, 31));
        assert!(u64::from(Today::of(2026, u32::MAX).year) < YEARS);
    }
}
