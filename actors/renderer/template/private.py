"""Where a template prints a private column without a mask: found on the syntax tree, before any row is rendered.

What an expression reveals is the set of private columns that its value is made of. Masks, keyed hashes, tests, comparisons and
lengths reveal nothing; all else reveals what its arguments reveal. Names are taken as a whole: what is ever set to one counts
wherever it is read. So a doubtful case is a problem, never a leak.
"""

from collections.abc import Iterable, Iterator, Mapping, Set

from jinja2 import nodes

from actors.model.errors import InvalidInput, Problem
from actors.renderer.functions import REGISTRY
from actors.renderer.template.syntax import Source
from actors.renderer.template.walking import find_all

Columns = frozenset[str]
NOTHING: Columns = frozenset()

# Functions whose result does not give the value back; of the masks the family counts, so that a new one is known here.
HIDING = frozenset(("sha256", "hmac_sha256", "encrypt_field", "uuid_for"))
# Only answers about the value: yes, no, how long, which bucket.
_ANSWERS = """
    ab_split between birthday_in char_count contains count ends_with in_list index_of is_email is_empty is_null is_tax_id_tw
    is_tw_id length luhn_ok random_int rank_pct sign starts_with wordcount
"""
ANSWERING = frozenset(_ANSWERS.split())
# Parameters that are looked at but not given back, by function; the others reveal themselves.
_CHOOSING: Mapping[str, frozenset[int]] = {
    "iif": frozenset((0,)),
    "switch": frozenset((0,)),
    "band": frozenset((0, 1)),
    "skip_recipient": frozenset((0,)),
    "require": frozenset((0,)),
    "null_if": frozenset((1,)),
    "pdf_attach": frozenset((1,)),
    "lookup": frozenset((0, 1, 2)),
    "lookup_rows": frozenset((0, 1, 2, 3)),
    "agg_rows": frozenset((0, 1, 2, 3)),
    "content": frozenset((0, 1)),
    "claim_code": frozenset((0, 1)),
}
_METHODS = "count endswith find index isalnum isalpha isdigit islower isnumeric isspace isupper rfind rindex startswith"
_ANSWERING_METHODS = frozenset(_METHODS.split())
_MAX_ROUNDS = 50  # a name that another is set from may be read before it; each round follows one more step


def private_problems(sources: Iterable[Source], private: Set[str]) -> list[Problem]:
    """One problem for each slot that prints a private column as it is."""
    if not private:
        return []
    flow = _Flow(frozenset(private))
    sources = list(sources)
    for _ in range(_MAX_ROUNDS):
        before = flow.size
        flow.printed.clear()
        for source in sources:
            flow.body(source.tree.body, source.name, None)
        if flow.size == before:
            break
    return [
        Problem(
            file,
            f"prints the private column {' and '.join(map(repr, sorted(columns)))} unmasked: use a mask_ function, or name it "
            "in content.allow_private",
            line,
        )
        for (file, line), columns in sorted(flow.printed.items())
    ]


def all_files(sources: Iterable[Source], files: Mapping[str, str]) -> list[Source]:
    """The sources, and every other file where one takes in a file by a name that only a row tells."""
    sources = list(sources)
    known = {source.name for source in sources}
    kinds = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)
    if all(isinstance(node.template, nodes.Const) for source in sources for node in find_all(source.tree, kinds)):  # type: ignore[attr-defined]
        return sources
    for name in files.keys() - known:
        try:
            sources.append(Source.read(name, files[name]))
        except InvalidInput:
            continue  # a row that takes it in fails
    return sources


