//! A camera for Amazon Kinesis Video Streams WebRTC, on Linux.
//!
//! ```no_run
//! # async fn run() -> Result<(), kvs_webrtc::Error> {
//! let mut camera = kvs_webrtc::Camera::new("front-door")
//!     .video_file("clip.h264")
//!     .audio_file("clip.opus")
//!     .start()?;
//! while let Some(event) = camera.event().await {
//!     println!("{event:?}");
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Credentials, region and endpoint come from AWS's own variables and files. An application with an
//! encoder of its own names its codecs and pushes frames instead:
//!
//! ```no_run
//! # async fn run(frame: Vec<u8>, pts: std::time::Duration) -> Result<(), kvs_webrtc::Error> {
//! use kvs_webrtc::{Camera, Codec, Kind};
//!
//! let camera = Camera::new("front-door").codec(Codec::H264).start()?;
//! camera.push_frame(Kind::Video, frame, pts, true).await;
//! # Ok(())
//! # }
//! ```
//!
//! What runs beneath are machines without sockets, clocks or threads, each usable by itself:
//! [`peer`] is the WebRTC engine, [`camera`] the camera, [`signaling`] the KVS client, [`host`] the
//! Linux driver that moves their bytes.
#![forbid(unsafe_code)]

use std::path::PathBuf;

use kvs_host::aws::{Aws, AwsError};
use kvs_host::master::{Config, Master};
use kvs_host::media::{self, MediaError};
use kvs_signaling::{ConfigError, Credentials, Role};
use tokio::sync::mpsc;

pub use kvs_camera as camera;
pub use kvs_camera::{LeaveReason, RefusalReason, ViewerId, ViewerSnapshot};
pub use kvs_host as host;
pub use kvs_host::master::MasterEvent as Event;
pub use kvs_media as media_files;
pub use kvs_message as message;
pub use kvs_signaling as signaling;
pub use smolrtc as peer;
pub use smolrtc::rtp::{Codec, Kind};

/// Why a camera did not start. Its text says what to do.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// Credentials, region, endpoint or certificates.
    Aws(AwsError),
    /// The channel's name or ARN.
    Channel(ConfigError),
    /// A media file.
    Media(MediaError),
    /// Sockets, randomness or the certificate.
    Start(Box<dyn std::error::Error + Send + Sync>),
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Aws(error) => error.fmt(f),
            Self::Channel(error) => error.fmt(f),
            Self::Media(error) => error.fmt(f),
            Self::Start(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {}

/// A camera that is to be started.
#[derive(Clone, Debug)]
#[must_use = "a camera does nothing until it is started"]
pub struct Camera {
    channel: String,
    video: Option<PathBuf>,
    audio: Option<PathBuf>,
    codecs: Vec<Codec>,
    create: bool,
    max_viewers: usize,
    record_dir: Option<PathBuf>,
    endpoint: Option<String>,
    region: Option<String>,
    credentials: Option<Credentials>,
}

impl Camera {
    /// The master of `channel`, a name or an ARN.
    pub fn new(channel: impl Into<String>) -> Self {
        Self {
            channel: channel.into(),
            video: None,
            audio: None,
            codecs: Vec::new(),
            create: false,
            max_viewers: 10,
            record_dir: None,
            endpoint: None,
            region: None,
            credentials: None,
        }
    }

    /// Plays a video file in a loop: Annex B H.264 or H.265, or IVF.
    pub fn video_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.video = Some(path.into());
        self
    }

    /// Plays an audio file in a loop, in step with the video: Ogg Opus or WAV.
    pub fn audio_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.audio = Some(path.into());
        self
    }

    /// Adds a track for frames that are pushed; not used together with files.
    pub fn codec(mut self, codec: Codec) -> Self {
        self.codecs.push(codec);
        self
    }

    /// Creates the channel if it does not exist.
    pub const fn create_channel(mut self) -> Self {
        self.create = true;
        self
    }

    /// Viewers at one time; 10 unless said otherwise.
    pub const fn max_viewers(mut self, viewers: usize) -> Self {
        self.max_viewers = viewers;
        self
    }

    /// Takes audio and video from viewers and records it here.
    pub fn record_to(mut self, directory: impl Into<PathBuf>) -> Self {
        self.record_dir = Some(directory.into());
        self
    }

    /// A control plane other than Amazon's, for example `http://127.0.0.1:8443` of `kvs service`.
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = Some(url.into());
        self
    }

    /// The AWS region, before what AWS's variables and files say.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// Credentials, instead of those in AWS's variables and files.
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = Some(credentials);
        self
    }

    /// Starts the camera; needs a tokio runtime. It reconnects by itself, without end.
    ///
    /// # Errors
    /// What is missing or wrong before anything can be tried: settings, files, sockets. What
    /// happens later comes as an [`Event`].
    pub fn start(self) -> Result<Running, Error> {
        let (endpoint, region) = (self.endpoint.as_deref(), self.region.as_deref());
        let aws = match self.credentials {
            Some(own) => Aws::with_credentials(own, endpoint, region, Some(&self.channel)),
            None => Aws::resolve(endpoint, region, Some(&self.channel)),
        }
        .map_err(Error::Aws)?;
        let mut signaling = aws
            .signaling(Role::Master, &self.channel)
            .map_err(Error::Channel)?;
        signaling.create_channel = self.create;
        let open = |path: &Option<PathBuf>, video| {
            path.as_deref()
                .map(|path| media::open(path, video))
                .transpose()
                .map_err(Error::Media)
        };
        let (video, audio) = (open(&self.video, true)?, open(&self.audio, false)?);
        let files = video.is_some() || audio.is_some();
        let (sender, events) = mpsc::unbounded_channel();
        let config = Config {
            signaling,
            credentials: aws.credentials,
            tls: aws.tls,
            player: files.then(|| media::player(video, audio, true)),
            codecs: self.codecs,
            wait_viewer: false,
            max_viewers: self.max_viewers,
            record_dir: self.record_dir,
            echo: false,
            call: None,
            interfaces: kvs_host::interfaces::InterfaceFilter::default(),
        };
        let master = Master::start(config, sender).map_err(Error::Start)?;
        Ok(Running { master, events })
    }
}

/// A camera that runs. Dropping it ends it without a goodbye; [`shutdown`](Self::shutdown) says one.
#[derive(Debug)]
pub struct Running {
    master: Master,
    events: mpsc::UnboundedReceiver<Event>,
}

impl Running {
    /// The next event; `None` after the end.
    pub async fn event(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// Sends a frame to every viewer: H.264 and H.265 in Annex B form, others as the codec makes
    /// them. `pts` is on one clock for audio and video. `false` when the camera has ended.
    pub async fn push_frame(
        &self,
        kind: Kind,
        data: Vec<u8>,
        pts: std::time::Duration,
        key: bool,
    ) -> bool {
        self.master.push_frame(kind, data, pts, key).await
    }

    /// The viewers and their statistics.
    pub async fn viewers(&self) -> Vec<ViewerSnapshot> {
        self.master.snapshots().await
    }

    /// Says goodbye to every viewer and ends. Takes at most half a second.
    pub async fn shutdown(self) {
        self.master.shutdown().await;
    }
}
