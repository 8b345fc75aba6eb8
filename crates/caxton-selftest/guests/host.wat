;; Asks the host for what every guest may ask it for, and for too much of it; its arguments say what.
(import "wasi:cli/environment@0.2.6" "get-environment" (func $environment (param i32)))
(import "wasi:cli/stdout@0.2.6" "get-stdout" (func $stdout (result i32)))
(import "wasi:clocks/monotonic-clock@0.2.6" "now" (func $now (result i64)))
(import "wasi:clocks/monotonic-clock@0.2.6" "subscribe-duration" (func $later (param i64) (result i32)))
(import "wasi:random/random@0.2.6" "get-random-bytes" (func $random (param i64 i32)))
(import "wasi:io/poll@0.2.6" "[method]pollable.block" (func $block (param i32)))
(import "wasi:io/streams@0.2.6" "[method]output-stream.write" (func $write (param i32 i32 i32 i32)))
(func $call (param $args i32) (param $args_len i32) (result i32)
    (local $what i32) (local $more i32)
    (local.set $what (i32.load8_u (local.get $args)))
    ;; e: the value of its first variable, or `none`.
    (if (i32.eq (local.get $what) (i32.const 101)) (then
        (call $environment (i32.const 2048))
        (if (i32.eqz (i32.load (i32.const 2052))) (then
            (i32.store (i32.const 512) (i32.const 0x656e6f6e)) (return (call $text (i32.const 512) (i32.const 4)))))
        (return (call $text (i32.load offset=8 (i32.load (i32.const 2048))) (i32.load offset=12 (i32.load (i32.const 2048)))))))
    ;; s: sleeps for 150 ms.
    (if (i32.eq (local.get $what) (i32.const 115)) (then
        (call $block (call $later (i64.const 150000000))) (return (call $done))))
    ;; c: asks for the time, one and a half million times.
    (if (i32.eq (local.get $what) (i32.const 99)) (then
        (local.set $more (i32.const 1500000))
        (loop (drop (call $now)) (br_if 0 (local.tee $more (i32.sub (local.get $more) (i32.const 1)))))
        (return (call $done))))
    ;; r: a megabyte of random bytes.
    (if (i32.eq (local.get $what) (i32.const 114)) (then
        (call $random (i64.const 1048576) (i32.const 2048)) (return (call $done))))
    ;; h: two thousand handles, none of which it drops.
    (if (i32.eq (local.get $what) (i32.const 104)) (then
        (local.set $more (i32.const 2000))
        (loop (drop (call $stdout)) (br_if 0 (local.tee $more (i32.sub (local.get $more) (i32.const 1)))))
        (return (call $done))))
    ;; w: eight megabytes in one go.
    (call $write (call $stdout) (i32.const 4096) (i32.const 8388608) (i32.const 2048))
    (call $done))
