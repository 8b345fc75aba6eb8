//! What goes when its time is over, and what never does.

use crate::support::{accept, accepted, agent, began, dead, ended, event, message, note, open, open_with};
use caxton_store::{
    Batch, DiskBounds, Error, EventQuery, Expiry, MessageState, Options, Page, Retention, SpendQuery, TurnQuery, Workspace, ids, now,
};
use caxton_types::{
    Attachment, Code, ConversationId, Digest, Durability, Fact, Fault as _, MessageId, Metering, NewEvent, Payload, Seq, Spend, StepId,
    Timestamp, TokenUsage, TurnEnd, TurnId, TurnOrigin, unit::ByteSize,
};
use std::{collections::BTreeMap, time::Duration};

const DAY: Duration = Duration::from_hours(24);

fn whole_conversations() -> Retention {
    Retention { conversations: Some(DAY), ..Retention::default() }
}

fn tomorrow() -> Timestamp {
    now().plus(DAY * 2)
}

async fn expire(workspace: &Workspace, retention: &Retention, at: Timestamp) -> Expiry {
    let note = note("x", 1);
    let planned = workspace.expiry(retention, at).await.unwrap();
    let done = workspace.expire(retention, at, (note.caller, note.trace), || false).await.unwrap();
    assert_eq!(planned, done, "what is planned is what is done");
    done
}

async fn kinds(workspace: &Workspace) -> Vec<&'static str> {
    workspace.events(EventQuery::default()).await.unwrap().iter().map(|event| event.new.fact.kind()).collect()
}

/// A message that is answered in a turn of one step.
async fn conversation(workspace: &Workspace) -> (ConversationId, MessageId, TurnId) {
    let (id, conversation, turn) = (ids::message(), ids::conversation(), ids::turn());
    workspace
        .commit(Batch { events: vec![accepted(message(id, conversation, "ann"), Some(&id.to_string()))], ..accept(id, conversation) })
        .await
        .unwrap();
    workspace
        .commit(Batch { dequeue: vec![id], ..Batch::of(vec![began(turn, id, conversation), intended(turn, conversation)]) })
        .await
        .unwrap();
    let spent = Some(Spend { tokens: 5, ..Spend::ZERO });
    let fact = Fact::TurnEnded { end: TurnEnd::Completed, reply: None, usage: TokenUsage::default(), spent, wall_us: 1 };
    let end = NewEvent { fact, ..ended(turn, conversation, TurnEnd::Completed) };
    workspace.commit(Batch::of(vec![step_ended(turn, conversation), end])).await.unwrap();
    (conversation, id, turn)
}

fn intended(turn: TurnId, conversation: ConversationId) -> NewEvent {
    let fact = Fact::StepIntended { effect: "call".into(), intent: Payload::Inline("x".repeat(500).into()), reserved: None };
    NewEvent { step: Some(StepId(0)), fact, ..began(turn, ids::message(), conversation) }
}

fn step_ended(turn: TurnId, conversation: ConversationId) -> NewEvent {
    let fact = Fact::StepEnded { effect: "call".into(), outcome: Payload::Inline(2.into()), metering: Metering::default(), spent: None };
    NewEvent { fact, ..intended(turn, conversation) }
}

