use super::*;
use caxton_config::workspace::FileContent;
use caxton_store::{Batch, Options, ids};
use caxton_tools::Limits;
use caxton_types::{Actor, CallerKind, Durability, NewEvent, TraceContext, unit::ByteSize};
use std::time::Duration;

/// Records a deployment of these files; those without content were removed.
async fn deploy(workspace: &Workspace, version: u32, files: &[(&str, Option<&str>)]) {
    let mut blobs = Vec::new();
    let mut deployed = Vec::new();
    for (path, text) in files {
        let content = FileContent::new(text.unwrap_or_default().as_bytes());
        let change = if text.is_some() { FileChange::Added } else { FileChange::Removed };
        deployed.push(DeployedFile { path: (*path).into(), digest: content.digest, size: content.size, change });
        blobs.extend(text.map(|text| (content.digest, text.as_bytes().to_vec().into())));
    }
    let fact = Fact::Deployed { deployment: ids::deployment(), version, git: None, files: deployed, agents: vec![], took_ms: 1 };
    let event = NewEvent {
        caller: Actor { who: "local".into(), kind: CallerKind::Local, verified: false },
        trace: TraceContext::new(7, 7),
        conversation: None,
        agent: None,
        turn: None,
        step: None,
        fact,
    };
    workspace.commit(Batch { blobs, ..Batch::of(vec![event]) }).await.unwrap();
}

#[tokio::test]
async fn code_of_an_earlier_deployment_comes_with_what_it_was_granted_last() {
    for durability in [Durability::Memory, Durability::Normal] {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(Options { durability, ..Options::new(dir.path()) }).unwrap();
        let (name, workspace) = (WorkspaceName::default(), store.workspace(&WorkspaceName::default()).unwrap());
        let (code, manifest) = ("tools/voice/tool.wasm", "tools/voice/tool.toml");
        deploy(&workspace, 1, &[(code, Some("one")), (manifest, Some("[permissions]\nattachments = \"none\"\n"))]).await;
        deploy(
            &workspace,
            2,
            &[(code, Some("one")), (manifest, Some("[limits]\ntimeout = \"2s\"\nmemory = \"1GiB\"\ndisk = \"1KiB\"\nrequests = 100\n"))],
        )
        .await;
        let policy = "permissions: {network: {allow: [{host: api.example.com}]}}";
        deploy(&workspace, 3, &[(code, Some("four")), ("tools/voice/policy.yaml", Some(policy))]).await;
        deploy(&workspace, 4, &[(code, Some("two"))]).await;
        deploy(&workspace, 5, &[(code, None)]).await;
        let most = Limits::default();
        let bounds = ToolBounds { limits: most, ..ToolBounds::default() };
        let find = async |server: &str, text: &str| {
            of(store.clone(), bounds.clone())(name.clone(), server.into(), Digest::of(text.as_bytes())).await.unwrap()
        };
        let one = find("voice", "one").await.unwrap();
        let within = Duration::from_secs(2);
        assert!(one.grant.attachments);
        assert_eq!(one.grant.limits, Limits { wall: within, cpu: within, disk: ByteSize::new(1024), ..most });
        assert_eq!(find("voice", "two").await.unwrap().grant.limits, most);
        assert_eq!(find("voice", "four").await.unwrap().grant.permissions.hosts.len(), 1);
        assert!(find("voice", "three").await.is_none() && find("other", "one").await.is_none() && find("voice", "").await.is_none());
    }
}

#[tokio::test]
async fn code_is_not_read_to_be_found() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(Options::new(dir.path())).unwrap();
    let (name, workspace) = (WorkspaceName::default(), store.workspace(&WorkspaceName::default()).unwrap());
    // So much has a file of its own.
    let text = "x".repeat(1 << 20);
    deploy(&workspace, 1, &[("tools/voice/tool.wasm", Some(&text))]).await;
    let digest = Digest::of(text.as_bytes());
    std::fs::remove_file(workspace.blob_file(digest).await.unwrap().unwrap()).unwrap();
    assert!(of(store, ToolBounds::default())(name, "voice".into(), digest).await.unwrap().is_some());
}
