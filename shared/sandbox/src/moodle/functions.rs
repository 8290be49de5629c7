//! The functions of the service, by name.

use super::answer::Out;
use super::call::Call;
use super::errors::{Outcome, Refusal};
use super::params::Fields;
use super::{
    SERVICE, categories, cohorts, copies, course_reads, courses, enrol, enrolled, groupings,
    groups, roles, user_reads, users,
};

/// What a function does to the site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Reads,
    Writes,
}

pub(super) struct Function {
    pub(super) name: &'static str,
    pub(super) effect: Effect,
    pub(super) run: fn(&mut Call<'_>, Fields<'_>) -> Outcome,
}

/// The version that the functions report.
const VERSION: &str = "2025100600.02";

macro_rules! functions {
    ($($effect:ident $name:literal $run:path;)*) => {
        &[$(Function { name: $name, effect: Effect::$effect, run: $run }),*]
    };
}

pub(super) const FUNCTIONS: &[Function] = functions! {
    Reads "core_webservice_get_site_info" site_info;
    Writes "core_user_create_users" users::create;
    Writes "core_user_update_users" users::update;
    Writes "core_user_delete_users" users::delete;
    Reads "core_user_get_users_by_field" user_reads::by_field;
    Reads "core_user_get_users" user_reads::search;
    Writes "core_course_create_courses" courses::create;
    Writes "core_course_update_courses" courses::update;
    Writes "core_course_delete_courses" courses::delete;
    Reads "core_course_get_courses_by_field" course_reads::by_field;
    Reads "core_course_get_courses" course_reads::get;
    Writes "core_course_create_categories" categories::create;
    Writes "core_course_update_categories" categories::update;
    Writes "core_course_delete_categories" categories::delete;
    Reads "core_course_get_categories" categories::get;
    Writes "core_course_duplicate_course" copies::duplicate;
    Writes "core_course_import_course" copies::import;
    Writes "enrol_manual_enrol_users" enrol::enrol;
    Writes "enrol_manual_unenrol_users" enrol::unenrol;
    Reads "core_enrol_get_enrolled_users" enrolled::get;
    Reads "core_enrol_get_users_courses" course_reads::of_user;
    Writes "core_group_create_groups" groups::create;
    Writes "core_group_update_groups" groups::update;
    Writes "core_group_delete_groups" groups::delete;
    Reads "core_group_get_course_groups" groups::of_course;
    Reads "core_group_get_groups" groups::get;
    Writes "core_group_add_group_members" groups::add_members;
    Writes "core_group_delete_group_members" groups::delete_members;
    Reads "core_group_get_group_members" groups::get_members;
    Writes "core_group_create_groupings" groupings::create;
    Writes "core_group_delete_groupings" groupings::delete;
    Writes "core_group_assign_grouping" groupings::assign;
    Writes "core_group_unassign_grouping" groupings::unassign;
    Reads "core_group_get_course_groupings" groupings::of_course;
    Writes "core_role_assign_roles" roles::assign;
    Writes "core_role_unassign_roles" roles::unassign;
    Writes "core_cohort_create_cohorts" cohorts::create;
    Writes "core_cohort_add_cohort_members" cohorts::add_members;
    Writes "core_cohort_delete_cohorts" cohorts::delete;
};

pub(super) fn named(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

/// `core_webservice_get_site_info`.
fn site_info(call: &mut Call<'_>, mut fields: Fields<'_>) -> Outcome {
    if fields.has("serviceshortnames") {
        fields.raws("serviceshortnames")?;
    }
    fields.finish()?;
    let me = call.state.users.get(SERVICE).ok_or_else(Refusal::missing_record)?;
    let functions = FUNCTIONS
        .iter()
        .map(|function| {
            Out::Object(vec![("name", Out::text(function.name)), ("version", Out::text(VERSION))])
        })
        .collect();
    Ok(Out::Object(vec![
        ("sitename", Out::text("Sandbox")),
        ("username", Out::text(&me.username)),
        ("firstname", Out::text(&me.firstname)),
        ("lastname", Out::text(&me.lastname)),
        ("fullname", Out::Text(me.fullname())),
        ("lang", Out::text("en")),
        ("userid", Out::id(SERVICE)),
        ("siteurl", Out::text(call.address)),
        (
            "userpictureurl",
            Out::Text(format!("{}/theme/image.php/boost/core/1/u/f1", call.address)),
        ),
        ("functions", Out::List(functions)),
        ("downloadfiles", Out::Int(0)),
        ("uploadfiles", Out::Int(0)),
        ("release", Out::text("5.1+ (Build: 20251017)")),
        ("version", Out::text(VERSION)),
        ("mobilecssurl", Out::text("")),
        ("advancedfeatures", Out::List(Vec::new())),
        ("usercanmanageownfiles", Out::Bool(true)),
        ("userquota", Out::Int(104_857_600)),
        ("usermaxuploadfilesize", Out::Int(2_097_152)),
        ("userhomepage", Out::Int(1)),
        ("siteid", Out::Int(1)),
        ("sitecalendartype", Out::text("gregorian")),
        ("usercalendartype", Out::text("gregorian")),
        ("userissiteadmin", Out::Bool(false)),
        ("theme", Out::text("boost")),
        ("limitconcurrentlogins", Out::Int(0)),
        ("policyagreed", Out::Int(0)),
    ]))
}
