//! `wasi:filesystem` as guests see it: what wasmtime does, with denied paths, open files and bytes written looked after.
//!
//! That nobody leaves a granted directory, by `..` or by a link, and that nobody writes where reading is granted, is
//! wasmtime's own work; that it was tried is written down here.

use std::{collections::HashMap, fs::File, path::PathBuf, sync::Arc};

use wasmtime::component::{HasData, Resource};
use wasmtime_wasi::{
    filesystem::{Descriptor, WasiFilesystemCtxView},
    p2::{
        DynInputStream, DynOutputStream, FsError, FsResult, ReaddirIterator,
        bindings::filesystem::types::{
            self, Advice, DescriptorFlags, DescriptorStat, DescriptorType, ErrorCode, Filesize, HostDescriptor, HostDirectoryEntryStream,
            MetadataHashValue, NewTimestamp, OpenFlags, PathFlags,
        },
    },
};

use super::{
    denied::{Touch, is_denied, is_open_denied},
    streams::{FileReader, FileWriter, grown},
};
use crate::{
    Limits,
    account::{Account, Exceeded, OpenFile},
};

/// The key of a tool's permissions that opens directories.
const KEY: &str = "directories";

/// What is kept of the path of an open file, to name it by.
const NAME_LEN_MAX: usize = 256;

/// What a guest has open, by descriptor or listing.
#[derive(Default)]
pub(crate) struct OpenFiles {
    descriptors: HashMap<u32, Opened>,
    listings: HashMap<u32, Arc<OpenFile>>,
}

struct Opened {
    open: Arc<OpenFile>,
    /// The beginning of the path that it was opened by.
    name: Box<str>,
}

pub(super) struct Files<'a> {
    pub(super) wasi: WasiFilesystemCtxView<'a>,
    pub(super) denied: &'a [PathBuf],
    pub(super) open: &'a mut OpenFiles,
    pub(super) account: &'a Arc<Account>,
}

pub(super) struct HasFiles;

impl HasData for HasFiles {
    type Data<'a> = Files<'a>;
}

type Handle = Resource<Descriptor>;

fn again(handle: &Handle) -> Handle {
    Resource::new_borrow(handle.rep())
}

fn no_space(_: Exceeded) -> FsError {
    ErrorCode::InsufficientSpace.into()
}

fn reaching(path: &str) -> String {
    format!("the path `{path}`")
}

fn writing(path: &str) -> String {
    format!("writing to `{path}`")
}

fn removing(path: &str) -> String {
    format!("removing `{path}`")
}

fn dating(path: &str) -> String {
    format!("changing the times of `{path}`")
}

