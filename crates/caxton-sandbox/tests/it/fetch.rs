//! A guest that sends the request that its arguments name: `<what><scheme><authority>`, such as `gh127.0.0.1:80`.
//!
//! It answers with what it received, or with `!` and the number of the error of `wasi:http`.

use crate::support::component_of;

const WIT: &str = r"
package wasi:io@0.2.6 {
    interface error { resource error; }
    interface poll { resource pollable { block: func(); } }
    interface streams {
        use error.{error};
        variant stream-error { last-operation-failed(error), closed }
        resource input-stream { blocking-read: func(len: u64) -> result<list<u8>, stream-error>; }
    }
}
package wasi:http@0.2.6 {
    interface types {
        use wasi:io/streams@0.2.6.{input-stream};
        use wasi:io/poll@0.2.6.{pollable};
        variant method { get, head, post, put, delete, connect, options, trace, patch, other(string) }
        variant scheme { HTTP, HTTPS, other(string) }
        record DNS-error-payload { rcode: option<string>, info-code: option<u16> }
        record TLS-alert-received-payload { alert-id: option<u8>, alert-message: option<string> }
        record field-size-payload { field-name: option<string>, field-size: option<u32> }
        variant error-code {
            DNS-timeout, DNS-error(DNS-error-payload), destination-not-found, destination-unavailable, destination-IP-prohibited,
            destination-IP-unroutable, connection-refused, connection-terminated, connection-timeout, connection-read-timeout,
            connection-write-timeout, connection-limit-reached, TLS-protocol-error, TLS-certificate-error,
            TLS-alert-received(TLS-alert-received-payload), HTTP-request-denied, HTTP-request-length-required,
            HTTP-request-body-size(option<u64>), HTTP-request-method-invalid, HTTP-request-URI-invalid, HTTP-request-URI-too-long,
            HTTP-request-header-section-size(option<u32>), HTTP-request-header-size(option<field-size-payload>),
            HTTP-request-trailer-section-size(option<u32>), HTTP-request-trailer-size(field-size-payload), HTTP-response-incomplete,
            HTTP-response-header-section-size(option<u32>), HTTP-response-header-size(field-size-payload),
            HTTP-response-body-size(option<u64>), HTTP-response-trailer-section-size(option<u32>),
            HTTP-response-trailer-size(field-size-payload), HTTP-response-transfer-coding(option<string>),
            HTTP-response-content-coding(option<string>), HTTP-response-timeout, HTTP-upgrade-failed, HTTP-protocol-error, loop-detected,
            configuration-error, internal-error(option<string>),
        }
        resource fields { constructor(); }
        resource outgoing-request {
            constructor(headers: fields);
            set-method: func(method: method) -> result;
            set-scheme: func(scheme: option<scheme>) -> result;
            set-authority: func(authority: option<string>) -> result;
            set-path-with-query: func(path: option<string>) -> result;
        }
        resource request-options;
        resource incoming-body { %stream: func() -> result<input-stream>; }
        resource incoming-response { consume: func() -> result<incoming-body>; }
        resource future-incoming-response {
            subscribe: func() -> pollable;
            get: func() -> option<result<result<incoming-response, error-code>>>;
        }
    }
    interface outgoing-handler {
        use types.{outgoing-request, request-options, future-incoming-response, error-code};
        handle: func(request: outgoing-request, options: option<request-options>) -> result<future-incoming-response, error-code>;
    }
}
";

