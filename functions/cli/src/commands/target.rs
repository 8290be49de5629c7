//! `rollcall target`

use lms::{Missing, Place, Site};
use report::harmless_text;
use report::json::SCHEMA;
use runtime::Exit;
use serde::Serialize;

use crate::failure::Failure;
use crate::home::Setting;
use crate::target::{Reach, target};

/// Look at the LMS itself: whether it is ready for a sync
#[derive(Debug, clap::Args)]
pub struct Target {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Check(Check),
}

/// Ask the LMS whether address, token, functions and rights are as they have to be
#[derive(Debug, clap::Args)]
#[command(after_help = "\
It changes nothing: rights are tried on accounts that cannot exist. Do it once before the first
sync, and again when the LMS was updated or its service changed.

Example:
  rollcall target check

Exit codes: 0 it is ready, 6 it lacks something or is out of reach, 64 the configuration is wrong.")]
struct Check {}

impl Target {
    /// Looks.
    pub async fn run(self, setting: &Setting) -> Result<Exit, Failure> {
        match self.what {
            What::Check(command) => command.run(setting).await,
        }
    }
}

#[derive(Serialize)]
struct Told<'a> {
    schema: u32,
    target: &'a str,
    url: &'a str,
    version: &'a str,
    ready: bool,
    items: Vec<Lacks<'a>>,
}

#[derive(Serialize)]
struct Lacks<'a> {
    what: &'a str,
    without_it: &'static str,
    what_to_do: &'static str,
    place: &'static str,
}

impl Check {
    async fn run(self, setting: &Setting) -> Result<Exit, Failure> {
        let console = &setting.console;
        let integration = setting.config()?.integration;
        let (clock, random) = (&setting.clock, &setting.random);
        let target = target(&integration, &setting.global.data, Reach::Live, clock, random)?;
        let lms = &target.made.lms;
        let site = lms.identify().await?;
        let missing = lms.check_setup().await?;
        if console.is_json() {
            console.object(&Told {
                schema: SCHEMA,
                target: &target.shown,
                url: &site.url,
                version: &site.version,
                ready: missing.is_empty(),
                items: missing.iter().map(lacks).collect(),
            })?;
        } else if !missing.is_empty() || !console.is_quiet() {
            console.print(&told(&target.shown, &site, &missing));
        }
        Ok(exit_of(&missing))
    }
}

/// What is wrong in the configuration alone is put right there.
fn exit_of(missing: &[Missing]) -> Exit {
    match (missing.is_empty(), missing.iter().all(|one| one.place == Place::Configuration)) {
        (true, _) => Exit::Done,
        (false, true) => Exit::Usage,
        (false, false) => Exit::Lms,
    }
}

fn lacks(missing: &Missing) -> Lacks<'_> {
    let place = match missing.place {
        Place::Platform => "lms",
        Place::Configuration => "configuration",
    };
    Lacks { what: &missing.what, without_it: missing.costs, what_to_do: missing.fix, place }
}

fn told(shown: &str, site: &Site, missing: &[Missing]) -> String {
    let mut text = format!("{}\n", harmless_text(shown));
    text.push_str(&format!(
        "  address and token are good: {} {}\n",
        site.kind,
        harmless_text(&site.version)
    ));
    if missing.is_empty() {
        text.push_str("  every function and right that is needed is there\n\nReady.\n");
        return text;
    }
    // What is put right in the same way stands together.
    let mut fixes: Vec<&'static str> = missing.iter().map(|one| one.fix).collect();
    fixes.dedup();
    let width = missing.iter().map(|one| one.what.len()).max().unwrap_or_default();
    for fix in fixes {
        text.push_str(&format!("\nMissing: {fix}\n"));
        for one in missing.iter().filter(|one| one.fix == fix) {
            let what = harmless_text(&one.what);
            text.push_str(&format!("  {what:width$}  for {}\n", one.costs));
        }
    }
    let count = missing.len();
    let things = if count == 1 { "thing is" } else { "things are" };
    text.push_str(&format!(
        "\nNot ready: {count} {things} missing. Then again: rollcall target check\n"
    ));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(what: &str, fix: &'static str, place: Place) -> Missing {
        Missing { what: what.into(), costs: "making accounts", fix, place }
    }

    #[test]
    fn what_is_missing_is_grouped_by_what_to_do() {
        let site = Site {
            kind: "moodle",
            url: "https://lms.example.edu".into(),
            id: String::new(),
            version: "5.1".into(),
        };
        let all = [
            missing("core_user_create_users", "add the function", Place::Platform),
            missing("core_group_create_groups", "add the function", Place::Platform),
            missing("category 7", "put the id into `category`", Place::Configuration),
        ];
        insta::assert_snapshot!(told("moodle https://lms.example.edu", &site, &all), @r"
        moodle https://lms.example.edu
          address and token are good: moodle 5.1

        Missing: add the function
          core_user_create_users    for making accounts
          core_group_create_groups  for making accounts

        Missing: put the id into `category`
          category 7                for making accounts

        Not ready: 3 things are missing. Then again: rollcall target check
        ");
        assert_eq!(exit_of(&all), Exit::Lms);
        assert_eq!(exit_of(&all[2..]), Exit::Usage);
        assert_eq!(exit_of(&[]), Exit::Done);
    }
}
