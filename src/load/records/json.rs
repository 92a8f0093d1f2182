//! JSON objects written straight into bytes. Names and texts are the generators' own and need no escapes.

/// An object that is being written.
#[derive(Debug)]
pub(super) struct Object<'a> {
    out: &'a mut Vec<u8>,
    is_empty: bool,
}

impl<'a> Object<'a> {
    pub(super) fn open(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, is_empty: true }
    }

    pub(super) fn close(self) {
        self.out.push(b'}');
    }

    /// Bytes that its text has reached, counted from the begin of the buffer.
    pub(super) fn reached(&self) -> usize {
        self.out.len()
    }

    pub(super) fn write(&mut self, name: &str, value: impl FnOnce(&mut Vec<u8>)) {
        self.separate();
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        value(self.out);
    }

    pub(super) fn number(&mut self, name: &str, value: u64) {
        self.write(name, |out| digits(value, out));
    }

    pub(super) fn text(&mut self, name: &str, value: &str) {
        self.write(name, |out| {
            out.push(b'"');
            out.extend_from_slice(value.as_bytes());
            out.push(b'"');
        });
    }

    /// A number of hundredths as a decimal fraction: `1234` as `12.34`.
    pub(super) fn hundredths(&mut self, name: &str, value: u64) {
        self.write(name, |out| {
            digits(value / 100, out);
            out.push(b'.');
            padded(value % 100, 2, out);
        });
    }

    pub(super) fn object(&mut self, name: &str, fields: impl FnOnce(&mut Object<'_>)) {
        self.write(name, |out| {
            let mut inner = Object::open(out);
            fields(&mut inner);
            inner.close();
        });
    }

    /// Fields as they are, without the braces around them.
    pub(super) fn fields(&mut self, fields: &[u8]) {
        if !fields.is_empty() {
            self.separate();
            self.out.extend_from_slice(fields);
        }
    }

    fn separate(&mut self) {
        if !std::mem::take(&mut self.is_empty) {
            self.out.push(b',');
        }
    }
}

/// A whole number in decimal digits.
pub(super) fn digits(value: u64, out: &mut Vec<u8>) {
    let mut width = 1;
    let mut rest = value / 10;
    while rest > 0 {
        width += 1;
        rest /= 10;
    }
    padded(value, width, out);
}

/// The last `width` decimal digits of a number.
pub(super) fn padded(value: u64, width: usize, out: &mut Vec<u8>) {
    let begin = out.len();
    out.resize(begin + width, b'0');
    let mut rest = value;
    for place in out.iter_mut().skip(begin).rev() {
        *place = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
    }
}

/// The last `width` hexadecimal digits of a number.
pub(super) fn hexadecimal(value: u64, width: usize, out: &mut Vec<u8>) {
    let digit = |place: usize| (value >> (4 * place.min(15))) & 0xf;
    let letter = |digit: u64| char::from_digit(u32::try_from(digit).unwrap_or_default(), 16).unwrap_or('0');
    out.extend((0..width).rev().map(|place| letter(digit(place)) as u8));
}
