//! A VFS that forgets at the death of its process whatever was not synced, as a disk does when its power goes.
//!
//! It opens every file through the platform's own VFS and takes over reading and writing: content lives in this process and reaches the file
//! at a sync only. Locks and the shared index of the log stay the platform's, so several connections work as ever. What it does not do:
//! reorder or tear what was synced, or keep part of what was not.
#![expect(unsafe_code, reason = "a VFS is a table of C functions; this is the only place where a test needs one")]

use parking_lot::Mutex;
use rusqlite::ffi::{self, sqlite3_file, sqlite3_int64, sqlite3_io_methods, sqlite3_vfs};
use std::{
    collections::HashMap,
    ffi::{CStr, c_char, c_int, c_void},
    fs,
    ops::Range,
    ptr,
    sync::{
        Arc, LazyLock, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

pub(crate) const NAME: &str = "power";

/// The content of a file as its process sees it.
#[derive(Default)]
struct Image {
    bytes: Vec<u8>,
    /// What the file does not have yet.
    unsynced: Range<usize>,
}

static IMAGES: LazyLock<Mutex<HashMap<String, Arc<Mutex<Image>>>>> = LazyLock::new(Mutex::default);

/// Whether the disk has no room.
static FULL: AtomicBool = AtomicBool::new(false);

/// Takes the room of the disk away, or gives it back.
pub(crate) fn set_full(full: bool) {
    FULL.store(full, Ordering::SeqCst);
}

/// The platform's VFS; its table is never changed once it is registered.
struct Platform(sqlite3_vfs);
// SAFETY: the pointers in it point to functions and constants that live as long as the process.
unsafe impl Send for Platform {}
// SAFETY: as above, and nobody writes through them.
unsafe impl Sync for Platform {}
static PLATFORM: OnceLock<Platform> = OnceLock::new();

/// What stands behind the platform's own part of an open file.
#[repr(C)]
struct Extra {
    methods: sqlite3_io_methods,
    platform: *const sqlite3_io_methods,
    image: *const Mutex<Image>,
}

/// Makes the VFS known under its name.
pub(crate) fn register() {
    PLATFORM.get_or_init(|| {
        // SAFETY: SQLite initialises itself; the default VFS is there for ever, and ours is leaked to be so too.
        unsafe {
            let platform = *ffi::sqlite3_vfs_find(ptr::null());
            let ours = sqlite3_vfs {
                szOsFile: c_int::try_from(offset(&platform) + size_of::<Extra>()).unwrap(),
                zName: c"power".as_ptr(),
                pNext: ptr::null_mut(),
                xOpen: Some(open),
                xDelete: Some(delete),
                xAccess: Some(access),
                ..platform
            };
            assert_eq!(ffi::sqlite3_vfs_register(Box::leak(Box::new(ours)), 0), ffi::SQLITE_OK);
            Platform(platform)
        }
    });
}

fn platform() -> &'static sqlite3_vfs {
    &PLATFORM.get().unwrap().0
}

fn offset(platform: &sqlite3_vfs) -> usize {
    usize::try_from(platform.szOsFile).unwrap().next_multiple_of(align_of::<Extra>())
}

/// SAFETY of the callers: `file` was opened by `open` below, so an `Extra` stands behind it.
unsafe fn extra<'a>(file: *mut sqlite3_file) -> &'a Extra {
    // SAFETY: SQLite allocated `szOsFile` bytes, aligned to 8, and `open` has written the `Extra`.
    unsafe { &*file.byte_add(offset(platform())).cast::<Extra>() }
}

unsafe fn image<'a>(file: *mut sqlite3_file) -> &'a Mutex<Image> {
    // SAFETY: the pointer came from an `Arc` that `close` gives back.
    unsafe { &*extra(file).image }
}

unsafe fn name_of(name: *const c_char) -> String {
    // SAFETY: SQLite hands over names that end with a NUL.
    unsafe { CStr::from_ptr(name) }.to_str().unwrap().to_owned()
}

unsafe extern "C" fn open(vfs: *mut sqlite3_vfs, name: *const c_char, file: *mut sqlite3_file, flags: c_int, out: *mut c_int) -> c_int {
    // SAFETY: all arguments are passed on as SQLite gave them; our table has the platform's `pAppData`, which is all its `xOpen` needs.
    unsafe {
        let code = platform().xOpen.unwrap()(vfs, name, file, flags, out);
        // A file without a name is temporary: it is not there after a crash anyhow.
        if code != ffi::SQLITE_OK || name.is_null() {
            return code;
        }
        let name = name_of(name);
        let read = || Arc::new(Mutex::new(Image { bytes: fs::read(&name).unwrap_or_default(), unsynced: 0..0 }));
        let image = Arc::clone(IMAGES.lock().entry(name.clone()).or_insert_with(read));
        let original = (*file).pMethods;
        let methods = sqlite3_io_methods {
            // Version 2 has no memory mapping: every read comes to us.
            iVersion: 2,
            xClose: Some(close),
            xRead: Some(read_at),
            xWrite: Some(write_at),
            xTruncate: Some(truncate),
            xSync: Some(sync),
            xFileSize: Some(size),
            ..*original
        };
        let place = file.byte_add(offset(platform())).cast::<Extra>();
        place.write(Extra { methods, platform: original, image: Arc::into_raw(image) });
        (*file).pMethods = &raw const (*place).methods;
        code
    }
}

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    // SAFETY: the last call for this file; the `Arc` that `open` made into a pointer is taken back once.
    unsafe {
        let extra = extra(file);
        drop(Arc::from_raw(extra.image));
        (*extra.platform).xClose.unwrap()(file)
    }
}

