//! Against OpenSSL's `s_client` and `s_server` over UDP on loopback: every cipher suite, every SRTP
//! profile, both roles, ECDSA and RSA peers, client certificates demanded on both sides. What counts
//! is that the 60 bytes of `-keymatexport EXTRACTOR-dtls_srtp` equal ours.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant as Clock};

use smolrtc_base::{Instant, Rng, UnixTime};
use smolrtc_crypto::{HashAlgorithm, Provider as _, RustCrypto};
use smolrtc_dtls::{
    Alert, Certificate, CipherSuite, Config, Connection, DropReason, Error, Event, Fingerprint,
    NamedGroup, RECORD_OVERHEAD, RECORD_OVERHEAD_HEAD, Role, SrtpKeys,
};

static PROVIDER: RustCrypto = RustCrypto;

const LABEL: &[u8] = b"EXTRACTOR-dtls_srtp";
const DEADLINE: Duration = Duration::from_secs(20);

/// OpenSSL's names of the suites, in the order of [`CipherSuite::ALL`].
const SUITES: [&str; 6] = [
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-RSA-CHACHA20-POLY1305",
];

/// OpenSSL's names of the SRTP profiles, and their ids.
const PROFILES: [(&str, u16); 4] = [
    ("SRTP_AES128_CM_SHA1_80", 1),
    ("SRTP_AES128_CM_SHA1_32", 2),
    ("SRTP_AEAD_AES_128_GCM", 7),
    ("SRTP_AEAD_AES_256_GCM", 8),
];

const GROUPS: [(&str, NamedGroup); 2] =
    [("X25519", NamedGroup::X25519), ("P-256", NamedGroup::P256)];

/// What kind of certificate OpenSSL presents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Ecdsa,
    Rsa,
}

/// One run.
#[derive(Clone, Debug)]
struct Case {
    /// Our role.
    role: Role,
    suite: usize,
    profile: usize,
    group: usize,
    key: Key,
    /// Further options for OpenSSL.
    options: Vec<&'static str>,
    mtu: usize,
}

impl Case {
    fn new(role: Role, suite: usize) -> Self {
        Self {
            role,
            suite,
            profile: 0,
            group: 0,
            key: if suite >= 3 { Key::Rsa } else { Key::Ecdsa },
            options: Vec::new(),
            mtu: 1_200,
        }
    }

    fn openssl(&self) -> Vec<String> {
        let files = files();
        let (certificate, key) = files.paths(self.key);
        let mut arguments: Vec<String> = [
            "-dtls1_2",
            "-cert",
            certificate,
            "-key",
            key,
            "-use_srtp",
            PROFILES[self.profile].0,
            "-keymatexport",
            "EXTRACTOR-dtls_srtp",
            "-keymatexportlen",
            "60",
            "-cipher",
            // The TLS 1.3 suites are a list of their own and of no use here.
            SUITES[self.suite],
            "-groups",
            // P-256 besides, since our certificate is on it.
            match self.group {
                0 => "X25519:P-256",
                _ => "P-256",
            },
        ]
        .map(String::from)
        .to_vec();
        arguments.extend(self.options.iter().map(|option| String::from(*option)));
        arguments
    }
}

/// Certificates and keys for OpenSSL.
struct Files {
    directory: PathBuf,
    ecdsa: [String; 2],
    rsa: [String; 2],
    ecdsa_der: Vec<u8>,
    rsa_der: Vec<u8>,
}

