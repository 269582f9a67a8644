//! A message of a capture, in the form in which a test sees it.

use serde_json::Value;

/// One message that a client or a server sent: an HTTP request or response, a WebSocket frame, a server-sent event, or
/// bytes of an unknown protocol.
///
/// Nothing is hidden in it. [`Recording::messages`](crate::Recording::messages) has an example.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    connection: usize,
    fields: Value,
}

impl Message {
    pub(super) const fn new(connection: usize, fields: Value) -> Self {
        Self { connection, fields }
    }

    /// Returns the number of its connection in the capture, counted from 1.
    #[must_use]
    pub const fn connection(&self) -> usize {
        self.connection
    }

    /// Returns true if the client sent it, false if the server did.
    #[must_use]
    pub fn is_from_client(&self) -> bool {
        self.text_of("from") == Some("client")
    }

    /// Returns its protocol: `http`, `websocket`, `sse` or `raw`.
    #[must_use]
    pub fn protocol(&self) -> &str {
        self.text_of("protocol").unwrap_or_default()
    }

    /// Returns the method of an HTTP request.
    #[must_use]
    pub fn method(&self) -> Option<&str> {
        self.text_of("method")
    }

    /// Returns the target of an HTTP request, as in `/greet?name=Alan`.
    #[must_use]
    pub fn target(&self) -> Option<&str> {
        self.text_of("target")
    }

    /// Returns the status code of an HTTP response.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        let status = self.fields.get("status")?.as_u64()?;
        u16::try_from(status).ok()
    }

    /// Returns the first header field of this name, in upper or lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let headers = self.fields.get("headers")?.as_array()?;
        let text =
            |field: &'_ Value, key: &str| field.get(key).and_then(Value::as_str).map(str::to_owned);
        let is_it = |field: &&Value| {
            text(field, "name").is_some_and(|other| other.eq_ignore_ascii_case(name))
        };
        headers.iter().find(is_it)?.get("value")?.as_str()
    }

    /// Returns its content, if that is text: a body with its codings undone, the payload of a frame, the data of an
    /// event.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        let content = ["body", "payload"]
            .iter()
            .find_map(|part| self.fields.get(part));
        let text = content.unwrap_or(&self.fields);
        text.get("text").or_else(|| text.get("data"))?.as_str()
    }

    /// Returns all that is known about it: an object, as `wiresnap payload --format json` prints it.
    #[must_use]
    pub const fn json(&self) -> &Value {
        &self.fields
    }

    fn text_of(&self, field: &str) -> Option<&str> {
        self.fields.get(field)?.as_str()
    }
}
