//! Tools: the agents of the workspace, and its tools themselves.

use super::{
    Front, Visit, answer, ask, attachments,
    direct::{Came, Running},
    form, said,
    session::Log,
    telling::Telling,
};
use caxton_mcp::{
    rmcp::{
        RoleServer,
        model::{
            CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorData, InputRequiredResult, InputResponses,
            JsonObject, ListToolsResult, LoggingLevel, Tool, ToolAnnotations,
        },
        service::RequestContext,
    },
    server::{Asked, Progress, ask as ask_client, elicitation, error, is_modern, page},
};
use caxton_runtime::{DirectCall, DirectCalled, Error};
use caxton_store::Workspace;
use caxton_tools::Tools;
use caxton_types::{Attachment, Code, Digest, Fault, Ruling, ToolDefinition};
use serde_json::{Value, json};
use std::{fmt::Write as _, sync::Arc};

/// Many clients read the first page only.
const PAGE_LEN: usize = 500;
/// Under this name a client is asked whether a call may be made.
const APPROVAL: &str = "approval";

pub(super) async fn list(front: &Front, cursor: Option<String>) -> Result<ListToolsResult, ErrorData> {
    let agents = front.agents().await?;
    let tools = front.app.tools.available(&front.caller.workspace);
    let callable = tools.iter().filter(|tool| !Tools::is_of_turn(&tool.id)).map(|found| tool(found, has_files(front, found)));
    let all = agents.iter().map(ask::tool).chain(callable).collect();
    let (tools, next_cursor) = page(all, |tool| &tool.name, cursor.as_deref(), PAGE_LEN)?;
    Ok(ListToolsResult { next_cursor, ..ListToolsResult::with_all_items(tools) })
}

/// The tool of this name, where finding it takes no reading.
pub(super) fn defined(front: &Front, name: &str) -> Option<Tool> {
    front.app.tools.named(&front.caller.workspace, name).ok().map(|found| tool(&found, has_files(front, &found)))
}

fn has_files(front: &Front, tool: &ToolDefinition) -> bool {
    front.app.tools.sees_files(&front.caller.workspace, tool)
}

fn tool(definition: &ToolDefinition, takes_files: bool) -> Tool {
    let id = &definition.id;
    let mut schema = object(&definition.input_schema).unwrap_or_else(|| JsonObject::from_iter([("type".to_owned(), json!("object"))]));
    if takes_files {
        let key = attachments::key(&schema);
        if let Some(properties) = schema.entry("properties").or_insert_with(|| json!({})).as_object_mut() {
            properties.insert(key, attachments::schema());
        }
    }
    let described = if definition.description.is_empty() { format!("The tool {id}.") } else { definition.description.clone() };
    let hints = definition.annotations;
    let annotations = ToolAnnotations::new()
        .read_only(hints.read_only_hint)
        .destructive(hints.destructive_hint)
        .idempotent(hints.idempotent_hint)
        .open_world(hints.open_world_hint);
    let mut tool = Tool::new(id.model_name(), described, Arc::new(schema)).with_annotations(annotations);
    // The older era knows results that are objects only.
    tool.output_schema =
        definition.output_schema.as_ref().and_then(object).filter(|schema| schema.get("type") == Some(&json!("object"))).map(Arc::new);
    tool
}

fn object(value: &Value) -> Option<JsonObject> {
    value.as_object().cloned()
}

/// Calls a tool of the workspace for the client, under the same rules as every other call outside of turns.
pub(super) async fn call(
    front: &Front,
    visit: Visit,
    request: CallToolRequestParams,
    context: RequestContext<RoleServer>,
) -> Result<CallToolResponse, ErrorData> {
    let definition = match front.app.tools.named(&front.caller.workspace, &request.name) {
        Ok(definition) => definition,
        // A tool that nobody knows is a mistake of the request, as the specification says; that its server is not there now is none.
        Err(unknown) if unknown.code() == Code::NotFound => {
            return Err(error(Code::Invalid, unknown.to_string(), unknown.hint().as_deref()));
        }
        Err(absent) => return refused(absent.into(), vec![]),
    };
    let Some(workspace) = front.workspace()? else {
        return Err(error(Code::NotFound, "nothing is deployed in this workspace yet", Some("deploy into it first")));
    };
    let mut arguments = request.arguments.clone().unwrap_or_default();
    let files = match object(&definition.input_schema).filter(|_| has_files(front, &definition)) {
        Some(schema) => attachments::keep(&workspace, arguments.remove(&attachments::key(&schema)).as_ref()).await?,
        None => vec![],
    };
    let arguments = Value::Object(arguments);
    let wanted = Wanted { definition: &definition, arguments: &arguments, files: &files };
    let subject = wanted.subject(front, &visit);
    let taken_up = request.request_state.as_deref().and_then(|word| front.parked.take(word, subject));
    // Answers count only where they were asked for, by this very call.
    let (running, given) = if let Some(running) = taken_up {
        (running, request.input_responses)
    } else {
        let approved = match agreed(front, &wanted, subject, &request, &context).await? {
            Agreed::Yes => true,
            Agreed::NotNeeded => false,
            Agreed::No(why) => return Ok(answer::failed(why).into()),
            Agreed::Asked(asks) => return Ok((*asks).into()),
        };
        let call = DirectCall::new(definition.id.to_string(), arguments);
        let call = DirectCall { approved, attachments: files, trace: Some(visit.trace), ..call };
        (Running::begin(front, &visit, &workspace, call, &context), None)
    };
    run(front, &workspace, &definition, subject, running, given, context).await
}

