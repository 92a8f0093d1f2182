//! Policies attached to streams and consumers.

use super::*;

pub(super) static PUT: Structure = Structure::new(
    "PutResourcePolicyInput",
    &[Member::required("Policy", Shape::TEXT), Member::required("ResourceARN", RESOURCE), STREAM_ID],
);

pub(super) static GET: Structure =
    Structure::new("GetResourcePolicyInput", &[Member::required("ResourceARN", RESOURCE), STREAM_ID]);

pub(super) static DELETE: Structure =
    Structure::new("DeleteResourcePolicyInput", &[Member::required("ResourceARN", RESOURCE), STREAM_ID]);