#[tokio::test]
async fn an_ended_conversation_goes_as_a_whole() {
    let dir = tempfile::tempdir().unwrap();
    let (store, workspace) = open(dir.path(), Durability::Normal);
    workspace.commit(Batch::of(vec![note("kept", 1)])).await.unwrap();
    let (id, first, turn) = conversation(&workspace).await;
    assert!(expire(&workspace, &whole_conversations(), now()).await.is_empty(), "it is young");
    assert!(expire(&workspace, &Retention::default(), tomorrow()).await.is_empty(), "nothing is said");

    assert!(
        expire(&workspace, &whole_conversations(), tomorrow()).await.is_empty(),
        "the last event stays, for the journal counts on from it"
    );
    workspace.commit(Batch::of(vec![note("kept", 2)])).await.unwrap();
    let expiry = expire(&workspace, &whole_conversations(), tomorrow()).await;
    assert_eq!((expiry.conversations, expiry.events_len(), expiry.until), (1, 5, Seq(6)));
    assert!(expire(&workspace, &whole_conversations(), tomorrow()).await.is_empty(), "it is done");
    assert_eq!(kinds(&workspace).await, ["config_changed", "config_changed", "events_expired"]);
    assert_eq!(workspace.conversations(Page::default()).await.unwrap(), []);
    assert_eq!((workspace.message(first).await.unwrap(), workspace.turn(turn).await.unwrap()), (None, None));
    assert_eq!(workspace.conversation(id).await.unwrap(), None);
    assert_eq!(workspace.first_kept().await.unwrap(), Seq(7));
    assert_eq!(workspace.spent(SpendQuery::Agent(agent("worker"), None)).await.unwrap().tokens, 5, "what was spent stays spent");
    // Its key may come again, and so may it.
    workspace.commit(Batch::of(vec![accepted(message(first, id, "ann"), Some(&first.to_string()))])).await.unwrap();

    drop((store, workspace));
    let (_store, workspace) = open(dir.path(), Durability::Normal);
    assert_eq!(workspace.last(), Seq(9));
    assert_eq!(workspace.commit(Batch::of(vec![note("next", 1)])).await.unwrap().first, Seq(10));
}

#[tokio::test]
async fn what_waits_or_works_or_is_shared_stays() {
    let dir = tempfile::tempdir().unwrap();
    let (_store, workspace) = open(dir.path(), Durability::Normal);
    let (shared, _, origin) = conversation(&workspace).await;
    let (gone, ..) = conversation(&workspace).await;
    let (busy, earlier, _) = conversation(&workspace).await;
    let (queued, waiting) = (ids::message(), ids::conversation());
    workspace.commit(accept(queued, waiting)).await.unwrap();
    workspace.commit(Batch::of(vec![began(ids::turn(), earlier, busy)])).await.unwrap();
    let (fork, forked) = (ids::turn(), ids::conversation());
    let mut begin = began(fork, ids::message(), forked);
    if let Fact::TurnBegan { origin: of, .. } = &mut begin.fact {
        *of = Some(TurnOrigin { turn: origin, at: StepId(0) });
    }
    workspace.commit(Batch::of(vec![begin])).await.unwrap();
    workspace.commit(Batch::of(vec![note("last", 1)])).await.unwrap();
    let kinds = Fact::EXPIRABLE.iter().map(|kind| ((*kind).into(), DAY)).collect();
    let expiry = expire(&workspace, &Retention { kinds, ..whole_conversations() }, tomorrow()).await;
    assert_eq!((expiry.conversations, expiry.events_len()), (1, 5));
    assert_eq!(workspace.conversation(gone).await.unwrap(), None);
    for kept in [shared, busy, waiting] {
        assert!(workspace.conversation(kept).await.unwrap().is_some());
    }
    assert_eq!(workspace.turn_events(origin).await.unwrap().len(), 4);
    assert_eq!(workspace.queued().await.unwrap().len(), 1);
    workspace.commit(Batch::of(vec![ended(fork, forked, TurnEnd::Completed)])).await.unwrap();
    assert_eq!(
        expire(&workspace, &whole_conversations(), tomorrow()).await.events.get("step_intended"),
        Some(&1),
        "nobody shares it any more"
    );
}

