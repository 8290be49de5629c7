//! A person as Moodle's account fields, within what Moodle takes.

use ambient::Random;
use roster::{Person, Text, normal};

use super::config::{MoodleConfig, NewPassword};

/// Fields of an account, in Moodle's names.
pub(super) type UserFields = Vec<(&'static str, String)>;

/// The fields of our records that end up in an account.
pub(super) const PERSON_FIELDS: &[&str] = &[
    "username",
    "given",
    "family",
    "middle",
    "nickname",
    "email",
    "phones",
    "address",
    "status",
    "password",
    "sourced_id",
];

/// The account that `person` is to have: everything but password, login method and suspension.
/// The mapping has made it fit already; what does not is refused here before it can fail a call
/// together with forty-nine others. `Err` is a code that says why Moodle would refuse it.
pub(super) fn account(person: &Person) -> Result<UserFields, &'static str> {
    let name = |name: &Option<Text>| {
        let name = name.as_deref().unwrap_or_default();
        if name.trim().is_empty() { Err("no-name") } else { Ok(name.to_owned()) }
    };
    let mut fields = vec![
        ("username", username(person)?),
        ("firstname", name(&person.given)?),
        ("lastname", name(&person.family)?),
        ("email", email(person)?),
        ("idnumber", idnumber(person)?.to_owned()),
    ];
    fields.extend(extras(person));
    check(&fields)?;
    Ok(fields)
}

/// What the account gets in `after` and did not have in `before`.
pub(super) fn changed(before: &UserFields, after: UserFields) -> UserFields {
    after.into_iter().filter(|field| !before.contains(field)).collect()
}

/// A person's key as Moodle can hold and find it.
pub(super) fn idnumber(person: &Person) -> Result<&str, &'static str> {
    usable_key(person.sourced_id())
}

/// Moodle never finds the key `0`, for PHP takes it for nothing.
pub(super) fn usable_key(key: &str) -> Result<&str, &'static str> {
    match key {
        "" | "0" => Err("unusable-key"),
        key => Ok(key),
    }
}

/// The user name as it is sent: one that Moodle would refuse fails whole calls, look-ups too.
pub(super) fn username(person: &Person) -> Result<String, &'static str> {
    let fits = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'@' | b'-');
    match person.username.as_deref().unwrap_or_default() {
        "" => Err("no-username"),
        name if !name.bytes().all(fits) => Err("bad-username"),
        name => Ok(name.to_owned()),
    }
}

/// The address as it is sent.
pub(super) fn email(person: &Person) -> Result<String, &'static str> {
    match person.email.as_deref() {
        Some(email) if normal::is_email(email) => Ok(email.to_owned()),
        Some(_) => Err("bad-email"),
        None => Err("no-email"),
    }
}

/// Whether Moodle itself keeps the password: other ways to log in ask somebody else for it.
fn keeps_passwords(config: &MoodleConfig) -> bool {
    matches!(config.auth.as_str(), "manual" | "email")
}

/// Whether a new account of `person` gets a password that is handed over on a list: the source
/// delivers none, and Moodle is not to mail one.
pub(super) fn takes_issued(person: &Person, config: &MoodleConfig) -> bool {
    use roster::Password as Given;
    let delivers = matches!(person.password, Some(Given::Delivered(_) | Given::External));
    config.password == NewPassword::List && keeps_passwords(config) && !delivers
}

/// The preference by which Moodle asks for another password at the first login: its name's field
/// and its value's.
pub(super) const FORCED_CHANGE: [(&str, &str); 2] =
    [("preferences][0][type", "auth_forcepasswordchange"), ("preferences][0][value", "1")];

/// Login method and password of a new account, and what is odd about them. An `issued` password is
/// sent as it is, for somebody hands over that one.
pub(super) fn login(
    person: &Person,
    issued: Option<&roster::Password>,
    config: &MoodleConfig,
    random: &dyn Random,
) -> (UserFields, Option<&'static str>) {
    use roster::Password as Given;
    let mut fields = vec![("auth", config.auth.clone())];
    if !keeps_passwords(config) {
        return (fields, None);
    }
    if let Some(Given::Delivered(password)) = issued {
        fields.push(("password", password.to_string()));
        fields.extend(FORCED_CHANGE.map(|(name, value)| (name, value.to_owned())));
        let hashed = matches!(person.password, Some(Given::Hashed { .. }));
        return (fields, hashed.then_some("password-hash-not-taken"));
    }
    let remark = match &person.password {
        Some(Given::Delivered(password)) => {
            fields.push(("password", password.to_string()));
            return (fields, None);
        }
        Some(Given::Hashed { .. }) => Some("password-hash-not-taken"),
        Some(Given::Sealed(_) | Given::Digest(_)) => Some("password-not-delivered"),
        Some(Given::Generated | Given::External) | None => None,
    };
    let external = matches!(person.password, Some(Given::External));
    match config.password {
        // Of one that is on no list the person hears from Moodle.
        NewPassword::Mail | NewPassword::List if !external => {
            fields.push(("createpassword", "1".to_owned()));
        }
        _ => fields.push(("password", random_password(random))),
    }
    (fields, remark)
}

/// A password that nobody knows and that usual rules accept: 110 bits and one of each kind.
pub(super) fn random_password(random: &dyn Random) -> String {
    const LETTERS: &[u8] = b"abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    let mut password: String =
        (0..19).map(|_| char::from(LETTERS[random.below(LETTERS.len() as u64) as usize])).collect();
    password.push_str("aA7#-");
    password
}

fn extras(person: &Person) -> UserFields {
    let mut fields = UserFields::new();
    let mut put = |name, value: Option<&str>, limit: usize| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            // Moodle refuses a whole account for a long telephone number; these are not worth it.
            fields.push((name, value.chars().take(limit).collect()));
        }
    };
    put("middlename", person.middle.as_deref(), 255);
    put("alternatename", person.nickname.as_deref(), 255);
    let phone = |label: &str| {
        let mut phones = person.phones.iter().flatten();
        phones.find(|phone| &*phone.label == label).map(|phone| phone.value.as_str())
    };
    put("phone1", phone("voice"), 20);
    put("phone2", phone("mobile"), 20);
    if let Some(address) = &person.address {
        let street: Vec<&str> = address.street.iter().map(Text::as_str).collect();
        put("address", Some(street.join(", ").as_str()), 255);
        put("city", address.locality.as_deref(), 120);
        // Moodle stores another country than a two-letter one as `0`.
        let country = address.country.as_deref().map(str::to_ascii_uppercase);
        let two = |code: &&str| code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase());
        put("country", country.as_deref().filter(two), 2);
    }
    fields
}

fn check(fields: &UserFields) -> Result<(), &'static str> {
    for (name, value) in fields {
        if has_tag(value) {
            return Err("tag-in-text");
        }
        match *name {
            "username" if value.chars().count() > 100 => return Err("username-too-long"),
            "firstname" | "lastname" if value.chars().count() > 100 => return Err("name-too-long"),
            "email" if value.chars().count() > 100 => return Err("email-too-long"),
            "idnumber" if value.chars().count() > 255 => return Err("key-too-long"),
            _ => {}
        }
    }
    Ok(())
}

/// Whether PHP would take a part of `text` for a tag, which Moodle refuses.
pub(super) fn has_tag(text: &str) -> bool {
    text.match_indices('<').any(|(at, _)| !text[at + 1..].starts_with(char::is_whitespace))
}

#[cfg(test)]
#[path = "user_fields_tests.rs"]
mod tests;
