use super::*;
use alloc::vec;
use smolrtc_crypto::RustCrypto;

#[test]
fn a_header_survives_the_round_trip() {
    let header = Header {
        content_type: 22,
        version: DTLS_1_2,
        epoch: 1,
        sequence: 0x0102_0304_0506,
        len: 0x0708,
    };
    let bytes = header.emit();
    assert_eq!(bytes, [22, 254, 253, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(Header::parse(&mut Reader::new(&bytes)), Ok(header));
    assert!(Header::parse(&mut Reader::new(&bytes[..12])).is_err());
}

#[test]
fn the_additional_data_is_sequence_type_version_and_plaintext_length() {
    let header = Header {
        content_type: 23,
        version: DTLS_1_2,
        epoch: 1,
        sequence: 2,
        len: 99,
    };
    assert_eq!(
        header.additional_data(5),
        [0, 1, 0, 0, 0, 0, 0, 2, 23, 254, 253, 0, 5]
    );
}

#[test]
fn a_chacha_nonce_is_the_iv_with_the_sequence_number_added() {
    let iv = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
    let algorithm = AeadAlgorithm::ChaCha20Poly1305;
    let cipher = Cipher::new(&RustCrypto, algorithm, &[0; 32], &iv).unwrap();
    assert_eq!(
        cipher.nonce([0, 1, 0, 0, 0, 0, 0, 0xFF]),
        [0, 1, 2, 3, 4, 4, 6, 7, 8, 9, 10, 11 ^ 0xFF]
    );
    assert_eq!(cipher.overhead(), HEADER_LEN + TAG_LEN);
}

#[test]
fn any_flipped_bit_of_a_record_makes_it_fail_and_leaves_no_plaintext() {
    for (algorithm, key_len) in [
        (AeadAlgorithm::Aes128Gcm, 16),
        (AeadAlgorithm::Aes256Gcm, 32),
        (AeadAlgorithm::ChaCha20Poly1305, 32),
    ] {
        let iv = vec![3; Cipher::fixed_iv_len(algorithm)];
        let cipher = Cipher::new(&RustCrypto, algorithm, &vec![7; key_len], &iv).unwrap();
        let head = HEADER_LEN + cipher.explicit_nonce_len();
        let mut record = vec![0; cipher.overhead() + 20];
        record[head..head + 20].copy_from_slice(b"twenty bytes of text");
        cipher
            .seal(ContentType::ApplicationData, 1, 5, &mut record)
            .unwrap();
        for bit in 0..record.len() * 8 {
            // The length field is checked by whoever cuts the datagram into records.
            if (88..104).contains(&bit) {
                continue;
            }
            let mut bad = record.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            let header = Header::parse(&mut Reader::new(&bad)).unwrap();
            // Under an explicit nonce that is what counts in the AEAD's nonce; epoch and sequence
            // of the header are authenticated as additional data.
            assert!(
                cipher.open(header, &mut bad[HEADER_LEN..]).is_none(),
                "bit {bit}"
            );
            assert!(!bad.windows(5).any(|part| part == b"bytes"));
        }
    }
}

#[test]
fn records_too_short_for_nonce_and_tag_are_refused() {
    let cipher = Cipher::new(&RustCrypto, AeadAlgorithm::Aes128Gcm, &[7; 16], &[1; 4]).unwrap();
    let header = Header {
        content_type: 23,
        version: DTLS_1_2,
        epoch: 1,
        sequence: 0,
        len: 0,
    };
    for len in 0..24 {
        assert!(cipher.open(header, &mut vec![0; len]).is_none());
    }
}

#[test]
fn keys_and_ivs_of_wrong_length_are_refused() {
    let gcm = AeadAlgorithm::Aes128Gcm;
    assert!(Cipher::new(&RustCrypto, gcm, &[0; 32], &[0; 4]).is_none());
    assert!(Cipher::new(&RustCrypto, gcm, &[0; 16], &[0; 12]).is_none());
}

#[test]
fn the_replay_window_admits_each_of_the_last_64_numbers_once() {
    let mut window = ReplayWindow::default();
    for sequence in [0, 5, 3, 70, 7] {
        assert!(window.is_new(sequence), "{sequence}");
        window.accept(sequence);
        assert!(!window.is_new(sequence), "{sequence}");
    }
    // 70 is the highest: 7 is the oldest number still in the window, 6 lies before it.
    assert!(!window.is_new(6));
    assert!(!window.is_new(5));
    assert!(window.is_new(8));
    assert!(window.is_new(71));
    window.accept(MAX_SEQUENCE);
    assert!(!window.is_new(71));
    assert!(window.is_new(MAX_SEQUENCE - 1));
}
