//! The addresses under `/sandbox/` that steer the sandbox.
//!
//! | request | does |
//! |---|---|
//! | `GET /sandbox/calls` | the last calls as JSON |
//! | `GET /sandbox/faults` | the rules of the fault plan as JSON |
//! | `POST /sandbox/faults` | replaces the plan by `{"seed": 0, "rules": [..]}` |

use serde_json::json;

use crate::faults::Plan;
use crate::moodle::Site;
use crate::{Faults, Method, Request, Response};

pub(super) fn respond(site: &mut Site, request: &Request, path: &[&str]) -> Response {
    match (request.method, path) {
        (Method::Get, ["sandbox", "calls"]) => calls(site),
        (Method::Get, ["sandbox", "faults"]) => faults(site),
        (Method::Post, ["sandbox", "faults"]) => set_faults(site, request),
        _ => problem(404, "there is nothing at this address"),
    }
}

fn calls(site: &Site) -> Response {
    let calls: Vec<_> = site
        .calls()
        .map(|call| {
            json!({
                "at": call.at.to_string(),
                "function": call.function,
                "outcome": call.outcome(),
                "cut": call.cut,
                "fault": call.fault,
            })
        })
        .collect();
    Response::ok("application/json", json!({ "calls": calls }).to_string())
}

fn faults(site: &Site) -> Response {
    Response::ok("application/json", json!({ "rules": site.faults().rules() }).to_string())
}

fn set_faults(site: &mut Site, request: &Request) -> Response {
    // A form on a web page elsewhere cannot send this type without asking first.
    let is_json =
        request.content_type.as_deref().is_some_and(|kind| kind.starts_with("application/json"));
    if !is_json {
        return problem(415, "send the plan as application/json");
    }
    match serde_json::from_slice::<Plan>(&request.body) {
        Ok(plan) => {
            *site.faults_mut() = Faults::from(plan);
            faults(site)
        }
        Err(error) => problem(400, &format!("the plan is not understood: {error}")),
    }
}

fn problem(status: u16, message: &str) -> Response {
    let body = json!({ "error": message }).to_string();
    Response { status, ..Response::ok("application/json", body) }
}
