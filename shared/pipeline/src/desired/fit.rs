//! One record, as the school and the target want it.

use roster::mapping::map;
use roster::merge::{Merged, Said, SourceRules, dispute};
use roster::{FieldSpec, Finding, Origin, Record};

use crate::Integration;

/// `record` by the school's own mapping and the target's rules. `None` where the target cannot
/// hold it, after a finding.
pub(crate) fn fit(
    mut record: Record,
    integration: &Integration,
    origin: Origin,
    find: &mut dyn FnMut(Finding),
) -> Option<Record> {
    integration.mapping.apply(&mut record, integration.rules.names.split, origin, find);
    map(record, &integration.rules, origin, find)
}

/// A record about which sources of the same rank differ.
pub(crate) struct Settled {
    /// As the target should hold it, as if nobody knew what is disputed.
    pub record: Option<Record>,
    /// The fields of the target that hang on the dispute.
    pub contested: Vec<FieldSpec>,
}

/// Finds out what a dispute changes in the target. Nothing: then there is none (`A@x` and `a@x`
/// are one user name), and anybody's word will do. Something: it is a finding, and those fields
/// are contested.
pub(crate) fn disputed(
    mut merged: Merged,
    said: &[Said],
    rules: &[SourceRules],
    integration: &Integration,
    find: &mut dyn FnMut(Finding),
) -> Settled {
    let (key, origin) = (merged.record.key().clone(), merged.origin);
    let mut contested: Vec<FieldSpec> = Vec::new();
    let undisputed = merged.record.clone();
    for disputed in &merged.disputed {
        let variant = |at: &usize| {
            let mut variant = undisputed.clone();
            variant.copy_field(disputed.field, &said[*at].record);
            fit(variant, integration, origin, &mut |_| {})
        };
        let variants: Vec<_> = disputed.between.iter().map(variant).collect();
        let Some((first, others)) = variants.split_first() else { continue };
        if others.iter().all(|other| other == first) {
            if let Some(at) = disputed.between.first() {
                merged.record.copy_field(disputed.field, &said[*at].record);
            }
            continue;
        }
        for field in Record::specs(key.kind()) {
            let same = others.iter().all(|other| match (first, other) {
                (Some(first), Some(other)) => first.agrees(*field, other),
                _ => true,
            });
            if !same && !contested.contains(field) {
                contested.push(*field);
            }
        }
        if let [one, other, ..] = disputed.between.as_slice() {
            let names = (&rules[said[*one].source], &rules[said[*other].source]);
            find(dispute(&key, disputed.field, names, origin));
        }
    }
    let record = fit(merged.record, integration, origin, find);
    Settled { record, contested }
}
