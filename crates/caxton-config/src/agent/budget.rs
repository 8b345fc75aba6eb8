//! What an agent's work may cost.

use crate::{
    Diagnostics,
    record::{Keys, Record},
    scalar,
    tree::Node,
};
use caxton_types::{AgentBudget, Caps};

const BUDGET: Keys = Keys { known: &["message", "conversation", "day"], unbuilt: &[] };
const CAPS: Keys = Keys { known: &["tokens", "money", "tool_calls", "steps", "wall_time"], unbuilt: &[] };

/// `[budget.message]`, `[budget.conversation]` and `[budget.day]`.
pub(super) fn read(node: Option<&Node>, problems: &mut Diagnostics) -> AgentBudget {
    let table = Record::open(node, "budget", &BUDGET, problems);
    AgentBudget {
        message: caps(table.node("message"), "budget.message", problems),
        conversation: caps(table.node("conversation"), "budget.conversation", problems),
        day: caps(table.node("day"), "budget.day", problems),
    }
}

fn caps(node: Option<&Node>, path: &str, problems: &mut Diagnostics) -> Caps {
    let table = Record::open(node, path, &CAPS, problems);
    Caps {
        tokens: table.whole("tokens", (0, crate::server::CAP_MAX), problems),
        money: table.value("money", problems, scalar::quantity),
        tool_calls: table.whole("tool_calls", (0, crate::server::CAP_MAX), problems),
        steps: table.whole("steps", (0, crate::server::CAP_MAX), problems),
        wall_time: table.value("wall_time", problems, scalar::quantity),
    }
}