#[tokio::test]
async fn a_kind_of_fact_goes_earlier_and_holes_are_no_trouble() {
    let dir = tempfile::tempdir().unwrap();
    let (_store, workspace) = open(dir.path(), Durability::Normal);
    let (id, first, turn) = conversation(&workspace).await;
    workspace.commit(Batch::of(vec![dead(first, id), note("kept", 1)])).await.unwrap();
    let receipt = workspace.commit(Batch::of(vec![note("kept", 2)])).await.unwrap();
    let kinds: BTreeMap<_, _> = [("step_intended", DAY), ("step_ended", DAY), ("deployed", DAY), ("config_changed", DAY)]
        .map(|(kind, kept)| (kind.into(), kept))
        .into();
    let expiry = expire(&workspace, &Retention { kinds, ..Retention::default() }, tomorrow()).await;
    assert_eq!(expiry.events.iter().map(|(kind, len)| (&**kind, *len)).collect::<Vec<_>>(), [("step_ended", 1), ("step_intended", 1)]);
    assert!(expiry.event_bytes > 500);
    assert_eq!(workspace.turn(turn).await.unwrap().unwrap().steps, 0);
    assert_eq!(workspace.message(first).await.unwrap().unwrap().state, MessageState::Dead);
    let since = async |since| {
        let found = workspace.events(EventQuery { since: Some(since), ..EventQuery::default() }).await.unwrap();
        found.first().map(|event| event.seq)
    };
    assert_eq!(since(Timestamp::default()).await, Some(Seq(1)));
    assert_eq!(since(receipt.at).await, Some(receipt.first));
    assert_eq!(since(tomorrow()).await, None);
}

fn with_attachment(digest: Digest, size: u64) -> NewEvent {
    let mut message = message(ids::message(), ids::conversation(), "ann");
    message.attachments.push(Attachment { name: "a.csv".into(), media_type: "text/csv".into(), digest, size });
    accepted(message, None)
}

