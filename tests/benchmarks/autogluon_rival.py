"""AutoGluon on two flat tables; runs under the Python that LEADML_AUTOGLUON names.

    PYTHON autogluon_rival.py OLDER.csv NEWER.csv FOLDER

learns `outcome` from the older leads (best_quality, 120 s, 2 cores) and prints AUC and log loss on
the newer ones as one line of JSON.
"""

import json
import sys

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss, roc_auc_score

SECONDS, CORES = 120, 2


def main() -> None:
    from autogluon.tabular import TabularPredictor, __version__

    older, newer = (pd.read_csv(path) for path in sys.argv[1:3])
    predictor = TabularPredictor("outcome", eval_metric="log_loss", path=sys.argv[3], verbosity=0)
    predictor.fit(older, presets="best_quality", time_limit=SECONDS, num_cpus=CORES)
    p = np.asarray(predictor.predict_proba(newer)[1])
    found = {
        "version": __version__,
        "auc": roc_auc_score(newer["outcome"], p),
        "log_loss": log_loss(newer["outcome"], p),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
