//! `kvs viewer`

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::time::Duration;

use kvs_host::aws::Aws;
use kvs_host::viewer::{Config, Report, ViewerError, watch};
use kvs_message::ClientId;
use kvs_signaling::Role;
use tokio::sync::oneshot;

use crate::args;
use crate::channel::explain_signaling;
use crate::failure::Failure;
use crate::output::say;
use crate::signals::asked_to_end;

pub(crate) async fn run(args: args::Viewer) -> Result<(), Failure> {
    let client_id = match args.client_id {
        Some(id) => id,
        None => random_id()?,
    };
    let aws = Aws::resolve(
        args.aws.endpoint.as_deref(),
        args.aws.region.as_deref(),
        Some(&args.channel),
    )?;
    let config = Config {
        signaling: aws.signaling(Role::Viewer(client_id), &args.channel)?,
        credentials: aws.credentials,
        tls: aws.tls,
        record: args.record.clone(),
        wait: args.wait,
        interfaces: args.network.filter(),
    };
    let (stop, stopped) = oneshot::channel();
    let seconds = args.seconds;
    tokio::spawn(async move {
        let time = async {
            match seconds {
                Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = time => {}
            () = asked_to_end() => {}
        }
        // The viewer may have ended before.
        let _ = stop.send(());
    });
    let report = match Box::pin(watch(config, stopped)).await {
        Ok(report) => report,
        Err(ViewerError::Signaling(error)) => {
            return Err(explain_signaling(&error, &args.channel));
        }
        Err(error) => return Err(error.into()),
    };
    conclude(&args.channel, &report)
}

/// Says what was seen; nothing seen is a failure.
fn conclude(channel: &str, report: &Report) -> Result<(), Failure> {
    if let Some(why) = &report.refused {
        return Err(Failure::new(format!("the camera refused: {why}")));
    }
    let Some(connected) = report.connected_after else {
        return Err(Failure::new(match &report.ended {
            Some(reason) => format!("no connection to the camera: {reason}"),
            None => format!(
                "no connection to the camera: is a master running on channel {channel}, and does \
                 the network let UDP through?"
            ),
        }));
    };
    let first = match report.first_frame_after {
        Some(first) => format!("first frame after {} ms", first.as_millis()),
        None => "no frame".to_owned(),
    };
    let ended = report
        .ended
        .as_ref()
        .map(|reason| format!("; {reason}"))
        .unwrap_or_default();
    say(&format!(
        "connected after {} ms, {first}, {} video and {} audio frames, {} bytes{ended}",
        connected.as_millis(),
        report.video_frames,
        report.audio_frames,
        report.bytes,
    ));
    Ok(())
}

/// An id that nobody else has by chance; nothing secret hangs on it.
fn random_id() -> Result<ClientId, Failure> {
    let random = RandomState::new().build_hasher().finish();
    Ok(ClientId::new(&format!(
        "viewer-{:08x}",
        random & 0xffff_ffff
    ))?)
}
