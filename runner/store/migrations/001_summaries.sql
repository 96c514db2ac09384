-- One row a run or gate. Times are microseconds since 1970 UTC; 0 is not known.
CREATE TABLE sweetspot_summary (
	id            TEXT     NOT NULL PRIMARY KEY,
	kind          TEXT     NOT NULL,
	began         BIGINT   NOT NULL,
	tool          TEXT     NOT NULL,
	scenario      TEXT     NOT NULL,
	scenario_hash TEXT     NOT NULL,
	revision      TEXT     NOT NULL,
	branch        TEXT     NOT NULL,
	committed     BIGINT   NOT NULL,
	ordinal       BIGINT   NOT NULL,
	cell          TEXT     NOT NULL,
	rate          DOUBLE PRECISION NOT NULL, -- offered, requests/s, where latencies were measured; 0 is not known
	host          TEXT     NOT NULL, -- facts, JSON
	fingerprint   TEXT     NOT NULL  -- of those facts that must match
);
CREATE INDEX sweetspot_summary_series ON sweetspot_summary (scenario, branch, began);

-- One row a metric of a summary.
CREATE TABLE sweetspot_metric (
	summary       TEXT     NOT NULL REFERENCES sweetspot_summary (id),
	name          TEXT     NOT NULL, -- p95 or p95/checkout
	unit          TEXT     NOT NULL,
	higher        SMALLINT NOT NULL, -- 1: more is better
	amounts       TEXT     NOT NULL, -- one a fresh start, JSON array
	PRIMARY KEY (summary, name)
);
