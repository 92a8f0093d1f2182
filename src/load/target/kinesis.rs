//! Records put into a stream by PutRecords.
//! <https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html>

use super::{Answer, Parcel, answer::failed, aws::AwsCaller};
use crate::load::{
    ledger::Standing,
    records::{Key, write_key},
};
use serde::Deserialize;

/// Puts records.
#[derive(Debug)]
pub struct KinesisSender {
    caller: AwsCaller,
    /// The body up to the first record.
    opening: Vec<u8>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Told {
    #[serde(default)]
    failed_record_count: u64,
    #[serde(default)]
    records: Vec<Placed>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Placed {
    #[serde(default)]
    error_code: Option<String>,
}

/// Why a stream cannot be put to.
pub(super) async fn look(caller: &AwsCaller, stream: &str) -> Result<Option<String>, Answer> {
    let asked = serde_json::json!({ "StreamName": stream }).to_string().into_bytes();
    let (status, body) = caller.call("DescribeStreamSummary", asked).await?;
    Ok((status != 200).then(|| format!("{status} {}", String::from_utf8_lossy(&body))))
}

impl KinesisSender {
    pub(super) fn new(caller: AwsCaller, stream: &str) -> Self {
        let name = serde_json::Value::from(stream);
        Self { caller, opening: format!("{{\"StreamName\":{name},\"Records\":[").into_bytes() }
    }

    pub(super) async fn send(&self, parcel: &Parcel) -> Answer {
        match self.caller.call("PutRecords", self.body(parcel)).await {
            Ok((200, body)) => read(&body, parcel.records.len()),
            Ok((status, _)) => failed(status),
            Err(answer) => answer,
        }
    }

    fn body(&self, parcel: &Parcel) -> Vec<u8> {
        let mut body = Vec::with_capacity(self.opening.len() + parcel.lines.len() * 3 / 2 + 64);
        body.extend_from_slice(&self.opening);
        for (at, (record, payload)) in parcel.payloads().enumerate() {
            body.extend_from_slice(if at > 0 { b",{\"Data\":\"" } else { b"{\"Data\":\"" });
            base64_simd::STANDARD.encode_append(payload, &mut body);
            body.extend_from_slice(b"\",\"PartitionKey\":\"");
            write_key(Key { producer: parcel.producer, index: record.key }, &mut body);
            body.extend_from_slice(b"\"}");
        }
        body.extend_from_slice(b"]}");
        body
    }
}

/// What an answer with success says of so many records. A record that failed by the server's fault may be stored.
pub(super) fn read(body: &[u8], records: usize) -> Answer {
    let Ok(told) = serde_json::from_slice::<Told>(body) else { return Answer::All(Standing::Unknown) };
    if told.failed_record_count == 0 {
        return Answer::All(Standing::Accepted);
    }
    let standing = |placed: &Placed| match placed.error_code.as_deref() {
        None => Standing::Accepted,
        Some("InternalFailure") => Standing::Unknown,
        Some(_) => Standing::Refused,
    };
    match told.records.len() == records {
        true => Answer::Each(told.records.iter().map(standing).collect()),
        false => Answer::All(Standing::Unknown),
    }
}