impl Files<'_> {
    fn file(&self, handle: &Handle) -> FsResult<Arc<File>> {
        match self.wasi.table.get(handle)? {
            Descriptor::File(file) => Ok(Arc::clone(&file.file)),
            Descriptor::Dir(_) => Err(ErrorCode::IsDirectory.into()),
        }
    }

    /// Refuses a path that is denied.
    fn guard(&self, directory: &Handle, path: &str, touch: Touch) -> FsResult<()> {
        if self.denied.is_empty() {
            return Ok(());
        }
        let Descriptor::Dir(directory) = self.wasi.table.get(directory)? else { return Err(ErrorCode::NotDirectory.into()) };
        if is_denied(self.denied, &directory.dir, path, touch) {
            self.account.deny(reaching(path), KEY);
            return Err(ErrorCode::NotPermitted.into());
        }
        Ok(())
    }

    /// Writes down what wasmtime refused as not permitted: a path that leads out of its directory, or a write where reading is
    /// granted. Other errors, as of what is not there, are no denials.
    fn judged<T>(&self, result: FsResult<T>, what: impl FnOnce() -> String) -> FsResult<T> {
        if let Err(error) = &result
            && let Some(ErrorCode::NotPermitted) = error.downcast_ref()
        {
            self.account.deny(what(), KEY);
        }
        result
    }

    /// The path of what is open; that of a granted directory is its own.
    fn name(&self, rep: u32) -> &str {
        self.open.descriptors.get(&rep).map_or(".", |opened| &opened.name)
    }

    /// Counts an entry that is about to be made.
    fn entry(&self) -> FsResult<()> {
        self.account.write(Limits::ENTRY.get()).map_err(no_space)
    }

    /// Whether an entry is there. Opening a pipe or a device may wait for ever, on a thread that nobody gets back: those are refused.
    /// A guest makes none, so what is there is what is opened.
    async fn is_there(&mut self, directory: &Handle, follow: PathFlags, path: &str) -> FsResult<bool> {
        let Ok(stat) = HostDescriptor::stat_at(&mut self.wasi, again(directory), follow, path.to_owned()).await else { return Ok(false) };
        match stat.type_ {
            DescriptorType::RegularFile | DescriptorType::Directory | DescriptorType::SymbolicLink => Ok(true),
            DescriptorType::Unknown
            | DescriptorType::BlockDevice
            | DescriptorType::CharacterDevice
            | DescriptorType::Fifo
            | DescriptorType::Socket => {
                self.account.deny(format!("`{path}`, which is neither file nor directory"), KEY);
                Err(ErrorCode::NotPermitted.into())
            }
        }
    }

    fn writer(&mut self, stream: Resource<DynOutputStream>, handle: &Handle, position: Option<u64>) -> FsResult<Resource<DynOutputStream>> {
        let file = self.file(handle)?;
        let inner = self.wasi.table.delete(stream)?;
        let open = self.open.descriptors.get(&handle.rep()).map(|opened| Arc::clone(&opened.open));
        let writer = FileWriter { inner, file, position, account: Arc::clone(self.account), _open: open };
        Ok(self.wasi.table.push(Box::new(writer) as DynOutputStream)?)
    }
}

impl types::Host for Files<'_> {
    fn convert_error_code(&mut self, error: FsError) -> wasmtime::Result<ErrorCode> {
        types::Host::convert_error_code(&mut self.wasi, error)
    }

    fn filesystem_error_code(&mut self, error: Resource<wasmtime::Error>) -> wasmtime::Result<Option<ErrorCode>> {
        types::Host::filesystem_error_code(&mut self.wasi, error)
    }
}

