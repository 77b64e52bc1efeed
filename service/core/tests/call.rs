//! `kvs_signaling::Call`, the machine behind `kvs channel`, against this service.
#![allow(
    clippy::unwrap_used,
    reason = "a test; helpers outside #[test] count as such"
)]

use kvs_service_core::{Config as ServiceConfig, Service, Streams};
use kvs_signaling::control::ErrorKind;
use kvs_signaling::url::Url;
use kvs_signaling::{
    Call, CallResult, ChannelRef, CloseReason, Command, Config, Credentials, Error, Event, Input,
    Role, Step, Tag, TransportError,
};
use smolrtc_base::{Duration, Instant, Rng, SecretBytes, UnixTime};
use smolrtc_crypto::RustCrypto;

static PROVIDER: RustCrypto = RustCrypto;

struct Bench {
    service: Service,
    streams: Streams,
    now: Instant,
    key: u64,
    opened: u32,
    skewed: u32,
}

impl Bench {
    fn new() -> Self {
        let config = ServiceConfig::new("AK", SecretBytes::from("SK"));
        Self {
            service: Service::new(config, Rng::from_u64(1), &PROVIDER),
            streams: Streams::new(&PROVIDER),
            now: Instant::from_millis(1),
            key: 0,
            opened: 0,
            skewed: 0,
        }
    }

    fn call(&self, channel: &str, command: Command, secret: &str) -> Call {
        let channel = ChannelRef::parse(channel).unwrap();
        let mut config =
            Config::new(Role::Viewer("cli".parse().unwrap()), channel, "us-west-2").unwrap();
        config.endpoint = Some(Url::parse("http://[::1]:8080").unwrap());
        let credentials = Credentials::new("AK", SecretBytes::from(secret));
        Call::new(self.now, config, command, credentials, &PROVIDER).unwrap()
    }

    fn run(&mut self, channel: &str, command: Command) -> Result<CallResult, Error> {
        let mut call = self.call(channel, command, "SK");
        call.set_wall_clock(self.now, UnixTime::from_secs(1_700_000_000));
        self.drive(call)
    }

    /// No delay at all: whatever is said is heard at once.
    fn drive(&mut self, mut call: Call) -> Result<CallResult, Error> {
        self.now = self.now + Duration::from_secs(1);
        let unix = UnixTime::from_secs(1_700_000_000);
        let mut buf = [0; 333];
        let mut stream = None;
        for _ in 0..1_000 {
            if let Some((at, _)) = call.poll_timeout().filter(|(at, _)| *at <= self.now) {
                call.handle_timeout(at.max(self.now));
            }
            while let Some(event) = call.poll_event() {
                match event {
                    Event::OpenStream { id, host, port, .. } => {
                        assert_eq!((host.as_str(), port), ("::1", 8_080));
                        self.key += 1;
                        self.opened += 1;
                        self.streams
                            .handle_opened(self.key, false, "[::1]:9".parse().unwrap());
                        stream = Some(id);
                        call.handle_input(self.now, Input::StreamOpened(id));
                    }
                    Event::CloseStream(id) if stream == Some(id) => {
                        self.streams.handle_closed(&mut self.service, self.key);
                        stream = None;
                    }
                    Event::ClockSkew { .. } => self.skewed += 1,
                    _ => {}
                }
            }
            if let Some(result) = call.take_result() {
                return result;
            }
            while let Some(sent) = call.poll_transmit(self.now, &mut buf) {
                let bytes = &buf[..sent.len];
                self.streams
                    .handle_bytes(self.now, unix, &mut self.service, self.key, bytes);
            }
            while let (Some(id), Some((_, bytes))) = (stream, self.streams.poll_transmit()) {
                call.handle_input(self.now, Input::StreamBytes(id, &bytes));
            }
        }
        panic!("no result");
    }
}

#[test]
fn create_describe_list_and_delete() {
    let mut bench = Bench::new();
    let missing = bench.run("cam", Command::Describe).unwrap_err();
    assert!(
        matches!(missing, Error::Service { step: Step::Describe, error } if error.kind == ErrorKind::NotFound)
    );
    assert!(
        missing.to_string().contains("kvs channel create"),
        "{missing}"
    );
    assert!(!missing.is_transient());
    let Ok(CallResult::Created(arn)) = bench.run("cam", Command::Create) else {
        panic!()
    };
    let Ok(CallResult::Described(info)) = bench.run(&arn, Command::Describe) else {
        panic!()
    };
    assert_eq!(info.channel_name, "cam");
    let again = bench.run("cam", Command::Create).unwrap_err();
    assert!(matches!(again, Error::Service { error, .. } if error.kind == ErrorKind::InUse));
    let Ok(CallResult::Endpoints { wss, https, .. }) = bench.run("cam", Command::Endpoints) else {
        panic!()
    };
    assert_eq!(
        (wss.to_string(), https.unwrap().tls()),
        ("ws://[::1]:8080/".into(), false)
    );
    let ice = bench.run("cam", Command::IceServers { client_id: None });
    assert_eq!(ice, Ok(CallResult::IceServers(Vec::new())));
    // Describe first, for ARN and version, on the same stream.
    let opened = bench.opened;
    assert_eq!(bench.run("cam", Command::Delete), Ok(CallResult::Deleted));
    assert_eq!(bench.opened - opened, 1);
    assert_eq!(
        bench.run("cam", Command::List { prefix: None }),
        Ok(CallResult::Listed(Vec::new()))
    );
}

