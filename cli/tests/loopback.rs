//! The real binary against itself: service, master and viewer as processes.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

const SAMPLE: &[u8] = include_bytes!("../../media/sample.h264");

fn kvs(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kvs"));
    command
        .args(args)
        .env_clear()
        .env("AWS_ACCESS_KEY_ID", "AKTEST")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("AWS_REGION", "us-west-2")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A process that is killed when the test ends.
struct Running {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Running {
    fn start(args: &[&str]) -> Self {
        let mut child = kvs(args).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// The next line that has `part` in it.
    fn line_with(&mut self, part: &str) -> String {
        let mut line = String::new();
        while self.lines.read_line(&mut line).unwrap() > 0 {
            if line.contains(part) {
                return line.trim().to_owned();
            }
            line.clear();
        }
        panic!("the program ended without a line that says {part:?}");
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-s", name, &id])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Its exit code; it has `limit` to end.
    fn code(&mut self, limit: Duration) -> i32 {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code().unwrap();
            }
            assert!(start.elapsed() < limit, "still running after {limit:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A service, and its endpoint.
fn service() -> (Running, String) {
    let keys = ["--access-key", "AKTEST", "--secret-key", "secret"];
    let args = [&["service", "--listen-http", "127.0.0.1:0"][..], &keys].concat();
    let mut running = Running::start(&args);
    let line = running.line_with("HTTP and WS");
    let endpoint = line.rsplit(' ').next().unwrap().to_owned();
    (running, endpoint)
}

fn run(args: &[&str]) -> Output {
    kvs(args).output().unwrap()
}

/// The one line on standard error of a command that fails with exit code 1.
fn failure(mut command: Command) -> String {
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    text
}

/// A directory of a test's own.
fn scratch(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

/// NAL units without their start codes.
fn nal_units(stream: &[u8]) -> Vec<&[u8]> {
    let mut starts: Vec<usize> = Vec::new();
    for at in 0..stream.len().saturating_sub(2) {
        if stream[at..at + 3] == [0, 0, 1] {
            starts.push(at);
        }
    }
    let ends = starts.iter().skip(1).copied().chain([stream.len()]);
    starts
        .iter()
        .zip(ends)
        .map(|(start, end)| {
            let mut unit = &stream[start + 3..end];
            // The fourth byte of the next start code, and trailing zeros (H.264 annex B).
            while let [rest @ .., 0] = unit {
                unit = rest;
            }
            unit
        })
        .collect()
}

/// The first three seconds of the sample.
fn short_sample(dir: &Path) -> (PathBuf, Vec<u8>) {
    let mut sets = 0;
    let mut end = SAMPLE.len();
    for at in 0..SAMPLE.len() - 4 {
        if SAMPLE[at..at + 4] == [0, 0, 0, 1] && SAMPLE[at + 4] & 0x1f == 7 {
            sets += 1;
            if sets == 4 {
                end = at;
                break;
            }
        }
    }
    let bytes = SAMPLE[..end].to_vec();
    let path = dir.join("short.h264");
    std::fs::write(&path, &bytes).unwrap();
    (path, bytes)
}

#[test]
fn a_recording_has_the_nal_units_of_the_source() {
    let dir = scratch("recording");
    let (source, bytes) = short_sample(&dir);
    let out = dir.join("out.h264");
    let (mut service, endpoint) = service();
    assert!(
        run(&["channel", "create", "cam", "--endpoint", &endpoint])
            .status
            .success()
    );
    let source = source.to_str().unwrap();
    let audio = concat!(env!("CARGO_MANIFEST_DIR"), "/../media/sample-ulaw.wav");
    let camera = [
        "master",
        "--channel",
        "cam",
        "--video",
        source,
        "--audio",
        audio,
    ];
    let mode = ["--once", "--wait-viewer", "--endpoint", &endpoint];
    let mut master = Running::start(&[&camera[..], &mode].concat());
    master.line_with("on air");
    let record = [
        "--record",
        out.to_str().unwrap(),
        "--seconds",
        "40",
        "--endpoint",
        &endpoint,
    ];
    let viewer = run(&[&["viewer", "--channel", "cam"][..], &record].concat());
    let said = String::from_utf8(viewer.stdout).unwrap();
    assert!(viewer.status.success(), "{said}");
    assert!(said.contains("first frame after"), "{said}");
    assert_eq!(master.code(Duration::from_secs(5)), 0);

    let recorded = std::fs::read(&out).unwrap();
    let (got, sent) = (nal_units(&recorded), nal_units(&bytes));
    let first = |units: &[&[u8]]| units.iter().position(|unit| unit[0] & 0x1f == 5).unwrap();
    let (got, sent) = (&got[first(&got)..], &sent[first(&sent)..]);
    assert!(got.len() > 80, "{}", got.len());
    assert_eq!(got.len(), sent.len());
    assert!(got == sent);

    service.signal("INT");
    assert_eq!(service.code(Duration::from_secs(1)), 0);
}

#[test]
fn ctrl_c_tells_the_viewer_and_ends_within_a_second() {
    let dir = scratch("goodbye");
    let (source, _) = short_sample(&dir);
    let (_service, endpoint) = service();
    let camera = [
        "--channel",
        "cam",
        "--create",
        "--video",
        source.to_str().unwrap(),
    ];
    let endpoint = ["--endpoint", &endpoint];
    let mut master = Running::start(&[&["master"][..], &camera, &endpoint].concat());
    master.line_with("on air");
    let mut viewer = Running::start(&[&["viewer", "--channel", "cam"][..], &endpoint].concat());
    master.line_with("connected after");
    std::thread::sleep(Duration::from_millis(300));
    master.signal("INT");
    assert_eq!(master.code(Duration::from_secs(1)), 0);
    let line = viewer.line_with("connected after");
    assert!(line.contains("closed by the peer"), "{line}");
    assert_eq!(viewer.code(Duration::from_secs(1)), 0);
}

#[test]
fn the_camera_calls_a_viewer() {
    let dir = scratch("call");
    let (source, _) = short_sample(&dir);
    let (_service, endpoint) = service();
    let camera = [
        "--channel",
        "cam",
        "--create",
        "--video",
        source.to_str().unwrap(),
    ];
    let endpoint = ["--endpoint", &endpoint];
    let call = ["master", "--call", "door"];
    let mut master = Running::start(&[&call[..], &camera, &endpoint].concat());
    master.line_with("on air");
    let waits = [
        "viewer",
        "--channel",
        "cam",
        "--client-id",
        "door",
        "--wait",
        "--seconds",
        "10",
    ];
    let mut viewer = Running::start(&[&waits[..], &endpoint].concat());
    master.line_with("viewer 0 (door) connected");
    std::thread::sleep(Duration::from_millis(500));
    viewer.signal("TERM");
    let line = viewer.line_with("connected after");
    assert!(line.contains("first frame after"), "{line}");
    assert_eq!(viewer.code(Duration::from_secs(1)), 0);
    master.line_with("viewer 0 (door) left");
}

#[test]
fn a_full_camera_says_so() {
    let dir = scratch("full");
    let (source, _) = short_sample(&dir);
    let (_service, endpoint) = service();
    let camera = [
        "--channel",
        "cam",
        "--create",
        "--video",
        source.to_str().unwrap(),
    ];
    let endpoint = ["--endpoint", &endpoint];
    let one = ["master", "--max-viewers", "1"];
    let mut master = Running::start(&[&one[..], &camera, &endpoint].concat());
    master.line_with("on air");
    let _first = Running::start(&[&["viewer", "--channel", "cam"][..], &endpoint].concat());
    master.line_with("connected after");
    let text = failure(kvs(
        &[&["viewer", "--channel", "cam"][..], &endpoint].concat()
    ));
    assert!(text.contains("viewer limit"), "{text}");
    master.line_with("refused: viewer limit");
}

#[test]
fn each_refusal_is_one_line_that_says_what_to_do() {
    let dir = scratch("refusals");
    let (source, _) = short_sample(&dir);
    let source = source.to_str().unwrap();
    let (_service, endpoint) = service();
    let at = ["--endpoint", &endpoint];
    let master = |channel| {
        kvs(&[
            &["master", "--channel", channel, "--video", source][..],
            &at,
        ]
        .concat())
    };

    let missing = "kvs channel create nobody";
    assert!(failure(master("nobody")).contains(missing));
    for command in ["describe", "delete"] {
        let text = failure(kvs(&[&["channel", command, "nobody"][..], &at].concat()));
        assert!(text.contains(missing), "{text}");
    }
    let text = failure(kvs(&[&["viewer", "--channel", "nobody"][..], &at].concat()));
    assert!(text.contains(missing), "{text}");

    let mut wrong_secret = master("cam");
    wrong_secret.env("AWS_SECRET_ACCESS_KEY", "wrong");
    assert!(failure(wrong_secret).contains("AWS_SECRET_ACCESS_KEY"));
    let mut wrong_key = master("cam");
    wrong_key.env("AWS_ACCESS_KEY_ID", "AKWRONG");
    assert!(failure(wrong_key).contains("AWS_ACCESS_KEY_ID"));
    let mut no_key = master("cam");
    no_key
        .env_remove("AWS_ACCESS_KEY_ID")
        .env_remove("AWS_SECRET_ACCESS_KEY");
    assert!(failure(no_key).contains("AWS_PROFILE"));
    let mut no_region = kvs(&["channel", "list"]);
    no_region.env_remove("AWS_REGION");
    assert!(failure(no_region).contains("AWS_REGION"));

    let not_h264 = dir.join("not.h264");
    std::fs::write(&not_h264, b"RIFF this is no video").unwrap();
    let text = failure(kvs(&[
        "master",
        "--channel",
        "cam",
        "--video",
        not_h264.to_str().unwrap(),
    ]));
    assert!(
        text.contains("not.h264") && text.contains("ffmpeg"),
        "{text}"
    );
    assert!(failure(kvs(&["master", "--channel", "cam"])).contains("--video"));

    let taken = endpoint.strip_prefix("http://").unwrap();
    let keys = ["--access-key", "K", "--secret-key", "S"];
    for (command, option) in [("service", "--listen-http"), ("demo", "--listen")] {
        let keys = if command == "service" { &keys[..] } else { &[] };
        let text = failure(kvs(&[&[command, option, taken][..], keys].concat()));
        assert!(
            text.contains(taken) && text.contains("another port"),
            "{text}"
        );
    }
    let refused = failure(kvs(&[
        "channel",
        "list",
        "--endpoint",
        "http://127.0.0.1:1",
    ]));
    assert!(refused.contains("refused"), "{refused}");
    assert_eq!(run(&["master"]).status.code(), Some(2));
}

#[test]
fn channels_are_created_described_listed_and_deleted_over_tls() {
    let dir = scratch("channels");
    let ca = dir.join("ca.pem");
    let keys = ["--access-key", "AKTEST", "--secret-key", "secret"];
    let listen = [
        "service",
        "--listen",
        "127.0.0.1:0",
        "--ca-out",
        ca.to_str().unwrap(),
    ];
    let mut service = Running::start(&[&listen[..], &keys].concat());
    let endpoint = service
        .line_with("HTTPS")
        .rsplit(' ')
        .next()
        .unwrap()
        .to_owned();
    let channel = |command: &[&str]| {
        let mut call = kvs(&[&["channel"][..], command, &["--endpoint", &endpoint]].concat());
        call.env("AWS_CA_BUNDLE", &ca);
        call
    };
    let said = |command: &[&str]| {
        let output = channel(command).output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    };
    let arn = said(&["create", "porch"]).trim().to_owned();
    assert!(arn.starts_with("arn:aws:kinesisvideo:us-west-2:"), "{arn}");
    said(&["create", "garage"]);
    assert!(said(&["describe", "porch"]).contains(&arn));
    assert!(said(&["describe", &arn]).contains("\"porch\""));
    assert_eq!(said(&["list"]).lines().count(), 2);
    assert_eq!(said(&["list", "ga"]).lines().count(), 1);
    assert!(failure(channel(&["create", "porch"])).contains("exists already"));
    said(&["delete", "porch"]);
    assert!(failure(channel(&["describe", "porch"])).contains("kvs channel create porch"));
    let mut untrusted = channel(&["list"]);
    untrusted.env_remove("AWS_CA_BUNDLE");
    assert!(failure(untrusted).contains("AWS_CA_BUNDLE"));
}
