"""From the `use` of a configuration to a plugin's class, and the modules that come with it."""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import importlib.util
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

from madang.plugins.faults import text_of
from madang.plugins.plugin import Plugin
from madang.push import SHIPPED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

ENTRY_POINTS = "madang.plugins"
NOT_OURS = ("site-packages", "dist-packages")


class Unusable(Exception):
    """Why a plugin can't be used, for a person."""


def plugin_class(use: str, folder: Path | None = None) -> type[Plugin]:
    """The class that `module:Class`, `path.py:Class` or the name of an entry point stands for. The working folder is on the path, and
    `folder`, the configuration's, behind it."""
    for each in (folder, Path.cwd()):
        if each is not None and str(each) not in sys.path:
            sys.path.insert(0, str(each))
    try:
        found = imported(use, folder) if ":" in use else installed(use)
    except Unusable:
        raise
    except (Exception, SystemExit) as error:
        raise Unusable(
            f"{use} can't be imported: {where_it_failed(error)}{text_of(error)} (from {Path.cwd()} and the installed packages)"
        ) from error
    if not (isinstance(found, type) and issubclass(found, Plugin)):
        raise Unusable(f"{use} is no subclass of madang.Plugin (class {use.rpartition(':')[2]}(madang.Plugin): …)")
    return found


def where_it_failed(error: BaseException) -> str:
    """`file:line: ` of the innermost line that is neither Python's nor ours; empty = there is none."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}: "
    ours = str(Path(__file__).resolve().parents[1])
    trace, place = error.__traceback__, ""
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if not name.startswith(("<", ours, sysconfig.get_path("stdlib"))):
            place = f"{name}:{trace.tb_lineno}: "
        trace = trace.tb_next
    return place


def imported(use: str, folder: Path | None) -> object:
    module_name, _, class_name = use.rpartition(":")
    found: object = module_of_file(module_name, folder) if module_name.endswith(".py") else importlib.import_module(module_name)
    for part in class_name.split("."):
        found = getattr(found, part, None)
    if found is None:
        raise Unusable(f"{module_name} has no {class_name} (is it spelled so in the module?)")
    return found


def module_of_file(name: str, folder: Path | None) -> ModuleType:
    """By the path of its file; from the working folder, else from the configuration's. Its own folder is on the path, too."""
    candidates = [Path.cwd() / name, *([folder / name] if folder is not None else [])]
    path = next((each.resolve() for each in candidates if each.exists()), None)
    if path is None:
        raise Unusable(f"there is no file {candidates[0]}")
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    known = sys.modules.get(path.stem)
    if known is not None and getattr(known, "__file__", None) == str(path):
        return known
    module_name = path.stem if known is None else f"{path.stem}@{path.parent}"
    if module_name in sys.modules:
        return sys.modules[module_name]
    spec = importlib.util.spec_from_file_location(module_name, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[module_name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[module_name]
        raise
    return module


def installed(use: str) -> object:
    points = {point.name: point for point in importlib.metadata.entry_points(group=ENTRY_POINTS)}
    if use in SHIPPED and use not in points:
        return imported(SHIPPED[use], None)
    if use not in points:
        known = ", ".join(sorted({*points, *SHIPPED}))
        raise Unusable(f'no installed plugin is named "{use}" ("module:Class", "path.py:Class", or one of: {known})')
    return points[use].load()


# ---- new code ----------------------------------------------------------------------------------------------------------------------------


def modules_with(plugin: type[Plugin]) -> dict[str, ModuleType]:
    """The plugin's module and those that belong to it: the rest of its package, or what lies beside a module of its own. Only what is
    written in Python; never madang, the standard library or an installed package that isn't the plugin's own."""
    top = plugin.__module__.partition(".")[0]
    if top in ("madang", "__main__"):
        return {}
    own = sys.modules[plugin.__module__]
    belong = {name: module for name, module in list(sys.modules.items()) if name == top or name.startswith(f"{top}.")}
    file = getattr(own, "__file__", None)
    if file and not hasattr(sys.modules.get(top), "__path__") and not is_installed(Path(file)):
        belong |= dict(beside(Path(file).resolve().parent))
    return {name: module for name, module in belong.items() if str(getattr(module, "__file__", None)).endswith(".py")}


def beside(folder: Path) -> Iterator[tuple[str, ModuleType]]:
    """Modules of this folder, and packages in it."""
    for name, module in list(sys.modules.items()):
        top = name.partition(".")[0]
        file = getattr(module, "__file__", None)
        if not file or top in ("madang", "__main__") or is_installed(Path(file)):
            continue
        top_file = getattr(sys.modules.get(top), "__file__", None) or file
        home = Path(top_file).resolve().parent
        if folder in (home, home.parent if Path(top_file).name == "__init__.py" else home):
            yield name, module


def is_installed(file: Path) -> bool:
    return any(part in NOT_OURS for part in file.parts) or str(file).startswith(sysconfig.get_path("stdlib"))


@contextlib.contextmanager
def without_modules(old: dict[str, ModuleType]) -> Iterator[None]:
    """Within the block these modules are imported anew. When it raises, they are back as they were."""
    for name in old:
        sys.modules.pop(name, None)
    for module in old.values():
        forget_stale_bytecode(Path(str(module.__file__)))
    importlib.invalidate_caches()
    try:
        yield
    except BaseException:
        sys.modules.update(old)
        raise


def forget_stale_bytecode(source: Path) -> None:
    """Compiled code is known by the second and the size of its source: an edit within the second that it was compiled in goes unseen."""
    with contextlib.suppress(OSError, NotImplementedError):
        compiled = Path(importlib.util.cache_from_source(str(source)))
        if source.stat().st_mtime_ns > compiled.stat().st_mtime_ns - 10**7:
            compiled.unlink()


def forget_stale_bytecode_of(use: str, folder: Path | None) -> None:
    """Of what `use` may import in a process that has imported nothing yet."""
    module_name = use.rpartition(":")[0]
    for each in (folder, Path.cwd(), Path(module_name).resolve().parent if module_name.endswith(".py") else None):
        if each is not None and module_name:
            for source in (*each.glob("*.py"), *(each / module_name.partition(".")[0]).rglob("*.py")):
                forget_stale_bytecode(source)
