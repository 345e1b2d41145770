"""Reading what companies export: files, values, leads and activities."""
