"""Options that several commands have, each said once. They are decorators, as `click.option` gives them."""

from pathlib import Path

import click

device_option = click.option(
    "--device", type=click.Choice(["auto", "cpu", "gpu"]), help="Where the network runs [default: auto]."
)
quiet_option = click.option("--quiet", "-q", is_flag=True, help="Say nothing unless something is wrong.")
no_write_option = click.option("--no-write", is_flag=True, help="Tag in the index only; leave the photos as they are.")
model_option = click.option(
    "--model", metavar="NAME", help="The model to tag with [default: the newest trained one, else imagenet]."
)
json_lines_option = click.option(
    "--json", "as_json", is_flag=True, help="A line of JSON for each photo, and one for the summary."
)
workers_option = click.option(
    "--workers", type=click.IntRange(1), help="Threads that decode, and that write [default: cores + 1]."
)
nice_option = click.option("--nice", is_flag=True, help="Work at the lowest priority.")
max_tags_option = click.option(
    "--max-tags", type=click.IntRange(1), help="At most so many tags a photo, broader words not counted."
)
log_file_option = click.option(
    "--log-file", type=click.Path(path_type=Path), metavar="FILE", help="Keep a log; it turns over at 1 MB."
)
paths_option = click.option("--paths", is_flag=True, help="Paths alone, a line each, on a terminal too.")
null_option = click.option(
    "--null", "-0", "null", is_flag=True, help="Paths alone, each ended by a NUL byte, for `xargs -0`."
)
likeness_model_option = click.option(
    "--model", metavar="NAME", help="Compare by this model's network [default: as for a scan]."
)
json_figures_option = click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
dry_tagging_option = click.option(
    "--dry-run", is_flag=True, help="Say what would be tagged; change neither photos nor index."
)
dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Say what would be done; change neither photos nor index."
)
min_confidence_option = click.option(
    "--min-confidence", type=click.FloatRange(0, 1), help="Tag from this score on [default: the model's own]."
)
batch_size_option = click.option(
    "--batch-size", type=click.IntRange(1), help="Photos that the network takes at once [default: by itself]."
)
labels_option = click.option(
    "--labels",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="CSV",
    help="Take the labels from a CSV file (path,labels), as `train` does.",
)
