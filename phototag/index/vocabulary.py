"""What an index has looked up before and need not again. A record."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Vocabulary:
    """The numbers of words, and what they stand under: nobody ever takes a word out of an index.

    Attributes:
        words: the numbers of tags.
        broader: by model and word, what it said last that the word stands under.
    """

    words: dict[str, int] = field(default_factory=dict)
    broader: dict[int, dict[str, tuple[str, ...]]] = field(default_factory=dict)

    def clear(self) -> None:
        """Forget it, after a transaction that was taken back."""
        self.words.clear()
        self.broader.clear()