impl HostDescriptor for Files<'_> {
    fn read_via_stream(&mut self, handle: Handle, offset: Filesize) -> FsResult<Resource<DynInputStream>> {
        let rep = handle.rep();
        let stream = HostDescriptor::read_via_stream(&mut self.wasi, handle, offset)?;
        let Some(open) = self.open.descriptors.get(&rep).map(|opened| Arc::clone(&opened.open)) else { return Ok(stream) };
        let inner = self.wasi.table.delete(stream)?;
        Ok(self.wasi.table.push(Box::new(FileReader { inner, _open: open }) as DynInputStream)?)
    }

    fn write_via_stream(&mut self, handle: Handle, offset: Filesize) -> FsResult<Resource<DynOutputStream>> {
        let stream = HostDescriptor::write_via_stream(&mut self.wasi, again(&handle), offset);
        let stream = self.judged(stream, || writing(self.name(handle.rep())))?;
        self.writer(stream, &handle, Some(offset))
    }

    fn append_via_stream(&mut self, handle: Handle) -> FsResult<Resource<DynOutputStream>> {
        let stream = HostDescriptor::append_via_stream(&mut self.wasi, again(&handle));
        let stream = self.judged(stream, || writing(self.name(handle.rep())))?;
        self.writer(stream, &handle, None)
    }

    async fn write(&mut self, handle: Handle, bytes: Vec<u8>, offset: Filesize) -> FsResult<Filesize> {
        let file = self.file(&handle)?;
        self.account.write(grown(&file, Some(offset), bytes.len() as u64)).map_err(no_space)?;
        let written = HostDescriptor::write(&mut self.wasi, again(&handle), bytes, offset).await;
        self.judged(written, || writing(self.name(handle.rep())))
    }

    async fn set_size(&mut self, handle: Handle, size: Filesize) -> FsResult<()> {
        let file = self.file(&handle)?;
        self.account.write(grown(&file, Some(size), 0)).map_err(no_space)?;
        let set = HostDescriptor::set_size(&mut self.wasi, again(&handle), size).await;
        self.judged(set, || writing(self.name(handle.rep())))
    }

    async fn open_at(
        &mut self,
        directory: Handle,
        follow: PathFlags,
        path: String,
        how: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Handle> {
        self.guard(&directory, &path, Touch::Use)?;
        let is_there = self.is_there(&directory, follow, &path).await?;
        if how.contains(OpenFlags::CREATE) && !is_there {
            self.entry()?;
        }
        let open = self.account.open().map_err(|_| FsError::from(ErrorCode::InsufficientMemory))?;
        let writes = how.intersects(OpenFlags::CREATE | OpenFlags::TRUNCATE) || flags.contains(DescriptorFlags::WRITE);
        let opened = HostDescriptor::open_at(&mut self.wasi, directory, follow, path.clone(), how, flags).await;
        let opened = self.judged(opened, || if writes { writing(&path) } else { reaching(&path) })?;
        let (Descriptor::Dir(wasmtime_wasi::filesystem::Dir { dir: file, .. })
        | Descriptor::File(wasmtime_wasi::filesystem::File { file, .. })) = self.wasi.table.get(&opened)?;
        if is_open_denied(self.denied, file) {
            HostDescriptor::drop(&mut self.wasi, opened).map_err(FsError::trap)?;
            self.account.deny(reaching(&path), KEY);
            return Err(ErrorCode::NotPermitted.into());
        }
        let name = path.get(..path.floor_char_boundary(NAME_LEN_MAX)).unwrap_or_default().into();
        self.open.descriptors.insert(opened.rep(), Opened { open: Arc::new(open), name });
        Ok(opened)
    }

    fn drop(&mut self, handle: Handle) -> wasmtime::Result<()> {
        self.open.descriptors.remove(&handle.rep());
        HostDescriptor::drop(&mut self.wasi, handle)
    }

    async fn read_directory(&mut self, directory: Handle) -> FsResult<Resource<ReaddirIterator>> {
        let open = self.account.open().map_err(|_| FsError::from(ErrorCode::InsufficientMemory))?;
        let listing = HostDescriptor::read_directory(&mut self.wasi, directory).await?;
        self.open.listings.insert(listing.rep(), Arc::new(open));
        Ok(listing)
    }

    async fn create_directory_at(&mut self, directory: Handle, path: String) -> FsResult<()> {
        self.guard(&directory, &path, Touch::Use)?;
        self.entry()?;
        let done = HostDescriptor::create_directory_at(&mut self.wasi, directory, path.clone()).await;
        self.judged(done, || format!("making the directory `{path}`"))
    }

    async fn link_at(&mut self, directory: Handle, follow: PathFlags, path: String, other: Handle, new: String) -> FsResult<()> {
        self.guard(&directory, &path, Touch::Move)?;
        self.guard(&other, &new, Touch::Move)?;
        self.entry()?;
        let done = HostDescriptor::link_at(&mut self.wasi, directory, follow, path.clone(), other, new.clone()).await;
        self.judged(done, || format!("linking `{path}` as `{new}`"))
    }

    async fn rename_at(&mut self, directory: Handle, path: String, other: Handle, new: String) -> FsResult<()> {
        self.guard(&directory, &path, Touch::Move)?;
        self.guard(&other, &new, Touch::Move)?;
        let done = HostDescriptor::rename_at(&mut self.wasi, directory, path.clone(), other, new.clone()).await;
        self.judged(done, || format!("moving `{path}` to `{new}`"))
    }

    /// A guest makes no symbolic links: it could not leave its directory by one, but the next program might.
    async fn symlink_at(&mut self, _: Handle, _: String, path: String) -> FsResult<()> {
        self.account.deny(format!("the symbolic link `{path}`"), KEY);
        Err(ErrorCode::NotPermitted.into())
    }

    async fn unlink_file_at(&mut self, directory: Handle, path: String) -> FsResult<()> {
        self.guard(&directory, &path, Touch::Move)?;
        let done = HostDescriptor::unlink_file_at(&mut self.wasi, directory, path.clone()).await;
        self.judged(done, || removing(&path))
    }

    async fn remove_directory_at(&mut self, directory: Handle, path: String) -> FsResult<()> {
        self.guard(&directory, &path, Touch::Move)?;
        let done = HostDescriptor::remove_directory_at(&mut self.wasi, directory, path.clone()).await;
        self.judged(done, || removing(&path))
    }

    async fn stat_at(&mut self, directory: Handle, follow: PathFlags, path: String) -> FsResult<DescriptorStat> {
        self.guard(&directory, &path, Touch::Use)?;
        let done = HostDescriptor::stat_at(&mut self.wasi, directory, follow, path.clone()).await;
        self.judged(done, || reaching(&path))
    }

    async fn set_times_at(
        &mut self,
        directory: Handle,
        follow: PathFlags,
        path: String,
        read: NewTimestamp,
        written: NewTimestamp,
    ) -> FsResult<()> {
        self.guard(&directory, &path, Touch::Use)?;
        let done = HostDescriptor::set_times_at(&mut self.wasi, directory, follow, path.clone(), read, written).await;
        self.judged(done, || dating(&path))
    }

    async fn readlink_at(&mut self, directory: Handle, path: String) -> FsResult<String> {
        self.guard(&directory, &path, Touch::Use)?;
        let done = HostDescriptor::readlink_at(&mut self.wasi, directory, path.clone()).await;
        self.judged(done, || reaching(&path))
    }

    async fn metadata_hash_at(&mut self, directory: Handle, follow: PathFlags, path: String) -> FsResult<MetadataHashValue> {
        self.guard(&directory, &path, Touch::Use)?;
        let done = HostDescriptor::metadata_hash_at(&mut self.wasi, directory, follow, path.clone()).await;
        self.judged(done, || reaching(&path))
    }

    async fn set_times(&mut self, handle: Handle, read: NewTimestamp, written: NewTimestamp) -> FsResult<()> {
        let done = HostDescriptor::set_times(&mut self.wasi, again(&handle), read, written).await;
        self.judged(done, || dating(self.name(handle.rep())))
    }

    // From here on, what needs no more than wasmtime does.

    async fn advise(&mut self, handle: Handle, offset: Filesize, len: Filesize, advice: Advice) -> FsResult<()> {
        HostDescriptor::advise(&mut self.wasi, handle, offset, len, advice).await
    }

    async fn sync_data(&mut self, handle: Handle) -> FsResult<()> {
        HostDescriptor::sync_data(&mut self.wasi, handle).await
    }

    async fn sync(&mut self, handle: Handle) -> FsResult<()> {
        HostDescriptor::sync(&mut self.wasi, handle).await
    }

    async fn get_flags(&mut self, handle: Handle) -> FsResult<DescriptorFlags> {
        HostDescriptor::get_flags(&mut self.wasi, handle).await
    }

    async fn get_type(&mut self, handle: Handle) -> FsResult<DescriptorType> {
        HostDescriptor::get_type(&mut self.wasi, handle).await
    }

    async fn read(&mut self, handle: Handle, len: Filesize, offset: Filesize) -> FsResult<(Vec<u8>, bool)> {
        HostDescriptor::read(&mut self.wasi, handle, len, offset).await
    }

    async fn stat(&mut self, handle: Handle) -> FsResult<DescriptorStat> {
        HostDescriptor::stat(&mut self.wasi, handle).await
    }

    async fn is_same_object(&mut self, one: Handle, other: Handle) -> wasmtime::Result<bool> {
        HostDescriptor::is_same_object(&mut self.wasi, one, other).await
    }

    async fn metadata_hash(&mut self, handle: Handle) -> FsResult<MetadataHashValue> {
        HostDescriptor::metadata_hash(&mut self.wasi, handle).await
    }
}

impl HostDirectoryEntryStream for Files<'_> {
    async fn read_directory_entry(&mut self, listing: Resource<ReaddirIterator>) -> FsResult<Option<types::DirectoryEntry>> {
        HostDirectoryEntryStream::read_directory_entry(&mut self.wasi, listing).await
    }

    fn drop(&mut self, listing: Resource<ReaddirIterator>) -> wasmtime::Result<()> {
        self.open.listings.remove(&listing.rep());
        HostDirectoryEntryStream::drop(&mut self.wasi, listing)
    }
}
