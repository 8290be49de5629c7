//! A person: pupil, student, teacher, parent.

use super::fields::record;
use crate::{Address, Date, Key, Labelled, Marks, Password, PersonKey, Status, Text};

record! {
    /// A person. Every field but the key is optional: what is `None` the source does not carry.
    Person(Person) {
        /// Login name as the source gives it; the mapping makes it fit the target.
        1 username: Text,
        /// First name.
        2 given: Text,
        /// Family name without its prefix: `Berg` of `van den Berg`.
        3 family: Text,
        /// Family-name prefix (tussenvoegsel): `van den`.
        4 family_prefix: Text,
        /// Middle or other names.
        5 middle: Text,
        /// The whole name in one (IMS `fn`).
        6 full_name: Text,
        /// The name a person goes by.
        7 nickname: Text,
        /// Title before the name: `Dr.`.
        8 title: Text,
        /// What stands behind the name: `Jr.`.
        9 suffix: Text,
        /// The name as it sorts (IMS `sort`).
        10 sort_name: Text,
        /// The person's own e-mail address.
        11 email: Text,
        /// The address that the institution gave, unique in it; often the key for third parties.
        12 institution_email: Text,
        /// Telephone numbers by type: `voice`, `fax`, `mobile`, `pager`.
        13 phones: Vec<Labelled>,
        /// Postal address.
        14 address: Address,
        /// `female`, `male`, `unknown` or another word that the source uses.
        15 gender: Text,
        /// Day of birth.
        16 birth_date: Date,
        /// Year of study or form: `4V`, `2026`.
        17 school_year: Text,
        /// Expected graduation.
        18 graduation_date: Date,
        /// Roles at the institution, the primary one first.
        19 institution_roles: Vec<Text>,
        /// Rights in the LMS itself; `none` is the usual. Never sent on unless allowed.
        20 system_role: Text,
        /// Data source key: the set this record belongs to, for bulk operations.
        21 data_source: Text,
        /// Whether the person may log in.
        22 status: Status,
        /// How the person gets a password.
        23 password: Password,
        /// Language: `nl`, `en`.
        24 locale: Text,
        /// Home page.
        25 url: Text,
        /// Every user id the source gives, by its type.
        26 user_ids: Vec<Labelled>,
        /// How the person logs in, as the source names it (IMS `authenticationtype`).
        27 authentication: Text,
        /// Free attributes.
        28 attributes: Vec<Labelled>,
        /// Keys this person had before: the source announces a re-key.
        29 former_keys: Vec<Text>,
        /// The system that issued the key (IMS `<source>`): an attribute, not part of the key.
        30 source: Text,
        /// The org unit the person belongs to.
        31 org_unit: Text,
        /// The key that the source uses now, where it differs from the one first seen.
        32 sourced_id: Text,
        /// Where a picture is (IMS `photo/extref`).
        33 photo: Text,
        /// Keyed hashes of what the person is known by, made after the mapping. Kept beside what the
        /// LMS holds, never sent.
        40 marks: Marks,
    }
}

impl Person {
    /// A person of whom only the key is known.
    pub fn new(key: PersonKey) -> Self {
        Self::from_key(Key::Person(key))
    }

    /// The key.
    pub fn person(&self) -> &PersonKey {
        match &self.key {
            Key::Person(key) => key,
            other => unreachable!("a person has the key {other}"),
        }
    }

    /// The sourcedId that the source uses now.
    pub fn sourced_id(&self) -> &str {
        self.sourced_id.as_deref().unwrap_or_else(|| self.person().as_str())
    }
}
