//! `rollcall --aws STACK runs`

use report::json::Answer;
use report::text;
use runtime::Exit;
use serde::Serialize;

use super::Installation;
use super::installation::Found;
use crate::commands::runs::{HEAD, Item, Runs, row};
use crate::failure::Failure;
use crate::home::Setting;

/// A run in a list over many integrations.
#[derive(Serialize)]
struct Its<'a> {
    tenant: &'a str,
    integration: &'a str,
    #[serde(flatten)]
    item: Item<'a>,
}

/// Lists the runs of all integrations that are meant, the newest first.
pub async fn run(command: Runs, setting: &Setting) -> Result<Exit, Failure> {
    let console = &setting.console;
    let installation = Installation::connect(setting).await?;
    let scopes = installation.scopes(&setting.global).await?;
    let runs = installation.runs(&scopes, command.limit.max(1)).await?;
    if console.is_json() {
        let items = runs.iter().map(|Found { scope, run }| Its {
            tenant: &scope.tenant,
            integration: &scope.integration,
            item: Item::of(run),
        });
        console.stream(|out| Answer::default().write_with(out, items))?;
        return Ok(Exit::Done);
    }
    if runs.is_empty() {
        console.print(
            "There has been no run yet: the first export that is dropped off makes one. \
             Where: rollcall tenant list\n",
        );
        return Ok(Exit::Done);
    }
    let several = scopes.len() > 1;
    let whole = |found: &Found| {
        let mut cells = row(&found.run);
        if several {
            cells.insert(1, found.scope.path());
        }
        cells
    };
    let rows: Vec<Vec<String>> = runs.iter().map(whole).collect();
    let mut head = HEAD.to_vec();
    if several {
        head.insert(1, "integration");
    }
    console.print(&text::table(&head, &rows, &console.look()));
    Ok(Exit::Done)
}
