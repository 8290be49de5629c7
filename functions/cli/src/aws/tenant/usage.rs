//! `rollcall --aws STACK tenant usage`

use pipeline::Usage;
use report::json::Answer;
use report::text;
use runtime::Exit;
use serde::Serialize;
use store::state::Scope;
use store::{ItemKey, StoreError};

use crate::aws::Installation;
use crate::commands::backup::size;
use crate::failure::Failure;
use crate::home::Setting;

/// Show what each integration has used in a month
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rollcall --aws rollcall tenant usage
  rollcall --aws rollcall --tenant oakfield tenant usage --month 2026-10 --json")]
pub struct Used {
    /// The month, in UTC [default: this one]
    #[arg(long, value_name = "YYYY-MM")]
    month: Option<String>,
}

#[derive(Serialize)]
struct Item<'a> {
    tenant: &'a str,
    integration: &'a str,
    month: &'a str,
    #[serde(flatten)]
    usage: Usage,
}

impl Used {
    /// Shows.
    pub async fn run(self, setting: &Setting) -> Result<Exit, Failure> {
        let console = &setting.console;
        let month = match self.month {
            Some(month) if is_month(&month) => month,
            Some(month) => {
                return Err(
                    Failure::usage(format!("`{month}` is no month")).hint("write it like 2026-11")
                );
            }
            None => setting.clock.now().to_string().chars().take(7).collect(),
        };
        let installation = Installation::connect(setting).await?;
        let mut found = Vec::new();
        for scope in installation.scopes(&setting.global).await? {
            if let Some(usage) = usage(&installation, &scope, &month).await? {
                found.push((scope, usage));
            }
        }
        if console.is_json() {
            let items = found.iter().map(|(scope, usage)| Item {
                tenant: &scope.tenant,
                integration: &scope.integration,
                month: &month,
                usage: *usage,
            });
            console.stream(|out| Answer::default().write_with(out, items))?;
            return Ok(Exit::Done);
        }
        if found.is_empty() {
            console.print(&format!("Nothing was used in {month}.\n"));
            return Ok(Exit::Done);
        }
        let row = |(scope, usage): (Scope, Usage)| {
            let Usage { runs, records, changes, lms_calls, bytes } = usage;
            let numbers = [runs, records, changes, lms_calls].map(|number| number.to_string());
            let mut row = vec![scope.path()];
            row.extend(numbers);
            row.push(size(bytes));
            row
        };
        let rows: Vec<_> = found.into_iter().map(row).collect();
        let head = ["integration", "runs", "records", "changes", "LMS calls", "read"];
        console.print(&text::table(&head, &rows, &console.look()));
        Ok(Exit::Done)
    }
}

async fn usage(
    installation: &Installation,
    scope: &Scope,
    month: &str,
) -> Result<Option<Usage>, Failure> {
    let key = ItemKey::new(scope.path(), format!("usage/{month}"));
    let Some(item) = installation.stores.table.get(&key).await? else { return Ok(None) };
    let usage = serde_json::from_slice(&item.body);
    let damaged = |error: serde_json::Error| StoreError::Damaged {
        what: key.to_string(),
        reason: error.to_string(),
    };
    Ok(Some(usage.map_err(damaged)?))
}

/// Whether it is written like `2026-11`.
fn is_month(text: &str) -> bool {
    let Some((year, month)) = text.split_once('-') else { return false };
    let digits =
        |text: &str, count| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    digits(year, 4) && digits(month, 2) && ("01"..="12").contains(&month)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_written_one_way() {
        assert!(is_month("2026-11") && is_month("2026-01"));
        for text in ["", "2026", "2026-13", "2026-00", "26-11", "2026-1", "2026-11-01", "2026/11"] {
            assert!(!is_month(text), "{text}");
        }
    }
}
