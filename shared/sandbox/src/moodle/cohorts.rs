//! Cohorts: sets of people across courses.

use super::answer::Out;
use super::call::{Call, fits, row_id};
use super::categories::number;
use super::errors::{Outcome, Refusal, warnings};
use super::params::{Fields, Kind};
use super::rows::Cohort;
use super::state::Change;

/// `core_cohort_create_cohorts`: all or nothing.
pub(super) fn create(call: &mut Call<'_>, mut fields: Fields<'_>) -> Outcome {
    let cohorts = fields.structures("cohorts", |cohort| {
        let category = cohort.nested("categorytype", |kind| {
            Ok((kind.text("type", Kind::Tagless)?, kind.text("value", Kind::Raw)?))
        })?;
        let name = cohort.text("name", Kind::Raw)?;
        let idnumber = cohort.text("idnumber", Kind::Raw)?;
        let description = cohort.opt_text("description", Kind::Raw)?.unwrap_or_default();
        let visible = cohort.opt_bool("visible")?.unwrap_or(true);
        cohort.opt_int("descriptionformat")?;
        cohort.opt_text("theme", Kind::Plugin)?;
        cohort.optional_structures("customfields", |field| {
            field.text("shortname", Kind::Word)?;
            field.text("value", Kind::Raw)
        })?;
        Ok((category, name, idnumber, description, visible))
    })?;
    fields.finish()?;
    let mut made = Vec::with_capacity(cohorts.len());
    for ((kind, value), name, idnumber, description, visible) in cohorts {
        let category = match kind.as_ref() {
            "system" => 0,
            "id" => row_id(number(&value)),
            "idnumber" => {
                let mut all = call.state.categories.iter();
                all.find(|(_, row)| row.row.idnumber.as_deref() == Some(value.as_ref()))
                    .map_or(u32::MAX, |(id, _)| id)
            }
            _ => return Err(Refusal::parameter()),
        };
        if kind != "system" && call.state.categories.get(category).is_none() {
            return Err(Refusal::parameter());
        }
        if numbered(call, &idnumber).is_some() {
            return Err(Refusal::parameter());
        }
        if !fits(&name, 254) || !fits(&idnumber, 100) {
            return Err(Refusal::write());
        }
        let id = call.state.cohorts.next;
        made.push(Out::Object(vec![
            ("id", Out::id(id)),
            ("name", Out::Text(call.shown(&name))),
            ("idnumber", Out::text(&idnumber)),
            ("description", Out::Text(call.shown(&description))),
            ("descriptionformat", Out::Int(1)),
            ("visible", Out::Bool(visible)),
            ("theme", Out::text("")),
        ]));
        let cohort = Cohort {
            category,
            name: name.as_ref().into(),
            idnumber: idnumber.as_ref().into(),
            description: description.as_ref().into(),
            visible,
        };
        call.put(Change::Cohort(id, Some(Box::new(cohort))))?;
    }
    Ok(Out::List(made))
}

fn numbered(call: &Call<'_>, idnumber: &str) -> Option<u32> {
    call.state.cohorts.iter().find(|(_, row)| row.row.idnumber == idnumber).map(|(id, _)| id)
}

/// `core_cohort_add_cohort_members`: does what it can and warns about the rest.
pub(super) fn add_members(call: &mut Call<'_>, mut fields: Fields<'_>) -> Outcome {
    let members = fields.structures("members", |member| {
        let mut pair = |name: &str| {
            member.nested(name, |kind| {
                Ok((kind.text("type", Kind::Word)?, kind.text("value", Kind::Raw)?))
            })
        };
        Ok((pair("cohorttype")?, pair("usertype")?))
    })?;
    fields.finish()?;
    let mut told = Vec::new();
    for ((by, cohort_value), (user_by, user_value)) in members {
        let cohort = match by.as_ref() {
            "id" => Some(row_id(number(&cohort_value)))
                .filter(|id| call.state.cohorts.get(*id).is_some()),
            "idnumber" => numbered(call, &cohort_value),
            _ => {
                told.push(warn("1", format!("cohort type {by} is not known")));
                continue;
            }
        };
        let user = match user_by.as_ref() {
            "id" => call.live_user(number(&user_value)).map(|(id, _)| id),
            "username" => call.state.user_named(&user_value),
            _ => {
                told.push(warn("1", format!("user type {user_by} is not known")));
                continue;
            }
        };
        let Some(cohort) = cohort else {
            told.push(warn("2", format!("cohort {by}={cohort_value} not exists")));
            continue;
        };
        let Some(user) = user else {
            told.push(warn("2", format!("user {user_by}={user_value} not exists")));
            continue;
        };
        if call.state.cohorts.attached(cohort).is_some_and(|members| members.contains(&user)) {
            told.push(warn("3", format!("{user_by}={user_value} is in {by}={cohort_value}")));
            continue;
        }
        call.put(Change::CohortMember(cohort, user, true))?;
    }
    Ok(warnings(told))
}

fn warn(code: &str, message: String) -> Out {
    Out::Object(vec![("warningcode", Out::text(code)), ("message", Out::Text(message))])
}

/// `core_cohort_delete_cohorts`: all or nothing.
pub(super) fn delete(call: &mut Call<'_>, mut fields: Fields<'_>) -> Outcome {
    let ids = fields.ints("cohortids")?;
    fields.finish()?;
    for id in ids {
        let id = row_id(id);
        let members = call.state.cohorts.attached(id).ok_or_else(Refusal::missing_record)?;
        let members: Vec<u32> = members.iter().copied().collect();
        for user in members {
            call.put(Change::CohortMember(id, user, false))?;
        }
        call.put(Change::Cohort(id, None))?;
    }
    Ok(Out::Null)
}
