//! `cloudwatch_metrics`: values of a metric of CloudWatch, in namespaces that the deployment allows.

use std::collections::BTreeMap;

use mcp_lambda_aws::signed::Service;
use mcp_lambda_server::time::Timestamp;
use rmcp::{
    Json, RoleServer,
    handler::server::wrapper::Parameters,
    model::CallToolResult,
    schemars::{self, JsonSchema},
    service::RequestContext,
    tool, tool_router,
};
use serde::{Deserialize, Serialize};

use super::{Action, Form, Input, icon, in_time, xml};
use crate::{server::Reference, tools::refused};

const SERVICE: Service = Service { id: "CloudWatch", name: "monitoring" };
/// The most values of a call: a day of minutes.
const MOST_VALUES: u64 = 1440;
const MOST_DIMENSIONS: usize = 30;
/// Metrics are kept for 15 months: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html>
/// (read 2026-11-28).
const OLDEST: u64 = 455 * 24 * 60;

#[derive(Deserialize, JsonSchema)]
struct Metric {
    /// The namespace, such as AWS/Lambda.
    #[schemars(length(min = 1, max = 255))]
    namespace: String,
    /// The name of the metric, such as Invocations.
    #[schemars(length(min = 1, max = 255))]
    metric: String,
    /// The dimensions by name, such as FunctionName. A metric has values for exactly the dimensions that it was written with.
    #[serde(default)]
    dimensions: BTreeMap<String, String>,
    /// Average, Sum, Minimum, Maximum, SampleCount, or a percentile such as p99.
    #[serde(default = "average")]
    #[schemars(length(min = 2, max = 16))]
    statistic: String,
    /// The time that one value covers, in seconds: a multiple of 60.
    #[serde(default = "five_minutes")]
    #[schemars(range(min = 60, max = 86_400))]
    period_seconds: u64,
    /// The time before now from which values are returned, in minutes.
    #[serde(default = "an_hour")]
    #[schemars(range(min = 1, max = 655_200))]
    minutes: u64,
    /// The region. Default: that of the server.
    #[serde(default)]
    #[schemars(length(min = 3, max = 32))]
    region: Option<String>,
}

fn average() -> String {
    "Average".to_owned()
}

fn five_minutes() -> u64 {
    300
}

fn an_hour() -> u64 {
    60
}

#[derive(Serialize, JsonSchema)]
struct Values {
    namespace: String,
    metric: String,
    statistic: String,
    region: String,
    period_seconds: u64,
    /// The values, oldest first. A period without data has none.
    values: Vec<MetricValue>,
    /// Whether CloudWatch returned all values of the time.
    complete: bool,
}

#[derive(Serialize, JsonSchema)]
struct MetricValue {
    /// When the period began (RFC 3339).
    timestamp: String,
    value: f64,
}

#[tool_router(router = metric_tools, vis = "pub(crate)")]
impl Reference {
    #[tool(
        title = "CloudWatch metrics",
        description = "Returns the values of a CloudWatch metric over time. Only namespaces that the deployment allows; \
                       call it with any namespace to learn which.",
        icons = icon("M3 3v18h18M6 16l5-6 4 3 6-8"),
        annotations(read_only_hint = true, destructive_hint = false, idempotent_hint = true, open_world_hint = true)
    )]
    async fn cloudwatch_metrics(
        &self,
        Parameters(metric): Parameters<Metric>,
        context: RequestContext<RoleServer>,
    ) -> Result<Json<Values>, CallToolResult> {
        in_time(&context, self.values(&metric)).await.map(Json).map_err(refused)
    }

    async fn values(&self, metric: &Metric) -> Result<Values, String> {
        self.aws.namespace(&metric.namespace)?;
        metric.check()?;
        let place = self.aws.place(metric.region.as_deref()).await?;
        let action = Action {
            service: SERVICE,
            name: "GetMetricData",
            permission: "cloudwatch:GetMetricData",
            resource: "*",
            place: &place,
        };
        let form = metric.form(self.aws.clock.now());
        let response = self.aws.send(action, Input::Form { version: "2010-08-01", form }).await?;
        let (values, complete) = xml::read(&response, found)?;
        Ok(Values {
            namespace: metric.namespace.clone(),
            metric: metric.metric.clone(),
            statistic: metric.statistic.clone(),
            region: place.region,
            period_seconds: metric.period_seconds,
            values,
            complete,
        })
    }
}

