//! From which source each field comes, as `rollcall trace` shows it.

use pipeline::{Claim, Provenance};
use serde::Serialize;

/// A field as an object.
#[derive(Serialize)]
pub(super) struct Field {
    field: &'static str,
    /// What the LMS is to hold.
    wanted: Option<String>,
    from: Option<Said>,
    lost: Vec<LostTo>,
}

#[derive(Serialize)]
struct Said {
    source: String,
    origin: String,
    value: String,
}

#[derive(Serialize)]
struct LostTo {
    #[serde(flatten)]
    said: Said,
    why: &'static str,
}

impl From<Claim> for Said {
    fn from(claim: Claim) -> Self {
        let Claim { source, file, line, value } = claim;
        let origin = if line == 0 { file } else { format!("{file}:{line}") };
        Self { source, origin, value }
    }
}

impl From<Provenance> for Field {
    fn from(of: Provenance) -> Self {
        let lost = of.lost.into_iter();
        let lost = lost.map(|(claim, why)| LostTo { said: claim.into(), why: why.words() });
        Self {
            field: of.field,
            wanted: of.wanted,
            from: of.from.map(Said::from),
            lost: lost.collect(),
        }
    }
}

/// Adds the fields of which there is more to tell than what one source says: several know them,
/// or the mapping made something else of them.
pub(super) fn written(out: &mut String, fields: &[Field], sources: usize) {
    let told = |field: &&Field| {
        let as_said = field.from.as_ref().map(|said| &said.value) == field.wanted.as_ref();
        sources > 1 || !(as_said || field.wanted.is_none())
    };
    let told: Vec<&Field> = fields.iter().filter(told).collect();
    let Some(longest) = told.iter().map(|field| field.field.len()).max() else { return };
    out.push_str("\nWhere it comes from\n");
    for field in told {
        let name = field.field;
        let line = match (&field.from, &field.wanted) {
            (Some(said), Some(wanted)) if said.value != *wanted => {
                format!("{}, mapped from {}", super::clean(wanted), shown(said))
            }
            (Some(said), _) => shown(said),
            (None, Some(wanted)) if field.lost.is_empty() => {
                format!("{}, made by the mapping", super::clean(wanted))
            }
            (None, _) => "nobody is believed: what the LMS has stays".to_owned(),
        };
        out.push_str(&format!("  {name:longest$}  {line}\n"));
        for lost in &field.lost {
            out.push_str(&format!("  {:longest$}    {} {}\n", "", shown(&lost.said), lost.why));
        }
    }
}

fn shown(said: &Said) -> String {
    let (value, source) = (super::clean(&said.value), super::clean(&said.source));
    format!("{value} ({source}, {})", super::clean(&said.origin))
}
