//! The services, built from the configuration.

use crate::Error;
use caxton_config::{
    Secret,
    server::{ChangedTools, McpPlace, McpProtocol, McpServer, ProviderKind, SandboxProfile, ServerConfig},
    workspace::Ceiling,
};
use caxton_deploy::{Pool, ToolBounds};
use caxton_llm::{Models, Provider};
use caxton_mcp::client::{self, Era, Hidden, Place, Program, Url};
use caxton_sandbox::{Profile, Sandbox, Secrets, WindowOptions};
use caxton_store::DiskBounds;
use caxton_tools::{HttpOptions, RemoteOptions, Tools};
use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

/// The most files of one deployment.
pub(crate) const FILES_MAX: usize = 10_000;

pub(crate) fn store(config: &ServerConfig) -> caxton_store::Options {
    caxton_store::Options {
        durability: config.storage.durability,
        durabilities: config.workspaces.keys().map(|name| (name.clone(), config.durability(name))).collect(),
        blob_len_max: config.limits.max_blob_size,
        disk: DiskBounds { used_max: config.retention.disk_max, free_min: config.retention.disk_free_min },
        ..caxton_store::Options::new(&config.data_dir)
    }
}

pub(crate) fn exchange(config: &ServerConfig) -> caxton_exchange::Options {
    caxton_exchange::Options {
        message_len_max: config.messaging.max_message_size,
        mailbox_len_max: config.messaging.queue_size,
        ..caxton_exchange::Options::default()
    }
}

pub(crate) fn runtime(config: &ServerConfig, drain: Duration) -> caxton_runtime::Options {
    caxton_runtime::Options {
        concurrent_turns_max: usize::try_from(config.runtime.max_agents).unwrap_or(usize::MAX),
        drain,
        approval_within: config.runtime.approval_timeout,
        budgets: caxton_runtime::Budgets::new(config.budgets),
        ..caxton_runtime::Options::default()
    }
}

pub(crate) fn deploy(config: &ServerConfig) -> caxton_deploy::Options {
    caxton_deploy::Options {
        files_max: FILES_MAX,
        file_len_max: config.limits.max_blob_size,
        tools: tool_bounds(config),
        ..caxton_deploy::Options::default()
    }
}

/// Where calls of tools lay their attachments out, and where compiled code is kept.
pub(crate) fn sandbox_dirs(config: &ServerConfig) -> [PathBuf; 2] {
    ["scratch", "compiled"].map(|dir| config.data_dir.join(dir))
}

/// What the sandbox of a server with this configuration is started with.
pub fn sandbox(config: &ServerConfig) -> caxton_sandbox::Options {
    let [scratch, compiled] = sandbox_dirs(config);
    let defaults = caxton_sandbox::Options::new(scratch);
    let wanted = &config.tools.sandbox;
    caxton_sandbox::Options {
        profile: match wanted.profile {
            SandboxProfile::Default => Profile::Default,
            SandboxProfile::Strict => Profile::Strict,
        },
        compiled_dir: Some(compiled),
        compiled_size_max: wanted.cache_size,
        slots: wanted.instances,
        waiting_instances_max: wanted.waiting_instances,
        code_idle_max: wanted.code_idle.get(),
        waiting_max: wanted.queue_size,
        wait_max: wanted.queue_timeout.get(),
        memory_max: defaults.memory_max.max(wanted.memory),
        agent_slots_max: (wanted.agent_instances > 0).then_some(wanted.agent_instances),
        handles_max: wanted.handles,
        random_len_max: wanted.random_size,
        table_entries_max: wanted.table_entries,
        stack: wanted.stack_size,
        component_size_max: wanted.component_size,
        compilations_max: wanted.compilations,
        limits: tool_limits(config),
        secrets: secrets(config),
        protected_paths: ours(config),
        windows: WindowOptions {
            window: wanted.agent_window.get(),
            calls: (wanted.agent_calls > 0).then_some(wanted.agent_calls),
            cpu: Some(wanted.agent_cpu.get()),
            egress: Some(wanted.agent_egress),
            disk: Some(wanted.agent_disk),
            ..WindowOptions::default()
        },
        ..defaults
    }
}

/// What tools may be given by name.
fn secrets(config: &ServerConfig) -> Secrets {
    let secrets = config.tools.secrets.clone();
    Secrets::new(move |name| secrets.get(name).map(|secret| secret.expose().into()))
}

/// What no tool is granted, whatever the operator allows: the server's own data, but for the directories that are tools' own.
fn ours(config: &ServerConfig) -> Vec<PathBuf> {
    let data = ["workspaces", "blobs", "compiled", "scratch", "global.db", "caxton.lock"].map(|name| config.data_dir.join(name));
    data.into()
}

/// What a call of a tool may use where its manifest says nothing.
pub(crate) fn tool_limits(config: &ServerConfig) -> caxton_sandbox::Limits {
    let wanted = &config.tools.sandbox;
    caxton_sandbox::Limits {
        memory: wanted.memory,
        wall: wanted.timeout.get(),
        cpu: wanted.cpu.get(),
        output: wanted.result_size,
        host_call: wanted.host_call_size,
        printed: wanted.printed_size,
        open_files: wanted.open_files,
        disk: wanted.disk,
        requests: wanted.requests,
        egress: wanted.egress,
        ingress: wanted.ingress,
    }
}

