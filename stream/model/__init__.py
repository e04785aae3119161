"""What a model is once its definition has been checked: grids, panes, layouts; and the catalog of all of them."""
