//! Tags of streams and consumers: the old calls by stream, the new ones by ARN.

use super::{
    Kinesis,
    choice::{self, Resource},
    consumers,
    errors::{self, under_account},
    streams::page,
};
use crate::{
    pipeline::{now_ms, stream::directory::DirectoryError},
    wire::{Caller, Input, Output, Reply, ServiceError},
};
use std::collections::BTreeMap;

/// Most tags that ListTagsForStream tells at once.
const PAGE: usize = 50;

type Tags = BTreeMap<String, String>;

fn done(outcome: Result<(), DirectoryError>) -> Result<Reply, ServiceError> {
    outcome.map(|()| Reply::Empty).map_err(|error| errors::refused(&error))
}

/// Reads the tags of a request for what `target` names.
///
/// # Errors
/// `InvalidArgumentException` for letters that tags cannot have.
pub(super) fn read(input: &Input, target: &str) -> Result<Tags, ServiceError> {
    let tags: Tags = input.text_map("Tags").map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let texts = || tags.iter().flat_map(|(key, value)| [key, value]);
    if texts().any(|text| !text.chars().all(is_letter_of_tags)) {
        return Err(errors::invalid_argument(
            "Some tags contain invalid characters. Valid characters: Unicode letters, digits, white space, _ . / \
             = + - % @ :.",
        ));
    }
    if texts().any(|text| text.contains('%')) {
        return Err(errors::invalid_argument(format!(
            "Failed to add tags to {target} because some tags contained illegal characters. The allowed \
             characters are Unicode letters, white-spaces, '_',',','/','=','+','-','@',':'."
        )));
    }
    if tags.keys().any(|key| key.starts_with("aws:")) {
        return Err(errors::invalid_argument(format!(
            "Failed to add tags to {target} because keys that begin with aws: are reserved for system use."
        )));
    }
    Ok(tags)
}

fn is_letter_of_tags(letter: char) -> bool {
    letter.is_alphanumeric() || letter.is_whitespace() || "_./-=+@%:".contains(letter)
}

fn keys(input: &Input) -> Vec<String> {
    input.texts("TagKeys").map(str::to_owned).collect()
}

pub(super) async fn add_to_stream(
    kinesis: &Kinesis,
    caller: &Caller,
    input: &Input,
) -> Result<Reply, ServiceError> {
    let resource = kinesis.meant(caller, input)?;
    let tags = read(input, &format!("stream {}", under_account(&resource.identity)))?;
    done(kinesis.directory.add_tags(&resource, tags).await)
}

pub(super) async fn remove_from_stream(
    kinesis: &Kinesis,
    caller: &Caller,
    input: &Input,
) -> Result<Reply, ServiceError> {
    let resource = kinesis.meant(caller, input)?;
    done(kinesis.directory.remove_tags(&resource, keys(input)).await)
}

fn tell<'t>(tags: impl Iterator<Item = (&'t String, &'t String)>) -> Vec<Output> {
    tags.map(|(key, value)| Output::new().with("Key", key.as_str()).with("Value", value.as_str())).collect()
}

pub(super) fn list_for_stream(
    kinesis: &Kinesis,
    caller: &Caller,
    input: &Input,
) -> Result<Reply, ServiceError> {
    let tags = kinesis.meant(caller, input)?.describe(now_ms()).tags;
    let start = input.text("ExclusiveStartTagKey");
    let rest: Vec<_> =
        tags.iter().filter(|(key, _)| start.is_none_or(|start| key.as_str() > start)).collect();
    let most = page(input, "Limit", PAGE);
    let has_more = rest.len() > most;
    let told = tell(rest.into_iter().take(most));
    Ok(Reply::Whole(Output::new().with_list("Tags", told).with("HasMoreTags", has_more)))
}

pub(super) async fn tag_resource(kinesis: &Kinesis, input: &Input) -> Result<Reply, ServiceError> {
    match choice::resource(input)? {
        Resource::Stream(stream) => {
            let tags = read(input, &format!("stream {}", under_account(&stream)))?;
            done(kinesis.directory.add_tags(&kinesis.find(&stream)?, tags).await)
        }
        Resource::Consumer { stream, name, created_s } => {
            let tags = read(input, &format!("consumer {name}"))?;
            let (resource, _) = consumers::find(kinesis, &stream, &name, Some(created_s))?;
            done(kinesis.directory.add_consumer_tags(&resource, &name, tags, now_ms()).await)
        }
    }
}

pub(super) async fn untag_resource(kinesis: &Kinesis, input: &Input) -> Result<Reply, ServiceError> {
    match choice::resource(input)? {
        Resource::Stream(stream) => {
            done(kinesis.directory.remove_tags(&kinesis.find(&stream)?, keys(input)).await)
        }
        Resource::Consumer { stream, name, created_s } => {
            let (resource, _) = consumers::find(kinesis, &stream, &name, Some(created_s))?;
            done(kinesis.directory.remove_consumer_tags(&resource, &name, keys(input), now_ms()).await)
        }
    }
}

pub(super) fn list_for_resource(kinesis: &Kinesis, input: &Input) -> Result<Reply, ServiceError> {
    let tags = match choice::resource(input)? {
        Resource::Stream(stream) => kinesis.find(&stream)?.describe(now_ms()).tags,
        Resource::Consumer { stream, name, created_s } => {
            consumers::find(kinesis, &stream, &name, Some(created_s))?.1.tags
        }
    };
    Ok(Reply::Whole(Output::new().with_list("Tags", tell(tags.iter()))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_digits_spaces_and_a_few_signs_make_tags() {
        assert!("Straße 7_./-=+@:".chars().all(is_letter_of_tags));
        assert!("{}[]!*?\"".chars().all(|letter| !is_letter_of_tags(letter)));
    }
}
