//! WASI as guests see it: what a call names, and no more.

mod denied;
mod destinations;
mod files;
mod link;
mod print;
mod reach;
mod sockets;
mod streams;

/// Where a guest finds the files of its call.
pub(crate) const ATTACHMENTS: &str = "/attachments";

pub(crate) use self::{
    destinations::Destinations,
    files::OpenFiles,
    link::{Linkers, not_granted},
    reach::Reach,
};

use self::{files::Files, sockets::Sockets};
use crate::host::Host;

impl Host {
    fn files(&mut self) -> Files<'_> {
        let Self { wasi, table, open, granted, account, .. } = self;
        let wasi = wasmtime_wasi::filesystem::WasiFilesystemCtxView { ctx: wasi.filesystem(), table };
        Files { wasi, denied: &granted.denied, open, account }
    }

    fn guarded_sockets(&mut self) -> Sockets<'_> {
        let Self { wasi, table, granted, account, destinations, .. } = self;
        let wasi = wasmtime_wasi::sockets::WasiSocketsCtxView { ctx: wasi.sockets(), table };
        Sockets { wasi, egress: granted.egress.as_deref(), account, destinations: destinations.as_deref() }
    }
}
