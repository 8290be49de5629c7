//! Whether a plan keeps to the limits.

use std::collections::BTreeMap;

use roster::Kind;

use super::{Lint, Looking};
use crate::{Action, Counts, Limited, Span};

/// What is done and counts.
#[derive(Default)]
pub(super) struct Counted {
    all: Counts,
    /// By the places of parts that have limits of their own.
    parts: BTreeMap<u32, Counts>,
}

impl Counted {
    /// Counts one change, and where it belongs.
    pub fn count(&mut self, kind: Kind, action: Action, parts: &[u32]) {
        add(&mut self.all, kind, action);
        for part in parts {
            add(self.parts.entry(*part).or_default(), kind, action);
        }
    }
}

fn add(counts: &mut Counts, kind: Kind, action: Action) {
    *counts.entry(kind).or_default().entry(action).or_default() += 1;
}

impl Looking<'_> {
    /// Weighs what is done against the limits.
    pub(super) fn over_limit(&mut self) {
        let Some((limits, past)) = self.limits else { return };
        for kind in Kind::ALL {
            for limited in Limited::ALL {
                let now = limited.sum(&self.counted.all, kind);
                for span in [Span::Run, Span::Week] {
                    let Some(limit) = limits.limit(kind, limited, span) else { continue };
                    let week = |limited: Limited| match span {
                        Span::Run => 0,
                        Span::Week => limited.sum(&past.week, kind),
                    };
                    let of = self.present[kind as usize - 1] + week(Limited::Removals);
                    let (count, allowed) = (now + week(limited), limit.allowed(of));
                    if now == 0 || count <= allowed {
                        continue;
                    }
                    self.push(match (limited, span) {
                        (Limited::Removals, Span::Run) => Lint::Limit { kind, count, of, allowed },
                        _ => Lint::Over { kind, limited, span, count, of, allowed },
                    });
                }
            }
        }
    }

    /// Weighs what is done in parts that have limits of their own.
    pub(super) fn over_parts(&mut self) {
        let Some((_, past)) = self.limits else { return };
        let counted = std::mem::take(&mut self.counted.parts);
        for (part, counts) in &counted {
            let share = &past.shares.parts()[*part as usize];
            for kind in Kind::ALL {
                for limited in Limited::ALL {
                    let Some(limit) = share.table.of(kind, limited) else { continue };
                    let of = share.records[kind as usize - 1];
                    let (count, allowed) = (limited.sum(counts, kind), limit.allowed(of));
                    if count > allowed {
                        let (part, name) = (share.part, share.name.clone());
                        self.push(Lint::OverPart { part, name, kind, limited, count, of, allowed });
                    }
                }
            }
        }
    }
}
