//! A tool server: its code, what it may use, and the schemas that guard it.

use crate::{Error, built_in::BuiltIn, listing::ServerKind, remote::Link, schema};
use caxton_sandbox::{Component, Limits, Reuse};
use caxton_types::{Digest, Loaded, Permissions, Running, ToolDefinition, ToolId, ToolPolicy, ToolServer};
use foldhash::fast::RandomState;
use jsonschema::Validator;
use std::{collections::HashMap, sync::Arc};

/// What a workspace's tool may use and see.
#[derive(Debug, Clone, PartialEq)]
pub struct Grant {
    pub limits: Limits,
    /// Whether it may read the files that came with a request.
    pub attachments: bool,
    /// What it may touch beyond its own memory.
    pub permissions: Arc<Permissions>,
    /// Whether and how an instance may serve one call after the other and so see what the last one left.
    pub reuse: Option<Reuse>,
}

/// What answers the calls of a running server.
#[derive(Debug)]
pub(crate) enum Module {
    Component {
        component: Component,
        grant: Grant,
    },
    BuiltIn(Box<dyn BuiltIn>),
    /// A server of others.
    Remote(Link),
    /// Performed by the turn itself: see [`crate::TurnTool`].
    Turn,
}

impl Module {
    fn grant(&self) -> Option<&Grant> {
        match self {
            Self::Component { grant, .. } => Some(grant),
            Self::BuiltIn(_) | Self::Remote(_) | Self::Turn => None,
        }
    }
}

/// A server that takes calls.
#[derive(Debug)]
pub(crate) struct Server {
    life: ToolServer<Running<Module>>,
    validators: HashMap<ToolId, Validator, RandomState>,
}

impl Server {
    pub(crate) fn name(&self) -> &str {
        self.life.name()
    }

    pub(crate) fn module(&self) -> &Module {
        self.life.module()
    }

    pub(crate) fn tools(&self) -> &[ToolDefinition] {
        self.life.tools()
    }

    /// What checks the arguments of a tool, if the server has that tool.
    pub(crate) fn validator(&self, id: &ToolId) -> Option<&Validator> {
        self.validators.get(id)
    }

    /// What stands behind it.
    pub(crate) fn kind(&self) -> ServerKind {
        match self.module() {
            Module::Component { .. } => ServerKind::Component,
            Module::BuiltIn(_) => ServerKind::BuiltIn,
            Module::Remote(_) => ServerKind::Remote,
            Module::Turn => ServerKind::Turn,
        }
    }

    /// What it was granted, where that was for somebody to decide.
    pub(crate) fn grant(&self) -> Option<&Grant> {
        self.module().grant()
    }

    /// Another has come in its place: only turns under way call it.
    pub(crate) fn retire(&self) {
        if let Module::Component { component, .. } = self.module() {
            component.retire();
        }
    }

    /// The digest of its code, where that is ours to run.
    pub(crate) fn digest(&self) -> Option<Digest> {
        match self.module() {
            Module::Component { component, .. } => Some(component.digest()),
            Module::BuiltIn(_) | Module::Remote(_) | Module::Turn => None,
        }
    }
}

/// A server whose code is compiled and whose tools are known; it takes calls after [`crate::Tools::install`].
#[derive(Debug)]
pub struct LoadedServer {
    life: ToolServer<Loaded<Module>>,
    definitions: Vec<ToolDefinition>,
    validators: HashMap<ToolId, Validator, RandomState>,
}

impl LoadedServer {
    pub(crate) fn new(name: &str, module: Module, definitions: Vec<ToolDefinition>) -> Result<Self, Error> {
        let mut validators = HashMap::default();
        for definition in &definitions {
            let validator = schema::compile(&definition.input_schema).map_err(|reason| Error::Schema {
                server: name.into(),
                tool: definition.id.tool().into(),
                reason,
            })?;
            validators.insert(definition.id.clone(), validator);
        }
        Ok(Self { life: ToolServer::new(name).load(module), definitions, validators })
    }

    /// The server's name.
    pub fn name(&self) -> &str {
        self.life.name()
    }

    /// What it was granted, where that was for somebody to decide.
    pub fn grant(&self) -> Option<&Grant> {
        self.life.module().grant()
    }

    /// The tools that it will offer.
    pub fn definitions(&self) -> &[ToolDefinition] {
        &self.definitions
    }

    /// Takes its author's word on how each of its tools is handled.
    #[must_use]
    pub fn with_policies(mut self, of: impl Fn(&ToolId) -> ToolPolicy) -> Self {
        for definition in &mut self.definitions {
            definition.policy = of(&definition.id);
        }
        self
    }

    pub(crate) fn start(self) -> Arc<Server> {
        Arc::new(Server { life: self.life.start(self.definitions), validators: self.validators })
    }
}
