//! Accounts: create, update, delete.

use std::borrow::Cow;

use xxhash_rust::xxh3::xxh3_128;

use super::answer::Out;
use super::call::{Call, fits, row_id};
use super::checks::{internal_auth, is_country, is_email, known_auth, weak_password};
use super::enrol::drop_member;
use super::errors::{Outcome, Refusal, warnings};
use super::params::{Fields, Kind};
use super::rows::{Detail, User};
use super::state::Change;
use super::{ADMIN, GUEST, SERVICE};

/// The parameters that creating and updating share.
#[derive(Default)]
struct Given<'a> {
    username: Option<Cow<'a, str>>,
    firstname: Option<Cow<'a, str>>,
    lastname: Option<Cow<'a, str>>,
    email: Option<Cow<'a, str>>,
    idnumber: Option<Cow<'a, str>>,
    auth: Option<Cow<'a, str>>,
    password: Option<Cow<'a, str>>,
    details: Vec<(Detail, Cow<'a, str>)>,
}

/// The less common parameters with their kinds and the widths of their columns.
const DETAILS: [(&str, Detail, Kind, usize); 17] = [
    ("city", Detail::City, Kind::Tagless, 120),
    ("country", Detail::Country, Kind::Raw, 2),
    ("timezone", Detail::Timezone, Kind::Raw, 100),
    ("institution", Detail::Institution, Kind::Tagless, 255),
    ("department", Detail::Department, Kind::Tagless, 255),
    ("phone1", Detail::Phone1, Kind::Tagless, 20),
    ("phone2", Detail::Phone2, Kind::Tagless, 20),
    ("address", Detail::Address, Kind::Tagless, 255),
    ("middlename", Detail::Middlename, Kind::Tagless, 255),
    ("alternatename", Detail::Alternatename, Kind::Tagless, 255),
    ("firstnamephonetic", Detail::Firstnamephonetic, Kind::Tagless, 255),
    ("lastnamephonetic", Detail::Lastnamephonetic, Kind::Tagless, 255),
    ("description", Detail::Description, Kind::Raw, usize::MAX),
    ("theme", Detail::Theme, Kind::Plugin, 50),
    ("calendartype", Detail::Calendartype, Kind::Plugin, 30),
    ("lang", Detail::Lang, Kind::Word, 30),
    ("interests", Detail::Interests, Kind::Tagless, usize::MAX),
];

impl<'a> Given<'a> {
    fn read(fields: &mut Fields<'a>) -> Outcome<Self> {
        let mut given = Self {
            username: fields.opt_text("username", Kind::Username)?,
            firstname: fields.opt_text("firstname", Kind::Tagless)?,
            lastname: fields.opt_text("lastname", Kind::Tagless)?,
            email: fields.opt_text("email", Kind::Trimmed)?,
            idnumber: fields.opt_text("idnumber", Kind::Raw)?,
            auth: fields.opt_text("auth", Kind::Plugin)?,
            password: fields.opt_text("password", Kind::Raw)?,
            details: Vec::new(),
        };
        if given.auth.as_deref().is_some_and(|auth| !known_auth(auth)) {
            return Err(Refusal::parameter());
        }
        for (name, detail, kind, _) in DETAILS {
            if let Some(value) = fields.opt_text(name, kind)? {
                given.add_detail(detail, value)?;
            }
        }
        for (name, detail) in
            [("mailformat", Detail::Mailformat), ("maildisplay", Detail::Maildisplay)]
        {
            if let Some(value) = fields.opt_int(name)? {
                given.details.push((detail, Cow::Owned(value.to_string())));
            }
        }
        // Custom fields that are not defined are ignored, and a fresh site defines none.
        // Preferences never show in an answer.
        for name in ["customfields", "preferences"] {
            fields.optional_structures(name, |pair| {
                pair.text("type", if name == "customfields" { Kind::Word } else { Kind::Raw })?;
                pair.text("value", Kind::Raw)
            })?;
        }
        Ok(given)
    }

    fn add_detail(&mut self, detail: Detail, value: Cow<'a, str>) -> Outcome<()> {
        let value = match detail {
            Detail::Country if !value.is_empty() && !is_country(&value) => Cow::Borrowed("0"),
            Detail::Lang if value != "en" => return Err(Refusal::parameter()),
            Detail::Lang => return Ok(()),
            Detail::Theme if !matches!(value.as_ref(), "" | "boost" | "classic") => {
                return Err(Refusal::parameter());
            }
            Detail::Calendartype if value != "gregorian" => return Err(Refusal::parameter()),
            Detail::Calendartype => return Ok(()),
            _ => value,
        };
        self.details.push((detail, value));
        Ok(())
    }

