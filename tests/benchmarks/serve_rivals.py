"""What the service is measured against, each on the stack it has: run by `serve.py`.

    python tests/benchmarks/serve_rivals.py floor PORT
    python tests/benchmarks/serve_rivals.py plain PORT LEADS.csv

`floor` is an empty endpoint of FastAPI on uvicorn, uvloop and httptools. `plain` is what a tutorial
teaches: a scikit-learn pipeline behind FastAPI, a probability from a table of one row.
"""

import sys
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from fastapi.responses import Response


def floor() -> FastAPI:
    app = FastAPI()

    @app.post("/empty")
    async def empty() -> Response:
        return Response(b"{}", media_type="application/json")

    return app


def plain(leads: Path) -> FastAPI:
    import pandas as pd
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    table = pd.read_csv(leads)
    numbers = [name for name in table if name.startswith("n")]
    words = [name for name in table if name.startswith("c") and name[1:].isdigit()]
    columns = ColumnTransformer(
        [("n", StandardScaler(), numbers), ("c", OneHotEncoder(handle_unknown="ignore"), words)]
    )
    pipeline = make_pipeline(columns, LogisticRegression(max_iter=1000))
    pipeline.fit(table, table["outcome"] == "won")
    app = FastAPI()

    @app.post("/score")
    def score(lead: dict[str, Any]) -> dict[str, float]:
        return {"probability": float(pipeline.predict_proba(pd.DataFrame([lead]))[0, 1])}

    return app


if __name__ == "__main__":
    kind, port, *rest = sys.argv[1:]
    uvicorn.run(
        floor() if kind == "floor" else plain(Path(rest[0])),
        port=int(port),
        log_level="error",
        access_log=False,
        loop="uvloop",
        http="httptools",
    )
