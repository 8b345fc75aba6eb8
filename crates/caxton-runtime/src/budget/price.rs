//! What calls of models cost: at most, before they are made, and really, once the reply is there.

use caxton_llm::Models;
use caxton_types::{BudgetCaps, BudgetScope, Failure, ModelReply, ModelRequest, Money, Spend};

/// What a call may cost at most. A price that nobody knows matters only where money is bounded.
pub(super) fn at_most(request: &ModelRequest, models: &Models, caps: &BudgetCaps) -> Result<Spend, Failure> {
    let usage = models.estimate(request);
    let money = match models.prices_of(&request.settings.model) {
        Ok(price) => price.cost(usage),
        Err(fault) if BudgetScope::ALL.into_iter().any(|scope| caps.get(scope).money.is_some()) => return Err(Failure::of(&fault)),
        Err(_) => Money::ZERO,
    };
    Ok(Spend { tokens: usage.total(), money, steps: 1, ..Spend::ZERO })
}

/// What a call cost whose reply is there; nothing in money where nobody knows the price.
pub fn spent_on(reply: &ModelReply, models: &Models) -> Spend {
    let money = models.price_of(reply).map_or(Money::ZERO, |price| price.cost(reply.usage));
    Spend { tokens: reply.usage.total(), money, steps: 1, ..Spend::ZERO }
}
