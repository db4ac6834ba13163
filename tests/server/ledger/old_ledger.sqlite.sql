-- A ledger written by commit 5a8a13a, before the schema had versions; see test_upgrade.py.
BEGIN TRANSACTION;
CREATE TABLE epochs (
	number INTEGER NOT NULL,
	tag VARCHAR(32) NOT NULL,
	host TEXT,
	application_id TEXT,
	spark_ui TEXT,
	PRIMARY KEY (number)
);
INSERT INTO "epochs" VALUES(1,'00000000000000000000000000000001','spark-1','app-20261120-0001','http://spark-1:4040');
INSERT INTO "epochs" VALUES(2,'00000000000000000000000000000010',NULL,NULL,NULL);
CREATE TABLE holdings (
	session TEXT NOT NULL,
	what TEXT NOT NULL,
	PRIMARY KEY (session)
);
INSERT INTO "holdings" VALUES('etl','["temp view v", "variable x"]');
CREATE TABLE receipts (
	job_id VARCHAR(64) NOT NULL,
	seen_at DATETIME NOT NULL,
	attempts TEXT NOT NULL,
	driver_id TEXT,
	digest VARCHAR(64),
	outcome TEXT NOT NULL,
	last_words TEXT,
	PRIMARY KEY (job_id)
);
INSERT INTO "receipts" VALUES('a0000000000000000000000000000000','2026-11-20 23:03:16.125000','[]',NULL,NULL,'{}',NULL);
INSERT INTO "receipts" VALUES('a0000000000000000000000000000001','2026-11-20 23:03:21.125000','["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"]','driver-20261120230317-0005','cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd','{"row_count": 1, "result_bytes": 700}',NULL);
INSERT INTO "receipts" VALUES('a0000000000000000000000000000002','2026-11-20 23:03:21.125000','["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"]','driver-20261120230317-0005','cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd','{"row_count": 1, "result_bytes": 700}','{"state": "SUCCESS"}');
CREATE TABLE statements (
	position INTEGER NOT NULL,
	job_id VARCHAR(64) NOT NULL,
	idempotency_key TEXT,
	session TEXT NOT NULL,
	pool TEXT NOT NULL,
	kind TEXT NOT NULL,
	"order" TEXT NOT NULL,
	announced BOOLEAN NOT NULL,
	state VARCHAR(16) NOT NULL,
	epoch INTEGER,
	submitted_at DATETIME NOT NULL,
	started_at DATETIME,
	completed_at DATETIME,
	error TEXT,
	error_class TEXT,
	sql_state TEXT,
	row_count BIGINT,
	result_bytes BIGINT,
	text TEXT,
	value TEXT,
	result_uri TEXT,
	result_schema TEXT,
	progress TEXT,
	driver_id TEXT,
	location TEXT,
	PRIMARY KEY (position),
	UNIQUE (job_id),
	UNIQUE (idempotency_key)
);
INSERT INTO "statements" VALUES(1,'00000000000000000000000000000003','run-1','default','default','sql','{"code": "SELECT 1", "kind": "sql", "parameters": {"day": "2026-11-20", "n": [1, null, 2.5]}, "pool": "default", "result_limit": 10, "session": "default", "tags": {"dag": "flights_etl", "note": "F\u00fc\u00dfe \ud83d\ude00", "task": "load"}}',0,'SUCCESS',1,'2026-11-20 23:03:16.000002','2026-11-20 23:03:17.125000','2026-11-20 23:03:18.125000',NULL,NULL,NULL,3,2816,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "statements" VALUES(2,'00000000000000000000000000000005',NULL,'default','default','sql','{"as_text": true, "code": "SELECT ''text''", "kind": "sql", "pool": "default", "session": "default"}',0,'SUCCESS',1,'2026-11-20 23:03:16.000004','2026-11-20 23:03:17.125000','2026-11-20 23:03:18.125000',NULL,NULL,NULL,NULL,NULL,'+----+
|text|
+----+
',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "statements" VALUES(3,'00000000000000000000000000000007','run-2','etl','high','python','{"code": "1 + 1", "kind": "python", "pool": "high", "session": "etl"}',0,'SUCCESS',1,'2026-11-20 23:03:16.000006','2026-11-20 23:03:17.125000','2026-11-20 23:03:18.125000',NULL,NULL,NULL,NULL,NULL,NULL,'2',NULL,NULL,'{"tasks_done": 1, "tasks_total": 1, "stages_done": 1, "stages_total": 1, "rows_read": 1, "bytes_read": 1}',NULL,NULL);
INSERT INTO "statements" VALUES(4,'00000000000000000000000000000009','run-3','default','default','sql','{"code": "SELECT * FROM flights", "description": "everything", "kind": "sql", "pool": "default", "result_path": "s3a://lake/flights", "session": "default", "timeout_seconds": 600.0}',0,'SUCCESS',1,'2026-11-20 23:03:16.000008','2026-11-20 23:03:17.125000','2026-11-20 23:03:18.125000',NULL,NULL,NULL,5000000000,12345678901,NULL,NULL,'s3a://lake/flights','{"type":"struct","fields":[]}',NULL,NULL,NULL);
INSERT INTO "statements" VALUES(5,'0000000000000000000000000000000b','run-4','default','default','sql','{"code": "SELEC 1", "kind": "sql", "pool": "default", "session": "default"}',0,'FAILED',1,'2026-11-20 23:03:16.000010','2026-11-20 23:03:17.125000','2026-11-20 23:03:18.125000','[PARSE_SYNTAX_ERROR] Syntax error at ''SELEC''','PARSE_SYNTAX_ERROR','42601',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "statements" VALUES(6,'0000000000000000000000000000000d','run-5','default','default','sql','{"code": "SELECT 1", "kind": "sql", "pool": "default", "session": "default", "tags": {"dag": "other"}}',0,'CANCELLED',1,'2026-11-20 23:03:16.000012','2026-11-20 23:03:17.125000','2026-11-20 23:03:18.125000','Cancelled by DELETE.',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "statements" VALUES(7,'0000000000000000000000000000000f','run-6','default','default','sql','{"code": "SELECT 1", "kind": "sql", "parameters": [1, "two"], "pool": "default", "session": "default"}',0,'LOST',1,'2026-11-20 23:03:16.000014','2026-11-20 23:03:17.125000','2026-11-20 23:03:18.125000','Driver 1 has ended.',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "statements" VALUES(8,'00000000000000000000000000000012','run-7','default','default','sql','{"code": "SELECT count(*) FROM range(10)", "kind": "sql", "pool": "default", "session": "default"}',0,'RUNNING',2,'2026-11-20 23:03:16.000017','2026-11-20 23:03:17.125000',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "statements" VALUES(9,'00000000000000000000000000000014','run-8','own','default','sql','{"code": "SELECT 1", "kind": "sql", "pool": "default", "session": "own"}',0,'CANCELLED',NULL,'2026-11-20 23:03:16.000019',NULL,'2026-11-20 23:03:19.125000',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "statements" VALUES(10,'00000000000000000000000000000016','run-9','default','default','python-file','{"args": ["--day", "2026-11-20"], "artifacts": [{"name": "etl.zip", "sha256": "abababababababababababababababababababababababababababababababab"}], "code": "", "deploy_mode": "cluster", "deploy_mode_by_default": true, "file_path": "local:/jobs/etl.py", "kind": "python-file", "pool": "default", "session": "default", "spark_config": {"spark.cores.max": "2", "spark.executor.memory": "2g"}, "supervised": true, "tags": {"dag": "flights_etl", "note": "F\u00fc\u00dfe \ud83d\ude00", "task": "load"}}',0,'RUNNING',NULL,'2026-11-20 23:03:16.000021','2026-11-20 23:03:17.125000',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'driver-20261120230317-0004','{"where": "on worker worker-1", "host": "10.0.0.5", "worker_id": "worker-1", "application_id": "app-20261120-0002", "spark_ui": "http://10.0.0.5:4041", "log_url": "http://10.0.0.5:8081/logPage"}');
INSERT INTO "statements" VALUES(11,'00000000000000000000000000000018','run-10','default','default','jar','{"args": ["--day", "2026-11-20"], "artifacts": [{"name": "etl.zip", "sha256": "abababababababababababababababababababababababababababababababab"}], "code": "", "deploy_mode": "client", "file_path": "local:/jobs/etl.py", "kind": "jar", "main_class": "org.example.Main", "pool": "default", "session": "default", "spark_config": {"spark.cores.max": "2", "spark.executor.memory": "2g"}, "tags": {"dag": "flights_etl", "note": "F\u00fc\u00dfe \ud83d\ude00", "task": "load"}}',0,'FAILED',NULL,'2026-11-20 23:03:16.000023','2026-11-20 23:03:17.125000','2026-11-20 23:03:18.125000','exit code 1',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "statements" VALUES(12,'a0000000000000000000000000000000','announced-0','default','default','sql','{"announced": true, "code": "SELECT 0", "kind": "sql", "pool": "default", "returns": true, "session": "default"}',1,'PENDING',NULL,'2026-11-20 23:03:16.000025',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "statements" VALUES(13,'a0000000000000000000000000000001','announced-1','default','default','sql','{"announced": true, "code": "SELECT 1", "kind": "sql", "pool": "default", "returns": true, "session": "default"}',1,'RUNNING',NULL,'2026-11-20 23:03:16.000026','2026-11-20 23:03:20.125000',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "statements" VALUES(14,'a0000000000000000000000000000002','announced-2','default','default','sql','{"announced": true, "code": "SELECT 2", "kind": "sql", "pool": "default", "returns": true, "session": "default"}',1,'SUCCESS',NULL,'2026-11-20 23:03:16.000027','2026-11-20 23:03:20.125000','2026-11-20 23:03:22.125000',NULL,NULL,NULL,1,700,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "statements" VALUES(15,'0000000000000000000000000000001d','waits','default','default','sql','{"code": "SELECT 1", "kind": "sql", "pool": "default", "session": "default"}',0,'PENDING',NULL,'2026-11-20 23:03:16.000028',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "statements" VALUES(16,'0000000000000000000000000000001f',NULL,'default','default','sql','{"code": "SELECT 1", "kind": "sql", "pool": "default", "session": "default"}',0,'PENDING',NULL,'2026-11-20 23:03:16.000030',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE tags (
	job_id VARCHAR(64) NOT NULL,
	name TEXT NOT NULL,
	value TEXT NOT NULL,
	PRIMARY KEY (job_id, name)
);
INSERT INTO "tags" VALUES('00000000000000000000000000000003','dag','flights_etl');
INSERT INTO "tags" VALUES('00000000000000000000000000000003','task','load');
INSERT INTO "tags" VALUES('00000000000000000000000000000003','note','Füße 😀');
INSERT INTO "tags" VALUES('0000000000000000000000000000000d','dag','other');
INSERT INTO "tags" VALUES('00000000000000000000000000000016','dag','flights_etl');
INSERT INTO "tags" VALUES('00000000000000000000000000000016','task','load');
INSERT INTO "tags" VALUES('00000000000000000000000000000016','note','Füße 😀');
INSERT INTO "tags" VALUES('00000000000000000000000000000018','dag','flights_etl');
INSERT INTO "tags" VALUES('00000000000000000000000000000018','task','load');
INSERT INTO "tags" VALUES('00000000000000000000000000000018','note','Füße 😀');
CREATE INDEX statements_by_state ON statements (state);
CREATE INDEX statements_by_end ON statements (completed_at);
CREATE INDEX statements_by_tag ON tags (name, value);
COMMIT;
