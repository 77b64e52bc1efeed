//! Scenes that several tests play.

use smolrtc::base::{Duration, Instant};
use smolrtc::rtp::Codec;

use crate::link::LinkConfig;
use crate::media::Recipe;
use crate::report::{Playback, playout_limit};
use crate::viewer::Wishes;
use crate::world::{Breed, Scenario, Signaling, World};

/// One viewer watches for a while.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    /// Seed of the world.
    pub seed: u64,
    /// What the viewer is made of.
    pub breed: Breed,
    /// One-way delay of network and signaling.
    pub one_way: Duration,
    /// Loss in each direction, percent.
    pub loss: f64,
    /// How long the encoder runs after the offer.
    pub span: Duration,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The scene.
    pub watch: Watch,
    /// Whether the session came up, and did not end.
    pub connected: bool,
    /// Frames sent since the camera was connected.
    pub playback: Playback,
    /// Bytes sent again.
    pub rtx_bytes: u64,
    /// Bytes of media that were lost.
    pub lost_bytes: u64,
    /// From the offer at the camera to the first SRTP packet, in round trips.
    pub round_trips: Option<f64>,
}

impl Watch {
    /// The scene of a seed: str0m watches in every second, and the delay lies between 20 and 200 ms.
    #[must_use]
    pub fn of_seed(seed: u64, loss: f64, span: Duration) -> Self {
        let mix = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self {
            seed,
            breed: if seed.is_multiple_of(2) {
                Breed::Ours
            } else {
                Breed::Str0m
            },
            one_way: Duration::from_millis(20 + (mix >> 33) % 181),
            loss,
            span,
        }
    }

    /// The world as it stands when the scene is over.
    #[must_use]
    pub fn play(&self) -> World {
        let mut world = self.stage();
        world.run_until(Instant::ZERO + self.span);
        // The last frames may be repaired while the encoder goes on, but do not count.
        world.run_for(playout_limit(self.one_way) + Duration::from_millis(500));
        world
    }

    /// The world as it stands when the offer has been made.
    #[must_use]
    pub fn stage(&self) -> World {
        let mut scenario = Scenario::new(self.seed);
        scenario.signaling = Signaling::Direct(self.one_way);
        scenario.tracks = vec![Recipe::video(Codec::H264)];
        let mut world = World::new(&scenario);
        let line = LinkConfig::delayed(self.one_way).losing(self.loss);
        let viewer = world.add_viewer(self.breed, &Wishes::video(Codec::H264), line);
        world.start_media();
        world.join(viewer);
        world
    }

    /// Plays the scene and measures.
    #[must_use]
    pub fn measure(&self) -> Outcome {
        let world = self.play();
        let end = Instant::ZERO + self.span;
        let host = &world.viewers[0];
        let from = world.camera.logs[0].connected.unwrap_or(end);
        let playback = world.playback_within(0, 0, from..end, playout_limit(self.one_way));
        let up = host.viewer.log().connected.is_some() && host.viewer.log().ended.is_none();
        let round_trip = (self.one_way * 2).as_secs_f64();
        Outcome {
            watch: *self,
            connected: up && world.camera.logs[0].ended.is_none(),
            playback,
            rtx_bytes: host.wire.rtx_bytes,
            lost_bytes: host.wire.lost_bytes,
            round_trips: world
                .offer_to_media(0)
                .map(|time| time.as_secs_f64() / round_trip),
        }
    }
}
