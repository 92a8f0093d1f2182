//! Queue URLs: `http://HOST/ACCOUNT/NAME`, and every other form in which clients have them.

use super::errors;
use crate::{
    pipeline::queue::directory::QueueIdentity,
    wire::{Caller, ServiceError, endpoint::Account},
};

/// The URL of a queue under the name by which the request calls this server.
pub(super) fn url_of(queue: &QueueIdentity, caller: &Caller) -> String {
    let scheme = if caller.is_secure { "https" } else { "http" };
    let host = if caller.authority.is_empty() { "localhost" } else { &caller.authority };
    format!("{scheme}://{host}/{}/{}", queue.account, queue.name)
}

/// The queue that a URL, or the path of one, names. What it does not say is the caller's.
///
/// # Errors
/// `InvalidAddress` for what is no URL of a queue.
pub(super) fn queue_of(url: &str, caller: &Caller) -> Result<QueueIdentity, ServiceError> {
    let (host, path) = match url.split_once("://") {
        Some((_, rest)) => rest.split_once('/').unwrap_or((rest, "")),
        None => ("", url.strip_prefix('/').unwrap_or_default()),
    };
    let steps: Vec<&str> = path.split('/').filter(|step| !step.is_empty()).collect();
    // `queue/REGION/ACCOUNT/NAME` is how a URL tells a region that no host name tells.
    let (region, account, name) = match *steps.as_slice() {
        [account, name] => (region_of(host), account, name),
        ["queue", region, account, name] => (Some(region), account, name),
        _ => return Err(errors::address(url)),
    };
    if Account::parse(account).is_none() {
        return Err(errors::address(url));
    }
    Ok(QueueIdentity::new(account, region.unwrap_or(&caller.region), name))
}

/// The region that a host name tells: `sqs.REGION.DOMAIN`, `REGION.queue.DOMAIN`, `queue.amazonaws.com`.
pub(super) fn region_of(host: &str) -> Option<&str> {
    let host = host.split(':').next().unwrap_or_default();
    let labels: Vec<&str> = host.split('.').collect();
    let is_ours = ["localhost", "localstack.cloud", "amazonaws.com", "amazonaws.com.cn", "api.aws"]
        .iter()
        .any(|domain| host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')));
    let region = match *labels.as_slice() {
        _ if !is_ours => None,
        ["sqs" | "sqs-fips", region, ..] | [region, "queue", ..] => Some(region),
        ["queue", ..] => Some("us-east-1"),
        _ => None,
    };
    // `sqs.localhost` and `sqs.localhost.localstack.cloud` tell none.
    region.filter(|region| region.contains('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(authority: &str) -> Caller {
        Caller {
            account: "000000000000".to_owned(),
            region: "eu-west-1".to_owned(),
            authority: authority.to_owned(),
            ..Caller::default()
        }
    }

    #[test]
    fn every_form_of_a_url_names_its_queue() {
        let here = caller("localhost:4566");
        for (url, region) in [
            ("http://localhost:4566/123456789012/jobs", "eu-west-1"),
            ("http://127.0.0.1:4566/123456789012/jobs/", "eu-west-1"),
            ("/123456789012/jobs", "eu-west-1"),
            ("http://localhost:4566/queue/ap-south-1/123456789012/jobs", "ap-south-1"),
            ("http://sqs.us-west-2.localhost:4566/123456789012/jobs", "us-west-2"),
            ("http://sqs.us-west-2.localhost.localstack.cloud:4566/123456789012/jobs", "us-west-2"),
            ("http://us-west-2.queue.localhost.localstack.cloud:4566/123456789012/jobs", "us-west-2"),
            ("https://sqs.us-west-2.amazonaws.com/123456789012/jobs", "us-west-2"),
            ("https://sqs-fips.us-west-2.amazonaws.com/123456789012/jobs", "us-west-2"),
            ("https://us-west-2.queue.amazonaws.com/123456789012/jobs", "us-west-2"),
            ("https://queue.amazonaws.com/123456789012/jobs", "us-east-1"),
            ("https://sqs.cn-north-1.amazonaws.com.cn/123456789012/jobs", "cn-north-1"),
            ("http://sqs.localhost:4566/123456789012/jobs", "eu-west-1"),
            ("http://sqs.localhost.localstack.cloud:4566/123456789012/jobs", "eu-west-1"),
            ("http://sqs.us-west-2.example.com/123456789012/jobs", "eu-west-1"),
        ] {
            assert_eq!(queue_of(url, &here), Ok(QueueIdentity::new("123456789012", region, "jobs")), "{url}");
        }
        for wrong in ["", "jobs", "http://localhost:4566", "http://h/jobs", "http://h/1/jobs", "/a/b/c", "//"]
        {
            assert_eq!(queue_of(wrong, &here).unwrap_err().code, "InvalidAddress", "{wrong}");
        }
    }

    #[test]
    fn a_url_follows_the_host_that_was_asked() {
        let queue = QueueIdentity::new("123456789012", "eu-west-1", "jobs");
        for host in ["localhost:4566", "sqs.eu-west-1.amazonaws.com"] {
            assert_eq!(url_of(&queue, &caller(host)), format!("http://{host}/123456789012/jobs"));
        }
        let secure = Caller { is_secure: true, ..caller("queues.example.com") };
        assert_eq!(url_of(&queue, &secure), "https://queues.example.com/123456789012/jobs");
        assert_eq!(queue_of(&url_of(&queue, &caller("h:1")), &caller("h:1")), Ok(queue));
    }
}
