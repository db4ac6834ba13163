"""The provider's metadata for Airflow, as plain data without further imports."""

from __future__ import annotations

from typing import Any

_VERIFY = {
    "label": "Verify TLS",
    "description": "Empty or true: trust the system's CAs. A path: trust the CA certificates in "
    "that file. false: skip verification.",
    "schema": {"type": ["string", "null"], "default": None},
}
_TIMEOUT = {
    "label": "Timeout",
    "description": "Read timeout of a request in seconds. Default: 30.",
    "schema": {"type": ["number", "null"], "exclusiveMinimum": 0, "default": None},
}

LIBRA = {
    "connection-type": "libra",
    "hook-class-name": "libra_provider.hooks.LibraHook",
    "hook-name": "Libra",
    "ui-field-behaviour": {
        "hidden-fields": ["login"],
        "relabeling": {"schema": "http or https", "password": "Token"},
        "placeholders": {"host": "libra.example.com", "port": "8990", "schema": "http"},
    },
    "conn-fields": {
        "session": {
            "label": "Session",
            "description": "Statements of a session share temporary views. Empty: default.",
            "schema": {"type": ["string", "null"], "default": None},
        },
        "pool": {
            "label": "FAIR pool",
            "description": "The pool of statements that set none, such as interactive.",
            "schema": {"type": ["string", "null"], "default": None},
        },
        "locality": {
            "label": "Locality",
            "description": "Whether Libra and the cluster are in the same data center. "
            "auto: Libra measures it.",
            "schema": {"type": "string", "enum": ["auto", "same", "remote"], "default": "auto"},
        },
        "policy": {
            "label": "Decision policy",
            "description": "Thresholds of LibraOperator's decision tree as a JSON object, such as "
            '{"large_collect": "2 GB"}. They override the section [libra] of airflow.cfg.',
            "schema": {"type": ["object", "null"], "default": None},
        },
        "verify": _VERIFY,
        "timeout": _TIMEOUT,
    },
}

SPARK_MASTER = {
    "connection-type": "spark_master",
    "hook-class-name": "libra_provider.hooks.SparkMasterHook",
    "hook-name": "Spark standalone master",
    "ui-field-behaviour": {
        "hidden-fields": ["login"],
        "relabeling": {"schema": "http or https", "password": "JWS secret key (base64url)"},
        "placeholders": {"host": "master1,master2", "port": "7077", "schema": "http"},
    },
    "conn-fields": {
        "rest_port": {
            "label": "REST port",
            "description": "The master's spark.master.rest.port. Default: 6066.",
            "schema": {"type": ["integer", "null"], "minimum": 1, "maximum": 65535},
        },
        "rest_urls": {
            "label": "REST URLs",
            "description": "Comma-separated; replaces host and REST port.",
            "schema": {"type": ["string", "null"], "default": None},
        },
        "ui_urls": {
            "label": "Web UI URLs",
            "description": "Comma-separated. Default: port 8080 of each host.",
            "schema": {"type": ["string", "null"], "default": None},
        },
        "spark_defaults": {
            "label": "Spark defaults",
            "description": "Default properties of jobs as a JSON object. A job can override them.",
            "schema": {"type": ["object", "null"], "default": None},
        },
        "max_cores": {
            "label": "Maximum cores",
            "description": "Maximum and default of spark.cores.max (all executors of a job), "
            "and maximum of the driver's cores. Empty: no limit.",
            "schema": {"type": ["integer", "null"], "minimum": 1, "default": None},
        },
        "max_memory": {
            "label": "Maximum memory",
            "description": "Maximum for the driver and each executor, such as 8g. Empty: no limit.",
            "schema": {"type": ["string", "null"], "default": None},
        },
        "bootstrap": {
            "label": "Bootstrap",
            "description": "Path of libra_provider/jobs/bootstrap.py on the workers, such as "
            "local:/opt/libra/bootstrap.py. It ends Python processes with their drivers.",
            "schema": {"type": ["string", "null"], "default": None},
        },
        "verify": _VERIFY,
        "timeout": _TIMEOUT,
    },
}

_THRESHOLDS = {
    "large_collect": ("A job with a larger result runs on a worker.", "1 GiB"),
    "same_site_round_trip": ("A shorter round trip means the same data center.", "2 ms"),
    "long_round_trip": ("A longer round trip rules out a remote driver.", "100 ms"),
    "many_tasks": ("This many tasks or more rule out a remote driver.", "10000"),
    "short_task": ("Shorter tasks rule out a remote driver.", "1 s"),
    "large_broadcast": ("A larger broadcast rules out a remote driver.", "100 MiB"),
    "long_job": ("For a longer job, the cost of a remote driver is small.", "10 min"),
}


def _option(description: str, default: str) -> dict[str, Any]:
    text = f"{description} Default: {default}."
    return {
        "description": text,
        "version_added": "0.1.0",
        "type": "string",
        "example": default,
        "default": None,
    }


CONFIG = {
    "libra": {
        "description": "Thresholds of LibraOperator's decision tree.",
        "options": {name: _option(*option) for name, option in _THRESHOLDS.items()},
    }
}


def get_provider_info() -> dict[str, Any]:
    """The provider's entry for ``airflow providers list`` and the connection form."""
    return {
        "package-name": "airflow-provider-libra",
        "name": "Libra for Apache Spark",
        "description": "Run Apache Spark from Airflow, on a shared or a dedicated driver.",
        "connection-types": [LIBRA, SPARK_MASTER],
        "config": CONFIG,
        "extra-links": [
            "libra_provider.links.DriverLogLink",
            "libra_provider.links.SparkMasterLink",
            "libra_provider.links.SparkUiLink",
        ],
    }
