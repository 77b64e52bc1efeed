//! Two agents on a network that exists in memory.

mod behaviour;
mod faults;
mod forged;
mod lifecycle;
mod operations;
mod trickle;
mod world;
