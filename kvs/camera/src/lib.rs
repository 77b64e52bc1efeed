//! The application layer of a KVS camera: viewers × tracks, as one deterministic machine.
//!
//! A [`Camera`] owns the history ring of each track and a [`smolrtc::PeerConnection`] for each
//! viewer. Signaling messages, datagrams, frames, computed jobs and time go in; datagrams, signaling
//! messages and events come out. It knows what a signaling message is ([`kvs_message`]) and
//! nothing of how it travels: in split mode the signaling half sits on another chip.
//!
//! # What it decides
//!
//! * **Who is admitted.** At most [`Limits::viewers`](smolrtc::base::Limits) at one time. A second
//!   offer from the same sender renegotiates its session if it comes from the same connection (same
//!   certificate, same `o=` session id), and replaces it otherwise. At the limit the session that
//!   has been silent longest, for more than five seconds, makes room; otherwise the newcomer is
//!   refused with an answer that rejects every section and says why.
//! * **What waits.** Candidates that overtake their offer are held per sender, bounded by
//!   [`Limits::early_candidates`](smolrtc::base::Limits). A viewer that does not trickle gets its
//!   answer when gathering is complete, with every candidate in it.
//! * **What the encoder hears.** One key-frame request serves everybody who waits; the target
//!   bitrate is the lowest estimate above a floor. Viewers below the floor get thinned frames.
//! * **When a viewer is gone.** At once on close_notify, within 30 s by consent (RFC 7675).
//!
//! # The way of a frame
//!
//! [`Camera::reserve`] lends memory of the track's ring, [`Camera::commit`] makes it a frame;
//! [`Camera::poll_transmit`] writes each viewer's packets of it into the caller's buffer. No copy lies
//! between, and nothing allocates.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod camera;
mod config;
mod early;
mod event;
mod routes;
mod viewer;

pub use camera::{Camera, CameraStats, ViewerSnapshot};
pub use config::{Config, TrackConfig};
pub use event::{Event, LeaveReason, Reason, RefusalReason, ViewerId};
