//! The life of a server: take the port, open the store, build the services, recover, serve, stop in good order.

use crate::{
    App, Error, Limits, LiveConfig,
    app::Services,
    edge::AllowedHosts,
    life::Life,
    listener::{self, Bounds},
    port, retention, routes, services,
    telemetry::LogLevel,
};
use caxton_config::server::{Loaded, ServerConfig};
use caxton_deploy::Deploy;
use caxton_exchange::{Deliveries, Exchange};
use caxton_llm::Provider;
use caxton_runtime::Runtime;
use caxton_store::{Batch, Store, ids};
use caxton_types::{Caller, Fact, NewEvent, WorkspaceName};
use std::{
    net::SocketAddr,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// What a server is started with.
#[derive(Clone)]
pub struct Setup {
    /// The configuration.
    pub config: Loaded,
    /// The level of this process's logs.
    pub log_level: LogLevel,
    /// Bounds that the configuration does not name.
    pub limits: Limits,
    /// Model providers that live in this process; the last one answers for `chat`.
    pub providers: Vec<Arc<dyn Provider>>,
}

impl Setup {
    /// A server by this configuration and nothing else.
    pub fn new(config: Loaded, log_level: LogLevel) -> Self {
        Self { config, log_level, limits: Limits::default(), providers: Vec::new() }
    }
}

/// A server that has its port and its data, and does not serve yet.
pub struct Server {
    listener: TcpListener,
    local_addr: SocketAddr,
    app: App,
    runtime: Runtime,
    deliveries: Deliveries,
    limits: Limits,
    hosts: AllowedHosts,
    booted: Instant,
}

/// Takes the port, opens the data and builds the services. Nothing is served before [`Server::run`].
pub async fn boot(setup: Setup) -> Result<Server, Error> {
    let booted = Instant::now();
    let config = &setup.config.config;
    let listener = port::bind(port::resolve(&config.server.host, config.server.port).await?).await?;
    let local_addr = listener.local_addr().map_err(|source| crate::PortError::Bind { addr: ([0, 0, 0, 0], 0).into(), source })?;
    let options = services::store(config);
    let store = tokio::task::spawn_blocking(move || Store::open(options)).await.map_err(|_| Error::Task("store"))??;
    let models = services::models(config, &setup.providers)?;
    let tools = services::tools(config).await?;
    let (exchange, deliveries) = Exchange::new(store.clone(), services::exchange(config));
    let runtime = Runtime::new(exchange.clone(), models.clone(), tools.clone(), services::runtime(config, setup.limits.drain));
    let deploy = Deploy::new(store.clone(), exchange.clone(), runtime.clone(), tools.clone(), services::deploy(config));
    let hosts = AllowedHosts::new([config.server.host.to_string()]);
    let limits = limits(setup.limits, config);
    let budgets = runtime.budgets().clone();
    let config = LiveConfig::open(setup.config, setup.log_level, budgets, store.system().clone()).await?;
    let (life, workspaces_max, upkeep) = (Life::new(), limits.workspaces_max, TaskTracker::new());
    let app = App::new(Services { store, exchange, deploy, tools, models, runtime: runtime.clone(), config, life, workspaces_max, upkeep });
    Ok(Server { listener, local_addr, app, runtime, deliveries, limits, hosts, booted })
}

/// What the configuration says of bounds comes first.
fn limits(limits: Limits, config: &ServerConfig) -> Limits {
    Limits { message_len_max: config.messaging.max_message_size, blob_len_max: config.limits.max_blob_size, ..limits }
}

/// Checks everything that a start needs, changes nothing, and tells what was checked.
pub async fn dry_run(setup: &Setup) -> Result<Vec<String>, Error> {
    let config = &setup.config.config;
    port::free_port(config).await?;
    let dir = usable(&config.data_dir)?;
    let providers = services::models(config, &setup.providers)?.providers();
    let providers: Vec<_> = providers.into_iter().map(|provider| format!("{} ({})", provider.name, provider.kind)).collect();
    Ok(vec![
        format!("configuration: {} files, valid", setup.config.files.len()),
        format!("listen: {}:{} is free", config.server.host, config.server.port),
        format!("data: {} {dir}", config.data_dir.display()),
        format!("storage: durability `{}`", config.storage.durability),
        format!("models: {}", providers.join(", ")),
    ])
}

fn usable(dir: &Path) -> Result<&'static str, Error> {
    let refused = |reason| Error::DataDir { dir: dir.into(), reason };
    let there = dir.ancestors().filter(|dir| !dir.as_os_str().is_empty()).find_map(|dir| std::fs::metadata(dir).ok());
    match there {
        Some(found) if !found.is_dir() => Err(refused("it is no directory")),
        Some(found) if found.permissions().readonly() => Err(refused("it is read-only")),
        _ => Ok(if dir.is_dir() { "is there" } else { "will be created" }),
    }
}