#[tokio::test]
async fn content_stays_as_long_as_anything_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let (store, workspace) = open(dir.path(), Durability::Normal);
    let large = || bytes::Bytes::from(vec![b'x'; (1 << 20) + 1]);
    let put = async |content: bytes::Bytes| workspace.put_blob(content).await.unwrap();
    let (named, unnamed, file) = (put("named".into()).await, put("unnamed".into()).await, put(large()).await);
    let nested = put("nested".into()).await;
    let outer = put(format!("{{\"of\":\"{nested}\"}}").into()).await;
    // The youngest row stays whatever it holds.
    let _youngest = put("youngest".into()).await;
    workspace.commit(Batch::of(vec![with_attachment(named, 5), with_attachment(outer, 5)])).await.unwrap();
    assert!(expire(&workspace, &Retention::default(), now()).await.is_empty(), "what was sent a moment ago may be named yet");
    let expiry = expire(&workspace, &Retention::default(), tomorrow()).await;
    assert_eq!((expiry.blobs, expiry.blob_bytes), (2, 7 + (1 << 20) + 1));
    let there = async |digest| workspace.blob(digest).await.unwrap().is_some();
    assert!(there(named).await && there(nested).await && there(outer).await);
    assert!(!there(unnamed).await && !there(file).await);
    let refused = workspace.commit(Batch::of(vec![with_attachment(unnamed, 7)])).await.unwrap_err();
    assert!(matches!(refused, Error::BlobMissing { digest } if digest == unnamed));

    let path = |digest: Digest| dir.path().join("blobs").join(&digest.to_string()[..2]).join(digest.to_string());
    assert_eq!(store.expire_files(DAY, now(), true).await.unwrap().files, 0, "it is young");
    assert_eq!(store.expire_files(DAY, tomorrow(), false).await.unwrap().files, 1);
    assert!(path(file).exists(), "that was a question");
    assert_eq!(store.expire_files(DAY, tomorrow(), true).await.unwrap().bytes, (1 << 20) + 1);
    assert!(!path(file).exists());
    let again = put(large()).await;
    assert_eq!(store.expire_files(DAY, tomorrow(), true).await.unwrap().files, 0, "the workspace knows it");
    assert!(there(again).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_that_is_named_is_ever_missing_whatever_goes_at_the_same_time() {
    let dir = tempfile::tempdir().unwrap();
    let (store, workspace) = open(dir.path(), Durability::Normal);
    let mut tasks = tokio::task::JoinSet::new();
    for writer in 0..4_u32 {
        let workspace = workspace.clone();
        tasks.spawn(async move {
            let mut taken = 0_u32;
            for round in 0..150_u32 {
                // Few contents, so that they come again when their rows are about to go.
                let content = if round % 10 == 0 { vec![b'x'; (1 << 20) + 1 + (writer % 2) as usize] } else { vec![(round % 7) as u8; 9] };
                let size = content.len() as u64;
                let digest = workspace.put_blob(content.into()).await.unwrap();
                match workspace.commit(Batch::of(vec![with_attachment(digest, size)])).await {
                    Ok(_) => {
                        taken += 1;
                        assert!(workspace.blob(digest).await.unwrap().is_some(), "a message was accepted, so its content is there");
                    }
                    Err(Error::BlobMissing { .. }) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            taken
        });
    }
    let patient = Retention { uploads: Duration::ZERO, ..Retention::default() };
    let mut runs = 0;
    while !tasks.is_empty() {
        let note = note("x", 1);
        workspace.expire(&patient, now(), (note.caller, note.trace), || false).await.unwrap();
        store.expire_files(Duration::from_hours(1), now(), true).await.unwrap();
        runs += 1;
        while let Some(taken) = tasks.try_join_next() {
            assert!(taken.unwrap() > 0);
        }
        tokio::task::yield_now().await;
    }
    assert!(runs > 1);
    for event in workspace.events(EventQuery { limit: 10_000, ..EventQuery::default() }).await.unwrap() {
        if let Fact::MessageAccepted { message, .. } = event.new.fact {
            assert!(workspace.blob(message.attachments[0].digest).await.unwrap().is_some());
        }
    }
}

#[tokio::test]
async fn rows_and_file_stay_as_they_are_however_long_it_works() {
    let dir = tempfile::tempdir().unwrap();
    let (store, workspace) = open_with(Options { durability: Durability::Normal, ..Options::new(dir.path()) });
    let tables = ["event", "message", "dedup", "conversation", "participant", "queue", "turn", "wait", "upload", "blob"];
    let path = dir.path().join("workspaces/default.journal.db");
    let measure = || {
        let conn = rusqlite::Connection::open(&path).unwrap();
        let count = |sql: String| conn.query_row(&sql, [], |row| row.get::<_, i64>(0)).unwrap();
        let rows: i64 = tables.iter().map(|table| count(format!("SELECT count(*) FROM {table}"))).sum();
        (rows, count("SELECT page_count FROM pragma_page_count()".into()))
    };
    let mut seen = Vec::new();
    for _ in 0..6 {
        for _ in 0..40 {
            conversation(&workspace).await;
            workspace.put_blob(ids::message().to_string().into()).await.unwrap();
        }
        let note = note("x", 1);
        let expiry = workspace.expire(&whole_conversations(), tomorrow(), (note.caller, note.trace), || false).await.unwrap();
        assert!(expiry.events_len() >= 190, "{expiry:?}");
        seen.push(measure());
    }
    let ((rows, pages), (rows_last, pages_last)) = (seen[1], seen[5]);
    assert!(rows_last <= rows + 10, "a run leaves its own event and no more: {seen:?}");
    assert!(pages_last <= pages + pages / 10, "{seen:?}");
    assert!(workspace.turns(TurnQuery::default()).await.unwrap().len() <= 1, "all but that of the last event");
    drop(store);
}

#[tokio::test]
async fn a_large_journal_gives_its_room_back() {
    let dir = tempfile::tempdir().unwrap();
    let (_store, workspace) = open(dir.path(), Durability::Normal);
    let conversation = ids::conversation();
    for _ in 0..20 {
        let notes = (0..10).map(|_| NewEvent {
            conversation: Some(conversation),
            ..event(Fact::ServerStarted { version: "x".repeat(50_000).into(), pid: 1 })
        });
        workspace.commit(Batch::of(notes.collect())).await.unwrap();
    }
    workspace.commit(Batch::of(vec![note("last", 1)])).await.unwrap();
    let pages = || {
        let conn = rusqlite::Connection::open(dir.path().join("workspaces/default.journal.db")).unwrap();
        conn.query_row("SELECT page_count FROM pragma_page_count()", [], |row| row.get::<_, i64>(0)).unwrap()
    };
    let before = pages();
    let retention = Retention { kinds: [("server_started".into(), DAY)].into(), ..Retention::default() };
    assert_eq!(expire(&workspace, &retention, tomorrow()).await.events_len(), 200);
    assert!(pages() < before / 2, "{before} pages became {}", pages());
}

#[tokio::test]
async fn memory_has_its_own_bound_and_nothing_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let (store, workspace) = open(dir.path(), Durability::Memory);
    conversation(&workspace).await;
    assert!(expire(&workspace, &whole_conversations(), tomorrow()).await.is_empty());
    assert_eq!(store.expire_files(DAY, tomorrow(), true).await.unwrap().files, 0);
    assert_eq!(workspace.events(EventQuery::default()).await.unwrap().len(), 5);
}

/// What a client may send until there is no room for it any more.
async fn fill(workspace: &Workspace) -> (Error, u32) {
    for sent in 0.. {
        if let Err(error) = workspace.put_blob(format!("{sent} {}", "x".repeat(20_000)).into()).await {
            return (error, sent);
        }
    }
    unreachable!("there is a bound");
}

#[tokio::test]
async fn before_the_disk_is_full_no_new_work_is_taken_and_work_under_way_ends() {
    let dir = tempfile::tempdir().unwrap();
    let disk = DiskBounds { used_max: Some(ByteSize::mib(4)), free_min: ByteSize::new(0) };
    let options = Options { durability: Durability::Normal, disk, ..Options::new(dir.path()) };
    let (_store, workspace) = open_with(options);
    let (id, conversation, turn) = (ids::message(), ids::conversation(), ids::turn());
    workspace.commit(accept(id, conversation)).await.unwrap();
    let (error, _) = fill(&workspace).await;
    assert!(matches!(error, Error::Ceiling { .. }), "{error}");
    assert_eq!(error.code(), Code::Exhausted);
    assert!(error.hint().unwrap().contains("caxton gc --plan"));
    assert!(matches!(workspace.commit(accept(ids::message(), ids::conversation())).await, Err(Error::Ceiling { .. })));

    let begin = Batch { dequeue: vec![id], ..Batch::of(vec![began(turn, id, conversation)]) };
    workspace.commit(begin).await.unwrap();
    // The reserve has an end too, and then nothing is half written.
    let mut last = workspace.last();
    let error = loop {
        let note = NewEvent { turn: Some(turn), ..note("x", "y".repeat(30_000)) };
        match workspace.commit(Batch::of(vec![note, intended(turn, conversation)])).await {
            Ok(receipt) => last = receipt.last,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::Full { .. }), "{error}");
    assert_eq!(workspace.last(), last);
    assert_eq!(workspace.events(EventQuery { after: Seq(last.0 - 1), ..EventQuery::default() }).await.unwrap().len(), 1);

    // What goes makes room, and everything goes on.
    let note = note("x", 1);
    let expiry = workspace.expire(&Retention::default(), tomorrow(), (note.caller, note.trace), || false).await.unwrap();
    assert!(expiry.blobs > 0);
    workspace.commit(Batch::of(vec![ended(turn, conversation, TurnEnd::Completed)])).await.unwrap();
    workspace.commit(accept(ids::message(), ids::conversation())).await.unwrap();
}

#[tokio::test]
async fn where_the_disk_itself_is_nearly_full_no_new_work_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let disk = DiskBounds { used_max: None, free_min: ByteSize::new(u64::MAX) };
    let (_store, workspace) = open_with(Options { durability: Durability::Normal, disk, ..Options::new(dir.path()) });
    let error = workspace.commit(accept(ids::message(), ids::conversation())).await.unwrap_err();
    assert!(matches!(error, Error::DiskLow { .. }) && error.code() == Code::Exhausted);
    workspace.commit(Batch::of(vec![note("a", 1)])).await.unwrap();
}