unsafe extern "C" fn read_at(file: *mut sqlite3_file, to: *mut c_void, len: c_int, at: sqlite3_int64) -> c_int {
    // SAFETY: SQLite gives room for `len` bytes.
    unsafe {
        let image = image(file).lock();
        let (len, at) = (usize::try_from(len).unwrap(), usize::try_from(at).unwrap());
        let found = image.bytes.get(at.min(image.bytes.len())..(at + len).min(image.bytes.len())).unwrap();
        ptr::write_bytes(to.cast::<u8>(), 0, len);
        ptr::copy_nonoverlapping(found.as_ptr(), to.cast::<u8>(), found.len());
        if found.len() == len { ffi::SQLITE_OK } else { ffi::SQLITE_IOERR_SHORT_READ }
    }
}

unsafe extern "C" fn write_at(file: *mut sqlite3_file, from: *const c_void, len: c_int, at: sqlite3_int64) -> c_int {
    if FULL.load(Ordering::SeqCst) {
        return ffi::SQLITE_FULL;
    }
    // SAFETY: SQLite gives `len` bytes.
    unsafe {
        let mut image = image(file).lock();
        let (len, at) = (usize::try_from(len).unwrap(), usize::try_from(at).unwrap());
        let end = at + len;
        if image.bytes.len() < end {
            image.bytes.resize(end, 0);
        }
        image.bytes[at..end].copy_from_slice(std::slice::from_raw_parts(from.cast::<u8>(), len));
        image.unsynced = if image.unsynced.is_empty() { at..end } else { image.unsynced.start.min(at)..image.unsynced.end.max(end) };
        ffi::SQLITE_OK
    }
}

unsafe extern "C" fn truncate(file: *mut sqlite3_file, len: sqlite3_int64) -> c_int {
    // SAFETY: the file is open.
    let mut image = unsafe { image(file) }.lock();
    image.bytes.truncate(usize::try_from(len).unwrap());
    let len = image.bytes.len();
    image.unsynced = image.unsynced.start.min(len)..image.unsynced.end.min(len);
    ffi::SQLITE_OK
}

/// What was written reaches the file: from now on it survives.
unsafe extern "C" fn sync(file: *mut sqlite3_file, _flags: c_int) -> c_int {
    // SAFETY: the platform's functions get the file that they opened, and bytes that the lock keeps in place.
    unsafe {
        let mut image = image(file).lock();
        let methods = &*extra(file).platform;
        let range = std::mem::take(&mut image.unsynced);
        // The platform's function writes less than 128 KiB at once, as that is more than any page.
        for (chunk, at) in image.bytes[range.clone()].chunks(1 << 16).zip(range.step_by(1 << 16)) {
            let (len, at) = (c_int::try_from(chunk.len()).unwrap(), sqlite3_int64::try_from(at).unwrap());
            let code = methods.xWrite.unwrap()(file, chunk.as_ptr().cast(), len, at);
            if code != ffi::SQLITE_OK {
                return code;
            }
        }
        methods.xTruncate.unwrap()(file, sqlite3_int64::try_from(image.bytes.len()).unwrap())
    }
}

unsafe extern "C" fn size(file: *mut sqlite3_file, out: *mut sqlite3_int64) -> c_int {
    // SAFETY: SQLite gives room for one number.
    unsafe { *out = sqlite3_int64::try_from(image(file).lock().bytes.len()).unwrap() };
    ffi::SQLITE_OK
}

unsafe extern "C" fn delete(vfs: *mut sqlite3_vfs, name: *const c_char, synced: c_int) -> c_int {
    // SAFETY: passed on as SQLite gave it.
    unsafe {
        IMAGES.lock().remove(&name_of(name));
        platform().xDelete.unwrap()(vfs, name, synced)
    }
}

unsafe extern "C" fn access(vfs: *mut sqlite3_vfs, name: *const c_char, flags: c_int, out: *mut c_int) -> c_int {
    // SAFETY: passed on as SQLite gave it; `out` has room for one number.
    unsafe {
        let unsynced = IMAGES.lock().get(&name_of(name)).is_some_and(|image| !image.lock().bytes.is_empty());
        if unsynced && flags == ffi::SQLITE_ACCESS_EXISTS {
            *out = 1;
            return ffi::SQLITE_OK;
        }
        platform().xAccess.unwrap()(vfs, name, flags, out)
    }
}
