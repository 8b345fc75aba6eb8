//! Which interfaces a component finds: those that its permissions open, and no others.
//!
//! Clocks, random numbers, outputs and the environment are always there. So is `wasi:filesystem`: what a compiler's
//! standard library is built with imports it, needed or not; without a granted directory there is nothing to open in it.
//! `wasi:http` needs hosts, `wasi:sockets` needs `sockets`, `caxton:host/memory` needs `memory`, `caxton:host/tools` needs `tools`.

use std::borrow::Cow;

use wasmtime::{
    Engine,
    component::{Component, HasData, HasSelf, Linker, ResourceTable},
};
use wasmtime_wasi::{
    WasiView,
    cli::{WasiCli, WasiCliView},
    clocks::{WasiClocks, WasiClocksView},
    filesystem::{WasiFilesystem, WasiFilesystemView},
    p2::bindings::{LinkOptions, cli, clocks, filesystem, random, sockets},
    random::WasiRandom,
    sockets::{WasiSockets, WasiSocketsView},
};
use wasmtime_wasi_http::{WasiHttp, WasiHttpView, p2::bindings as http};

use super::{files::HasFiles, sockets::HasSockets};
use crate::{
    bindings::host::caxton::host::{memory, tools},
    grant::Granted,
    host::Host,
};

/// Interfaces that need a word of the permissions, and which.
const GRANTED: [(&str, &str); 4] =
    [("wasi:http/", "hosts"), ("wasi:sockets/", "sockets"), ("caxton:host/memory@", "memory"), ("caxton:host/tools@", "tools")];

/// One linker for each choice of what is granted of WASI; what few are granted beside it is added for each.
pub(crate) struct Linkers {
    plain: Linker<Host>,
    http: Linker<Host>,
    sockets: Linker<Host>,
    all: Linker<Host>,
}

impl Linkers {
    pub(crate) fn new(engine: &Engine) -> wasmtime::Result<Self> {
        let mut plain = Linker::new(engine);
        add_plain(&mut plain)?;
        let (mut http, mut sockets) = (plain.clone(), plain.clone());
        add_http(&mut http)?;
        add_sockets(&mut sockets)?;
        let mut all = http.clone();
        add_sockets(&mut all)?;
        Ok(Self { plain, http, sockets, all })
    }

    pub(crate) fn of(&self, granted: &Granted) -> wasmtime::Result<Cow<'_, Linker<Host>>> {
        let mut linker = Cow::Borrowed(match (granted.egress.is_some(), granted.sockets) {
            (false, false) => &self.plain,
            (true, false) => &self.http,
            (false, true) => &self.sockets,
            (true, true) => &self.all,
        });
        if granted.memory {
            memory::add_to_linker::<Host, HasSelf<Host>>(linker.to_mut(), |host| host)?;
        }
        if granted.tools {
            tools::add_to_linker::<Host, HasSelf<Host>>(linker.to_mut(), |host| host)?;
        }
        Ok(linker)
    }
}

/// The imports of a component that its permissions could grant and do not, each with the key that would.
pub(crate) fn not_granted(engine: &Engine, code: &Component, granted: &Granted) -> Vec<(String, &'static str)> {
    let has = |key: &str| match key {
        "hosts" => granted.egress.is_some(),
        "memory" => granted.memory,
        "tools" => granted.tools,
        _ => granted.sockets,
    };
    let missing = |import: &str| GRANTED.iter().find(|(prefix, key)| import.starts_with(prefix) && !has(key)).map(|(_, key)| *key);
    code.component_type().imports(engine).filter_map(|(import, _)| Some((import.to_owned(), missing(import)?))).collect()
}

struct HasTable;

impl HasData for HasTable {
    type Data<'a> = &'a mut ResourceTable;
}

fn add_plain(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    use wasmtime_wasi::p2::bindings::io;
    io::error::add_to_linker::<Host, HasTable>(linker, |host| host.ctx().table)?;
    io::poll::add_to_linker::<Host, HasTable>(linker, |host| host.ctx().table)?;
    io::streams::add_to_linker::<Host, HasTable>(linker, |host| host.ctx().table)?;
    clocks::wall_clock::add_to_linker::<Host, WasiClocks>(linker, Host::clocks)?;
    clocks::monotonic_clock::add_to_linker::<Host, WasiClocks>(linker, Host::clocks)?;
    random::random::add_to_linker::<Host, WasiRandom>(linker, |host| host.ctx().ctx.random())?;
    random::insecure::add_to_linker::<Host, WasiRandom>(linker, |host| host.ctx().ctx.random())?;
    random::insecure_seed::add_to_linker::<Host, WasiRandom>(linker, |host| host.ctx().ctx.random())?;
    cli::exit::add_to_linker::<Host, WasiCli>(linker, Host::cli)?;
    cli::environment::add_to_linker::<Host, WasiCli>(linker, Host::cli)?;
    cli::stdin::add_to_linker::<Host, WasiCli>(linker, Host::cli)?;
    cli::stdout::add_to_linker::<Host, WasiCli>(linker, Host::cli)?;
    cli::stderr::add_to_linker::<Host, WasiCli>(linker, Host::cli)?;
    cli::terminal_input::add_to_linker::<Host, WasiCli>(linker, Host::cli)?;
    cli::terminal_output::add_to_linker::<Host, WasiCli>(linker, Host::cli)?;
    cli::terminal_stdin::add_to_linker::<Host, WasiCli>(linker, Host::cli)?;
    cli::terminal_stdout::add_to_linker::<Host, WasiCli>(linker, Host::cli)?;
    cli::terminal_stderr::add_to_linker::<Host, WasiCli>(linker, Host::cli)?;
    filesystem::preopens::add_to_linker::<Host, WasiFilesystem>(linker, Host::filesystem)?;
    filesystem::types::add_to_linker::<Host, HasFiles>(linker, Host::files)
}

fn add_http(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    let options = http::LinkOptions::default();
    http::http::outgoing_handler::add_to_linker::<Host, WasiHttp>(linker, Host::http)?;
    http::http::types::add_to_linker::<Host, WasiHttp>(linker, &(&options).into(), Host::http)
}

fn add_sockets(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    let options = LinkOptions::default();
    sockets::instance_network::add_to_linker::<Host, WasiSockets>(linker, WasiSocketsView::sockets)?;
    sockets::network::add_to_linker::<Host, WasiSockets>(linker, &(&options).into(), WasiSocketsView::sockets)?;
    sockets::ip_name_lookup::add_to_linker::<Host, HasSockets>(linker, Host::guarded_sockets)?;
    sockets::tcp_create_socket::add_to_linker::<Host, HasSockets>(linker, Host::guarded_sockets)?;
    sockets::udp_create_socket::add_to_linker::<Host, HasSockets>(linker, Host::guarded_sockets)?;
    sockets::tcp::add_to_linker::<Host, HasSockets>(linker, Host::guarded_sockets)?;
    sockets::udp::add_to_linker::<Host, HasSockets>(linker, Host::guarded_sockets)
}
