//! Somebody's MCP server that offers everything but much of it: resources, a template, a prompt, completion, and a tool that tells how far it is.

use crate::mounted::Mounted;
use anyhow::Result;
use axum::{extract::Request, http::StatusCode, middleware::Next, response::IntoResponse as _};
use caxton_mcp::rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, CompleteRequestParams, CompleteResult, CompletionInfo, ContentBlock,
        GetPromptRequestParams, GetPromptResponse, GetPromptResult, ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult,
        ListToolsResult, PaginatedRequestParams, ProgressNotificationParam, Prompt, PromptArgument, PromptMessage,
        ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, Reference, Resource, ResourceContents, ResourceTemplate, Role,
        ServerCapabilities, ServerConfig, SubscriptionFilter, Tool,
    },
    service::{RequestContext, SubscriptionContext},
};
use parking_lot::Mutex;
use serde_json::json;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use tokio::sync::watch;

/// The server; its copies share what they have.
#[derive(Clone)]
struct Theirs {
    /// What it lists beside its first note.
    grown: Arc<Mutex<Vec<&'static str>>>,
    changes: watch::Sender<u32>,
}

/// It runs until dropped.
pub(super) struct Served {
    pub(super) at: Mounted,
    /// Whether it does nothing.
    pub(super) is_down: Arc<AtomicBool>,
}

pub(super) async fn serve() -> Result<Served> {
    let theirs = Theirs { grown: Arc::default(), changes: watch::Sender::new(0) };
    let is_down = Arc::<AtomicBool>::default();
    let down = Arc::clone(&is_down);
    let fail = axum::middleware::from_fn(move |request: Request, next: Next| {
        let is_down = down.load(Ordering::SeqCst);
        async move { if is_down { StatusCode::SERVICE_UNAVAILABLE.into_response() } else { next.run(request).await } }
    });
    Ok(Served { at: Mounted::new(theirs, |router| router.layer(fail)).await?, is_down })
}

impl Theirs {
    async fn grow(&self, context: &RequestContext<RoleServer>) {
        self.grown.lock().push("grown");
        if context.protocol_version().is_none_or(|version| version.has_initialize()) {
            context.peer.notify_resource_list_changed().await.unwrap();
            context.peer.notify_prompt_list_changed().await.unwrap();
        } else {
            self.changes.send_modify(|count| *count += 1);
        }
    }
}

impl ServerHandler for Theirs {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_resources()
            .enable_resources_list_changed()
            .enable_prompts()
            .enable_prompts_list_changed()
            .enable_completions();
        ServerConfig::new(capabilities.build())
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        // Changes before this one was heard are told too: a test need not wait for it.
        let mut changes = self.changes.subscribe();
        if *changes.borrow() > 0 {
            changes.mark_changed();
        }
        loop {
            tokio::select! {
                _ = changes.changed() => context.sink().notify_resource_list_changed().await.unwrap(),
                () = context.cancelled() => return Ok(()),
            }
        }
    }

    async fn list_tools(&self, _: Option<PaginatedRequestParams>, _: RequestContext<RoleServer>) -> Result<ListToolsResult, ErrorData> {
        let schema = json!({"type": "object", "properties": {}});
        let tool = |name: &'static str| Tool::new(name, "", schema.as_object().unwrap().clone());
        Ok(ListToolsResult::with_all_items(vec![tool("grow"), tool("work")]))
    }

    async fn call_tool(&self, request: CallToolRequestParams, context: RequestContext<RoleServer>) -> Result<CallToolResponse, ErrorData> {
        if request.name == "grow" {
            self.grow(&context).await;
        }
        let token = context.meta.get_progress_token().expect("a call has a token");
        // Not in order, and far more than anybody wants to hear.
        for step in [3.0, 1.0, 2.0].into_iter().chain((4..=1000).map(f64::from)) {
            let told = ProgressNotificationParam::new(token.clone(), step).with_total(1000.0).with_message("works");
            context.peer.notify_progress(told).await.unwrap();
        }
        Ok(CallToolResult::success(vec![ContentBlock::text("done")]).into())
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let first = Resource::new("note://first?x#y", "first").with_title("The first").with_mime_type("text/plain").with_size(6);
        let grown = self.grown.lock().iter().map(|name| Resource::new(format!("note://{name}"), *name)).collect::<Vec<_>>();
        Ok(ListResourcesResult::with_all_items([vec![first], grown].concat()))
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Ok(ListResourceTemplatesResult::with_all_items(vec![ResourceTemplate::new("note://{name}", "note")]))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        if request.uri == "note://none" {
            return Err(ErrorData::resource_not_found("no such note", None));
        }
        let text = ResourceContents::text(format!("text of {}", request.uri), request.uri);
        Ok(ReadResourceResult::new(vec![text, ResourceContents::blob("AAEC", "note://blob")]).into())
    }

    async fn list_prompts(&self, _: Option<PaginatedRequestParams>, _: RequestContext<RoleServer>) -> Result<ListPromptsResult, ErrorData> {
        let name = PromptArgument::new("name").with_required(true);
        let grown = self.grown.lock().iter().map(|name| Prompt::new(*name, None::<String>, None)).collect::<Vec<_>>();
        Ok(ListPromptsResult::with_all_items([vec![Prompt::new("greet", Some("Greets"), Some(vec![name]))], grown].concat()))
    }

    async fn get_prompt(&self, request: GetPromptRequestParams, _: RequestContext<RoleServer>) -> Result<GetPromptResponse, ErrorData> {
        let Some(name) = request.arguments.as_ref().and_then(|arguments| arguments.get("name")) else {
            return Err(ErrorData::invalid_params("`name` is missing", None));
        };
        let greeting = PromptMessage::new_text(Role::User, format!("{} {name}", request.name));
        let note = PromptMessage::new(Role::Assistant, ContentBlock::embedded_text("note://first", "a note"));
        Ok(GetPromptResult::new(vec![greeting, note]).with_description("Greets").into())
    }

    async fn complete(&self, request: CompleteRequestParams, _: RequestContext<RoleServer>) -> Result<CompleteResult, ErrorData> {
        let of = match &request.r#ref {
            Reference::Prompt(prompt) => &prompt.name,
            Reference::Resource(template) => &template.uri,
            _ => return Err(ErrorData::invalid_params("of what?", None)),
        };
        let values = vec![format!("{} of {of}", request.argument.name), request.argument.value];
        Ok(CompleteResult::new(CompletionInfo::with_all_values(values).unwrap()))
    }
}
