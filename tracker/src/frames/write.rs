//! A server's frames: whole messages, not masked (RFC 6455 §5.1).

use actix_http::ws::CloseReason;

use super::header::CONTROL_MOST;

const LAST: u8 = 0b1000_0000;

/// Appends a text message.
pub(crate) fn write_text(text: &str, out: &mut Vec<u8>) {
    out.push(LAST | 1);
    if let Ok(short @ 0..=125) = u8::try_from(text.len()) {
        out.push(short);
    } else if let Ok(length) = u16::try_from(text.len()) {
        out.push(126);
        out.extend_from_slice(&length.to_be_bytes());
    } else {
        out.push(127);
        let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
        out.extend_from_slice(&length.to_be_bytes());
    }
    out.extend_from_slice(text.as_bytes());
}

/// Appends a ping without payload.
pub(crate) fn write_ping(out: &mut Vec<u8>) {
    control(9, b"", out);
}

/// Appends a pong with the payload of the ping it answers.
pub(crate) fn write_pong(payload: &[u8], out: &mut Vec<u8>) {
    control(10, payload, out);
}

/// Appends a close frame. A description that is too long for one is cut.
pub(crate) fn write_close(reason: Option<&CloseReason>, out: &mut Vec<u8>) {
    let mut payload = Vec::new();
    if let Some(CloseReason { code, description }) = reason {
        payload.extend_from_slice(&u16::from(*code).to_be_bytes());
        let text = description.as_deref().unwrap_or_default();
        let end = text.floor_char_boundary(CONTROL_MOST - 2);
        payload.extend_from_slice(text.get(..end).unwrap_or_default().as_bytes());
    }
    control(8, &payload, out);
}

fn control(opcode: u8, payload: &[u8], out: &mut Vec<u8>) {
    let payload = payload.get(..CONTROL_MOST).unwrap_or(payload);
    out.push(LAST | opcode);
    out.push(u8::try_from(payload.len()).unwrap_or_default());
    out.extend_from_slice(payload);
}
