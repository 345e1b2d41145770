"""The version as MLflow serves it ("models from code"): the one scoring path over the bundle.

MLflow runs this file; nothing of leadml imports it.
"""

import json
from typing import Any

import mlflow.pyfunc
import pandas as pd

from leadml.workflows.score import Scorer


class ServedModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """Scores a table of raw export columns."""

    def load_context(self, context: Any) -> None:
        """Read the bundle among the model's artifacts."""
        from pathlib import Path

        self.scorer = Scorer.load(Path(context.artifacts["bundle"]))

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> pd.DataFrame:
        """Return probability and the whole answer as JSON, one row a lead."""
        known = model_input.astype(object).where(model_input.notna(), None)
        records = [
            dict(zip(known.columns, row, strict=True)) for row in known.itertuples(index=False)
        ]
        answers = self.scorer.score_records(records)
        return pd.DataFrame(
            {
                "probability": [answer.probability for answer in answers],
                "answer": [json.dumps(answer.to_dict()) for answer in answers],
            }
        )


mlflow.models.set_model(ServedModel())