/// The most that tools of workspaces are granted.
pub(crate) fn tool_bounds(config: &ServerConfig) -> ToolBounds {
    let wanted = &config.tools.sandbox;
    ToolBounds {
        limits: tool_limits(config),
        pool: Pool { kept: config.runtime.agent_pool_size, waiting_max: wanted.waiting_instances },
        ceiling: Ceiling {
            readable: wanted.readable_directories.clone(),
            writable: wanted.writable_directories.clone(),
            private_hosts: wanted.private_hosts.clone(),
            secrets: config.tools.secrets.keys().cloned().collect(),
            own: config.data_dir.join("tools"),
            lenient: false,
        },
    }
}

/// The engine is built off the runtime: that takes some milliseconds of computing.
pub(crate) async fn tools(config: &ServerConfig) -> Result<Tools, Error> {
    let (sandbox, http) = (sandbox(config), &config.tools.http_client);
    let options = caxton_tools::Options {
        remotes: if config.mcp.enabled { config.mcp.servers.iter().map(|server| remote(server, config)).collect() } else { vec![] },
        http_client: HttpOptions {
            allowed_hosts: http.allowed_hosts.clone(),
            allowed_private_hosts: http.allowed_private_hosts.clone(),
            timeout: http.timeout.get(),
            response_len_max: http.max_response_size,
            ..HttpOptions::default()
        },
        directories: config.tools.directories.iter().map(granted).collect(),
        databases: config.tools.databases.iter().map(granted).collect(),
    };
    let built = tokio::task::spawn_blocking(move || Ok::<_, Error>(Tools::new(Sandbox::new(sandbox)?, options)?));
    built.await.map_err(|_| Error::Task("sandbox"))?
}

/// Somebody else's MCP server, as the configuration has it.
fn remote(server: &McpServer, config: &ServerConfig) -> RemoteOptions {
    let hidden = |pairs: &BTreeMap<Box<str>, Secret>| {
        pairs.iter().map(|(name, value)| (name.clone(), Hidden::new(value.expose()))).collect::<Vec<_>>()
    };
    let place = match &server.place {
        McpPlace::Url { url, headers, bearer } => Place::Url(Url {
            url: url.clone(),
            headers: hidden(headers),
            bearer: bearer.as_ref().map(|bearer| Hidden::new(bearer.expose())),
        }),
        McpPlace::Program { command, args, env, cwd } => {
            Place::Program(Program { command: command.clone(), args: args.clone(), env: hidden(env), cwd: cwd.clone() })
        }
    };
    let era = match server.protocol {
        McpProtocol::Auto => Era::Newest,
        McpProtocol::Sessions => Era::Sessions,
        McpProtocol::Stateless => Era::Stateless,
    };
    let (connect_timeout, idle_timeout) = (server.connect_timeout.get(), server.timeout.get());
    let options = client::Options { era, connect_timeout, idle_timeout, ..client::Options::new(server.name.clone(), place) };
    RemoteOptions {
        labels: server.capabilities.clone(),
        breaker: config.mcp.circuit_breaker,
        hints_trusted: server.trust_annotations,
        changed_refused: server.changed_tools == ChangedTools::Refuse,
        ..RemoteOptions::new(options)
    }
}

fn granted(granted: &caxton_config::server::Granted) -> caxton_tools::Granted {
    let caxton_config::server::Granted { name, path, access, max_size } = granted.clone();
    caxton_tools::Granted { name, path, access, len_max: max_size }
}

/// The configured providers, and those that live in this process.
pub(crate) fn models(config: &ServerConfig, in_process: &[Arc<dyn Provider>]) -> Result<Models, caxton_llm::Error> {
    let models = Models::new(model_options(config))?;
    Ok(in_process.iter().fold(models, |models, provider| models.with(Arc::clone(provider))))
}

fn model_options(config: &ServerConfig) -> caxton_llm::Options {
    let llm = &config.llm;
    let options = caxton_llm::Options {
        breaker: llm.circuit_breaker,
        prices: llm.prices.iter().map(|(name, price)| (name.to_string(), *price)).collect(),
        ..caxton_llm::Options::default()
    };
    // Without a real provider there is nothing to choose between: the offline one answers under every name.
    if llm.models.is_empty() && llm.providers.iter().all(|provider| provider.kind == ProviderKind::Offline) {
        return options;
    }
    let link = |link: &caxton_config::server::ModelLink| caxton_llm::ModelLink {
        provider: link.provider.to_string(),
        model: link.model.as_deref().map(Into::into),
    };
    let route = |route: &caxton_config::server::ModelRoute| caxton_llm::ModelRoute {
        chain: route.chain.iter().map(link).collect(),
        fallback: route.fallback,
    };
    caxton_llm::Options {
        providers: llm.providers.iter().map(provider).collect(),
        models: llm.models.iter().map(|(name, to)| (name.to_string(), route(to))).collect(),
        default: Some(llm.default.to_string()),
        ..options
    }
}

fn provider(provider: &caxton_config::server::Provider) -> caxton_llm::ProviderOptions {
    let base_url = provider.base_url.as_deref().map(str::to_owned);
    let kind = match provider.kind {
        ProviderKind::OpenAi => caxton_llm::ProviderKind::OpenAi { base_url },
        ProviderKind::Anthropic => caxton_llm::ProviderKind::Anthropic { base_url },
        ProviderKind::Offline => caxton_llm::ProviderKind::Offline,
    };
    let model = provider.model.as_deref().unwrap_or_default();
    caxton_llm::ProviderOptions {
        api_key: provider.api_key.as_ref().map(|key| caxton_llm::ApiKey::new(key.expose())),
        timeout: provider.timeout.get(),
        attempts_max: u32::from(provider.max_attempts),
        ..caxton_llm::ProviderOptions::new(&*provider.name, kind, model)
    }
}
