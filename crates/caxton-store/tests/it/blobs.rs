//! Content by its digest.

use crate::support::{BOTH, note, open, open_with};
use bytes::Bytes;
use caxton_store::{Batch, Error, Options, payload_of};
use caxton_types::{Code, Digest, Durability, Fault as _, Payload, WorkspaceName, unit::ByteSize};
use serde_json::json;
use std::fs;

#[tokio::test]
async fn content_of_any_size_comes_back_and_is_kept_once() {
    for durability in BOTH {
        let dir = tempfile::tempdir().unwrap();
        let (_store, workspace) = open(dir.path(), durability);
        for len in [0, 1, 1 << 20, (1 << 20) + 1, 3 << 20] {
            let bytes = Bytes::from(vec![b'x'; len]);
            let digest = workspace.put_blob(bytes.clone()).await.unwrap();
            assert_eq!(digest, Digest::of(&bytes));
            assert_eq!(workspace.put_blob(bytes.clone()).await.unwrap(), digest);
            assert_eq!(workspace.blob_len(digest).await.unwrap(), Some(len as u64));
            let file = workspace.blob_file(digest).await.unwrap().unwrap();
            assert!(fs::metadata(&file).unwrap().permissions().readonly());
            assert_eq!(fs::read(file).unwrap(), bytes);
            assert_eq!(workspace.blob(digest).await.unwrap(), Some(bytes));
        }
        let missing = Digest::of(b"nobody wrote this");
        assert_eq!(workspace.blob(missing).await.unwrap(), None);
        assert_eq!(workspace.blob_len(missing).await.unwrap(), None);
        assert_eq!(workspace.blob_file(missing).await.unwrap(), None);
    }
}

#[tokio::test]
async fn large_content_is_a_file_that_outlives_the_process_and_shows_damage() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = Bytes::from(vec![7; 2 << 20]);
    let digest = {
        let (_store, workspace) = open(dir.path(), Durability::Full);
        workspace.put_blob(bytes.clone()).await.unwrap()
    };
    let name = digest.to_string();
    let path = dir.path().join("blobs").join(&name[..2]).join(&name);
    let (store, workspace) = open(dir.path(), Durability::Full);
    assert_eq!(workspace.blob(digest).await.unwrap(), Some(bytes));
    let other = store.workspace(&"other".parse::<WorkspaceName>().unwrap()).unwrap();
    assert_eq!(other.blob(digest).await.unwrap(), None, "the file is shared, the right to it is not");

    fs::remove_file(&path).unwrap();
    fs::write(&path, vec![8; 2 << 20]).unwrap();
    let error = workspace.blob(digest).await.unwrap_err();
    assert!(matches!(error, Error::Corrupt { path: named, .. } if *named == *path));
}

#[tokio::test]
async fn too_large_is_refused() {
    for durability in BOTH {
        let dir = tempfile::tempdir().unwrap();
        let (_store, workspace) = open_with(Options { durability, blob_len_max: ByteSize::new(10), ..Options::new(dir.path()) });
        workspace.put_blob(Bytes::from_static(b"0123456789")).await.unwrap();
        let error = workspace.put_blob(Bytes::from_static(b"0123456789a")).await.unwrap_err();
        assert_eq!(error.code(), Code::TooLarge);
        assert_eq!(error.to_string(), "the blob has 11 bytes; at most 10B are accepted");
    }
}

#[tokio::test]
async fn memory_lets_the_oldest_content_go() {
    let dir = tempfile::tempdir().unwrap();
    let (_store, workspace) =
        open_with(Options { durability: Durability::Memory, blob_len_max: ByteSize::new(10), ..Options::new(dir.path()) });
    let mut digests = Vec::new();
    for byte in 0..6u8 {
        digests.push(workspace.put_blob(Bytes::from(vec![byte; 10])).await.unwrap());
    }
    let mut kept = Vec::new();
    for digest in digests {
        kept.push(workspace.blob(digest).await.unwrap().is_some());
    }
    assert_eq!(kept, [false, false, true, true, true, true]);
}

#[tokio::test]
async fn long_payloads_stand_beside_their_event() {
    for durability in BOTH {
        let dir = tempfile::tempdir().unwrap();
        let (_store, workspace) = open(dir.path(), durability);
        let mut blobs = Vec::new();
        let short = json!({"b": 1, "a": [true, null]});
        let long = json!({"text": "x".repeat(Payload::INLINE_LEN_MAX)});
        let (inline, blob) = (payload_of(&short, &mut blobs), payload_of(&long, &mut blobs));
        assert_eq!(inline, Payload::Inline(short.clone()));
        assert!(matches!(blob, Payload::Blob { size, .. } if size == blobs[0].1.len() as u64));
        assert!(matches!(workspace.payload(&blob).await, Err(Error::BlobMissing { .. })));
        workspace.commit(Batch { blobs, ..Batch::of(vec![note("a", 1)]) }).await.unwrap();
        assert_eq!(workspace.payload(&inline).await.unwrap(), short);
        assert_eq!(workspace.payload(&blob).await.unwrap(), long);
    }
}
