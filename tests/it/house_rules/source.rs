//! A source file as the rules see it: its text, and its code with comments and strings blanked out.

use std::{fs, path::Path};

/// One Rust file.
#[derive(Debug)]
pub struct Source {
    /// Below `src` (or `tests`), with forward slashes.
    pub path: String,
    pub text: String,
    /// As long as `text`, byte for byte; what is not code is spaces.
    pub code: String,
}

/// A function with a body.
#[derive(Debug)]
pub struct Function {
    pub name: String,
    pub lines: usize,
}

pub fn named(path: &str, text: &str) -> Source {
    Source { path: path.to_owned(), text: text.to_owned(), code: code_only(text) }
}

/// Every Rust file below a folder of the repository.
pub fn all_sources(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let files = crate::support::files_below(&root).into_iter();
    let rust = files.filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    let read = |path: &Path| {
        let below = path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
        named(&below, &fs::read_to_string(path).unwrap())
    };
    rust.map(|path| read(&path)).collect()
}

impl Source {
    /// The layer a file belongs to: the first folder of its path, or the file's own name.
    pub fn layer(&self) -> Option<&str> {
        let first = self.path.split('/').next()?;
        Some(first.strip_suffix(".rs").unwrap_or(first))
    }

    /// First segments of all `crate::` paths, also those in groups.
    pub fn crate_imports(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (at, prefix) in self.code.match_indices("crate::") {
            let rest = self.code[at + prefix.len()..].trim_start();
            match rest.strip_prefix('{') {
                Some(group) => found.extend(group_heads(group)),
                None => found.push(identifier(rest).to_owned()),
            }
        }
        found
    }

    /// Whether code names an external crate: `use name`, `name::` or `extern crate name`.
    pub fn names_crate(&self, name: &str) -> bool {
        self.code.match_indices(name).any(|(at, _)| {
            let before = self.code[..at].chars().next_back().unwrap_or(' ');
            let after = &self.code[at + name.len()..];
            let whole = !is_word(before) && before != ':' && !after.starts_with(is_word);
            let used = self.code[..at].trim_end().ends_with("use") || after.starts_with("::");
            whole && used
        })
    }

    /// Names that follow a keyword (given with its space), such as `trait ` or `mod `.
    pub fn declared(&self, keyword: &str) -> Vec<String> {
        let starts = self
            .code
            .match_indices(keyword)
            .filter(|(at, _)| !self.code[..*at].chars().next_back().is_some_and(is_word));
        let names = starts.map(|(at, _)| identifier(self.code[at + keyword.len()..].trim_start()).to_owned());
        names.filter(|name| !name.is_empty()).collect()
    }

    /// Last segments of all traits in `impl Trait for Type`.
    pub fn implemented_traits(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (at, _) in self.code.match_indices("impl") {
            let starts = !self.code[..at].chars().next_back().is_some_and(is_word);
            let rest = &self.code[at + "impl".len()..];
            if !starts || rest.starts_with(is_word) {
                continue;
            }
            let head = without_generics(rest.split('{').next().unwrap_or_default());
            if let Some((implemented, _)) = head.split_once(" for ") {
                found.push(implemented.trim().rsplit("::").next().unwrap_or_default().trim().to_owned());
            }
        }
        found
    }

    /// All functions with a body, nested ones too. Lines are counted from `fn` to the closing brace.
    pub fn functions(&self) -> Vec<Function> {
        let mut found = Vec::new();
        for (at, keyword) in self.code.match_indices("fn ") {
            if self.code[..at].chars().next_back().is_some_and(is_word) {
                continue;
            }
            let rest = &self.code[at..];
            let name = identifier(rest[keyword.len()..].trim_start()).to_owned();
            let Some(length) = body_end(rest).filter(|_| !name.is_empty()) else { continue };
            found.push(Function { name, lines: rest[..length].lines().count() });
        }
        found
    }
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

fn identifier(text: &str) -> &str {
    &text[..text.find(|letter| !is_word(letter)).unwrap_or(text.len())]
}

/// First segments of the paths in a `{...}` group whose brace is already read.
fn group_heads(group: &str) -> Vec<String> {
    let mut heads = Vec::new();
    let mut depth = 0;
    let mut at_start = true;
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => at_start = true,
            _ if depth == 0 && at_start && is_word(letter) => {
                heads.push(identifier(&group[at..]).to_owned());
                at_start = false;
            }
            _ => {}
        }
    }
    heads
}

/// Where the body that opens after a signature ends; none for a declaration that ends with `;`.
fn body_end(text: &str) -> Option<usize> {
    let mut braces = 0_usize;
    let mut brackets = 0_usize;
    for (at, letter) in text.char_indices() {
        match letter {
            '(' | '[' => brackets += 1,
            ')' | ']' => brackets = brackets.saturating_sub(1),
            ';' if braces == 0 && brackets == 0 => return None,
            '{' => braces += 1,
            '}' if braces <= 1 => return Some(at + 1),
            '}' => braces -= 1,
            _ => {}
        }
    }
    None
}

fn without_generics(text: &str) -> String {
    let mut plain = String::new();
    let mut depth = 0_usize;
    let mut last = ' ';
    for letter in text.chars() {
        match letter {
            '<' => depth += 1,
            '>' if last != '-' => depth = depth.saturating_sub(1),
            _ if depth == 0 => plain.push(letter),
            _ => {}
        }
        last = letter;
    }
    plain
}

/// Blanks comments, strings and character literals; keeps line ends and every offset.
fn code_only(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = not_code(text, at);
        for byte in &mut code[at..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at = end.max(at + 1);
    }
    String::from_utf8(code).unwrap()
}

/// The end of the comment or literal that starts here; `at` itself when code goes on.
fn not_code(text: &str, at: usize) -> usize {
    let bytes = text.as_bytes();
    let rest = &bytes[at..];
    let find = |from: usize, what: &str| {
        let tail = bytes.get(from..).unwrap_or_default();
        tail.windows(what.len())
            .position(|part| part == what.as_bytes())
            .map_or(bytes.len(), |found| from + found)
    };
    let after_word = at > 0 && is_word(char::from(bytes[at - 1]));
    match rest {
        [b'/', b'/', ..] => find(at, "\n"),
        [b'/', b'*', ..] => (find(at, "*/") + 2).min(bytes.len()),
        [b'"', ..] => closing_quote(bytes, at),
        [b'r', b'"' | b'#', ..] if !after_word || bytes[at - 1] == b'b' => {
            let hashes = rest[1..].iter().take_while(|byte| **byte == b'#').count();
            if rest.get(1 + hashes) != Some(&b'"') {
                return at;
            }
            let close = format!("\"{}", "#".repeat(hashes));
            (find(at + hashes + 2, &close) + close.len()).min(bytes.len())
        }
        [b'\'', b'\\', ..] => find(at + 3, "'") + 1,
        [b'\'', ..] => {
            let letter = text.get(at + 1..).and_then(|tail| tail.chars().next()).map_or(0, char::len_utf8);
            if bytes.get(at + 1 + letter) == Some(&b'\'') { at + letter + 2 } else { at }
        }
        _ => at,
    }
}

fn closing_quote(bytes: &[u8], open: usize) -> usize {
    let mut at = open + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}
