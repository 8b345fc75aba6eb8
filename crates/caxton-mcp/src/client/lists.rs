//! What a server offers: its tools, resources and prompts, page by page and within bounds.

use super::{
    Client, convert,
    error::Error,
    types::{Content, Prompt, PromptMessage, Resource, Tool},
};
use rmcp::{
    model::{
        GetPromptRequestParams, GetPromptResponse, JsonObject, PaginatedRequestParams, ReadResourceRequestParams, ReadResourceResponse,
    },
    service::ServiceError,
};

/// The most pages of one list: a server that sends empty ones ends somewhere too.
const PAGES_MAX: usize = 1000;

impl Client {
    /// Its tools; none where it says that it has none.
    pub async fn tools(&self) -> Result<Vec<Tool>, Error> {
        if !self.offers(|capabilities| capabilities.tools.is_some()) {
            return Ok(vec![]);
        }
        let tools =
            self.pages("tools", |params| async move { self.peer().list_tools(params).await.map(|page| (page.tools, page.next_cursor)) });
        Ok(tools.await?.into_iter().map(convert::tool).collect())
    }

    /// Its resources.
    pub async fn resources(&self) -> Result<Vec<Resource>, Error> {
        if !self.offers(|capabilities| capabilities.resources.is_some()) {
            return Ok(vec![]);
        }
        let resources = self.pages("resources", |params| async move {
            self.peer().list_resources(params).await.map(|page| (page.resources, page.next_cursor))
        });
        Ok(resources.await?.into_iter().map(convert::resource).collect())
    }

    /// Its prompts.
    pub async fn prompts(&self) -> Result<Vec<Prompt>, Error> {
        if !self.offers(|capabilities| capabilities.prompts.is_some()) {
            return Ok(vec![]);
        }
        let prompts = self
            .pages("prompts", |params| async move { self.peer().list_prompts(params).await.map(|page| (page.prompts, page.next_cursor)) });
        Ok(prompts.await?.into_iter().map(convert::prompt).collect())
    }

    /// The contents of a resource.
    pub async fn read(&self, uri: &str) -> Result<Vec<Content>, Error> {
        let asked = self.peer().read_resource_once(ReadResourceRequestParams::new(uri));
        match self.within(asked).await? {
            ReadResourceResponse::Complete(result) => Ok(result.contents.into_iter().map(convert::resource_contents).collect()),
            _ => Err(self.unexpected("a resource with a question")),
        }
    }

    /// A prompt, written out.
    pub async fn prompt(&self, name: &str, arguments: JsonObject) -> Result<Vec<PromptMessage>, Error> {
        let asked = self.peer().get_prompt_once(GetPromptRequestParams::new(name).with_arguments(arguments));
        match self.within(asked).await? {
            GetPromptResponse::Complete(result) => Ok(result.messages.into_iter().map(convert::prompt_message).collect()),
            _ => Err(self.unexpected("a prompt with a question")),
        }
    }

    async fn pages<T, F>(&self, what: &'static str, page: impl Fn(Option<PaginatedRequestParams>) -> F) -> Result<Vec<T>, Error>
    where
        F: Future<Output = Result<(Vec<T>, Option<String>), ServiceError>>,
    {
        let len_max = self.options.entries_max;
        let too_many = || Error::TooMany { server: self.options.name.clone(), what, len_max };
        let all = async {
            let (mut found, mut cursor) = (Vec::new(), None);
            for _ in 0..PAGES_MAX {
                let params = PaginatedRequestParams::default().with_cursor(cursor.take());
                let (entries, next) = page(Some(params)).await.map_err(|error| self.service(error))?;
                found.extend(entries);
                if found.len() > len_max {
                    return Err(too_many());
                }
                cursor = next;
                if cursor.is_none() {
                    return Ok(found);
                }
            }
            Err(too_many())
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
