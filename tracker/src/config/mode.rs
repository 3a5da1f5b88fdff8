//! Permissions of files in the configuration file: octal digits, as in `"0660"`.

use serde::{Deserialize, Deserializer, de::Error};

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u32>, D::Error> {
    let text = String::deserialize(from)?;
    let digits = !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    match u32::from_str_radix(&text, 8) {
        Ok(mode @ ..=0o777) if digits => Ok(Some(mode)),
        _ => Err(D::Error::custom(format_args!(
            "`{text}` is no mode of a file: give octal digits for owner, group and others, as in `0660`"
        ))),
    }
}
