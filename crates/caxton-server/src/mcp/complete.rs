//! Completion of what a person begins to type.

use super::{Front, Visit, others, prompts, resources, said};
use caxton_mcp::{
    rmcp::model::{CompleteRequestParams, CompleteResult, CompletionInfo, ErrorData, Reference},
    server::error,
};
use caxton_types::{Code, Scope};

pub(super) async fn complete(front: &Front, visit: &Visit, request: CompleteRequestParams) -> Result<CompleteResult, ErrorData> {
    if let Some(theirs) = others::complete(front, visit, &request).await? {
        return Ok(theirs);
    }
    let (name, begun) = (request.argument.name.as_str(), request.argument.value.as_str());
    let values = match &request.r#ref {
        Reference::Resource(template) if template.uri == resources::template(front) && name == resources::VARIABLE => {
            entities(front, begun).await?
        }
        Reference::Prompt(prompt) => prompts::values(front, &prompt.name, name).await?,
        _ => return Err(error(Code::Invalid, "there is nothing of this name to complete", None)),
    };
    let mut values: Vec<String> = values.into_iter().filter(|value| value.starts_with(begun)).collect();
    let more = values.len() > CompletionInfo::MAX_VALUES;
    values.truncate(CompletionInfo::MAX_VALUES);
    let completion = CompletionInfo::with_pagination(values, None, more).map_err(|reason| error(Code::Internal, reason, None))?;
    Ok(CompleteResult::new(completion))
}

async fn entities(front: &Front, begun: &str) -> Result<Vec<String>, ErrorData> {
    let Some(workspace) = front.workspace()? else { return Ok(vec![]) };
    let limit = u32::try_from(CompletionInfo::MAX_VALUES + 1).unwrap_or(u32::MAX);
    let rows = workspace.entities(Scope::Workspace, Some(begun), None, limit).await.map_err(said)?;
    Ok(rows.into_iter().map(|row| row.name.into()).collect())
}
