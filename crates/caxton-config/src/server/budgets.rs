//! What everybody's work may cost.

use super::{read::Reader, schema::CAP_MAX};
use crate::{Diagnostic, scalar};
use caxton_types::{BudgetCaps, BudgetScope, Caps};

pub(super) fn read(root: &Reader<'_>) -> Result<BudgetCaps, Diagnostic> {
    Ok(BudgetCaps {
        message: caps(root, BudgetScope::Message)?,
        conversation: caps(root, BudgetScope::Conversation)?,
        agent_day: caps(root, BudgetScope::AgentDay)?,
        workspace_day: caps(root, BudgetScope::WorkspaceDay)?,
    })
}

fn caps(root: &Reader<'_>, scope: BudgetScope) -> Result<Caps, Diagnostic> {
    let key = |what: &str| format!("budgets.{scope}.{what}");
    let whole = |what: &str| {
        let number = root.cap(&key(what), |node| scalar::whole(node, 0, CAP_MAX))?;
        Ok::<_, Diagnostic>(number.map(i64::unsigned_abs))
    };
    Ok(Caps {
        tokens: whole("tokens")?,
        money: root.cap(&key("money"), scalar::quantity)?,
        tool_calls: whole("tool_calls")?,
        steps: whole("steps")?,
        wall_time: root.cap(&key("wall_time"), scalar::quantity)?,
    })
}