impl Files {
    fn make() -> Self {
        let version = Command::new("openssl").arg("version").output();
        assert!(
            version.is_ok_and(|output| output.status.success()),
            "the openssl command is missing: apt-get install openssl"
        );
        static MADE: AtomicU32 = AtomicU32::new(0);
        let directory = std::env::temp_dir().join(format!(
            "smolrtc-dtls-openssl-{}-{}",
            std::process::id(),
            MADE.fetch_add(1, Ordering::Relaxed)
        ));
        std::fs::create_dir_all(&directory).expect("a temporary directory can be made");
        let path = |name: &str| directory.join(name).to_string_lossy().into_owned();
        let make = |name: &str, algorithm: &[&str]| {
            let paths = [path(&format!("{name}.crt")), path(&format!("{name}.key"))];
            let mut arguments = vec!["req", "-x509", "-nodes", "-sha256", "-days", "30"];
            arguments.extend(["-subj", "/CN=peer", "-out", &paths[0], "-keyout", &paths[1]]);
            arguments.extend(algorithm);
            run(&arguments);
            let der = run(&["x509", "-in", &paths[0], "-outform", "DER"]);
            (paths, der)
        };
        let (ecdsa, ecdsa_der) = make(
            "ecdsa",
            &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
        );
        let (rsa, rsa_der) = make("rsa", &["-newkey", "rsa:2048"]);
        Self {
            directory,
            ecdsa,
            rsa,
            ecdsa_der,
            rsa_der,
        }
    }

    fn paths(&self, key: Key) -> (&str, &str) {
        let [certificate, key] = match key {
            Key::Ecdsa => &self.ecdsa,
            Key::Rsa => &self.rsa,
        };
        (certificate, key)
    }

    fn fingerprint(&self, key: Key, hash: HashAlgorithm) -> Fingerprint {
        let der = match key {
            Key::Ecdsa => &self.ecdsa_der,
            Key::Rsa => &self.rsa_der,
        };
        Fingerprint::new(hash, &PROVIDER.hash(hash, &[der])[..hash.len()])
            .expect("the length is the hash's")
    }
}

