//! What a server offers: its tools, resources and prompts, page by page and within bounds.

use super::{
    Client, convert,
    error::Error,
    types::{Listed, Tool},
};
use rmcp::{
    model::{
        CompleteRequestParams, CompletionInfo, GetPromptRequestParams, GetPromptResponse, GetPromptResult, JsonObject,
        PaginatedRequestParams, Prompt, ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, Resource, ResourceTemplate,
    },
    service::ServiceError,
};

/// The most pages of one list: a server that sends empty ones ends somewhere too.
const PAGES_MAX: usize = 1000;

impl Client {
    /// Its tools, all of them; none where it says that it has none.
    pub async fn tools(&self) -> Result<Vec<Tool>, Error> {
        if !self.offers(|capabilities| capabilities.tools.is_some()) {
            return Ok(vec![]);
        }
        let tools = self.pages(|params| async move { self.peer().list_tools(params).await.map(|page| (page.tools, page.next_cursor)) });
        let tools = tools.await?;
        if tools.is_cut {
            return Err(Error::TooMany { server: self.options.name.clone(), what: "tools", len_max: self.options.entries_max });
        }
        Ok(tools.entries.into_iter().map(convert::tool).collect())
    }

    /// Its resources.
    pub async fn resources(&self) -> Result<Listed<Resource>, Error> {
        if !self.offers(|capabilities| capabilities.resources.is_some()) {
            return Ok(Listed::default());
        }
        self.pages(|params| async move { self.peer().list_resources(params).await.map(|page| (page.resources, page.next_cursor)) }).await
    }

    /// The templates of resources that it does not list one by one.
    pub async fn resource_templates(&self) -> Result<Listed<ResourceTemplate>, Error> {
        if !self.offers(|capabilities| capabilities.resources.is_some()) {
            return Ok(Listed::default());
        }
        let templates = self.pages(|params| async move {
            self.peer().list_resource_templates(params).await.map(|page| (page.resource_templates, page.next_cursor))
        });
        templates.await
    }

    /// Its prompts.
    pub async fn prompts(&self) -> Result<Listed<Prompt>, Error> {
        if !self.offers(|capabilities| capabilities.prompts.is_some()) {
            return Ok(Listed::default());
        }
        self.pages(|params| async move { self.peer().list_prompts(params).await.map(|page| (page.prompts, page.next_cursor)) }).await
    }

    /// The contents of a resource.
    pub async fn read(&self, uri: &str) -> Result<ReadResourceResult, Error> {
        let asked = self.peer().read_resource_once(ReadResourceRequestParams::new(uri));
        match self.within(asked).await? {
            ReadResourceResponse::Complete(result) => Ok(result),
            _ => Err(self.unexpected("a resource with a question")),
        }
    }

    /// A prompt, written out.
    pub async fn prompt(&self, name: &str, arguments: JsonObject) -> Result<GetPromptResult, Error> {
        let asked = self.peer().get_prompt_once(GetPromptRequestParams::new(name).with_arguments(arguments));
        match self.within(asked).await? {
            GetPromptResponse::Complete(result) => Ok(result),
            _ => Err(self.unexpected("a prompt with a question")),
        }
    }

    /// What an argument that somebody begins to type may be; nothing where the server completes nothing.
    pub async fn complete(&self, params: CompleteRequestParams) -> Result<CompletionInfo, Error> {
        if !self.offers(|capabilities| capabilities.completions.is_some()) {
            return Ok(CompletionInfo::default());
        }
        Ok(self.within(self.peer().complete(params)).await?.completion)
    }

    /// As many entries as the bound allows.
    async fn pages<T, F>(&self, page: impl Fn(Option<PaginatedRequestParams>) -> F) -> Result<Listed<T>, Error>
    where
        F: Future<Output = Result<(Vec<T>, Option<String>), ServiceError>>,
    {
        let len_max = self.options.entries_max;
        let all = async {
            let (mut found, mut cursor) = (Vec::new(), None);
            for _ in 0..PAGES_MAX {
                let params = PaginatedRequestParams::default().with_cursor(cursor.take());
                let (entries, next) = page(Some(params)).await.map_err(|error| self.service(error))?;
                found.extend(entries);
                if found.len() > len_max {
                    break;
                }
                cursor = next;
                if cursor.is_none() {
                    return Ok(Listed { entries: found, is_cut: false });
                }
            }
            found.truncate(len_max);
            Ok(Listed { entries: found, is_cut: true })
        };
        let within = self.options.connect_timeout;
        tokio::time::timeout(within, all).await.unwrap_or_else(|_| Err(self.timeout(within)))
    }

    async fn within<T>(&self, asked: impl Future<Output = Result<T, ServiceError>>) -> Result<T, Error> {
        let within = self.options.idle_timeout;
        match tokio::time::timeout(within, asked).await {
            Ok(answer) => answer.map_err(|error| self.service(error)),
            Err(_) => Err(self.timeout(within)),
        }
    }
}
