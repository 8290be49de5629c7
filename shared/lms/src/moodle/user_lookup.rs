//! Which accounts are there already: by key, then user name, then e-mail address.

use std::collections::HashMap;

use roster::Person;

use super::requests::Form;
use super::responses::User;
use super::session::{Refused, Session};
use super::user_fields;
use crate::MatchedBy;

const BY_FIELD: &str = "core_user_get_users_by_field";

/// What is there of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FoundUser {
    Absent,
    /// An account that can be this person's.
    One {
        id: u64,
        by: MatchedBy,
    },
    /// An account that has the user name or address and another person's key.
    Taken {
        id: u64,
        by: MatchedBy,
    },
    /// More than one account fits.
    Many {
        count: u32,
    },
}

/// Looks up `people`, one answer for each, in order.
pub(super) async fn find(
    session: &Session<'_>,
    people: &[&Person],
) -> Result<Vec<FoundUser>, Refused> {
    let mut found = vec![None; people.len()];
    for by in [MatchedBy::Key, MatchedBy::Username, MatchedBy::Email] {
        let open: Vec<(usize, String)> = people
            .iter()
            .enumerate()
            .filter(|(at, _)| found[*at].is_none())
            .filter_map(|(at, person)| Some((at, wanted(person, by)?)))
            .collect();
        let accounts = accounts(session, by, open.iter().map(|(_, value)| value.as_str())).await?;
        for (at, value) in open {
            let fitting =
                accounts.get(&value.to_lowercase()).map(Vec::as_slice).unwrap_or_default();
            found[at] = judge(by, &value, people[at], fitting);
        }
    }
    Ok(found.into_iter().map(|found| found.unwrap_or(FoundUser::Absent)).collect())
}

fn judge(by: MatchedBy, value: &str, person: &Person, fitting: &[User]) -> Option<FoundUser> {
    // Keys tell capitals apart; user names have none, and addresses do not care.
    let exact =
        |user: &&User| by != MatchedBy::Key || user.idnumber.is_empty() || user.idnumber == value;
    let fitting: Vec<&User> = fitting.iter().filter(exact).collect();
    match fitting.as_slice() {
        [] => None,
        [user]
            if by == MatchedBy::Key
                || user.idnumber.is_empty()
                || user.idnumber == person.sourced_id() =>
        {
            Some(FoundUser::One { id: user.id, by })
        }
        [user] => Some(FoundUser::Taken { id: user.id, by }),
        many => Some(FoundUser::Many { count: u32::try_from(many.len()).unwrap_or(u32::MAX) }),
    }
}

/// What to look for. A user name that is none fails the look-up of everybody else.
fn wanted(person: &Person, by: MatchedBy) -> Option<String> {
    match by {
        MatchedBy::Key => user_fields::idnumber(person).ok().map(str::to_owned),
        MatchedBy::Username => user_fields::username(person).ok(),
        MatchedBy::Email => user_fields::email(person).ok(),
        MatchedBy::ShortName | MatchedBy::Name => None,
    }
}

/// Accounts by the lower-case value that they were looked for by.
async fn accounts<'v>(
    session: &Session<'_>,
    by: MatchedBy,
    values: impl Iterator<Item = &'v str>,
) -> Result<HashMap<String, Vec<User>>, Refused> {
    let field = match by {
        MatchedBy::Username => "username",
        MatchedBy::Email => "email",
        _ => "idnumber",
    };
    let mut values: Vec<String> = values.map(str::to_owned).collect();
    if by == MatchedBy::Email {
        // The look-up tells capitals apart, though uniqueness does not.
        let lower: Vec<String> = values.iter().map(|value| value.to_lowercase()).collect();
        values.extend(lower);
    }
    values.sort_unstable();
    values.dedup();
    let mut accounts: HashMap<String, Vec<User>> = HashMap::new();
    for part in values.chunks(session.site.config.max_vars.clamp(20, 210) - 10) {
        let form =
            Form::default().put("field", field).values("values", part.iter().map(String::as_str));
        for user in session.read::<Vec<User>>(BY_FIELD, form).await? {
            let key = match by {
                MatchedBy::Username => &user.username,
                MatchedBy::Email => &user.email,
                _ => &user.idnumber,
            };
            // A field that this caller may not see: only a search for one value tells whose it is.
            let key = match (key.is_empty(), part) {
                (true, [only]) => only.to_lowercase(),
                _ => key.to_lowercase(),
            };
            accounts.entry(key).or_default().push(user);
        }
    }
    for users in accounts.values_mut() {
        users.sort_by_key(|user| user.id);
        users.dedup_by_key(|user| user.id);
    }
    Ok(accounts)
}

/// Which of these accounts are still there. Deleted ones come back from a look-up by id with a
/// mangled address for a user name.
pub(super) async fn alive(session: &Session<'_>, ids: &[String]) -> Result<Vec<u64>, Refused> {
    let mut alive = Vec::new();
    for part in ids.chunks(200) {
        let form =
            Form::default().put("field", "id").values("values", part.iter().map(String::as_str));
        let users = session.read::<Vec<User>>(BY_FIELD, form).await?;
        alive.extend(users.iter().filter(|user| !is_deleted(user)).map(|user| user.id));
    }
    Ok(alive)
}

/// A deleted account's user name is `<address>.<seconds>` and its e-mail address a hash.
fn is_deleted(user: &User) -> bool {
    let hash = user.email.len() == 32 && user.email.bytes().all(|b| b.is_ascii_hexdigit());
    let stamp = user
        .username
        .rsplit_once('.')
        .is_some_and(|(_, stamp)| stamp.len() >= 10 && stamp.bytes().all(|b| b.is_ascii_digit()));
    stamp && (hash || user.email.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(username: &str, email: &str) -> User {
        User {
            id: 7,
            username: username.into(),
            email: email.into(),
            idnumber: String::new(),
            firstname: String::new(),
            lastname: String::new(),
        }
    }

    #[test]
    fn a_deleted_account_is_known_by_its_mangled_name() {
        let hash = "4d0a87b63b7290cd64404e2d8098dee1";
        assert!(is_deleted(&user("u5@example.com.1795324969", hash)));
        assert!(is_deleted(&user("u5@example.com.1795324969", "")));
        assert!(!is_deleted(&user("u5", "u5@example.com")));
        assert!(!is_deleted(&user("j.1234567890", "j@example.com")));
    }
}
