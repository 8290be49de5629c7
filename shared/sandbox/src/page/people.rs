//! All people, and the page of one.

use std::fmt::Write;

use jiff::Timestamp;

use super::frame::{self, Tab};
use super::{Day, PAGE, View, safe};
use crate::moodle::{Detail, Site, User};

/// The list of people.
pub(super) fn list(site: &Site, view: &View) -> String {
    let found: Vec<(u32, &User)> = site
        .users()
        .filter(|(_, user)| !user.deleted)
        .filter(|(_, user)| {
            view.search.is_empty()
                || view.finds(&[&user.fullname(), &user.username, &user.email, &user.idnumber])
        })
        .collect();
    let mut rows = String::new();
    for (id, user) in found.iter().skip(view.page * PAGE).take(PAGE) {
        // Writing to a string cannot fail, here and below.
        let _ = write!(
            rows,
            "<tr><td class=\"main face-row\">{}<span><a href=\"/people/{id}\">{}</a>\
             <small>{}</small></span></td><td data-label=\"E-mail\">{}</td>\
             <td data-label=\"Number\">{}</td><td data-label=\"Courses\" class=\"number\">{}</td>\
             <td>{}</td></tr>",
            frame::initials(&user.firstname, &user.lastname),
            safe(&user.fullname()),
            safe(&user.username),
            safe(&user.email),
            safe(&user.idnumber),
            site.courses_of(*id).len(),
            suspended(user),
        );
    }
    let table = if rows.is_empty() {
        "<p class=\"empty\">Nobody matches.</p>".to_owned()
    } else {
        format!(
            "<table><thead><tr><th>Person</th><th>E-mail</th><th>Number</th>\
             <th class=\"number\">Courses</th><th></th></tr></thead><tbody>{rows}</tbody></table>"
        )
    };
    let body = format!(
        "<section><div class=\"head\"><h1>People</h1>{}</div>{table}{}</section>",
        frame::search("/people", view, "Name, user name, e-mail or number"),
        frame::pages("/people", &frame::kept_search(view), view, found.len()),
    );
    frame::page("People", Tab::People, &body)
}

fn suspended(user: &User) -> &'static str {
    if user.suspended { "<span class=\"chip off\">suspended</span>" } else { "" }
}

/// The page of one person.
pub(super) fn one(site: &Site, id: u32, now: Timestamp) -> Option<String> {
    let user = site.user(id)?;
    let mut rows = String::new();
    for course in site.courses_of(id).iter().rev() {
        let (Some(row), Some(member)) = (site.course(*course), site.member(*course, id)) else {
            continue;
        };
        let _ = write!(
            rows,
            "<tr><td class=\"main\"><a href=\"/courses/{course}\">{}</a><small>{}</small></td>\
             <td class=\"chips\">{}</td><td class=\"chips\">{}</td><td class=\"chips\">{}</td></tr>",
            safe(&row.fullname),
            safe(&row.shortname),
            frame::roles(member.roles),
            frame::plain_chips(&site.group_names(*course, id)),
            frame::enrolment(member, now.as_second()),
        );
    }
    let courses = if rows.is_empty() {
        "<p class=\"empty\">In no course.</p>".to_owned()
    } else {
        format!(
            "<table><thead><tr><th>Course</th><th>Role</th><th>Groups</th><th>Enrolment</th>\
             </tr></thead><tbody>{rows}</tbody></table>"
        )
    };
    let deleted = if user.deleted { "<span class=\"chip off\">deleted</span>" } else { "" };
    let body = format!(
        "<p class=\"trail\"><a href=\"/people\">People</a></p>\
         <div class=\"head person\">{}<h1>{} {}{deleted}</h1></div>{}\
         <section><h2>Courses</h2>{courses}</section>",
        frame::initials(&user.firstname, &user.lastname),
        safe(&user.fullname()),
        suspended(user),
        facts(id, user),
    );
    Some(frame::page(&user.fullname(), Tab::People, &body))
}

fn facts(id: u32, user: &User) -> String {
    let mut facts = String::from("<dl class=\"facts\">");
    let created = Day(user.created).to_string();
    let known = [
        ("User name", user.username.as_str()),
        ("E-mail", user.email.as_str()),
        ("Number", user.idnumber.as_str()),
        ("Logs in by", user.auth.as_str()),
        ("Institution", user.detail(Detail::Institution)),
        ("Department", user.detail(Detail::Department)),
        ("Town", user.detail(Detail::City)),
        ("Country", user.detail(Detail::Country)),
        ("Made on", created.as_str()),
    ];
    for (name, value) in known {
        if !matches!(value, "" | "0") {
            let _ = write!(facts, "<div><dt>{name}</dt><dd>{}</dd></div>", safe(value));
        }
    }
    let _ = write!(facts, "<div><dt>Id</dt><dd>{id}</dd></div></dl>");
    facts
}
