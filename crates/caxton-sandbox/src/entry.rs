//! How a component of each kind is asked for its tools, and how a tool of it is called.
//!
//! A kind is one way in; store, limits and accounting around it are the same for all.

use wasmtime::{
    Store,
    component::{Instance, Val},
};

use crate::{
    bindings::{Tool, ToolError, ToolServer, ToolServerPre},
    host::Host,
    module::Module,
    reflect::Reflected,
};

/// A linked component.
pub(crate) struct Entry {
    pub(crate) way: Way,
    /// How many slots an instance takes.
    pub(crate) slots: u32,
}

/// The way into a component.
pub(crate) enum Way {
    /// It implements the world `tool-server`.
    Typed(ToolServerPre<Host>),
    /// Its functions are the tools.
    Reflect(Reflected),
    /// It was a core module.
    Module(Module),
}

/// An instance, ready to be asked.
pub(crate) enum Live {
    Typed(ToolServer),
    Reflect(Instance),
    Module(Instance),
}

/// What is asked of a guest.
pub(crate) enum Request {
    List,
    Call { tool: String, arguments_json: String, idempotency_key: Option<String> },
}

/// What a guest answers.
pub(crate) enum Reply {
    Tools(Vec<Tool>),
    Called(Result<String, ToolError>),
}

impl Request {
    pub(crate) fn is_call(&self) -> bool {
        match self {
            Self::Call { .. } => true,
            Self::List => false,
        }
    }
}

impl Way {
    /// Whether the guest is asked what its tools are; of others their types say so.
    pub(crate) fn asks_the_guest(&self) -> bool {
        match self {
            Self::Typed(_) | Self::Module(_) => true,
            Self::Reflect(_) => false,
        }
    }
}

impl Entry {
    async fn instantiate(&self, store: &mut Store<Host>) -> wasmtime::Result<Live> {
        Ok(match &self.way {
            Way::Typed(pre) => Live::Typed(pre.instantiate_async(store).await?),
            Way::Reflect(reflected) => Live::Reflect(reflected.instantiate(store).await?),
            Way::Module(module) => Live::Module(module.instantiate(store).await?),
        })
    }

    /// Asks an instance, which is made where there is none yet.
    pub(crate) async fn ask(&self, live: &mut Option<Live>, store: &mut Store<Host>, request: &Request) -> wasmtime::Result<Reply> {
        let live = match live {
            Some(live) => live,
            // Apart, as most of a run's size would be for it.
            None => live.insert(Box::pin(self.instantiate(store)).await?),
        };
        match (&self.way, &*live) {
            (Way::Typed(_), Live::Typed(server)) => ask_typed(server, store, request).await,
            (Way::Reflect(reflected), Live::Reflect(instance)) => match request {
                Request::List => Ok(Reply::Tools(reflected.tools())),
                Request::Call { tool, arguments_json, .. } => {
                    Ok(Reply::Called(reflected.call(instance, store, tool, arguments_json).await?))
                }
            },
            (Way::Module(module), Live::Module(instance)) => match request {
                Request::List => Ok(Reply::Tools(module.tools(instance, store).await?)),
                Request::Call { tool, arguments_json, idempotency_key } => {
                    let key = idempotency_key.as_deref();
                    Ok(Reply::Called(module.call(instance, store, tool, arguments_json, key).await?))
                }
            },
            (Way::Typed(_) | Way::Reflect(_) | Way::Module(_), _) => Err(wasmtime::format_err!("the instance is of another component")),
        }
    }

    /// How much of the host one byte of a result takes at most: text may be UTF-16 in the guest, and values whose type is not
    /// known before take more than their bytes.
    pub(crate) fn result_weight(&self) -> usize {
        match self.way {
            Way::Typed(_) | Way::Module(_) => size_of::<u16>(),
            Way::Reflect(_) => size_of::<Val>(),
        }
    }
}

async fn ask_typed(server: &ToolServer, store: &mut Store<Host>, request: &Request) -> wasmtime::Result<Reply> {
    let tools = server.caxton_tool_tools();
    match request {
        Request::List => Ok(Reply::Tools(tools.call_list_tools(store).await?)),
        Request::Call { tool, arguments_json, .. } => Ok(Reply::Called(tools.call_call_tool(store, tool, arguments_json).await?)),
    }
}
