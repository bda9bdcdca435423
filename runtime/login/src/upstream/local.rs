//! The users of this process, for a server on one machine: they are in the configuration, and sign in on a page of this
//! server.

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use mcp_lambda_core::{
    random,
    time::{Clock, Timestamp},
};
use url::{Url, form_urlencoded};

use super::{Identity, UpstreamError, UpstreamRedemption, UpstreamRequest};
use crate::keys::{self, Hash};

/// A code is redeemed by the redirect that carries it.
const CODE_LIFETIME: Duration = Duration::from_secs(60);
/// The number of codes that are kept at a time. Each stands for a right password.
const MAX_CODES: usize = 1000;
/// The number of wrong passwords in [`FAILURE_WINDOW`], for each name.
pub(crate) const MAX_FAILURES: usize = 10;
/// The time after which wrong passwords are forgotten.
pub(crate) const FAILURE_WINDOW: Duration = Duration::from_secs(5 * 60);
/// The longest parameter of the sign-in page, in bytes: the state is a sealed request of the authorization endpoint.
const MAX_PARAMETER_BYTES: usize = 16 * 1024;

/// The users, and where they sign in.
#[derive(Clone)]
pub(crate) struct LocalConfig {
    /// The names and passwords.
    pub(crate) users: Vec<(String, String)>,
    /// The URL of the page on which they sign in.
    pub(crate) sign_in_url: Url,
    /// The URL to which the page sends them with a code.
    pub(crate) callback_url: Url,
}

impl fmt::Debug for LocalConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalConfig").field("sign_in_url", &self.sign_in_url.as_str()).finish_non_exhaustive()
    }
}

/// The users of this process.
#[derive(Debug)]
pub(crate) struct Local {
    config: LocalConfig,
    clock: Clock,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    codes: HashMap<String, Code>,
    /// The times of wrong passwords of each user. Those of unknown names are counted under the empty one.
    failures: HashMap<String, Vec<Timestamp>>,
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("codes", &self.codes.len()).finish_non_exhaustive()
    }
}

struct Code {
    user: String,
    challenge: String,
    expires_at: Timestamp,
}

/// What the sign-in page was asked for, and what its form sends back.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct SignIn {
    /// The `state`, which goes to the callback with the code.
    pub(crate) state: String,
    /// The S256 challenge of the verifier that redeems the code.
    pub(crate) code_challenge: String,
    /// The name that the user has typed.
    pub(crate) name: String,
    /// The password that the user has typed.
    pub(crate) password: String,
}

// Logs must hold neither passwords nor states.
impl fmt::Debug for SignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignIn").finish_non_exhaustive()
    }
}

/// Why a user was not signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SignInError {
    /// The request does not come from the sign-in page: `state` or `code_challenge` is missing or too long.
    #[error("this page opens from an MCP client that signs you in: start there again")]
    Request,
    /// The name or the password is wrong.
    #[error("The name or the password is wrong.")]
    Password,
    /// There were too many wrong passwords.
    #[error("There were too many wrong passwords. Wait five minutes and try again.")]
    TooManyFailures,
    /// There are too many codes that wait to be redeemed.
    #[error("Too many users sign in at this moment. Wait a minute and try again.")]
    TooManyCodes,
}

impl SignIn {
    /// Reads the query of the page, or the body of its form.
    ///
    /// # Errors
    ///
    /// [`SignInError::Request`].
    pub(crate) fn read(text: &[u8]) -> Result<Self, SignInError> {
        let mut form = Self::default();
        for (name, value) in form_urlencoded::parse(text) {
            let field = match name.as_ref() {
                "state" => &mut form.state,
                "code_challenge" => &mut form.code_challenge,
                "name" => &mut form.name,
                "password" => &mut form.password,
                _ => continue,
            };
            if value.len() > MAX_PARAMETER_BYTES || !field.is_empty() {
                return Err(SignInError::Request);
            }
            value.as_ref().clone_into(field);
        }
        if form.state.is_empty() || form.code_challenge.is_empty() {
            return Err(SignInError::Request);
        }
        Ok(form)
    }
}

impl Local {
    pub(crate) fn new(config: LocalConfig, clock: Clock) -> Self {
        Self { config, clock, memory: Mutex::default() }
    }

    pub(super) fn authorization_url(&self, request: &UpstreamRequest<'_>) -> Url {
        let mut url = self.config.sign_in_url.clone();
        url.query_pairs_mut()
            .append_pair("state", request.state)
            .append_pair("code_challenge", request.code_challenge);
        url
    }