const FIELDS: &str = r#"
    (import "wasi:http/types@0.2.6" "[constructor]fields" (func $fields (result i32)))
    (import "wasi:http/types@0.2.6" "[constructor]outgoing-request" (func $request (param i32) (result i32)))
    (import "wasi:http/types@0.2.6" "[method]outgoing-request.set-method" (func $method (param i32 i32 i32 i32) (result i32)))
    (import "wasi:http/types@0.2.6" "[method]outgoing-request.set-scheme" (func $scheme (param i32 i32 i32 i32 i32) (result i32)))
    (import "wasi:http/types@0.2.6" "[method]outgoing-request.set-authority" (func $authority (param i32 i32 i32 i32) (result i32)))
    (import "wasi:http/types@0.2.6" "[method]outgoing-request.set-path-with-query" (func $path (param i32 i32 i32 i32) (result i32)))
    (import "wasi:http/types@0.2.6" "[method]future-incoming-response.subscribe" (func $subscribe (param i32) (result i32)))
    (import "wasi:http/types@0.2.6" "[method]future-incoming-response.get" (func $get (param i32 i32)))
    (import "wasi:http/types@0.2.6" "[method]incoming-response.consume" (func $consume (param i32 i32)))
    (import "wasi:http/types@0.2.6" "[method]incoming-body.stream" (func $stream (param i32 i32)))
    (import "wasi:http/outgoing-handler@0.2.6" "handle" (func $handle (param i32 i32 i32 i32)))
    (import "wasi:io/poll@0.2.6" "[method]pollable.block" (func $block (param i32)))
    (import "wasi:io/streams@0.2.6" "[method]input-stream.blocking-read" (func $read (param i32 i64 i32)))
    (func $text (param $at i32) (param $len i32) (result i32)
        (i32.store (i32.const 3072) (i32.const 0))
        (i32.store (i32.const 3076) (local.get $at)) (i32.store (i32.const 3080) (local.get $len)) (i32.const 3072))
    (func $error (param $code i32) (result i32)
        (i32.store8 (i32.const 512) (i32.const 33))
        (i32.store8 (i32.const 513) (i32.add (i32.const 48) (i32.div_u (local.get $code) (i32.const 10))))
        (i32.store8 (i32.const 514) (i32.add (i32.const 48) (i32.rem_u (local.get $code) (i32.const 10))))
        (call $text (i32.const 512) (i32.const 3)))
"#;

const BODY: &str = r"
    (local $what i32) (local $it i32)
    (local.set $what (i32.load8_u (local.get $args)))
    (loop $again
        (local.set $it (call $request (call $fields)))
        ;; c: CONNECT, p: POST, everything else GET.
        (drop (call $method (local.get $it)
            (select (i32.const 5) (select (i32.const 2) (i32.const 0) (i32.eq (local.get $what) (i32.const 112))) (i32.eq (local.get $what) (i32.const 99)))
            (i32.const 0) (i32.const 0)))
        (drop (call $scheme (local.get $it) (i32.const 1) (i32.eq (i32.load8_u offset=1 (local.get $args)) (i32.const 115)) (i32.const 0) (i32.const 0)))
        (drop (call $authority (local.get $it) (i32.const 1) (i32.add (local.get $args) (i32.const 2)) (i32.sub (local.get $args_len) (i32.const 2))))
        (i32.store8 (i32.const 512) (i32.const 47))
        (drop (call $path (local.get $it) (i32.const 1) (i32.const 512) (i32.const 1)))
        (call $handle (local.get $it) (i32.const 0) (i32.const 0) (i32.const 2048))
        (if (i32.load8_u (i32.const 2048)) (then (return (call $error (i32.load8_u (i32.const 2056))))))
        (local.set $it (i32.load (i32.const 2056)))
        (call $block (call $subscribe (local.get $it)))
        (call $get (local.get $it) (i32.const 2048))
        (if (i32.load8_u (i32.const 2064)) (then (return (call $error (i32.load8_u (i32.const 2072))))))
        ;; f: one after the other, for as long as it may.
        (br_if $again (i32.eq (local.get $what) (i32.const 102))))
    (call $consume (i32.load (i32.const 2072)) (i32.const 2048))
    (call $stream (i32.load (i32.const 2052)) (i32.const 2048))
    (local.set $it (i32.load (i32.const 2052)))
    ;; a: all of the response, one piece over the other; otherwise the first.
    (if (i32.eq (local.get $what) (i32.const 97)) (then
        (loop
            (global.set $next (i32.const 4096))
            (call $read (local.get $it) (i64.const 4096) (i32.const 2048))
            (br_if 0 (i32.eqz (i32.load8_u (i32.const 2048)))))
        (return (call $text (i32.const 512) (i32.const 0)))))
    (call $read (local.get $it) (i64.const 4096) (i32.const 2048))
    (if (i32.load8_u (i32.const 2048)) (then (return (call $error (i32.const 99)))))
    (call $text (i32.load (i32.const 2052)) (i32.load (i32.const 2056)))
";

/// The guest.
pub(crate) fn fetch() -> Vec<u8> {
    let imports = ["wasi:http/types@0.2.6", "wasi:http/outgoing-handler@0.2.6", "wasi:io/streams@0.2.6", "wasi:io/poll@0.2.6"];
    component_of(FIELDS, BODY, WIT, &imports)
}
