//! The JSON lines on stdout.

use std::io::{Write, stdout};

use serde_json::Value;

/// Prints one line of JSON and flushes it.
pub fn emit(event: &Value) {
    let mut output = stdout().lock();
    // Who reads the lines may be gone, and there is nobody else to tell.
    let _ = writeln!(output, "{event}").and_then(|()| output.flush());
}
