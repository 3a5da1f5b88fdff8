use crate::{ClientMessage, ServerMessage};

impl ClientMessage<'_> {
    /// Appends the message as JSON.
    pub fn write(&self, out: &mut String) {
        let _ = out;
        todo!()
    }

    /// The message as JSON.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }
}

impl ServerMessage<'_> {
    /// Appends the message as JSON.
    pub fn write(&self, out: &mut String) {
        let _ = out;
        todo!()
    }

    /// The message as JSON.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }
}
