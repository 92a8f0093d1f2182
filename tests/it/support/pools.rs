//! Pools of workers: a topology around one, and what is asked of it at the admin server.

use super::daemon::Daemon;
use serde_json::Value;

/// Jobs are posted to the stream `jobs`, and wait in the queue `work` for the workers `pool`.
pub fn pool_of_jobs(name: &str, queue: &str, pool: &str) -> String {
    format!(
        r#"
[topology]
name = "{name}"
drain_deadline = "120s"
[ingress.collector]
to = "jobs"
[stream.jobs]
[queue.work]
from = "jobs"
visibility_timeout = "60s"
{queue}
[workers.pool]
from = "work"
{pool}
"#
    )
}

/// The results of that pool are kept as raw objects, when it sends them to `kept`.
pub const KEPT: &str = r#"
[raw.kept]
store = "file://raw"
path = "kept"
roll = { bytes = "1MiB", age = "200ms" }
"#;

impl Daemon {
    /// Orders a capacity by hand.
    pub fn order(&self, pool: &str, desired: u32) {
        self.pool_verb(pool, "desired", &format!("{{\"desired\":{desired}}}"));
    }

    /// A verb for a pool; its answer, which must be a good one.
    pub fn pool_verb(&self, pool: &str, verb: &str, body: &str) -> Value {
        let headers = [("content-type", "application/json")];
        let path = format!("/pools/{pool}/{verb}");
        let answer = self.admin().post(&path, &headers, body.as_bytes()).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// What a page of a pool lists, such as its workers.
    pub fn pool_page(&self, pool: &str, page: &str) -> Vec<Value> {
        let answer = self.admin().get(&format!("/pools/{pool}/{page}")).unwrap();
        answer.json().as_array().unwrap().clone()
    }
}