    /// Whether everything fits its column.
    fn fits(&self) -> bool {
        let short = |text: &Option<Cow<'_, str>>, limit| {
            text.as_deref().is_none_or(|text| fits(text, limit))
        };
        let widths = |detail: Detail| {
            DETAILS.iter().find(|known| known.1 == detail).map_or(usize::MAX, |known| known.3)
        };
        short(&self.username, 100)
            && short(&self.firstname, 100)
            && short(&self.lastname, 100)
            && short(&self.email, 100)
            && short(&self.idnumber, 255)
            && short(&self.auth, 20)
            && self.details.iter().all(|(detail, value)| fits(value, widths(*detail)))
    }

    fn write_to(self, user: &mut User, now: i64) {
        let set = |field: &mut compact_str::CompactString, value: Option<Cow<'_, str>>| {
            if let Some(value) = value {
                *field = value.as_ref().into();
            }
        };
        set(&mut user.username, self.username);
        set(&mut user.firstname, self.firstname);
        set(&mut user.lastname, self.lastname);
        set(&mut user.email, self.email);
        set(&mut user.idnumber, self.idnumber);
        set(&mut user.auth, self.auth);
        for (detail, value) in self.details {
            user.set_detail(detail, &value);
        }
        user.modified = now;
    }
}

/// `core_user_create_users`: all or nothing.
pub(super) fn create(call: &mut Call<'_>, mut fields: Fields<'_>) -> Outcome {
    let users = fields.structures("users", |user| {
        let create_password = user.opt_bool("createpassword")?.unwrap_or(false);
        let given = Given::read(user)?;
        let required = [&given.username, &given.firstname, &given.lastname, &given.email];
        if required.iter().any(|field| field.is_none()) {
            return Err(Refusal::parameter());
        }
        Ok((given, create_password))
    })?;
    fields.finish()?;
    let mut made = Vec::with_capacity(users.len());
    for (given, create_password) in users {
        made.push(create_one(call, given, create_password)?);
    }
    Ok(Out::List(made))
}

fn create_one(call: &mut Call<'_>, given: Given<'_>, create_password: bool) -> Outcome {
    let text = |field: &Option<Cow<'_, str>>| field.as_deref().unwrap_or_default().to_owned();
    let username = text(&given.username);
    let email = given.email.as_deref().unwrap_or_default();
    let blank = [&given.username, &given.firstname, &given.lastname]
        .iter()
        .any(|field| field.as_deref().unwrap_or_default().trim().is_empty());
    if blank || call.state.user_named(&username).is_some() {
        return Err(Refusal::parameter());
    }
    let auth = given.auth.as_deref().unwrap_or("manual");
    let password = given.password.as_deref().unwrap_or_default();
    // PHP takes the text "0" for no password at all.
    let has_password = !matches!(password, "" | "0");
    if internal_auth(auth) && !has_password && !create_password {
        return Err(Refusal::parameter());
    }
    if !is_email(email) || call.state.user_with_email(email, None).is_some() {
        return Err(Refusal::parameter());
    }
    if internal_auth(auth) && !create_password {
        weak_password(password)?;
    }
    if !given.fits() {
        return Err(Refusal::write());
    }
    let mut user = Box::new(User {
        username: "".into(),
        firstname: "".into(),
        lastname: "".into(),
        email: "".into(),
        idnumber: "".into(),
        auth: "manual".into(),
        suspended: false,
        deleted: false,
        created: call.now,
        modified: call.now,
        details: None,
    });
    given.write_to(&mut user, call.now);
    let id = call.state.users.next;
    call.put(Change::User(id, Some(user)))?;
    Ok(Out::Object(vec![("id", Out::id(id)), ("username", Out::Text(username))]))
}

