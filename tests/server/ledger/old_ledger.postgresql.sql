-- A ledger written by commit 5a8a13a, before the schema had versions; see test_upgrade.py.
CREATE TABLE public.epochs (
    number integer NOT NULL,
    tag character varying(32) NOT NULL,
    host text,
    application_id text,
    spark_ui text
);
CREATE SEQUENCE public.epochs_number_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.epochs_number_seq OWNED BY public.epochs.number;
CREATE TABLE public.holdings (
    session text NOT NULL,
    what text NOT NULL
);
CREATE TABLE public.receipts (
    job_id character varying(64) NOT NULL,
    seen_at timestamp with time zone NOT NULL,
    attempts text NOT NULL,
    driver_id text,
    digest character varying(64),
    outcome text NOT NULL,
    last_words text
);
CREATE TABLE public.statements (
    "position" bigint NOT NULL,
    job_id character varying(64) NOT NULL,
    idempotency_key text,
    session text NOT NULL,
    pool text NOT NULL,
    kind text NOT NULL,
    "order" text NOT NULL,
    announced boolean NOT NULL,
    state character varying(16) NOT NULL,
    epoch integer,
    submitted_at timestamp with time zone NOT NULL,
    started_at timestamp with time zone,
    completed_at timestamp with time zone,
    error text,
    error_class text,
    sql_state text,
    row_count bigint,
    result_bytes bigint,
    text text,
    value text,
    result_uri text,
    result_schema text,
    progress text,
    driver_id text,
    location text
);
CREATE SEQUENCE public.statements_position_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.statements_position_seq OWNED BY public.statements."position";
CREATE TABLE public.tags (
    job_id character varying(64) NOT NULL,
    name text NOT NULL,
    value text NOT NULL
);
ALTER TABLE ONLY public.epochs ALTER COLUMN number SET DEFAULT nextval('public.epochs_number_seq'::regclass);
ALTER TABLE ONLY public.statements ALTER COLUMN "position" SET DEFAULT nextval('public.statements_position_seq'::regclass);
INSERT INTO public.epochs VALUES (1, '00000000000000000000000000000001', 'spark-1', 'app-20261120-0001', 'http://spark-1:4040');
INSERT INTO public.epochs VALUES (2, '00000000000000000000000000000010', NULL, NULL, NULL);
INSERT INTO public.holdings VALUES ('etl', '["temp view v", "variable x"]');
INSERT INTO public.receipts VALUES ('a0000000000000000000000000000000', '2026-11-20 23:03:16.125+00', '[]', NULL, NULL, '{}', NULL);
INSERT INTO public.receipts VALUES ('a0000000000000000000000000000001', '2026-11-20 23:03:21.125+00', '["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"]', 'driver-20261120230317-0005', 'cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd', '{"row_count": 1, "result_bytes": 700}', NULL);
INSERT INTO public.receipts VALUES ('a0000000000000000000000000000002', '2026-11-20 23:03:21.125+00', '["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"]', 'driver-20261120230317-0005', 'cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd', '{"row_count": 1, "result_bytes": 700}', '{"state": "SUCCESS"}');
INSERT INTO public.statements VALUES (1, '00000000000000000000000000000003', 'run-1', 'default', 'default', 'sql', '{"code": "SELECT 1", "kind": "sql", "parameters": {"day": "2026-11-20", "n": [1, null, 2.5]}, "pool": "default", "result_limit": 10, "session": "default", "tags": {"dag": "flights_etl", "note": "F\u00fc\u00dfe \ud83d\ude00", "task": "load"}}', false, 'SUCCESS', 1, '2026-11-20 23:03:16.000002+00', '2026-11-20 23:03:17.125+00', '2026-11-20 23:03:18.125+00', NULL, NULL, NULL, 3, 2816, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.statements VALUES (2, '00000000000000000000000000000005', NULL, 'default', 'default', 'sql', '{"as_text": true, "code": "SELECT ''text''", "kind": "sql", "pool": "default", "session": "default"}', false, 'SUCCESS', 1, '2026-11-20 23:03:16.000004+00', '2026-11-20 23:03:17.125+00', '2026-11-20 23:03:18.125+00', NULL, NULL, NULL, NULL, NULL, '+----+
|text|
+----+
', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.statements VALUES (3, '00000000000000000000000000000007', 'run-2', 'etl', 'high', 'python', '{"code": "1 + 1", "kind": "python", "pool": "high", "session": "etl"}', false, 'SUCCESS', 1, '2026-11-20 23:03:16.000006+00', '2026-11-20 23:03:17.125+00', '2026-11-20 23:03:18.125+00', NULL, NULL, NULL, NULL, NULL, NULL, '2', NULL, NULL, '{"tasks_done": 1, "tasks_total": 1, "stages_done": 1, "stages_total": 1, "rows_read": 1, "bytes_read": 1}', NULL, NULL);
INSERT INTO public.statements VALUES (4, '00000000000000000000000000000009', 'run-3', 'default', 'default', 'sql', '{"code": "SELECT * FROM flights", "description": "everything", "kind": "sql", "pool": "default", "result_path": "s3a://lake/flights", "session": "default", "timeout_seconds": 600.0}', false, 'SUCCESS', 1, '2026-11-20 23:03:16.000008+00', '2026-11-20 23:03:17.125+00', '2026-11-20 23:03:18.125+00', NULL, NULL, NULL, 5000000000, 12345678901, NULL, NULL, 's3a://lake/flights', '{"type":"struct","fields":[]}', NULL, NULL, NULL);
INSERT INTO public.statements VALUES (5, '0000000000000000000000000000000b', 'run-4', 'default', 'default', 'sql', '{"code": "SELEC 1", "kind": "sql", "pool": "default", "session": "default"}', false, 'FAILED', 1, '2026-11-20 23:03:16.00001+00', '2026-11-20 23:03:17.125+00', '2026-11-20 23:03:18.125+00', '[PARSE_SYNTAX_ERROR] Syntax error at ''SELEC''', 'PARSE_SYNTAX_ERROR', '42601', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.statements VALUES (6, '0000000000000000000000000000000d', 'run-5', 'default', 'default', 'sql', '{"code": "SELECT 1", "kind": "sql", "pool": "default", "session": "default", "tags": {"dag": "other"}}', false, 'CANCELLED', 1, '2026-11-20 23:03:16.000012+00', '2026-11-20 23:03:17.125+00', '2026-11-20 23:03:18.125+00', 'Cancelled by DELETE.', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.statements VALUES (7, '0000000000000000000000000000000f', 'run-6', 'default', 'default', 'sql', '{"code": "SELECT 1", "kind": "sql", "parameters": [1, "two"], "pool": "default", "session": "default"}', false, 'LOST', 1, '2026-11-20 23:03:16.000014+00', '2026-11-20 23:03:17.125+00', '2026-11-20 23:03:18.125+00', 'Driver 1 has ended.', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.statements VALUES (8, '00000000000000000000000000000012', 'run-7', 'default', 'default', 'sql', '{"code": "SELECT count(*) FROM range(10)", "kind": "sql", "pool": "default", "session": "default"}', false, 'RUNNING', 2, '2026-11-20 23:03:16.000017+00', '2026-11-20 23:03:17.125+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.statements VALUES (9, '00000000000000000000000000000014', 'run-8', 'own', 'default', 'sql', '{"code": "SELECT 1", "kind": "sql", "pool": "default", "session": "own"}', false, 'CANCELLED', NULL, '2026-11-20 23:03:16.000019+00', NULL, '2026-11-20 23:03:19.125+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.statements VALUES (10, '00000000000000000000000000000016', 'run-9', 'default', 'default', 'python-file', '{"args": ["--day", "2026-11-20"], "artifacts": [{"name": "etl.zip", "sha256": "abababababababababababababababababababababababababababababababab"}], "code": "", "deploy_mode": "cluster", "deploy_mode_by_default": true, "file_path": "local:/jobs/etl.py", "kind": "python-file", "pool": "default", "session": "default", "spark_config": {"spark.cores.max": "2", "spark.executor.memory": "2g"}, "supervised": true, "tags": {"dag": "flights_etl", "note": "F\u00fc\u00dfe \ud83d\ude00", "task": "load"}}', false, 'RUNNING', NULL, '2026-11-20 23:03:16.000021+00', '2026-11-20 23:03:17.125+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'driver-20261120230317-0004', '{"where": "on worker worker-1", "host": "10.0.0.5", "worker_id": "worker-1", "application_id": "app-20261120-0002", "spark_ui": "http://10.0.0.5:4041", "log_url": "http://10.0.0.5:8081/logPage"}');
INSERT INTO public.statements VALUES (11, '00000000000000000000000000000018', 'run-10', 'default', 'default', 'jar', '{"args": ["--day", "2026-11-20"], "artifacts": [{"name": "etl.zip", "sha256": "abababababababababababababababababababababababababababababababab"}], "code": "", "deploy_mode": "client", "file_path": "local:/jobs/etl.py", "kind": "jar", "main_class": "org.example.Main", "pool": "default", "session": "default", "spark_config": {"spark.cores.max": "2", "spark.executor.memory": "2g"}, "tags": {"dag": "flights_etl", "note": "F\u00fc\u00dfe \ud83d\ude00", "task": "load"}}', false, 'FAILED', NULL, '2026-11-20 23:03:16.000023+00', '2026-11-20 23:03:17.125+00', '2026-11-20 23:03:18.125+00', 'exit code 1', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.statements VALUES (12, 'a0000000000000000000000000000000', 'announced-0', 'default', 'default', 'sql', '{"announced": true, "code": "SELECT 0", "kind": "sql", "pool": "default", "returns": true, "session": "default"}', true, 'PENDING', NULL, '2026-11-20 23:03:16.000025+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.statements VALUES (13, 'a0000000000000000000000000000001', 'announced-1', 'default', 'default', 'sql', '{"announced": true, "code": "SELECT 1", "kind": "sql", "pool": "default", "returns": true, "session": "default"}', true, 'RUNNING', NULL, '2026-11-20 23:03:16.000026+00', '2026-11-20 23:03:20.125+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.statements VALUES (14, 'a0000000000000000000000000000002', 'announced-2', 'default', 'default', 'sql', '{"announced": true, "code": "SELECT 2", "kind": "sql", "pool": "default", "returns": true, "session": "default"}', true, 'SUCCESS', NULL, '2026-11-20 23:03:16.000027+00', '2026-11-20 23:03:20.125+00', '2026-11-20 23:03:22.125+00', NULL, NULL, NULL, 1, 700, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.statements VALUES (15, '0000000000000000000000000000001d', 'waits', 'default', 'default', 'sql', '{"code": "SELECT 1", "kind": "sql", "pool": "default", "session": "default"}', false, 'PENDING', NULL, '2026-11-20 23:03:16.000028+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.statements VALUES (16, '0000000000000000000000000000001f', NULL, 'default', 'default', 'sql', '{"code": "SELECT 1", "kind": "sql", "pool": "default", "session": "default"}', false, 'PENDING', NULL, '2026-11-20 23:03:16.00003+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.tags VALUES ('00000000000000000000000000000003', 'dag', 'flights_etl');
INSERT INTO public.tags VALUES ('00000000000000000000000000000003', 'task', 'load');
INSERT INTO public.tags VALUES ('00000000000000000000000000000003', 'note', 'Füße 😀');
INSERT INTO public.tags VALUES ('0000000000000000000000000000000d', 'dag', 'other');
INSERT INTO public.tags VALUES ('00000000000000000000000000000016', 'dag', 'flights_etl');
INSERT INTO public.tags VALUES ('00000000000000000000000000000016', 'task', 'load');
INSERT INTO public.tags VALUES ('00000000000000000000000000000016', 'note', 'Füße 😀');
INSERT INTO public.tags VALUES ('00000000000000000000000000000018', 'dag', 'flights_etl');
INSERT INTO public.tags VALUES ('00000000000000000000000000000018', 'task', 'load');
INSERT INTO public.tags VALUES ('00000000000000000000000000000018', 'note', 'Füße 😀');
SELECT pg_catalog.setval('public.epochs_number_seq', 1, false);
SELECT pg_catalog.setval('public.statements_position_seq', 16, true);
ALTER TABLE ONLY public.epochs
    ADD CONSTRAINT epochs_pkey PRIMARY KEY (number);
ALTER TABLE ONLY public.holdings
    ADD CONSTRAINT holdings_pkey PRIMARY KEY (session);
ALTER TABLE ONLY public.receipts
    ADD CONSTRAINT receipts_pkey PRIMARY KEY (job_id);
ALTER TABLE ONLY public.statements
    ADD CONSTRAINT statements_idempotency_key_key UNIQUE (idempotency_key);
ALTER TABLE ONLY public.statements
    ADD CONSTRAINT statements_job_id_key UNIQUE (job_id);
ALTER TABLE ONLY public.statements
    ADD CONSTRAINT statements_pkey PRIMARY KEY ("position");
ALTER TABLE ONLY public.tags
    ADD CONSTRAINT tags_pkey PRIMARY KEY (job_id, name);
CREATE INDEX statements_by_end ON public.statements USING btree (completed_at);
CREATE INDEX statements_by_state ON public.statements USING btree (state);
CREATE INDEX statements_by_tag ON public.tags USING btree (name, value);
