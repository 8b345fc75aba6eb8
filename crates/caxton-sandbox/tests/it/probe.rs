//! A guest that does with its files what its arguments say: `<what><directory><path>`, such as `r1/notes.txt`.
//!
//! It answers with what it read, or with `!` and the number of WASI's error.

use crate::support::component_of;

const WIT: &str = r"
package wasi:io@0.2.6 {
    interface error { resource error; }
    interface streams {
        use error.{error};
        variant stream-error { last-operation-failed(error), closed }
        resource output-stream { blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>; }
    }
}
package wasi:filesystem@0.2.6 {
    interface types {
        use wasi:io/streams@0.2.6.{output-stream};
        flags descriptor-flags { read, write, file-integrity-sync, data-integrity-sync, requested-write-sync, mutate-directory }
        flags path-flags { symlink-follow }
        flags open-flags { create, directory, exclusive, truncate }
        enum error-code {
            access, would-block, already, bad-descriptor, busy, deadlock, quota, exist, file-too-large, illegal-byte-sequence, in-progress,
            interrupted, invalid, io, is-directory, loop, too-many-links, message-size, name-too-long, no-device, no-entry, no-lock,
            insufficient-memory, insufficient-space, not-directory, not-empty, not-recoverable, unsupported, no-tty, no-such-device,
            overflow, not-permitted, pipe, read-only, invalid-seek, text-file-busy, cross-device,
        }
        resource descriptor {
            open-at: func(path-flags: path-flags, path: string, open-flags: open-flags, %flags: descriptor-flags) -> result<descriptor, error-code>;
            read: func(length: u64, offset: u64) -> result<tuple<list<u8>, bool>, error-code>;
            write: func(buffer: list<u8>, offset: u64) -> result<u64, error-code>;
            write-via-stream: func(offset: u64) -> result<output-stream, error-code>;
            set-size: func(size: u64) -> result<_, error-code>;
            symlink-at: func(old-path: string, new-path: string) -> result<_, error-code>;
            rename-at: func(old-path: string, new-descriptor: borrow<descriptor>, new-path: string) -> result<_, error-code>;
            unlink-file-at: func(path: string) -> result<_, error-code>;
            remove-directory-at: func(path: string) -> result<_, error-code>;
            readlink-at: func(path: string) -> result<string, error-code>;
            create-directory-at: func(path: string) -> result<_, error-code>;
        }
    }
    interface preopens {
        use types.{descriptor};
        get-directories: func() -> list<tuple<descriptor, string>>;
    }
}
package wasi:cli@0.2.6 {
    interface stdout {
        use wasi:io/streams@0.2.6.{output-stream};
        get-stdout: func() -> output-stream;
    }
}
";

const FIELDS: &str = r#"
    (import "wasi:filesystem/preopens@0.2.6" "get-directories" (func $directories (param i32)))
    (import "wasi:filesystem/types@0.2.6" "[method]descriptor.open-at" (func $open (param i32 i32 i32 i32 i32 i32 i32)))
    (import "wasi:filesystem/types@0.2.6" "[method]descriptor.read" (func $read (param i32 i64 i64 i32)))
    (import "wasi:filesystem/types@0.2.6" "[method]descriptor.write" (func $write (param i32 i32 i32 i64 i32)))
    (import "wasi:filesystem/types@0.2.6" "[method]descriptor.write-via-stream" (func $stream (param i32 i64 i32)))
    (import "wasi:filesystem/types@0.2.6" "[method]descriptor.set-size" (func $size (param i32 i64 i32)))
    (import "wasi:filesystem/types@0.2.6" "[method]descriptor.symlink-at" (func $symlink (param i32 i32 i32 i32 i32 i32)))
    (import "wasi:filesystem/types@0.2.6" "[method]descriptor.rename-at" (func $rename (param i32 i32 i32 i32 i32 i32 i32)))
    (import "wasi:filesystem/types@0.2.6" "[method]descriptor.unlink-file-at" (func $unlink (param i32 i32 i32 i32)))
    (import "wasi:filesystem/types@0.2.6" "[method]descriptor.remove-directory-at" (func $rmdir (param i32 i32 i32 i32)))
    (import "wasi:filesystem/types@0.2.6" "[method]descriptor.readlink-at" (func $readlink (param i32 i32 i32 i32)))
    (import "wasi:filesystem/types@0.2.6" "[method]descriptor.create-directory-at" (func $mkdir (param i32 i32 i32 i32)))
    (import "wasi:io/streams@0.2.6" "[method]output-stream.blocking-write-and-flush" (func $print (param i32 i32 i32 i32)))
    (import "wasi:cli/stdout@0.2.6" "get-stdout" (func $stdout (result i32)))
    (func $text (param $at i32) (param $len i32) (result i32)
        (i32.store (i32.const 3072) (i32.const 0))
        (i32.store (i32.const 3076) (local.get $at)) (i32.store (i32.const 3080) (local.get $len)) (i32.const 3072))
    (func $error (param $code i32) (result i32)
        (i32.store8 (i32.const 512) (i32.const 33))
        (i32.store8 (i32.const 513) (i32.add (i32.const 48) (i32.div_u (local.get $code) (i32.const 10))))
        (i32.store8 (i32.const 514) (i32.add (i32.const 48) (i32.rem_u (local.get $code) (i32.const 10))))
        (call $text (i32.const 512) (i32.const 3)))
    ;; Of a result whose error stands in the byte at 2049 or, beside a payload, at 2052.
    (func $done (param $wide i32) (result i32)
        (if (result i32) (i32.load8_u (i32.const 2048))
            (then (call $error (if (result i32) (local.get $wide) (then (i32.load8_u (i32.const 2052))) (else (i32.load8_u (i32.const 2049))))))
            (else (i32.store16 (i32.const 512) (i32.const 0x6b6f)) (call $text (i32.const 512) (i32.const 2)))))
