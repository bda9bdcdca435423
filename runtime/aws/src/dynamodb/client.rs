//! The client.

use aws_config::SdkConfig;

/// A DynamoDB client. Making it opens no connection.
#[must_use]
pub fn client(config: &SdkConfig) -> aws_sdk_dynamodb::Client {
    aws_sdk_dynamodb::Client::new(config)
}
