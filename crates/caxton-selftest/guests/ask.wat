;; Asks the host what its arguments say, for memory and for other tools: `<what><text>`, such as `mwhat I was told`. It answers with
;; what it is answered, be that an error or not.
(import "caxton:host/memory@0.1.0" "recall" (func $recall (param i32 i32 i32 i32)))
(import "caxton:host/tools@0.1.0" "call-tool" (func $tool (param i32 i32 i32 i32 i32)))
;; A request that waits for the next call is at 16384, what came of it at 32768; their lengths are these.
(global $planted (mut i32) (i32.const 0))
(global $found (mut i32) (i32.const 0))
(func $answer (result i32) (call $text (i32.load (i32.const 2052)) (i32.load (i32.const 2056))))
(func $call (param $args i32) (param $args_len i32) (result i32)
    (local $what i32) (local $at i32) (local $len i32) (local $more i32)
    (local.set $what (i32.load8_u (local.get $args)))
    (local.set $at (i32.add (local.get $args) (i32.const 1)))
    (local.set $len (i32.sub (local.get $args_len) (i32.const 1)))
    ;; m: searches memory.
    (if (i32.eq (local.get $what) (i32.const 109)) (then
        (call $recall (local.get $at) (local.get $len) (i32.const 10) (i32.const 2048))
        (return (call $answer))))
    ;; t: calls the tool of this name; f: calls it sixty-four times.
    (i32.store16 (i32.const 512) (i32.const 0x7d7b))
    (local.set $more (select (i32.const 64) (i32.const 1) (i32.eq (local.get $what) (i32.const 102))))
    (if (i32.or (i32.eq (local.get $what) (i32.const 102)) (i32.eq (local.get $what) (i32.const 116))) (then
        (loop
            (call $tool (local.get $at) (local.get $len) (i32.const 512) (i32.const 2) (i32.const 2048))
            (br_if 0 (local.tee $more (i32.sub (local.get $more) (i32.const 1)))))
        (return (call $answer))))
    ;; p: leaves a request for whoever calls next.
    (if (i32.eq (local.get $what) (i32.const 112)) (then
        (memory.copy (i32.const 16384) (local.get $at) (local.get $len))
        (global.set $planted (local.get $len))
        (return (call $done))))
    ;; g: gets what came of it.
    (if (i32.eq (local.get $what) (i32.const 103)) (then (return (call $text (i32.const 32768) (global.get $found)))))
    ;; Anything else is an honest call, which makes the request that was left.
    (if (global.get $planted) (then
        (call $recall (i32.const 16384) (global.get $planted) (i32.const 10) (i32.const 2048))
        (memory.copy (i32.const 32768) (i32.load (i32.const 2052)) (i32.load (i32.const 2056)))
        (global.set $found (i32.load (i32.const 2056)))))
    (call $done))
