"""What a test may leave behind by mistake: threads, Qt threads, running Qt timers, top-level widgets; and where they began.

The starting places are recorded by wrapping `threading.Thread.start`, `QThread.start` and `QTimer.start`. Qt is watched from
the moment it is imported by somebody else; a test without Qt pays nothing for it.
"""

import gc
import sys
import threading
import time
import traceback
import weakref
from typing import Any

GRACE_SECONDS = 5.0  # A thread that was told to stop may need a moment on a busy machine.

_started: "weakref.WeakKeyDictionary[Any, str]" = weakref.WeakKeyDictionary()


def _place() -> str:
    frames = traceback.extract_stack()[:-2]
    ours = [f for f in frames if "site-packages" not in f.filename and "importlib" not in f.filename]
    return "".join(traceback.format_list(ours[-4:])).rstrip()


def _wrap(cls: Any) -> None:
    plain = cls.start

    def start(self: Any, *args: Any, **kwargs: Any) -> Any:
        _started[self] = _place()
        return plain(self, *args, **kwargs)

    start.watched = True  # type: ignore[attr-defined]
    cls.start = start


def watch_threads() -> None:
    """Record from now on where Python threads are started."""
    if not hasattr(threading.Thread.start, "watched"):
        _wrap(threading.Thread)


def _qt() -> Any:
    core = sys.modules.get("PySide6.QtCore")
    if core is not None and not hasattr(core.QThread.start, "watched"):
        _wrap(core.QThread)
        _wrap(core.QTimer)
    return core


def alive() -> set[Any]:
    """Everything of these kinds that is alive now (Qt objects by address, so that nothing is kept alive by looking)."""
    found: set[Any] = {id(thread) for thread in threading.enumerate()}
    if _qt() is not None:
        found |= {id(thing) for thing in _qt_things()}
        found |= {_address(widget) for widget in _top_levels()}
    return found


def _qt_things() -> list[Any]:
    import shiboken6
    from PySide6.QtCore import QThread, QTimer

    things = []
    for thing in list(_started):
        if isinstance(thing, (QThread, QTimer)) and shiboken6.isValid(thing):
            running = thing.isRunning() if isinstance(thing, QThread) else thing.isActive()
            if running:
                things.append(thing)
    return things


def _top_levels() -> list[Any]:
    widgets = sys.modules.get("PySide6.QtWidgets")
    if widgets is None or widgets.QApplication.instance() is None:
        return []
    return [widget for widget in widgets.QApplication.topLevelWidgets() if widget.parent() is None]


def _address(widget: Any) -> int:
    import shiboken6

    return int(shiboken6.getCppPointer(widget)[0])


def _delete_what_was_asked() -> None:
    core = _qt()
    if core is not None and core.QCoreApplication.instance() is not None:
        core.QCoreApplication.sendPostedEvents(None, core.QEvent.Type.DeferredDelete)


def left_since(before: set[Any]) -> list[str]:
    """What is alive now and was not `before`, a line each with the place where it was started; empty if all is well."""
    _delete_what_was_asked()
    if not _left(before):
        return []
    gc.collect()
    deadline = time.monotonic() + GRACE_SECONDS
    for thread in threading.enumerate():
        if id(thread) not in before and not isinstance(thread, threading._DummyThread):
            thread.join(max(0.0, deadline - time.monotonic()))
    if _qt() is not None:
        from PySide6.QtCore import QThread

        for thing in _qt_things():
            if isinstance(thing, QThread) and id(thing) not in before:
                thing.wait(int(1000 * max(0.0, deadline - time.monotonic())))
    _delete_what_was_asked()
    return _left(before)


def _left(before: set[Any]) -> list[str]:
    lines = [
        f"thread {thread.name}, started at\n{_started.get(thread, '  an unknown place')}"
        for thread in threading.enumerate()
        # A QThread that ran Python stays in this list as a dummy for good; the QThread itself is looked at below.
        if id(thread) not in before and not isinstance(thread, threading._DummyThread)
    ]
    if _qt() is not None:
        lines += [
            f"{type(thing).__name__} {thing.objectName()!r}, started at\n{_started[thing]}"
            for thing in _qt_things()
            if id(thing) not in before
        ]
        lines += [
            f"top-level {type(widget).__name__} {widget.objectName()!r} ({widget.windowTitle()!r}); give it to qtbot.addWidget"
            for widget in _top_levels()
            if _address(widget) not in before
        ]
    return lines
