//! Days as Moodle's moments: seconds since 1970, in the site's own day.

use roster::{Date, Timeframe};

use super::config::UtcOffset;

/// The day's first second.
pub(super) fn first_second(day: Date, offset: UtcOffset) -> i64 {
    let days = day.duration_since(Date::new(1970, 1, 1).unwrap_or_default()).as_secs();
    days - offset.0
}

/// The day's last second: the day itself still counts.
pub(super) fn last_second(day: Date, offset: UtcOffset) -> i64 {
    first_second(day, offset) + 24 * 60 * 60 - 1
}

/// Start and end of an enrolment; 0 is open. Only dates that are to be enforced shut anybody out.
pub(super) fn enforced(
    timeframe: Option<&Timeframe>,
    offset: UtcOffset,
) -> Result<(i64, i64), &'static str> {
    let begin = timeframe.and_then(Timeframe::enforced_begin);
    let end = timeframe.and_then(Timeframe::enforced_end);
    match (begin, end) {
        // Moodle would take it and let nobody in, ever.
        (Some(begin), Some(end)) if end < begin => Err("ends-before-it-begins"),
        _ => Ok((
            begin.map_or(0, |day| first_second(day, offset)),
            end.map_or(0, |day| last_second(day, offset)),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_begin_and_end_where_the_site_is() {
        let day = Date::new(2026, 11, 22).unwrap();
        assert_eq!(first_second(day, UtcOffset(0)), 1_795_305_600);
        assert_eq!(first_second(day, UtcOffset(3600)), 1_795_302_000);
        assert_eq!(last_second(day, UtcOffset(0)), 1_795_391_999);
    }

    #[test]
    fn only_enforced_dates_shut_anybody_out() {
        let (begin, end) = (Date::new(2026, 9, 1).ok(), Date::new(2027, 7, 1).ok());
        let mut frame = Timeframe { begin, end, ..Timeframe::default() };
        let check = |frame: &Timeframe| enforced(Some(frame), UtcOffset(0));
        assert_eq!(check(&frame), Ok((0, 0)));
        frame.restrict_end = true;
        assert_eq!(check(&frame), Ok((0, 1_814_486_399)));
        frame.restrict_begin = true;
        assert_eq!(check(&frame), Ok((1_788_220_800, 1_814_486_399)));
        (frame.begin, frame.end) = (end, begin);
        assert_eq!(check(&frame), Err("ends-before-it-begins"));
        assert_eq!(enforced(None, UtcOffset(0)), Ok((0, 0)));
    }
}
