"""A lead as of one moment: features, labels, folds; nothing later may enter."""
