//! Two connections and the network between them, in virtual time.

mod attacks;
mod handshakes;
mod world;
