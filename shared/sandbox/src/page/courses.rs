//! The start page with all courses, and the page of one.

use std::fmt::Write;

use jiff::Timestamp;

use super::frame::{self, Tab};
use super::{Count, Day, PAGE, Span, View, safe};
use crate::moodle::{Counts, Course, Member, SITE_COURSE, Site};

/// The start page.
pub(super) fn list(site: &Site, view: &View) -> String {
    let found: Vec<(u32, &Course)> = site
        .courses()
        .rev()
        .filter(|(id, _)| *id != SITE_COURSE)
        .filter(|(_, course)| view.finds(&[&course.fullname, &course.shortname, &course.idnumber]))
        .collect();
    let mut rows = String::new();
    for (id, course) in found.iter().skip(view.page * PAGE).take(PAGE) {
        // Writing to a string cannot fail, here and below.
        let _ = write!(
            rows,
            "<tr><td class=\"main\"><a href=\"/courses/{id}\">{}</a><small>{}</small></td>\
             <td data-label=\"Category\">{}</td><td data-label=\"People\" class=\"number\">{}</td>\
             <td data-label=\"Dates\" class=\"quiet\">{}</td><td>{}</td></tr>",
            safe(&course.fullname),
            safe(&course.shortname),
            safe(&category_path(site, course.category)),
            Count(site.enrolled(*id)),
            Span(course.start, course.end),
            hidden(course),
        );
    }
    let table = if rows.is_empty() {
        let empty = if view.search.is_empty() {
            "No course yet. They appear here as soon as a client creates them."
        } else {
            "No course matches."
        };
        format!("<p class=\"empty\">{empty}</p>")
    } else {
        format!(
            "<table><thead><tr><th>Course</th><th>Category</th><th class=\"number\">People</th>\
             <th>Dates</th><th></th></tr></thead><tbody>{rows}</tbody></table>"
        )
    };
    let body = format!(
        "{}<section><div class=\"head\"><h1>Courses</h1>{}</div>{table}{}</section>",
        counts(site.counts()),
        frame::search("/", view, "Name, short name or number"),
        frame::pages("/", &frame::kept_search(view), view, found.len()),
    );
    frame::page("Courses", Tab::Courses, &body)
}

fn counts(counts: Counts) -> String {
    let card = |number: usize, name: &str| {
        format!("<div><strong>{}</strong><span>{name}</span></div>", Count(number))
    };
    format!(
        "<div class=\"counts\">{}{}{}{}{}</div>",
        card(counts.courses, "courses"),
        card(counts.accounts, "people"),
        card(counts.enrolments, "enrolments"),
        card(counts.groups, "groups"),
        card(counts.categories, "categories"),
    )
}

fn hidden(course: &Course) -> &'static str {
    if course.visible { "" } else { "<span class=\"chip off\">hidden</span>" }
}

fn category_path(site: &Site, id: u32) -> String {
    let mut names = Vec::new();
    let mut next = id;
    while let Some(category) = site.category(next) {
        names.push(category.name.as_str());
        next = category.parent;
    }
    names.reverse();
    names.join(" › ")
}

/// The page of one course.
pub(super) fn one(site: &Site, id: u32, view: &View, now: Timestamp) -> Option<String> {
    let course = site.course(id)?;
    let groups = site.groups(id);
    let mut chips = String::new();
    for (group, row, members) in &groups {
        let here = if view.group == Some(*group) { " here" } else { "" };
        let _ = write!(
            chips,
            "<a class=\"chip{here}\" href=\"/courses/{id}?group={group}\">{} <b>{}</b></a>",
            safe(&row.name),
            Count(members.len())
        );
    }
    if !chips.is_empty() {
        let here = if view.group.is_none() { " here" } else { "" };
        let all = Count(site.enrolled(id));
        chips = format!(
            "<div class=\"groups\"><a class=\"chip{here}\" href=\"/courses/{id}\">Everybody \
             <b>{all}</b></a>{chips}</div>"
        );
    }
    let chosen = view.group.and_then(|group| groups.iter().find(|(known, ..)| *known == group));
    let mut members: Vec<u32> = match chosen {
        Some((_, _, members)) => members.clone(),
        None => site.members(id).map(|(user, _)| user).collect(),
    };
    // Who leads the course comes first; it is few people, and they are what one looks for.
    members.sort_by_key(|user| site.member(id, *user).map(rank));
    let mut rows = String::new();
    for user in members.iter().skip(view.page * PAGE).take(PAGE) {
        rows.push_str(&member_row(site, id, *user, now)?);
    }
    let people = if rows.is_empty() {
        "<p class=\"empty\">Nobody is in this course.</p>".to_owned()
    } else {
        format!(
            "<table><thead><tr><th>Person</th><th>Role</th><th>Groups</th><th>Enrolment</th>\
             </tr></thead><tbody>{rows}</tbody></table>"
        )
    };
    let kept = view.group.map_or_else(String::new, |group| format!("&amp;group={group}"));
    let body = format!(
        "<p class=\"trail\"><a href=\"/\">Courses</a> › {}</p>\
         <div class=\"head\"><h1>{} {}</h1></div>{}\
         <section><h2>People</h2>{chips}{people}{}</section>",
        safe(&category_path(site, course.category)),
        safe(&course.fullname),
        hidden(course),
        facts(id, course),
        frame::pages(&format!("/courses/{id}"), &kept, view, members.len()),
    );
    Some(frame::page(&course.fullname, Tab::Courses, &body))
}

/// Managers and teachers, then students, then people without a role.
fn rank(member: &Member) -> u8 {
    member.roles.iter().next().unwrap_or(u8::MAX)
}

fn facts(id: u32, course: &Course) -> String {
    let number = if course.idnumber.is_empty() { "–" } else { course.idnumber.as_str() };
    format!(
        "<dl class=\"facts\"><div><dt>Short name</dt><dd>{}</dd></div>\
         <div><dt>Number</dt><dd>{}</dd></div><div><dt>Begins</dt><dd>{}</dd></div>\
         <div><dt>Ends</dt><dd>{}</dd></div><div><dt>Id</dt><dd>{id}</dd></div></dl>",
        safe(&course.shortname),
        safe(number),
        Day(course.start),
        Day(course.end),
    )
}

fn member_row(site: &Site, course: u32, user: u32, now: Timestamp) -> Option<String> {
    let person = site.user(user)?;
    let member = site.member(course, user)?;
    let account =
        if person.suspended { "<span class=\"chip off\">account suspended</span>" } else { "" };
    Some(format!(
        "<tr><td class=\"main face-row\">{}<span><a href=\"/people/{user}\">{}</a><small>{}</small>\
         </span></td><td class=\"chips\">{}</td><td class=\"chips\">{}</td>\
         <td class=\"chips\">{account}{}</td></tr>",
        frame::initials(&person.firstname, &person.lastname),
        safe(&person.fullname()),
        safe(&person.username),
        frame::roles(member.roles),
        frame::plain_chips(&site.group_names(course, user)),
        frame::enrolment(member, now.as_second()),
    ))
}
