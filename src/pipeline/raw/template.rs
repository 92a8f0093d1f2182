//! The folder of an object, from a template and the arrival time of its records.

use jiff::{Timestamp, civil::DateTime, tz::Offset};

const LONGEST: usize = 512;
const DIGIT: &str = "[0-9]";

/// A checked template such as `{stream}/{date}/{hour}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathTemplate {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Field(Field),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Stream,
    Shard,
    Date,
    Year,
    Month,
    Day,
    Hour,
}

/// Why a template cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    #[error("path {template:?} has unknown placeholder {{{name}}}{}; known are {{stream}}, {{shard}}, {{date}}, {{year}}, {{month}}, {{day}} and {{hour}}", meant(suggestion.as_ref()))]
    Unknown { template: String, name: String, suggestion: Option<&'static str> },
    #[error("path {template:?} has a brace without its partner; write placeholders as {{date}}")]
    Brace { template: String },
    #[error(
        "path {template:?} has folder {folder:?}; write names with a single / between them, and none at the ends"
    )]
    Folder { template: String, folder: String },
    #[error("path {template:?} holds {character:?}; use letters, digits and - _ . = in folder names")]
    Character { template: String, character: char },
    #[error("path has {length} characters; use at most {LONGEST}")]
    Long { length: usize },
}

fn meant(suggestion: Option<&&'static str>) -> String {
    suggestion.map_or_else(String::new, |name| format!(" (did you mean {{{name}}}?)"))
}

impl Field {
    const ALL: [(&'static str, Self); 7] = [
        ("stream", Self::Stream),
        ("shard", Self::Shard),
        ("date", Self::Date),
        ("year", Self::Year),
        ("month", Self::Month),
        ("day", Self::Day),
        ("hour", Self::Hour),
    ];

    fn named(template: &str, name: &str) -> Result<Self, TemplateError> {
        if let Some((_, field)) = Self::ALL.iter().find(|(known, _)| *known == name) {
            return Ok(*field);
        }
        let close = |known: &&'static str| strsim::jaro_winkler(known, name) > 0.8;
        let suggestion = Self::ALL.iter().map(|(known, _)| *known).find(close);
        Err(TemplateError::Unknown { template: template.to_owned(), name: name.to_owned(), suggestion })
    }

    fn render(self, stream: &str, shard: u32, at: DateTime) -> String {
        match self {
            Self::Stream => stream.to_owned(),
            Self::Shard => shard_name(shard),
            Self::Date => at.date().to_string(),
            Self::Year => format!("{:04}", at.year()),
            Self::Month => format!("{:02}", at.month()),
            Self::Day => format!("{:02}", at.day()),
            Self::Hour => format!("{:02}", at.hour()),
        }
    }

    fn pattern(self, stream: &str) -> String {
        match self {
            Self::Stream => stream.to_owned(),
            Self::Shard => shard_pattern(),
            Self::Date => format!("{}-{}-{}", DIGIT.repeat(4), DIGIT.repeat(2), DIGIT.repeat(2)),
            Self::Year => DIGIT.repeat(4),
            Self::Month | Self::Day | Self::Hour => DIGIT.repeat(2),
        }
    }
}

/// What the names of shards begin with.
pub(super) const SHARD_PREFIX: &str = "shardId-";

/// A shard's name in folders and objects.
pub fn shard_name(shard: u32) -> String {
    format!("{SHARD_PREFIX}{shard:012}")
}

/// A glob that every shard's name meets.
pub fn shard_pattern() -> String {
    format!("{SHARD_PREFIX}{}", DIGIT.repeat(12))
}

/// A glob that every sequence number in an object's name meets.
pub fn sequence_pattern() -> String {
    DIGIT.repeat(20)
}

impl PathTemplate {
    /// Checks a template.
    ///
    /// # Errors
    /// See [`TemplateError`].
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let template = || text.to_owned();
        if text.len() > LONGEST {
            return Err(TemplateError::Long { length: text.len() });
        }
        if let Some(folder) = text.split('/').find(|folder| matches!(*folder, "" | "." | "..")) {
            return Err(TemplateError::Folder { template: template(), folder: folder.to_owned() });
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let literal = rest.split(['{', '}']).next().unwrap_or(rest);
            if let Some(character) = literal.chars().find(|c| !allowed(*c)) {
                return Err(TemplateError::Character { template: template(), character });
            }
            if !literal.is_empty() {
                parts.push(Part::Text(literal.to_owned()));
            }
            rest = rest.get(literal.len()..).unwrap_or_default();
            if rest.is_empty() {
                break;
            }
            let field = rest.strip_prefix('{').and_then(|field| field.split_once('}'));
            let Some((name, after)) = field.filter(|(name, _)| !name.contains('{')) else {
                return Err(TemplateError::Brace { template: template() });
            };
            parts.push(Part::Field(Field::named(text, name)?));
            rest = after;
        }
        Ok(Self { text: template(), parts })
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// True if folders of different streams can never be the same one.
    pub fn names_stream(&self) -> bool {
        self.parts.contains(&Part::Field(Field::Stream))
    }

    /// The folder of records that arrived at this time (UTC).
    pub fn render(&self, stream: &str, shard: u32, arrived_at_ms: i64) -> String {
        let at = Timestamp::from_millisecond(arrived_at_ms).unwrap_or(Timestamp::UNIX_EPOCH);
        let at = Offset::UTC.to_datetime(at);
        let render = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Field(field) => field.render(stream, shard, at),
        };
        self.parts.iter().map(render).collect()
    }

    /// A glob that exactly this template's folders meet, for the stream given.
    pub fn pattern(&self, stream: &str) -> String {
        let pattern = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Field(field) => field.pattern(stream),
        };
        self.parts.iter().map(pattern).collect()
    }
}

fn allowed(character: char) -> bool {
    character.is_ascii_alphanumeric() || "-_.=/".contains(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2019-06-01T22:05:00Z
    const AT: i64 = 1_559_426_700_000;

    fn fault(text: &str) -> String {
        PathTemplate::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn placeholders_come_from_the_arrival_time_in_utc() {
        let template = PathTemplate::parse("{stream}/{date}/{hour}").unwrap();
        assert_eq!(template.render("trips", 0, AT), "trips/2019-06-01/22");
        let template = PathTemplate::parse("year={year}/month={month}/day={day}/{shard}").unwrap();
        assert_eq!(template.render("trips", 3, AT), "year=2019/month=06/day=01/shardId-000000000003");
    }

    #[test]
    fn faults_name_the_template_and_the_remedy() {
        assert!(fault("{steam}/x").contains("did you mean {stream}?"));
        assert!(fault("{minute}").contains("known are {stream}"));
        for text in ["{date", "date}", "{{date}}", "}{"] {
            assert!(fault(text).contains("without its partner"), "{text}");
        }
        for text in ["/abs", "a//b", "a/../b", "", "a/"] {
            assert!(fault(text).contains("single /"), "{text}");
        }
        assert!(fault("a*b").contains("'*'"));
        assert!(fault(&"x".repeat(513)).contains("513"));
    }

    #[test]
    fn a_pattern_has_the_shape_of_what_is_rendered() {
        let template = PathTemplate::parse("{stream}/{date}").unwrap();
        assert_eq!(template.pattern("trips"), "trips/[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]");
    }
}
