//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand};
use kvs_host::interfaces::InterfaceFilter;
use kvs_message::ClientId;

/// Cameras for Amazon Kinesis Video Streams with WebRTC
///
/// Credentials and region come from AWS's variables (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
/// AWS_SESSION_TOKEN, AWS_REGION, AWS_PROFILE) and shared files. KVS_LOG sets what is logged to
/// standard error, for example KVS_LOG=debug.
#[derive(Debug, Parser)]
#[command(name = "kvs", version)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Service, camera and viewer page in one: needs nothing, prints a URL to open
    Demo(Demo),
    /// A camera that sends media files
    Master(Master),
    /// Watch a camera, and record it
    Viewer(Viewer),
    /// Create, describe, list or delete channels
    Channel(Channel),
    /// A signaling service that works like Amazon's, for this machine or a local network
    Service(Service),
}

/// The service that is spoken to.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Aws {
    /// Control plane other than Amazon's, for example http://127.0.0.1:8000
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint: Option<String>,
    /// AWS region; otherwise AWS_REGION, AWS_DEFAULT_REGION or the profile's
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Option<String>,
}

/// Which of this machine's addresses are used for media.
#[derive(Clone, Debug, Default, ClapArgs)]
pub(crate) struct Network {
    /// Use only this network interface; may be given several times
    #[arg(long, value_name = "NAME")]
    pub(crate) interface: Vec<String>,
    /// Use IPv4 only
    #[arg(long, conflicts_with = "ipv6_only")]
    pub(crate) ipv4_only: bool,
    /// Use IPv6 only
    #[arg(long)]
    pub(crate) ipv6_only: bool,
}

impl Network {
    pub(crate) fn filter(&self) -> InterfaceFilter {
        InterfaceFilter {
            exclude: Vec::new(),
            only: self.interface.clone(),
            no_ipv4: self.ipv6_only,
            no_ipv6: self.ipv4_only,
        }
    }
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Demo {
    /// Where to serve the page
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,
    #[command(flatten)]
    pub(crate) camera: Camera,
    #[command(flatten)]
    pub(crate) network: Network,
}

/// What a camera is and does.
#[derive(Debug, ClapArgs)]
pub(crate) struct Camera {
    /// Video: Annex B .h264 or .h265, or VP8 in .ivf
    #[arg(long, value_name = "FILE")]
    pub(crate) video: Option<PathBuf>,
    /// Audio: Ogg Opus, or G.711 in .wav
    #[arg(long, value_name = "FILE")]
    pub(crate) audio: Option<PathBuf>,
    /// Viewers at one time
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) max_viewers: u16,
    /// Record what viewers send into this directory
    #[arg(long, value_name = "DIR")]
    pub(crate) record_dir: Option<PathBuf>,
    /// Play the files once, then say goodbye and end
    #[arg(long)]
    pub(crate) once: bool,
    /// Start the files when the first viewer is connected
    #[arg(long)]
    pub(crate) wait_viewer: bool,
    /// Call this viewer: the camera makes the offer
    #[arg(long, value_name = "CLIENT_ID")]
    pub(crate) call: Option<ClientId>,
    /// Do not send data-channel messages back to their sender
    #[arg(long)]
    pub(crate) no_echo: bool,
    /// Print a line of statistics for each viewer this often
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) stats: Option<u64>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Master {
    /// Name or ARN of the channel
    #[arg(long, value_name = "NAME")]
    pub(crate) channel: String,
    /// Create the channel if it does not exist
    #[arg(long)]
    pub(crate) create: bool,
    /// Serve a page that watches the channel; whoever reaches it may watch
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) page: Option<SocketAddr>,
    #[command(flatten)]
    pub(crate) camera: Camera,
    #[command(flatten)]
    pub(crate) network: Network,
    #[command(flatten)]
    pub(crate) aws: Aws,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Viewer {
    /// Name or ARN of the channel
    #[arg(long, value_name = "NAME")]
    pub(crate) channel: String,
    /// Write the video as it comes: Annex B, or IVF for VP8
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// End after this long
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) seconds: Option<u64>,
    /// Our name in the channel; random otherwise
    #[arg(long, value_name = "CLIENT_ID")]
    pub(crate) client_id: Option<ClientId>,
    /// Let the camera make the offer
    #[arg(long)]
    pub(crate) wait: bool,
    #[command(flatten)]
    pub(crate) network: Network,
    #[command(flatten)]
    pub(crate) aws: Aws,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Channel {
    #[command(subcommand)]
    pub(crate) action: ChannelAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ChannelAction {
    /// Create a channel and print its ARN
    Create(OneChannel),
    /// Print what the service knows of a channel, as JSON
    Describe(OneChannel),
    /// Print names and ARNs of the channels, those only that begin with NAME if it is given
    List {
        /// Beginning of the names
        name: Option<String>,
        #[command(flatten)]
        aws: Aws,
    },
    /// Delete a channel
    Delete(OneChannel),
}

#[derive(Debug, ClapArgs)]
pub(crate) struct OneChannel {
    /// Name or ARN of the channel
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) aws: Aws,
}

#[derive(Debug, ClapArgs)]
#[command(group(clap::ArgGroup::new("listener").required(true).multiple(true)))]
pub(crate) struct Service {
    /// Serve HTTPS and WSS here, with a certificate made at start
    #[arg(long, value_name = "ADDR:PORT", group = "listener")]
    pub(crate) listen: Option<SocketAddr>,
    /// Serve plain HTTP and WS here
    #[arg(long, value_name = "ADDR:PORT", group = "listener")]
    pub(crate) listen_http: Option<SocketAddr>,
    /// The access key id that may sign
    #[arg(long, value_name = "K", env = "AWS_ACCESS_KEY_ID")]
    pub(crate) access_key: String,
    /// Its secret
    #[arg(
        long,
        value_name = "S",
        env = "AWS_SECRET_ACCESS_KEY",
        hide_env_values = true
    )]
    pub(crate) secret_key: String,
    /// Region in signatures and ARNs
    #[arg(
        long,
        value_name = "REGION",
        env = "AWS_REGION",
        default_value = "us-west-2"
    )]
    pub(crate) region: String,
    /// Serve STUN here, over UDP; otherwise at the first address above
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) stun: Option<SocketAddr>,
    /// Write the certificate here, for AWS_CA_BUNDLE
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_out: Option<PathBuf>,
}
