//! Spans of time.

use std::time::Duration;

use serde::Deserialize;

/// A span of time: `"90s"`, `"15m"`, `"26h"`, `"7d"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Span(pub Duration);

impl TryFrom<String> for Span {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        let wrong = "a span of time is a number of seconds, minutes, hours or days, for instance \
                     \"90s\", \"15m\", \"26h\" or \"7d\", at least a second and at most a year";
        let (number, unit) = match text.char_indices().next_back() {
            Some((at, 's')) => (&text[..at], 1),
            Some((at, 'm')) => (&text[..at], 60),
            Some((at, 'h')) => (&text[..at], 3600),
            Some((at, 'd')) => (&text[..at], 86_400),
            _ => return Err(wrong),
        };
        let seconds = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
        let fits = seconds.filter(|seconds| (1..=366 * 86_400).contains(seconds));
        fits.map(|seconds| Self(Duration::from_secs(seconds))).ok_or(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_a_number_and_a_unit() {
        let span = |text: &str| Span::try_from(text.to_owned()).map(|span| span.0.as_secs());
        assert_eq!(span("90s"), Ok(90));
        assert_eq!(span("15m"), Ok(900));
        assert_eq!(span("26h"), Ok(93_600));
        assert_eq!(span("366d"), Ok(31_622_400));
        for wrong in ["", "s", "0s", "9", "-1h", "1.5h", "367d", "99999999999999999999s", "1 h"] {
            assert!(span(wrong).unwrap_err().contains("26h"), "{wrong}");
        }
    }
}
