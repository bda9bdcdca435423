//! `cloudwatch_metrics`.

use serde_json::json;

use crate::{
    cloud::Cloud,
    program::{ALLOWED, CREDENTIALS, Program},
};

const ANSWER: &str = "<GetMetricDataResponse xmlns=\"http://monitoring.amazonaws.com/doc/2010-08-01/\"><GetMetricDataResult>\
    <MetricDataResults><member><Id>values</Id><StatusCode>Complete</StatusCode>\
    <Timestamps><member>2026-11-28T10:00:00Z</member><member>2026-11-28T10:05:00Z</member></Timestamps>\
    <Values><member>3.0</member><member>4.5</member></Values></member></MetricDataResults>\
    </GetMetricDataResult></GetMetricDataResponse>";

#[tokio::test]
async fn the_values_of_a_metric_are_returned_in_order() {
    let cloud = Cloud::start(|_| (200, "text/xml", ANSWER.to_owned())).await;
    let program = Program::start(&cloud.endpoint).await;
    let arguments = json!({
        "namespace": "AWS/Lambda", "metric": "Invocations", "dimensions": { "FunctionName": "f" }, "statistic": "Sum",
    });
    let values = program.call("cloudwatch_metrics", arguments).await;
    assert_eq!(
        values,
        json!({
            "namespace": "AWS/Lambda",
            "metric": "Invocations",
            "statistic": "Sum",
            "region": "eu-north-1",
            "period_seconds": 300,
            "values": [
                { "timestamp": "2026-11-28T10:00:00Z", "value": 3.0 },
                { "timestamp": "2026-11-28T10:05:00Z", "value": 4.5 },
            ],
            "complete": true,
        })
    );
    let request = cloud.one();
    assert_eq!(request.scope(), ("monitoring".into(), "eu-north-1".into()));
    let query = "MetricDataQueries.member.1";
    for (name, value) in [
        ("Action", "GetMetricData"),
        ("Version", "2010-08-01"),
        (format!("{query}.MetricStat.Metric.Namespace").as_str(), "AWS/Lambda"),
        (format!("{query}.MetricStat.Metric.Dimensions.member.1.Name").as_str(), "FunctionName"),
        (format!("{query}.MetricStat.Metric.Dimensions.member.1.Value").as_str(), "f"),
        (format!("{query}.MetricStat.Stat").as_str(), "Sum"),
        (format!("{query}.MetricStat.Period").as_str(), "300"),
    ] {
        assert_eq!(request.field(name).as_deref(), Some(value), "{name}");
    }
}

#[tokio::test]
async fn only_allowed_namespaces_and_regions_are_asked() {
    let cloud = Cloud::start(|_| (200, "text/xml", ANSWER.to_owned())).await;
    let regions = [("MCP_TOOL_REGIONS", "eu-north-1,us-east-1")];
    let variables: Vec<_> = ALLOWED.into_iter().chain(CREDENTIALS).chain(regions).collect();
    let program = Program::with(&cloud.endpoint, &variables).await;
    let metric =
        |namespace: &str, region: &str| json!({ "namespace": namespace, "metric": "m", "region": region });
    let text = program.refused("cloudwatch_metrics", metric("AWS/EC2", "us-east-1")).await;
    assert!(text.contains("this deployment allows AWS/Lambda, Shop"), "{text}");
    let text = program.refused("cloudwatch_metrics", metric("Shop", "eu-west-1")).await;
    assert!(text.contains("this deployment allows eu-north-1, us-east-1"), "{text}");
    assert!(cloud.sent().is_empty());
    program.call("cloudwatch_metrics", metric("Shop", "us-east-1")).await;
    assert_eq!(cloud.one().scope(), ("monitoring".into(), "us-east-1".into()));
}

#[tokio::test]
async fn too_many_values_are_refused_with_the_period_to_ask_for() {
    let cloud = Cloud::json(200, json!({})).await;
    let program = Program::start(&cloud.endpoint).await;
    let metric = |period: u64, statistic: &str| json!({ "namespace": "Shop", "metric": "m", "minutes": 10_080, "period_seconds": period, "statistic": statistic });
    let text = program.refused("cloudwatch_metrics", metric(60, "Sum")).await;
    assert!(text.contains("set period_seconds to 420 or more"), "{text}");
    let text = program.refused("cloudwatch_metrics", metric(90, "Sum")).await;
    assert!(text.contains("a multiple of 60"), "{text}");
    let text = program.refused("cloudwatch_metrics", metric(420, "Mode")).await;
    assert!(text.contains("statistic \"Mode\" is unknown"), "{text}");
    assert!(cloud.sent().is_empty());
}