class _Flow:
    """What every name may reveal, and what is printed where; both only grow."""

    def __init__(self, private: Columns):
        self._private = private
        self.names: dict[str, Columns] = {}
        self.printed: dict[tuple[str, int], Columns] = {}
        self._macros: set[str] = set()
        self._into_macros: Columns = NOTHING  # what calls hand to macros and callers, all together

    @property
    def size(self) -> int:
        """How much is known: the same after a round means that another would find nothing new."""
        return len(self._macros) + len(self._into_macros) + sum(map(len, self.names.values()))

    def body(self, body: Iterable[nodes.Node], file: str, kept: list[Columns] | None) -> None:
        """Statements. `kept` takes what they print where it goes into a name or a filter, None where it goes into the mail."""
        for node in body:
            self._statement(node, file, kept)

    def _statement(self, node: nodes.Node, file: str, kept: list[Columns] | None) -> None:
        if isinstance(node, nodes.Output):
            for part in node.nodes:
                self._print(self.of(part), part.lineno, file, kept)
        elif isinstance(node, nodes.Assign):
            self._set(node.target, self.of(node.node))
        elif isinstance(node, nodes.AssignBlock):
            inside: list[Columns] = []
            self.body(node.body, file, inside)
            found = _all(inside)
            self._set(node.target, self._filtered(node.filter, found) if node.filter else found)
        elif isinstance(node, nodes.FilterBlock):
            inside = []
            self.body(node.body, file, inside)
            self._print(self._filtered(node.filter, _all(inside)), node.lineno, file, kept)
        elif isinstance(node, nodes.For):
            found = self.of(node.iter) | (self._into_macros if node.recursive else NOTHING)
            self._set(node.target, found)
            self._add("loop", found)
            self._inner(node, file, kept)
        elif isinstance(node, nodes.With):
            for target, value in zip(node.targets, node.values, strict=True):
                self._set(target, self.of(value))
            self._inner(node, file, kept)
        elif isinstance(node, nodes.Macro | nodes.CallBlock):
            self._macro(node, file, kept)
        elif isinstance(node, nodes.FromImport):
            self._macros.update(name if isinstance(name, str) else name[1] for name in node.names)
        elif isinstance(node, nodes.Import):
            self._macros.add(node.target)
        else:
            if isinstance(node, nodes.ExprStmt):
                self.of(node.node)
            self._inner(node, file, kept)

    def _inner(self, node: nodes.Node, file: str, kept: list[Columns] | None) -> None:
        for field in ("body", "elif_", "else_"):
            self.body(getattr(node, field, None) or [], file, kept)
        for test in [getattr(node, "test", None)]:
            if test is not None:
                self.of(test)  # a call in it may hand something to a macro

    def _macro(self, node: nodes.Macro | nodes.CallBlock, file: str, kept: list[Columns] | None) -> None:
        """What its body prints counts there, whoever calls it."""
        if isinstance(node, nodes.Macro):
            self._macros.add(node.name)
        else:
            self._print(self.of(node.call), node.lineno, file, kept)
        for default in node.defaults:
            self._into_macros |= self.of(default)
        for name in [*(argument.name for argument in node.args), "varargs", "kwargs"]:
            self._add(name, self._into_macros)
        self.body(node.body, file, None)

    def _print(self, columns: Columns, line: int, file: str, kept: list[Columns] | None) -> None:
        if kept is not None:
            kept.append(columns)
        elif columns:
            self.printed[file, line] = self.printed.get((file, line), NOTHING) | columns

    def _set(self, target: nodes.Node, columns: Columns) -> None:
        for name in [target, *find_all(target, (nodes.Name, nodes.NSRef))]:
            if isinstance(name, nodes.Name | nodes.NSRef):
                self._add(name.name, columns)

    def _add(self, name: str, columns: Columns) -> None:
        if columns:
            self.names[name] = self.names.get(name, NOTHING) | columns

    def of(self, node: nodes.Node | None) -> Columns:
        """The private columns that the value of this expression reveals."""
        if node is None or isinstance(node, nodes.Const | nodes.TemplateData):
            return NOTHING
        if isinstance(node, nodes.Name):
            return self.names.get(node.name, NOTHING) | ({node.name} & self._private)
        if isinstance(node, nodes.Filter):
            return self._filtered(node, self.of(node.node))
        if isinstance(node, nodes.Call):
            return self._call(node)
        if isinstance(node, nodes.CondExpr):
            self.of(node.test)
            return self.of(node.expr1) | self.of(node.expr2)
        found = _all(self.of(child) for child in node.iter_child_nodes())
        return NOTHING if isinstance(node, nodes.Compare | nodes.Test | nodes.Not) else found

    def _call(self, node: nodes.Call) -> Columns:
        if isinstance(node.node, nodes.Name) and node.node.name in REGISTRY and node.node.name not in self._macros:
            return self._function(node.node.name, [*map(self.of, node.args)], node)
        given = _all(self.of(a) for a in [*node.args, *(pair.value for pair in node.kwargs), node.dyn_args, node.dyn_kwargs])
        if isinstance(node.node, nodes.Getattr) and node.node.attr in _ANSWERING_METHODS:
            return NOTHING
        self._into_macros |= given
        called = node.node.node if isinstance(node.node, nodes.Getattr) else node.node
        if isinstance(called, nodes.Name) and called.name in self._macros | {"caller", "super", "self"}:
            return self.names.get(called.name, NOTHING)  # what a macro prints counts where its body stands
        return given | self.of(node.node)

    def _filtered(self, node: nodes.Filter, value: Columns) -> Columns:
        if isinstance(node.node, nodes.Filter) and not _stands_on_something(node):
            value = self._filtered(node.node, value)  # {% filter a | b %}: b stands on a
        given = [value, *map(self.of, node.args)]
        if node.name in REGISTRY or node.name in ANSWERING:
            return self._function(node.name, given, node)
        return _all([*given, *(self.of(pair.value) for pair in node.kwargs), self.of(node.dyn_args), self.of(node.dyn_kwargs)])

    def _function(self, name: str, given: list[Columns], node: nodes.Filter | nodes.Call) -> Columns:
        named = {str(pair.key): self.of(pair.value) for pair in node.kwargs}
        star = self.of(node.dyn_args) | self.of(node.dyn_kwargs)
        if name in ANSWERING:
            return NOTHING
        function = REGISTRY[name]
        parameters = list(function.signature.parameters)
        if function.family == "Masks" or name in HIDING:
            hidden: Set[int] = {0} if function.family == "Masks" or name == "sha256" else set(range(len(parameters)))
        elif name == "ifs":
            hidden = set(range(0, len(given) - 1, 2))
        else:
            hidden = _CHOOSING.get(name, frozenset())
            if name == "switch":
                hidden = hidden | set(range(1, len(given) - 1, 2))
        shown = [columns for at, columns in enumerate(given) if at not in hidden]
        shown += [columns for key, columns in named.items() if key not in parameters or parameters.index(key) not in hidden]
        return _all([*shown, star])


def _stands_on_something(node: nodes.Filter) -> bool:
    inner: nodes.Node | None = node
    while isinstance(inner, nodes.Filter):
        inner = inner.node
    return inner is not None


def _all(found: Iterable[Columns] | Iterator[Columns]) -> Columns:
    return frozenset().union(*found)
