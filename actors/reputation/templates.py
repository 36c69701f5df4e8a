"""Reply templates mined from the stream: texts that differ only in addresses, numbers and ids are one template.

In the manner of Drain (He et al., 2017), cut down to one level: texts come folded to words (`model.readings`), and one joins
the template of its code and length that shares most words with it; words that differ become `<*>` too. Pure, and bounded in
every direction, for the texts are a stranger's: the template that was not seen for longest goes first.
"""

from collections import OrderedDict
from dataclasses import dataclass

from actors.model.readings import WILD

MOST_TEMPLATES = 2_000  # a mailing to all the world meets some hundred
MOST_ALIKE = 64  # templates of one code and length that a text is compared with; the rest are new ones
ALIKE = 0.6  # share of words that must be the same

Key = tuple[int, str, int]  # code, enhanced code, words


@dataclass(slots=True)
class Template:
    """What some texts have in common. `count`: how many there were; `number`: its name while the miner lives."""

    number: int
    code: int
    enhanced: str
    words: tuple[str, ...]
    count: int = 0

    @property
    def text(self) -> str:
        """The words with `<*>` where texts differ."""
        return " ".join(self.words)


class Templates:
    """The templates seen so far. `add` gives the one that a text belongs to."""

    def __init__(self, most: int = MOST_TEMPLATES):
        self._most = most
        self._seen: OrderedDict[int, Template] = OrderedDict()  # the longest unseen first
        self._groups: dict[Key, list[Template]] = {}
        self._next = 1

    def __len__(self) -> int:
        return len(self._seen)

    def add(self, code: int, enhanced: str, words: tuple[str, ...], times: int = 1) -> Template:
        """Counts a folded text with its template; makes one if none is alike."""
        group = self._groups.setdefault((code, enhanced, len(words)), [])
        template = _nearest(group, words)
        if template is None:
            template = self._new(group, code, enhanced, words)
        else:
            template.words = tuple(a if a == b else WILD for a, b in zip(template.words, words, strict=True))
        template.count += times
        self._seen.move_to_end(template.number)
        return template

    def _new(self, group: list[Template], code: int, enhanced: str, words: tuple[str, ...]) -> Template:
        template = Template(self._next, code, enhanced, words)
        self._next += 1
        if len(group) >= MOST_ALIKE:
            self._forget(min(group, key=lambda t: t.count))
        while len(self._seen) >= self._most:
            self._forget(next(iter(self._seen.values())))
        # The group may have been dropped with its last template.
        self._groups.setdefault((code, enhanced, len(words)), group).append(template)
        self._seen[template.number] = template
        return template

    def _forget(self, template: Template) -> None:
        key = (template.code, template.enhanced, len(template.words))
        del self._seen[template.number]
        self._groups[key].remove(template)
        if not self._groups[key]:
            del self._groups[key]


def _nearest(group: list[Template], words: tuple[str, ...]) -> Template | None:
    """The template that shares most words, at least the share that is asked; a `<*>` on either side is half a match."""
    best, found = ALIKE, None
    for template in group:
        score = sum(1.0 if a == b else 0.5 if WILD in (a, b) else 0.0 for a, b in zip(template.words, words, strict=True))
        share = score / len(words) if words else 1.0
        if share >= best and (found is None or share > best):
            best, found = share, template
    return found
