//! How long things are kept, and how much.

use super::read::Reader;
use crate::Diagnostic;
use caxton_types::{
    Fact, nearest,
    unit::{ByteSize, Period},
};
use std::collections::BTreeMap;

/// How long things are kept, and how much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// How long an ended conversation is kept after its last event; for ever where nothing is said.
    pub conversations: Option<Period>,
    /// How long facts of these kinds are kept, where that is shorter.
    pub events: BTreeMap<Box<str>, Period>,
    /// How long uploaded content may wait for what names it.
    pub uploads: Period,
    /// How often what is kept for long enough is removed.
    pub every: Period,
    /// Most bytes that the data directory holds.
    pub disk_max: Option<ByteSize>,
    /// Least free bytes of its disk.
    pub disk_free_min: ByteSize,
}

impl Retention {
    /// Whether everything is kept for ever.
    pub fn keeps_all(&self) -> bool {
        self.conversations.is_none() && self.events.is_empty()
    }

    pub(super) fn read(root: &Reader<'_>) -> Result<Self, Diagnostic> {
        Ok(Self {
            conversations: root.node("retention.conversations")?.map(|_| root.quantity("retention.conversations")).transpose()?,
            events: events(root)?,
            uploads: root.quantity("retention.uploads")?,
            every: root.quantity("retention.every")?,
            disk_max: root.node("retention.disk_max")?.map(|_| root.quantity("retention.disk_max")).transpose()?,
            disk_free_min: root.quantity("retention.disk_free_min")?,
        })
    }
}

/// What is decided for good has no time after which it may go.
fn events(root: &Reader<'_>) -> Result<BTreeMap<Box<str>, Period>, Diagnostic> {
    let mut events = BTreeMap::new();
    for (kind, place, reader) in root.named("retention.events") {
        if !Fact::EXPIRABLE.contains(&kind) {
            let key = format!("retention.events.{kind}");
            let message = format!("`{key}`: facts of this kind are kept for ever, or there are none");
            let known = || Fact::EXPIRABLE.iter().map(|kind| format!("`{kind}`")).collect::<Vec<_>>().join(", ");
            let help = nearest(kind, Fact::EXPIRABLE.iter().copied())
                .map_or_else(|| format!("kinds that can go: {}", known()), |nearest| format!("did you mean `{nearest}`?"));
            return Err(place.error(message).key(key).help(help));
        }
        events.insert(kind.into(), reader.own_quantity()?);
    }
    Ok(events)
}