/// Goes on with a call to its end, or until the client has to ask somebody.
async fn run(
    front: &Front,
    workspace: &Workspace,
    definition: &ToolDefinition,
    subject: Digest,
    running: Box<Running>,
    given: Option<InputResponses>,
    context: RequestContext<RoleServer>,
) -> Result<CallToolResponse, ErrorData> {
    let log = Log::new(front, &context, definition.id.to_string());
    let telling = Telling::begin(Progress::of(&context)).await;
    log.write(LoggingLevel::Info, json!("called")).await;
    let (called, unanswered) = match running.go_on(front, &context, subject, given, telling).await? {
        Came::ToEnd(called, unanswered) => (called, unanswered),
        Came::ToQuestion(asks) => return Ok((*asks).into()),
    };
    log.write(LoggingLevel::Info, json!(if called.is_ok() { "ended" } else { "failed" })).await;
    match *called {
        Ok(called) => {
            log.write(LoggingLevel::Debug, serde_json::to_value(called.metering).unwrap_or_default()).await;
            let mut result = result(workspace, called).await?;
            result.content.extend(unanswered.into_iter().map(ContentBlock::text));
            Ok(result.into())
        }
        Err(failed) => refused(failed, unanswered),
    }
}

async fn result(workspace: &Workspace, called: DirectCalled) -> Result<CallToolResult, ErrorData> {
    let DirectCalled { result, .. } = called;
    let mut content = Vec::new();
    if !result.text.is_empty() || result.files.is_empty() {
        content.push(ContentBlock::text(result.text));
    }
    content.extend(answer::files(workspace, &result.files).await?);
    let mut answer = if result.is_error { CallToolResult::error(content) } else { CallToolResult::success(content) };
    answer.structured_content = result.structured.filter(Value::is_object);
    Ok(answer)
}

/// What the model of the client can learn from and do better is a result; the rest is an error of the protocol.
fn refused(failed: Error, unanswered: Vec<String>) -> Result<CallToolResponse, ErrorData> {
    if failed.code() == Code::Internal {
        return Err(said(failed));
    }
    let hint = failed.hint().map(|hint| format!("\n{hint}")).unwrap_or_default();
    let mut result = answer::failed(format!("{failed}{hint}"));
    result.content.extend(unanswered.into_iter().map(ContentBlock::text));
    Ok(result.into())
}

enum Agreed {
    Yes,
    NotNeeded,
    No(String),
    Asked(Box<InputRequiredResult>),
}

/// A call that somebody must agree to.
struct Wanted<'c> {
    definition: &'c ToolDefinition,
    arguments: &'c Value,
    files: &'c [Attachment],
}

impl Wanted<'_> {
    /// What exactly is agreed to, and by whom.
    fn subject(&self, front: &Front, visit: &Visit) -> Digest {
        let ToolDefinition { id, digest, .. } = self.definition;
        let files: Vec<_> = self.files.iter().map(|file| (&file.name, file.digest.to_string())).collect();
        let (workspace, who) = (front.caller.workspace.to_string(), &visit.caller.who);
        Digest::of(
            json!([workspace, who, id.to_string(), digest.map(|digest| digest.to_string()), self.arguments, files]).to_string().as_bytes(),
        )
    }

    fn question(&self) -> String {
        let mut question = format!("May `{}` be called with these arguments?\n{:#}", self.definition.id, self.arguments);
        for file in self.files {
            let _ = write!(question, "\nwith the file {} ({} bytes)", file.name, file.size);
        }
        question
    }
}

/// Whether whoever sits at the client agrees to exactly this call, where somebody must.
async fn agreed(
    front: &Front,
    wanted: &Wanted<'_>,
    subject: Digest,
    request: &CallToolRequestParams,
    context: &RequestContext<RoleServer>,
) -> Result<Agreed, ErrorData> {
    let id = &wanted.definition.id;
    // An answer counts once, and only where we asked for it, about this very call.
    let is_ours = request.request_state.as_deref().is_some_and(|word| front.consents.take(word, subject));
    if request.request_state.is_some() && is_modern(context) && !is_ours {
        let why = format!("`requestState` was not given for this call of `{id}`, was used already, or is too old");
        return Err(error(Code::Invalid, why, Some("send the request again without it, to be asked anew")));
    }
    if !Tools::handling(wanted.definition, wanted.arguments).needs_approval {
        return Ok(Agreed::NotNeeded);
    }
    let given = request.input_responses.as_ref().filter(|given| is_ours && given.contains_key(APPROVAL));
    let question = elicitation(wanted.question(), form::yes_or_no());
    let requests = question.map(|question| (APPROVAL.to_owned(), question)).into_iter().collect();
    let state = if is_modern(context) && given.is_none() { front.consents.open(subject) } else { String::new() };
    Ok(match ask_client(context, requests, given, state).await? {
        Asked::Answered(answers) => {
            let yes = form::ruling(form::Takes::Consent, answers.get(APPROVAL).unwrap_or(&Value::Null)) == Some(Ruling::Approved);
            if yes { Agreed::Yes } else { Agreed::No(format!("`{id}` was not called: it needs approval, and that was not given")) }
        }
        Asked::Later(asks) => Agreed::Asked(asks),
        Asked::Unable => Agreed::No(format!(
            "`{id}` was not called: a person must approve it, and this client cannot ask one. \
             Ask an agent that may use it (its call then waits in `caxton approvals list`), or use a client that supports elicitation."
        )),
    })
}
