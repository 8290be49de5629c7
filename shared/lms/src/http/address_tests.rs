//! Which addresses are public, at home, private, or never talked to.

use super::*;

fn check(ips: &[&str], allowed: [bool; 4]) {
    for ip in ips {
        let ip: IpAddr = ip.parse().unwrap();
        let policies = [
            Addresses::Public,
            Addresses::PublicAndLoopback,
            Addresses::PublicAndPrivate,
            Addresses::AllowPrivate,
        ];
        assert_eq!(policies.map(|policy| policy.allow(ip)), allowed, "{ip}");
    }
}

#[test]
fn public_addresses_are_for_everybody() {
    check(
        &[
            "93.184.215.14",
            "172.15.255.255",
            "172.32.0.1",
            "100.63.255.255",
            "100.128.0.1",
            "2606:2800:21f::1",
            "2001:4860:4860::8888",
            // The same IPv4 address in other clothes: where only IPv6 is there, names lead here.
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2002:808:808::1",
        ],
        [true; 4],
    );
}

#[test]
fn this_machine_and_private_networks_are_told_apart() {
    check(&["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"], [false, true, false, true]);
    check(
        &[
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "fd00::1",
            "fc00::1",
            "::ffff:10.0.0.1",
        ],
        [false, false, true, true],
    );
}

#[test]
fn reserved_networks_are_never_talked_to() {
    check(
        &[
            "0.0.0.0",
            "0.1.2.3",
            "169.254.1.1",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "100::1",
            "2001:db8::1",
            "2001:2::1",
            "2001:20::1",
            "3fff::1",
            "4000::1",
            "5f00::1",
        ],
        [false; 4],
    );
}

#[test]
fn metadata_services_are_never_talked_to() {
    check(
        &[
            "169.254.169.254",
            "169.254.170.2",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "fd00:ec2::254",
            "fd20:ce::254",
            "::ffff:169.254.169.254",
            "::ffff:100.100.100.200",
        ],
        [false; 4],
    );
}

#[test]
fn no_tunnel_leads_inside() {
    check(
        &[
            // Compatible, translated, NAT64, its local prefix, 6to4, Teredo.
            "::169.254.169.254",
            "::8.8.8.8",
            "::ffff:0:169.254.169.254",
            "::ffff:0:10.0.0.1",
            "64:ff9b::169.254.169.254",
            "64:ff9b::10.0.0.1",
            "64:ff9b::127.0.0.1",
            "64:ff9b:1::a9fe:a9fe",
            "64:ff9b:1:a9fe:a9:fe00::",
            "2002:a9fe:a9fe::1",
            "2002:a00:1::1",
            "2002:7f00:1::1",
            "2001:0:a9fe:a9fe::1",
            "2001::5601:5601",
        ],
        [false; 4],
    );
}

#[test]
fn odd_spellings_of_a_forbidden_address_are_that_address() {
    for spelling in [
        "https://2852039166/",
        "https://0xa9fea9fe/",
        "https://0251.0376.0251.0376/",
        "https://169.254.43518/",
        "https://169.254.169.254./",
        "https://%31%36%39.254.169.254/",
        "https://\u{ff11}\u{ff16}\u{ff19}.254.169.254/",
        "https://[::ffff:a9fe:a9fe]/",
        "https://user@169.254.169.254/",
    ] {
        let url = url::Url::parse(spelling).unwrap();
        let ip = literal(&url).unwrap();
        assert!(!Addresses::AllowPrivate.allow(ip), "{spelling} is {ip}");
    }
}

#[test]
fn only_this_machine_is_at_home() {
    let check = |url: &str, home: bool| {
        assert_eq!(is_loopback_host(&url::Url::parse(url).unwrap()), home, "{url}");
    };
    check("http://127.0.0.1/", true);
    check("http://[::1]/", true);
    check("http://localhost/", true);
    check("http://127.example.org/", false);
    check("http://localhost.example.org/", false);
    check("http://127.0.0.1@example.org/", false);
    // What these lead to is a gateway, not this machine.
    check("http://[64:ff9b::7f00:1]/", false);
    check("http://[2002:7f00:1::]/", false);
}

#[test]
fn a_name_is_worth_what_it_leads_to() {
    let at = |ip: &str| SocketAddr::new(ip.parse().unwrap(), 0);
    let left = |host: &str, policy, scheme, found: &[&str]| {
        let found = found.iter().map(|ip| at(ip)).collect();
        let allowed = usable(host, found, policy, scheme);
        allowed.map(|allowed| allowed.iter().map(|at| at.ip().to_string()).collect::<Vec<_>>())
    };
    use Addresses::{AllowPrivate, Public, PublicAndLoopback};
    use Scheme::{Plain, Tls};
    let mixed = ["8.8.8.8", "10.0.0.1", "127.0.0.1", "169.254.169.254"];
    assert_eq!(left("a.example", Public, Tls, &mixed).unwrap(), ["8.8.8.8"]);
    let home = left("a.example", PublicAndLoopback, Tls, &mixed).unwrap();
    assert_eq!(home, ["8.8.8.8", "127.0.0.1"]);
    let inside = left("a.example", AllowPrivate, Tls, &mixed).unwrap();
    assert_eq!(inside, ["8.8.8.8", "10.0.0.1", "127.0.0.1"]);
    // Without TLS the token must not leave the school's own network, whatever a name leads to.
    let plain = left("a.example", AllowPrivate, Plain, &mixed).unwrap();
    assert_eq!(plain, ["10.0.0.1", "127.0.0.1"]);
    let rebound = left("a.example", AllowPrivate, Plain, &["8.8.8.8"]);
    assert!(matches!(rebound, Err(Forbidden::InClear)), "{rebound:?}");
    let localhost = left("localhost", AllowPrivate, Plain, &["10.0.0.1", "127.0.0.1"]).unwrap();
    assert_eq!(localhost, ["127.0.0.1"]);
    let metadata = left("a.example", AllowPrivate, Tls, &["169.254.169.254"]);
    assert!(matches!(metadata, Err(Forbidden::Network)), "{metadata:?}");
    assert!(matches!(left("a.example", Public, Tls, &[]), Err(Forbidden::NoHost)));
}
