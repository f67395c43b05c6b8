"""A photo's or sidecar's old and new bytes in; silence, or the check that failed, out.

Nothing is shared with the code that wrote but the record of the words: files are cut by a few lines of their own, EXIF
is read by piexif, XMP by lxml. What is proved: only the keyword fields differ, the image data is identical, the new
words read back.
"""

from phototag.metadata.proof.jpeg import prove_jpeg
from phototag.metadata.proof.png import prove_png
from phototag.metadata.proof.tiff import prove_tiff
from phototag.metadata.proof.webp import prove_webp
from phototag.metadata.proof.xmp import prove_xmp

__all__ = ["prove_jpeg", "prove_png", "prove_tiff", "prove_webp", "prove_xmp"]
