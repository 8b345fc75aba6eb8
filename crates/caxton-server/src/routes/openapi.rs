//! The description of the API, made from the handlers.

use super::{Limits, SCOPED, probes, scoped, unscoped};
use crate::App;
use axum::{http::header, response::IntoResponse};
use caxton_api::{Problem, schema};
use caxton_types::Code;
use std::sync::LazyLock;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ComponentsBuilder, Content, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, Required, ResponseBuilder, Schema,
        ServerBuilder, Type,
        path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem},
        request_body::RequestBody,
        schema::SchemaType,
        server::ServerVariableBuilder,
        tag::TagBuilder,
    },
};
use utoipa_axum::router::OpenApiRouter;

const DESCRIPTION: &str = "\
Agents, messages, conversations and the journal of a Caxton server.

Everything lives in a workspace. `/api/v1/…` without `workspaces/{workspace}` means the workspace `default`.

Errors are problems (RFC 9457) with `code`, `request_id`, `trace_id` and `hint`. A request may carry `X-Request-ID` and a W3C \
`traceparent`; every response carries both. Requests are answered under the names of the loopback interface only, and not for pages of \
another origin.";

static TEXT: LazyLock<String> = LazyLock::new(|| {
    let mut text = document().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
});

/// The description as JSON, as `openapi/caxton.json` holds it.
pub(crate) fn text() -> &'static str {
    &TEXT
}

/// Serves the description of the API.
#[utoipa::path(
    get, path = "/openapi.json", operation_id = "openapi", tag = "server",
    responses((status = 200, description = "This description (OpenAPI 3.1)", body = Object, content_type = "application/json"))
)]
pub(crate) async fn serve() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], text())
}

/// The description of the API.
pub(crate) fn document() -> OpenApi {
    let license = LicenseBuilder::new().name("MIT OR Apache-2.0").identifier(Some("MIT OR Apache-2.0")).build();
    let info = InfoBuilder::new().title("Caxton").version(env!("CARGO_PKG_VERSION")).description(Some(DESCRIPTION)).license(Some(license));
    let port = ServerVariableBuilder::new().default_value("8080").description(Some("`server.port`"));
    let server = ServerBuilder::new().url("http://127.0.0.1:{port}").description(Some("A server on this machine")).parameter("port", port);
    let base = OpenApiBuilder::new().info(info.build()).servers(Some([server.build()])).tags(Some(tags())).build();
    let limits = Limits::default();
    let (_, mut document) =
        OpenApiRouter::<App>::with_openapi(base).nest(SCOPED, scoped(&limits)).merge(unscoped(&limits)).merge(probes()).split_for_parts();
    describe_problems(&mut document);
    for (path, item) in &mut document.paths.paths {
        let in_workspace = path.starts_with(SCOPED);
        for operation in operations(item) {
            without_nulls(operation);
            if in_workspace {
                name_workspace(operation);
            }
            // No bytes at all are bytes too, an empty file; and nobody must give a reason.
            if matches!(operation.operation_id.as_deref(), Some("upload_blob" | "cancel_turn" | "approve" | "deny")) {
                operation.request_body.iter_mut().for_each(without_need);
            }
            add_problems(operation, in_workspace);
        }
    }
    document
}

fn tags() -> Vec<utoipa::openapi::Tag> {
    let tag = |(name, description)| TagBuilder::new().name(name).description(Some(description)).build();
    [
        ("agents", "What is deployed, and asking one agent directly"),
        ("messages", "FIPA-ACL messages to agents and capabilities"),
        ("conversations", "Messages that belong together"),
        ("turns", "What agents did, step by step; calling off, trying again, replaying, forking"),
        ("approvals", "Decisions that turns ask people for"),
        ("tools", "What there is to call, what it may touch, and calling it without an agent"),
        ("blobs", "Bytes that messages and deployments refer to"),
        ("events", "The journal, as pages or as a stream"),
        ("deployments", "How a workspace came to be"),
        ("budgets", "What work may cost, and what it has cost"),
        ("server", "The server itself"),
    ]
    .map(tag)
    .into()
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, delete, head, patch, .. } = item;
    [get, put, post, delete, head, patch].into_iter().filter_map(Option::as_mut)
}

