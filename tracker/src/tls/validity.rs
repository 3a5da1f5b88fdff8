//! When a certificate ends: the one field of X.509 (RFC 5280 §4.1) that rustls does not show.

use time::{Date, Month, OffsetDateTime, Time};

/// The tags that lead there (RFC 5280 appendix A).
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The `notAfter` of a certificate in DER, in seconds since 1970.
pub(super) fn ends(certificate: &[u8]) -> Option<i64> {
    let (certificate, _) = element(certificate, SEQUENCE)?;
    let (mut signed, _) = element(certificate, SEQUENCE)?;
    if signed.first() == Some(&VERSION) {
        (_, _, signed) = any(signed)?;
    }
    // Serial number, signature algorithm, issuer.
    for _ in 0..3 {
        (_, _, signed) = any(signed)?;
    }
    let (validity, _) = element(signed, SEQUENCE)?;
    let (_, _, not_after) = any(validity)?;
    let (tag, time, _) = any(not_after)?;
    moment(tag, str::from_utf8(time).ok()?)
}

/// The contents of an element with this tag, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, contents, rest) = any(der)?;
    (found == tag).then_some((contents, rest))
}

/// Tag and contents of an element, and what follows it.
fn any(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let [tag, length, rest @ ..] = der else {
        return None;
    };
    let (length, rest) = match usize::from(*length) {
        short @ ..0x80 => (short, rest),
        bytes => {
            let (bytes, rest) = rest.split_at_checked(bytes - 0x80)?;
            let number =
                |number: usize, byte: &u8| number.checked_mul(256)?.checked_add(usize::from(*byte));
            (bytes.iter().try_fold(0, number)?, rest)
        }
    };
    let (contents, rest) = rest.split_at_checked(length)?;
    Some((*tag, contents, rest))
}

/// RFC 5280 §4.1.2.5: `YYMMDDHHMMSSZ` until 2049, with four digits of the year from then on.
fn moment(tag: u8, text: &str) -> Option<i64> {
    let digits = text.strip_suffix('Z')?;
    let (year, rest) = digits.split_at_checked(if tag == GENERALIZED_TIME { 4 } else { 2 })?;
    let year: i32 = year.parse().ok()?;
    let year = match tag {
        GENERALIZED_TIME => year,
        UTC_TIME if year < 50 => 2000 + year,
        UTC_TIME => 1900 + year,
        _ => return None,
    };
    let part = |at: usize| -> Option<u8> { rest.get(at..at + 2)?.parse().ok() };
    let date = Date::from_calendar_date(year, Month::try_from(part(0)?).ok()?, part(2)?).ok()?;
    let time = Time::from_hms(part(4)?, part(6)?, part(8)?).ok()?;
    (rest.len() == 10).then(|| OffsetDateTime::new_utc(date, time).unix_timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn der(tag: u8, contents: &[u8]) -> Vec<u8> {
        let length = u16::try_from(contents.len()).expect("short").to_be_bytes();
        [&[tag, 0x82], &length[..], contents].concat()
    }

    fn certificate(version: bool, not_after: &[u8]) -> Vec<u8> {
        let start = der(UTC_TIME, b"200101000000Z");
        let version = if version {
            der(VERSION, &[2, 1, 2])
        } else {
            vec![]
        };
        let signed = [
            version,
            der(2, &[1]),
            der(SEQUENCE, &[]),
            der(SEQUENCE, &[0; 300]),
            der(SEQUENCE, &[&start[..], not_after].concat()),
            der(SEQUENCE, b"the rest"),
        ];
        der(SEQUENCE, &der(SEQUENCE, &signed.concat()))
    }

    #[test]
    fn both_forms_of_the_time_are_read_and_wrong_ones_give_none() {
        for (not_after, ends) in [
            (der(UTC_TIME, b"261125223000Z"), Some(1_795_645_800)),
            (der(UTC_TIME, b"700101000001Z"), Some(1)),
            (
                der(GENERALIZED_TIME, b"20500101000000Z"),
                Some(2_524_608_000),
            ),
            // RFC 5280 §4.1.2.5: no date at all.
            (
                der(GENERALIZED_TIME, b"99991231235959Z"),
                Some(253_402_300_799),
            ),
            (der(UTC_TIME, b"2611252230Z"), None),
            (der(UTC_TIME, b"261325223000Z"), None),
            (der(GENERALIZED_TIME, b"20500101000000"), None),
            (der(4, b"261125223000Z"), None),
        ] {
            for version in [true, false] {
                assert_eq!(super::ends(&certificate(version, &not_after)), ends);
            }
        }
    }

    #[test]
    fn a_certificate_cut_anywhere_before_its_end_gives_none() {
        let whole = certificate(true, &der(UTC_TIME, b"261125223000Z"));
        for length in 0..whole.len() {
            assert_eq!(ends(&whole[..length]), None, "{length}");
        }
        assert_eq!(ends(&[0x30, 0xff, 0xff, 0xff]), None);
    }
}
