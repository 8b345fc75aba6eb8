;; Does with its files what its arguments say: `<what><path>`, such as `r/data/notes.txt`. It answers with what it read, or with `!`
;; and the number of the error of `wasi:filesystem`.
(import "wasi:filesystem/preopens@0.2.6" "get-directories" (func $directories (param i32)))
(import "wasi:filesystem/types@0.2.6" "[method]descriptor.open-at" (func $open (param i32 i32 i32 i32 i32 i32 i32)))
(import "wasi:filesystem/types@0.2.6" "[method]descriptor.read" (func $read (param i32 i64 i64 i32)))
(import "wasi:filesystem/types@0.2.6" "[method]descriptor.write" (func $write (param i32 i32 i32 i64 i32)))
(import "wasi:io/streams@0.2.6" "[method]output-stream.blocking-write-and-flush" (func $print (param i32 i32 i32 i32)))
(import "wasi:cli/stdout@0.2.6" "get-stdout" (func $stdout (result i32)))

;; Of a result whose error stands in the byte at 2052, beside a payload.
(func $opened (result i32)
    (if (result i32) (i32.load8_u (i32.const 2048)) (then (call $error (i32.load8_u (i32.const 2052)))) (else (call $done))))
;; The directory of a path, as a standard library finds it: of those that the path begins with, the one with the longest name. Where
;; there is none, it is the first one and all of the path, which no standard library would ask for. What is left of the path is in
;; $path and $len.
(global $path (mut i32) (i32.const 0))
(global $len (mut i32) (i32.const 0))
(func $place (param $at i32) (param $len i32) (result i32)
    (local $entry i32) (local $end i32) (local $name i32) (local $name_len i32) (local $i i32) (local $found i32) (local $found_len i32)
    (call $directories (i32.const 2048))
    (local.set $entry (i32.load (i32.const 2048)))
    (local.set $end (i32.add (local.get $entry) (i32.mul (i32.const 12) (i32.load (i32.const 2052)))))
    (local.set $found (i32.load (local.get $entry)))
    (local.set $found_len (i32.const -1))
    (block $end_of_list
        (loop $next
            (br_if $end_of_list (i32.ge_u (local.get $entry) (local.get $end)))
            (local.set $name (i32.load offset=4 (local.get $entry)))
            (local.set $name_len (i32.load offset=8 (local.get $entry)))
            ;; `/` is there before every path.
            (if (i32.eq (local.get $name_len) (i32.const 1)) (then (local.set $name_len (i32.const 0))))
            (block $is_another
                (br_if $is_another (i32.le_s (local.get $name_len) (local.get $found_len)))
                (br_if $is_another (i32.ge_u (local.get $name_len) (local.get $len)))
                (br_if $is_another (i32.ne (i32.load8_u (i32.add (local.get $at) (local.get $name_len))) (i32.const 47)))
                (local.set $i (i32.const 0))
                (block $is_same
                    (loop $compare
                        (br_if $is_same (i32.ge_u (local.get $i) (local.get $name_len)))
                        (br_if $is_another (i32.ne
                            (i32.load8_u (i32.add (local.get $at) (local.get $i)))
                            (i32.load8_u (i32.add (local.get $name) (local.get $i)))))
                        (local.set $i (i32.add (local.get $i) (i32.const 1)))
                        (br $compare)))
                (local.set $found (i32.load (local.get $entry)))
                (local.set $found_len (local.get $name_len)))
            (local.set $entry (i32.add (local.get $entry) (i32.const 12)))
            (br $next)))
    (local.set $found_len (i32.add (local.get $found_len) (i32.const 1)))
    (global.set $path (i32.add (local.get $at) (local.get $found_len)))
    (global.set $len (i32.sub (local.get $len) (local.get $found_len)))
    (local.get $found))
(func $call (param $args i32) (param $args_len i32) (result i32)
    (local $what i32) (local $dir i32) (local $path i32) (local $len i32) (local $file i32) (local $more i32)
    (local.set $what (i32.load8_u (local.get $args)))
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
    (local.set $dir (call $place (i32.add (local.get $args) (i32.const 1)) (i32.sub (local.get $args_len) (i32.const 1))))
    (local.set $path (global.get $path))
    (local.set $len (global.get $len))
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
