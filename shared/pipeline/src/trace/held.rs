//! What holds a record back: the plan that holds its change, and what was found wrong with it.

use plan::{Change, HoldReason, Plan};
use roster::Key;
use store::state::run::Run;

use super::{Holding, Noticed, holds_kind};
use crate::{Pipeline, PipelineError};

/// How many runs are looked at for findings: the newest ones say what is wrong now.
const LOOKED_AT: usize = 3;

impl Pipeline {
    /// The change of `key` that the newest plan holds, and since when. `runs` are the newest ones,
    /// newest first.
    pub(super) async fn held_change(
        &self,
        key: &Key,
        runs: &[Run],
    ) -> Result<Option<Holding>, PipelineError> {
        let mut holding: Option<Holding> = None;
        // A run that came to no plan says nothing about what is held.
        for run in runs.iter().filter(|run| run.checksum.is_some()) {
            let held = match holds_kind(run, key.kind()) {
                true => self.held_in(&run.id, key).await?,
                false => None,
            };
            let Some((change, reason)) = held else { break };
            holding = Some(match holding.take() {
                None => Holding { change, reason, since: run.id.clone(), run: run.id.clone() },
                Some(newer) if newer.change.action == change.action => {
                    Holding { since: run.id.clone(), ..newer }
                }
                Some(newer) => return Ok(Some(newer)),
            });
        }
        Ok(holding)
    }

    async fn held_in(
        &self,
        run: &str,
        key: &Key,
    ) -> Result<Option<(Change, HoldReason)>, PipelineError> {
        let header = self.integration.scope.object("plans", &format!("{run}/header"));
        let Some(bytes) = self.stores.objects.get(&header).await? else { return Ok(None) };
        let plan = Plan::from_bytes(&bytes)
            .map_err(|error| PipelineError::damaged("a plan's header", &error))?;
        for (change, reason) in plan.held.iter().zip(plan.reasons) {
            let change =
                change.map_err(|error| PipelineError::damaged("a plan's changes", &error))?;
            if change.key() == key {
                return Ok(Some((change, reason)));
            }
        }
        Ok(None)
    }

    /// What the newest runs found about `key`. Those of the newest run in which anything was found
    /// count: an older one may have been put right.
    pub(super) async fn noticed(
        &self,
        key: &Key,
        runs: &[Run],
    ) -> Result<Vec<Noticed>, PipelineError> {
        let named = key.to_string();
        let planned = runs.iter().filter(|run| run.checksum.is_some());
        for run in planned.take(LOOKED_AT) {
            let (findings, files) = self.stored_findings(&run.id).await?;
            let about = findings.kept().iter();
            let about = about.filter(|f| f.key.as_deref() == Some(named.as_str()));
            let noticed: Vec<Noticed> = about
                .map(|finding| {
                    let file = files.get(finding.origin.file as usize);
                    Noticed {
                        run: run.id.clone(),
                        finding: finding.clone(),
                        file: file.map(ToString::to_string).unwrap_or_default(),
                    }
                })
                .collect();
            // A run that took an export in has looked at every record.
            if !noticed.is_empty() || run.source.is_some() {
                return Ok(noticed);
            }
        }
        Ok(Vec::new())
    }
}
