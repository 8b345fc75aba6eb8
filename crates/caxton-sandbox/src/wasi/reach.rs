//! All that one call may touch, in one place.

use std::{path::Path, sync::Arc};

use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder};

use super::{ATTACHMENTS, Destinations, print::Printer};
use crate::{GrantError, Options, account::Account, call::IDEMPOTENCY_KEY, grant, grant::Granted, lent::Lent};

/// All that one call may touch. What is not here is not there for the guest: it inherits nothing of the process.
///
/// Clocks and random numbers are every guest's; they show nothing that the guest could not learn otherwise.
pub(crate) struct Reach<'c> {
    /// What its component is granted: directories, variables, hosts, sockets.
    pub(crate) granted: &'c Granted,
    /// The folder with the files of the call.
    pub(crate) attachments: Option<&'c Path>,
    /// Which call this is.
    pub(crate) idempotency_key: Option<&'c str>,
    /// Where all that it uses counts, and what it prints goes.
    pub(crate) account: &'c Arc<Account>,
    /// Where its secrets come from.
    pub(crate) options: &'c Options,
}

impl Reach<'_> {
    /// Whether the call touches files, which takes a thread of its own.
    pub(crate) fn touches_files(granted: &Granted, has_attachments: bool) -> bool {
        has_attachments || granted.has_directories()
    }

    pub(crate) fn context(&self, lent: Option<&Lent>, destinations: Option<&Arc<Destinations>>) -> Result<WasiCtx, GrantError> {
        let mut wasi = WasiCtxBuilder::new();
        let printer = Printer(Arc::clone(self.account));
        wasi.stdout(printer.clone()).stderr(printer).max_random_size(self.options.random_len_max.get());
        // A call that touches files is moved to a thread of its own at once, where blocking is no harm.
        wasi.allow_blocking_current_thread(Self::touches_files(self.granted, self.attachments.is_some()));
        self.directories(&mut wasi, lent)?;
        for (name, value) in self.granted.variables(self.options)? {
            wasi.env(name, value);
        }
        if let Some(key) = self.idempotency_key {
            wasi.env(IDEMPOTENCY_KEY, key);
        }
        self.sockets(&mut wasi, destinations);
        Ok(wasi.build())
    }

    fn directories(&self, wasi: &mut WasiCtxBuilder, lent: Option<&Lent>) -> Result<(), GrantError> {
        let mut open = |host: &Path, guest: &str, writes: bool| {
            let perms = if writes { FsPerms::ReadWrite } else { FsPerms::ReadOnly };
            let failed = |error: wasmtime::Error| GrantError::Directory {
                path: host.to_owned(),
                source: error.downcast().unwrap_or_else(|error| std::io::Error::other(error.to_string())),
            };
            wasi.preopened_dir(host, guest, perms).map(drop).map_err(failed)
        };
        if let Some(folder) = self.attachments {
            open(folder, ATTACHMENTS, false)?;
        }
        for (at, lending) in self.granted.lent.iter().enumerate() {
            if let Some(lent) = lent {
                open(&lent.place(at), &lending.guest, false)?;
            }
        }
        self.granted.directories.iter().try_for_each(|grant| open(&grant.host, &grant.guest, grant::writes(grant)))
    }

    fn sockets(&self, wasi: &mut WasiCtxBuilder, destinations: Option<&Arc<Destinations>>) {
        let allowed = self.granted.sockets;
        wasi.allow_tcp(allowed).allow_udp(allowed).allow_ip_name_lookup(allowed);
        if let Some(destinations) = destinations {
            let destinations = Arc::clone(destinations);
            wasi.socket_addr_check(move |address, purpose| {
                let destinations = Arc::clone(&destinations);
                Box::pin(async move { destinations.check(address, purpose).await })
            });
        }
    }
}
