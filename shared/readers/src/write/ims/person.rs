//! `<person>`.

use std::io::{self, Write};

use roster::{Address, Key, Labelled, Password, Person, Status, Text};

use super::super::xml::XmlOut;
use super::{RecStatus, path, sourced_id, sourced_ids};

/// Writes `person`.
pub(super) fn write<W: Write>(
    xml: &mut XmlOut<W>,
    person: &Person,
    default_source: Option<&Text>,
) -> io::Result<()> {
    xml.open("person", RecStatus::AsIs.attributes())?;
    let source = person.source.as_ref().or(default_source);
    sourced_ids(xml, source, person.person().as_str(), person.former_keys.as_ref())?;
    user_ids(xml, person)?;
    name(xml, person)?;
    demographics(xml, person)?;
    xml.maybe("email", person.email.as_ref())?;
    xml.maybe("url", person.url.as_ref())?;
    for phone in person.phones.iter().flatten() {
        xml.leaf("tel", &[("teltype", tel_type(&phone.label))], &phone.value)?;
    }
    if let Some(of) = &person.address {
        address(xml, of)?;
    }
    if let Some(photo) = &person.photo {
        xml.open("photo", &[])?;
        xml.leaf("extref", &[], photo)?;
        xml.close()?;
    }
    if let Some(role) = &person.system_role {
        xml.leaf("systemrole", &[("systemroletype", role)], "")?;
    }
    for (at, role) in person.institution_roles.iter().flatten().enumerate() {
        let primary = if at == 0 { "Yes" } else { "No" };
        let attributes = [("primaryrole", primary), ("institutionroletype", role)];
        xml.leaf("institutionrole", &attributes, "")?;
    }
    xml.maybe("datasource", person.data_source.as_ref())?;
    extension(xml, person)?;
    xml.close()
}

/// Announces that a person is gone.
pub(super) fn remove<W: Write>(
    xml: &mut XmlOut<W>,
    key: &Key,
    source: Option<&Text>,
) -> io::Result<()> {
    xml.open("person", RecStatus::Delete.attributes())?;
    sourced_id(xml, source, key.owner().id)?;
    xml.open("name", &[])?;
    // The schema wants a name, of somebody who is gone too.
    xml.leaf("fn", &[], "")?;
    xml.close()?;
    xml.close()
}

/// The user name first, with the password; then every other user id.
fn user_ids<W: Write>(xml: &mut XmlOut<W>, person: &Person) -> io::Result<()> {
    let ids = person.user_ids.as_deref().unwrap_or_default();
    let login = person.username.as_ref();
    let own = ids.iter().find(|id| Some(&id.value) == login);
    if let Some(username) = login {
        let mut attributes: Vec<(&str, &str)> = Vec::with_capacity(4);
        if let Some(own) = own.filter(|own| !own.label.is_empty()) {
            attributes.push(("useridtype", &own.label));
        }
        match &person.password {
            Some(Password::Delivered(password)) => {
                // What begins like a hash would be taken for one.
                if password.starts_with('{') {
                    attributes.push(("pwencryptiontype", "none"));
                }
                attributes.push(("password", password));
            }
            Some(Password::Hashed { scheme, value }) => {
                attributes.push(("pwencryptiontype", scheme));
                attributes.push(("password", value));
            }
            // The others are decisions of ours, not what a source delivers.
            _ => {}
        }
        if let Some(kind) = &person.authentication {
            attributes.push(("authenticationtype", kind));
        }
        xml.leaf("userid", &attributes, username)?;
    }
    for Labelled { label, value } in ids.iter().filter(|id| own.is_none_or(|own| own != *id)) {
        if label.is_empty() {
            xml.leaf("userid", &[], value)?;
        } else {
            xml.leaf("userid", &[("useridtype", label)], value)?;
        }
    }
    Ok(())
}

