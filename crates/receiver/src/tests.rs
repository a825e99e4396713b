//! The receivers from outside: real sockets, raw bytes, an HTTP/2 client.
