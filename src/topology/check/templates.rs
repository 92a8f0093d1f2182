//! Templates of the folders that objects lie in.

use crate::topology::{fault::Problem, suggestion::closest};

const PLACEHOLDERS: [&str; 7] = ["stream", "shard", "date", "year", "month", "day", "hour"];

/// All that is wrong with a template such as `{stream}/{date}/{hour}`.
pub(super) fn problems(template: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    let refuse = |why| Problem::BadTemplate { template: template.to_owned(), why };
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        if before.contains('}') {
            problems.push(refuse("a \"}\" has no \"{\" before it"));
        }
        let Some((placeholder, beyond)) = after.split_once('}') else {
            problems.push(refuse("a \"{\" is never closed"));
            rest = "";
            break;
        };
        if !PLACEHOLDERS.contains(&placeholder) {
            problems.push(Problem::UnknownPlaceholder {
                template: template.to_owned(),
                placeholder: placeholder.to_owned(),
                suggestion: closest(placeholder, PLACEHOLDERS),
                known: PLACEHOLDERS.map(str::to_owned).to_vec(),
            });
        }
        rest = beyond;
    }
    if rest.contains('}') {
        problems.push(refuse("a \"}\" has no \"{\" before it"));
    }
    if template.starts_with('/') {
        problems.push(refuse("it starts with \"/\"; it lies below the store"));
    } else if template.trim_end_matches('/').split('/').any(str::is_empty) {
        problems.push(refuse("a folder's name is empty"));
    }
    if template.split('/').any(|folder| folder == ".." || folder == ".") {
        problems.push(refuse("\".\" and \"..\" are not allowed in it"));
    }
    if template.chars().any(|c| c.is_control() || matches!(c, '\\' | '?' | '*' | '#' | '%')) {
        problems.push(refuse("\\ ? * # % and control characters are not allowed in it"));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_placeholders_and_plain_folders_pass() {
        for template in ["{stream}/{date}/{hour}", "trips", "year={year}/month={month}/{day}", "a/{shard}/"] {
            assert_eq!(problems(template), [], "{template}");
        }
    }

    #[test]
    fn whatever_leaves_the_store_or_is_unknown_is_refused() {
        for template in ["../x", "/x", "a//b", "{datum}", "{date", "date}", "a/./b", "a\\b", ""] {
            assert!(!problems(template).is_empty(), "{template}");
        }
    }
}
