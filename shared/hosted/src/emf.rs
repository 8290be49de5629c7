//! Metrics in CloudWatch's embedded format: one line of the log, which CloudWatch counts.

use serde_json::{Map, Value, json};
use store::state::Scope;
use store::state::run::{Run, RunState};

/// The namespace of all of them.
const NAMESPACE: &str = "Rollcall";

/// A metric, by its name in CloudWatch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it; docs/operations.md has them with their alarms")]
pub enum Metric {
    RunsEnded,
    RunsHeld,
    RunsFailed,
    RunsStalled,
    CircuitsOpen,
    ExportsOverdue,
    ExportsRefused,
    ChangesApplied,
    ChangesRejected,
    LmsCalls,
    Records,
    Bytes,
    BatchMillis,
    OutOfReach,
    WorkLeft,
}

impl Metric {
    fn name(self) -> String {
        format!("{self:?}")
    }

    fn unit(self) -> &'static str {
        match self {
            Self::Bytes => "Bytes",
            Self::BatchMillis => "Milliseconds",
            _ => "Count",
        }
    }
}

/// What one piece of work is to be counted for.
#[derive(Debug, Clone, Default)]
pub struct Metrics(Vec<(Metric, f64)>);

impl Metrics {
    /// Counts `value` more. Nothing is written for nothing: a metric costs by the hour in which it is
    /// written, and no alarm needs a zero.
    pub fn add(&mut self, metric: Metric, value: u64) {
        if value > 0 {
            self.0.push((metric, value as f64));
        }
    }

    /// What a run came to, once it is at rest; and how often its LMS was out of reach.
    pub fn run(&mut self, run: &Run) {
        match run.state {
            RunState::PartlyHeld => self.add(Metric::RunsHeld, 1),
            RunState::Failed => self.add(Metric::RunsFailed, 1),
            RunState::Waiting => self.add(Metric::OutOfReach, 1),
            RunState::Rejected => self.add(Metric::ExportsRefused, 1),
            _ => {}
        }
        if run.state.is_final() {
            self.add(Metric::RunsEnded, 1);
            self.add(Metric::ChangesApplied, run.receipts.applied);
            self.add(Metric::ChangesRejected, run.receipts.rejected);
            self.add(Metric::LmsCalls, run.calls);
        }
    }

    /// The line that counts them, `None` where there is nothing to count. `millis`: the time now.
    pub fn line(&self, stack: &str, scope: &Scope, millis: i64) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        let defined: Vec<Value> = self
            .0
            .iter()
            .map(|(metric, _)| json!({ "Name": metric.name(), "Unit": metric.unit() }))
            .collect();
        let mut line = Map::new();
        let dimensions = json!([["Stack"], ["Stack", "Tenant", "Integration"]]);
        let directive =
            json!({ "Namespace": NAMESPACE, "Dimensions": dimensions, "Metrics": defined });
        line.insert(
            "_aws".into(),
            json!({ "Timestamp": millis, "CloudWatchMetrics": [directive] }),
        );
        line.insert("Stack".into(), stack.into());
        line.insert("Tenant".into(), scope.tenant.clone().into());
        line.insert("Integration".into(), scope.integration.clone().into());
        for (metric, value) in &self.0 {
            line.insert(metric.name(), json!(value));
        }
        Some(Value::Object(line).to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_what_cloudwatch_reads() {
        let mut metrics = Metrics::default();
        let scope = Scope::new("oak", "sis");
        assert_eq!(metrics.line("s", &scope, 1), None);
        metrics.add(Metric::RunsHeld, 1);
        metrics.add(Metric::Bytes, 12);
        let line = metrics.line("rollcall", &scope, 1_788_242_400_000).unwrap();
        let line: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["RunsHeld"], json!(1.0));
        assert_eq!(line["Tenant"], "oak");
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Namespace"], "Rollcall");
        assert_eq!(directive["Metrics"][1], json!({ "Name": "Bytes", "Unit": "Bytes" }));
        assert_eq!(directive["Dimensions"][1], json!(["Stack", "Tenant", "Integration"]));
    }
}
