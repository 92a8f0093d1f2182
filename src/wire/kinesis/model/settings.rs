//! Settings of streams and of accounts.

use super::*;
use crate::wire::protocol::List;

pub(super) const WARM_THROUGHPUT: Shape = Shape::Integer(Range::at_least(0));
pub(super) const MAX_RECORD_SIZE: Shape = Shape::Integer(Range::between(1_024, 10_240));
pub(super) const DISTRIBUTION: Shape = Shape::one_of(&["AUTO", "USER_PARTITION_KEY"]);

static MODE: Structure = Structure::new(
    "StreamModeDetails",
    &[Member::required("StreamMode", Shape::one_of(&["PROVISIONED", "ON_DEMAND"]))],
);
pub(super) const MODE_DETAILS: Shape = Shape::Structure(&MODE);

const RETENTION: &[Member] = &[
    Member::required("RetentionPeriodHours", Shape::Integer(Range::ANY)),
    STREAM_NAME,
    STREAM_ARN,
    STREAM_ID,
];

pub(super) static INCREASE_RETENTION: Structure =
    Structure::new("IncreaseStreamRetentionPeriodInput", RETENTION);
pub(super) static DECREASE_RETENTION: Structure =
    Structure::new("DecreaseStreamRetentionPeriodInput", RETENTION);

static METRICS: List = List {
    length: Length::between(1, 7),
    member: Shape::one_of(&[
        "IncomingBytes",
        "IncomingRecords",
        "OutgoingBytes",
        "OutgoingRecords",
        "WriteProvisionedThroughputExceeded",
        "ReadProvisionedThroughputExceeded",
        "IteratorAgeMilliseconds",
        "ALL",
    ]),
};

const MONITORING: &[Member] =
    &[Member::required("ShardLevelMetrics", Shape::List(&METRICS)), STREAM_NAME, STREAM_ARN, STREAM_ID];

pub(super) static ENABLE_MONITORING: Structure = Structure::new("EnableEnhancedMonitoringInput", MONITORING);
pub(super) static DISABLE_MONITORING: Structure =
    Structure::new("DisableEnhancedMonitoringInput", MONITORING);

const ENCRYPTION: &[Member] = &[
    Member::required("EncryptionType", Shape::one_of(&["NONE", "KMS"])),
    Member::required("KeyId", Shape::Text(Text::ANY.length(1, 2048))),
    STREAM_NAME,
    STREAM_ARN,
    STREAM_ID,
];

pub(super) static START_ENCRYPTION: Structure = Structure::new("StartStreamEncryptionInput", ENCRYPTION);
pub(super) static STOP_ENCRYPTION: Structure = Structure::new("StopStreamEncryptionInput", ENCRYPTION);

pub(super) static UPDATE_MODE: Structure = Structure::new(
    "UpdateStreamModeInput",
    &[
        Member::required("StreamARN", ARN),
        Member::required("StreamModeDetails", MODE_DETAILS),
        Member::optional("WarmThroughputMiBps", WARM_THROUGHPUT),
        STREAM_ID,
    ],
);

pub(super) static UPDATE_MAX_RECORD_SIZE: Structure = Structure::new(
    "UpdateMaxRecordSizeInput",
    &[Member::required("MaxRecordSizeInKiB", MAX_RECORD_SIZE), STREAM_ARN, STREAM_ID],
);

pub(super) static UPDATE_WARM_THROUGHPUT: Structure = Structure::new(
    "UpdateStreamWarmThroughputInput",
    &[Member::required("WarmThroughputMiBps", WARM_THROUGHPUT), STREAM_NAME, STREAM_ARN, STREAM_ID],
);

pub(super) static UPDATE_DISTRIBUTION: Structure = Structure::new(
    "UpdateStreamRecordDistributionStrategyInput",
    &[
        Member::required("StreamARN", ARN),
        Member::required("RecordDistributionStrategy", DISTRIBUTION),
        STREAM_ID,
    ],
);

pub(super) static DESCRIBE_LIMITS: Structure = Structure::new("DescribeLimitsInput", &[]);
pub(super) static DESCRIBE_ACCOUNT: Structure = Structure::new("DescribeAccountSettingsInput", &[]);

static COMMITMENT: Structure = Structure::new(
    "MinimumThroughputBillingCommitmentInput",
    &[Member::required("Status", Shape::one_of(&["ENABLED", "DISABLED"]))],
);

pub(super) static UPDATE_ACCOUNT: Structure = Structure::new(
    "UpdateAccountSettingsInput",
    &[Member::required("MinimumThroughputBillingCommitment", Shape::Structure(&COMMITMENT))],
);
