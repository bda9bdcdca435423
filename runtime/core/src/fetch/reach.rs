//! The addresses that a request may go to. A URL that a client names must not lead into the network of the server.
//!
//! A name is resolved once, its addresses are checked, and the connection is made to the checked addresses: a name that
//! resolves to another address a moment later (DNS rebinding) leads nowhere else.

use std::{
    fmt, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    task::{Context, Poll},
    vec,
};

use futures::future::BoxFuture;
use http::Uri;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use tower::{Service, ServiceExt};

/// The addresses that a request may go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reach {
    /// Every address.
    #[default]
    Any,
    /// Addresses of the public internet, see [`is_public`].
    Public,
}

impl Reach {
    fn allows(self, address: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::Public => is_public(address),
        }
    }

    /// Whether the host of a URL is a name, or an address that is allowed. Only names go through the resolver.
    pub(super) fn allows_host(self, uri: &Uri) -> bool {
        let host = uri.host().unwrap_or_default();
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        host.parse().map_or(true, |address| self.allows(address))
    }
}

/// Resolves a name to its addresses.
pub type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync>;

/// Resolves names to addresses that are allowed.
#[derive(Clone, Default)]
pub(super) struct Resolver {
    reach: Reach,
    /// Resolves in the place of the operating system.
    lookup: Option<Lookup>,
}

impl Resolver {
    pub(super) fn new(reach: Reach, lookup: Option<Lookup>) -> Self {
        Self { reach, lookup }
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").field("reach", &self.reach).finish_non_exhaustive()
    }
}

impl Service<Name> for Resolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Self::Response>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (reach, lookup) = (self.reach, self.lookup.clone());
        Box::pin(async move {
            let found: Vec<IpAddr> = match lookup {
                Some(lookup) => lookup(name.as_str().to_owned()).await?,
                None => GaiResolver::new().oneshot(name).await?.map(|address| address.ip()).collect(),
            };
            // One address of a private network beside public ones: the name is not what it seems.
            if !found.iter().all(|address| reach.allows(*address)) {
                return Err(io::Error::other("the name of the host leads to a private or special network"));
            }
            let sockets: Vec<_> = found.into_iter().map(|address| SocketAddr::new(address, 0)).collect();
            Ok(sockets.into_iter())
        })
    }
}

/// Whether an address belongs to one host of the public internet. All others are in the registries of
/// <https://www.iana.org/assignments/iana-ipv4-special-registry> and
/// <https://www.iana.org/assignments/iana-ipv6-special-registry> (read 2026-11-28), or are multicast.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !matches!(
        (a, b, c),
        // This network, private networks, and loopback.
        (0 | 10 | 127, _, _) | (172, 16..=31, _) | (192, 168, _)
        // Shared by carriers, link-local (the metadata of EC2 and ECS).
        | (100, 64..=127, _) | (169, 254, _)
        // Assigned by IETF, documentation, 6to4 relays, benchmarks.
        | (192, 0, 0 | 2) | (198, 51, 100) | (203, 0, 113) | (192, 88, 99) | (198, 18 | 19, _)
        // Multicast, reserved, broadcast.
        | (224..=255, _, _)
    )
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let [_, _, _, _, _, _, a, b] = segments;
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        // NAT64: an address of IPv4 within a network of IPv6.
        [0x64, 0xff9b, 0, 0, 0, 0, _, _] => v4(a, b),
        // Assigned by IETF (Teredo and others), documentation, 6to4.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x2002, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // Global unicast. What is mapped from IPv4 (::ffff:0:0/96), local and link-local is outside of it.
        [first, ..] => (0x2000..=0x3fff).contains(&first),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_of_special_networks_are_not_public() {
        for text in [
            "0.0.0.0",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "169.254.170.2",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::127.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn addresses_of_the_internet_are_public() {
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "192.167.0.1",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.254",
            "2606:4700::1111",
            "2a00:1450::1",
            "64:ff9b::8.8.8.8",
        ] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn a_host_that_is_an_address_is_checked_in_each_of_its_forms() {
        for (url, allowed) in [
            ("https://127.0.0.1/x", false),
            ("https://[::1]:443/x", false),
            ("https://[::ffff:10.0.0.1]/x", false),
            ("https://8.8.8.8/x", true),
            ("https://client.example/x", true),
        ] {
            assert_eq!(Reach::Public.allows_host(&url.parse().unwrap()), allowed, "{url}");
            assert!(Reach::Any.allows_host(&url.parse().unwrap()));
        }
    }

    proptest! {
        #[test]
        fn an_address_of_ipv4_that_is_mapped_into_ipv6_is_never_public(bits in any::<u32>()) {
            prop_assert!(!is_public(Ipv4Addr::from_bits(bits).to_ipv6_mapped().into()));
            prop_assert!(!is_public(Ipv4Addr::from_bits(bits).to_ipv6_compatible().into()));
        }

        #[test]
        fn what_std_calls_private_is_never_public(bits in any::<u32>()) {
            let address = Ipv4Addr::from_bits(bits);
            let special = address.is_private() || address.is_loopback() || address.is_link_local()
                || address.is_multicast() || address.is_broadcast() || address.is_documentation()
                || address.is_unspecified();
            prop_assert!(!(special && is_public(address.into())));
        }
    }
}
