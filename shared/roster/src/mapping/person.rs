//! Persons: names, user name, e-mail address.

use super::own::split_name;
use super::text::takes;
use super::{Allowed, Context, MissingEmail, TargetRules, UsernameFrom, UsernameRules, words};
use crate::{Kind, Password, Person, Text, normal};

/// The person as the target should hold them; `None` where it cannot, after an error.
pub(super) fn map(
    person: &mut Person,
    rules: &TargetRules,
    context: &mut Context<'_>,
) -> Option<()> {
    names(person, rules, context)?;
    email(person, rules, context)?;
    username(person, &rules.username, context)?;
    if rules.iso_country {
        country(person, context);
    }
    password(person, rules, context);
    Some(())
}

/// A hash that the target cannot take is of no use to it.
fn password(person: &mut Person, rules: &TargetRules, context: &mut Context<'_>) {
    let Some(Password::Hashed { scheme, .. }) = &person.password else { return };
    if rules.password_hashes.contains(&scheme.to_uppercase()) {
        return;
    }
    context.warn("password-hash-not-taken", |key| {
        format!(
            "the target takes no {scheme} hashes: {key} gets a password as if the source gave none"
        )
    });
    person.password = None;
}

fn names(person: &mut Person, rules: &TargetRules, context: &mut Context<'_>) -> Option<()> {
    let names = &rules.names;
    split_name(person, names.split);
    if !takes(rules, Kind::Person, "family_prefix")
        && let (Some(prefix), Some(family)) = (person.family_prefix.take(), &person.family)
    {
        person.family = Some(Text::from(format!("{prefix} {family}")));
    }
    if (names.prefer_nickname || person.given.is_none()) && person.nickname.is_some() {
        person.given.clone_from(&person.nickname);
    }
    if !names.required || (person.given.is_some() && person.family.is_some()) {
        return Some(());
    }
    let nothing = person.given.is_none() && person.family.is_none();
    let stand_in = Text::new(&names.missing_part);
    if nothing || stand_in.is_empty() {
        context.error("person-no-name", |key| {
            format!("{key} lacks a first or family name, which the target needs; it is left out")
        });
        return None;
    }
    context.warn("person-half-name", |key| {
        format!("{key} has only one of first and family name; `{stand_in}` stands for the other")
    });
    person.given.get_or_insert_with(|| stand_in.clone());
    person.family.get_or_insert(stand_in);
    Some(())
}

/// Gives names their capitals. After they are cut: what is left of a name decides.
pub(super) fn capitals(person: &mut Person) {
    for part in [&mut person.given, &mut person.family, &mut person.middle] {
        *part = part.as_deref().map(|part| Text::from(words::fix_case(part)));
    }
}

fn username(person: &mut Person, rules: &UsernameRules, context: &mut Context<'_>) -> Option<()> {
    let own = person.username.take();
    let fitted = own.as_deref().and_then(|own| fit(own, rules));
    if let (Some(own), Some(fitted)) = (&own, &fitted)
        && own.chars().count() != fitted.chars().count()
    {
        context.warn("username-changed", |key| {
            format!(
                "the user name of {key} holds characters that the target refuses; they are left out"
            )
        });
    }
    person.username = fitted;
    if person.username.is_some() {
        return Some(());
    }
    person.username = rules.fallback.iter().find_map(|from| fit(source(person, from)?, rules));
    if person.username.is_none() {
        if !rules.required {
            return Some(());
        }
        context.error("person-no-username", |key| {
            format!("{key} has no user name that the target accepts; it is left out")
        });
        return None;
    }
    if own.is_some() {
        context.warn("username-replaced", |key| {
            format!("the user name of {key} cannot be used in the target; another id stands for it")
        });
    }
    Some(())
}

fn source<'a>(person: &'a Person, from: &UsernameFrom) -> Option<&'a str> {
    match from {
        UsernameFrom::SourcedId => Some(person.sourced_id()),
        UsernameFrom::Email => person.email.as_deref(),
        UsernameFrom::UserId(label) => {
            let ids = person.user_ids.as_ref()?;
            ids.iter().find(|id| *id.label == **label).map(|id| &*id.value)
        }
    }
}

