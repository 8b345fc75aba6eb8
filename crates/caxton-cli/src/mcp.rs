//! `caxton mcp serve --stdio`: the running server, for programs that start their MCP servers themselves.

use crate::{
    args::McpCommand,
    error::{Error, Result},
    session::{Session, explained},
};
use caxton_client::BridgeError;
use tokio::io::{BufReader, stdin, stdout};

pub(crate) async fn run(command: &McpCommand, session: &Session) -> Result<()> {
    let McpCommand::Serve(args) = command;
    debug_assert!(args.stdio, "there is no other way yet, and the flag is required");
    let client = session.client()?;
    // A program that gets no answer tells people less than this does.
    client.ready().await.map_err(explained)?;
    // Standard output carries the protocol and nothing else.
    let note = |text: &str| session.console().note(format_args!("caxton mcp: {text}"));
    let bridged = client.bridge_mcp(BufReader::new(stdin()), stdout(), note).await;
    bridged.map_err(|error| match error {
        BridgeError::Server(error) => explained(error),
        BridgeError::Streams(error) => Error::io("speak over the standard streams", &error),
    })
}
