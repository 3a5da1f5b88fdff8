#![no_main]

#[path = "../../seeder/src/rtc/outside.rs"]
mod outside;
#[path = "../../seeder/src/rtc/reach.rs"]
mod reach;
#[path = "../../seeder/src/rtc/sdp.rs"]
mod sdp;

libfuzzer_sys::fuzz_target!(|text: &str| sdp::fuzz::intake(text, |sdp| {
    let read = rtc_sdp::SessionDescription::unmarshal(&mut std::io::Cursor::new(sdp));
    let media = read.into_iter().flat_map(|sdp| sdp.media_descriptions);
    let attributes = media.flat_map(|media| media.attributes);
    let candidates = attributes.filter(rtc_sdp::description::common::Attribute::is_ice_candidate);
    candidates.filter_map(|attribute| attribute.value).collect()
}));