#[test]
fn update_tags_and_storage_configuration() {
    let mut bench = Bench::new();
    bench.run("cam", Command::Create).unwrap();
    let Ok(CallResult::Described(old)) = bench.run("cam", Command::Describe) else {
        panic!()
    };
    let update = Command::Update { message_ttl: 90 };
    assert_eq!(bench.run("cam", update), Ok(CallResult::Done));
    let Ok(CallResult::Described(new)) = bench.run("cam", Command::Describe) else {
        panic!()
    };
    let settings = new.single_master_configuration.unwrap();
    assert_eq!(settings.message_ttl_seconds, Some(90));
    assert_ne!(new.version, old.version);
    let refused = bench.run("cam", Command::Update { message_ttl: 4 });
    assert!(
        matches!(refused, Err(Error::Service { step: Step::Update, error }) if error.kind == ErrorKind::InvalidArgument)
    );

    let tag = |key: &str, value: &str| Tag {
        key: key.into(),
        value: value.into(),
    };
    let tags = [tag("room", "kitchen"), tag("floor", "2")].to_vec();
    assert_eq!(
        bench.run("cam", Command::Tag { tags }),
        Ok(CallResult::Done)
    );
    let keys = ["floor".into()].to_vec();
    assert_eq!(
        bench.run("cam", Command::Untag { keys }),
        Ok(CallResult::Done)
    );
    let left = CallResult::Tags([tag("room", "kitchen")].to_vec());
    assert_eq!(bench.run("cam", Command::ListTags), Ok(left));
    let tags = (0..50).map(|n| tag(&format!("{n}"), "")).collect();
    assert!(bench.run("cam", Command::Tag { tags }).is_err());

    let Ok(CallResult::Storage(storage)) = bench.run("cam", Command::DescribeStorage) else {
        panic!()
    };
    assert_eq!(
        (storage.status.as_str(), storage.stream_arn),
        ("DISABLED", None)
    );
    assert!(bench.run("cam", Command::JoinStorage).is_err());
    let stream = String::from("arn:aws:kinesisvideo:us-west-2:123456789012:stream/s/1");
    let update = |stream: Option<&String>| Command::UpdateStorage {
        stream: stream.cloned(),
    };
    assert_eq!(
        bench.run("cam", update(Some(&stream))),
        Ok(CallResult::Done)
    );
    let Ok(CallResult::Storage(storage)) = bench.run("cam", Command::DescribeStorage) else {
        panic!()
    };
    assert_eq!(
        (storage.status.as_str(), storage.stream_arn),
        ("ENABLED", Some(stream))
    );
    assert_eq!(bench.run("cam", Command::JoinStorage), Ok(CallResult::Done));
    assert_eq!(bench.service.stats().joins, 1);
    assert_eq!(bench.run("cam", update(None)), Ok(CallResult::Done));
}

#[test]
fn a_list_follows_every_page() {
    let mut bench = Bench::new();
    for n in 0..230 {
        bench.run(&format!("cam{n:03}"), Command::Create).unwrap();
    }
    bench.run("other", Command::Create).unwrap();
    let list = Command::List {
        prefix: Some("cam".into()),
    };
    let Ok(CallResult::Listed(channels)) = bench.run("cam", list) else {
        panic!()
    };
    assert_eq!(channels.len(), 230);
    assert_eq!(channels[229].channel_name, "cam229");
}

#[test]
fn a_wrong_clock_is_corrected_once_and_a_wrong_key_is_reported() {
    let mut bench = Bench::new();
    // No wall clock at all: 1970.
    let call = bench.call("cam", Command::Create, "SK");
    assert!(matches!(bench.drive(call), Ok(CallResult::Created(_))));
    assert_eq!(bench.skewed, 1);
    let call = bench.call("cam", Command::Describe, "wrong");
    let refused = bench.drive(call).unwrap_err();
    assert!(
        matches!(refused, Error::Service { error, .. } if error.kind == ErrorKind::WrongSignature)
    );
}

#[test]
fn silence_and_refusal_end_a_call() {
    let bench = Bench::new();
    for refused in [true, false] {
        let mut call = bench.call("cam", Command::Describe, "SK");
        call.set_wall_clock(bench.now, UnixTime::from_secs(1_700_000_000));
        let Some(Event::OpenStream { id, .. }) = call.poll_event() else {
            panic!()
        };
        let expected = if refused {
            call.handle_input(bench.now, Input::StreamClosed(id, CloseReason::Refused));
            TransportError::Stream(CloseReason::Refused)
        } else {
            let (at, _) = call.poll_timeout().unwrap();
            assert_eq!(at, bench.now + Duration::from_secs(2));
            call.handle_timeout(at);
            TransportError::ConnectTimedOut
        };
        let error = Error::Transport {
            step: Step::Describe,
            error: expected,
        };
        assert_eq!(call.take_result(), Some(Err(error)));
        assert_eq!(call.poll_timeout(), None);
    }
}
