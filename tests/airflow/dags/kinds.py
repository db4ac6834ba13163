"""Python and JARs, each in every place that can take it."""

from __future__ import annotations

from typing import Any

from airflow.sdk import dag

from libra_provider.operators import LibraOperator

OWN: dict[str, Any] = {
    "mode": "isolated",
    "conf": {
        "spark.driver.memory": "512m",
        "spark.executor.memory": "512m",
        "spark.cores.max": "1",
    },
}
PLACES: dict[str, dict[str, Any]] = {
    "shared": {"mode": "shared"},
    "client": OWN | {"deploy_mode": "client"},
    "cluster": OWN | {"deploy_mode": "cluster"},
}


@dag(
    schedule=None,
    params={"jar": "", "folder": ""},
    default_args={"deferrable": True, "poll_interval": 2},
)
def kinds() -> None:
    for name, place in PLACES.items():
        value = LibraOperator(
            task_id=f"value_{name}",
            python="import sys\n[spark.range(7).count(), *sys.argv[1:]]",
            application_args=["ein Wort", "{{ run_id }}"],
            **place,
        )
        rows = LibraOperator(
            task_id=f"rows_{name}", python="jobs/rows.py", application_args=["3"], **place
        )
        jar = LibraOperator(
            task_id=f"jar_{name}",
            application="{{ params.jar }}",
            java_class="Writes",
            application_args=["{{ params.folder }}/" + name, "zwei Wörter"],
            **place,
        )
        # All at once, the drivers would leave no core for executors.
        value >> jar
        if name != "shared":
            rows >> LibraOperator(
                task_id=f"file_{name}",
                application="jobs/das größte.py",
                py_files=["jobs/words"],
                application_args=["100", "a b", '"ü"'],
                **place,
            )


kinds()
