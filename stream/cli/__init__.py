"""The command `tidegauge`: thin functions over the packages beside this one."""
