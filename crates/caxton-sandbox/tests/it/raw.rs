//! A guest that uses a socket as its arguments say: `<what><digit><port>`, such as `t1:80`, at 127.0.0.digit; or `n<name>`.
//!
//! It answers with what it received, or with `!` and the number of the error of `wasi:sockets`.

use crate::support::component_of;

/// What it sends.
pub(crate) const WORDS: &str = "hello from a guest";

const WIT: &str = r"
package wasi:io@0.2.6 {
    interface error { resource error; }
    interface poll { resource pollable { block: func(); } }
    interface streams {
        use error.{error};
        variant stream-error { last-operation-failed(error), closed }
        resource input-stream { blocking-read: func(len: u64) -> result<list<u8>, stream-error>; }
        resource output-stream { blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>; }
    }
}
package wasi:sockets@0.2.6 {
    interface network {
        resource network;
        enum error-code {
            unknown, access-denied, not-supported, invalid-argument, out-of-memory, timeout, concurrency-conflict, not-in-progress,
            would-block, invalid-state, new-socket-limit, address-not-bindable, address-in-use, remote-unreachable, connection-refused,
            connection-reset, connection-aborted, datagram-too-large, name-unresolvable, temporary-resolver-failure,
            permanent-resolver-failure,
        }
        enum ip-address-family { ipv4, ipv6 }
        type ipv4-address = tuple<u8, u8, u8, u8>;
        type ipv6-address = tuple<u16, u16, u16, u16, u16, u16, u16, u16>;
        variant ip-address { ipv4(ipv4-address), ipv6(ipv6-address) }
        record ipv4-socket-address { port: u16, address: ipv4-address }
        record ipv6-socket-address { port: u16, flow-info: u32, address: ipv6-address, scope-id: u32 }
        variant ip-socket-address { ipv4(ipv4-socket-address), ipv6(ipv6-socket-address) }
    }
    interface instance-network {
        use network.{network};
        instance-network: func() -> network;
    }
    interface ip-name-lookup {
        use wasi:io/poll@0.2.6.{pollable};
        use network.{network, error-code, ip-address};
        resolve-addresses: func(network: borrow<network>, name: string) -> result<resolve-address-stream, error-code>;
        resource resolve-address-stream {
            resolve-next-address: func() -> result<option<ip-address>, error-code>;
            subscribe: func() -> pollable;
        }
    }
    interface tcp {
        use wasi:io/poll@0.2.6.{pollable};
        use wasi:io/streams@0.2.6.{input-stream, output-stream};
        use network.{network, error-code, ip-socket-address};
        resource tcp-socket {
            start-bind: func(network: borrow<network>, local-address: ip-socket-address) -> result<_, error-code>;
            finish-bind: func() -> result<_, error-code>;
            start-connect: func(network: borrow<network>, remote-address: ip-socket-address) -> result<_, error-code>;
            finish-connect: func() -> result<tuple<input-stream, output-stream>, error-code>;
            start-listen: func() -> result<_, error-code>;
            accept: func() -> result<tuple<tcp-socket, input-stream, output-stream>, error-code>;
            subscribe: func() -> pollable;
        }
    }
    interface tcp-create-socket {
        use network.{error-code, ip-address-family};
        use tcp.{tcp-socket};
        create-tcp-socket: func(address-family: ip-address-family) -> result<tcp-socket, error-code>;
    }
    interface udp {
        use wasi:io/poll@0.2.6.{pollable};
        use network.{network, error-code, ip-socket-address};
        record incoming-datagram { data: list<u8>, remote-address: ip-socket-address }
        record outgoing-datagram { data: list<u8>, remote-address: option<ip-socket-address> }
        resource udp-socket {
            start-bind: func(network: borrow<network>, local-address: ip-socket-address) -> result<_, error-code>;
            finish-bind: func() -> result<_, error-code>;
            %stream: func(remote-address: option<ip-socket-address>) -> result<tuple<incoming-datagram-stream, outgoing-datagram-stream>, error-code>;
        }
        resource incoming-datagram-stream {
            receive: func(max-results: u64) -> result<list<incoming-datagram>, error-code>;
            subscribe: func() -> pollable;
        }
        resource outgoing-datagram-stream {
            check-send: func() -> result<u64, error-code>;
            send: func(datagrams: list<outgoing-datagram>) -> result<u64, error-code>;
        }
    }
    interface udp-create-socket {
        use network.{error-code, ip-address-family};
        use udp.{udp-socket};
        create-udp-socket: func(address-family: ip-address-family) -> result<udp-socket, error-code>;
    }
}
";

