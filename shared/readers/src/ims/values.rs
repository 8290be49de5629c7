//! Single values of a record.

use roster::{Date, Kind, Status, Text, Timeframe, normal};

use super::{Here, Ims, names};
use crate::codes;
use crate::xml::tree::At;

impl Ims<'_> {
    /// An element's text, as people read it.
    #[inline]
    pub(super) fn value(&mut self, here: Here<'_>, at: At) -> Option<Text> {
        self.clean(here, here.tree.text(at))
    }

    /// The text of the first child of this name.
    pub(super) fn child_value(&mut self, here: Here<'_>, at: At, name: u8) -> Option<Text> {
        let child = here.tree.child(at, name)?;
        self.value(here, child)
    }

    /// An attribute's value.
    pub(super) fn attribute(&mut self, here: Here<'_>, at: At, name: &str) -> Option<Text> {
        let value = here.tree.attribute(at, name)?;
        self.clean(here, &value)
    }

    /// `raw` as people read it, where it is not too long.
    #[inline]
    pub(super) fn clean(&mut self, here: Here<'_>, raw: &str) -> Option<Text> {
        let limit = self.options.limits.value_chars;
        if raw.len() > limit && raw.chars().count() > limit {
            let message = format!("a value is longer than {limit} characters; it is left out");
            self.find(here, &codes::VALUE_TOO_LONG, message);
            return None;
        }
        normal::text(raw)
    }

    /// Adds to a list, where there is room.
    pub(super) fn add<T>(&mut self, here: Here<'_>, list: &mut Option<Vec<T>>, item: T) {
        let list = list.get_or_insert_default();
        let limit = self.options.limits.attributes;
        if list.len() < limit {
            list.push(item);
        } else if list.len() == limit {
            let message = format!(
                "the record has more than {limit} values of one sort; the rest is left out"
            );
            self.find(here, &codes::TOO_MANY_VALUES, message);
        }
    }

    /// A day.
    pub(super) fn day(&mut self, here: Here<'_>, at: At) -> Option<Date> {
        let text = here.tree.text(at);
        if text.trim().is_empty() {
            return None;
        }
        let day = crate::date::day(text);
        if day.is_none() {
            let message = format!(
                "`{}` holds no date that can be read; write it as 2026-08-31",
                here.tree.local(at, &names::TABLE)
            );
            self.find(here, &codes::UNREADABLE_DATE, message);
        }
        day
    }

    /// 1 or 0, or the words.
    pub(super) fn status(&mut self, here: Here<'_>, at: At) -> Option<Status> {
        let text = here.tree.text(at).trim();
        match text {
            "" => None,
            "1" => Some(Status::Active),
            "0" => Some(Status::Inactive),
            _ if text.eq_ignore_ascii_case("active") => Some(Status::Active),
            _ if text.eq_ignore_ascii_case("inactive") => Some(Status::Inactive),
            _ => {
                let message = "the record has a status other than 0 and 1; it is left out";
                self.find(here, &codes::UNKNOWN_STATUS, message.into());
                None
            }
        }
    }

    /// A `timeframe`.
    pub(super) fn timeframe(&mut self, here: Here<'_>, at: At) -> Option<Timeframe> {
        let mut timeframe = Timeframe::default();
        for child in here.tree.children(at) {
            match here.tree.name(child) {
                names::BEGIN => {
                    timeframe.begin = self.day(here, child);
                    timeframe.restrict_begin =
                        timeframe.begin.is_some() && is_restricted(here, child);
                }
                names::END => {
                    timeframe.end = self.day(here, child);
                    timeframe.restrict_end = timeframe.end.is_some() && is_restricted(here, child);
                }
                names::ADMINPERIOD => timeframe.admin_period = self.value(here, child),
                _ => {}
            }
        }
        (!timeframe.is_empty()).then_some(timeframe)
    }

    /// The parts of a `description`, or of names that stand like one: short and long name, and
    /// what it is about. A short name that stands alone is the name, and there is no code.
    pub(super) fn description(&mut self, here: Here<'_>, at: At) -> [Option<Text>; 3] {
        let mut parts = [None, None, None];
        for child in here.tree.children(at) {
            match here.tree.name(child) {
                names::SHORT => parts[0] = self.value(here, child),
                names::LONG => parts[1] = self.value(here, child),
                names::FULL => parts[2] = self.value(here, child),
                _ => {}
            }
        }
        if parts[1].is_none() {
            parts[1] = parts[0].take();
        }
        parts
    }

    /// What kind of thing a relationship's label speaks of.
    pub(super) fn labelled_kind(label: Option<&Text>) -> Option<Kind> {
        let label = label?.to_ascii_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| label.contains(word));
        if has(&["term", "semester", "period", "session", "school year"]) {
            Some(Kind::Term)
        } else if has(&["course", "section", "cross", "merge", "master"]) {
            Some(Kind::Course)
        } else if has(&[
            "org",
            "unit",
            "department",
            "division",
            "faculty",
            "school",
            "institution",
            "college",
            "campus",
            "group",
            "node",
            "category",
            "subject",
        ]) {
            Some(Kind::OrgUnit)
        } else {
            None
        }
    }
}

fn is_restricted(here: Here<'_>, at: At) -> bool {
    let restrict = here.tree.attribute(at, "restrict");
    restrict.is_some_and(|restrict| {
        let restrict = restrict.trim();
        restrict == "1"
            || restrict.eq_ignore_ascii_case("true")
            || restrict.eq_ignore_ascii_case("yes")
    })
}
