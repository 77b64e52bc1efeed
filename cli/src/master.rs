//! `kvs master`, and the camera of `kvs demo`.

use std::collections::BTreeMap;
use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use kvs_camera::{ViewerId, ViewerSnapshot};
use kvs_host::aws::Aws;
use kvs_host::master::{Config, Master, MasterEvent};
use kvs_host::media::{open, player};
use kvs_media::Source;
use kvs_message::ClientId;
use kvs_signaling::Role;
use tokio::sync::mpsc;

use crate::args::{self, Camera, Network};
use crate::channel::{explain_signaling, skew_line};
use crate::failure::Failure;
use crate::output::{complain, say};
use crate::page;
use crate::sessions::Sessions;
use crate::signals::asked_to_end;
use crate::statistics;

/// After the last frame of `--once`: resends may still be asked for.
const LINGER: Duration = Duration::from_secs(1);

/// Video and audio.
pub(crate) type Media = (Option<Source<Vec<u8>>>, Option<Source<Vec<u8>>>);

pub(crate) async fn run(args: args::Master) -> Result<(), Failure> {
    let media = files(&args.camera)?;
    if media.0.is_none() && media.1.is_none() {
        return Err(Failure::new(
            "nothing to send: give --video FILE, --audio FILE or both",
        ));
    }
    let aws = Aws::resolve(
        args.aws.endpoint.as_deref(),
        args.aws.region.as_deref(),
        Some(&args.channel),
    )?;
    let page = match args.page {
        Some(address) => Some(page::Listener::bind(address, "--page").await?),
        None => None,
    };
    let job = Job {
        channel: args.channel.clone(),
        aws: aws.clone(),
        create: args.create,
        media,
        camera: args.camera,
        network: args.network,
    };
    let camera = job.start()?;
    if let Some(page) = page {
        let url = page.url();
        page.serve(
            Sessions::new(args.channel, aws, false),
            camera.master.observer(),
            None,
        );
        say(&format!("viewer page at {url}"));
    }
    camera.run(None).await
}

/// The files that were named.
pub(crate) fn files(camera: &Camera) -> Result<Media, Failure> {
    let source = |path: &Option<std::path::PathBuf>, video| {
        path.as_deref()
            .map(|path: &Path| open(path, video))
            .transpose()
    };
    Ok((source(&camera.video, true)?, source(&camera.audio, false)?))
}

/// A camera to be started.
pub(crate) struct Job {
    pub(crate) channel: String,
    pub(crate) aws: Aws,
    pub(crate) create: bool,
    pub(crate) media: Media,
    pub(crate) camera: Camera,
    pub(crate) network: Network,
}

impl Job {
    pub(crate) fn start(self) -> Result<Running, Failure> {
        let camera = self.camera;
        if let Some(dir) = &camera.record_dir {
            std::fs::create_dir_all(dir)
                .map_err(|error| Failure::new(format!("{}: {error}", dir.display())))?;
        }
        let mut signaling = self.aws.signaling(Role::Master, &self.channel)?;
        signaling.create_channel = self.create;
        let (video, audio) = self.media;
        let config = Config {
            signaling,
            credentials: self.aws.credentials,
            tls: self.aws.tls,
            player: Some(player(video, audio, !camera.once)),
            codecs: Vec::new(),
            wait_viewer: camera.wait_viewer,
            max_viewers: usize::from(camera.max_viewers),
            record_dir: camera.record_dir,
            echo: !camera.no_echo,
            call: camera.call,
            interfaces: self.network.filter(),
        };
        let (sender, events) = mpsc::unbounded_channel();
        let master =
            Master::start(config, sender).map_err(|error| Failure::new(error.to_string()))?;
        Ok(Running {
            channel: self.channel,
            master,
            events,
            once: camera.once,
            interval: camera.stats.map(Duration::from_secs),
            names: BTreeMap::new(),
            before: Vec::new(),
            online: false,
        })
    }
}

/// A camera that runs, seen from the terminal.
pub(crate) struct Running {
    channel: String,
    pub(crate) master: Master,
    events: mpsc::UnboundedReceiver<MasterEvent>,
    once: bool,
    interval: Option<Duration>,
    names: BTreeMap<ViewerId, ClientId>,
    before: Vec<ViewerSnapshot>,
    /// Signaling was up once.
    online: bool,
}