/// A parameter that is not given is absent: there is no null in a path, a query or a header.
fn without_nulls(operation: &mut Operation) {
    for parameter in operation.parameters.iter_mut().flatten() {
        let RefOr::T(Parameter { schema: Some(schema), .. }) = parameter else { continue };
        let only = match schema {
            RefOr::T(Schema::OneOf(choices)) => choices.items.iter().find(|choice| matches!(choice, RefOr::Ref(_))).cloned(),
            RefOr::T(Schema::Object(object)) => {
                if let SchemaType::Array(types) = &object.schema_type
                    && let Some(kind) = types.iter().find(|kind| **kind != Type::Null)
                {
                    object.schema_type = SchemaType::Type(kind.clone());
                }
                None
            }
            _ => None,
        };
        if let Some(only) = only {
            *schema = only;
        }
    }
}

fn without_need(body: &mut RefOr<RequestBody>) {
    if let RefOr::T(body) = body {
        body.required = Some(Required::False);
    }
}

fn name_workspace(operation: &mut Operation) {
    let workspace = ParameterBuilder::new()
        .name("workspace")
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .description(Some("The workspace"))
        .schema(Some(Ref::from_schema_name(schema::WorkspaceName::name())))
        .build();
    operation.parameters.get_or_insert_default().insert(0, workspace.into());
}

/// Errors that a request can meet whatever it asks for.
const ALWAYS: [Code; 5] = [Code::Invalid, Code::Denied, Code::Internal, Code::Unavailable, Code::Deadline];
/// Errors that only a request to a workspace can meet.
const SCOPED_ONLY: [Code; 2] = [Code::NotFound, Code::Exhausted];
/// Errors that only a request with a body can meet.
const BODY_ONLY: [Code; 3] = [Code::TooLarge, Code::Unsupported, Code::Conflict];

fn add_problems(operation: &mut Operation, in_workspace: bool) {
    let scoped = SCOPED_ONLY.iter().filter(|_| in_workspace);
    let body = BODY_ONLY.iter().filter(|_| operation.request_body.is_some());
    for code in ALWAYS.iter().chain(scoped).chain(body) {
        let response = || RefOr::Ref(Ref::from_response_name(response_name(*code)));
        operation.responses.responses.entry(code.http().to_string()).or_insert_with(response);
    }
}

fn response_name(code: Code) -> String {
    let mut name = String::from("Problem");
    for word in code.as_str().split('_') {
        let mut letters = word.chars();
        name.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        name.push_str(letters.as_str());
    }
    name
}

/// The schemas that only parameters refer to.
fn of_parameters() -> Vec<(String, RefOr<Schema>)> {
    fn named<T: ToSchema>() -> (String, RefOr<Schema>) {
        (T::name().into(), T::schema())
    }
    vec![
        named::<caxton_api::ApprovalState>(),
        named::<caxton_api::TurnState>(),
        named::<schema::AgentName>(),
        named::<schema::ApprovalId>(),
        named::<schema::ConfigKey>(),
        named::<schema::ConversationId>(),
        named::<schema::Digest>(),
        named::<schema::Kinds>(),
        named::<schema::MessageId>(),
        named::<schema::Person>(),
        named::<schema::Timestamp>(),
        named::<schema::ToolName>(),
        named::<schema::TurnId>(),
        named::<schema::WorkspaceName>(),
    ]
}

fn describe_problems(document: &mut OpenApi) {
    let components = document.components.get_or_insert_with(|| ComponentsBuilder::new().build());
    components.schemas.insert(Problem::name().into(), Problem::schema());
    let mut schemas = of_parameters();
    <Problem as ToSchema>::schemas(&mut schemas);
    components.schemas.extend(schemas);
    for code in ALWAYS.iter().chain(&SCOPED_ONLY).chain(&BODY_ONLY) {
        let content = Content::new(Some(Ref::from_schema_name(Problem::name())));
        let response = ResponseBuilder::new().description(format!("`{code}`")).content(Problem::MEDIA_TYPE, content).build();
        components.responses.insert(response_name(*code), response.into());
    }
}
