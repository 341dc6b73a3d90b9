"""The formats of data sets, one module each with a function `read(path, label)`."""
