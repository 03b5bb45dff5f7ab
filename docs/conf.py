"""Settings of the documentation: make docs."""

import nonneg

project = "nonneg"
author = "The nonneg developers"
copyright = "2026, the nonneg developers"
version = release = nonneg.__version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.mathjax", "numpydoc"]
templates_path = ["_templates"]
exclude_patterns = ["_build"]
default_role = "py:obj"

autodoc_typehints = "none"
autosummary_generate = True
# Members come from the templates: only our own, with their full text.
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

html_theme = "furo"
html_title = f"nonneg {release}"
html_copy_source = False
