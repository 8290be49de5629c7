//! What a `<group>` is: a course, a term or an org unit.

use roster::Text;

/// What a group is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupIs {
    /// Something people are enrolled in.
    Course,
    /// A school year, semester or period.
    Term,
    /// A school, faculty, department or another node of the hierarchy.
    OrgUnit,
    /// Nothing that a roster holds.
    Ignored,
}

/// A rule: a group with this scheme, type value and level is this. What is `None` fits anything.
/// Case, blanks, `-` and `_` do not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupTypeRule {
    /// `grouptype/scheme`.
    pub scheme: Option<Text>,
    /// `grouptype/typevalue`.
    pub value: Option<Text>,
    /// `grouptype/typevalue@level`.
    pub level: Option<Text>,
    /// What such a group is.
    pub is: GroupIs,
}

/// The rules, the first that fits counts; a group that none fits is a course.
///
/// The default takes type values like `Term` and `Department` for what they say, and in Vista's
/// scheme `LEARNING_CONTEXT_V1` everything above the section (levels 25 and 30 among them) for
/// org units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupTypes {
    /// The rules, in order.
    pub rules: Vec<GroupTypeRule>,
}

const VISTA: &str = "LEARNING_CONTEXT_V1";

impl Default for GroupTypes {
    fn default() -> Self {
        let rule = |scheme: Option<&str>, value: Option<&str>, level: Option<&str>, is| {
            let text = |part: Option<&str>| part.map(Text::new);
            GroupTypeRule { scheme: text(scheme), value: text(value), level: text(level), is }
        };
        let mut rules = vec![
            rule(Some(VISTA), None, Some("25"), GroupIs::OrgUnit),
            rule(Some(VISTA), None, Some("30"), GroupIs::OrgUnit),
            rule(Some(VISTA), Some("group"), None, GroupIs::OrgUnit),
            rule(Some(VISTA), Some("course"), None, GroupIs::OrgUnit),
        ];
        for value in [
            "term",
            "semester",
            "trimester",
            "quarter",
            "session",
            "period",
            "school year",
            "academic year",
            "academic period",
            "academic session",
        ] {
            rules.push(rule(None, Some(value), None, GroupIs::Term));
        }
        for value in [
            "institution",
            "division",
            "department",
            "faculty",
            "school",
            "college",
            "campus",
            "organization",
            "organisation",
            "org unit",
            "organizational unit",
            "node",
            "category",
        ] {
            rules.push(rule(None, Some(value), None, GroupIs::OrgUnit));
        }
        Self { rules }
    }
}

/// One `grouptype` of a group, as it stands in the file.
#[derive(Debug, Clone, Default)]
pub(crate) struct GroupType {
    pub(crate) scheme: Option<Text>,
    pub(crate) value: Option<Text>,
    pub(crate) level: Option<Text>,
}

impl GroupTypes {
    /// What a group of these types is.
    pub(crate) fn of(&self, types: &[GroupType]) -> GroupIs {
        let fits = |rule: &GroupTypeRule, of: &GroupType| {
            same(&rule.scheme, &of.scheme)
                && same(&rule.value, &of.value)
                && same(&rule.level, &of.level)
        };
        let rule = self.rules.iter().find(|rule| types.iter().any(|of| fits(rule, of)));
        rule.map_or(GroupIs::Course, |rule| rule.is)
    }
}

fn same(wanted: &Option<Text>, found: &Option<Text>) -> bool {
    let Some(wanted) = wanted else { return true };
    found.as_deref().is_some_and(|found| same_word(wanted, found))
}

/// Whether two words are the same but for case, blanks, `-` and `_`.
pub(crate) fn same_word(a: &str, b: &str) -> bool {
    let letters = |word: &str| {
        let kept: Vec<u8> = word.bytes().filter(|b| !b" -_".contains(b)).collect();
        kept.to_ascii_lowercase()
    };
    letters(a) == letters(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults() {
        let check = |scheme: &str, value: &str, level: &str, expected: GroupIs| {
            let text = |part: &str| (!part.is_empty()).then(|| Text::new(part));
            let of = GroupType { scheme: text(scheme), value: text(value), level: text(level) };
            assert_eq!(GroupTypes::default().of(&[of]), expected, "{scheme} {value} {level}");
        };
        check("", "", "", GroupIs::Course);
        check("", "Term", "", GroupIs::Term);
        check("", "ACADEMIC_PERIOD", "1", GroupIs::Term);
        check("Banner", "Department", "", GroupIs::OrgUnit);
        check("", "Course", "", GroupIs::Course);
        check("", "Group", "", GroupIs::Course);
        check(VISTA, "", "25", GroupIs::OrgUnit);
        check(VISTA, "", "30", GroupIs::OrgUnit);
        check(VISTA, "Course", "", GroupIs::OrgUnit);
        check(VISTA, "Section", "100", GroupIs::Course);
        check("other", "", "25", GroupIs::Course);
    }
}
