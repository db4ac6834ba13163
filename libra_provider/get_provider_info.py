"""What Airflow asks of a provider before it imports anything else of it: plain data."""

from __future__ import annotations

from typing import Any

_VERIFY = {
    "label": "Verify TLS",
    "description": "Empty or true: trust the system's authorities. A path: trust the certificates "
    "in that file. false: verify nothing.",
    "schema": {"type": ["string", "null"], "default": None},
}
_TIMEOUT = {
    "label": "Timeout",
    "description": "Seconds that one request may take. Empty: 30.",
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
            "description": "Statements of one session share temporary views. Empty: default.",
            "schema": {"type": ["string", "null"], "default": None},
        },
        "pool": {
            "label": "FAIR pool",
            "description": "The pool of statements that name none, such as interactive.",
            "schema": {"type": ["string", "null"], "default": None},
        },
        "locality": {
            "label": "Locality",
            "description": "Whether Libra's driver and the cluster are in one data centre. "
            "auto: measured.",
            "schema": {"type": "string", "enum": ["auto", "same", "remote"], "default": "auto"},
        },
        "policy": {
            "label": "Decision policy",
            "description": "A JSON object of thresholds of LibraOperator's decision tree, such as "
            '{"large_collect": "2 GB"}. They win over those of Airflow\'s section [libra].',
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
            "description": "The master's spark.master.rest.port. Empty: 6066.",
            "schema": {"type": ["integer", "null"], "minimum": 1, "maximum": 65535},
        },
        "rest_urls": {
            "label": "REST URLs",
            "description": "Commas between them; instead of host and REST port.",
            "schema": {"type": ["string", "null"], "default": None},
        },
        "ui_urls": {
            "label": "Web UI URLs",
            "description": "Commas between them. Empty: port 8080 of each host.",
            "schema": {"type": ["string", "null"], "default": None},
        },
        "spark_defaults": {
            "label": "Spark defaults",
            "description": "A JSON object of properties that a job gets unless it sets them.",
            "schema": {"type": ["object", "null"], "default": None},
        },
        "max_cores": {
            "label": "Most cores",
            "description": "That the executors of one job take together (spark.cores.max; its "
            "default, too), and its driver. Empty: no limit.",
            "schema": {"type": ["integer", "null"], "minimum": 1, "default": None},
        },
        "max_memory": {
            "label": "Most memory",
            "description": "Of a driver, and of each executor, such as 8g. Empty: no limit.",
            "schema": {"type": ["string", "null"], "default": None},
        },
        "bootstrap": {
            "label": "Bootstrap",
            "description": "Where the workers have libra_provider/jobs/bootstrap.py, such as "
            "local:/opt/libra/bootstrap.py: Python processes then end with their drivers.",
            "schema": {"type": ["string", "null"], "default": None},
        },
        "verify": _VERIFY,
        "timeout": _TIMEOUT,
    },
}

_THRESHOLDS = {
    "large_collect": ("What a job collects beyond it, it collects near its executors.", "1 GB"),
    "same_site_round_trip": ("A shorter round trip is one within a data centre.", "2 ms"),
    "long_round_trip": ("Over a longer one, no driver runs far from its executors.", "100 ms"),
    "many_tasks": ("So many tasks, or more, are scheduled near the executors.", "10000"),
    "short_task": ("Shorter tasks are scheduled near the executors.", "1 s"),
    "large_broadcast": ("What is larger is broadcast near the executors.", "100 MB"),
    "long_job": ("Of a longer job, the way to a driver far away is a small part.", "10 min"),
}


def _option(description: str, default: str) -> dict[str, Any]:
    shown = f"{description} The default is {default}."
    return {
        "description": shown,
        "version_added": "0.1.0",
        "type": "string",
        "example": default,
        "default": None,
    }


CONFIG = {
    "libra": {
        "description": "From where on LibraOperator's decision tree has an opinion.",
        "options": {name: _option(*said) for name, said in _THRESHOLDS.items()},
    }
}


def get_provider_info() -> dict[str, Any]:
    """The provider's entry for ``airflow providers list`` and the connection form."""
    return {
        "package-name": "airflow-provider-libra",
        "name": "Libra for Apache Spark",
        "description": "Run Apache Spark from Airflow, on a shared driver or on one of its own.",
        "connection-types": [LIBRA, SPARK_MASTER],
        "config": CONFIG,
        "extra-links": [
            "libra_provider.links.DriverLogLink",
            "libra_provider.links.SparkMasterLink",
            "libra_provider.links.SparkUiLink",
        ],
    }
