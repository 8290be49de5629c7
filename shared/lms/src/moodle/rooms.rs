//! Who is in a course, and which groups it has: reads that enrolments and groups share.

use std::collections::{BTreeSet, HashMap};

use futures::StreamExt;

use super::requests::Form;
use super::responses::{Group, GroupMembers, Member};
use super::send::is_gone;
use super::session::{Refused, Session};

/// Everybody in a course, however enrolled, suspended or not. Naming the fields makes it six
/// times as fast.
pub(super) async fn members(
    session: &Session<'_>,
    course: &str,
    fields: &str,
) -> Result<Vec<Member>, Refused> {
    let form = Form::default().put("courseid", course).options(&[("userfields", fields)]);
    session.read("core_enrol_get_enrolled_users", form).await
}

/// The same for several courses. One that is not there any more has nobody in it.
pub(super) async fn members_of(
    session: &Session<'_>,
    courses: BTreeSet<String>,
    fields: &'static str,
) -> HashMap<String, Result<Vec<Member>, Refused>> {
    let read = |course: String| async move {
        let read = match members(session, &course, fields).await {
            Err(refused) if is_gone(&refused) => Ok(Vec::new()),
            read => read,
        };
        (course, read)
    };
    let reads = courses.into_iter().map(read).collect::<Vec<_>>();
    futures::stream::iter(reads).buffered(session.site.config.concurrency.max(1)).collect().await
}

/// The groups of several courses. One that is not there any more has none.
pub(super) async fn groups_of(
    session: &Session<'_>,
    courses: BTreeSet<String>,
) -> HashMap<String, Result<Vec<Group>, Refused>> {
    let read = |course: String| async move {
        let form = Form::default().put("courseid", &course);
        let read = match session.read("core_group_get_course_groups", form).await {
            Err(Refused::Failed(error)) if error.code == "errorcoursecontextnotvalid" => {
                Ok(Vec::new())
            }
            read => read,
        };
        (course, read)
    };
    let reads = courses.into_iter().map(read).collect::<Vec<_>>();
    futures::stream::iter(reads).buffered(session.site.config.concurrency.max(1)).collect().await
}

/// Who is in each of `groups`. A group that is not there any more has nobody in it.
pub(super) async fn group_members(
    session: &Session<'_>,
    groups: &BTreeSet<String>,
) -> Result<HashMap<u64, Vec<u64>>, Refused> {
    const FUNCTION: &str = "core_group_get_group_members";
    let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
    let mut members = HashMap::new();
    // One unknown group fails the call for all: then they are asked for one by one.
    let mut parts: Vec<&[&str]> = groups.chunks(50).collect();
    while let Some(part) = parts.pop() {
        let form = Form::default().values("groupids", part.iter().copied());
        match session.read::<Vec<GroupMembers>>(FUNCTION, form).await {
            Ok(found) => {
                members.extend(found.into_iter().map(|found| (found.groupid, found.userids)))
            }
            Err(refused) if is_gone(&refused) && part.len() == 1 => {}
            Err(refused) if is_gone(&refused) => parts.extend(part.chunks(1)),
            Err(refused) => return Err(refused),
        }
    }
    Ok(members)
}
