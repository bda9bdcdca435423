//! What stands behind the server: the tables and the topic that the configuration names.

use std::sync::Arc;

use futures::future::BoxFuture;

#[cfg(any(feature = "dynamodb", feature = "sns"))]
use crate::store::aws::AwsSdk;
use crate::{clock::Clock, config::Config, error::Error, events::Publisher, store::Stores};

/// The way to AWS: one for all its clients, so that they share connections and credentials.
pub(super) struct Backing {
    #[cfg(any(feature = "dynamodb", feature = "sns"))]
    aws: AwsSdk,
}

impl Backing {
    #[cfg_attr(
        not(any(feature = "dynamodb", feature = "sns")),
        expect(unused_variables, reason = "nothing to reach")
    )]
    pub(super) fn new(
        config: &Config,
        #[cfg(any(feature = "dynamodb", feature = "sns"))] sdk: Option<Box<aws_config::SdkConfig>>,
    ) -> Self {
        Self {
            #[cfg(any(feature = "dynamodb", feature = "sns"))]
            aws: AwsSdk::new(config.tls_roots, sdk.map(|sdk| *sdk)),
        }
    }

    /// Makes at once what the first request would wait for.
    // In a box made here: whoever waits would have room for all of it in its own frame, needed or not.
    #[cfg(any(feature = "dynamodb", feature = "sns"))]
    #[inline(never)]
    pub(super) fn prepare(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async {
            self.aws.config().await?;
            Ok(())
        })
    }

    #[cfg(not(any(feature = "dynamodb", feature = "sns")))]
    #[expect(clippy::unused_self, reason = "stands for the one with AWS")]
    pub(super) fn prepare(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// The stores that the configuration names.
    #[cfg(feature = "dynamodb")]
    #[expect(clippy::unnecessary_wraps, reason = "refuses where the feature is missing")]
    pub(super) fn stores(&self, config: &Config, clock: &Clock) -> Result<Option<Stores>, Error> {
        use crate::store::dynamodb::DynamoStore;

        Ok(config.tables.as_ref().map(|tables| {
            let store = DynamoStore::deferred(self.aws.clone(), &tables.state, &tables.events, clock.clone());
            Stores::of(store.with_replicas(config.events.replicas))
        }))
    }

    #[cfg(not(feature = "dynamodb"))]
    #[expect(clippy::unused_self, reason = "stands for the one of the `dynamodb` feature")]
    pub(super) fn stores(&self, config: &Config, _: &Clock) -> Result<Option<Stores>, Error> {
        match &config.tables {
            None => Ok(None),
            Some(tables) => Err(left_out("SESSION_TABLE_NAME", &tables.state, "dynamodb")),
        }
    }

    /// The topic that the configuration names.
    #[cfg(feature = "sns")]
    #[expect(clippy::unnecessary_wraps, reason = "refuses where the feature is missing")]
    pub(super) fn publisher(&self, config: &Config) -> Result<Option<Arc<dyn Publisher>>, Error> {
        use crate::events::sns::SnsPublisher;

        let topic = config.events.topic_arn.as_ref();
        Ok(topic.map(|arn| Arc::new(SnsPublisher::deferred(self.aws.clone(), arn)) as _))
    }

    #[cfg(not(feature = "sns"))]
    #[expect(clippy::unused_self, reason = "stands for the one of the `sns` feature")]
    pub(super) fn publisher(&self, config: &Config) -> Result<Option<Arc<dyn Publisher>>, Error> {
        match &config.events.topic_arn {
            None => Ok(None),
            Some(arn) => Err(left_out("SNS_TOPIC_ARN", arn, "sns")),
        }
    }
}

#[cfg(not(all(feature = "dynamodb", feature = "sns")))]
fn left_out(variable: &'static str, found: &str, feature: &str) -> Error {
    Error::Config(crate::error::ConfigError {
        variable,
        found: found.to_owned(),
        expected: format!("to be unset: this binary was built without the `{feature}` feature"),
    })
}

#[cfg(all(test, feature = "dynamodb", feature = "sns"))]
mod tests {
    use super::*;
    use crate::config::Tables;

    #[tokio::test]
    async fn nothing_of_aws_is_made_until_it_is_asked_for() {
        let tables = Some(Tables { state: "state".into(), events: "events".into() });
        let mut config = Config { tables, ..Config::default() };
        config.events.topic_arn = Some("arn:aws:sns:eu-north-1:123456789012:topic".into());
        let backing = Backing::new(&config, None);
        assert!(backing.stores(&config, &Clock::system()).is_ok_and(|stores| stores.is_some()));
        assert!(backing.publisher(&config).is_ok_and(|topic| topic.is_some()));
        assert!(!backing.aws.is_made());
        backing.prepare().await.expect("roots that TLS can be set up with");
        assert!(backing.aws.is_made());
    }
}
