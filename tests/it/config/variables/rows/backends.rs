//! The variables of stores, events, tasks and the tools of AWS.

use std::{path::Path, time::Duration};

use mcp_lambda_server::config::StoreChoice;

use super::super::row::{NO_SWITCH, Row, SWITCH, count, row, seconds};

pub(super) fn rows() -> Vec<Row> {
    vec![
        row(
            "MCP_STORE",
            |c| c.store == StoreChoice::Auto,
            "sqlite:/var/lib/mcp/a b.db",
            |c| c.store == StoreChoice::Sqlite("/var/lib/mcp/a b.db".into()),
            &["sqlite", "sqlite:", "postgres://", "mysql://localhost/mcp", "Memory", "/var/lib/mcp.db"],
            "memory, dynamodb, sqlite: and the path of a file, such as sqlite:/var/lib/mcp/server.db, or the URL of a database",
        ),
        count("MCP_STORE_MB", |c| c.store_bytes >> 20, 1024, 3),
        count("MCP_STORE_CONNECTIONS", |c| c.store_connections, 10, 3),
        row(
            "XDG_STATE_HOME",
            |c| c.state_home.is_none(),
            "/var/lib/state",
            |c| c.state_home.as_deref() == Some(Path::new("/var/lib/state")),
            &[],
            "",
        ),
        row(
            "MCP_EVENTS",
            |c| c.events.enabled.is_none(),
            "off",
            |c| c.events.enabled == Some(false),
            NO_SWITCH,
            SWITCH,
        ),
        count("EVENT_TTL_MINUTES", |c| c.events.ttl.as_secs() / 60, 60, 2),
        count("EVENT_FANOUT_REPLICAS", |c| c.events.replicas, 1, 4),
        row(
            "SNS_TOPIC_ARN",
            |c| c.events.topic_arn.is_none(),
            "arn:aws:sns:eu-central-1:123456789012:mcp-global-events",
            |c| {
                c.events.topic_arn.as_deref()
                    == Some("arn:aws:sns:eu-central-1:123456789012:mcp-global-events")
            },
            &["mcp-global-events", "arn:aws:sns:eu-central-1:123456789012:ordered.fifo"],
            "the ARN of a standard topic",
        ),
        row(
            "TASK_QUEUE_URL",
            |c| c.tasks.queue_url.is_none(),
            "https://sqs.eu-central-1.amazonaws.com/123456789012/mcp-tasks",
            |c| {
                c.tasks.queue_url.as_deref()
                    == Some("https://sqs.eu-central-1.amazonaws.com/123456789012/mcp-tasks")
            },
            &[
                "mcp-tasks",
                "arn:aws:sqs:eu-central-1:123456789012:mcp-tasks",
                "https://sqs.eu-central-1.amazonaws.com/",
                "https://sqs.eu-central-1.amazonaws.com/123456789012/ordered.fifo",
            ],
            "the URL of a standard queue",
        ),
        seconds("MCP_TASK_TTL_SECONDS", |c| c.tasks.ttl, 3600, 60),
        count("MCP_TASKS_PER_PRINCIPAL", |c| c.tasks.per_principal, 32, 9),
        count("MCP_TASKS_PER_PROCESS", |c| c.tasks.per_process, 16, 9),
        row(
            "MCP_TASK_LEASE_SECONDS",
            |c| c.tasks.lease == Duration::from_secs(60),
            "10",
            |c| c.tasks.lease == Duration::from_secs(10),
            &["0", "9", "1.5", "4294967296"],
            "a whole number from 10 to 4294967295",
        ),
        count("MCP_TASK_ATTEMPTS", |c| c.tasks.attempts, 5, 2),
        row(
            "MCP_TOOL_TABLES",
            |c| c.tool_resources.tables.is_empty(),
            "arn:aws:dynamodb:eu-north-1:123456789012:table/orders",
            |c| c.tool_resources.tables == ["arn:aws:dynamodb:eu-north-1:123456789012:table/orders"],
            &[
                "orders",
                "arn:aws:dynamodb:eu-north-1:123456789012:table/*",
                "arn:aws:dynamodb:eu-north-1:1234:table/orders",
                "arn:aws:sns:eu-north-1:123456789012:orders",
            ],
            "ARNs of tables",
        ),
        row(
            "MCP_TOOL_TOPICS",
            |c| c.tool_resources.topics.is_empty(),
            "arn:aws:sns:eu-north-1:123456789012:orders.fifo",
            |c| c.tool_resources.topics == ["arn:aws:sns:eu-north-1:123456789012:orders.fifo"],
            &["orders", "arn:aws:sns:*:123456789012:orders", "arn:aws:sns:eu-north-1:123456789012:"],
            "ARNs of topics",
        ),
        row(
            "MCP_TOOL_QUEUES",
            |c| c.tool_resources.queues.is_empty(),
            "arn:aws:sqs:eu-north-1:123456789012:orders",
            |c| c.tool_resources.queues == ["arn:aws:sqs:eu-north-1:123456789012:orders"],
            &["https://sqs.eu-north-1.amazonaws.com/123456789012/orders"],
            "ARNs of queues",
        ),
        row(
            "MCP_TOOL_METRIC_NAMESPACES",
            |c| c.tool_resources.metric_namespaces.is_empty(),
            "AWS/Lambda",
            |c| c.tool_resources.metric_namespaces == ["AWS/Lambda"],
            &["*", ":own"],
            "namespaces of metrics",
        ),
        row(
            "MCP_TOOL_MONITOR",
            |c| c.tool_resources.monitored.is_empty(),
            "EC2, CloudFormation",
            |c| c.tool_resources.monitored == ["EC2", "CloudFormation"],
            &["*", "ec2", "EKS"],
            "of EC2, RDS",
        ),
        row(
            "MCP_TOOL_REGIONS",
            |c| c.tool_resources.regions.is_empty(),
            "eu-north-1",
            |c| c.tool_resources.regions == ["eu-north-1"],
            &["*", "Stockholm", "eu"],
            "regions, such as",
        ),
    ]
}