impl Server {
    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Where it listens, for clients.
    pub fn url(&self) -> String {
        format!("http://{}", self.local_addr)
    }

    /// Its services.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Serves until told to stop, then ends what is open within the drain and closes the store.
    pub async fn run(self, stop: CancellationToken) -> Result<(), Error> {
        let Self { listener, local_addr, app, runtime, deliveries, limits, hosts, booted } = self;
        let (tasks, closing) = (TaskTracker::new(), CancellationToken::new());
        let bounds = Bounds { connections_max: limits.connections_max, header_timeout: limits.header_timeout, drain: limits.drain };
        let router = routes::router(app.clone(), &limits, hosts);
        tasks.spawn(beat(closing.clone()));
        // Turns that end within the drain may still call other people's servers.
        let turns_over = CancellationToken::new();
        tasks.spawn(app.tools.clone().run_remotes(turns_over.clone()));
        let mut http = tasks.spawn(listener::serve(listener, router, bounds, closing.clone()));
        let outcome = tokio::select! {
            recovered = recover(&app, &runtime) => recovered,
            () = stop.cancelled() => Ok(()),
        };
        let (over, stopping) = (turns_over.drop_guard(), closing.clone());
        let mut turns = tasks.spawn(async move {
            runtime.run(deliveries, stopping).await;
            drop(over);
        });
        let outcome = match outcome {
            Ok(()) if !stop.is_cancelled() => {
                record(&app, Fact::ServerStarted { version: env!("CARGO_PKG_VERSION").into(), pid: std::process::id() }).await?;
                app.life.ready();
                tasks.spawn(retention::run(app.clone(), closing.clone()));
                let took_ms = u64::try_from(booted.elapsed().as_millis()).unwrap_or(u64::MAX);
                tracing::info!(address = %local_addr, data_dir = %app.store.data_dir().display(), took_ms, "ready");
                tokio::select! {
                    () = stop.cancelled() => Ok(()),
                    _ = &mut http => Err(Error::Task("listener")),
                    _ = &mut turns => Err(Error::Task("runtime")),
                }
            }
            other => other,
        };
        app.life.stop();
        closing.cancel();
        tasks.close();
        tokio::select! {
            () = tasks.wait() => {}
            () = tokio::time::sleep(limits.drain.mul_f32(0.8)) => {
                app.life.close();
                tasks.wait().await;
            }
        }
        app.upkeep.close();
        app.upkeep.wait().await;
        let stopped = record(&app, Fact::ServerStopped {}).await;
        app.store.clone().close().await?;
        tracing::info!("stopped");
        outcome.and(stopped)
    }
}

/// How often the clock is looked at.
const BEAT: Duration = Duration::from_secs(1);

/// Keeps a timer near at hand for as long as the server runs.
///
/// A timer that is due before all others wakes the thread that sleeps until then: a system call and a switch of threads. Each request sets a
/// few that seldom run out; as long as this one is due before them, none of them wakes anybody.
async fn beat(stop: CancellationToken) {
    let mut beats = tokio::time::interval(BEAT);
    while stop.run_until_cancelled(beats.tick()).await.is_some() {}
}

/// Brings back what was deployed and takes up what was open, workspace by workspace.
async fn recover(app: &App, runtime: &Runtime) -> Result<(), Error> {
    // The workspace that unscoped addresses mean is there from the first start on.
    app.store.workspace(&WorkspaceName::default())?;
    for name in app.store.workspace_names()? {
        if name.is_system() {
            continue;
        }
        let workspace = app.store.workspace(&name)?;
        app.deploy.restore(&workspace).await.map_err(|source| Error::Restore { workspace: name.clone(), source: Box::new(source) })?;
        let recovered =
            runtime.recover(&workspace).await.map_err(|source| Error::Recover { workspace: name.clone(), source: Box::new(source) })?;
        if recovered.resumed + recovered.queued > 0 {
            tracing::info!(workspace = %name, resumed = recovered.resumed, queued = recovered.queued, "took up what was open");
        }
    }
    Ok(())
}

/// Records a fact about the server itself.
async fn record(app: &App, fact: Fact) -> Result<(), Error> {
    let caller = Caller::system(WorkspaceName::system()).actor();
    let event = NewEvent { caller, trace: ids::trace(), conversation: None, agent: None, turn: None, step: None, fact };
    app.store.system().commit(Batch::of(vec![event])).await?;
    Ok(())
}
