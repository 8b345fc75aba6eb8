//! Which addresses are of the public internet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address is of the public internet, as the IANA registries of special-purpose addresses have it. An IPv4
/// address in IPv6 clothes is judged as what it is.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or_else(|| is_public_v6(v6), is_public_v4),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (18..20).contains(&b));
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    // Only 2000::/3 is given out; of it 2001::/23 (protocols, Teredo), 2001:db8::/32 and 2002::/16 (6to4) wrap other
    // addresses or none, 3fff::/20 is for documentation.
    let global = a & 0xe000 == 0x2000;
    let wraps = a == 0x2002 || (a == 0x2001 && (b < 0x0200 || b == 0x0db8)) || (a == 0x3fff && b < 0x1000);
    global && !wraps
}

#[cfg(test)]
mod tests {
    use super::*;
    use ipnet::IpNet;
    use proptest::prelude::*;

    /// What the registries list as not globally reachable, and what is no host at all.
    const SPECIAL: [&str; 33] = [
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "::/128",
        "::1/128",
        "::/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
        "::ffff:10.0.0.0/104",
        "::ffff:127.0.0.0/104",
        "::ffff:169.254.0.0/112",
    ];

    fn special() -> Vec<IpNet> {
        SPECIAL.iter().map(|network| network.parse().unwrap()).collect()
    }

    proptest! {
        #[test]
        fn no_address_of_a_special_network_is_public(which in 0..SPECIAL.len(), host in any::<u128>()) {
            let address = match special()[which] {
                IpNet::V4(network) => {
                    let host = u32::try_from(host & u128::from(u32::MAX)).unwrap() & u32::from(network.hostmask());
                    IpAddr::V4((u32::from(network.network()) | host).into())
                }
                IpNet::V6(network) => IpAddr::V6((u128::from(network.network()) | (host & u128::from(network.hostmask()))).into()),
            };
            prop_assert!(!is_public(address), "{address}");
        }

        #[test]
        fn every_other_ipv4_address_is_public_however_it_is_written(bits in any::<u32>()) {
            let address = Ipv4Addr::from(bits);
            let outside = special().iter().all(|network| !network.contains(&IpAddr::V4(address)));
            prop_assert_eq!(is_public(IpAddr::V4(address)), outside);
            prop_assert_eq!(is_public(IpAddr::V6(address.to_ipv6_mapped())), outside);
        }
    }

    #[test]
    fn well_known_addresses_are_what_they_are() {
        for public in ["1.1.1.1", "93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "::ffff:1.1.1.1"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for private in ["127.0.0.1", "169.254.169.254", "::1", "fe80::1", "::ffff:10.0.0.1", "255.255.255.255"] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
    }
}
