"""Points, candidates, calibration, scorecard and the bundle that serves."""
