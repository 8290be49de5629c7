//! Quiet hours: windows of the week, in the local time of a place.
//!
//! ```
//! use ambient::{Quiet, Timestamp, zone};
//!
//! let quiet = Quiet {
//!     windows: vec!["mon-fri 08:00-16:00".parse().unwrap()],
//!     zone: zone("Europe/Amsterdam").unwrap(),
//! };
//! // A Monday in September, half past nine in Amsterdam.
//! let lesson: Timestamp = "2026-09-07T07:30:00Z".parse().unwrap();
//! let over: Timestamp = "2026-09-07T14:00:00Z".parse().unwrap();
//! assert_eq!(quiet.until(lesson), Some(over));
//! assert_eq!(quiet.until(over), None);
//! ```
//!
//! **Never:** no file of time zones is read. The zones that are known by name go by the rules that
//! stand in this file; any other is written as its POSIX rule.

use std::str::FromStr;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _, Zoned};

/// When it is quiet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quiet {
    /// The windows of a week.
    pub windows: Vec<Window>,
    /// Whose local time they are in.
    pub zone: TimeZone,
}

/// A window that opens on some days of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// On which days it opens, Monday first.
    days: [bool; 7],
    /// Minutes after midnight.
    from: u16,
    /// Minutes after midnight, of the next day where it is not after `from`.
    to: u16,
}

impl Default for Quiet {
    /// Never.
    fn default() -> Self {
        Self { windows: Vec::new(), zone: TimeZone::UTC }
    }
}

impl Quiet {
    /// Until when it is quiet at `now`; `None` where it is not. Windows that follow one another
    /// are one.
    pub fn until(&self, now: Timestamp) -> Option<Timestamp> {
        let mut over = now;
        // A week of windows that never close ends somewhere: it is looked at again then.
        for _ in 0..=7 * self.windows.len() {
            let local = over.to_zoned(self.zone.clone());
            let later = self.windows.iter().filter_map(|window| window.closes(&local)).max();
            match later.filter(|later| *later > over) {
                Some(later) => over = later,
                None => break,
            }
        }
        (over > now).then_some(over)
    }
}

impl Window {
    /// When the window closes that is open at `now`.
    fn closes(&self, now: &Zoned) -> Option<Timestamp> {
        let yesterday = now.date().yesterday().ok()?;
        [yesterday, now.date()].into_iter().find_map(|day| {
            let number = day.weekday().to_monday_zero_offset();
            let opens = self.days.get(usize::try_from(number).ok()?).copied()?;
            let last = if self.to > self.from { day } else { day.tomorrow().ok()? };
            let at = |day: jiff::civil::Date, minutes: u16| {
                let midnight = day.to_datetime(Time::midnight());
                let time = midnight.checked_add(i64::from(minutes).minutes()).ok()?;
                Some(now.time_zone().to_zoned(time).ok()?.timestamp())
            };
            let (from, to) = (at(day, self.from)?, at(last, self.to)?);
            (opens && from <= now.timestamp() && now.timestamp() < to).then_some(to)
        })
    }
}

/// What is no window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAWindow;

impl std::fmt::Display for NotAWindow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(
            "a window is days and hours, for instance \"mon-fri 08:00-16:00\" or \"sat,sun \
             00:00-24:00\"; one that ends before it begins ends on the next day",
        )
    }
}

impl std::error::Error for NotAWindow {}

impl FromStr for Window {
    type Err = NotAWindow;

    fn from_str(text: &str) -> Result<Self, NotAWindow> {
        let (days, hours) = match text.trim().split_once(' ') {
            Some((days, hours)) => (days, hours.trim()),
            None => ("mon-sun", text.trim()),
        };
        let (from, to) = hours.split_once('-').ok_or(NotAWindow)?;
        let (from, to) = (minutes(from)?, minutes(to)?);
        if from == to || from == DAY {
            return Err(NotAWindow);
        }
        Ok(Self { days: week(days)?, from, to })
    }
}

const DAY: u16 = 24 * 60;
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

