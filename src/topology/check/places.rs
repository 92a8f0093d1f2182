//! Addresses, pointers, stores and tables: what is named outside of the topology.

use super::templates;
use crate::{
    pipeline::{Kind, ingress::IngressSection},
    topology::{
        TopologySpec,
        document::KeyPath,
        fault::{Faults, Problem},
        suggestion::closest,
    },
};
use std::net::SocketAddr;
use url::Url;

const TYPES: [&str; 5] = ["string", "number", "boolean", "object", "array"];

pub(super) fn check(spec: &TopologySpec, faults: &mut Faults<'_>) {
    let mut taken: Vec<(&str, SocketAddr)> = Vec::new();
    for (name, section) in &spec.ingress {
        let path = KeyPath::of(["ingress", name]);
        check_listen(name, section, &path, &mut taken, faults);
        check_pretreatment(section, &path, faults);
    }
    for (name, section) in &spec.stream {
        if let Some(pointer) = &section.partition_key {
            check_pointer(pointer, &KeyPath::of(["stream", name, "partition_key"]), faults);
        }
    }
    for (name, section) in &spec.workers {
        if let Some(http) = &section.run.http {
            check_server(&http.url, &KeyPath::of(["workers", name, "run", "http", "url"]), faults);
        }
    }
    check_raw_stores(spec, faults);
    check_tables(spec, faults);
}

fn check_listen<'a>(
    name: &'a str,
    section: &IngressSection,
    path: &KeyPath,
    taken: &mut Vec<(&'a str, SocketAddr)>,
    faults: &mut Faults<'_>,
) {
    let path = path.field("listen");
    let Ok(address) = section.listen.parse::<SocketAddr>() else {
        faults.add(&path, &Problem::BadAddress { address: section.listen.clone() });
        return;
    };
    // Port 0 is any free port, so it is never taken.
    let before = taken.iter().find(|(_, used)| address.port() != 0 && collide(address, *used));
    if let Some((other, used)) = before {
        let problem = Problem::DuplicatePort { address: used.to_string(), other: (*other).to_owned() };
        faults.add(&path, &problem);
    }
    taken.push((name, address));
}

fn collide(one: SocketAddr, other: SocketAddr) -> bool {
    let everywhere = one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() == other.port() && (everywhere || one.ip() == other.ip())
}

fn check_pretreatment(section: &IngressSection, path: &KeyPath, faults: &mut Faults<'_>) {
    for (index, pointer) in section.require.iter().enumerate() {
        check_pointer(pointer, &path.field("require").item(index), faults);
    }
    for (index, check) in section.check.iter().enumerate() {
        let path = path.field("check").item(index);
        check_pointer(&check.field, &path.field("field"), faults);
        if let Some(kind) = check.is.as_deref().filter(|kind| !TYPES.contains(kind)) {
            let problem = Problem::UnknownValue {
                value: kind.to_owned(),
                suggestion: closest(kind, TYPES),
                allowed: TYPES.map(str::to_owned).to_vec(),
            };
            faults.add(&path.field("is"), &problem);
        }
    }
}

/// JSON pointers as RFC 6901 has them, to a part of a record.
fn check_pointer(pointer: &str, path: &KeyPath, faults: &mut Faults<'_>) {
    let stray_tilde = pointer.split('~').skip(1).any(|after| !after.starts_with(['0', '1']));
    let why = if !pointer.starts_with('/') {
        "it must start with \"/\", as \"/travel_time\" does"
    } else if stray_tilde {
        "write \"~0\" for \"~\" and \"~1\" for \"/\""
    } else {
        return;
    };
    faults.add(path, &Problem::BadPointer { pointer: pointer.to_owned(), why });
}