/// What the host answers lies at 2048; a datagram to send at 600, another one after it.
const FIELDS: &str = r#"
    (import "wasi:sockets/instance-network@0.2.6" "instance-network" (func $network (result i32)))
    (import "wasi:sockets/ip-name-lookup@0.2.6" "resolve-addresses" (func $resolve (param i32 i32 i32 i32)))
    (import "wasi:sockets/ip-name-lookup@0.2.6" "[method]resolve-address-stream.resolve-next-address" (func $next-address (param i32 i32)))
    (import "wasi:sockets/ip-name-lookup@0.2.6" "[method]resolve-address-stream.subscribe" (func $resolved (param i32) (result i32)))
    (import "wasi:sockets/tcp-create-socket@0.2.6" "create-tcp-socket" (func $tcp (param i32 i32)))
    (import "wasi:sockets/tcp@0.2.6" "[method]tcp-socket.start-bind"
        (func $tcp-bind (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
    (import "wasi:sockets/tcp@0.2.6" "[method]tcp-socket.finish-bind" (func $tcp-bound (param i32 i32)))
    (import "wasi:sockets/tcp@0.2.6" "[method]tcp-socket.start-connect"
        (func $connect (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
    (import "wasi:sockets/tcp@0.2.6" "[method]tcp-socket.finish-connect" (func $connected (param i32 i32)))
    (import "wasi:sockets/tcp@0.2.6" "[method]tcp-socket.start-listen" (func $listen (param i32 i32)))
    (import "wasi:sockets/tcp@0.2.6" "[method]tcp-socket.accept" (func $accept (param i32 i32)))
    (import "wasi:sockets/tcp@0.2.6" "[method]tcp-socket.subscribe" (func $ready (param i32) (result i32)))
    (import "wasi:sockets/udp-create-socket@0.2.6" "create-udp-socket" (func $udp (param i32 i32)))
    (import "wasi:sockets/udp@0.2.6" "[method]udp-socket.start-bind"
        (func $udp-bind (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
    (import "wasi:sockets/udp@0.2.6" "[method]udp-socket.finish-bind" (func $udp-bound (param i32 i32)))
    (import "wasi:sockets/udp@0.2.6" "[method]udp-socket.stream"
        (func $datagrams (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
    (import "wasi:sockets/udp@0.2.6" "[method]incoming-datagram-stream.receive" (func $receive (param i32 i64 i32)))
    (import "wasi:sockets/udp@0.2.6" "[method]incoming-datagram-stream.subscribe" (func $received (param i32) (result i32)))
    (import "wasi:sockets/udp@0.2.6" "[method]outgoing-datagram-stream.check-send" (func $may-send (param i32 i32)))
    (import "wasi:sockets/udp@0.2.6" "[method]outgoing-datagram-stream.send" (func $send (param i32 i32 i32 i32)))
    (import "wasi:io/poll@0.2.6" "[method]pollable.block" (func $block (param i32)))
    (import "wasi:io/streams@0.2.6" "[method]input-stream.blocking-read" (func $read (param i32 i64 i32)))
    (import "wasi:io/streams@0.2.6" "[method]output-stream.blocking-write-and-flush" (func $write (param i32 i32 i32 i32)))
    (data (i32.const 700) "hello from a guest")
    (func $text (param $at i32) (param $len i32) (result i32)
        (i32.store (i32.const 3072) (i32.const 0))
        (i32.store (i32.const 3076) (local.get $at)) (i32.store (i32.const 3080) (local.get $len)) (i32.const 3072))
    (func $failed (result i32) (i32.load8_u (i32.const 2048)))
    ;; The error at this place.
    (func $error (param $at i32) (result i32)
        (local $code i32)
        (local.set $code (i32.load8_u (local.get $at)))
        (i32.store8 (i32.const 512) (i32.const 33))
        (i32.store8 (i32.const 513) (i32.add (i32.const 48) (i32.div_u (local.get $code) (i32.const 10))))
        (i32.store8 (i32.const 514) (i32.add (i32.const 48) (i32.rem_u (local.get $code) (i32.const 10))))
        (call $text (i32.const 512) (i32.const 3)))
    (func $digit (param $number i32) (result i32)
        (i32.store8 (i32.const 512) (i32.add (i32.const 48) (local.get $number)))
        (call $text (i32.const 512) (i32.const 1)))
    (func $number (param $at i32) (param $end i32) (result i32)
        (local $number i32)
        (loop
            (local.set $number (i32.add (i32.mul (local.get $number) (i32.const 10)) (i32.sub (i32.load8_u (local.get $at)) (i32.const 48))))
            (br_if 0 (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 1))) (local.get $end))))
        (local.get $number))
    (func $name (param $at i32) (param $len i32) (result i32)
        (local $answers i32)
        (call $resolve (call $network) (local.get $at) (local.get $len) (i32.const 2048))
        (if (call $failed) (then (return (call $error (i32.const 2052)))))
        (local.set $answers (i32.load (i32.const 2052)))
        (call $block (call $resolved (local.get $answers)))
        (call $next-address (local.get $answers) (i32.const 2048))
        (if (call $failed) (then (return (call $error (i32.const 2050)))))
        (call $digit (i32.load8_u (i32.const 2050))))
    (func $over-tcp (param $what i32) (param $last i32) (param $port i32) (result i32)
        (local $socket i32) (local $in i32) (local $out i32)
        (call $tcp (i32.const 0) (i32.const 2048))
        (if (call $failed) (then (return (call $error (i32.const 2052)))))
        (local.set $socket (i32.load (i32.const 2052)))
        ;; x: accepts a connection.
        (if (i32.eq (local.get $what) (i32.const 120)) (then
            (call $accept (local.get $socket) (i32.const 2048)) (return (call $error (i32.const 2052)))))
        ;; b: binds to the address; l: listens wherever it may.
        (if (i32.or (i32.eq (local.get $what) (i32.const 98)) (i32.eq (local.get $what) (i32.const 108))) (then
            (call $tcp-bind (local.get $socket) (call $network) (i32.const 0) (local.get $port)
                (select (i32.const 127) (i32.const 0) (local.get $last)) (i32.const 0) (i32.const 0) (local.get $last)
                (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 2048))
            (if (call $failed) (then (return (call $error (i32.const 2049)))))
            (call $tcp-bound (local.get $socket) (i32.const 2048))
            (call $listen (local.get $socket) (i32.const 2048))
            (if (call $failed) (then (return (call $error (i32.const 2049)))))
            (return (call $digit (i32.const 0)))))
        (call $connect (local.get $socket) (call $network)
            (i32.const 0) (local.get $port) (i32.const 127) (i32.const 0) (i32.const 0) (local.get $last)
            (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 2048))
        (if (call $failed) (then (return (call $error (i32.const 2049)))))
        (call $block (call $ready (local.get $socket)))
        (call $connected (local.get $socket) (i32.const 2048))
        (if (call $failed) (then (return (call $error (i32.const 2052)))))
        (local.set $in (i32.load (i32.const 2052)))
        (local.set $out (i32.load (i32.const 2056)))
        ;; f: writes for as long as it may.
        (if (i32.eq (local.get $what) (i32.const 102)) (then
            (loop
                (call $write (local.get $out) (i32.const 8192) (i32.const 4096) (i32.const 2048))
                (br_if 0 (i32.eqz (call $failed))))
            (return (call $digit (i32.const 0)))))
        ;; a: reads for as long as there is something.
        (if (i32.eq (local.get $what) (i32.const 97)) (then
            (loop
                (global.set $next (i32.const 4096))
                (call $read (local.get $in) (i64.const 4096) (i32.const 2048))
                (br_if 0 (i32.eqz (call $failed))))
            (return (call $digit (i32.const 0)))))
        ;; t: says something, and listens to the answer.
        (call $write (local.get $out) (i32.const 700) (i32.const 18) (i32.const 2048))
        (if (call $failed) (then (return (call $digit (i32.const 1)))))
        (call $read (local.get $in) (i64.const 4096) (i32.const 2048))
        (if (call $failed) (then (return (call $digit (i32.const 2)))))
        (call $text (i32.load (i32.const 2052)) (i32.load (i32.const 2056))))
    (func $over-udp (param $what i32) (param $last i32) (param $port i32) (result i32)
        (local $socket i32) (local $in i32) (local $out i32) (local $binds i32) (local $connects i32)
        (call $udp (i32.const 0) (i32.const 2048))
        (if (call $failed) (then (return (call $error (i32.const 2052)))))
        (local.set $socket (i32.load (i32.const 2052)))
        ;; d: binds to the address; all others wherever they may.
        (local.set $binds (i32.eq (local.get $what) (i32.const 100)))
        (call $udp-bind (local.get $socket) (call $network) (i32.const 0)
            (i32.mul (local.get $binds) (local.get $port)) (i32.mul (local.get $binds) (i32.const 127))
            (i32.const 0) (i32.const 0) (i32.mul (local.get $binds) (local.get $last))
            (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 2048))
        (if (call $failed) (then (return (call $error (i32.const 2049)))))
        (call $udp-bound (local.get $socket) (i32.const 2048))
        ;; u: says where to once, all others with each datagram.
        (local.set $connects (i32.eq (local.get $what) (i32.const 117)))
        (call $datagrams (local.get $socket) (local.get $connects)
            (i32.const 0) (local.get $port) (i32.const 127) (i32.const 0) (i32.const 0) (local.get $last)
            (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 2048))
        (if (call $failed) (then (return (call $error (i32.const 2052)))))
        (local.set $in (i32.load (i32.const 2052)))
        (local.set $out (i32.load (i32.const 2056)))
        (i32.store (i32.const 600) (i32.const 700))
        (i32.store (i32.const 604) (i32.const 18))
        (i32.store (i32.const 608) (i32.eqz (local.get $connects)))
        (i32.store (i32.const 612) (i32.const 0))
        (i32.store16 (i32.const 616) (local.get $port))
        (i32.store8 (i32.const 618) (i32.const 127))
        (i32.store8 (i32.const 621) (local.get $last))
        (memory.copy (i32.const 644) (i32.const 600) (i32.const 44))
        ;; e: sends empty ones for as long as it may.
        (if (i32.eq (local.get $what) (i32.const 101)) (then
            (i32.store (i32.const 604) (i32.const 0))
            (loop
                (call $may-send (local.get $out) (i32.const 2048))
                (call $send (local.get $out) (i32.const 600) (i32.const 1) (i32.const 2048))
                (br_if 0 (i32.eqz (call $failed))))
            (return (call $error (i32.const 2056)))))
        (call $may-send (local.get $out) (i32.const 2048))
        ;; y: sends two at once, and tells how many were taken; all others send one.
        (call $send (local.get $out) (i32.const 600)
            (i32.add (i32.const 1) (i32.eq (local.get $what) (i32.const 121))) (i32.const 2048))
        (if (call $failed) (then (return (call $error (i32.const 2056)))))
        (if (i32.eq (local.get $what) (i32.const 121)) (then (return (call $digit (i32.load8_u (i32.const 2056))))))
        (loop
            (call $block (call $received (local.get $in)))
            (call $receive (local.get $in) (i64.const 1) (i32.const 2048))
            (if (call $failed) (then (return (call $error (i32.const 2052)))))
            (br_if 0 (i32.eqz (i32.load (i32.const 2056)))))
        (call $text (i32.load (i32.load (i32.const 2052))) (i32.load offset=4 (i32.load (i32.const 2052)))))
"#;

const BODY: &str = r"
    (local $what i32) (local $last i32) (local $port i32)
    (local.set $what (i32.load8_u (local.get $args)))
    ;; n: asks for a name.
    (if (i32.eq (local.get $what) (i32.const 110)) (then
        (return (call $name (i32.add (local.get $args) (i32.const 1)) (i32.sub (local.get $args_len) (i32.const 1))))))
    (local.set $last (i32.sub (i32.load8_u offset=1 (local.get $args)) (i32.const 48)))
    (local.set $port (call $number (i32.add (local.get $args) (i32.const 3)) (i32.add (local.get $args) (local.get $args_len))))
    ;; d, e, u, w, y go by UDP.
    (if (i32.or
            (i32.or (i32.eq (local.get $what) (i32.const 100)) (i32.eq (local.get $what) (i32.const 101)))
            (i32.or (i32.or (i32.eq (local.get $what) (i32.const 117)) (i32.eq (local.get $what) (i32.const 119)))
                (i32.eq (local.get $what) (i32.const 121))))
        (then (return (call $over-udp (local.get $what) (local.get $last) (local.get $port)))))
    (call $over-tcp (local.get $what) (local.get $last) (local.get $port))
";

/// The guest.
pub(crate) fn raw() -> Vec<u8> {
    let imports = ["instance-network", "ip-name-lookup", "tcp", "tcp-create-socket", "udp", "udp-create-socket"];
    let imports: Vec<String> = imports.iter().map(|name| format!("wasi:sockets/{name}@0.2.6")).collect();
    let io = ["wasi:io/streams@0.2.6", "wasi:io/poll@0.2.6"];
    component_of(FIELDS, BODY, WIT, &imports.iter().map(String::as_str).chain(io).collect::<Vec<_>>())
}
