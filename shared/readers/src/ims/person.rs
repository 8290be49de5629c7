//! `person`.

use roster::{Address, Key, Labelled, Password, Person, PersonKey, Status, Text};

use super::ids::Ids;
use super::{Here, Ims, RecStatus, names};
use crate::codes;
use crate::ims::same_word;
use crate::xml::tree::{At, Tree};

impl Ims<'_> {
    pub(super) fn person(&mut self, here: Here<'_>) {
        let Some(Ids { key, former, source }) = self.ids(here, "person") else { return };
        let key = Key::Person(PersonKey::from(key));
        let here = Here { key: Some(&key), ..here };
        if self.rec_status(here, Tree::ROOT) == RecStatus::Removed {
            return self.remove(here, key.clone());
        }
        let mut person = Person::new(PersonKey::new(key.owner().id));
        person.source = source;
        person.former_keys = (!former.is_empty()).then_some(former);
        let mut has_userid = false;
        let mut has_extension = false;
        for child in here.tree.children(Tree::ROOT) {
            match here.tree.name(child) {
                names::USERID => has_userid = true,
                names::NAME => self.name(here, child, &mut person),
                names::DEMOGRAPHICS => self.demographics(here, child, &mut person),
                names::EMAIL => keep_first(&mut person.email, self.value(here, child)),
                names::URL => keep_first(&mut person.url, self.value(here, child)),
                names::TEL => self.phone(here, child, &mut person),
                names::ADR => self.address(here, child, &mut person),
                names::PHOTO => {
                    let photo = self.child_value(here, child, names::EXTREF);
                    keep_first(&mut person.photo, photo);
                }
                names::SYSTEMROLE => {
                    let role = self.attribute(here, child, "systemroletype");
                    keep_first(&mut person.system_role, role);
                }
                names::INSTITUTIONROLE => self.institution_role(here, child, &mut person),
                names::DATASOURCE => person.data_source = self.value(here, child),
                names::EXTENSION => has_extension = true,
                _ => {}
            }
        }
        if has_userid {
            self.user_ids(here, &mut person);
        }
        if has_extension {
            self.person_extensions(here, &mut person);
        }
        self.emit(here, person);
    }

    fn name(&mut self, here: Here<'_>, at: At, person: &mut Person) {
        for child in here.tree.children(at) {
            match here.tree.name(child) {
                names::FN => person.full_name = self.value(here, child),
                names::SORT => person.sort_name = self.value(here, child),
                names::NICKNAME => person.nickname = self.value(here, child),
                names::N => self.name_parts(here, child, person),
                _ => {}
            }
        }
    }

    fn name_parts(&mut self, here: Here<'_>, at: At, person: &mut Person) {
        for child in here.tree.children(at) {
            let name = here.tree.name(child);
            if name == names::PARTNAME {
                self.part_name(here, child, person);
                continue;
            }
            let field = match name {
                names::FAMILY => &mut person.family,
                names::GIVEN => &mut person.given,
                names::PREFIX => &mut person.title,
                names::SUFFIX => &mut person.suffix,
                names::OTHER_NAME => &mut person.middle,
                _ => continue,
            };
            let value = self.value(here, child);
            match (field.as_mut(), value) {
                (Some(earlier), Some(more)) if name == names::OTHER_NAME => {
                    *earlier = Text::from(format!("{earlier} {more}"));
                }
                (None, value) => *field = value,
                _ => {}
            }
        }
    }

    /// A part of the name that the standard has no element for, the family-name prefix above all.
    fn part_name(&mut self, here: Here<'_>, at: At, person: &mut Person) {
        let Some(value) = self.value(here, at) else { return };
        let kind = self.attribute(here, at, "partnametype").unwrap_or_default();
        let is = |words: &[&str]| words.iter().any(|word| same_word(word, &kind));
        if is(&["family prefix", "family name prefix", "tussenvoegsel", "voorvoegsel", "infix"]) {
            person.family_prefix = Some(value);
        } else if is(&["middle", "middle name", "second name"]) {
            keep_first(&mut person.middle, Some(value));
        } else if is(&["nickname", "roepnaam", "preferred name"]) {
            keep_first(&mut person.nickname, Some(value));
        } else {
            let label = match kind.is_empty() {
                true => Text::new("partname"),
                false => Text::from(format!("partname/{kind}")),
            };
            self.add(here, &mut person.attributes, Labelled { label, value });
        }
    }

    /// IMS counts 1 female and 2 male; ISO 5218 has it the other way round.
    fn demographics(&mut self, here: Here<'_>, at: At, person: &mut Person) {
        for child in here.tree.children(at) {
            match here.tree.name(child) {
                names::GENDER => {
                    person.gender = self.value(here, child).map(|word| match word.as_str() {
                        "0" => Text::new("unknown"),
                        "1" | "F" | "f" | "V" | "v" => Text::new("female"),
                        "2" | "M" | "m" => Text::new("male"),
                        other => Text::from(other.to_lowercase()),
                    });
                }
                names::BDAY => person.birth_date = self.day(here, child),
                _ => {}
            }
        }
    }

    fn phone(&mut self, here: Here<'_>, at: At, person: &mut Person) {
        let Some(value) = self.value(here, at) else { return };
        let kind = self.attribute(here, at, "teltype");
        let label = match kind.as_deref() {
            None | Some("1") => Text::new("voice"),
            Some("2") => Text::new("fax"),
            Some("3") => Text::new("mobile"),
            Some("4") => Text::new("pager"),
            Some(word) => Text::from(word.to_lowercase()),
        };
        self.add(here, &mut person.phones, Labelled { label, value });
    }

    fn address(&mut self, here: Here<'_>, at: At, person: &mut Person) {
        let mut address = Address::default();
        for child in here.tree.children(at) {
            let name = here.tree.name(child);
            let Some(value) = self.value(here, child) else { continue };
            match name {
                names::POBOX | names::EXTADD | names::STREET if address.street.len() < 8 => {
                    address.street.push(value);
                }
                names::LOCALITY => address.locality = Some(value),
                names::REGION => address.region = Some(value),
                names::PCODE => address.postal_code = Some(value),
                names::COUNTRY => address.country = Some(value),
                _ => {}
            }
        }
        if person.address.is_none() && address != Address::default() {
            person.address = Some(address);
        }
    }

    fn institution_role(&mut self, here: Here<'_>, at: At, person: &mut Person) {
        let Some(role) = self.attribute(here, at, "institutionroletype") else { return };
        let primary = here.tree.attribute(at, "primaryrole");
        let is_primary = primary.is_some_and(|primary| {
            let primary = primary.trim();
            primary.eq_ignore_ascii_case("yes") || primary == "1"
        });
        match (&mut person.institution_roles, is_primary) {
            (Some(roles), true) if roles.len() < self.options.limits.attributes => {
                roles.insert(0, role);
            }
            (roles, _) => self.add(here, roles, role),
        }
    }

    /// All user ids go along; one of them becomes the user name, and its tag may bring a password.
    fn user_ids(&mut self, here: Here<'_>, person: &mut Person) {
        let mut all: Vec<(At, Labelled)> = Vec::new();
        let mut ids = None;
        for child in here.tree.children(Tree::ROOT) {
            if here.tree.name(child) != names::USERID {
                continue;
            }
            let Some(value) = self.value(here, child) else { continue };
            let label = self.attribute(here, child, "useridtype").unwrap_or_default();
            let id = Labelled { label, value };
            if all.len() < self.options.limits.attributes {
                all.push((child, id.clone()));
            }
            self.add(here, &mut ids, id);
        }
        person.user_ids = ids;
        let wanted = &self.options.username_types;
        let by_type = |kind: &Text| all.iter().find(|(_, id)| id.label.eq_ignore_ascii_case(kind));
        let Some((at, chosen)) = wanted.iter().find_map(by_type).or(all.first()) else {
            let message = "the record has no user id that is not empty, and so no user name";
            return self.find(here, &codes::EMPTY_USERID, message.into());
        };
        person.username = Some(chosen.value.clone());
        person.authentication = self.attribute(here, *at, "authenticationtype");
        person.password = self.password(here, *at);
        if person.password.is_none() {
            let mut others = all.iter().filter(|(other, _)| other != at);
            person.password = others.find_map(|(other, _)| self.password(here, *other));
        }
    }

    /// Hashes go on unchanged, byte for byte: even one that is no proper base64 is the LMS's to
    /// judge.
    fn password(&mut self, here: Here<'_>, at: At) -> Option<Password> {
        let value = here.tree.attribute(at, "password")?;
        if value.is_empty() || value.len() > self.options.limits.value_chars {
            return None;
        }
        let value = Text::new(&value);
        let scheme = self.attribute(here, at, "pwencryptiontype");
        let in_braces = value.strip_prefix('{').and_then(|rest| rest.split_once('}'));
        let clear = ["none", "clear", "clear text", "plain", "plain text", "text"];
        match scheme {
            Some(scheme) if !clear.iter().any(|word| same_word(word, &scheme)) => {
                Some(Password::Hashed { scheme, value })
            }
            None if in_braces.is_some_and(|(kind, _)| is_scheme(kind)) => {
                let scheme = Text::new(in_braces.map_or("", |(kind, _)| kind));
                Some(Password::Hashed { scheme, value })
            }
            _ => Some(Password::Delivered(value)),
        }
    }

    fn person_extensions(&mut self, here: Here<'_>, person: &mut Person) {
        if let Some(hash) = self.credentials(here) {
            person.password = Some(hash);
        }
        let mut unread = Vec::new();
        let more = self.extensions(here, Tree::ROOT, &mut |word, value| {
            let field = match word {
                "institutionemail" | "instemail" => &mut person.institution_email,
                "schoolyear" => &mut person.school_year,
                "familyprefix" | "tussenvoegsel" => &mut person.family_prefix,
                "locale" | "language" => &mut person.locale,
                "orgunit" => &mut person.org_unit,
                "xbbdatasourcekey" => &mut person.data_source,
                "xbbsystemrole" => &mut person.system_role,
                "graduationdate" => {
                    person.graduation_date = crate::date::day(value);
                    if person.graduation_date.is_none() {
                        unread.push("graduationdate");
                    }
                    return true;
                }
                "xbbavailableindicator" | "xbbrowstatus" => {
                    let off = ["n", "no", "0", "disabled"];
                    let is_off = off.iter().any(|word| value.eq_ignore_ascii_case(word));
                    if is_off || person.status.is_none() {
                        person.status =
                            Some(if is_off { Status::Inactive } else { Status::Active });
                    }
                    return true;
                }
                _ => return false,
            };
            *field = Some(value.clone());
            true
        });
        for name in unread {
            let message =
                format!("`{name}` holds no date that can be read; write it as 2026-08-31");
            self.find(here, &codes::UNREADABLE_DATE, message);
        }
        for attribute in more.into_iter().flatten() {
            self.add(here, &mut person.attributes, attribute);
        }
    }
}

fn keep_first(field: &mut Option<Text>, value: Option<Text>) {
    if field.is_none() {
        *field = value;
    }
}

/// `SSHA`, `MD5`, `CRYPT`...: what can stand in braces before a hash.
fn is_scheme(word: &str) -> bool {
    (2..=16).contains(&word.len())
        && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && word.bytes().any(|b| b.is_ascii_alphabetic())
}
