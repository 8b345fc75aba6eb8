//! Somebody's MCP server whose tools ask people in the middle of a call.

use crate::mounted::Mounted;
use anyhow::Result;
use caxton_mcp::rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ElicitRequest, ElicitRequestParams, ElicitationAction,
        InputRequest, InputRequests, InputRequiredResult, ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
        ToolAnnotations,
    },
    service::RequestContext,
};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::Notify;

/// The server; its copies share what they tell.
#[derive(Clone, Default)]
struct Theirs {
    called_off: Arc<Notify>,
}

/// It runs until dropped.
pub(super) struct Served {
    pub(super) at: Mounted,
    /// A call was called off while it asked.
    pub(super) called_off: Arc<Notify>,
}

pub(super) async fn serve() -> Result<Served> {
    let theirs = Theirs::default();
    let called_off = Arc::clone(&theirs.called_off);
    Ok(Served { at: Mounted::new(theirs, |router| router).await?, called_off })
}

/// What a tool asks, one after the other.
fn questions(tool: &str) -> Vec<ElicitRequestParams> {
    let form = |message: &str, properties: Value, required: Value| ElicitRequestParams::FormElicitationParams {
        meta: None,
        message: message.into(),
        requested_schema: serde_json::from_value(json!({"type": "object", "properties": properties, "required": required})).unwrap(),
    };
    match tool {
        "ticket" | "look" => vec![form("For whom?", json!({"name": {"type": "string", "title": "A name"}}), json!(["name"]))],
        "order" => {
            let seats = json!({"type": "integer", "minimum": 1, "maximum": 9});
            let url = ElicitRequestParams::UrlElicitationParams {
                meta: None,
                message: "Pay for it.".into(),
                url: "https://example.org/pay".into(),
                elicitation_id: "pay-1".into(),
            };
            vec![form("Which seats?", json!({"row": {"type": "string", "enum": ["front", "back"]}, "seats": seats}), json!(["seats"])), url]
        }
        _ => vec![],
    }
}

impl Theirs {
    /// In sessions the server asks by requests of its own.
    async fn ask(&self, tool: &str, context: &RequestContext<RoleServer>) -> Result<Vec<Value>, ErrorData> {
        let mut answers = Vec::new();
        for question in questions(tool) {
            // Of a call that is called off the question may be answered before that is heard.
            let cancelled = async {
                context.ct.cancelled().await;
                self.called_off.notify_one();
                std::future::pending().await
            };
            let answer = tokio::select! {
                answer = context.peer.create_elicitation(question) => answer,
                never = cancelled => never,
            };
            let answer = answer.map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
            if answer.action == ElicitationAction::Cancel {
                self.called_off.notify_one();
            }
            answers.push(serde_json::to_value(answer).unwrap());
        }
        Ok(answers)
    }
}

/// Where each request stands alone, a result says what is missing; the answers so far are in the state.
fn ask_for_more(request: &CallToolRequestParams) -> Result<Vec<Value>, Box<InputRequiredResult>> {
    let mut answers: Vec<Value> = request.request_state.as_ref().map_or_else(Vec::new, |state| serde_json::from_str(state).unwrap());
    answers.extend(request.input_responses.as_ref().map(|given| given["q"].clone()));
    let Some(next) = questions(&request.name).into_iter().nth(answers.len()) else { return Ok(answers) };
    let wanted = InputRequests::from([("q".to_owned(), InputRequest::Elicitation(ElicitRequest::new(next)))]);
    Err(Box::new(InputRequiredResult::new(Some(wanted), Some(json!(answers).to_string()))))
}

impl ServerHandler for Theirs {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn list_tools(&self, _: Option<PaginatedRequestParams>, _: RequestContext<RoleServer>) -> Result<ListToolsResult, ErrorData> {
        let schema = json!({"type": "object", "properties": {}});
        let tool = |name: &'static str| Tool::new(name, format!("does `{name}`"), schema.as_object().unwrap().clone());
        let look = tool("look").with_annotations(ToolAnnotations::new().read_only(true));
        Ok(ListToolsResult::with_all_items(vec![tool("ticket"), tool("order"), tool("count"), look]))
    }

    async fn call_tool(&self, request: CallToolRequestParams, context: RequestContext<RoleServer>) -> Result<CallToolResponse, ErrorData> {
        let answers = if context.protocol_version().is_none_or(|version| version.has_initialize()) {
            self.ask(&request.name, &context).await?
        } else {
            match ask_for_more(&request) {
                Ok(answers) => answers,
                Err(wanted) => return Ok((*wanted).into()),
            }
        };
        Ok(CallToolResult::success(vec![ContentBlock::text(format!("{} {}", request.name, json!(answers)))]).into())
    }
}
