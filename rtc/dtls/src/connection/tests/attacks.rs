//! What must not go through.

use alloc::vec;
use alloc::vec::Vec;

use smolrtc_base::{Instant, Rng};
use smolrtc_crypto::{JobError, JobId, JobResult, Provider as _};

use super::world::{Network, PROVIDER, World, configs, connection};
use crate::message::{self, kind};
use crate::{Alert, Connection, DropReason, Error, Event, Fingerprint, NamedGroup};

/// A plaintext record.
fn record(content_type: u8, sequence: u64, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![content_type, 0xFE, 0xFD, 0, 0];
    bytes.extend_from_slice(&sequence.to_be_bytes()[2..]);
    bytes.extend_from_slice(&(body.len() as u16).to_be_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// A plaintext record with one whole handshake message.
fn handshake(kind: u8, number: u16, body: &[u8]) -> Vec<u8> {
    let header = message::header(kind, number, body.len(), 0, body.len());
    record(22, u64::from(number), &[&header[..], body].concat())
}

fn drops(connection: &Connection, reason: DropReason) -> u32 {
    connection.stats().drops.get(reason)
}

#[test]
fn a_wrong_fingerprint_is_fatal_on_either_side_and_no_key_leaves() {
    for wrong in 0..2 {
        let mut configs = configs(1);
        let mut bytes = configs[wrong].peer_fingerprints[0].bytes().to_vec();
        bytes[31] ^= 1;
        let bad = Fingerprint::from_name("sha-256", &bytes).unwrap();
        configs[wrong].peer_fingerprints = vec![bad];
        let mut world = World::new(configs, Network::GOOD, 1);
        world.connect();
        let end = &world.ends[wrong];
        assert_eq!(end.error, Some(Error::FingerprintMismatch));
        assert!(end.srtp.is_none() && !end.connection.is_connected());
        assert!(end.connection.master.is_none());
        // The peer was told, in the clear as there are no keys.
        let last = end.sent.last().unwrap();
        assert_eq!(last[last.len() - 2..], [2, Alert::BAD_CERTIFICATE.0]);
        if wrong == 0 {
            // As client, nothing but the hello and the alert.
            assert_eq!(end.sent.len(), 2);
            assert_eq!(end.sent[1].len(), 13 + 2);
        }
    }
}

#[test]
fn a_connection_without_expected_fingerprints_cannot_be_made() {
    let [mut config, _] = configs(2);
    config.peer_fingerprints.clear();
    let result = Connection::new(Instant::ZERO, config, Rng::from_u64(1), &PROVIDER);
    assert_eq!(result.unwrap_err(), Error::NoFingerprint);
}

#[test]
fn every_datagram_of_a_connection_replayed_changes_nothing() {
    let mut world = World::good(3);
    world.connect();
    for from in 0..2 {
        let record = world.seal(from, b"once");
        world.ends[from].sent.push(record.clone());
        world.send(1 - from, record);
    }
    world.settle();
    let now = world.now;
    for from in 0..2 {
        let sent = world.ends[from].sent.clone();
        for mut datagram in sent {
            let to = &mut world.ends[1 - from].connection;
            to.handle_input(now, &mut datagram).unwrap();
        }
    }
    world.settle();
    world.assert_connected();
    for end in &world.ends {
        assert_eq!(end.data, [b"once"]);
        // The Finished and the data; the hellos and certificates are stale messages.
        assert_eq!(drops(&end.connection, DropReason::Replayed), 2);
        assert!(drops(&end.connection, DropReason::StaleMessage) > 0);
    }
}

#[test]
fn every_datagram_duplicated_at_once_makes_the_same_connection() {
    let network = Network {
        duplicated: 100,
        ..Network::GOOD
    };
    let mut world = World::new(configs(4), network, 4);
    world.connect();
    world.assert_connected();
}

#[test]
fn flipped_bits_after_the_handshake_are_dropped_and_counted() {
    let mut world = World::good(5);
    world.connect();
    world.settle();
    let now = world.now;
    let good = world.seal(0, b"payload");
    let mut bad_tags = 0;
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        world.ends[1]
            .connection
            .handle_input(now, &mut bad)
            .unwrap();
        assert!(!bad.windows(7).any(|part| part == b"payload"));
        bad_tags = drops(&world.ends[1].connection, DropReason::BadTag);
    }
    world.drain();
    assert!(world.ends[1].data.is_empty());
    assert!(bad_tags > 300);
    // None of that has moved the replay window.
    world.send(1, good);
    world.settle();
    assert_eq!(world.ends[1].data, [b"payload"]);
}

#[test]
fn a_stray_finished_and_early_data_are_dropped() {
    for index in 0..2 {
        let mut world = World::good(6);
        world.drain();
        let stray = handshake(kind::FINISHED, 0, &[0; 12]);
        let data = record(23, 7, b"data");
        let mut protected = record(23, 1, &[0; 40]);
        protected[4] = 1;
        let end = &mut world.ends[index].connection;
        for mut datagram in [stray, data, protected.clone(), vec![1], vec![0; 13]] {
            end.handle_input(Instant::ZERO, &mut datagram).unwrap();
        }
        assert_eq!(drops(end, DropReason::StrayMessage), 1);
        assert_eq!(drops(end, DropReason::WrongEpoch), 1);
        assert_eq!(drops(end, DropReason::Truncated), 1);
        assert_eq!(drops(end, DropReason::UnknownRecord), 1);
        // Early records of epoch 1 are kept, up to a limit.
        for _ in 0..20 {
            end.handle_input(Instant::ZERO, &mut protected.clone())
                .unwrap();
        }
        assert!(drops(end, DropReason::TooEarly) >= 11);
        world.connect();
        world.assert_connected();
        assert!(world.ends.iter().all(|end| end.data.is_empty()));
    }
}

#[test]
fn alerts_in_the_clear_end_nothing_but_explain_a_timeout() {
    let mut world = World::good(7);
    world.drain();
    for index in 0..2 {
        for description in [0, 40, 80] {
            let mut alert = record(21, 9, &[2, description]);
            let end = &mut world.ends[index].connection;
            end.handle_input(Instant::ZERO, &mut alert).unwrap();
        }
    }
    world.connect();
    world.assert_connected();
    let now = world.now;
    let mut alert = record(21, 9, &[2, 40]);
    world.ends[0]
        .connection
        .handle_input(now, &mut alert)
        .unwrap();
    world.assert_connected();

    let [client, _] = configs(7);
    let mut client = connection(client, 7);
    client
        .poll_transmit(Instant::ZERO, &mut [0; 1_500])
        .unwrap();
    client
        .handle_input(Instant::ZERO, &mut record(21, 9, &[2, 40]))
        .unwrap();
    assert_eq!(
        client.handle_timeout(Instant::from_millis(31_000)),
        Err(Error::Timeout {
            alert: Some(Alert::HANDSHAKE_FAILURE)
        })
    );
}

#[test]
fn huge_lengths_and_empty_fragments_cost_nothing() {
    let [_, config] = configs(8);
    let mut server = connection(config, 8);
    let claims = [
        message::header(kind::CLIENT_HELLO, 0, 0xFF_FFFF, 0, 0),
        message::header(kind::CLIENT_HELLO, 0, 0xFF_FFFF, 0xFF_FFFF, 0),
        message::header(kind::CLIENT_HELLO, 0, 0, 0xFF_FFFF, 0xFF_FFFF),
        message::header(kind::CLIENT_HELLO, 0, 500, 10, 0),
        message::header(kind::CLIENT_HELLO, 0xFFFF, 500, 0, 0),
    ];
    for header in claims {
        server
            .handle_input(Instant::ZERO, &mut record(22, 0, &header))
            .unwrap();
    }
    assert_eq!(server.stats().drops.total(), 5);
    assert_eq!(server.poll_transmit(Instant::ZERO, &mut [0; 1_500]), None);
}

#[test]
fn a_second_hello_under_the_keys_is_a_renegotiation_and_refused() {
    let mut world = World::good(9);
    world.connect();
    world.settle();
    let body = message::header(kind::CLIENT_HELLO, 5, 0, 0, 0);
    let mut buf = [0; 200];
    let len = world.ends[0]
        .connection
        .records
        .write(crate::record::ContentType::Handshake, 1, &[&body], &mut buf)
        .unwrap();
    world.send(1, buf[..len].to_vec());
    world.settle();
    world.assert_connected();
    let server = &world.ends[1].connection;
    assert_eq!(drops(server, DropReason::Renegotiation), 1);
}

#[test]
fn a_fatal_alert_under_the_keys_ends_the_connection() {
    let mut world = World::good(10);
    world.connect();
    world.ends[0].connection.alert = Some((2, Alert::INTERNAL_ERROR));
    world.settle();
    assert_eq!(
        world.ends[1].error,
        Some(Error::PeerAlert(Alert::INTERNAL_ERROR))
    );
    let now = world.now;
    let end = &mut world.ends[1].connection;
    end.handle_input(now, &mut [0; 20]).unwrap();
    assert_eq!(drops(end, DropReason::Closed), 1);
}

/// A ClientHello as Chromium 156 writes it: GREASE, DTLS 1.3, a post-quantum key share of 1,216
/// bytes; the values at random, the shape as it is.
fn large_client_hello(groups: &[u16], versions: Option<&[u16]>) -> Vec<u8> {
    let mut rng = Rng::from_u64(99);
    let list = |ids: &[u16]| {
        ids.iter()
            .flat_map(|id| id.to_be_bytes())
            .collect::<Vec<_>>()
    };
    let vec16 = |bytes: &[u8]| [&(bytes.len() as u16).to_be_bytes()[..], bytes].concat();
    let extension = |id: u16, data: &[u8]| [&id.to_be_bytes()[..], &vec16(data)].concat();
    let mut body = vec![0xFE, 0xFD];
    body.extend_from_slice(&rng.array::<32>());
    body.extend_from_slice(&[0, 0]);
    body.extend_from_slice(&vec16(&list(&[
        0x1301, 0x1302, 0x1303, 0xC02B, 0xC02F, 0xCCA9, 0xCCA8, 0xC009, 0xC013,
    ])));
    body.extend_from_slice(&[1, 0]);
    let mut extensions = extension(0x1A1A, &[]);
    extensions.extend(extension(23, &[]));
    extensions.extend(extension(0xFF01, &[0]));
    extensions.extend(extension(10, &vec16(&list(groups))));
    extensions.extend(extension(11, &[1, 0]));
    extensions.extend(extension(
        13,
        &vec16(&list(&[0x0403, 0x0804, 0x0401, 0x0503, 0x0805])),
    ));
    extensions.extend(extension(14, &[0, 8, 0, 7, 0, 8, 0, 1, 0, 2, 0]));
    let mut share = vec![0x11, 0xEC];
    let mut key = vec![0; 1_216];
    rng.fill(&mut key);
    share.extend(vec16(&key));
    extensions.extend(extension(51, &vec16(&share)));
    if let Some(versions) = versions {
        let versions = list(versions);
        extensions.extend(extension(
            43,
            &[&[versions.len() as u8], &versions[..]].concat(),
        ));
    }
    extensions.extend(extension(0x7A7A, &[0]));
    body.extend(vec16(&extensions));
    body
}

/// Cuts a message into records of at most `size` bytes of body, two to a datagram, last first.
fn in_pieces(kind: u8, body: &[u8], size: usize) -> Vec<Vec<u8>> {
    let mut records: Vec<Vec<u8>> = body
        .chunks(size)
        .enumerate()
        .map(|(index, chunk)| {
            let header = message::header(kind, 0, body.len(), index * size, chunk.len());
            record(22, index as u64, &[&header[..], chunk].concat())
        })
        .collect();
    records.reverse();
    records.chunks(2).map(<[Vec<u8>]>::concat).collect()
}

fn run_jobs(end: &mut Connection) {
    while let Some(event) = end.poll_event() {
        if let Event::Compute(id, job) = event {
            end.handle_computed(Instant::ZERO, id, PROVIDER.run(&job))
                .unwrap();
        }
    }
}

#[test]
fn a_large_hello_of_a_1_3_client_in_several_records_is_answered_in_1_2() {
    for (groups, group) in [
        (&[0x2A2A, 0x11EC, 29, 23, 24][..], NamedGroup::X25519),
        (&[0x11EC, 24, 23], NamedGroup::P256),
    ] {
        let [_, config] = configs(11);
        let mut server = connection(config, 11);
        let hello = large_client_hello(groups, Some(&[0x3A3A, 0xFEFC, 0xFEFD]));
        assert!(hello.len() > 1_300);
        for mut datagram in in_pieces(kind::CLIENT_HELLO, &hello, 400) {
            assert_eq!(server.poll_transmit(Instant::ZERO, &mut [0; 1_500]), None);
            server.handle_input(Instant::ZERO, &mut datagram).unwrap();
        }
        run_jobs(&mut server);
        let mut buf = [0; 1_500];
        server.poll_transmit(Instant::ZERO, &mut buf).unwrap();
        assert_eq!((buf[0], buf[13]), (22, kind::SERVER_HELLO));
        assert_eq!(buf[25..27], [0xFE, 0xFD]);
        assert_eq!(server.handshake.as_ref().unwrap().group, Some(group));
    }
}

#[test]
fn hellos_that_share_nothing_with_us_are_refused_by_name() {
    let good = large_client_hello(&[29], Some(&[0xFEFD]));
    let without = |id: [u8; 4]| {
        // Turns an extension into one that nobody knows.
        let at = good.windows(4).rposition(|part| part == id).unwrap();
        let mut hello = good.clone();
        hello[at] = 0x7F;
        hello
    };
    let mut old = large_client_hello(&[29], None);
    old[..2].copy_from_slice(&[0xFE, 0xFF]);
    let mut trailing = good.clone();
    trailing.push(0);
    for (hello, error) in [
        (
            large_client_hello(&[29], Some(&[0xFEFC])),
            Error::ProtocolVersion,
        ),
        (old, Error::ProtocolVersion),
        (
            large_client_hello(&[24, 25], Some(&[0xFEFD])),
            Error::NothingInCommon,
        ),
        (without([0, 23, 0, 0]), Error::NoExtendedMasterSecret),
        (without([0, 13, 0, 12]), Error::NothingInCommon),
        (trailing, Error::Decode),
        (vec![0; 3], Error::Decode),
    ] {
        let [_, config] = configs(12);
        let mut server = connection(config, 12);
        let mut datagram = handshake(kind::CLIENT_HELLO, 0, &hello);
        assert_eq!(
            server.handle_input(Instant::ZERO, &mut datagram),
            Err(error)
        );
        let mut buf = [0; 100];
        let len = server.poll_transmit(Instant::ZERO, &mut buf).unwrap();
        assert_eq!(buf[..len][13..], [2, error.alert().unwrap().0]);
    }
}

#[test]
fn a_cookie_is_returned_and_the_first_hello_forgotten() {
    let [config, _] = configs(13);
    let mut client = connection(config, 13);
    let mut first = [0; 1_500];
    let first_len = client.poll_transmit(Instant::ZERO, &mut first).unwrap();
    let mut request = handshake(kind::HELLO_VERIFY_REQUEST, 0, b"\xFE\xFF\x06cookie");
    client.handle_input(Instant::ZERO, &mut request).unwrap();
    let mut second = [0; 1_500];
    let second_len = client.poll_transmit(Instant::ZERO, &mut second).unwrap();
    assert_eq!(second_len, first_len + 6);
    // Message number 1, same random, the cookie.
    assert_eq!(second[17..19], [0, 1]);
    assert_eq!(first[27..59], second[27..59]);
    assert_eq!(second[59..67], *b"\0\x06cookie");
    assert_eq!(
        client.handshake.as_ref().unwrap().transcript,
        second[13..second_len]
    );
    // Not for ever.
    for number in 1..3 {
        let mut request = handshake(kind::HELLO_VERIFY_REQUEST, number, b"\xFE\xFF\0");
        client.handle_input(Instant::ZERO, &mut request).unwrap();
    }
    let mut request = handshake(kind::HELLO_VERIFY_REQUEST, 3, b"\xFE\xFF\0");
    assert_eq!(
        client.handle_input(Instant::ZERO, &mut request),
        Err(Error::UnexpectedMessage)
    );
}

#[test]
fn messages_out_of_turn_are_fatal() {
    let [client, server] = configs(14);
    for (config, kinds) in [
        (client, [kind::CERTIFICATE, kind::SERVER_HELLO_DONE]),
        (server, [kind::CERTIFICATE, kind::CLIENT_KEY_EXCHANGE]),
    ] {
        for kind in kinds {
            let mut end = connection(config.clone(), 14);
            assert_eq!(
                end.handle_input(Instant::ZERO, &mut handshake(kind, 0, &[])),
                Err(Error::UnexpectedMessage)
            );
            assert!(end.poll_timeout().is_none());
        }
    }
}

#[test]
fn results_of_unknown_jobs_are_counted_and_failed_jobs_are_fatal() {
    let [client, _] = configs(15);
    let mut client = connection(client, 15);
    client
        .handle_computed(Instant::ZERO, JobId(77), JobResult::Valid)
        .unwrap();
    assert_eq!(drops(&client, DropReason::UnknownJob), 1);
    let Some(Event::Compute(id, _)) = client.poll_event() else {
        panic!("a key is made ahead");
    };
    let failed = JobResult::Failed(JobError::Unsupported);
    assert_eq!(
        client.handle_computed(Instant::ZERO, id, failed.clone()),
        Err(Error::Provider)
    );
    client.handle_computed(Instant::ZERO, id, failed).unwrap();
}

#[test]
fn a_server_that_presents_its_certificate_without_the_key_is_refused() {
    use crate::Certificate;
    let [client, mut server] = configs(16);
    // The right certificate, another private key.
    let (_, other) = client.certificate.to_parts();
    let stolen =
        Certificate::from_parts(&PROVIDER, server.certificate.der().to_vec(), other.clone());
    server.certificate = stolen.unwrap();
    let mut world = World::new([client, server], Network::GOOD, 16);
    world.connect();
    assert_eq!(world.ends[0].error, Some(Error::BadSignature));
}

#[test]
fn a_client_that_presents_its_certificate_without_the_key_is_refused() {
    use crate::Certificate;
    let [mut client, server] = configs(17);
    let (_, other) = server.certificate.to_parts();
    let stolen =
        Certificate::from_parts(&PROVIDER, client.certificate.der().to_vec(), other.clone());
    client.certificate = stolen.unwrap();
    let mut world = World::new([client, server], Network::GOOD, 17);
    world.connect();
    assert_eq!(world.ends[1].error, Some(Error::BadSignature));
    assert!(world.ends[1].srtp.is_none());
}

#[test]
fn a_tampered_hello_is_found_out() {
    let mut world = World::good(18);
    world.drain();
    // One bit of the client's list of SRTP profiles, on the way.
    let mut hello = world.ends[0].sent[0].clone();
    let at = hello
        .windows(4)
        .position(|part| part == [0, 7, 0, 8])
        .unwrap();
    hello[at + 1] = 6;
    let mut world = World::good(18);
    let now = world.now;
    world.ends[1]
        .connection
        .handle_input(now, &mut hello)
        .unwrap();
    world.connect();
    // The server signs a transcript that the client does not have.
    assert!(matches!(
        (world.ends[0].error, world.ends[1].error),
        (Some(_), _) | (_, Some(Error::BadSignature | Error::BadFinished))
    ));
    assert!(world.ends.iter().all(|end| end.srtp.is_none()));
}

#[test]
fn debug_output_of_a_connection_shows_no_key() {
    let mut world = World::good(19);
    world.connect();
    let keys = world.ends[0].srtp.clone().flatten().unwrap();
    let text = alloc::format!("{:?} {keys:?}", world.ends[0].connection);
    let [a, b, c, ..] = keys.local_key.expose() else {
        panic!("a key is longer");
    };
    assert!(!text.contains(&alloc::format!("{a}, {b}, {c}")));
    assert!(text.contains("Secret("));
}
