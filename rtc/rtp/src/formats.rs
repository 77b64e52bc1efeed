//! Payload formats, both directions.
//!
//! Sending: [`plan`] cuts a stored frame into [`PacketPlan`]s once, [`emit`] writes the payload of
//! one of them for any number of viewers. Receiving: a [`Depacketizer`] takes the payloads of one
//! frame in sequence and appends to a bounded [`FrameBuffer`] until the frame is whole.
//!
//! H.264 and H.265 frames are Annex B byte streams (one access unit each), the others the codec's
//! own bytes.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

pub mod annexb;
mod depacketize;
mod h264;
mod h265;
mod plan;
#[cfg(test)]
mod tests;
mod vp8;

pub use depacketize::{DepacketizeError, Depacketizer, FrameBuffer, begins_frame, begins_sequence};
pub use plan::{
    MIN_MAX_PAYLOAD, PacketKind, PacketPlan, PlanError, emit, is_discardable, is_key_frame, plan,
};
