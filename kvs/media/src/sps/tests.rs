use super::*;
use crate::nal_units;

#[test]
fn the_parameter_set_of_the_sample_says_what_it_is() {
    let file = include_bytes!("../../../../media/sample.h264");
    let sps = nal_units(file).find_map(H264Sps::parse).unwrap();
    assert_eq!((sps.width, sps.height), (640, 360));
    assert_eq!(sps.profile_level_id >> 16, 0x42);
    assert_eq!(sps.profile_level_id & 0xff, 31);
    let interval = sps.frame_interval.unwrap().as_nanos();
    assert_eq!(interval, 33_333_333);
}

#[test]
fn a_cropped_1080p_high_profile_set_is_read() {
    // High, level 4.0, 120x68 macroblocks, 4 rows of luma pairs cropped at the bottom.
    let sps = [
        0x67, 0x64, 0x00, 0x28, 0xac, 0xd9, 0x40, 0x78, 0x02, 0x27, 0xe5, 0x84,
    ];
    let sps = H264Sps::parse(&sps).unwrap();
    assert_eq!((sps.width, sps.height), (1_920, 1_080));
    assert_eq!(sps.profile_level_id, 0x64_0028);
}

#[test]
fn cut_short_or_of_another_kind_it_is_no_parameter_set() {
    let file = include_bytes!("../../../../media/sample.h264");
    let unit = nal_units(file).next().unwrap();
    for len in 0..8 {
        assert_eq!(H264Sps::parse(&unit[..len]), None);
    }
    assert_eq!(H264Sps::parse(nal_units(file).nth(1).unwrap()), None);
}