fn name<W: Write>(xml: &mut XmlOut<W>, person: &Person) -> io::Result<()> {
    xml.open("name", &[])?;
    xml.leaf("fn", &[], &full_name(person))?;
    xml.maybe("sort", person.sort_name.as_ref())?;
    xml.maybe("nickname", person.nickname.as_ref())?;
    let parts = [
        ("family", &person.family),
        ("given", &person.given),
        ("other", &person.middle),
        ("prefix", &person.title),
        ("suffix", &person.suffix),
    ];
    let prefix = person.family_prefix.iter().map(|prefix| ("FamilyPrefix", prefix));
    let more: Vec<_> = prefix.chain(part_names(person)).collect();
    if !more.is_empty() || parts.iter().any(|(_, part)| part.is_some()) {
        xml.open("n", &[])?;
        for (name, part) in parts {
            xml.maybe(name, part.as_ref())?;
        }
        for (kind, part) in more {
            xml.leaf("partname", &[("partnametype", kind)], part)?;
        }
        xml.close()?;
    }
    xml.close()
}

/// Parts of a name that the reader kept as free attributes: `partname/Initials`.
fn part_names(person: &Person) -> impl Iterator<Item = (&str, &Text)> {
    let all = person.attributes.iter().flatten();
    all.filter_map(|Labelled { label, value }| {
        let kind = label.strip_prefix("partname")?;
        if kind.is_empty() { Some(("", value)) } else { Some((kind.strip_prefix('/')?, value)) }
    })
}

/// The schema demands an `fn`: the name put together, where it did not come in one.
fn full_name(person: &Person) -> String {
    if let Some(full) = person.full_name.as_ref().filter(|full| !full.trim().is_empty()) {
        return full.as_str().to_owned();
    }
    let parts = [&person.given, &person.middle, &person.family_prefix, &person.family];
    let parts: Vec<&str> = parts.into_iter().flatten().map(Text::as_str).collect();
    parts.join(" ")
}

/// The number of one of the four kinds that the format has, the word of any other.
fn tel_type(label: &str) -> &str {
    match label {
        "voice" => "1",
        "fax" => "2",
        "mobile" => "3",
        "pager" => "4",
        other => other,
    }
}

fn demographics<W: Write>(xml: &mut XmlOut<W>, person: &Person) -> io::Result<()> {
    if person.gender.is_none() && person.birth_date.is_none() {
        return Ok(());
    }
    xml.open("demographics", &[])?;
    if let Some(gender) = &person.gender {
        let number = match gender.as_str() {
            "unknown" => "0",
            "female" => "1",
            "male" => "2",
            other => other,
        };
        xml.leaf("gender", &[], number)?;
    }
    if let Some(day) = person.birth_date {
        xml.leaf("bday", &[], &day.to_string())?;
    }
    xml.close()
}

fn address<W: Write>(xml: &mut XmlOut<W>, address: &Address) -> io::Result<()> {
    xml.open("adr", &[])?;
    for line in &address.street {
        xml.leaf("street", &[], line)?;
    }
    xml.maybe("locality", address.locality.as_ref())?;
    xml.maybe("region", address.region.as_ref())?;
    xml.maybe("pcode", address.postal_code.as_ref())?;
    xml.maybe("country", address.country.as_ref())?;
    xml.close()
}

/// What the format has no element for, by name.
fn extension<W: Write>(xml: &mut XmlOut<W>, person: &Person) -> io::Result<()> {
    let graduation = person.graduation_date.map(|day| Text::from(day.to_string()));
    let available = person.status.map(|status| match status {
        Status::Active => Text::new("Y"),
        Status::Inactive => Text::new("N"),
    });
    let fields = [
        ("institutionemail", &person.institution_email),
        ("schoolyear", &person.school_year),
        ("graduationdate", &graduation),
        ("locale", &person.locale),
        ("orgunit", &person.org_unit),
        ("x_bb_available_indicator", &available),
    ];
    let more: Vec<_> = person.attributes.iter().flatten().filter_map(path).collect();
    if more.is_empty() && fields.iter().all(|(_, value)| value.is_none()) {
        return Ok(());
    }
    xml.open("extension", &[])?;
    for (name, value) in fields {
        xml.maybe(name, value.as_ref())?;
    }
    for (path, value) in more {
        xml.nested(&path, value)?;
    }
    xml.close()
}
