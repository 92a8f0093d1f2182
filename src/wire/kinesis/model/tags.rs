//! Tags of streams and consumers, by the old calls and by ARN.

use super::*;
use crate::wire::protocol::{List, Map};

const KEY: Text = Text::ANY.length(1, 128);

static TAG_MAP: Map =
    Map { length: Length::between(1, 200), key: KEY, value: Shape::Text(Text::ANY.length(0, 256)) };
pub(super) const TAGS: Shape = Shape::Map(&TAG_MAP);

static KEY_LIST: List = List { length: Length::between(1, 50), member: Shape::Text(KEY) };
const KEYS: Shape = Shape::List(&KEY_LIST);

pub(super) static ADD_TO_STREAM: Structure = Structure::new(
    "AddTagsToStreamInput",
    &[Member::required("Tags", TAGS), STREAM_NAME, STREAM_ARN, STREAM_ID],
);

pub(super) static REMOVE_FROM_STREAM: Structure = Structure::new(
    "RemoveTagsFromStreamInput",
    &[Member::required("TagKeys", KEYS), STREAM_NAME, STREAM_ARN, STREAM_ID],
);

pub(super) static LIST_FOR_STREAM: Structure = Structure::new(
    "ListTagsForStreamInput",
    &[
        Member::optional("Limit", Shape::Integer(Range::between(1, 50))),
        Member::optional("ExclusiveStartTagKey", Shape::Text(KEY)),
        STREAM_NAME,
        STREAM_ARN,
        STREAM_ID,
    ],
);

pub(super) static TAG_RESOURCE: Structure = Structure::new(
    "TagResourceInput",
    &[Member::required("Tags", TAGS), Member::required("ResourceARN", RESOURCE), STREAM_ID],
);

pub(super) static UNTAG_RESOURCE: Structure = Structure::new(
    "UntagResourceInput",
    &[Member::required("TagKeys", KEYS), Member::required("ResourceARN", RESOURCE), STREAM_ID],
);

pub(super) static LIST_FOR_RESOURCE: Structure =
    Structure::new("ListTagsForResourceInput", &[Member::required("ResourceARN", RESOURCE), STREAM_ID]);
