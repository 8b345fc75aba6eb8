//! The methods of MCP, each handed to the file that knows its subject.

use super::{Front, ask, changes, complete, prompts, resources, tools};
use caxton_mcp::{
    rmcp::{
        RoleServer, ServerHandler,
        model::{
            CallToolRequestParams, CallToolResponse, CompleteRequestParams, CompleteResult, ErrorData, GetPromptRequestParams,
            GetPromptResponse, Implementation, ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult, ListToolsResult,
            PaginatedRequestParams, ReadResourceRequestParams, ReadResourceResponse, ServerCapabilities, ServerConfig,
            SetLevelRequestMethod, SetLevelRequestParams, SubscribeRequestParams, SubscriptionFilter, Tool, UnsubscribeRequestParams,
        },
        service::{NotificationContext, RequestContext, SubscriptionContext},
    },
    server::{error, is_modern},
};
use caxton_types::{Action, Code};

const INSTRUCTIONS: &str = "Tools named `ask_<agent>` send a message to an agent of this workspace and return its reply; pass \
    `conversation` from an earlier reply to go on with it. Tools named `<server>__<tool>` are called directly. Resources are what the agents remember, and \
    those of the MCP servers that the workspace uses.";

type Cursor = Option<PaginatedRequestParams>;

impl ServerHandler for Front {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_tool_list_changed()
            .enable_prompts()
            .enable_prompts_list_changed()
            .enable_resources()
            .enable_resources_list_changed()
            .enable_resources_subscribe()
            .enable_completions()
            .enable_logging()
            .build();
        let name = Implementation::new("caxton", env!("CARGO_PKG_VERSION")).with_title(format!("Caxton: {}", self.caller.workspace));
        ServerConfig::new(capabilities).with_server_info(name).with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(&self, request: Cursor, context: RequestContext<RoleServer>) -> Result<ListToolsResult, ErrorData> {
        self.visit(&context, Action::Read)?;
        tools::list(self, cursor(request)).await
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        tools::defined(self, name)
    }

    async fn call_tool(&self, request: CallToolRequestParams, context: RequestContext<RoleServer>) -> Result<CallToolResponse, ErrorData> {
        let visit = self.visit(&context, Action::Send)?;
        match ask::agent_of(self, &request.name).await? {
            Some(agent) => ask::ask(self, visit, agent, request, context).await,
            None => tools::call(self, visit, request, context).await,
        }
    }

    async fn list_prompts(&self, request: Cursor, context: RequestContext<RoleServer>) -> Result<ListPromptsResult, ErrorData> {
        self.visit(&context, Action::Read)?;
        prompts::list(self, cursor(request)).await
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let visit = self.visit(&context, Action::Read)?;
        prompts::get(self, &visit, request).await
    }

    async fn list_resources(&self, request: Cursor, context: RequestContext<RoleServer>) -> Result<ListResourcesResult, ErrorData> {
        self.visit(&context, Action::Read)?;
        resources::list(self, cursor(request)).await
    }

    async fn list_resource_templates(
        &self,
        request: Cursor,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        self.visit(&context, Action::Read)?;
        resources::templates(self, cursor(request).as_deref())
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let visit = self.visit(&context, Action::Read)?;
        resources::read(self, &visit, &request.uri).await
    }

    async fn subscribe(&self, request: SubscribeRequestParams, context: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        self.visit(&context, Action::Read)?;
        let entity = resources::watched(self, &request.uri)?;
        if !self.session.watch(resources::uri(self, &entity)) {
            return Err(error(Code::Exhausted, "this session watches too many resources already", Some("unsubscribe from some")));
        }
        Ok(())
    }

    async fn unsubscribe(&self, request: UnsubscribeRequestParams, context: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        self.visit(&context, Action::Read)?;
        let entity = resources::watched(self, &request.uri)?;
        self.session.unwatch(&resources::uri(self, &entity));
        Ok(())
    }

    async fn complete(&self, request: CompleteRequestParams, context: RequestContext<RoleServer>) -> Result<CompleteResult, ErrorData> {
        let visit = self.visit(&context, Action::Read)?;
        complete::complete(self, &visit, request).await
    }

    async fn set_level(&self, request: SetLevelRequestParams, context: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        // The later era asks for it per request.
        if is_modern(&context) {
            return Err(ErrorData::method_not_found::<SetLevelRequestMethod>());
        }
        self.session.set_level(request.level);
        Ok(())
    }

    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        if self.session.begin_telling() {
            changes::session(self, context.peer);
        }
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        let mut accepted = requested.clone();
        if let Some(watched) = &mut accepted.resource_subscriptions {
            watched.retain(|uri| resources::watched(self, uri).is_ok());
        }
        Some(accepted)
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        self.visit(context.request_context(), Action::Read)?;
        changes::subscription(self, &context).await
    }
}

fn cursor(request: Cursor) -> Option<String> {
    request.and_then(|request| request.cursor)
}