fn week(text: &str) -> Result<[bool; 7], NotAWindow> {
    let day = |name: &str| DAYS.iter().position(|day| *day == name).ok_or(NotAWindow);
    let mut days = [false; 7];
    for part in text.to_ascii_lowercase().split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (day(first)?, day(last)?);
        // `fri-mon` goes over the end of the week.
        let count = (last + 7 - first) % 7;
        (0..=count).for_each(|after| days[(first + after) % 7] = true);
    }
    Ok(days)
}

fn minutes(text: &str) -> Result<u16, NotAWindow> {
    let (hours, minutes) = text.split_once(':').ok_or(NotAWindow)?;
    let number = |text: &str| {
        let plain = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| text.parse::<u16>().ok()).flatten().ok_or(NotAWindow)
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let all = hours * 60 + minutes;
    if minutes < 60 && all <= DAY { Ok(all) } else { Err(NotAWindow) }
}

/// What is no time zone that is known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAZone;

impl std::fmt::Display for NotAZone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(
            "this time zone is not known here: write its distance from UTC (\"+01:00\") or, where \
             the clocks are changed, its POSIX rule (\"CET-1CEST,M3.5.0,M10.5.0/3\")",
        )
    }
}

impl std::error::Error for NotAZone {}

/// The time zone of this name (`UTC`, `Europe/Amsterdam`), distance (`+01:00`) or POSIX rule.
///
/// # Errors
/// [`NotAZone`] where it is none of these.
pub fn zone(text: &str) -> Result<TimeZone, NotAZone> {
    if text == "UTC" {
        return Ok(TimeZone::UTC);
    }
    if let Some(rule) = rule(text) {
        return TimeZone::posix(rule).map_err(|_| NotAZone);
    }
    let (sign, rest) = match text.split_at_checked(1) {
        Some(("+", rest)) => (1, rest),
        Some(("-", rest)) => (-1, rest),
        _ => return TimeZone::posix(text).map_err(|_| NotAZone),
    };
    let away = i32::from(minutes(rest).map_err(|_| NotAZone)?);
    jiff::tz::Offset::from_seconds(sign * away * 60).map(TimeZone::fixed).map_err(|_| NotAZone)
}

