"""What one place of a template refers to and another defines: macros, imports, blocks, layouts and files taken in.

Each is compiled where it is referred to, by the home that the statements around it have, and only where it means there what
it means where it is defined; all else raises WholeByRow.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

from jinja2 import nodes

from actors.renderer.functions.limits import MAX_INCLUDES
from actors.renderer.template import acts
from actors.renderer.template.expressions import Expressions, RowByRow
from actors.renderer.template.frame import Act, Step
from actors.renderer.template.macros import (
    Macro,
    Namespace,
    WholeByRow,
    arguments,
    blocks_of,
    call_step,
    chain_of,
    stored_names,
)
from actors.renderer.template.metering import body_steps
from actors.renderer.template.syntax import Source
from actors.renderer.template.walking import find_all

_MACRO = -1  # the place of a macro among what is being compiled; blocks have theirs from the most derived one


class Home(Protocol):
    """Compiles the statements of what is referred to."""

    expressions: Expressions
    escape: bool

    def body(self, body: Sequence[nodes.Node], source: Source, top: bool = False) -> Act:
        """Statements in a row."""
        ...


class References:
    """The references of one plan. `includes` counts the files taken in."""

    def __init__(self, home: Home, sources: Mapping[str, Source]):
        self._home, self._sources, self._escape = home, sources, home.escape
        self._stored: frozenset[str] = frozenset()  # names that are set somewhere
        self._namespace = Namespace()
        self._blocks: dict[str, list[tuple[Source, nodes.Block]]] = {}
        self._around: list[tuple[str, int]] = []  # blocks and macros that are being compiled
        self._level = 0
        self.includes = 0

    def template(self, source: Source) -> Act:
        """The plan's own file."""
        self._stored = stored_names(file.tree for file in (source, *self._sources.values()))
        return self._file(source)

    def _file(self, source: Source) -> Act:
        """A file and the layouts that it extends."""
        chain = chain_of(source, self._sources)
        before, self._blocks = self._blocks, blocks_of(chain)
        try:
            return acts.each_living([self._top(file, extended=file is not chain[-1]) for file in chain])
        finally:
            self._blocks = before

    def _top(self, source: Source, extended: bool) -> Act:
        """The top level of a file; of one that extends another only what it sets, defines or writes before that."""
        body: list[nodes.Node] = []
        silent = False
        for node in source.tree.body:
            if isinstance(node, nodes.Extends):
                silent = True
            elif not silent or isinstance(
                node, nodes.Assign | nodes.AssignBlock | nodes.Macro | nodes.Import | nodes.FromImport
            ):
                body.append(node)
            elif not isinstance(node, nodes.Output | nodes.Block):
                raise WholeByRow(f"{type(node).__name__.lower()} beside the blocks at line {node.lineno}")
        return self._home.body(body, source, top=True)

    @property
    def _elsewhere(self) -> bool:
        """Whether texts are escaped otherwise here than where files begin."""
        return self._home.escape != self._escape

    @contextmanager
    def _compiling(self, name: str, at: int) -> Iterator[None]:
        self._around.append((name, at))
        try:
            yield
        finally:
            self._around.pop()

    # macros and imports

    def defines(self, node: nodes.Node, source: Source) -> bool:
        """Notes macros and imports of a file's top level; they run nothing by themselves."""
        if isinstance(node, nodes.Macro):
            self._macro(node, source, self._namespace)
        elif isinstance(node, nodes.Import) and not node.with_context:
            self._namespace.modules[node.target] = self._module(node)
            if node.target in self._stored:
                raise WholeByRow(f"{node.target} is set elsewhere")
        elif isinstance(node, nodes.FromImport) and not node.with_context:
            module = self._module(node)
            for name in node.names:
                mine, theirs = (name, name) if isinstance(name, str) else (name[1], name[0])
                if theirs not in module.macros or mine in self._stored or mine in self._namespace.macros:
                    raise WholeByRow(f"import of {theirs} at line {node.lineno}")
                self._namespace.macros[mine] = module.macros[theirs]
        else:
            return False
        return True

    def _macro(self, node: nodes.Macro, source: Source, namespace: Namespace) -> None:
        name = node.name
        if name in namespace.macros or name in self._stored or self._elsewhere:
            raise WholeByRow(f"macro {name} at line {node.lineno} is set more than once")
        if any(n.name in ("caller", "varargs", "kwargs") for n in find_all(node, nodes.Name)):
            raise WholeByRow(f"macro {name} at line {node.lineno} takes whatever it is given")
        namespace.macros[name] = Macro(node, source, namespace, self._level)

    def _module(self, node: nodes.Import | nodes.FromImport) -> Namespace:
        """The macros of an imported file."""
        target = node.template.value if isinstance(node.template, nodes.Const) else None
        source = self._sources.get(target) if isinstance(target, str) else None
        if source is None:
            raise WholeByRow(f"import of a file that only a row names, line {node.lineno}")
        namespace = Namespace(is_module=True)
        for inner in source.tree.body:
            if isinstance(inner, nodes.Macro):
                self._macro(inner, source, namespace)
            elif not isinstance(inner, nodes.Output) or not all(isinstance(p, nodes.TemplateData) for p in inner.nodes):
                raise WholeByRow(f"import of {target}, which does more than define macros")
        return namespace

    def call(self, node: nodes.Call) -> Step | None:
        """A call of a macro or of super(); None for all other calls."""
        if isinstance(node.node, nodes.Name) and node.node.name == "super" and self._around and self._around[-1][1] != _MACRO:
            return self._super(node)
        macro = self._namespace.find(node.node)
        if macro is None:
            return None
        if self._elsewhere or macro.level != self._level:
            raise WholeByRow(f"call of {macro.node.name} from elsewhere, line {node.lineno}")
        expressions = self._home.expressions
        given = {name: expressions.step(value) for name, value in arguments(macro, node)}
        self._compile(macro)
        return call_step(macro, given, expressions, self._home.escape)

    def _compile(self, macro: Macro) -> None:
        if macro.body is not None:
            return
        name = macro.source.name + macro.node.name
        if (name, _MACRO) in self._around:
            raise WholeByRow(f"macro {macro.node.name} at line {macro.node.lineno} calls itself")
        expressions = self._home.expressions
        namespace, self._namespace = self._namespace, macro.namespace
        try:
            with expressions.inside(loops=0, strict=True), self._compiling(name, _MACRO):
                first = len(macro.names) - len(macro.node.defaults)
                for parameter, default in zip(macro.names[first:], macro.node.defaults, strict=True):
                    macro.defaults[parameter] = expressions.step(default)
                macro.body = self._home.body(macro.node.body, macro.source)
        except RowByRow as why:
            raise WholeByRow(f"macro {macro.node.name}: {why.reason}") from None
        finally:
            self._namespace = namespace

    # blocks and files

    def block(self, name: str, scoped: bool, at: int = 0) -> Act:
        """The block of this name, `at` steps from the most derived one."""
        source, node = self._blocks[name][at]
        if (name, at) in self._around or self._elsewhere:
            raise WholeByRow(f"block {name} at line {node.lineno}")
        with self._home.expressions.inside(loops=None if scoped else 0), self._compiling(name, at):
            body = self._home.body(node.body, source)
        return acts.block(body, scoped, body_steps(node.body))

    def _super(self, node: nodes.Call) -> Step:
        name, at = self._around[-1]
        if node.args or node.kwargs or node.dyn_args or node.dyn_kwargs or at + 1 >= len(self._blocks[name]):
            raise WholeByRow(f"super() at line {node.lineno}")
        return acts.captured(self.block(name, self._blocks[name][at][1].scoped, at + 1), None, self._home.escape)

    def include(self, node: nodes.Include) -> Act | None:
        """A file taken in whole; None where it cannot be a column step."""
        target = node.template.value if isinstance(node.template, nodes.Const) else None
        inner = self._sources.get(target) if isinstance(target, str) else None
        if inner is None or not node.with_context or self.includes >= MAX_INCLUDES or self._elsewhere:
            return None
        if self._home.expressions.loops and any(name.name == "loop" for name in find_all(inner.tree, nodes.Name)):
            return None
        self.includes += 1
        namespace, around = self._namespace, self._around
        self._namespace, self._around = namespace.copy(), []
        self._level += 1
        try:
            return acts.file_taken_in(self._file(inner))
        finally:
            self._level -= 1
            self._namespace, self._around = namespace, around
