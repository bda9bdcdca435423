//! The URIs to which codes are sent: <https://www.rfc-editor.org/rfc/rfc8252#section-7> (read 2026-11-28).