/// Shared by the tests that run at the same time; removed with the last of them.
fn files() -> Arc<Files> {
    static FILES: OnceLock<Mutex<std::sync::Weak<Files>>> = OnceLock::new();
    let mut slot = FILES
        .get_or_init(Mutex::default)
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    slot.upgrade().unwrap_or_else(|| {
        let files = Arc::new(Files::make());
        *slot = Arc::downgrade(&files);
        files
    })
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

fn run(arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("openssl")
        .args(arguments)
        .output()
        .expect("openssl starts");
    assert!(
        output.status.success(),
        "openssl {arguments:?} failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// A running `openssl`, killed when dropped.
struct Peer {
    child: Child,
    output: Arc<Mutex<String>>,
}

impl Peer {
    fn start(arguments: &[String]) -> Self {
        let mut child = Command::new("openssl")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("openssl starts");
        let output = Arc::new(Mutex::new(String::new()));
        let stdout = child.stdout.take().expect("stdout is piped");
        let stderr = child.stderr.take().expect("stderr is piped");
        collect(stdout, Arc::clone(&output));
        collect(stderr, Arc::clone(&output));
        Self { child, output }
    }

    fn output(&self) -> String {
        self.output
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }

    fn type_line(&mut self, line: &str) {
        let stdin = self.child.stdin.as_mut().expect("stdin is piped");
        writeln!(stdin, "{line}").expect("openssl reads its input");
        stdin.flush().expect("openssl reads its input");
    }

    /// The bytes after `Keying material:`, once they are printed.
    fn keying_material(&self) -> Option<Vec<u8>> {
        let output = self.output();
        let hex = output.split("Keying material: ").nth(1)?;
        let hex = hex.split_once('\n')?.0.trim();
        (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok())
            .collect()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Appends lines as they come. The thread ends with the pipe.
fn collect(pipe: impl std::io::Read + Send + 'static, output: Arc<Mutex<String>>) {
    std::thread::spawn(move || {
        let mut reader = BufReader::new(pipe);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).is_ok_and(|len| len > 0) {
            output
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .push_str(&String::from_utf8_lossy(&line));
            line.clear();
        }
    });
}

/// Our end: a connection, its socket, what came out of it.
struct Ours {
    connection: Connection,
    socket: UdpSocket,
    peer: Option<SocketAddr>,
    start: Clock,
    srtp: Option<Option<SrtpKeys>>,
    data: Vec<u8>,
    saw_verify_request: bool,
}

impl Ours {
    fn start(case: &Case, fingerprint: Fingerprint, peer: Option<SocketAddr>) -> Self {
        static SEED: AtomicU32 = AtomicU32::new(0);
        let mut rng = Rng::from_u64(u64::from(SEED.fetch_add(1, Ordering::Relaxed)));
        let certificate =
            Certificate::generate(&PROVIDER, &mut rng, UnixTime::from_secs(1_780_000_000))
                .expect("a certificate can be made");
        let mut config = Config::new(case.role, certificate, vec![fingerprint]);
        config.mtu = case.mtu;
        config.groups = match GROUPS[case.group].1 {
            NamedGroup::P256 => &[NamedGroup::P256],
            // The key made ahead is of the first group in any case.
            _ => &[NamedGroup::X25519, NamedGroup::P256],
        };
        let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback has UDP");
        socket
            .set_read_timeout(Some(Duration::from_millis(2)))
            .expect("a socket takes a timeout");
        let mut connection = Connection::new(Instant::ZERO, config, rng, &PROVIDER)
            .expect("the configuration is good");
        connection.set_rtt(Duration::from_millis(25));
        Self {
            connection,
            socket,
            peer,
            start: Clock::now(),
            srtp: None,
            data: Vec::new(),
            saw_verify_request: false,
        }
    }

    fn now(&self) -> Instant {
        Instant::from_micros(u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    /// One turn of the loop: timers, jobs, events, sending, at most one datagram in.
    fn turn(&mut self) -> Result<(), Error> {
        let mut buf = [0; 2_048];
        let now = self.now();
        self.connection.handle_timeout(now)?;
        while let Some(event) = self.connection.poll_event() {
            match event {
                Event::Compute(id, job) => {
                    let result = PROVIDER.run(&job);
                    self.connection.handle_computed(now, id, result)?;
                }
                Event::Connected { srtp } => self.srtp = Some(srtp),
                Event::Data(data) => self.data.extend_from_slice(data),
                _ => {}
            }
        }
        self.flush();
        match self.socket.recv_from(&mut buf) {
            Ok((len, from)) => {
                self.peer = Some(from);
                // A plaintext handshake record with a HelloVerifyRequest.
                self.saw_verify_request |= buf[0] == 22 && buf[4] == 0 && buf[13] == 3;
                self.connection.handle_input(now, &mut buf[..len])
            }
            // Nothing there, or nobody listening yet.
            Err(_) => Ok(()),
        }
    }

    fn flush(&mut self) {
        let mut buf = [0; 2_048];
        let now = self.now();
        if let Some(peer) = self.peer {
            while let Some(len) = self.connection.poll_transmit(now, &mut buf) {
                // An ICMP error of an earlier datagram may surface here; the timer heals it.
                let _ = self.socket.send_to(&buf[..len], peer);
            }
        }
    }

    fn send(&mut self, data: &[u8]) {
        let mut buf = vec![0; data.len() + RECORD_OVERHEAD];
        buf[RECORD_OVERHEAD_HEAD..][..data.len()].copy_from_slice(data);
        let len = self
            .connection
            .seal(&mut buf, data.len())
            .expect("the connection is up");
        let peer = self.peer.expect("the connection is up");
        self.socket
            .send_to(&buf[..len], peer)
            .expect("loopback takes a datagram");
    }
}

/// Starts both ends of `case`.
fn start(case: &Case, fingerprint: Fingerprint) -> (Ours, Peer) {
    match case.role {
        Role::Server => {
            let ours = Ours::start(case, fingerprint, None);
            let to = ours.socket.local_addr().expect("the socket is bound");
            let mut arguments = vec!["s_client".into(), "-connect".into(), to.to_string()];
            arguments.extend(case.openssl());
            (ours, Peer::start(&arguments))
        }
        Role::Client => {
            // s_server cannot tell which port it got, so it is given one that was free just now.
            let port = UdpSocket::bind("127.0.0.1:0")
                .and_then(|socket| socket.local_addr())
                .expect("loopback has UDP");
            let mut arguments = vec!["s_server".into(), "-accept".into(), port.to_string()];
            arguments.extend(["-Verify".into(), "1".into()]);
            arguments.extend(case.openssl());
            let peer = Peer::start(&arguments);
            (Ours::start(case, fingerprint, Some(port)), peer)
        }
    }
}

/// Turns until `done` says so; fails after the deadline with what OpenSSL printed.
fn run_until(
    what: &str,
    case: &Case,
    ours: &mut Ours,
    peer: &Peer,
    mut done: impl FnMut(&Ours, &Peer) -> bool,
) {
    let start = Clock::now();
    while !done(ours, peer) {
        if let Err(error) = ours.turn() {
            panic!("{case:?}: {error}\n{}", peer.output());
        }
        assert!(
            start.elapsed() < DEADLINE,
            "{case:?}: no {what} within {DEADLINE:?}; {:?}\n{}",
            ours.connection.stats(),
            peer.output()
        );
    }
}

/// The whole of one run: handshake, equal keys, data both ways, close_notify.
fn check(case: &Case) -> Ours {
    let files = files();
    let fingerprint = files.fingerprint(case.key, HashAlgorithm::Sha256);
    let (mut ours, mut peer) = start(case, fingerprint);
    run_until("handshake", case, &mut ours, &peer, |ours, peer| {
        ours.srtp.is_some() && peer.keying_material().is_some()
    });

    let mut exported = [0; 60];
    ours.connection
        .export_keying_material(LABEL, None, &mut exported)
        .expect("the connection is up");
    assert_eq!(
        peer.keying_material().as_deref(),
        Some(&exported[..]),
        "{case:?}"
    );
    assert_ne!(exported, [0; 60]);

    let (profile_name, profile) = PROFILES[case.profile];
    let srtp = ours.srtp.clone().flatten().expect("a profile was agreed");
    assert_eq!(srtp.profile, profile, "{case:?}");
    assert!(
        peer.output().contains(&format!(
            "SRTP Extension negotiated, profile={profile_name}"
        )),
        "{case:?}: {}",
        peer.output()
    );
    let (client, server) = match case.role {
        Role::Client => (&srtp.local_key, &srtp.remote_key),
        Role::Server => (&srtp.remote_key, &srtp.local_key),
    };
    let (client_salt, server_salt) = match case.role {
        Role::Client => (&srtp.local_salt, &srtp.remote_salt),
        Role::Server => (&srtp.remote_salt, &srtp.local_salt),
    };
    let keys = [client, server, client_salt, server_salt].map(|part| part.expose());
    let keys = keys.concat();
    let shared = keys.len().min(exported.len());
    assert_eq!(keys[..shared], exported[..shared], "{case:?}");

    let stats = ours.connection.stats();
    assert_eq!(stats.version, Some(0xFEFD));
    assert_eq!(stats.cipher_suite, Some(CipherSuite::ALL[case.suite]));
    assert_eq!(stats.group, Some(GROUPS[case.group].1));

    ours.send(b"media from the engine\n");
    peer.type_line("media from the peer");
    run_until("data", case, &mut ours, &peer, |ours, peer| {
        ours.data == b"media from the peer\n" && peer.output().contains("media from the engine")
    });

    let now = ours.now();
    ours.connection.close(now);
    ours.flush();
    assert!(!ours.connection.is_connected());
    ours
}

#[test]
fn as_client_every_suite_and_profile_exports_the_bytes_of_s_server() {
    let _files = files();
    for suite in 0..SUITES.len() {
        for profile in 0..PROFILES.len() {
            let mut case = Case::new(Role::Client, suite);
            case.profile = profile;
            case.group = profile % 2;
            check(&case);
        }
    }
}

#[test]
fn as_server_every_suite_and_profile_exports_the_bytes_of_s_client() {
    let _files = files();
    // We sign with ECDSA, so the RSA suites are none of ours as server; an RSA client is.
    for key in [Key::Ecdsa, Key::Rsa] {
        for suite in 0..3 {
            for profile in 0..PROFILES.len() {
                let mut case = Case::new(Role::Server, suite);
                case.key = key;
                case.profile = profile;
                case.group = profile % 2;
                check(&case);
            }
        }
    }
}

#[test]
fn every_suite_works_with_every_group() {
    let _files = files();
    for role in [Role::Client, Role::Server] {
        let suites = if role == Role::Client { 6 } else { 3 };
        for suite in 0..suites {
            for group in 0..GROUPS.len() {
                let mut case = Case::new(role, suite);
                case.group = group;
                check(&case);
            }
        }
    }
}

#[test]
fn every_rsa_signature_scheme_is_verified() {
    let _files = files();
    for scheme in [
        "ECDSA+SHA256:RSA+SHA256",
        "ECDSA+SHA256:RSA+SHA384",
        "ECDSA+SHA256:RSA+SHA512",
        "ECDSA+SHA256:rsa_pss_rsae_sha256",
    ] {
        for (role, suite) in [(Role::Client, 3), (Role::Server, 0)] {
            let mut case = Case::new(role, suite);
            case.key = Key::Rsa;
            case.options = vec!["-sigalgs", scheme];
            check(&case);
        }
    }
}

#[test]
fn small_datagrams_are_fragmented_both_ways() {
    let _files = files();
    for role in [Role::Client, Role::Server] {
        let mut case = Case::new(role, if role == Role::Client { 3 } else { 0 });
        case.key = Key::Rsa;
        case.mtu = 300;
        case.options = vec!["-mtu", "300"];
        check(&case);
    }
}

#[test]
fn a_hello_verify_request_is_answered() {
    let _files = files();
    let mut case = Case::new(Role::Client, 0);
    case.options = vec!["-listen"];
    assert!(check(&case).saw_verify_request);
}

#[test]
fn longer_fingerprints_match_too() {
    let files = files();
    for hash in [HashAlgorithm::Sha384, HashAlgorithm::Sha512] {
        let case = Case::new(Role::Client, 0);
        let (mut ours, peer) = start(&case, files.fingerprint(case.key, hash));
        run_until("handshake", &case, &mut ours, &peer, |ours, _| {
            ours.srtp.is_some()
        });
    }
}

#[test]
fn a_peer_with_another_certificate_is_told_and_refused() {
    let files = files();
    for role in [Role::Client, Role::Server] {
        let case = Case::new(role, 0);
        // The fingerprint of the other certificate.
        let expected = files.fingerprint(Key::Rsa, HashAlgorithm::Sha256);
        let (mut ours, peer) = start(&case, expected);
        let begin = Clock::now();
        let error = loop {
            assert!(begin.elapsed() < DEADLINE, "{case:?}: {}", peer.output());
            if let Err(error) = ours.turn() {
                break error;
            }
        };
        assert_eq!(error, Error::FingerprintMismatch, "{case:?}");
        assert!(ours.srtp.is_none());
        assert!(
            ours.connection
                .export_keying_material(LABEL, None, &mut [0; 60])
                .is_err()
        );
        ours.flush();
        while !peer.output().contains("bad certificate") {
            assert!(begin.elapsed() < DEADLINE, "{case:?}: {}", peer.output());
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

#[test]
fn a_renegotiation_is_refused_and_the_connection_stays() {
    let files = files();
    let case = Case::new(Role::Server, 0);
    let (mut ours, mut peer) = start(&case, files.fingerprint(case.key, HashAlgorithm::Sha256));
    run_until("handshake", &case, &mut ours, &peer, |ours, peer| {
        ours.srtp.is_some() && peer.keying_material().is_some()
    });
    // s_client renegotiates when it reads a line that starts with R.
    peer.type_line("R");
    run_until("attempt", &case, &mut ours, &peer, |ours, _| {
        ours.connection.stats().drops.get(DropReason::Renegotiation) > 0
    });
    assert!(ours.connection.is_connected());
    assert_eq!(Alert::NO_RENEGOTIATION.name(), "no_renegotiation");
}

#[test]
fn a_close_notify_from_the_peer_ends_the_connection() {
    let files = files();
    let case = Case::new(Role::Server, 0);
    let (mut ours, mut peer) = start(&case, files.fingerprint(case.key, HashAlgorithm::Sha256));
    run_until("handshake", &case, &mut ours, &peer, |ours, peer| {
        ours.srtp.is_some() && peer.keying_material().is_some()
    });
    peer.type_line("Q");
    run_until("close_notify", &case, &mut ours, &peer, |ours, _| {
        !ours.connection.is_connected()
    });
}
