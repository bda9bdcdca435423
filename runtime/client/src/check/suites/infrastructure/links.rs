//! The pages of AWS that rules come from, as they were on 2026-11-27.

macro_rules! aws {
    ($path:literal) => {
        concat!("https://docs.aws.amazon.com/", $path)
    };
}

pub(crate) const STACK_STATUS: &str = aws!("AWSCloudFormation/latest/UserGuide/view-stack-events.html");
pub(crate) const STATES: &str = aws!("lambda/latest/dg/functions-states.html");
pub(crate) const ENVIRONMENT: &str = aws!("lambda/latest/dg/configuration-envvars.html");
pub(crate) const MEMORY: &str = aws!("lambda/latest/dg/configuration-memory.html");
pub(crate) const TIMEOUT: &str = aws!("lambda/latest/dg/configuration-timeout.html");
pub(crate) const TRACING: &str = aws!("lambda/latest/dg/services-xray.html");
pub(crate) const LOGS: &str = aws!("AmazonCloudWatch/latest/logs/Working-with-log-groups-and-streams.html");
pub(crate) const EVENTS_ASYNC: &str = aws!("lambda/latest/dg/invocation-async-retain-records.html");
pub(crate) const URL_AUTH: &str = aws!("lambda/latest/dg/urls-auth.html");
pub(crate) const URL_MODE: &str = aws!("lambda/latest/api/API_FunctionUrlConfig.html");
pub(crate) const TABLES: &str = aws!("amazondynamodb/latest/APIReference/API_TableDescription.html");
pub(crate) const KEYS: &str = aws!("amazondynamodb/latest/developerguide/HowItWorks.CoreComponents.html");
pub(crate) const TTL: &str = aws!("amazondynamodb/latest/developerguide/TTL.html");
pub(crate) const RECOVERY: &str = aws!("amazondynamodb/latest/developerguide/Point-in-time-recovery.html");
pub(crate) const SNS_LAMBDA: &str = aws!("sns/latest/dg/sns-lambda-as-subscriber.html");
pub(crate) const SNS_DEAD_LETTERS: &str = aws!("sns/latest/dg/sns-dead-letter-queues.html");
pub(crate) const SNS_POLICY: &str = aws!("sns/latest/dg/sns-security-best-practices.html");
pub(crate) const SNS_TLS: &str =
    aws!("sns/latest/dg/sns-security-best-practices.html#enforce-encryption-data-in-transit");
pub(crate) const SQS_REDRIVE: &str =
    aws!("AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html");
pub(crate) const SQS_VISIBILITY: &str = aws!("lambda/latest/dg/services-sqs-configure.html");
pub(crate) const SQS_BATCH: &str = aws!("lambda/latest/dg/services-sqs-errorhandling.html");
pub(crate) const ALARMS: &str =
    aws!("AmazonCloudWatch/latest/monitoring/Best_Practice_Recommended_Alarms_AWS_Services.html");
pub(crate) const ALARM_ACTIONS: &str = aws!("AmazonCloudWatch/latest/monitoring/alarm-actions.html");
pub(crate) const LEAST_PRIVILEGE: &str =
    aws!("IAM/latest/UserGuide/best-practices.html#grant-least-privilege");
