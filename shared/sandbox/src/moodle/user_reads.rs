//! Accounts: how they are found and shown.

use super::answer::Out;
use super::call::{Call, row_id};
use super::errors::{Outcome, Refusal};
use super::params::{Fields, Kind, is_username};
use super::rows::{Detail, User};

/// `core_user_get_users_by_field`: those found, by id; the others are left out.
pub(super) fn by_field(call: &mut Call<'_>, mut fields: Fields<'_>) -> Outcome {
    let field = fields.text("field", Kind::Letters)?;
    let values = fields.raws("values")?;
    fields.finish()?;
    let mut ids = Vec::new();
    for value in values {
        match field.as_ref() {
            "id" => {
                let id: i64 = value.parse().map_err(|_| Refusal::parameter())?;
                ids.push(row_id(id));
            }
            // PHP takes the text "0" for empty.
            "idnumber" if matches!(value.as_ref(), "" | "0") => {}
            "idnumber" => ids.extend(call.state.users_numbered(&value)),
            "username" if !is_username(&value) => return Err(Refusal::parameter()),
            "username" => ids.extend(call.state.user_named(&value)),
            // Addresses are unique without regard to case, but looked up with regard to it.
            "email" => {
                let exact =
                    |id: &u32| call.state.users.get(*id).is_some_and(|user| user.email == value);
                ids.extend(call.state.user_with_email(&value, None).filter(exact));
            }
            _ => return Err(Refusal::coding("invalid field parameter")),
        }
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(Out::List(
        ids.into_iter().filter_map(|id| Some(card(call, id, call.state.users.get(id)?))).collect(),
    ))
}

/// `core_user_get_users`: all that meet every criterion; names and addresses with `%`.
pub(super) fn search(call: &mut Call<'_>, mut fields: Fields<'_>) -> Outcome {
    let criteria = fields.structures("criteria", |criterion| {
        let key = criterion.text("key", Kind::Letters)?;
        let value = criterion.text("value", Kind::Raw)?;
        Ok((key, value))
    })?;
    fields.finish()?;
    let known = ["id", "lastname", "firstname", "idnumber", "username", "email", "auth"];
    if criteria.is_empty() || criteria.iter().any(|(key, _)| !known.contains(&key.as_ref())) {
        return Err(Refusal::parameter());
    }
    let meets = |id: u32, user: &User| {
        criteria.iter().all(|(key, value)| match key.as_ref() {
            "id" => value.parse() == Ok(id),
            "idnumber" => user.idnumber == value.as_ref(),
            "username" => user.username == value.to_lowercase().as_str(),
            "auth" => user.auth == value.as_ref(),
            "firstname" => like(&user.firstname, value),
            "lastname" => like(&user.lastname, value),
            _ => like(&user.email, value),
        })
    };
    let found = call
        .state
        .users
        .iter()
        .filter(|(id, user)| !user.row.deleted && meets(*id, &user.row))
        .map(|(id, user)| card(call, id, &user.row))
        .collect();
    Ok(Out::Object(vec![("users", Out::List(found)), ("warnings", Out::List(Vec::new()))]))
}

/// SQL's `LIKE` without regard to case.
fn like(text: &str, pattern: &str) -> bool {
    let text: Vec<char> = text.to_lowercase().chars().collect();
    let pattern: Vec<char> = pattern.to_lowercase().chars().collect();
    // Rows of the classic table: does the pattern so far match the text so far?
    let mut row = vec![false; text.len() + 1];
    row[0] = true;
    for sign in pattern {
        let mut next = vec![false; text.len() + 1];
        next[0] = row[0] && sign == '%';
        for (at, letter) in text.iter().enumerate() {
            next[at + 1] = match sign {
                '%' => row[at + 1] || next[at],
                '_' => row[at],
                _ => row[at] && *letter == sign,
            };
        }
        row = next;
    }
    row[text.len()]
}

/// An account as these functions show it.
fn card(call: &Call<'_>, id: u32, user: &User) -> Out {
    let mut shown = names(id, user);
    shown.push(("email", Out::text(&user.email)));
    for (name, detail) in [("address", Detail::Address), ("institution", Detail::Institution)] {
        push_detail(&mut shown, name, user.detail(detail));
    }
    shown.push(("department", Out::text(user.detail(Detail::Department))));
    push_detail(&mut shown, "idnumber", &user.idnumber);
    push_detail(&mut shown, "interests", user.detail(Detail::Interests));
    shown.push(("firstaccess", Out::Int(0)));
    shown.push(("lastaccess", Out::Int(0)));
    shown.push(("auth", Out::text(&user.auth)));
    shown.push(("suspended", Out::Bool(user.suspended)));
    shown.push(("confirmed", Out::Bool(true)));
    shown.push(("lang", Out::text("en")));
    shown.push(("theme", Out::text(user.detail(Detail::Theme))));
    let zone = user.detail(Detail::Timezone);
    shown.push(("timezone", Out::text(if zone.is_empty() { "99" } else { zone })));
    shown.push(("mailformat", Out::Int(user.detail(Detail::Mailformat).parse().unwrap_or(1))));
    shown.push(("trackforums", Out::Int(0)));
    // What people say about themselves shows once they are in some course.
    let enrolled = call.state.users.attached(id).is_some_and(|courses| !courses.is_empty());
    if enrolled && !user.detail(Detail::Description).is_empty() {
        shown.push(("description", Out::Text(call.shown(user.detail(Detail::Description)))));
        shown.push(("descriptionformat", Out::Int(1)));
    }
    push_detail(&mut shown, "city", user.detail(Detail::City));
    push_detail(&mut shown, "country", user.detail(Detail::Country));
    shown.extend(pictures(call));
    Out::Object(shown)
}

/// The fields that every answer about a person begins with.
pub(super) fn names(id: u32, user: &User) -> Vec<(&'static str, Out)> {
    vec![
        ("id", Out::id(id)),
        ("username", Out::text(&user.username)),
        ("firstname", Out::text(&user.firstname)),
        ("lastname", Out::text(&user.lastname)),
        ("fullname", Out::Text(user.fullname())),
    ]
}

/// Fields that are left out where they are empty, or `0`, which PHP takes for empty.
pub(super) fn push_detail(shown: &mut Vec<(&'static str, Out)>, name: &'static str, value: &str) {
    if !matches!(value, "" | "0") {
        shown.push((name, Out::text(value)));
    }
}

/// Links to the picture that everybody has.
pub(super) fn pictures(call: &Call<'_>) -> [(&'static str, Out); 2] {
    let link = |size| Out::Text(format!("{}/theme/image.php/boost/core/1/u/{size}", call.address));
    [("profileimageurlsmall", link("f2")), ("profileimageurl", link("f1"))]
}

#[cfg(test)]
mod tests {
    use super::like;

    #[test]
    fn like_knows_both_wildcards() {
        for (text, pattern, expected) in [
            ("Ada", "ada", true),
            ("Ada", "a%", true),
            ("Ada", "%@school", false),
            ("ada@school", "%@school", true),
            ("ada", "a_a", true),
            ("ada", "a_", false),
            ("", "%", true),
        ] {
            assert_eq!(like(text, pattern), expected, "{text} {pattern}");
        }
    }
}