impl Metric {
    fn check(&self) -> Result<(), String> {
        let Self { period_seconds: period, minutes, .. } = self;
        if !(60..=86_400).contains(period) || period % 60 != 0 {
            return Err(format!("period_seconds is {period}: expected a multiple of 60, from 60 to 86400"));
        }
        if !(1..=OLDEST).contains(minutes) {
            return Err(format!("minutes is {minutes}: expected a number from 1 to {OLDEST}"));
        }
        let values = minutes * 60 / period;
        if values > MOST_VALUES {
            let least = (minutes * 60).div_ceil(MOST_VALUES).next_multiple_of(60);
            return Err(format!(
                "{minutes} minutes have {values} values, and {MOST_VALUES} at most are returned: set period_seconds to {least} or more"
            ));
        }
        if self.dimensions.len() > MOST_DIMENSIONS {
            return Err(format!(
                "dimensions has {}: expected {MOST_DIMENSIONS} at most",
                self.dimensions.len()
            ));
        }
        if !is_statistic(&self.statistic) {
            return Err(format!(
                "statistic {:?} is unknown: expected Average, Sum, Minimum, Maximum, SampleCount, or a percentile such as p99",
                self.statistic
            ));
        }
        Ok(())
    }

    /// The request: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html> (read 2026-11-28).
    fn form(&self, now: Timestamp) -> Form {
        // Whole periods: CloudWatch caches values of those, and returns no half one at the beginning.
        let end = now.epoch_seconds().next_multiple_of(60);
        let begin = end.saturating_sub(self.minutes * 60);
        let time = |seconds: u64| Timestamp::from_millis(seconds * 1000).to_rfc3339();
        let query = |name: &str| format!("MetricDataQueries.member.1.{name}");
        let mut form = Form::default()
            .with("StartTime", &time(begin))
            .with("EndTime", &time(end))
            .with("ScanBy", "TimestampAscending")
            .with(&query("Id"), "values")
            .with(&query("MetricStat.Metric.Namespace"), &self.namespace)
            .with(&query("MetricStat.Metric.MetricName"), &self.metric)
            .with(&query("MetricStat.Period"), &self.period_seconds.to_string())
            .with(&query("MetricStat.Stat"), &self.statistic);
        for (at, (name, value)) in self.dimensions.iter().enumerate() {
            let dimension = query(&format!("MetricStat.Metric.Dimensions.member.{}", at + 1));
            form = form.with(&format!("{dimension}.Name"), name).with(&format!("{dimension}.Value"), value);
        }
        form
    }
}

/// The values of the response, and whether they are complete.
fn found(root: roxmltree::Node<'_, '_>) -> (Vec<MetricValue>, bool) {
    let result = xml::items(root, "GetMetricDataResult/MetricDataResults", "member").into_iter().next();
    let Some(result) = result else { return (Vec::new(), true) };
    let texts = |path: &str| {
        let members = xml::items(result, path, "member").into_iter();
        members.filter_map(|member| Some(member.text()?.trim().to_owned())).collect::<Vec<_>>()
    };
    let values = texts("Timestamps").into_iter().zip(texts("Values"));
    let values =
        values.filter_map(|(timestamp, value)| Some(MetricValue { timestamp, value: value.parse().ok()? }));
    let status = xml::text(result, "StatusCode");
    (values.collect(), status.is_none_or(|status| status == "Complete"))
}

fn is_statistic(text: &str) -> bool {
    let is_percentile =
        |digits: &str| digits.parse::<f64>().is_ok_and(|share| (0.0..=100.0).contains(&share));
    ["Average", "Sum", "Minimum", "Maximum", "SampleCount"].contains(&text)
        || text.len() <= 16 && text.strip_prefix('p').is_some_and(is_percentile)
}