/// `name` as the target accepts it. `None` where nothing of it is left, or it is too long.
fn fit(name: &str, rules: &UsernameRules) -> Option<Text> {
    let mut fitted = name.to_owned();
    if rules.strip_diacritics {
        fitted = normal::to_ascii(&fitted);
    }
    if rules.lowercase {
        fitted = fitted.to_lowercase();
    }
    fitted.retain(|c| match &rules.allowed {
        Allowed::Any => !c.is_whitespace() && !c.is_control(),
        Allowed::AlphanumericAnd(others) => c.is_ascii_alphanumeric() || others.contains(c),
    });
    let fits = !fitted.is_empty() && (rules.max == 0 || fitted.chars().count() <= rules.max);
    fits.then(|| Text::from(fitted))
}

fn email(person: &mut Person, rules: &TargetRules, context: &mut Context<'_>) -> Option<()> {
    let only_one = !takes(rules, Kind::Person, "institution_email");
    for slot in [&mut person.email, &mut person.institution_email] {
        let Some(address) = slot.take() else { continue };
        *slot = address_of(&address, rules.email.max);
        if slot.is_none() {
            context.warn("email-invalid", |key| {
                format!(
                    "an e-mail address of {key} is none that the target accepts; it is left out"
                )
            });
        }
    }
    if only_one && rules.email.prefer_institution {
        let institution = person.institution_email.take();
        person.email = institution.or(person.email.take());
    }
    missing_email(person, rules, context)?;
    if !only_one && person.institution_email.is_none() {
        person.institution_email.clone_from(&person.email);
    }
    Some(())
}

fn missing_email(
    person: &mut Person,
    rules: &TargetRules,
    context: &mut Context<'_>,
) -> Option<()> {
    if person.email.is_some() {
        return Some(());
    }
    match &rules.email.missing {
        MissingEmail::Allowed => Some(()),
        MissingEmail::Finding => {
            context.error("person-no-email", |key| {
                format!("{key} has no e-mail address, which the target needs; it is left out")
            });
            None
        }
        MissingEmail::Placeholder { template } => {
            let address = placeholder(template, person.person().as_str());
            let Some(address) = address_of(&address, rules.email.max) else {
                context.error("email-template", |key| {
                    format!(
                        "the template for placeholder addresses makes none for {key}; give one \
                         like `{{key}}@example.invalid`"
                    )
                });
                return None;
            };
            person.email = Some(address);
            Some(())
        }
    }
}

/// `address` in order: its domain in small letters. `None` where it is none, or too long.
fn address_of(address: &str, max: usize) -> Option<Text> {
    let address = normal::text(address)?;
    let (local, domain) = address.split_once('@')?;
    let address = format!("{local}@{}", domain.to_lowercase());
    let fits = normal::is_email(&address) && (max == 0 || address.chars().count() <= max);
    fits.then(|| Text::from(address))
}

/// The address that `template` makes of `key`.
pub(super) fn placeholder(template: &str, key: &str) -> String {
    let local = key.to_lowercase();
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    let same = !local.is_empty() && local.len() <= 40 && local.chars().all(plain) && local == key;
    let local = if same {
        local
    } else {
        // Small letters alone would make one address of two keys.
        blake3::hash(key.as_bytes()).to_hex()[..20].to_owned()
    };
    template.replace("{key}", &local)
}

fn country(person: &mut Person, context: &mut Context<'_>) {
    let Some(address) = &mut person.address else { return };
    let Some(country) = address.country.take() else { return };
    let letters = country.len() == 2 && country.chars().all(|c| c.is_ascii_alphabetic());
    if letters {
        address.country = Some(Text::from(country.to_ascii_uppercase()));
    } else {
        context.warn("country-unknown", |key| {
            format!("the country of {key} is not a code of two letters; it is left out")
        });
    }
}
