//! The attacks, by what they are aimed at.

mod files;
mod host;
mod identity;
mod isolation;
mod loading;
mod memory;
mod network;
mod time;

use crate::{Kind, attack::Attack};

const ALL: [(Kind, &[Attack]); 8] = [
    (Kind::Time, time::ATTACKS),
    (Kind::Memory, memory::ATTACKS),
    (Kind::Files, files::ATTACKS),
    (Kind::Network, network::ATTACKS),
    (Kind::Host, host::ATTACKS),
    (Kind::Isolation, isolation::ATTACKS),
    (Kind::Isolation, identity::ATTACKS),
    (Kind::Loading, loading::ATTACKS),
];

/// Every attack that this system knows the guard of.
pub(crate) fn all() -> impl Iterator<Item = (Kind, &'static Attack)> {
    ALL.into_iter().flat_map(|(kind, attacks)| attacks.iter().map(move |attack| (kind, attack)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::Twin;

    #[test]
    fn attacks_have_names_of_their_own() {
        let names: BTreeSet<&str> = all().map(|(_, attack)| attack.name).collect();
        assert_eq!(names.len(), all().count());
        let widened = all().filter(|(_, attack)| attack.twin == Twin::Widened).count();
        assert!(widened >= 25 && widened < all().count(), "{widened} of {}", all().count());
    }
}
