//! "Did you mean ...?"

/// The known name that is most like `wrong`, if any is like it at all.
pub fn closest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let wrong = wrong.to_lowercase();
    let most = match wrong.chars().count() {
        0..=3 => 1,
        4..=7 => 2,
        _ => 3,
    };
    known
        .into_iter()
        .map(|name| {
            let lower = name.to_lowercase();
            let distance = strsim::osa_distance(&wrong, &lower);
            // "visibility" for "visibility_timeout" is far in letters and near in meaning.
            let contained = wrong.len() >= 4 && (lower.contains(&wrong) || wrong.contains(&lower));
            (if contained { distance.min(most) } else { distance }, distance, name)
        })
        .filter(|(weight, _, _)| *weight <= most)
        .min()
        .map(|(_, _, name)| name.to_owned())
}

/// ` (did you mean "trips"?)`, or nothing.
pub fn hint(suggestion: Option<&String>) -> String {
    suggestion.map(|name| format!(" (did you mean {name:?}?)")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested_and_a_strange_one_is_not() {
        let known = ["visibility_timeout", "retention", "from", "dead_letter"];
        assert_eq!(closest("retension", known).as_deref(), Some("retention"));
        assert_eq!(closest("form", known).as_deref(), Some("from"));
        assert_eq!(closest("visibility", known).as_deref(), Some("visibility_timeout"));
        assert_eq!(closest("dead-letter", known).as_deref(), Some("dead_letter"));
        assert_eq!(closest("colour", known), None);
    }
}
