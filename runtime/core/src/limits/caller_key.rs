//! Who counts as one caller.

use std::net::{IpAddr, Ipv6Addr};

use http::HeaderMap;

use crate::{auth::Principal, ids::SessionId, protocol::headers};

/// How many times the limit of one caller all anonymous callers of one address have together.
pub(crate) const CALLERS_OF_ADDRESS: usize = 8;

/// The caller that a limit counts: a principal. Anonymous callers share a principal and are not one person, so of them it
/// is a session at an address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct CallerKey {
    principal: Principal,
    address: Option<IpAddr>,
    session: Option<SessionId>,
}

/// All callers that one client can be: a principal, or the address of anonymous callers. A client can open sessions and
/// invent their ids, but not choose its address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ClientKey {
    principal: Principal,
    address: Option<IpAddr>,
}

impl CallerKey {
    pub(crate) fn new(principal: &Principal, client: Option<IpAddr>, headers: &HeaderMap) -> Self {
        let is_anonymous = principal.is_anonymous();
        let session = || headers.get(headers::SESSION_ID)?.to_str().ok()?.parse().ok();
        Self {
            principal: principal.clone(),
            address: client.filter(|_| is_anonymous).map(network),
            session: is_anonymous.then(session).flatten(),
        }
    }

    pub(crate) fn without_session(&self) -> Self {
        Self { session: None, ..self.clone() }
    }

    pub(crate) fn client(&self) -> ClientKey {
        ClientKey { principal: self.principal.clone(), address: self.address }
    }

    pub(crate) fn is_anonymous(&self) -> bool {
        self.principal.is_anonymous()
    }

    /// The owner of the caller's stream leases.
    pub(crate) fn owner(&self) -> Principal {
        if self.address.is_none() && self.session.is_none() {
            return self.principal.clone();
        }
        let address = self.address.map(|address| address.to_string()).unwrap_or_default();
        let session = self.session.as_ref().map_or("", SessionId::as_str);
        Principal::from_key(&format!("{}|{address}|{session}", self.principal.key()))
    }
}

/// The address, or the network of 64 bits that one subscriber of IPv6 is given.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn key(principal: &Principal, client: &str, session: Option<&str>) -> CallerKey {
        let mut headers = HeaderMap::new();
        if let Some(session) = session {
            headers.insert(headers::SESSION_ID, HeaderValue::from_str(session).expect("ASCII"));
        }
        CallerKey::new(principal, client.parse().ok(), &headers)
    }

    #[test]
    fn anonymous_callers_are_told_apart_by_address_and_session() {
        let (anonymous, one) = (Principal::anonymous(), "0123456789abcdef0123456789abcdef");
        let other = "f123456789abcdef0123456789abcdef";
        assert_ne!(key(&anonymous, "192.0.2.1", None), key(&anonymous, "192.0.2.2", None));
        assert_ne!(key(&anonymous, "192.0.2.1", Some(one)), key(&anonymous, "192.0.2.1", Some(other)));
        assert_eq!(
            key(&anonymous, "192.0.2.1", Some(one)).client(),
            key(&anonymous, "192.0.2.1", Some(other)).client()
        );
        assert_eq!(key(&anonymous, "192.0.2.1", Some("invented")), key(&anonymous, "192.0.2.1", None));
        assert_eq!(key(&anonymous, "2001:db8::1", None), key(&anonymous, "2001:db8::2:0:0:1", None));
        assert_ne!(key(&anonymous, "2001:db8::1", None), key(&anonymous, "2001:db8:0:1::1", None));
        assert_eq!(key(&anonymous, "::ffff:192.0.2.1", None), key(&anonymous, "192.0.2.1", None));
    }

    #[test]
    fn a_principal_is_one_caller_wherever_it_is() {
        let ada = Principal::new("https://issuer.example", "ada");
        let session = Some("0123456789abcdef0123456789abcdef");
        assert_eq!(key(&ada, "192.0.2.1", session), key(&ada, "192.0.2.2", None));
        assert_eq!(key(&ada, "192.0.2.1", session).owner(), ada);
    }
}