/// The rules of zones that schools are in, by the law of 2026.
fn rule(name: &str) -> Option<&'static str> {
    Some(match name {
        "Europe/London" | "Europe/Lisbon" => match name {
            "Europe/London" => "GMT0BST,M3.5.0/1,M10.5.0",
            _ => "WET0WEST,M3.5.0/1,M10.5.0",
        },
        "Europe/Dublin" => "GMT0IST,M3.5.0/1,M10.5.0",
        "Europe/Amsterdam" | "Europe/Berlin" | "Europe/Brussels" | "Europe/Budapest"
        | "Europe/Copenhagen" | "Europe/Luxembourg" | "Europe/Madrid" | "Europe/Oslo"
        | "Europe/Paris" | "Europe/Prague" | "Europe/Rome" | "Europe/Stockholm"
        | "Europe/Vienna" | "Europe/Warsaw" | "Europe/Zagreb" | "Europe/Zurich" => {
            "CET-1CEST,M3.5.0,M10.5.0/3"
        }
        "Europe/Athens" | "Europe/Bucharest" | "Europe/Helsinki" | "Europe/Kyiv"
        | "Europe/Riga" | "Europe/Sofia" | "Europe/Tallinn" | "Europe/Vilnius" => {
            "EET-2EEST,M3.5.0/3,M10.5.0/4"
        }
        "Europe/Istanbul" => "<+03>-3",
        "America/New_York" | "America/Toronto" => "EST5EDT,M3.2.0,M11.1.0",
        "America/Chicago" => "CST6CDT,M3.2.0,M11.1.0",
        "America/Denver" => "MST7MDT,M3.2.0,M11.1.0",
        "America/Phoenix" => "MST7",
        "America/Los_Angeles" | "America/Vancouver" => "PST8PDT,M3.2.0,M11.1.0",
        "America/Sao_Paulo" => "<-03>3",
        "Asia/Dubai" => "<+04>-4",
        "Asia/Kolkata" => "IST-5:30",
        "Asia/Singapore" => "<+08>-8",
        "Asia/Tokyo" => "JST-9",
        "Africa/Johannesburg" => "SAST-2",
        "Australia/Brisbane" => "AEST-10",
        "Australia/Sydney" | "Australia/Melbourne" => "AEST-10AEDT,M10.1.0,M4.1.0/3",
        "Pacific/Auckland" => "NZST-12NZDT,M9.5.0,M4.1.0/3",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn check(windows: &[&str], place: &str, now: &str, over: Option<&str>) {
        let windows = windows.iter().map(|text| text.parse().expect("a window")).collect();
        let quiet = Quiet { windows, zone: zone(place).expect("a zone") };
        assert_eq!(quiet.until(at(now)), over.map(at), "{now}");
    }

    #[test]
    fn a_window_is_in_local_time_whatever_the_season() {
        let school: &[&str] = &["mon-fri 08:00-16:00"];
        let place = "Europe/Amsterdam";
        check(school, place, "2026-09-07T06:00:00Z", Some("2026-09-07T14:00:00Z"));
        check(school, place, "2026-09-07T05:59:59Z", None);
        check(school, place, "2026-12-07T06:30:00Z", None);
        check(school, place, "2026-12-07T07:00:00Z", Some("2026-12-07T15:00:00Z"));
        check(school, place, "2026-09-06T10:00:00Z", None);
        check(school, "+02:00", "2026-12-07T06:00:00Z", Some("2026-12-07T14:00:00Z"));
    }

    #[test]
    fn a_window_may_go_over_midnight_and_windows_that_follow_one_another_are_one() {
        let night: &[&str] = &["sun 22:00-06:00", "mon 06:00-07:00"];
        check(night, "UTC", "2026-09-06T23:00:00Z", Some("2026-09-07T07:00:00Z"));
        check(night, "UTC", "2026-09-07T05:00:00Z", Some("2026-09-07T07:00:00Z"));
        check(night, "UTC", "2026-09-08T05:00:00Z", None);
        let ends: &[&str] = &["sat,sun 00:00-24:00"];
        check(ends, "UTC", "2026-09-05T01:00:00Z", Some("2026-09-07T00:00:00Z"));
        let always: &[&str] = &["00:00-24:00"];
        let quiet = Quiet { windows: vec![always[0].parse().unwrap()], zone: TimeZone::UTC };
        assert!(quiet.until(at("2026-09-05T01:00:00Z")) > Some(at("2026-09-09T01:00:00Z")));
        assert_eq!(Quiet::default().until(at("2026-09-05T01:00:00Z")), None);
    }

    #[test]
    fn what_is_no_window_or_zone_is_said() {
        for wrong in [
            "",
            "mon",
            "mon-fri 8-16",
            "mo 08:00-16:00",
            "mon 08:00-08:00",
            "mon 24:00-08:00",
            "08:00-24:01",
            "08:60-09:00",
        ] {
            assert_eq!(wrong.parse::<Window>(), Err(NotAWindow), "{wrong}");
        }
        for wrong in ["Europe/Atlantis", "+1", "", "+25:00"] {
            assert_eq!(zone(wrong).err(), Some(NotAZone), "{wrong}");
        }
        assert!(zone("CET-1CEST,M3.5.0,M10.5.0/3").is_ok());
    }

    #[test]
    fn every_rule_is_one() {
        for name in [
            "Europe/London",
            "Europe/Lisbon",
            "Europe/Dublin",
            "Europe/Paris",
            "Europe/Riga",
            "Europe/Istanbul",
            "America/Chicago",
            "America/Sao_Paulo",
            "Asia/Kolkata",
            "Asia/Dubai",
            "Australia/Sydney",
            "Pacific/Auckland",
        ] {
            assert!(zone(name).is_ok(), "{name}");
        }
    }
}
