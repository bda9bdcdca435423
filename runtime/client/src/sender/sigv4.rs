//! Signatures of requests: [SigV4](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html).

use std::{
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use aws_sigv4::{
    http_request::{PayloadChecksumKind, SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use bytes::Bytes;
use http::{Request, header, response::Parts};

use super::{
    Again, Authorize,
    aws::{AwsOptions, CredentialChain, Loaded},
};
use crate::{Error, SigningScope, clock};

/// A difference between two clocks that AWS still accepts is 5 minutes; one of this size is worth another try.
const SKEW: Duration = Duration::from_secs(60);

/// Headers that are not part of the signature: proxies change them.
const UNSIGNED: [&str; 8] = [
    "accept-encoding",
    "authorization",
    "connection",
    "te",
    "transfer-encoding",
    "user-agent",
    "x-amzn-trace-id",
    "x-forwarded-for",
];

/// Signs requests. The whole body is hashed, and each try is signed again.
#[derive(Debug)]
pub(crate) struct SigV4 {
    service: String,
    /// `None` for the region of the credentials' profile.
    region: Option<String>,
    credentials: Arc<CredentialChain>,
    /// Seconds that the clock of AWS is ahead of this machine's.
    skew: AtomicI64,
}

impl SigV4 {
    /// Signs for a service in a region.
    pub(crate) fn new(scope: SigningScope, options: AwsOptions) -> Self {
        // The region is known, so that nothing has to be asked for it.
        let options = AwsOptions { region: Some(scope.region.clone()), ..options };
        Self::of(scope.service, Some(scope.region), options)
    }

    /// Signs for Lambda, in the given region or in that of the credentials' profile.
    pub(crate) fn of(service: String, region: Option<String>, options: AwsOptions) -> Self {
        Self {
            service,
            region,
            credentials: Arc::new(CredentialChain::new(options)),
            skew: AtomicI64::new(0),
        }
    }

    /// Signs for another service with the same credentials.
    #[cfg(feature = "checks")]
    pub(crate) fn for_service(&self, service: &str, region: String) -> Self {
        Self {
            service: service.to_owned(),
            region: Some(region),
            credentials: Arc::clone(&self.credentials),
            skew: AtomicI64::new(self.skew.load(Ordering::Relaxed)),
        }
    }

    pub(crate) async fn loaded(&self) -> Result<Arc<Loaded>, Error> {
        self.credentials.get().await
    }

    /// The time on the clock of AWS, as far as it is known.
    fn now(&self) -> SystemTime {
        let skew = self.skew.load(Ordering::Relaxed);
        let distance = Duration::from_secs(skew.unsigned_abs());
        if skew < 0 { clock::now() - distance } else { clock::now() + distance }
    }

    /// Takes over the time of a refusal, if the clocks differ so much that they may be the reason for it.
    fn adjust(&self, head: &Parts) -> bool {
        let Some(theirs) = head.headers.get(header::DATE).and_then(|date| date.to_str().ok()) else {
            return false;
        };
        let Ok(theirs) = httpdate::parse_http_date(theirs) else { return false };
        let assumed = self.now();
        let apart = theirs.duration_since(assumed).or_else(|_| assumed.duration_since(theirs));
        if apart.is_ok_and(|apart| apart <= SKEW) {
            return false;
        }
        let ours = clock::now();
        let skew = match theirs.duration_since(ours) {
            Ok(ahead) => i64::try_from(ahead.as_secs()),
            Err(behind) => i64::try_from(behind.duration().as_secs()).map(i64::wrapping_neg),
        };
        let Ok(skew) = skew else { return false };
        tracing::warn!(
            skew,
            "the clock of this machine differs from that of AWS: requests are signed with the time of AWS"
        );
        self.skew.store(skew, Ordering::Relaxed);
        true
    }
}

#[async_trait]
impl Authorize for SigV4 {
    async fn authorize(&self, request: &mut Request<Bytes>) -> Result<(), Error> {
        let loaded = self.credentials.get().await?;
        let region = match &self.region {
            Some(region) => region.clone(),
            None => region_of(&loaded)?,
        };
        sign_request(request, &loaded, &self.service, &region, self.now())
    }

    async fn refused(&self, head: &Parts, tries: u32) -> Result<Again, Error> {
        if tries > 2 {
            return Ok(Again::No);
        }
        let changed = self.adjust(head) || self.credentials.renew().await?;
        Ok(if changed { Again::Yes } else { Again::No })
    }

    fn advice(&self) -> String {
        let region = self.region.as_deref().unwrap_or("the profile's region");
        let permissions = match self.service.as_str() {
            "lambda" => "lambda:InvokeFunctionUrl and lambda:InvokeFunction on the function",
            "execute-api" => "execute-api:Invoke on the API",
            "bedrock-agentcore" => "bedrock-agentcore:InvokeGateway or InvokeAgentRuntime",
            _ => "the service's permission",
        };
        format!("The request was signed for {} in {region}; the caller needs {permissions}.", self.service)
    }
}

/// The region of the environment or of the profile.
pub(crate) fn region_of(loaded: &Loaded) -> Result<String, Error> {
    loaded.config.region().map(ToString::to_string).ok_or_else(|| Error::Argument {
        name: "the region",
        found: String::new(),
        expected: "set: with --region, AWS_REGION, or in the profile",
    })
}

fn sign_request(
    request: &mut Request<Bytes>,
    loaded: &Loaded,
    service: &str,
    region: &str,
    time: SystemTime,
) -> Result<(), Error> {
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| Error::Signature(error);
    let mut settings = SigningSettings::default();
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    settings.excluded_headers = Some(UNSIGNED.map(Cow::Borrowed).to_vec());
    let identity = loaded.credentials.clone().into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(time)
        .settings(settings)
        .build()
        .map_err(|error| failed(error.into()))?
        .into();
    // A try before this one has left its signature.
    for name in ["authorization", "x-amz-date", "x-amz-content-sha256", "x-amz-security-token"] {
        request.headers_mut().remove(name);
    }
    let headers =
        request.headers().iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let uri = request.uri().to_string();
    let signable =
        SignableRequest::new(request.method().as_str(), &uri, headers, SignableBody::Bytes(request.body()))
            .map_err(|error| failed(error.into()))?;
    let (instructions, _) = sign(signable, &params).map_err(|error| failed(error.into()))?.into_parts();
    instructions.apply_to_request_http1x(request);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer() -> SigV4 {
        let scope = SigningScope { service: "lambda".to_owned(), region: "eu-north-1".to_owned() };
        SigV4::new(scope, AwsOptions::default())
    }

    fn refusal(date: SystemTime) -> Parts {
        let response = http::Response::builder().status(403).header("date", httpdate::fmt_http_date(date));
        response.body(()).expect("a response").into_parts().0
    }

    #[test]
    fn the_time_of_a_refusal_is_taken_over_when_the_clocks_differ_by_more_than_a_minute() {
        let signer = signer();
        let hour = Duration::from_secs(3600);
        assert!(!signer.adjust(&refusal(clock::now() + Duration::from_secs(20))), "20 s are not the reason");
        assert!(signer.adjust(&refusal(clock::now() + hour)));
        let ahead = signer.now().duration_since(clock::now()).expect("ahead");
        assert!(ahead.abs_diff(hour) < Duration::from_secs(5), "{ahead:?}");
        assert!(!signer.adjust(&refusal(clock::now() + hour)), "the same time again changes nothing");
        assert!(signer.adjust(&refusal(clock::now() - hour)), "and it can be behind");
        let behind = clock::now().duration_since(signer.now()).expect("behind");
        assert!(behind.abs_diff(hour) < Duration::from_secs(5), "{behind:?}");
    }

    #[test]
    fn a_refusal_without_a_date_adjusts_nothing() {
        let head = http::Response::new(()).into_parts().0;
        assert!(!signer().adjust(&head));
    }
}
