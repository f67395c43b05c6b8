"""Findings of a check in, the page for `phototag check --html` out."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from phototag.records import PhotoRef
from phototag.train.check import Copies, Findings, Suspect
from phototag.train.report.page import page, paragraph, photo, photos, section, table, text, tiles
from phototag.train.report.thumbnails import thumbnails

_SUSPECTS_SHOWN = 200
_GROUPS_SHOWN = 100

Named = Callable[[PhotoRef], str]
"""What a page calls a photo."""


def check_page(findings: Findings, root: Path, *, workers: int) -> str:
    """A page that shows what is wrong with labelled photos.

    Args:
        findings: of `check`.
        root: the folder that was checked; photos in it are called by the rest of their path.
        workers: threads that decode the thumbnails.
    """
    suspects = findings.suspects[:_SUSPECTS_SHOWN]
    groups = findings.copies[:_GROUPS_SHOWN]
    wanted = [suspect.ref for suspect in suspects] + [ref for group in groups for ref, _ in group.photos]
    pictures = thumbnails(wanted, workers=workers)
    top = os.path.abspath(root)

    def named(ref: PhotoRef) -> str:
        return os.path.relpath(ref.path, top) if ref.path.startswith(top + os.sep) else ref.path

    sure = sum(suspect.sure for suspect in findings.suspects)
    parts = [
        tiles(
            [
                (f"{findings.photos:,}", "photos"),
                (f"{findings.categories:,}", "categories"),
                (f"{sure:,}", "probably in the wrong category"),
                (f"{len(findings.copies):,}", "groups of copies"),
                (f"{len(findings.failed):,}", "cannot be read"),
            ]
        )
    ]
    if suspects:
        parts.append(_suspects(suspects, pictures, named, len(findings.suspects)))
    if groups:
        parts.append(_copies(groups, pictures, named, len(findings.copies)))
    parts += _categories(findings)
    if findings.failed:
        rows = [(named(failed.ref), failed.reason, failed.detail) for failed in findings.failed]
        parts.append(section("Cannot be read", table(("photo", "why", ""), rows)))
    if len(parts) == 1:
        parts.append(paragraph("Nothing was found."))
    return page(f"Check of {top}", parts)


def _suspects(suspects: Iterable[Suspect], pictures: Mapping[str, str], named: Named, count: int) -> str:
    figures = []
    for suspect in suspects:
        name = named(suspect.ref)
        caption = (
            f'<span class="wrong">{text(suspect.given)}</span> → <b>{text(suspect.looks)}</b> '
            f'{suspect.confidence:.0%}<br><span class="path">{text(name)}</span>'
        )
        about = f"{name}: in {suspect.given}, looks like {suspect.looks}"
        figures.append(photo(pictures.get(suspect.ref.path), about, caption))
    shown = f"The {len(figures)} most doubtful of {count} are shown." if count > len(figures) else ""
    return section(
        "Perhaps in the wrong category",
        paragraph(
            "Each photo was compared with all others. These look more like another category than the one they are in, "
            "the most doubtful first: given → looks like, with how sure that is. " + shown
        ),
        photos(figures),
    )


def _copies(groups: Iterable[Copies], pictures: Mapping[str, str], named: Named, count: int) -> str:
    parts = []
    for group in groups:
        how = "the same file" if group.how == "file" else "the same picture"
        parts.append(f"<h3>{how}{', in different categories' if group.torn else ''}</h3>")
        parts.append(
            photos(
                photo(
                    pictures.get(ref.path),
                    f"{named(ref)}: {said}",
                    f'<b>{text(said)}</b><br><span class="path">{text(named(ref))}</span>',
                )
                for ref, said in group.photos
            )
        )
    shown = f" {len(parts) // 2} of {count} groups are shown." if count > len(parts) // 2 else ""
    said = "Copies teach nothing, and flatter the figures if one is learned from and another checked with." + shown
    return section("Copies", paragraph(said), *parts)


def _categories(findings: Findings) -> Iterator[str]:
    if findings.alike:
        rows = [
            (
                f"{pair.first} and {pair.second}",
                f"{pair.confused} of {pair.photos}",
                f"{pair.confused / pair.photos:.0%}",
            )
            for pair in findings.alike
        ]
        yield section(
            "Hard to tell apart",
            paragraph("Merge them, or sort their photos again."),
            table(("categories", "look like the other", ""), rows),
        )
    if findings.small:
        rows = [(small.name, f"{small.photos}", "") for small in findings.small]
        yield section(
            "Few photos", paragraph("Ten make a start, fifty are better."), table(("category", "photos", ""), rows)
        )
