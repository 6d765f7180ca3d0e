"""Documentation of installed Python packages: one document a public symbol, read statically by griffe, never imported."""

import importlib.util
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from llmops_pipelines.corpus.document import Skipped, SourceDocument, SourceError, bytes_version, storable
from llmops_pipelines.storage.identity import value_hash

if TYPE_CHECKING:
    import griffe

# Test suites and vendored code are installed with a package and are not its documentation.
NOT_DOCUMENTATION = frozenset({"tests", "_vendor", "conftest"})
MAX_ALIASES = 20


@dataclass(frozen=True)
class PythonDocsSource:
    """The docstrings of `packages` as installed. `doc_id` is the shortest public name under which a symbol is offered."""

    packages: Sequence[str]

    def documents(self) -> Iterator[SourceDocument | Skipped]:
        for package in self.packages:
            yield from _package_documents(package, _load(package))

    def state(self) -> str:
        """File lists of the packages with sizes and times, so that an edit counts; and the version of what reads them."""
        return value_hash([version("griffe"), {package: _package_state(package) for package in self.packages}])


def _package_folder(package: str) -> Path:
    top = package.partition(".")[0]
    spec = importlib.util.find_spec(top)  # of a dotted name this imports the parent
    if spec is None or spec.origin is None:
        raise SourceError(
            f"package {package!r} is not installed in this environment: "
            f"run `pip install {top}` or take it out of the source's packages"
        )
    return Path(spec.origin).parent if spec.submodule_search_locations else Path(spec.origin)


def _package_state(package: str) -> list[list[object]]:
    folder = _package_folder(package)
    files = sorted(folder.rglob("*.py*")) if folder.is_dir() else [folder]
    stats = [(path, path.stat()) for path in files if path.suffix in (".py", ".pyi")]
    return [[path.relative_to(folder).as_posix(), stat.st_size, stat.st_mtime_ns] for path, stat in stats]


def _load(package: str) -> "griffe.Module":
    import griffe

    _package_folder(package)
    # griffe looks on sys.path by itself; inspection would import the package.
    loader = griffe.GriffeLoader(allow_inspection=False)
    found = loader.finder.submodules
    loader.finder.submodules = lambda module: [part for part in found(module) if not NOT_DOCUMENTATION & set(part[0])]
    try:
        module = loader.load(package, submodules=True)
    except (ImportError, KeyError, griffe.LoadingError) as error:
        raise SourceError(
            f"package {package!r} cannot be read: {error}. Take it out of the source's packages"
        ) from error
    loader.resolve_aliases(external=False, implicit=False)
    if not isinstance(module, griffe.Module):
        raise SourceError(f"{package!r} is not a package that griffe can read")
    return module


def _package_documents(package: str, root: "griffe.Module") -> Iterator[SourceDocument]:
    """One document a documented symbol, in the order of their names."""
    symbols: dict[str, tuple[griffe.Object, list[tuple[int, bool, str]]]] = {}
    for target, path, inherited in _public_symbols(root):
        if target.docstring and target.docstring.value.strip():
            _, names = symbols.setdefault(target.path, (target, []))
            names.append((path.count("."), inherited, path))
    for target, names in sorted(symbols.values(), key=lambda symbol: min(symbol[1])):
        first, *others = (path for _, _, path in sorted(names))
        assert target.docstring is not None
        text = storable(f"{first}\n\n{target.docstring.value}")
        yield SourceDocument(
            doc_id=first,
            version=bytes_version(text.encode()),
            title=first,
            text=text,
            bytes=len(text.encode()),
            collection=package,
            parent=target.module.path,
            kind=target.kind.value,
            aliases=tuple(others[:MAX_ALIASES]),
        )


def _public_symbols(root: "griffe.Module") -> Iterator[tuple["griffe.Object", str, bool]]:
    """(symbol, public path, whether inherited), breadth first. Members of a symbol are walked under its first path."""
    import griffe

    queue: deque[tuple[griffe.Object | griffe.Alias, str]] = deque([(root, root.path)])
    walked: set[str] = set()
    while queue:
        member, path = queue.popleft()
        try:
            target = member.final_target if isinstance(member, griffe.Alias) else member
        except (griffe.AliasResolutionError, griffe.CyclicAliasError):
            continue  # an import from another package or from compiled code: nothing to read
        if not (target.path == root.path or target.path.startswith(root.path + ".")):
            continue
        yield target, path, bool(getattr(member, "inherited", False))
        if target.path in walked or not (target.is_module or target.is_class):
            continue
        walked.add(target.path)
        members = target.all_members if target.is_class else target.members
        for name in sorted(members):
            if not name.startswith("_") and (target.is_class or _is_offered(target, members[name])):
                queue.append((members[name], f"{path}.{name}"))


def _is_offered(module: "griffe.Object", member: "griffe.Object | griffe.Alias") -> bool:
    """Whether `module` offers `member` to users: by `__all__`, by definition, or by import into a package without one."""
    reexported = module.is_init_module and module.exports is None and member.is_alias and ".core" not in module.path
    return bool(member.is_public or reexported)
