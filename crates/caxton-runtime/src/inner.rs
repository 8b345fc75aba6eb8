//! Calls that tools make of other tools, as the journal has them.

use caxton_store::payload_of;
use caxton_tools::InnerCall;
use caxton_types::{Digest, Fact};

/// The fact of a call; what is too long for it goes to the blobs.
pub(crate) fn fact(call: &InnerCall, blobs: &mut Vec<(Digest, bytes::Bytes)>) -> Fact {
    let InnerCall { by, tool, arguments, outcome, metering } = call;
    Fact::ToolCalled {
        tool: tool.to_string().into(),
        by: Some(by.to_string().into()),
        arguments: payload_of(arguments, blobs),
        outcome: payload_of(outcome, blobs),
        metering: *metering,
    }
}
