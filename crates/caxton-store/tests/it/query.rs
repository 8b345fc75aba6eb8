//! Which events come back.

use crate::support::{BOTH, accept, began, dead, ended, note, open, trace};
use caxton_store::{Batch, ConversationState, EventQuery, MessageState, Page, ids};
use caxton_types::{NewEvent, Party, Seq, TurnEnd};

#[tokio::test]
async fn a_message_is_followed_from_queue_to_end() {
    for durability in BOTH {
        let dir = tempfile::tempdir().unwrap();
        let (_store, workspace) = open(dir.path(), durability);
        let (id, conversation, turn) = (ids::message(), ids::conversation(), ids::turn());
        let state = async || {
            let stored = workspace.message(id).await.unwrap().unwrap();
            assert_eq!(workspace.messages(conversation, Seq(0), 10).await.unwrap(), std::slice::from_ref(&stored));
            (stored.state, workspace.conversation(conversation).await.unwrap().unwrap().state)
        };
        workspace.commit(accept(id, conversation)).await.unwrap();
        assert_eq!(state().await, (MessageState::Queued, ConversationState::InProgress));
        let begin = Batch { events: vec![began(turn, id, conversation)], dequeue: vec![id], ..Batch::default() };
        let receipt = workspace.commit(begin).await.unwrap();
        assert_eq!(state().await, (MessageState::InTurn, ConversationState::InProgress));
        let open = workspace.open_turns().await.unwrap();
        assert_eq!((open.len(), open[0].turn, open[0].message, open[0].began, open[0].at), (1, turn, id, receipt.first, receipt.at));
        workspace.commit(Batch::of(vec![ended(turn, conversation, TurnEnd::Completed)])).await.unwrap();
        assert_eq!(state().await, (MessageState::Done, ConversationState::Completed));
        assert_eq!(workspace.open_turns().await.unwrap(), []);
        workspace.commit(Batch::of(vec![dead(id, conversation)])).await.unwrap();
        assert_eq!(state().await, (MessageState::Dead, ConversationState::Failed));

        let row = workspace.conversation(conversation).await.unwrap().unwrap();
        let parties: Vec<Party> = ["agent:worker", "client:local"].iter().map(|party| party.parse().unwrap()).collect();
        assert_eq!((row.participants, row.messages, row.trace, row.initiator), (parties.clone(), 1, trace(), parties[1].clone()));
        assert_eq!(row.protocol.as_deref(), Some("request-reply"));
        assert!(row.opened_at <= row.last_at);
    }
}

#[tokio::test]
async fn events_are_chosen_by_every_property() {
    for durability in BOTH {
        let dir = tempfile::tempdir().unwrap();
        let (_store, workspace) = open(dir.path(), durability);
        let (one, two, turn) = (ids::conversation(), ids::conversation(), ids::turn());
        let id = ids::message();
        workspace.commit(Batch::of(vec![note("a", 1), note("b", 2)])).await.unwrap();
        workspace.commit(accept(id, one)).await.unwrap();
        workspace.commit(accept(ids::message(), two)).await.unwrap();
        let in_turn = NewEvent { turn: Some(turn), conversation: Some(one), ..note("step", 3) };
        let receipt = workspace.commit(Batch::of(vec![began(turn, id, one), in_turn])).await.unwrap();

        let check = async |query: EventQuery, expected: &[u64]| {
            let found = workspace.events(query.clone()).await.unwrap();
            assert_eq!(found.iter().map(|event| event.seq.0).collect::<Vec<_>>(), expected, "{durability} {query:?}");
        };
        let all = EventQuery::default;
        check(all(), &[1, 2, 3, 4, 5, 6]).await;
        check(EventQuery { after: Seq(4), ..all() }, &[5, 6]).await;
        check(EventQuery { after: Seq(99), ..all() }, &[]).await;
        check(EventQuery { until: Some(Seq(2)), ..all() }, &[1, 2]).await;
        check(EventQuery { limit: 2, after: Seq(1), ..all() }, &[2, 3]).await;
        check(EventQuery { conversation: Some(one), ..all() }, &[3, 5, 6]).await;
        check(EventQuery { conversation: Some(one), after: Seq(3), limit: 1, ..all() }, &[5]).await;
        check(EventQuery { turn: Some(turn), ..all() }, &[5, 6]).await;
        check(EventQuery { turn: Some(turn), conversation: Some(two), ..all() }, &[]).await;
        check(EventQuery { agent: Some("worker".parse().unwrap()), ..all() }, &[3, 4, 5]).await;
        check(EventQuery { kinds: vec!["config_changed".into(), "turn_began".into()], ..all() }, &[1, 2, 5, 6]).await;
        check(EventQuery { kinds: vec!["' OR 1=1 --".into()], ..all() }, &[]).await;
        check(EventQuery { since: Some(receipt.at), after: Seq(4), ..all() }, &[5, 6]).await;
        check(EventQuery { since: Some(receipt.at.plus(std::time::Duration::from_secs(1))), ..all() }, &[]).await;
        check(EventQuery { since: Some(caxton_types::Timestamp::default()), ..all() }, &[1, 2, 3, 4, 5, 6]).await;
    }
}

#[tokio::test]
async fn conversations_come_newest_first_in_pages() {
    for durability in BOTH {
        let dir = tempfile::tempdir().unwrap();
        let (_store, workspace) = open(dir.path(), durability);
        let mut opened: Vec<_> = (0..7).map(|_| ids::conversation()).collect();
        for id in &opened {
            workspace.commit(accept(ids::message(), *id)).await.unwrap();
        }
        // A second message does not make it newer.
        workspace.commit(accept(ids::message(), opened[0])).await.unwrap();
        opened.reverse();
        let mut listed = Vec::new();
        let mut after = None;
        loop {
            let page = workspace.conversations(Page { after, limit: 3 }).await.unwrap();
            listed.extend(page.iter().map(|row| row.id));
            let Some(last) = page.last() else { break };
            after = Some(last.id);
        }
        assert_eq!(listed, opened);
        assert!(workspace.conversations(Page { after: Some(ids::conversation()), limit: 3 }).await.unwrap().is_empty());
    }
}