/// `core_user_update_users`: each account by itself; what fails is a warning.
pub(super) fn update(call: &mut Call<'_>, mut fields: Fields<'_>) -> Outcome {
    let users = fields.structures("users", |user| {
        let id = user.int("id")?;
        let suspended = user.opt_bool("suspended")?;
        user.opt_int("userpicture")?;
        Ok((id, suspended, Given::read(user)?))
    })?;
    fields.finish()?;
    let mut told = Vec::new();
    let mut unspeakable = false;
    for (id, suspended, given) in users {
        let mark = call.mark();
        if let Err(refusal) = update_one(call, id, suspended, given) {
            call.roll_back(mark);
            // A warning's code must be a plain word, and the password policy answers in HTML.
            unspeakable |= refusal.code_name().starts_with('<');
            told.push(refusal.warning("user", id));
        }
    }
    if unspeakable { Err(Refusal::response()) } else { Ok(warnings(told)) }
}

fn update_one(
    call: &mut Call<'_>,
    id: i64,
    suspended: Option<bool>,
    given: Given<'_>,
) -> Outcome<()> {
    let id = row_id(id);
    let Some(user) = call.state.users.get(id) else {
        return Err(Refusal::of("invaliduserid", "Invalid user ID"));
    };
    match id {
        ADMIN => return Err(Refusal::of("usernotupdatedadmin", "Cannot update admin accounts")),
        _ if user.deleted => return Err(Refusal::untold("usernotupdateddeleted")),
        GUEST => return Err(Refusal::untold("usernotupdatedguest")),
        _ => {}
    }
    if let Some(email) = given.email.as_deref()
        && email != user.email
    {
        if !is_email(email) {
            return Err(Refusal::untold("useremailinvalid"));
        }
        if call.state.user_with_email(email, Some(id)).is_some() {
            return Err(Refusal::of("useremailduplicate", "Duplicate address"));
        }
    }
    let auth = given.auth.as_deref().unwrap_or(&user.auth);
    if let Some(password) = given.password.as_deref()
        && internal_auth(auth)
    {
        weak_password(password)?;
    }
    let taken = given.username.as_deref().and_then(|name| call.state.user_named(name));
    if taken.is_some_and(|other| other != id) || !given.fits() {
        return Err(Refusal::write());
    }
    let mut changed = Box::new(user.clone());
    given.write_to(&mut changed, call.now);
    changed.suspended = suspended.unwrap_or(changed.suspended);
    call.put(Change::User(id, Some(changed)))
}

/// `core_user_delete_users`: all or nothing.
pub(super) fn delete(call: &mut Call<'_>, mut fields: Fields<'_>) -> Outcome {
    let ids = fields.ints("userids")?;
    fields.finish()?;
    for id in ids {
        let (id, _) = call.live_user(id).ok_or_else(Refusal::missing_record)?;
        match id {
            ADMIN => {
                return Err(Refusal::of(
                    "useradminodelete",
                    "Administrator accounts cannot be deleted.",
                ));
            }
            SERVICE => {
                return Err(Refusal::of("usernotdeletederror", "User not deleted - error"));
            }
            // The guest stays, without a word about it.
            GUEST => {}
            _ => delete_one(call, id)?,
        }
    }
    Ok(Out::Null)
}

/// Frees name, address and number by putting others in their place, and takes the person out of
/// everything.
pub(super) fn delete_one(call: &mut Call<'_>, id: u32) -> Outcome<()> {
    let courses = call.state.users.attached(id).cloned().unwrap_or_default();
    for course in courses {
        drop_member(call, course, id)?;
    }
    let cohorts: Vec<u32> = call
        .state
        .cohorts
        .iter()
        .filter(|(_, cohort)| cohort.attached.contains(&id))
        .map(|(cohort, _)| cohort)
        .collect();
    for cohort in cohorts {
        call.put(Change::CohortMember(cohort, id, false))?;
    }
    let Some(user) = call.state.users.get(id) else { return Err(Refusal::missing_record()) };
    let mut gone = Box::new(user.clone());
    // What is kept of the old name must not be readable from the new address.
    gone.email = format!("{:032x}", xxh3_128(user.username.as_bytes())).into();
    let mut stamp = call.now;
    gone.username = loop {
        let name: String = format!("{}.{stamp}", user.email.to_lowercase())
            .chars()
            .filter(|letter| letter.is_ascii_alphanumeric() || "-._@".contains(*letter))
            .take(100)
            .collect();
        if call.state.user_named(&name).is_none() {
            break name.into();
        }
        stamp += 1;
    };
    gone.idnumber = "".into();
    gone.deleted = true;
    gone.modified = call.now;
    call.put(Change::User(id, Some(gone)))
}
