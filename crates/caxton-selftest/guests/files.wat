;; Does with its files what its arguments say: `<what><directory><path>`, such as `r0notes.txt`. It answers with what it read, or
;; with `!` and the number of the error of `wasi:filesystem`.
(import "wasi:filesystem/preopens@0.2.6" "get-directories" (func $directories (param i32)))
(import "wasi:filesystem/types@0.2.6" "[method]descriptor.open-at" (func $open (param i32 i32 i32 i32 i32 i32 i32)))
(import "wasi:filesystem/types@0.2.6" "[method]descriptor.read" (func $read (param i32 i64 i64 i32)))
(import "wasi:filesystem/types@0.2.6" "[method]descriptor.write" (func $write (param i32 i32 i32 i64 i32)))
(import "wasi:io/streams@0.2.6" "[method]output-stream.blocking-write-and-flush" (func $print (param i32 i32 i32 i32)))
(import "wasi:cli/stdout@0.2.6" "get-stdout" (func $stdout (result i32)))

;; Of a result whose error stands in the byte at 2052, beside a payload.
(func $opened (result i32)
    (if (result i32) (i32.load8_u (i32.const 2048)) (then (call $error (i32.load8_u (i32.const 2052)))) (else (call $done))))
(func $call (param $args i32) (param $args_len i32) (result i32)
    (local $what i32) (local $dir i32) (local $path i32) (local $len i32) (local $file i32) (local $more i32)
    (local.set $what (i32.load8_u (local.get $args)))
    (local.set $path (i32.add (local.get $args) (i32.const 2)))
    (local.set $len (i32.sub (local.get $args_len) (i32.const 2)))
    ;; h: reads from a handle that nobody gave it.
    (if (i32.eq (local.get $what) (i32.const 104)) (then
        (call $read (i32.const 7) (i64.const 100) (i64.const 0) (i32.const 2048))
        (return (call $opened))))
    ;; p: prints 2 MiB.
    (if (i32.eq (local.get $what) (i32.const 112)) (then
        (local.set $file (call $stdout))
        (local.set $more (i32.const 512))
        (loop
            (call $print (local.get $file) (i32.const 8192) (i32.const 4096) (i32.const 2048))
            (br_if 0 (local.tee $more (i32.sub (local.get $more) (i32.const 1)))))
        (return (call $done))))
    (call $directories (i32.const 2048))
    (if (i32.eqz (i32.load (i32.const 2052))) (then (return (call $error (i32.const 98)))))
    (local.set $dir (i32.load (i32.add (i32.load (i32.const 2048))
        (i32.mul (i32.const 12) (i32.sub (i32.load8_u (i32.add (local.get $args) (i32.const 1))) (i32.const 48))))))
    ;; r: reads the path.
    (if (i32.eq (local.get $what) (i32.const 114)) (then
        (call $open (local.get $dir) (i32.const 1) (local.get $path) (local.get $len) (i32.const 0) (i32.const 1) (i32.const 2048))
        (if (i32.load8_u (i32.const 2048)) (then (return (call $opened))))
        (call $read (i32.load (i32.const 2052)) (i64.const 100) (i64.const 0) (i32.const 2048))
        (if (i32.load8_u (i32.const 2048)) (then (return (call $opened))))
        (return (call $text (i32.load (i32.const 2052)) (i32.load (i32.const 2056))))))
    ;; o: opens the path two hundred times and closes nothing.
    (if (i32.eq (local.get $what) (i32.const 111)) (then
        (local.set $more (i32.const 200))
        (loop
            (call $open (local.get $dir) (i32.const 1) (local.get $path) (local.get $len) (i32.const 0) (i32.const 1) (i32.const 2048))
            (if (i32.load8_u (i32.const 2048)) (then (return (call $opened))))
            (br_if 0 (local.tee $more (i32.sub (local.get $more) (i32.const 1)))))
        (return (call $done))))
    ;; From here on the path is created and open for writing. w: writes 4 KiB; f: writes 1 MiB.
    (call $open (local.get $dir) (i32.const 1) (local.get $path) (local.get $len) (i32.const 1) (i32.const 2) (i32.const 2048))
    (if (i32.load8_u (i32.const 2048)) (then (return (call $opened))))
    (local.set $file (i32.load (i32.const 2052)))
    (local.set $more (select (i32.const 256) (i32.const 1) (i32.eq (local.get $what) (i32.const 102))))
    (loop
        (call $write (local.get $file) (i32.const 8192) (i32.const 4096) (i64.mul (i64.extend_i32_u (local.get $more)) (i64.const 4096)) (i32.const 2048))
        (if (i32.load8_u (i32.const 2048)) (then (return (call $error (i32.load8_u (i32.const 2056))))))
        (br_if 0 (local.tee $more (i32.sub (local.get $more) (i32.const 1)))))
    (call $done))
