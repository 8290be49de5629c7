//! Where each field of a record comes from: who said it, who said something else, and what the
//! mapping made of it.
//!
//! **Never:** it decides nothing; it asks the same functions that the plan is made by.

use roster::merge::{Rank, Said, Settled, SourceRules, merge, settle};
use roster::{FieldSpec, Origin, Record};

use crate::Integration;
use crate::desired::{Fate, fit, put_aside};

/// What one source says of a field, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The source.
    pub source: String,
    /// The file.
    pub file: String,
    /// The line; 0 where it does not apply.
    pub line: u32,
    /// The value, for a person to read.
    pub value: String,
}

/// Why a source's word does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// Another one has a higher precedence.
    Outranked,
    /// It says the same as the one that is believed.
    Agrees,
    /// It is never believed of this field.
    NeverBelieved,
    /// Another one with the same precedence says something else.
    Disputed,
}

/// One field of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// The field's name.
    pub field: &'static str,
    /// Who is believed; `None` where nobody is.
    pub from: Option<Claim>,
    /// Who else says something of it.
    pub lost: Vec<(Claim, Lost)>,
    /// The value that the LMS is to hold; `None` where it is told nothing.
    pub wanted: Option<String>,
}

/// What a source says of a record: the source's name, the record, file and line.
pub(crate) type SaidOf = (String, Record, String, u32);

/// The provenance of every field that a source knows or the mapping makes, in the order of the
/// record. `said` is all of one record, and `fate` what a decision about its data source key makes
/// of it.
pub(crate) fn provenance(
    integration: &Integration,
    said: &[SaidOf],
    fate: Fate,
) -> Vec<Provenance> {
    let Some((_, first, ..)) = said.first() else { return Vec::new() };
    let kind = first.kind();
    let (rules, claims) = claims(integration, said);
    let mut wanted = merge(&claims, &rules)
        .filter(|_| fate != Fate::Gone)
        .and_then(|merged| fit(merged.record, integration, Origin::default(), &mut |_| {}));
    if let (Some(wanted), Fate::Inactive) = (&mut wanted, fate) {
        put_aside(wanted);
    }
    let of = |field: &FieldSpec| {
        let settled = settle(&claims, &rules, *field);
        let claim = |at: usize| claim(&said[at], *field);
        let from = match settled {
            Settled::By(at) => claim(at),
            Settled::Unknown | Settled::Disputed(_) => None,
        };
        let lost = (0..said.len()).filter(|at| settled != Settled::By(*at));
        let lost: Vec<_> = lost
            .filter_map(|at| Some((claim(at)?, why(&claims, &rules, *field, &settled, at))))
            .collect();
        let shown = wanted.as_ref().and_then(|wanted| wanted.field(*field));
        let wanted = shown.map(|shown| shown.into_owned());
        let known = from.is_some() || !lost.is_empty() || wanted.is_some();
        known.then_some(Provenance { field: field.name, from, lost, wanted })
    };
    Record::specs(kind).iter().filter_map(of).collect()
}

/// The one record that the sources' words come to, before any mapping.
pub(crate) fn merged(integration: &Integration, said: &[SaidOf]) -> Option<Record> {
    let (rules, claims) = claims(integration, said);
    merge(&claims, &rules).map(|merged| merged.record)
}

/// What each source says, as the merge takes it.
fn claims(integration: &Integration, said: &[SaidOf]) -> (Vec<SourceRules>, Vec<Said>) {
    let (mut rules, mut claims) = (Vec::new(), Vec::new());
    for (name, record, ..) in said {
        let source = integration.source(name).map(crate::Source::rules);
        rules.push(source.unwrap_or_else(|| SourceRules::new(name, 0)));
        // Another source may know it under another key.
        let key = said[0].1.key().clone();
        let record = record.clone().with_key(key).unwrap_or_else(|| record.clone());
        claims.push(Said { source: rules.len() - 1, record, origin: Origin::default() });
    }
    (rules, claims)
}

fn claim((source, record, file, line): &SaidOf, field: FieldSpec) -> Option<Claim> {
    let value = record.field(field)?.into_owned();
    Some(Claim { source: source.clone(), file: file.clone(), line: *line, value })
}

fn why(
    claims: &[Said],
    rules: &[SourceRules],
    field: FieldSpec,
    settled: &Settled,
    at: usize,
) -> Lost {
    if rules[at].rank(claims[at].record.kind(), field) == Rank::Never {
        return Lost::NeverBelieved;
    }
    match settled {
        Settled::Disputed(between) if between.contains(&at) => Lost::Disputed,
        Settled::By(by) if claims[*by].record.agrees(field, &claims[at].record) => Lost::Agrees,
        _ => Lost::Outranked,
    }
}

impl Lost {
    /// In words: `jane@x (hr, hr.csv:7) WORDS`.
    pub fn words(self) -> &'static str {
        match self {
            Self::Outranked => "has a lower precedence",
            Self::Agrees => "says the same",
            Self::NeverBelieved => "is never believed of it",
            Self::Disputed => "differs with the same precedence",
        }
    }
}
