//! What answers are made of: only the fields that are looked at.

use serde::Deserialize;
use serde_json::Value;

/// A site's own account of itself.
#[derive(Deserialize)]
pub(super) struct SiteInfo {
    pub(super) siteurl: String,
    #[serde(default)]
    pub(super) release: String,
    pub(super) userid: u64,
    #[serde(default)]
    pub(super) functions: Vec<SiteFunction>,
}

#[derive(Deserialize)]
pub(super) struct SiteFunction {
    pub(super) name: String,
}

/// An account. What the caller may not see, and what is empty, is left out by Moodle.
#[derive(Deserialize)]
pub(super) struct User {
    pub(super) id: u64,
    #[serde(default)]
    pub(super) username: String,
    #[serde(default)]
    pub(super) idnumber: String,
    #[serde(default)]
    pub(super) email: String,
    #[serde(default)]
    pub(super) firstname: String,
    #[serde(default)]
    pub(super) lastname: String,
}

#[derive(Deserialize)]
pub(super) struct Courses {
    pub(super) courses: Vec<Course>,
}

#[derive(Deserialize)]
pub(super) struct Course {
    pub(super) id: u64,
    #[serde(default)]
    pub(super) shortname: String,
    #[serde(default)]
    pub(super) fullname: String,
    #[serde(default)]
    pub(super) idnumber: String,
}

#[derive(Deserialize)]
pub(super) struct Category {
    pub(super) id: u64,
    /// Null where the caller may not see it.
    #[serde(default)]
    pub(super) idnumber: Option<String>,
    #[serde(default)]
    pub(super) coursecount: u64,
}

/// A group or a grouping.
#[derive(Deserialize)]
pub(super) struct Group {
    pub(super) id: u64,
    pub(super) name: String,
    #[serde(default)]
    pub(super) idnumber: Option<String>,
}

impl Group {
    pub(super) fn idnumber(&self) -> &str {
        self.idnumber.as_deref().unwrap_or_default()
    }
}

#[derive(Deserialize)]
pub(super) struct GroupMembers {
    pub(super) groupid: u64,
    pub(super) userids: Vec<u64>,
}

/// Somebody in a course. `None` is what the caller may not see.
#[derive(Deserialize)]
pub(super) struct Member {
    pub(super) id: u64,
    #[serde(default)]
    pub(super) roles: Option<Vec<MemberRole>>,
    #[serde(default)]
    pub(super) groups: Option<Vec<MemberGroup>>,
}

#[derive(Deserialize)]
pub(super) struct MemberRole {
    pub(super) roleid: u64,
}

#[derive(Deserialize)]
pub(super) struct MemberGroup {
    pub(super) id: u64,
}

/// The new records' ids from a list of rows, where there is one row for each of `keys` and it
/// names the same record; else none: then nobody can say which row is whose.
pub(super) fn row_ids(
    rows: &Value,
    field: Option<&str>,
    keys: &[Option<&str>],
) -> Option<Vec<u64>> {
    let rows = rows.as_array().filter(|rows| rows.len() == keys.len())?;
    rows.iter()
        .zip(keys)
        .map(|(row, key)| {
            let named = field.and_then(|field| row.get(field)).and_then(Value::as_str);
            match (named, key) {
                (Some(named), Some(key)) if named != *key => None,
                _ => row.get("id").and_then(Value::as_u64),
            }
        })
        .collect()
}

/// Ids and codes of `{"warnings": [{"itemid": .., "warningcode": ..}]}`; none where the answer is
/// something else.
pub(super) fn warnings(answer: &Value) -> Option<Vec<(u64, String)>> {
    let warnings = match answer {
        Value::Null => return Some(Vec::new()),
        answer => answer.get("warnings")?.as_array()?,
    };
    warnings
        .iter()
        .map(|warning| {
            let code = super::errors::safe_code(warning.get("warningcode")?.as_str(), "warning");
            Some((warning.get("itemid").and_then(Value::as_u64)?, code))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_believed_only_where_they_fit() {
        let rows = serde_json::json!([{"id": 4, "username": "u1"}, {"id": 5, "username": "u2"}]);
        let check = |keys: &[Option<&str>], expected: Option<Vec<u64>>| {
            assert_eq!(row_ids(&rows, Some("username"), keys), expected, "{keys:?}");
        };
        check(&[Some("u1"), Some("u2")], Some(vec![4, 5]));
        check(&[Some("u1"), None], Some(vec![4, 5]));
        check(&[Some("u2"), Some("u1")], None);
        check(&[Some("u1"), Some("u2"), Some("u3")], None);
        assert_eq!(row_ids(&Value::Null, None, &[None]), None);
    }

    #[test]
    fn warnings_name_their_record() {
        let answer = serde_json::json!({"warnings": [
            {"item": "user", "itemid": 9, "warningcode": "useremailduplicate", "message": "Jan"},
        ]});
        assert_eq!(warnings(&answer), Some(vec![(9, "useremailduplicate".to_owned())]));
        assert_eq!(warnings(&Value::Null), Some(vec![]));
        assert_eq!(warnings(&serde_json::json!({"warnings": []})), Some(vec![]));
        assert_eq!(warnings(&serde_json::json!([])), None);
        assert_eq!(warnings(&serde_json::json!({"warnings": [{"message": "?"}]})), None);
    }
}
