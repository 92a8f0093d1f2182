//! Random UUIDs, which name messages, requests and tasks.

/// A random UUID.
pub fn random_uuid() -> String {
    uuid_of(rand::random())
}

/// These bits as a UUID.
pub fn uuid_of(random: u128) -> String {
    // Version 4, variant 1.
    let marked = (random & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{marked:032x}");
    let (mut text, mut rest) = (String::with_capacity(36), hex.as_str());
    for length in [8, 4, 4, 4] {
        let (part, others) = rest.split_at_checked(length).unwrap_or((rest, ""));
        text.push_str(part);
        text.push('-');
        rest = others;
    }
    text.push_str(rest);
    text
}
