//! Which addresses may be talked to. A name in a configuration must not lead into the network
//! that we run in: metadata services, other people's databases.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Which addresses a transport talks to.
///
/// | policy | public | this machine | private | reserved, link-local, multicast, metadata |
/// |---|---|---|---|---|
/// | `Public` | yes | no | no | no |
/// | `PublicAndLoopback` | yes | yes | no | no |
/// | `PublicAndPrivate` | yes | no | yes | no |
/// | `AllowPrivate` | yes | yes | yes | no |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Addresses {
    /// The public internet alone: for a service that many schools share.
    Public,
    /// The public internet and this machine: for a program on somebody's own machine.
    #[default]
    PublicAndLoopback,
    /// Private networks too, and not this machine: for a service in whose own network an LMS stands.
    /// What listens on the machine of a function is the cloud's own.
    PublicAndPrivate,
    /// Private networks too: an LMS in the school's own network.
    AllowPrivate,
}

pub(super) const FORBIDDEN: &str =
    "the address lies in a private or reserved network, which is not allowed here";
pub(super) const IN_CLEAR: &str = "plain http would send the credentials in clear: use https";

impl Addresses {
    /// Whether `ip` may be talked to.
    pub fn allow(self, ip: IpAddr) -> bool {
        match reach(ip) {
            Reach::Public => true,
            Reach::Loopback => matches!(self, Self::PublicAndLoopback | Self::AllowPrivate),
            Reach::Private => matches!(self, Self::PublicAndPrivate | Self::AllowPrivate),
            Reach::Never => false,
        }
    }
}

/// Whether what is sent can be read on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    /// `https`.
    Tls,
    /// `http`: never to a public address.
    Plain,
}

impl Scheme {
    /// Whether it may carry credentials to `ip`.
    pub(super) fn may_reach(self, ip: IpAddr) -> bool {
        self == Self::Tls || reach(ip) != Reach::Public
    }
}

#[derive(PartialEq, Eq)]
enum Reach {
    Public,
    Loopback,
    Private,
    Never,
}

/// Services of clouds that hand out credentials or a machine's secrets to whoever asks, and that
/// stand outside the link-local networks. Even where private networks are allowed, no LMS is here.
const METADATA: [IpAddr; 4] = [
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x254)),
];

fn reach(ip: IpAddr) -> Reach {
    // An IPv4 address in IPv6 clothes is that address.
    match ip.to_canonical() {
        ip if METADATA.contains(&ip) => Reach::Never,
        IpAddr::V4(ip) => reach_v4(ip),
        IpAddr::V6(ip) => match tunnelled_v4(ip) {
            // Networks without IPv4 of their own reach the public one through a gateway. To
            // anything else no honest name leads this way.
            Some(inner) if reach(inner.into()) == Reach::Public => Reach::Public,
            Some(_) => Reach::Never,
            None => reach_v6(ip),
        },
    }
}

fn reach_v4(ip: Ipv4Addr) -> Reach {
    let [a, b, c, _] = ip.octets();
    match (a, b, c) {
        _ if ip.is_loopback() => Reach::Loopback,
        _ if ip.is_private() => Reach::Private,
        // Shared address space of providers and clouds, RFC 6598.
        (100, 64..=127, _) => Reach::Private,
        _ if ip.is_link_local() || ip.is_multicast() || ip.is_broadcast() => Reach::Never,
        // "This network", protocol assignments, 6to4 relays, benchmarks, the reserved rest.
        (0, _, _) | (192, 0, 0) | (192, 88, 99) | (198, 18..=19, _) | (240..=255, _, _) => {
            Reach::Never
        }
        _ if ip.is_documentation() => Reach::Never,
        _ => Reach::Public,
    }
}

fn reach_v6(ip: Ipv6Addr) -> Reach {
    match ip.segments() {
        _ if ip.is_loopback() => Reach::Loopback,
        // Unique local, fc00::/7.
        [first, ..] if first & 0xfe00 == 0xfc00 => Reach::Private,
        // Protocol assignments, 2001::/23 (Teredo, benchmarks, overlay ids), and documentation.
        [0x2001, 0..=0x01ff, ..] | [0x2001, 0x0db8, ..] => Reach::Never,
        [0x3fff, 0..=0x0fff, ..] => Reach::Never,
        // Of the rest only 2000::/3 has ever been given out: link-local, multicast, discard-only,
        // translated (::ffff:0:0:0/96), local NAT64 (64:ff9b:1::/48) are all elsewhere.
        [first, ..] if first & 0xe000 == 0x2000 => Reach::Public,
        _ => Reach::Never,
    }
}

/// The IPv4 address to which a NAT64 or 6to4 gateway carries what is sent to `ip`.
fn tunnelled_v4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match ip.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(v4(high, low)),
        [0x2002, high, low, ..] => Some(v4(high, low)),
        _ => None,
    }
}

/// The host of `url`, where it is an address and no name.
pub(super) fn literal(url: &url::Url) -> Option<IpAddr> {
    match url.host()? {
        url::Host::Ipv4(ip) => Some(ip.into()),
        url::Host::Ipv6(ip) => Some(ip.into()),
        url::Host::Domain(_) => None,
    }
}

/// Whether `url` names this machine by its own words.
pub(super) fn is_loopback_host(url: &url::Url) -> bool {
    match literal(url) {
        Some(ip) => reach(ip) == Reach::Loopback,
        None => url.host_str() == Some("localhost"),
    }
}

/// Why a name was not resolved to an address that may be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Forbidden {
    #[error("{FORBIDDEN}")]
    Network,
    #[error("{IN_CLEAR}")]
    InClear,
    #[error("no such host")]
    NoHost,
}

impl Forbidden {
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Network => FORBIDDEN,
            Self::InClear => IN_CLEAR,
            Self::NoHost => "no such host",
        }
    }
}

/// Resolves by the system and hands on only addresses that are allowed, so that the address that
/// was checked is the one that is connected to: a name that leads elsewhere the second time it is
/// asked for gains nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct CheckedResolver(pub(super) Addresses, pub(super) Scheme);

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let Self(policy, scheme) = *self;
        let host = name.as_str().to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            let usable = usable(&host, found, policy, scheme)?;
            Ok(Box::new(usable.into_iter()) as Addrs)
        })
    }
}

/// Those of the addresses `found` for `host` that may be connected to.
fn usable(
    host: &str,
    found: Vec<SocketAddr>,
    policy: Addresses,
    scheme: Scheme,
) -> Result<Vec<SocketAddr>, Forbidden> {
    if found.is_empty() {
        return Err(Forbidden::NoHost);
    }
    // `localhost` may only lead home, or it would carry plain http elsewhere.
    let home = host == "localhost";
    let mut usable = found;
    usable.retain(|at| policy.allow(at.ip()) && (!home || reach(at.ip()) == Reach::Loopback));
    if usable.is_empty() {
        return Err(Forbidden::Network);
    }
    usable.retain(|at| scheme.may_reach(at.ip()));
    if usable.is_empty() { Err(Forbidden::InClear) } else { Ok(usable) }
}

#[cfg(test)]
#[path = "address_tests.rs"]
mod tests;
