//! The facade against a service on this machine, watched by our own viewer.
#![allow(
    clippy::unwrap_used,
    reason = "a test; helpers outside #[test] count as such"
)]

use kvs_service::{Config, Server};
use kvs_webrtc::host::{aws::Aws, interfaces::InterfaceFilter, viewer};
use kvs_webrtc::signaling::{Credentials, Role};
use kvs_webrtc::{Camera, Error, Event};
use smolrtc_base::SecretBytes;
use tokio::sync::oneshot;

const VIDEO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../media/sample.h264");
const AUDIO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../media/sample.opus");

fn credentials() -> Credentials {
    Credentials::new("AKFACADE", SecretBytes::from("secret"))
}

async fn service() -> (Server, String) {
    let core = kvs_service_core::Config::new("AKFACADE", SecretBytes::from("secret"));
    let mut config = Config::new(core);
    config.listen_http = Some("127.0.0.1:0".parse().unwrap());
    let server = Server::start(config).await.unwrap();
    let endpoint = format!("http://{}", server.http_address().unwrap());
    (server, endpoint)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_lines_make_a_camera_that_a_viewer_watches() {
    let (_server, endpoint) = service().await;
    let mut camera = Camera::new("facade")
        .video_file(VIDEO)
        .audio_file(AUDIO)
        .create_channel()
        .endpoint(&endpoint)
        .credentials(credentials())
        .start()
        .unwrap();
    while !matches!(camera.event().await.unwrap(), Event::Online) {}

    let aws = Aws::with_credentials(credentials(), Some(&endpoint), None, None).unwrap();
    let signaling = aws
        .signaling(Role::Viewer("v".parse().unwrap()), "facade")
        .unwrap();
    let config = viewer::Config {
        signaling,
        credentials: aws.credentials,
        tls: aws.tls,
        record: None,
        wait: false,
        interfaces: InterfaceFilter::default(),
    };
    let (stop, stopped) = oneshot::channel();
    let watching = tokio::spawn(viewer::watch(config, stopped));
    while !matches!(camera.event().await.unwrap(), Event::Connected(..)) {}
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert_eq!(camera.viewers().await.len(), 1);
    stop.send(()).unwrap();
    let report = watching.await.unwrap().unwrap();
    assert!(
        report.video_frames > 0 && report.audio_frames > 0,
        "{report:?}"
    );
    while !matches!(camera.event().await.unwrap(), Event::Left(..)) {}
    camera.shutdown().await;
}

#[tokio::test]
async fn what_is_wrong_is_said_before_anything_is_tried() {
    let of = |camera: Camera| {
        camera
            .endpoint("http://127.0.0.1:9")
            .credentials(credentials())
    };
    let missing = of(Camera::new("cam").video_file("/no/such.h264"))
        .start()
        .unwrap_err();
    assert!(matches!(missing, Error::Media(_)), "{missing}");
    let sound = of(Camera::new("cam").video_file(AUDIO))
        .start()
        .unwrap_err();
    assert!(sound.to_string().contains("audio"), "{sound}");
    let name = of(Camera::new("a channel with spaces"))
        .start()
        .unwrap_err();
    assert!(matches!(name, Error::Channel(_)), "{name}");
}
