//! A person's word on tools that changed: as they are now, they are fine.

use super::{
    Remote, State, Up,
    pin::{Known, Pin, room},
    pins::{PINS_MAX, Pins},
};
use crate::{Error, Refusal, Tools, naming::shortened};
use caxton_types::{Code, Digest, ToolDefinition, ToolId, nearest};
use std::sync::Arc;

/// What is accepted.
struct Word<'w> {
    tools: Vec<(&'w ToolDefinition, Digest)>,
    /// Whether that is all that the server offers: where there is no room otherwise, nothing else is remembered of it.
    is_all: bool,
}

impl Word<'_> {
    fn apply(&self, pins: &mut Known) {
        let added = self.tools.iter().filter(|(tool, _)| !pins.contains_key(tool.id.tool())).count();
        if self.is_all && pins.len() + added > PINS_MAX {
            pins.clear();
        }
        let is_new = |(tool, digest): &&(&ToolDefinition, Digest)| !pins.get(tool.id.tool()).is_some_and(|pin| pin.is(*digest));
        let new: Vec<_> = self.tools.iter().filter(is_new).collect();
        // What they were takes no room any more.
        for (tool, _) in &new {
            pins.remove(tool.id.tool());
        }
        let mut room = room(pins);
        pins.extend(new.into_iter().map(|(tool, digest)| (tool.id.tool().into(), Pin::of(tool, *digest, &mut room))));
    }
}

impl Tools {
    /// Takes the tools of somebody else's server, or one of them, as they are now for what was first seen: those that were not. With a digest,
    /// only what is defined so. What is accepted is recorded first: nothing holds of which there is no record.
    pub async fn accept<E: From<Error>, F: Future<Output = Result<(), E>>>(
        &self,
        server: &str,
        tool: Option<&str>,
        digest: Option<Digest>,
        record: impl FnOnce(Vec<(ToolId, Digest)>) -> F,
    ) -> Result<Vec<ToolId>, E> {
        let Some(remote) = self.0.remotes.get(server) else {
            let nearest = nearest(server, self.0.remotes.all().map(|remote| remote.name())).map(Into::into);
            return Err(Error::ServerUnknown { server: shortened(server), nearest }.into());
        };
        remote.accept(tool, digest, record).await
    }
}

impl Remote {
    async fn accept<E: From<Error>, F: Future<Output = Result<(), E>>>(
        &self,
        tool: Option<&str>,
        digest: Option<Digest>,
        record: impl FnOnce(Vec<(ToolId, Digest)>) -> F,
    ) -> Result<Vec<ToolId>, E> {
        let _one_at_a_time = self.shelf.alone().await;
        // Where they cannot be read, none is pinned below.
        let _ = self.recall().await;
        let up = match self.read().0 {
            State::Up(up) | State::Down { last: Some(up), .. } => up,
            State::Connecting | State::Down { last: None, .. } => self.there()?,
        };
        let offered = up.all.tools();
        if let Some(tool) = tool.filter(|tool| !offered.iter().any(|offered| offered.id.tool() == *tool)) {
            let nearest = nearest(tool, offered.iter().map(|offered| offered.id.tool())).map(Into::into);
            return Err(Error::NotOffered { server: self.name().into(), tool: shortened(tool), nearest }.into());
        }
        let named = offered.iter().filter(|offered| tool.is_none_or(|tool| tool == offered.id.tool()));
        // What somebody looked at is what they accept.
        let named: Vec<&ToolDefinition> = named.filter(|offered| digest.is_none_or(|digest| offered.digest == Some(digest))).collect();
        if let (true, Some(digest)) = (named.is_empty(), digest) {
            return Err(Error::DefinedOtherwise { server: self.name().into(), tool: tool.map(shortened), digest }.into());
        }
        let tools: Vec<(&ToolDefinition, Digest)> = named.into_iter().filter_map(|tool| Some((tool, tool.digest?))).collect();
        let changed = tools.iter().filter(|(tool, _)| up.changed.has(&tool.id));
        let accepted: Vec<(ToolId, Digest)> = changed.map(|(tool, digest)| (tool.id.clone(), *digest)).collect();
        if !accepted.is_empty() {
            record(accepted.clone()).await?;
            self.pin(&Word { tools, is_all: tool.is_none() && digest.is_none() }).await?;
        }
        Ok(accepted.into_iter().map(|(id, _)| id).collect())
    }

    /// Nothing of it holds before it is kept.
    async fn pin(&self, word: &Word<'_>) -> Result<(), Error> {
        let unkept = |refusal| Error::Unkept { server: self.name().into(), refusal };
        let known = self.pins.lock().known();
        let mut after = known.ok_or_else(|| unkept(Refusal::new(Code::Unavailable, "what was first seen of them cannot be read now")))?;
        word.apply(&mut after);
        self.write(&after).await.map_err(unkept)?;
        let mut pins = self.pins.lock();
        pins.change(|tools| word.apply(tools), &after);
        self.judge_again(&mut pins)
    }

    /// What it offers stays, and is something else by other pins.
    fn judge_again(&self, pins: &mut Pins) -> Result<(), Error> {
        let again = |up: &Up, pins: &mut Pins| self.judged(pins, Arc::clone(&up.all), up.about.clone(), up.left_out.clone());
        match self.read().0 {
            State::Up(up) => self.turn(State::Up(again(&up, pins)?)),
            State::Down { reason, last: Some(up) } => self.turn(State::Down { reason, last: Some(again(&up, pins)?) }),
            State::Connecting | State::Down { last: None, .. } => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_server_does_not_offer_now_is_forgotten_only_where_there_is_no_room() {
        let digest = Digest::of(b"gets");
        let tool: ToolDefinition = serde_json::from_value(json!({"id": "desk/get", "description": "gets", "input_schema": {}})).unwrap();
        let word = Word { tools: vec![(&tool, digest)], is_all: true };
        let pin = |digest| Pin::of(&tool, digest, &mut 1000);
        let known = |len: usize| -> Known { (0..len).map(|n| (format!("t{n}").into(), pin(Digest::of(b"x")))).collect() };
        let (mut some, mut full) = (known(2), known(PINS_MAX));
        word.apply(&mut some);
        word.apply(&mut full);
        assert_eq!((some.len(), some.get("t1")), (3, Some(&pin(Digest::of(b"x")))));
        assert_eq!(full, Known::from([("get".into(), pin(digest))]));
    }
}
