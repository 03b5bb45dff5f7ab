"""Settings of the documentation: make docs."""

from pathlib import Path

import matplotlib as mpl
from docutils import nodes
from latex2mathml.converter import convert
from sphinx_gallery.sorting import ExplicitOrder

import nonneg

project = "nonneg"
author = "The nonneg developers"
copyright = "2026, the nonneg developers"
version = release = nonneg.__version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc", "myst_parser", "sphinx_gallery.gen_gallery"]
templates_path = ["_templates"]
exclude_patterns = ["_build"]
default_role = "py:obj"
rst_prolog = ".. currentmodule:: nonneg\n"
# An empty line ends an example of a Markdown page, so that pytest does not take the fence for its output.
highlight_options = {"pycon": {"stripnl": True}}

autodoc_typehints = "none"
autosummary_generate = True
# Members come from the templates: only our own, with their full text.
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

# The scripts in the order of the gallery: the easy ones first, then those that have a page of their own.
GALLERY = [
    "directions.py",
    "parts.py",
    "compare.py",
    "reconstructions.py",
    "signals.py",
    "notes.py",
    "leukemia.py",
    "digits.py",
    "ratings.py",
    "pollution.py",
    "guided_topics.py",
    "negative_noise.py",
]
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"\.py$",
    "within_subsection_order": ExplicitOrder([*GALLERY, "*"]),
    "backreferences_dir": "gallery/backreferences",
    "doc_module": "nonneg",
    "reference_url": {"nonneg": None},
    "notebook_extensions": set(),
    "download_all_examples": False,
    "show_signature": False,
    "remove_config_comments": True,
    "thumbnail_size": (400, 280),
    "write_computation_times": False,
}

html_theme = "pydata_sphinx_theme"
html_title = "nonneg"
html_logo = html_favicon = "_static/logo.svg"
html_static_path = ["_static"]
html_css_files = ["quiet.css"]
html_copy_source = False
html_show_sourcelink = False
html_sidebars = {"changelog": [], "contributing": []}  # pages without a section
html_theme_options = {
    "logo": {"text": "nonneg"},
    "navbar_align": "left",
    "navbar_end": ["theme-switcher"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
    "show_toc_level": 2,
    "header_links_before_dropdown": 6,
}
html_math_renderer = "mathml"


def setup(app):
    # Browsers draw MathML themselves, so that formulas need no script from elsewhere.
    app.add_html_math_renderer("mathml", (inline_math, None), (block_math, None))
    # What the gallery resets matplotlib to before each script.
    style = mpl.rc_params_from_file(Path(app.srcdir, "../examples/matplotlibrc"), use_default_template=False)
    mpl.rcParamsDefault.update(style)


def inline_math(translator, node):
    translator.body.append(convert(node.astext()))
    raise nodes.SkipNode


def block_math(translator, node):
    translator.body.append(f'<div class="math">{convert(node.astext(), display="block")}</div>\n')
    raise nodes.SkipNode