    /// Checks the password of the form, and returns the URL of the callback with a code.
    ///
    /// # Errors
    ///
    /// See [`SignInError`]. A right password is refused as well after too many wrong ones.
    pub(crate) fn sign_in(&self, form: &SignIn) -> Result<Url, SignInError> {
        let now = self.clock.now();
        let known = self.config.users.iter().find(|(name, _)| *name == form.name);
        let counted = known.map_or("", |(name, _)| name);
        let mut memory = self.memory();
        let failures = memory.failures.entry(counted.to_owned()).or_default();
        failures.retain(|at| now < at.plus(FAILURE_WINDOW));
        if failures.len() >= MAX_FAILURES {
            return Err(SignInError::TooManyFailures);
        }
        // An unknown name takes as long as a known one.
        let expected = known.map_or("", |(_, password)| password);
        let is_right = is_same(&form.password, expected) & known.is_some() & !expected.is_empty();
        if !is_right {
            failures.push(now);
            return Err(SignInError::Password);
        }
        memory.codes.retain(|_, code| now < code.expires_at);
        if memory.codes.len() >= MAX_CODES {
            return Err(SignInError::TooManyCodes);
        }
        let text = format!("{}{}", random::token(), random::token());
        let challenge = form.code_challenge.clone();
        let code = Code { user: form.name.clone(), challenge, expires_at: now.plus(CODE_LIFETIME) };
        memory.codes.insert(text.clone(), code);
        let mut url = self.config.callback_url.clone();
        url.query_pairs_mut().append_pair("code", &text).append_pair("state", &form.state);
        Ok(url)
    }

    pub(super) fn identity(
        &self,
        code: &str,
        redemption: &UpstreamRedemption<'_>,
    ) -> Result<Identity, UpstreamError> {
        let refused = || UpstreamError::Refused("invalid_grant".to_owned());
        // Good for one use, also if that fails.
        let code = self.memory().codes.remove(code).ok_or_else(refused)?;
        let challenge = keys::challenge(redemption.code_verifier);
        if self.clock.now() >= code.expires_at || challenge != Hash::read(code.challenge) {
            return Err(refused());
        }
        Ok(Identity { subject: code.user.clone(), name: Some(code.user), tokens: None })
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Compares two texts in a time that depends on neither of them, nor on their lengths.
fn is_same(one: &str, other: &str) -> bool {
    keys::hash(&[one]) == keys::hash(&[other])
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    // RFC 7636, appendix B.
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    fn local() -> (Local, Clock) {
        let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
        let config = LocalConfig {
            users: vec![("ada".to_owned(), "right".to_owned()), ("ben".to_owned(), String::new())],
            sign_in_url: "http://127.0.0.1:9001/sign-in".parse().unwrap(),
            callback_url: "http://127.0.0.1:9001/callback".parse().unwrap(),
        };
        (Local::new(config, clock.clone()), clock)
    }

    fn form(name: &str, password: &str) -> SignIn {
        let (name, password) = (name.to_owned(), password.to_owned());
        SignIn { state: "a state".to_owned(), code_challenge: CHALLENGE.to_owned(), name, password }
    }

    fn redemption(code_verifier: &str) -> UpstreamRedemption<'_> {
        UpstreamRedemption { code_verifier, nonce: "", redirect_uri: "", issuer: None }
    }

    fn code(url: &Url) -> String {
        url.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned()
    }

    #[test]
    fn a_right_password_gives_a_code_that_is_redeemed_once() {
        let (local, _) = local();
        let url = local.sign_in(&form("ada", "right")).unwrap();
        assert!(url.as_str().starts_with("http://127.0.0.1:9001/callback?code="), "{url}");
        assert!(url.as_str().ends_with("&state=a+state"), "{url}");
        let user = local.identity(&code(&url), &redemption(VERIFIER)).unwrap();
        assert_eq!((user.subject.as_str(), user.tokens), ("ada", None));
        assert!(local.identity(&code(&url), &redemption(VERIFIER)).is_err());
    }

    #[test]
    fn a_code_is_worth_nothing_with_another_verifier_or_after_a_minute() {
        let (local, clock) = local();
        let url = local.sign_in(&form("ada", "right")).unwrap();
        assert!(local.identity(&code(&url), &redemption("another")).is_err());
        let url = local.sign_in(&form("ada", "right")).unwrap();
        clock.advance(CODE_LIFETIME);
        assert!(local.identity(&code(&url), &redemption(VERIFIER)).is_err());
    }

    #[test]
    fn wrong_passwords_are_limited_for_each_name() {
        let (local, clock) = local();
        for _ in 0..MAX_FAILURES {
            assert_eq!(local.sign_in(&form("ada", "guessed")), Err(SignInError::Password));
            assert_eq!(local.sign_in(&form("nobody", "guessed")), Err(SignInError::Password));
        }
        assert_eq!(local.sign_in(&form("ada", "right")), Err(SignInError::TooManyFailures));
        assert_eq!(local.sign_in(&form("somebody", "guessed")), Err(SignInError::TooManyFailures));
        clock.advance(FAILURE_WINDOW);
        assert!(local.sign_in(&form("ada", "right")).is_ok());
    }

    #[test]
    fn an_empty_password_signs_nobody_in() {
        let (local, _) = local();
        assert_eq!(local.sign_in(&form("ben", "")), Err(SignInError::Password));
        assert_eq!(local.sign_in(&form("", "")), Err(SignInError::Password));
    }

    #[test]
    fn the_form_needs_a_state_and_a_challenge_once() {
        let read = |text: &str| SignIn::read(text.as_bytes());
        assert!(
            read("state=a&code_challenge=b&name=ada&password=p%26q").is_ok_and(|form| form.password == "p&q")
        );
        for text in ["", "state=a", "code_challenge=b", "state=a&state=b&code_challenge=c"] {
            assert_eq!(read(text), Err(SignInError::Request), "{text}");
        }
        let long = format!("state={}&code_challenge=b", "a".repeat(MAX_PARAMETER_BYTES + 1));
        assert_eq!(read(&long), Err(SignInError::Request));
    }
}