"#;

const BODY: &str = r"
    (local $what i32) (local $dir i32) (local $path i32) (local $len i32) (local $file i32)
    (local.set $what (i32.load8_u (local.get $args)))
    (local.set $path (i32.add (local.get $args) (i32.const 2)))
    (local.set $len (i32.sub (local.get $args_len) (i32.const 2)))
    ;; p: prints for as long as it may.
    (if (i32.eq (local.get $what) (i32.const 112)) (then
        (local.set $file (call $stdout))
        (loop (call $print (local.get $file) (i32.const 8192) (i32.const 4096) (i32.const 2048)) (br 0))))
    (call $directories (i32.const 2048))
    ;; n: how many directories.
    (if (i32.eq (local.get $what) (i32.const 110)) (then
        (i32.store8 (i32.const 512) (i32.add (i32.const 48) (i32.load (i32.const 2052))))
        (return (call $text (i32.const 512) (i32.const 1)))))
    (local.set $dir (i32.load (i32.add (i32.load (i32.const 2048))
        (i32.mul (i32.const 12) (i32.sub (i32.load8_u (i32.add (local.get $args) (i32.const 1))) (i32.const 48))))))
    ;; l, m, u, d: link to the path, move it to `moved`, unlink it, make a directory.
    (if (i32.eq (local.get $what) (i32.const 108)) (then
        (i32.store8 (i32.const 512) (i32.const 120))
        (call $symlink (local.get $dir) (local.get $path) (local.get $len) (i32.const 512) (i32.const 1) (i32.const 2048)) (return (call $done (i32.const 0)))))
    (if (i32.eq (local.get $what) (i32.const 109)) (then
        (i64.store (i32.const 512) (i64.const 0x6465766f6d))
        (call $rename (local.get $dir) (local.get $path) (local.get $len) (local.get $dir) (i32.const 512) (i32.const 5) (i32.const 2048)) (return (call $done (i32.const 0)))))
    (if (i32.eq (local.get $what) (i32.const 117)) (then
        (call $unlink (local.get $dir) (local.get $path) (local.get $len) (i32.const 2048)) (return (call $done (i32.const 0)))))
    (if (i32.eq (local.get $what) (i32.const 100)) (then
        (call $mkdir (local.get $dir) (local.get $path) (local.get $len) (i32.const 2048)) (return (call $done (i32.const 0)))))
    ;; e: removes a directory; k: reads a link.
    (if (i32.eq (local.get $what) (i32.const 101)) (then
        (call $rmdir (local.get $dir) (local.get $path) (local.get $len) (i32.const 2048)) (return (call $done (i32.const 0)))))
    (if (i32.eq (local.get $what) (i32.const 107)) (then
        (call $readlink (local.get $dir) (local.get $path) (local.get $len) (i32.const 2048))
        (if (i32.load8_u (i32.const 2048)) (then (return (call $done (i32.const 1)))))
        (return (call $text (i32.load (i32.const 2052)) (i32.load (i32.const 2056))))))
    ;; a, b, c: opens the path for reading, and then writes to it, writes through a stream, makes it longer.
    (if (i32.le_u (local.get $what) (i32.const 99)) (then
        (call $open (local.get $dir) (i32.const 1) (local.get $path) (local.get $len) (i32.const 0) (i32.const 1) (i32.const 2048))
        (if (i32.load8_u (i32.const 2048)) (then (return (call $done (i32.const 1)))))
        (local.set $file (i32.load (i32.const 2052)))
        (if (i32.eq (local.get $what) (i32.const 98)) (then
            (call $stream (local.get $file) (i64.const 0) (i32.const 2048)) (return (call $done (i32.const 1)))))
        (if (i32.eq (local.get $what) (i32.const 99)) (then
            (call $size (local.get $file) (i64.const 9) (i32.const 2048)) (return (call $done (i32.const 0)))))
        (call $write (local.get $file) (i32.const 8192) (i32.const 1) (i64.const 0) (i32.const 2048))
        (if (i32.load8_u (i32.const 2048)) (then (return (call $error (i32.load8_u (i32.const 2056))))))
        (return (call $done (i32.const 1)))))
    ;; r: reads the path.
    (if (i32.eq (local.get $what) (i32.const 114)) (then
        (call $open (local.get $dir) (i32.const 1) (local.get $path) (local.get $len) (i32.const 0) (i32.const 1) (i32.const 2048))
        (if (i32.load8_u (i32.const 2048)) (then (return (call $done (i32.const 1)))))
        (call $read (i32.load (i32.const 2052)) (i64.const 100) (i64.const 0) (i32.const 2048))
        (if (i32.load8_u (i32.const 2048)) (then (return (call $done (i32.const 1)))))
        (return (call $text (i32.load (i32.const 2052)) (i32.load (i32.const 2056))))))
    ;; o: opens the path for as long as it may.
    (if (i32.eq (local.get $what) (i32.const 111)) (then
        (loop
            (call $open (local.get $dir) (i32.const 1) (local.get $path) (local.get $len) (i32.const 0) (i32.const 1) (i32.const 2048))
            (br_if 0 (i32.eqz (i32.load8_u (i32.const 2048)))))
        (return (call $done (i32.const 1)))))
    ;; From here on the path is created and open for writing.
    (call $open (local.get $dir) (i32.const 1) (local.get $path) (local.get $len) (i32.const 1) (i32.const 2) (i32.const 2048))
    (if (i32.load8_u (i32.const 2048)) (then (return (call $done (i32.const 1)))))
    (local.set $file (i32.load (i32.const 2052)))
    ;; w: writes 4 KiB; f: writes 4 KiB again and again.
    (if (i32.or (i32.eq (local.get $what) (i32.const 119)) (i32.eq (local.get $what) (i32.const 102))) (then
        (loop
            (call $write (local.get $file) (i32.const 8192) (i32.const 4096) (i64.const 0) (i32.const 2048))
            (br_if 0 (i32.and (i32.eq (local.get $what) (i32.const 102)) (i32.eqz (i32.load8_u (i32.const 2048))))))
        (if (i32.load8_u (i32.const 2048)) (then (return (call $error (i32.load8_u (i32.const 2056))))))
        (return (call $done (i32.const 1)))))
    ;; s: the same through a stream.
    (if (i32.eq (local.get $what) (i32.const 115)) (then
        (call $stream (local.get $file) (i64.const 0) (i32.const 2048))
        (if (i32.load8_u (i32.const 2048)) (then (return (call $done (i32.const 1)))))
        (local.set $file (i32.load (i32.const 2052)))
        (loop
            (call $print (local.get $file) (i32.const 8192) (i32.const 4096) (i32.const 2048))
            (br_if 0 (i32.eqz (i32.load8_u (i32.const 2048)))))
        (return (call $error (i32.const 99)))))
    ;; z: makes it a gigabyte long.
    (call $size (local.get $file) (i64.const 1073741824) (i32.const 2048))
    (call $done (i32.const 0))
";

/// The guest.
pub(crate) fn probe() -> Vec<u8> {
    component_of(
        FIELDS,
        BODY,
        WIT,
        &["wasi:filesystem/types@0.2.6", "wasi:filesystem/preopens@0.2.6", "wasi:cli/stdout@0.2.6", "wasi:io/streams@0.2.6"],
    )
}