fn check_server(url: &str, path: &KeyPath, faults: &mut Faults<'_>) {
    let why = match Url::parse(url) {
        Ok(parsed) if parsed.scheme() == "https" => {
            "https is not spoken here; put a proxy on this machine between".to_owned()
        }
        Ok(parsed) if parsed.scheme() != "http" => "it must start with http://".to_owned(),
        Ok(parsed) if parsed.host_str().is_none_or(str::is_empty) => "it names no server".to_owned(),
        Ok(_) => return,
        Err(error) => error.to_string(),
    };
    faults.add(path, &Problem::BadServer { url: url.to_owned(), why });
}

/// Why nothing can be stored at a URL.
fn refused_store(url: &str) -> Option<String> {
    let Some((scheme, place)) = url.split_once("://") else {
        return Some("write file://FOLDER or s3://BUCKET/PREFIX".to_owned());
    };
    let why = match scheme {
        "file" | "s3" if place.trim_matches('/').is_empty() => "it names no place",
        "file" | "s3" if place.split('/').any(|part| part == "..") => "\"..\" is not allowed in it",
        "file" | "s3" if place.contains(['?', '#']) => "\"?\" and \"#\" are not allowed in it",
        "s3" if place.split('/').next().is_none_or(|bucket| bucket.is_empty() || bucket.contains('@')) => {
            "it names no bucket; keys belong into the environment"
        }
        "file" | "s3" => return None,
        _ => {
            let hint = closest(scheme, ["file", "s3"]).map(|name| format!(" (did you mean {name:?}?)"));
            return Some(format!(
                "{scheme:?} is no known kind of store{}; known are file, s3",
                hint.unwrap_or_default()
            ));
        }
    };
    Some(why.to_owned())
}

fn check_store(url: &str, path: &KeyPath, faults: &mut Faults<'_>) {
    if let Some(why) = refused_store(url) {
        faults.add(path, &Problem::BadStore { url: url.to_owned(), why });
    }
}

fn check_raw_stores(spec: &TopologySpec, faults: &mut Faults<'_>) {
    for (index, (name, section)) in spec.raw.iter().enumerate() {
        let path = KeyPath::of(["raw", name]);
        check_store(&section.store, &path.field("store"), faults);
        for problem in templates::problems(&section.path) {
            faults.add(&path.field("path"), &problem);
        }
        let place = |store: &str, path: &str| {
            (store.trim_end_matches('/').to_owned(), path.trim_end_matches('/').to_owned())
        };
        let here = place(&section.store, &section.path);
        let earlier = spec.raw.iter().take(index);
        if let Some((other, _)) = earlier.into_iter().find(|(_, one)| place(&one.store, &one.path) == here) {
            let problem = Problem::SharedDestination { kind: Kind::Raw, other: other.clone(), field: "path" };
            faults.add(&path.field("path"), &problem);
        }
    }
}

fn check_tables(spec: &TopologySpec, faults: &mut Faults<'_>) {
    for (index, (name, section)) in spec.loader.iter().enumerate() {
        let path = KeyPath::of(["loader", name]);
        check_store(&section.warehouse, &path.field("warehouse"), faults);
        if let Some(why) = refused_table(&section.table) {
            faults.add(&path.field("table"), &Problem::BadTable { table: section.table.clone(), why });
        }
        let earlier = spec.loader.iter().take(index);
        let shared = earlier.into_iter().find(|(_, one)| {
            one.table == section.table
                && one.warehouse.trim_end_matches('/') == section.warehouse.trim_end_matches('/')
        });
        if let Some((other, _)) = shared {
            let problem =
                Problem::SharedDestination { kind: Kind::Loader, other: other.clone(), field: "table" };
            faults.add(&path.field("table"), &problem);
        }
    }
}

/// A table's name is a folder's and a word of SQL.
fn refused_table(table: &str) -> Option<&'static str> {
    if table == "quarantine" {
        Some("\"quarantine\" is where rejected records lie")
    } else if table.len() > 128 {
        Some("it has more than 128 letters")
    } else if !table.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        || !table.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    {
        Some("use letters, digits and \"_\", a letter first")
    } else {
        None
    }
}
