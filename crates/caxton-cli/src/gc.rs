//! `caxton gc`: what was kept for long enough.

use crate::{
    args::Gc,
    error::Result,
    session::{Session, explained},
    table::Table,
};
use caxton_api::GcView;

pub(crate) async fn run(args: &Gc, session: &Session) -> Result<()> {
    let client = session.client()?;
    let view = if args.apply { client.apply_gc().await } else { client.plan_gc().await }.map_err(explained)?;
    let console = session.console();
    if console.json {
        return console.value(&view);
    }
    let went = if view.applied { "was removed" } else { "would be removed" };
    if view.workspaces.is_empty() && view.files == 0 {
        console.line(format_args!("Nothing {went}"))?;
    } else {
        let mut table = Table::new(["WORKSPACE", "WHAT", "COUNT", "BYTES"]);
        rows(&view, &mut table);
        table.print(console)?;
    }
    if view.keeps_all {
        console
            .note("conversations and events are kept for ever; `retention.conversations` in the configuration says how long they are kept");
    } else if !view.applied && !view.workspaces.is_empty() {
        console.note("next: caxton gc --apply");
    }
    Ok(())
}

fn rows(view: &GcView, table: &mut Table<4>) {
    for workspace in &view.workspaces {
        let name = || workspace.workspace.to_string();
        if workspace.conversations > 0 {
            table.row([name(), "conversations".to_owned(), workspace.conversations.to_string(), String::new()]);
        }
        for (kind, count) in &workspace.events {
            table.row([name(), kind.clone(), count.to_string(), String::new()]);
        }
        if !workspace.events.is_empty() {
            let events: u64 = workspace.events.values().sum();
            table.row([name(), "events".to_owned(), events.to_string(), workspace.event_bytes.to_string()]);
        }
        if workspace.blobs > 0 {
            table.row([name(), "blobs".to_owned(), workspace.blobs.to_string(), workspace.blob_bytes.to_string()]);
        }
    }
    if view.files > 0 {
        table.row(["(all)".to_owned(), "files of blobs".to_owned(), view.files.to_string(), view.file_bytes.to_string()]);
    }
}