impl Running {
    /// Tells what happens until the end; says `greeting` when viewers can come.
    pub(crate) async fn run(mut self, greeting: Option<String>) -> Result<(), Failure> {
        let mut end = pin!(asked_to_end());
        let mut statistics = self.interval.map(tokio::time::interval);
        let result = loop {
            let tick = async {
                match &mut statistics {
                    Some(interval) => interval.tick().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = &mut end => break Ok(()),
                event = self.events.recv() => match event {
                    None => break Err(Failure::new("the camera ended unexpectedly")),
                    Some(MasterEvent::MediaEnded) if self.once => {
                        say("the files have been played");
                        tokio::select! {
                            () = &mut end => {}
                            () = tokio::time::sleep(LINGER) => {}
                        }
                        break Ok(());
                    }
                    Some(event) => {
                        if let Err(failure) = self.tell(event, greeting.as_deref()) {
                            break Err(failure);
                        }
                    }
                },
                _ = tick => self.statistics().await,
            }
        };
        self.master.shutdown().await;
        while let Ok(event) = self.events.try_recv() {
            if let MasterEvent::Recorded(path, frames) = event {
                say(&recorded(&path, frames));
            }
        }
        result
    }

    fn tell(&mut self, event: MasterEvent, greeting: Option<&str>) -> Result<(), Failure> {
        match event {
            MasterEvent::Online => {
                if !self.online {
                    say(greeting.unwrap_or(&format!("on air: channel {}", self.channel)));
                } else {
                    say("signaling is back");
                }
                self.online = true;
            }
            MasterEvent::Offline(reason) => say(&format!(
                "signaling is gone ({reason:?}); it comes back by itself"
            )),
            MasterEvent::Replaced(wait) => complain(&format!(
                "another master took the channel; is this camera running twice? Trying again in {} s",
                wait.as_secs()
            )),
            MasterEvent::SignalingFailed(error) => {
                let failure = explain_signaling(&error, &self.channel);
                if !self.online && !error.is_transient() {
                    return Err(failure);
                }
                complain(&format!("{failure}; trying again"));
            }
            MasterEvent::ClockSkew(seconds) => complain(&skew_line(seconds)),
            MasterEvent::Joined(viewer, client) => {
                if let Some(client) = client {
                    self.names.insert(viewer, client);
                }
                say(&format!("{} joined", self.name(viewer)));
            }
            MasterEvent::Connected(viewer, after) => {
                say(&format!(
                    "{} connected after {} ms",
                    self.name(viewer),
                    after.as_millis()
                ));
            }
            MasterEvent::Left(viewer, _, reason) => {
                say(&format!("{} left: {reason}", self.name(viewer)));
                self.names.remove(&viewer);
            }
            MasterEvent::Refused(client, reason) => {
                let client = client.as_ref().map_or("a viewer", ClientId::as_str);
                say(&format!("{client} refused: {reason}"));
            }
            MasterEvent::Message(viewer, _, data) => {
                say(&format!(
                    "{} sent a message of {} bytes",
                    self.name(viewer),
                    data.len()
                ));
            }
            MasterEvent::Recorded(path, frames) => say(&recorded(&path, frames)),
            MasterEvent::RecordingFailed(why) => complain(&format!("recording stopped: {why}")),
            // Files cannot be asked for key frames or another rate.
            _ => {}
        }
        Ok(())
    }

    fn name(&self, viewer: ViewerId) -> String {
        match self.names.get(&viewer) {
            Some(client) => format!("{viewer} ({client})"),
            None => viewer.to_string(),
        }
    }

    async fn statistics(&mut self) {
        let viewers = self.master.snapshots().await;
        for viewer in &viewers {
            let before = self
                .before
                .iter()
                .find(|before| before.viewer == viewer.viewer);
            say(&statistics::line(viewer, before));
        }
        self.before = viewers;
    }
}

fn recorded(path: &Path, frames: u64) -> String {
    format!("recorded {frames} frames to {}", path.display())
}
