//! Whether a Moodle is ready for us, and what to do where it is not.

use super::Moodle;
use super::requests::{Entry, Form};
use super::responses::{Category, SiteInfo, User};
use super::session::{Refused, Session};
use crate::{ErrorClass, LmsError, Missing, Place};

const SITE_INFO: &str = "core_webservice_get_site_info";
const ADD_FUNCTION: &str =
    "add the function under Site administration, Server, Web services, External services";

/// The functions that are called, and what each is for.
const FUNCTIONS: &[(&str, &str)] = &[
    ("core_user_create_users", "making accounts"),
    ("core_user_update_users", "keeping accounts in step and suspending them"),
    ("core_user_delete_users", "deleting accounts, where the policy says so"),
    ("core_user_get_users_by_field", "finding accounts that are there already"),
    ("core_course_get_categories", "finding categories"),
    ("core_course_create_categories", "making categories from org units"),
    ("core_course_update_categories", "keeping categories in step"),
    ("core_course_delete_categories", "deleting categories, where the policy says so"),
    ("core_course_get_courses_by_field", "finding courses that are there already"),
    ("core_course_create_courses", "making courses"),
    ("core_course_update_courses", "keeping courses in step and hiding them"),
    ("core_course_delete_courses", "deleting courses, where the policy says so"),
    ("core_course_duplicate_course", "making courses from a template"),
    ("enrol_manual_enrol_users", "enrolling people"),
    ("enrol_manual_unenrol_users", "unenrolling people"),
    ("core_enrol_get_enrolled_users", "leaving people alone who were in a course before us"),
    ("core_role_assign_roles", "several roles of one person in a course"),
    ("core_role_unassign_roles", "taking a role back"),
    ("core_group_create_groups", "making groups"),
    ("core_group_update_groups", "keeping groups in step"),
    ("core_group_delete_groups", "deleting groups, where the policy says so"),
    ("core_group_get_course_groups", "finding groups that are there already"),
    ("core_group_add_group_members", "filling groups"),
    ("core_group_delete_group_members", "taking people out of groups"),
    ("core_group_get_group_members", "leaving people alone who were in a group before us"),
    ("core_group_create_groupings", "making groupings from sets of groups"),
    ("core_group_get_course_groupings", "finding groupings that are there already"),
    ("core_group_assign_grouping", "putting groups into groupings"),
    ("core_group_unassign_grouping", "taking groups out of groupings"),
];

pub(super) async fn site_info(session: &Session<'_>) -> Result<SiteInfo, Refused> {
    session.read(SITE_INFO, Form::default()).await
}

impl Moodle {
    /// What the site still lacks for us: functions of the service, rights of its user, the
    /// category for courses. Changes nothing: rights are tried on accounts that cannot exist.
    pub async fn check_setup(&self) -> Result<Vec<Missing>, LmsError> {
        let session = Session::new(self, None);
        let info = site_info(&session).await.map_err(|refused| session.error(refused))?;
        let has = |function: &str| info.functions.iter().any(|known| known.name == function);
        let mut missing: Vec<Missing> = FUNCTIONS
            .iter()
            .filter(|(function, _)| !has(function))
            .map(|(function, costs)| Missing {
                what: (*function).to_owned(),
                costs,
                fix: ADD_FUNCTION,
                place: Place::Platform,
            })
            .collect();
        let mut checks = Vec::new();
        if has("core_user_update_users") {
            let nobody = [Entry::new(0, vec![("id", "0".to_owned())])];
            let form = Form::default().entries("users", &nobody);
            let may = may(&session, "core_user_update_users", form).await?;
            checks.push((may, "moodle/user:update", "keeping accounts in step"));
        }
        if has("core_user_delete_users") {
            let form = Form::default().values("userids", ["0"]);
            let may = may(&session, "core_user_delete_users", form).await?;
            checks.push((may, "moodle/user:delete", "deleting accounts, where the policy says so"));
        }
        if has("core_user_get_users_by_field") {
            let sees = self.sees_identities(&session, info.userid).await;
            let sees = sees.map_err(|refused| session.error(refused))?;
            checks.push((sees, "moodle/user:viewalldetails", "finding accounts by key"));
        }
        missing.extend(checks.into_iter().filter(|(may, ..)| !may).map(|(_, what, costs)| {
            Missing {
                what: what.to_owned(),
                costs,
                fix: "allow it to the role of the service's user, in the system context",
                place: Place::Platform,
            }
        }));
        if has("core_course_get_categories") && !self.has_category(&session).await? {
            missing.push(Missing {
                what: format!("category {}", self.config.category),
                costs: "courses without an org unit",
                fix: "put the id of an existing category into `category`",
                place: Place::Configuration,
            });
        }
        Ok(missing)
    }

    /// Whether we see user names and addresses, for which our own account is the example.
    async fn sees_identities(&self, session: &Session<'_>, me: u64) -> Result<bool, Refused> {
        let me = me.to_string();
        let form = Form::default().put("field", "id").values("values", [me.as_str()]);
        let found: Vec<User> = session.read("core_user_get_users_by_field", form).await?;
        Ok(found.iter().any(|user| !user.username.is_empty() && !user.email.is_empty()))
    }

    async fn has_category(&self, session: &Session<'_>) -> Result<bool, LmsError> {
        let form = Form::default()
            .put("criteria[0][key]", "id")
            .put("criteria[0][value]", self.config.category.to_string());
        let found = session.read::<Vec<Category>>("core_course_get_categories", form).await;
        Ok(!found.map_err(|refused| session.error(refused))?.is_empty())
    }
}

/// Whether a call on something that is not there fails for that, and not for lack of rights.
async fn may(session: &Session<'_>, function: &'static str, form: Form) -> Result<bool, LmsError> {
    // Read as a call that changes nothing: on an id that no record has, it does not.
    match session.read::<serde_json::Value>(function, form).await {
        Ok(_) => Ok(true),
        Err(Refused::Failed(error)) if error.class == ErrorClass::Rejected => Ok(true),
        // The site has told us who it is, so the token is good: it is this function alone.
        Err(Refused::Failed(error))
            if matches!(&*error.code, "nopermissions" | "accessexception") =>
        {
            session.resume();
            Ok(false)
        }
        Err(refused) => Err(session.error(refused)),
    }
}
