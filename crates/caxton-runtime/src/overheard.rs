//! What happens during a call beside its result, kept until it is recorded.

use bytes::Bytes;
use caxton_store::payload_of;
use caxton_tools::{InnerCall, Notice};
use caxton_types::{Digest, Fact, Metering};

#[derive(Debug, Default)]
pub(crate) struct Overheard {
    /// Failovers, breakers that opened or closed, what a tool tried and is not granted, what it remembers.
    pub(crate) facts: Vec<Fact>,
    /// What a tool called.
    pub(crate) inner: Vec<InnerCall>,
    /// What a call took that gave no result.
    pub(crate) spent: Option<Metering>,
}

impl Overheard {
    pub(crate) fn hear(&mut self, notice: Notice) {
        match notice {
            Notice::Spent(metering) => self.spent = Some(metering),
            Notice::Called(call) => self.inner.push(*call),
            notice => self.facts.extend(notice.into_fact()),
        }
    }

    /// As the journal has it; what is too long for a fact goes to the blobs.
    pub(crate) fn into_facts(mut self, blobs: &mut Vec<(Digest, Bytes)>) -> Vec<Fact> {
        self.facts.extend(self.inner.into_iter().map(|call| Fact::ToolCalled {
            tool: call.tool.to_string().into(),
            by: Some(call.by.to_string().into()),
            arguments: payload_of(&call.arguments, blobs),
            outcome: payload_of(&call.outcome, blobs),
            metering: call.metering,
        }));
        self.facts
    }
}
