//! Days, and spans of them.

use std::borrow::Cow;

pub use jiff::civil::Date;

use crate::{DecodeError, Decoder, Text, Value, put_bytes};

/// When something begins and ends, both days included.
///
/// `restrict_*` says whether the LMS must refuse access outside (IMS Enterprise: `restrict="1"`);
/// without it the date is information only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timeframe {
    /// First day.
    pub begin: Option<Date>,
    /// Last day.
    pub end: Option<Date>,
    /// Access before `begin` is refused.
    pub restrict_begin: bool,
    /// Access after `end` is refused.
    pub restrict_end: bool,
    /// The administrative period's name, for instance `2026-2027 semester 1`.
    pub admin_period: Option<Text>,
}

impl Timeframe {
    /// Whether it says anything at all.
    pub fn is_empty(&self) -> bool {
        self.begin.is_none() && self.end.is_none() && self.admin_period.is_none()
    }

    /// The first day, where access before it is to be refused.
    pub fn enforced_begin(&self) -> Option<Date> {
        self.begin.filter(|_| self.restrict_begin)
    }

    /// The last day, where access after it is to be refused.
    pub fn enforced_end(&self) -> Option<Date> {
        self.end.filter(|_| self.restrict_end)
    }
}

impl Value for Timeframe {
    fn encode(&self, out: &mut Vec<u8>) {
        let flags = u8::from(self.begin.is_some())
            | u8::from(self.end.is_some()) << 1
            | u8::from(self.restrict_begin) << 2
            | u8::from(self.restrict_end) << 3
            | u8::from(self.admin_period.is_some()) << 4;
        out.push(flags);
        for date in [self.begin, self.end].into_iter().flatten() {
            date.encode(out);
        }
        if let Some(period) = &self.admin_period {
            put_bytes(out, period.as_bytes());
        }
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut from = Decoder::new(bytes);
        let flags = from.byte()?;
        let mut date =
            |bit: u8| (flags & bit != 0).then(|| Date::decode(from.take(4)?)).transpose();
        let (begin, end) = (date(1)?, date(2)?);
        let admin_period = match flags & 16 {
            0 => None,
            _ => Some(Text::new(from.str()?)),
        };
        Ok(Self {
            begin,
            end,
            restrict_begin: flags & 4 != 0,
            restrict_end: flags & 8 != 0,
            admin_period,
        })
    }

    fn show(&self) -> Cow<'_, str> {
        let side = |date: Option<Date>, restrict: bool| match date {
            Some(date) if restrict => format!("{date}!"),
            Some(date) => date.to_string(),
            None => String::new(),
        };
        let mut shown = format!(
            "{}..{}",
            side(self.begin, self.restrict_begin),
            side(self.end, self.restrict_end)
        );
        if let Some(period) = &self.admin_period {
            shown.push_str(&format!(" ({period})"));
        }
        shown.into()
    }
}

impl Value for Date {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.year().to_be_bytes());
        out.extend_from_slice(&[self.month() as u8, self.day() as u8]);
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let bad = DecodeError { what: "a date", at: 0 };
        let [y1, y2, month, day] = <[u8; 4]>::try_from(bytes).map_err(|_| bad.clone())?;
        Self::new(i16::from_be_bytes([y1, y2]), month as i8, day as i8).map_err(|_| bad)
    }

    fn show(&self) -> Cow<'_, str> {
        self.to_string().into()
    }

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}
