//! `wasi:filesystem` as guests see it: what wasmtime does, with denied paths, open files and bytes written looked after.
//!
//! That nobody leaves a granted directory, by `..` or by a link, is wasmtime's own work.

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

/// What a guest has open, by descriptor or listing.
#[derive(Default)]
pub(crate) struct OpenFiles {
    descriptors: HashMap<u32, Arc<OpenFile>>,
    listings: HashMap<u32, Arc<OpenFile>>,
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
            self.account.deny(format!("the path `{path}`"), KEY);
            return Err(ErrorCode::NotPermitted.into());
        }
        Ok(())
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
        let open = self.open.descriptors.get(&handle.rep()).cloned();
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
        let Some(open) = self.open.descriptors.get(&rep).cloned() else { return Ok(stream) };
        let inner = self.wasi.table.delete(stream)?;
        Ok(self.wasi.table.push(Box::new(FileReader { inner, _open: open }) as DynInputStream)?)
    }

    fn write_via_stream(&mut self, handle: Handle, offset: Filesize) -> FsResult<Resource<DynOutputStream>> {
        let stream = HostDescriptor::write_via_stream(&mut self.wasi, again(&handle), offset)?;
        self.writer(stream, &handle, Some(offset))
    }

    fn append_via_stream(&mut self, handle: Handle) -> FsResult<Resource<DynOutputStream>> {
        let stream = HostDescriptor::append_via_stream(&mut self.wasi, again(&handle))?;
        self.writer(stream, &handle, None)
    }

    async fn write(&mut self, handle: Handle, bytes: Vec<u8>, offset: Filesize) -> FsResult<Filesize> {
        let file = self.file(&handle)?;
        self.account.write(grown(&file, Some(offset), bytes.len() as u64)).map_err(no_space)?;
        HostDescriptor::write(&mut self.wasi, handle, bytes, offset).await
    }

    async fn set_size(&mut self, handle: Handle, size: Filesize) -> FsResult<()> {
        let file = self.file(&handle)?;
        self.account.write(grown(&file, Some(size), 0)).map_err(no_space)?;
        HostDescriptor::set_size(&mut self.wasi, handle, size).await
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
        let opened = HostDescriptor::open_at(&mut self.wasi, directory, follow, path, how, flags).await?;
        let (Descriptor::Dir(wasmtime_wasi::filesystem::Dir { dir: file, .. })
        | Descriptor::File(wasmtime_wasi::filesystem::File { file, .. })) = self.wasi.table.get(&opened)?;
        if is_open_denied(self.denied, file) {
            HostDescriptor::drop(&mut self.wasi, opened).map_err(FsError::trap)?;
            return Err(ErrorCode::NotPermitted.into());
        }
        self.open.descriptors.insert(opened.rep(), Arc::new(open));
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
        HostDescriptor::create_directory_at(&mut self.wasi, directory, path).await
    }

    async fn link_at(&mut self, directory: Handle, follow: PathFlags, path: String, other: Handle, new: String) -> FsResult<()> {
        self.guard(&directory, &path, Touch::Move)?;
        self.guard(&other, &new, Touch::Move)?;
        self.entry()?;
        HostDescriptor::link_at(&mut self.wasi, directory, follow, path, other, new).await
    }

    async fn rename_at(&mut self, directory: Handle, path: String, other: Handle, new: String) -> FsResult<()> {
        self.guard(&directory, &path, Touch::Move)?;
        self.guard(&other, &new, Touch::Move)?;
        HostDescriptor::rename_at(&mut self.wasi, directory, path, other, new).await
    }

    /// A guest makes no symbolic links: it could not leave its directory by one, but the next program might.
    async fn symlink_at(&mut self, _: Handle, _: String, path: String) -> FsResult<()> {
        self.account.deny(format!("the symbolic link `{path}`"), KEY);
        Err(ErrorCode::NotPermitted.into())
    }

    async fn unlink_file_at(&mut self, directory: Handle, path: String) -> FsResult<()> {
        self.guard(&directory, &path, Touch::Move)?;
        HostDescriptor::unlink_file_at(&mut self.wasi, directory, path).await
    }

    async fn remove_directory_at(&mut self, directory: Handle, path: String) -> FsResult<()> {
        self.guard(&directory, &path, Touch::Move)?;
        HostDescriptor::remove_directory_at(&mut self.wasi, directory, path).await
    }

    async fn stat_at(&mut self, directory: Handle, follow: PathFlags, path: String) -> FsResult<DescriptorStat> {
        self.guard(&directory, &path, Touch::Use)?;
        HostDescriptor::stat_at(&mut self.wasi, directory, follow, path).await
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
        HostDescriptor::set_times_at(&mut self.wasi, directory, follow, path, read, written).await
    }

    async fn readlink_at(&mut self, directory: Handle, path: String) -> FsResult<String> {
        self.guard(&directory, &path, Touch::Use)?;
        HostDescriptor::readlink_at(&mut self.wasi, directory, path).await
    }

    async fn metadata_hash_at(&mut self, directory: Handle, follow: PathFlags, path: String) -> FsResult<MetadataHashValue> {
        self.guard(&directory, &path, Touch::Use)?;
        HostDescriptor::metadata_hash_at(&mut self.wasi, directory, follow, path).await
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

    async fn set_times(&mut self, handle: Handle, read: NewTimestamp, written: NewTimestamp) -> FsResult<()> {
        HostDescriptor::set_times(&mut self.wasi, handle, read, written).await
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
